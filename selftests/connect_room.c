// SPDX-License-Identifier: GPL-2.0
/*
 * connect() to a listener whose backlog is full: how many fit, who waits and
 * for how long, and how one that must not wait learns that there is room.
 */
#include <sys/epoll.h>

#include "qsock_proc.h"
#include "qsock_types.h"

#define UNCONNECTED	(POLLOUT | POLLHUP)

FIXTURE(connect_room)
{
	int family;
	int listener;	/* it has room for one, which is taken */
	int pending;
	int sk;		/* non-blocking, and was told EAGAIN */
	struct test_addr addr;
};

FIXTURE_VARIANT(connect_room)
{
	bool qsock;
	int type;
};

CONNECTION_TYPE_VARIANTS(connect_room);

static int try_connect(int fd, const struct test_addr *addr)
{
	return connect(fd, &addr->sa, addr->len) ? errno : 0;
}

FIXTURE_SETUP(connect_room)
{
	self->listener = -1;
	self->pending = -1;
	self->sk = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	self->addr = nul_addr(self->family, "listener");
	self->listener = typed_listen(_metadata, variant->type, &self->addr,
				      0);
	self->pending = typed_connect(_metadata, variant->type, &self->addr);
	self->sk = typed_socket(_metadata, self->family,
				variant->type | SOCK_NONBLOCK);
	ASSERT_EQ(EAGAIN, try_connect(self->sk, &self->addr));
}

FIXTURE_TEARDOWN(connect_room)
{
	close_open(&self->sk);
	close_open(&self->pending);
	close_open(&self->listener);
}

/* A child that connects and waits for it; it exits with the errno. */
static pid_t blocked_connect(struct __test_metadata *_metadata, int type,
			     const struct test_addr *addr)
{
	pid_t child = fork_child(_metadata);

	if (!child) {
		let_sigusr1_interrupt();
		_exit(try_connect(socket(addr->sa.sa_family, type, 0), addr));
	}
	ASSERT_TRUE(wait_blocked(child));
	return child;
}

TEST_F(connect_room, backlog_and_one_fit)
{
	static const int backlog[] = { 0, 1, 5 };
	struct test_addr addr = nul_addr(self->family, "sized");
	size_t i;
	int n;

	for (i = 0; i < ARRAY_LEN(backlog); i++) {
		int listener = typed_listen(_metadata, variant->type, &addr,
					    backlog[i]);
		int client[8];

		for (n = 0; n < backlog[i] + 1; n++)
			client[n] = typed_connect(_metadata, variant->type,
						  &addr);
		EXPECT_EQ(EAGAIN, try_connect(self->sk, &addr));
		/* A client that leaves makes no room: it waits still. */
		close(client[0]);
		EXPECT_EQ(EAGAIN, try_connect(self->sk, &addr));
		while (--n)
			close(client[n]);
		close(listener);
	}
}

/* AF_UNIX: unconnected, hence writable, and a loop around connect spins. */
TEST_F(connect_room, poll_is_silent_until_there_is_room)
{
	int server;

	EXPECT_EQ(variant->qsock ? 0 : UNCONNECTED,
		  poll_one(self->sk, POLLIN | POLLOUT, 0));
	EXPECT_EQ(EAGAIN, try_connect(self->sk, &self->addr));
	EXPECT_EQ(variant->qsock ? 0 : UNCONNECTED,
		  poll_one(self->sk, POLLIN | POLLOUT, 0));
	server = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, server);
	EXPECT_EQ(POLLOUT, poll_one(self->sk, POLLIN | POLLOUT, 0) & POLLOUT);
	EXPECT_EQ(0, try_connect(self->sk, &self->addr));
	EXPECT_EQ(POLLOUT, poll_one(self->sk, POLLIN | POLLOUT, 0));
	close(server);
}

TEST_F(connect_room, epoll_tells_of_room_once)
{
	struct epoll_event event = { .events = EPOLLOUT | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC), server;

	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->sk, &event));
	EXPECT_EQ(variant->qsock ? 0 : 1, epoll_wait(epoll, &event, 1, 0));
	server = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, server);
	/* AF_UNIX has no word for it. */
	EXPECT_EQ(variant->qsock ? 1 : 0, epoll_wait(epoll, &event, 1, 0));
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	EXPECT_EQ(0, try_connect(self->sk, &self->addr));
	close(server);
	close(epoll);
}

/* Poll, connect, and again until it worked: as an event loop does. */
static int connect_by_poll(int fd, const struct test_addr *addr)
{
	int error;

	do {
		error = try_connect(fd, addr);
	} while (error == EAGAIN &&
		 poll_one(fd, POLLOUT, WAIT_MS) & POLLOUT);
	return error;
}

TEST_F(connect_room, each_that_polls_gets_its_turn)
{
	pid_t child[3];
	int i;

	for (i = 0; i < 3; i++) {
		child[i] = fork_child(_metadata);
		if (!child[i]) {
			int fd = socket(self->family,
					variant->type | SOCK_NONBLOCK, 0);

			_exit(connect_by_poll(fd, &self->addr));
		}
		/* AF_UNIX's spin: nothing to wait for. */
		if (variant->qsock)
			ASSERT_TRUE(wait_blocked(child[i]));
	}
	/* The one that waits since the beginning, and the three. */
	for (i = 0; i < 4; i++)
		EXPECT_LE(0, accept(self->listener, NULL, NULL));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, wait_exit(child[i]));
}

/* Where nobody will accept any more there is nothing to wait for. */
TEST_F(connect_room, poll_tells_that_the_listener_is_gone)
{
	close_open(&self->listener);
	EXPECT_EQ(POLLOUT, poll_one(self->sk, POLLOUT, 0) & POLLOUT);
	EXPECT_EQ(ECONNREFUSED, try_connect(self->sk, &self->addr));
}

TEST_F(connect_room, poll_tells_that_the_listener_was_shut)
{
	ASSERT_EQ(0, shutdown(self->listener, SHUT_RD));
	EXPECT_EQ(POLLOUT, poll_one(self->sk, POLLOUT, 0) & POLLOUT);
	EXPECT_EQ(ECONNREFUSED, try_connect(self->sk, &self->addr));
}

TEST_F(connect_room, a_larger_backlog_is_room)
{
	ASSERT_EQ(0, listen(self->listener, 1));
	EXPECT_EQ(POLLOUT, poll_one(self->sk, POLLOUT, 0) & POLLOUT);
	EXPECT_EQ(0, try_connect(self->sk, &self->addr));
}

/* It waits for one listener; another may take it meanwhile. */
TEST_F(connect_room, another_listener_may_take_it)
{
	struct test_addr addr = nul_addr(self->family, "other");
	int other = typed_listen(_metadata, variant->type, &addr, 1), server;

	EXPECT_EQ(0, try_connect(self->sk, &addr));
	EXPECT_EQ(POLLOUT, poll_one(self->sk, POLLIN | POLLOUT, 0));
	server = accept(other, NULL, NULL);
	ASSERT_LE(0, server);
	EXPECT_EQ(1, send(server, "x", 1, 0));
	EXPECT_EQ(POLLIN | POLLOUT, poll_one(self->sk, POLLIN | POLLOUT, 0));
	/* The first one's room is for somebody else. */
	close(accept(self->listener, NULL, NULL));
	EXPECT_EQ(EISCONN, try_connect(self->sk, &self->addr));
	close(server);
	close(other);
}

TEST_F(connect_room, one_that_waits_may_listen_instead)
{
	struct test_addr addr = nul_addr(self->family, "self");

	ASSERT_EQ(0, bind(self->sk, &addr.sa, addr.len));
	ASSERT_EQ(0, listen(self->sk, 1));
	EXPECT_EQ(0, poll_one(self->sk, POLLIN | POLLOUT, 0));
	close(accept(self->listener, NULL, NULL));
	EXPECT_EQ(0, poll_one(self->sk, POLLIN | POLLOUT, 0));
}

TEST_F(connect_room, one_that_waits_may_go)
{
	close_open(&self->sk);
	close(accept(self->listener, NULL, NULL));
	close(typed_connect(_metadata, variant->type, &self->addr));
}

TEST_F(connect_room, accept_wakes_one_that_waits)
{
	pid_t child = blocked_connect(_metadata, variant->type, &self->addr);
	int server = accept(self->listener, NULL, NULL);

	ASSERT_LE(0, server);
	EXPECT_EQ(0, wait_exit(child));
	close(server);
}

TEST_F(connect_room, a_larger_backlog_wakes_those_that_wait)
{
	pid_t child[2];
	int i;

	for (i = 0; i < 2; i++)
		child[i] = blocked_connect(_metadata, variant->type,
					   &self->addr);
	ASSERT_EQ(0, listen(self->listener, 2));
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, wait_exit(child[i]));
}

TEST_F(connect_room, close_of_the_listener_wakes_all_with_econnrefused)
{
	pid_t child[2];
	int i;

	for (i = 0; i < 2; i++) {
		child[i] = fork_child(_metadata);
		if (!child[i]) {
			close(self->listener);
			_exit(try_connect(socket(self->family, variant->type,
						 0), &self->addr));
		}
		ASSERT_TRUE(wait_blocked(child[i]));
	}
	close_open(&self->listener);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(ECONNREFUSED, wait_exit(child[i]));
}

TEST_F(connect_room, sndtimeo_ends_the_waiting_with_eagain)
{
	int fd = typed_socket(_metadata, self->family, variant->type);
	long start = now_ms();

	ASSERT_EQ(0, set_timeout_ms(fd, SO_SNDTIMEO, 100));
	EXPECT_EQ(EAGAIN, try_connect(fd, &self->addr));
	/* The kernel counts in ticks, of which the first may be short. */
	EXPECT_LE(90, now_ms() - start);
	/* It is as it was, and may try again. */
	close(accept(self->listener, NULL, NULL));
	EXPECT_EQ(0, try_connect(fd, &self->addr));
	close(fd);
}

TEST_F(connect_room, rcvtimeo_has_no_part_in_it)
{
	pid_t child = fork_child(_metadata);

	if (!child) {
		int fd = socket(self->family, variant->type, 0);

		set_timeout_ms(fd, SO_RCVTIMEO, 1);
		_exit(try_connect(fd, &self->addr));
	}
	ASSERT_TRUE(wait_blocked(child));
	close(accept(self->listener, NULL, NULL));
	EXPECT_EQ(0, wait_exit(child));
}

TEST_F(connect_room, a_signal_ends_the_waiting_with_eintr)
{
	pid_t child = blocked_connect(_metadata, variant->type, &self->addr);

	kill(child, SIGUSR1);
	EXPECT_EQ(EINTR, wait_exit(child));
}

/* One place, two that wait: each accept lets one of them in. */
TEST_F(connect_room, one_accept_wakes_one_that_waits)
{
	int report[2], i;
	pid_t child[2];

	ASSERT_EQ(0, pipe(report));
	for (i = 0; i < 2; i++) {
		child[i] = fork_child(_metadata);
		if (!child[i]) {
			int fd = socket(self->family, variant->type, 0);

			if (try_connect(fd, &self->addr))
				_exit(errno);
			_exit(!tell(report[1]));
		}
		ASSERT_TRUE(wait_blocked(child[i]));
	}
	for (i = 0; i < 2; i++) {
		EXPECT_LE(0, accept(self->listener, NULL, NULL));
		ASSERT_TRUE(await(report[0]));
		EXPECT_EQ(0, poll_one(report[0], POLLIN, 50));
	}
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, wait_exit(child[i]));
}

TEST_HARNESS_MAIN
