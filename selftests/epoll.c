// SPDX-License-Identifier: GPL-2.0
/*
 * epoll and select() on every type of socket: level and edge triggered, once,
 * exclusive, and how many of those that wait one message wakes.
 */
#include <sys/epoll.h>
#include <sys/select.h>

#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_types.h"

FIXTURE(epoll)
{
	int family;
	int fd[2];
	int epoll;
};

FIXTURE_VARIANT(epoll)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(epoll);

FIXTURE_SETUP(epoll)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	self->epoll = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	ASSERT_EQ(0, socketpair(self->family, variant->type, 0, self->fd));
	self->epoll = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_LE(0, self->epoll);
}

FIXTURE_TEARDOWN(epoll)
{
	close_open(&self->epoll);
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

static void watch(struct __test_metadata *_metadata, int epoll, int fd,
		  uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}

/* The events that are there now; 0 when there are none. */
static uint32_t events_now(int epoll)
{
	struct epoll_event event;

	return epoll_wait(epoll, &event, 1, 0) == 1 ? event.events : 0;
}

static ssize_t send_one(int fd)
{
	return send(fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static ssize_t recv_one(int fd)
{
	char got;

	return recv(fd, &got, 1, MSG_DONTWAIT);
}

TEST_F(epoll, level_triggered_repeats_until_all_is_received)
{
	watch(_metadata, self->epoll, self->fd[1], EPOLLIN);
	EXPECT_EQ(0, events_now(self->epoll));
	ASSERT_EQ(1, send_one(self->fd[0]));
	ASSERT_EQ(1, send_one(self->fd[0]));
	EXPECT_EQ(EPOLLIN, events_now(self->epoll));
	EXPECT_EQ(EPOLLIN, events_now(self->epoll));
	ASSERT_EQ(1, recv_one(self->fd[1]));
	EXPECT_EQ(EPOLLIN, events_now(self->epoll));
	ASSERT_EQ(1, recv_one(self->fd[1]));
	EXPECT_EQ(0, events_now(self->epoll));
}

TEST_F(epoll, edge_triggered_tells_of_each_message_once)
{
	watch(_metadata, self->epoll, self->fd[1], EPOLLIN | EPOLLET);
	EXPECT_EQ(0, events_now(self->epoll));
	ASSERT_EQ(1, send_one(self->fd[0]));
	EXPECT_EQ(EPOLLIN, events_now(self->epoll));
	EXPECT_EQ(0, events_now(self->epoll));
	ASSERT_EQ(1, send_one(self->fd[0]));
	EXPECT_EQ(EPOLLIN, events_now(self->epoll));
	/* What is left of it is no news. */
	ASSERT_EQ(1, recv_one(self->fd[1]));
	EXPECT_EQ(0, events_now(self->epoll));
}

TEST_F(epoll, edge_triggered_tells_of_room)
{
	watch(_metadata, self->epoll, self->fd[0], EPOLLOUT | EPOLLET);
	EXPECT_EQ(EPOLLOUT, events_now(self->epoll));
	ASSERT_LT(0, fill_queue(self->fd[0], 512));
	EXPECT_EQ(0, events_now(self->epoll));
	ASSERT_LT(0, drain_queue(self->fd[1]));
	EXPECT_EQ(EPOLLOUT, events_now(self->epoll));
	EXPECT_EQ(0, events_now(self->epoll));
	EXPECT_EQ(1, send_one(self->fd[0]));
}

/* A reader that waits for room to send gets none by receiving. */
static void watch_for(struct __test_metadata *_metadata, int epoll, int fd,
		      uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event));
}

/* As event loops do: they ask for room when a send found none. */
TEST_F(epoll, who_asks_for_room_later_is_told_of_it)
{
	watch(_metadata, self->epoll, self->fd[0], EPOLLIN);
	ASSERT_LT(0, fill_queue(self->fd[0], 512));
	watch_for(_metadata, self->epoll, self->fd[0], EPOLLIN | EPOLLOUT);
	EXPECT_EQ(0, events_now(self->epoll));
	ASSERT_LT(0, drain_queue(self->fd[1]));
	EXPECT_EQ(EPOLLOUT, events_now(self->epoll));
}

TEST_F(epoll, who_asks_for_data_later_is_told_of_it)
{
	ASSERT_LT(0, fill_queue(self->fd[1], 512));
	watch(_metadata, self->epoll, self->fd[1], EPOLLOUT);
	watch_for(_metadata, self->epoll, self->fd[1], EPOLLIN);
	EXPECT_EQ(0, events_now(self->epoll));
	ASSERT_EQ(1, send_one(self->fd[0]));
	EXPECT_EQ(EPOLLIN, events_now(self->epoll));
}

TEST_F(epoll, receiving_is_no_room_for_the_receiver)
{
	ASSERT_LT(0, fill_queue(self->fd[1], 512));
	ASSERT_EQ(1, send_one(self->fd[0]));
	watch(_metadata, self->epoll, self->fd[1], EPOLLOUT);
	EXPECT_EQ(0, events_now(self->epoll));
	ASSERT_EQ(1, recv_one(self->fd[1]));
	EXPECT_EQ(0, events_now(self->epoll));
}

TEST_F(epoll, edge_triggered_on_added_data_tells_at_once)
{
	ASSERT_EQ(1, send_one(self->fd[0]));
	watch(_metadata, self->epoll, self->fd[1], EPOLLIN | EPOLLET);
	EXPECT_EQ(EPOLLIN, events_now(self->epoll));
	EXPECT_EQ(0, events_now(self->epoll));
}

TEST_F(epoll, one_shot_tells_once_until_it_is_armed_again)
{
	struct epoll_event again = { .events = EPOLLIN | EPOLLONESHOT };

	watch(_metadata, self->epoll, self->fd[1], EPOLLIN | EPOLLONESHOT);
	ASSERT_EQ(1, send_one(self->fd[0]));
	EXPECT_EQ(EPOLLIN, events_now(self->epoll));
	ASSERT_EQ(1, send_one(self->fd[0]));
	EXPECT_EQ(0, events_now(self->epoll));
	ASSERT_EQ(0, epoll_ctl(self->epoll, EPOLL_CTL_MOD, self->fd[1],
			       &again));
	EXPECT_EQ(EPOLLIN, events_now(self->epoll));
	EXPECT_EQ(0, events_now(self->epoll));
}

TEST_F(epoll, an_epoll_that_watches_an_epoll_is_told)
{
	int outer = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_LE(0, outer);
	watch(_metadata, self->epoll, self->fd[1], EPOLLIN);
	watch(_metadata, outer, self->epoll, EPOLLIN | EPOLLET);
	EXPECT_EQ(0, events_now(outer));
	ASSERT_EQ(1, send_one(self->fd[0]));
	EXPECT_EQ(EPOLLIN, events_now(outer));
	EXPECT_EQ(0, events_now(outer));
	EXPECT_EQ(EPOLLIN, events_now(self->epoll));
	close(outer);
}

/* Shutting one direction tells the peer, but of datagrams only oneself. */
TEST_F(epoll, wr_of_the_peer_is_rdhup_where_a_connection_ends)
{
	uint32_t end = EPOLLIN | EPOLLRDHUP;

	watch(_metadata, self->epoll, self->fd[1], end | EPOLLET);
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(type_ends(variant->type) ? end : 0, events_now(self->epoll));
	EXPECT_EQ(0, events_now(self->epoll));
	ASSERT_EQ(0, shutdown(self->fd[1], SHUT_RD));
	EXPECT_EQ(end, events_now(self->epoll));
}

/* Not asked for: it does not come. */
TEST_F(epoll, rdhup_comes_only_on_demand)
{
	watch(_metadata, self->epoll, self->fd[1], EPOLLIN);
	ASSERT_EQ(0, shutdown(self->fd[1], SHUT_RD));
	EXPECT_EQ(EPOLLIN, events_now(self->epoll));
}

TEST_F(epoll, close_of_the_peer_hangs_up_where_a_connection_ends)
{
	uint32_t end = EPOLLIN | EPOLLRDHUP | EPOLLHUP;

	/* EPOLLHUP and EPOLLERR come without being asked for. */
	watch(_metadata, self->epoll, self->fd[1], EPOLLIN | EPOLLRDHUP);
	close_open(&self->fd[0]);
	EXPECT_EQ(type_ends(variant->type) ? end : 0, events_now(self->epoll));
}

TEST_F(epoll, both_directions_shut_hang_up)
{
	watch(_metadata, self->epoll, self->fd[0], 0);
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_RDWR));
	EXPECT_EQ(EPOLLHUP, events_now(self->epoll));
}

/* @n children wait for @events in an epoll of their own; each tells once. */
static void exclusive_waiters(struct __test_metadata *_metadata, int fd,
			      uint32_t events, int report, pid_t *child, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		child[i] = fork_child(_metadata);
		if (!child[i]) {
			int epoll = epoll_create1(EPOLL_CLOEXEC);
			struct epoll_event event;

			watch(_metadata, epoll, fd, events | EPOLLEXCLUSIVE);
			if (epoll_wait(epoll, &event, 1, WAIT_MS) != 1)
				_exit(1);
			_exit(!tell(report));
		}
		ASSERT_TRUE(wait_blocked(child[i]));
	}
}

TEST_F(epoll, exclusive_one_message_wakes_one)
{
	pid_t child[3];
	int report[2], i;

	ASSERT_EQ(0, pipe(report));
	exclusive_waiters(_metadata, self->fd[1], EPOLLIN, report[1], child,
			  3);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(1, send_one(self->fd[0]));
		ASSERT_TRUE(await(report[0]));
		/* The others sleep on, though the message is still there. */
		EXPECT_EQ(0, poll_one(report[0], POLLIN, 100));
	}
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, wait_exit(child[i]));
}

TEST_F(epoll, exclusive_shutdown_wakes_all)
{
	pid_t child[3];
	int report[2], i;

	ASSERT_EQ(0, pipe(report));
	exclusive_waiters(_metadata, self->fd[1], EPOLLIN, report[1], child,
			  3);
	ASSERT_EQ(0, shutdown(self->fd[1], SHUT_RD));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, wait_exit(child[i]));
}

/* How often the process went to sleep; -1 if it is gone. */
static long sleeps(pid_t pid)
{
	char path[64], line[128];
	long count = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "voluntary_ctxt_switches: %ld", &count) == 1)
			break;
	if (file)
		fclose(file);
	return count;
}

/*
 * One message for three that wait in recv(): the one that gets it ends, and
 * the others were not even woken, which shows in how often they fell asleep.
 * Except for streams of AF_UNIX: all of those wake, and two in vain.
 */
TEST_F(epoll, one_message_wakes_one_waiting_reader)
{
	bool herd = !variant->qsock && variant->type == SOCK_STREAM;
	long before[3], deadline = now_ms() + WAIT_MS;
	int done = -1, woken, i, status;
	pid_t child[3], first;

	for (i = 0; i < 3; i++) {
		child[i] = fork_child(_metadata);
		if (!child[i]) {
			char got;

			_exit(recv(self->fd[1], &got, 1, 0) != 1);
		}
		ASSERT_TRUE(wait_blocked(child[i]));
	}
	for (i = 0; i < 3; i++)
		before[i] = sleeps(child[i]);
	ASSERT_EQ(1, send_one(self->fd[0]));
	first = wait(&status);
	EXPECT_EQ(0, status);
	do {
		pause_ms(100);
		for (i = 0, woken = 0; i < 3; i++) {
			if (child[i] == first)
				done = i;
			else
				woken += sleeps(child[i]) != before[i];
		}
	} while (herd && woken < 2 && now_ms() < deadline);
	ASSERT_LE(0, done);
	EXPECT_EQ(herd ? 2 : 0, woken);
	ASSERT_EQ(1, send_one(self->fd[0]));
	ASSERT_EQ(1, send_one(self->fd[0]));
	for (i = 0; i < 3; i++)
		if (i != done)
			EXPECT_EQ(0, wait_exit(child[i]));
}

/* Bits: may read, may write, has an exception. */
static int select_now(int fd)
{
	struct timeval none = {};
	fd_set in, out, except;

	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&except);
	FD_SET(fd, &in);
	FD_SET(fd, &out);
	FD_SET(fd, &except);
	if (select(fd + 1, &in, &out, &except, &none) < 0)
		return -1;
	return (FD_ISSET(fd, &in) ? 1 : 0) + (FD_ISSET(fd, &out) ? 2 : 0) +
	       (FD_ISSET(fd, &except) ? 4 : 0);
}

TEST_F(epoll, select_tells_the_same)
{
	EXPECT_EQ(2, select_now(self->fd[1]));
	ASSERT_EQ(1, send_one(self->fd[0]));
	EXPECT_EQ(3, select_now(self->fd[1]));
	ASSERT_EQ(1, recv_one(self->fd[1]));
	ASSERT_LT(0, fill_queue(self->fd[1], 512));
	EXPECT_EQ(0, select_now(self->fd[1]));
	ASSERT_EQ(0, shutdown(self->fd[1], SHUT_RD));
	EXPECT_EQ(1, select_now(self->fd[1]));
}

TEST_HARNESS_MAIN
