// SPDX-License-Identifier: GPL-2.0
/*
 * poll() and epoll: what wakes a process that waits, how often, and how many
 * of them.
 */
#include <sys/epoll.h>

#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_test.h"

FIXTURE(stream_poll_wake)
{
	int family;
	int fd[2];
	int epoll;
};

FIXTURE_VARIANT(stream_poll_wake)
{
	bool qsock;
};

FAMILY_VARIANTS(stream_poll_wake);

FIXTURE_SETUP(stream_poll_wake)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	self->epoll = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	ASSERT_EQ(0, socketpair(self->family, SOCK_STREAM, 0, self->fd));
	self->epoll = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_LE(0, self->epoll);
}

FIXTURE_TEARDOWN(stream_poll_wake)
{
	close_open(&self->epoll);
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

/* A child that waits for @events; it exits with 0 when they came. */
static pid_t blocked_poller(struct __test_metadata *_metadata, int fd,
			    short events)
{
	pid_t child = fork_child(_metadata);

	if (!child)
		_exit((poll_one(fd, events, WAIT_MS) & events) != events);
	ASSERT_TRUE(wait_blocked(child));
	return child;
}

TEST_F(stream_poll_wake, bytes_wake_a_reader)
{
	pid_t child = blocked_poller(_metadata, self->fd[1], POLLIN);

	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_EQ(0, wait_exit(child));
}

TEST_F(stream_poll_wake, room_wakes_a_writer)
{
	pid_t child;

	ASSERT_LT(0, fill_queue(self->fd[0], 512));
	child = blocked_poller(_metadata, self->fd[0], POLLOUT);
	drain_queue(self->fd[1]);
	EXPECT_EQ(0, wait_exit(child));
}

TEST_F(stream_poll_wake, a_connection_wakes_an_acceptor)
{
	struct test_addr addr = nul_addr(self->family, "listener");
	int listener = stream_listen(_metadata, &addr, 1), client;
	pid_t child = blocked_poller(_metadata, listener, POLLIN);

	client = stream_connect(_metadata, &addr);
	EXPECT_EQ(0, wait_exit(child));
	close(client);
	close(listener);
}

TEST_F(stream_poll_wake, wr_wakes_one_that_waits_for_rdhup)
{
	pid_t child = blocked_poller(_metadata, self->fd[1], POLLRDHUP);

	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(0, wait_exit(child));
}

TEST_F(stream_poll_wake, close_wakes_one_that_waits_for_nothing_else)
{
	pid_t child = fork_child(_metadata);

	if (!child) {
		close(self->fd[0]);
		_exit(poll_one(self->fd[1], 0, WAIT_MS) != POLLHUP);
	}
	ASSERT_TRUE(wait_blocked(child));
	close_open(&self->fd[0]);
	EXPECT_EQ(0, wait_exit(child));
}

TEST_F(stream_poll_wake, a_reset_wakes_with_an_error)
{
	pid_t child;

	ASSERT_EQ(1, send(self->fd[1], "x", 1, 0));
	child = fork_child(_metadata);
	if (!child) {
		close(self->fd[0]);
		_exit(!(poll_one(self->fd[1], 0, WAIT_MS) & POLLERR));
	}
	ASSERT_TRUE(wait_blocked(child));
	close_open(&self->fd[0]);
	EXPECT_EQ(0, wait_exit(child));
}

static void epoll_watch(struct __test_metadata *_metadata, int epoll, int fd,
			uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}

/* The events that are there now; 0 when there are none. */
static uint32_t epoll_now(int epoll)
{
	struct epoll_event event;

	return epoll_wait(epoll, &event, 1, 0) == 1 ? event.events : 0;
}

TEST_F(stream_poll_wake, level_triggered_epoll_repeats)
{
	char got;

	epoll_watch(_metadata, self->epoll, self->fd[1], EPOLLIN);
	EXPECT_EQ(0, epoll_now(self->epoll));
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_EQ(EPOLLIN, epoll_now(self->epoll));
	EXPECT_EQ(EPOLLIN, epoll_now(self->epoll));
	ASSERT_EQ(1, recv(self->fd[1], &got, 1, 0));
	EXPECT_EQ(0, epoll_now(self->epoll));
}

TEST_F(stream_poll_wake, edge_triggered_epoll_tells_of_each_send_once)
{
	epoll_watch(_metadata, self->epoll, self->fd[1], EPOLLIN | EPOLLET);
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_EQ(EPOLLIN, epoll_now(self->epoll));
	EXPECT_EQ(0, epoll_now(self->epoll));
	/* The first byte is still there: the second is news all the same. */
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_EQ(EPOLLIN, epoll_now(self->epoll));
	EXPECT_EQ(0, epoll_now(self->epoll));
}

TEST_F(stream_poll_wake, edge_triggered_epoll_tells_of_room)
{
	epoll_watch(_metadata, self->epoll, self->fd[0], EPOLLOUT | EPOLLET);
	EXPECT_EQ(EPOLLOUT, epoll_now(self->epoll));
	EXPECT_EQ(0, epoll_now(self->epoll));
	ASSERT_LT(0, fill_queue(self->fd[0], 512));
	EXPECT_EQ(0, epoll_now(self->epoll));
	drain_queue(self->fd[1]);
	EXPECT_EQ(EPOLLOUT, epoll_now(self->epoll));
	EXPECT_EQ(0, epoll_now(self->epoll));
}

TEST_F(stream_poll_wake, edge_triggered_epoll_tells_of_the_end)
{
	uint32_t events = EPOLLIN | EPOLLRDHUP | EPOLLET;

	epoll_watch(_metadata, self->epoll, self->fd[1], events);
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(EPOLLIN | EPOLLRDHUP, epoll_now(self->epoll));
	EXPECT_EQ(0, epoll_now(self->epoll));
	close_open(&self->fd[0]);
	EXPECT_EQ(EPOLLIN | EPOLLRDHUP | EPOLLHUP, epoll_now(self->epoll));
}

TEST_F(stream_poll_wake, a_reader_is_no_news_for_the_peer_that_reads)
{
	char got;

	/* Reading a byte or two frees no writer that waits for room. */
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	epoll_watch(_metadata, self->epoll, self->fd[0], EPOLLIN | EPOLLET);
	EXPECT_EQ(0, epoll_now(self->epoll));
	ASSERT_EQ(1, recv(self->fd[1], &got, 1, 0));
	EXPECT_EQ(0, epoll_now(self->epoll));
}

TEST_F(stream_poll_wake, one_message_wakes_one_of_two_exclusive_waiters)
{
	struct epoll_event event;
	int report[2], i;
	pid_t child[2];

	ASSERT_EQ(0, pipe(report));
	for (i = 0; i < 2; i++) {
		child[i] = fork_child(_metadata);
		if (!child[i]) {
			int epoll = epoll_create1(0);

			epoll_watch(_metadata, epoll, self->fd[1],
				    EPOLLIN | EPOLLEXCLUSIVE);
			if (epoll_wait(epoll, &event, 1, WAIT_MS) != 1)
				_exit(1);
			_exit(!tell(report[1]));
		}
		ASSERT_TRUE(wait_blocked(child[i]));
	}
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	ASSERT_TRUE(await(report[0]));
	/* The other sleeps on, though the byte is still there. */
	EXPECT_EQ(0, poll_one(report[0], POLLIN, 100));
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_EQ(0, wait_exit(child[0]));
	EXPECT_EQ(0, wait_exit(child[1]));
}

TEST_F(stream_poll_wake, one_message_wakes_all_that_are_not_exclusive)
{
	pid_t child[3];
	int i;

	for (i = 0; i < 3; i++)
		child[i] = blocked_poller(_metadata, self->fd[1], POLLIN);
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, wait_exit(child[i]));
}

TEST_HARNESS_MAIN
