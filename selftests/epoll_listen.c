// SPDX-License-Identifier: GPL-2.0
/*
 * epoll on a socket that listens: a connection that waits is what makes it
 * readable, and it wakes one that wants to accept.
 */
#include <sys/epoll.h>

#include "qsock_proc.h"
#include "qsock_types.h"

FIXTURE(epoll_listen)
{
	int listener;
	int epoll;
	struct test_addr addr;
};

FIXTURE_VARIANT(epoll_listen)
{
	bool qsock;
	int type;
};

CONNECTION_TYPE_VARIANTS(epoll_listen);

FIXTURE_SETUP(epoll_listen)
{
	self->listener = -1;
	self->epoll = -1;
	REQUIRE_FAMILY(variant);
	self->addr = nul_addr(test_family(variant->qsock), "listener");
	self->listener = typed_listen(_metadata, variant->type, &self->addr,
				      8);
	ASSERT_EQ(0, set_nonblock(self->listener));
	self->epoll = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_LE(0, self->epoll);
}

FIXTURE_TEARDOWN(epoll_listen)
{
	close_open(&self->epoll);
	close_open(&self->listener);
}

static void watch(struct __test_metadata *_metadata, int epoll, int fd,
		  uint32_t events)
{
	struct epoll_event event = { .events = events };

	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}

/* The events that come within @timeout_ms; 0 when there are none. */
static uint32_t events_within(int epoll, int timeout_ms)
{
	struct epoll_event event;

	return epoll_wait(epoll, &event, 1, timeout_ms) == 1 ? event.events : 0;
}

static uint32_t events_now(int epoll)
{
	return events_within(epoll, 0);
}

TEST_F(epoll_listen, level_triggered_repeats_until_it_is_accepted)
{
	int client, server;

	/* Never writable. */
	watch(_metadata, self->epoll, self->listener, EPOLLIN | EPOLLOUT);
	EXPECT_EQ(0, events_now(self->epoll));
	client = typed_connect(_metadata, variant->type, &self->addr);
	EXPECT_EQ(EPOLLIN, events_now(self->epoll));
	EXPECT_EQ(EPOLLIN, events_now(self->epoll));
	server = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, server);
	EXPECT_EQ(0, events_now(self->epoll));
	close(server);
	close(client);
}

TEST_F(epoll_listen, edge_triggered_tells_of_each_connection_once)
{
	int client[2], i;

	watch(_metadata, self->epoll, self->listener, EPOLLIN | EPOLLET);
	for (i = 0; i < 2; i++) {
		client[i] = typed_connect(_metadata, variant->type,
					  &self->addr);
		EXPECT_EQ(EPOLLIN, events_now(self->epoll));
		EXPECT_EQ(0, events_now(self->epoll));
	}
	close(client[0]);
	close(client[1]);
}

TEST_F(epoll_listen, a_client_that_left_is_still_to_be_accepted)
{
	int server;

	watch(_metadata, self->epoll, self->listener, EPOLLIN);
	close(typed_connect(_metadata, variant->type, &self->addr));
	EXPECT_EQ(EPOLLIN, events_now(self->epoll));
	server = accept(self->listener, NULL, NULL);
	EXPECT_LE(0, server);
	EXPECT_EQ(0, events_now(self->epoll));
	close(server);
}

TEST_F(epoll_listen, exclusive_one_connection_wakes_one)
{
	int report[2], client[3], i;
	pid_t child[3];

	ASSERT_EQ(0, pipe(report));
	for (i = 0; i < 3; i++) {
		child[i] = fork_child(_metadata);
		if (!child[i]) {
			int epoll = epoll_create1(EPOLL_CLOEXEC);

			watch(_metadata, epoll, self->listener,
			      EPOLLIN | EPOLLEXCLUSIVE);
			if (events_within(epoll, WAIT_MS) != EPOLLIN)
				_exit(1);
			if (!tell(report[1]))
				_exit(2);
			_exit(accept(self->listener, NULL, NULL) < 0);
		}
		ASSERT_TRUE(wait_blocked(child[i]));
	}
	for (i = 0; i < 3; i++) {
		client[i] = typed_connect(_metadata, variant->type,
					  &self->addr);
		ASSERT_TRUE(await(report[0]));
		EXPECT_EQ(0, poll_one(report[0], POLLIN, 100));
	}
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, wait_exit(child[i]));
		close(client[i]);
	}
}

/* accept() itself is exclusive too: one connection ends one of them. */
TEST_F(epoll_listen, one_connection_wakes_one_that_accepts)
{
	int report[2], client[2], i;
	pid_t child[2];

	ASSERT_EQ(0, fcntl(self->listener, F_SETFL, 0));
	ASSERT_EQ(0, pipe(report));
	for (i = 0; i < 2; i++) {
		child[i] = fork_child(_metadata);
		if (!child[i]) {
			if (accept(self->listener, NULL, NULL) < 0)
				_exit(1);
			_exit(!tell(report[1]));
		}
		ASSERT_TRUE(wait_blocked(child[i]));
	}
	for (i = 0; i < 2; i++) {
		client[i] = typed_connect(_metadata, variant->type,
					  &self->addr);
		ASSERT_TRUE(await(report[0]));
		EXPECT_EQ(0, poll_one(report[0], POLLIN, 100));
	}
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, wait_exit(child[i]));
		close(client[i]);
	}
}

TEST_F(epoll_listen, shutdown_wakes_with_rdhup)
{
	pid_t child = fork_child(_metadata);

	if (!child) {
		int epoll = epoll_create1(EPOLL_CLOEXEC);

		watch(_metadata, epoll, self->listener, EPOLLRDHUP);
		_exit(events_within(epoll, WAIT_MS) != EPOLLRDHUP);
	}
	ASSERT_TRUE(wait_blocked(child));
	ASSERT_EQ(0, shutdown(self->listener, SHUT_RD));
	EXPECT_EQ(0, wait_exit(child));
}

/* What becomes a listener while it is watched says so no longer: HUP. */
TEST_F(epoll_listen, listen_ends_the_hang_up_of_an_unconnected_socket)
{
	struct test_addr addr = nul_addr(self->addr.sa.sa_family, "late");
	int fd = typed_bind(_metadata, variant->type, &addr);

	watch(_metadata, self->epoll, fd, EPOLLIN | EPOLLOUT);
	EXPECT_EQ(EPOLLOUT | EPOLLHUP, events_now(self->epoll));
	ASSERT_EQ(0, listen(fd, 1));
	EXPECT_EQ(0, events_now(self->epoll));
	close(fd);
}

TEST_HARNESS_MAIN
