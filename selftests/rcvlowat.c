// SPDX-License-Identifier: GPL-2.0
/*
 * SO_RCVLOWAT: how many bytes are worth waking up for. AF_UNIX asks it in
 * read() of a stream alone; AF_QSOCK also in poll and in what wakes whom.
 * Messages have no half: any of them is enough.
 */
#include <limits.h>
#include <sys/epoll.h>

#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_types.h"

FIXTURE(rcvlowat)
{
	int fd[2];
	int epoll;
	/* What poll says of fewer bytes than that. */
	short few;
};

FIXTURE_VARIANT(rcvlowat)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(rcvlowat);

FIXTURE_SETUP(rcvlowat)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	self->epoll = -1;
	REQUIRE_FAMILY(variant);
	ASSERT_EQ(0, socketpair(test_family(variant->qsock), variant->type, 0,
				self->fd));
	self->epoll = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_LE(0, self->epoll);
	self->few = variant->qsock && variant->type == SOCK_STREAM ? 0 : POLLIN;
}

FIXTURE_TEARDOWN(rcvlowat)
{
	close_open(&self->epoll);
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

static int set_lowat(int fd, int bytes)
{
	return setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
}

static int ready(int fd)
{
	return poll_one(fd, POLLIN, 0);
}

TEST_F(rcvlowat, is_kept)
{
	EXPECT_EQ(1, int_option(self->fd[1], SO_RCVLOWAT));
	ASSERT_EQ(0, set_lowat(self->fd[1], 100));
	EXPECT_EQ(100, int_option(self->fd[1], SO_RCVLOWAT));
	/* Nothing is not worth waking up for; what is negative is much. */
	ASSERT_EQ(0, set_lowat(self->fd[1], 0));
	EXPECT_EQ(1, int_option(self->fd[1], SO_RCVLOWAT));
	ASSERT_EQ(0, set_lowat(self->fd[1], -1));
	EXPECT_EQ(INT_MAX, int_option(self->fd[1], SO_RCVLOWAT));
}

TEST_F(rcvlowat, poll_counts_the_bytes)
{
	char got[4];

	ASSERT_EQ(0, set_lowat(self->fd[1], 4));
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	EXPECT_EQ(self->few, ready(self->fd[1]));
	ASSERT_EQ(1, send(self->fd[0], "d", 1, 0));
	EXPECT_EQ(POLLIN, ready(self->fd[1]));
	ASSERT_EQ(1, recv(self->fd[1], got, 1, MSG_DONTWAIT));
	EXPECT_EQ(self->few, ready(self->fd[1]));
}

/* It is no minimum for one that does not wait. */
TEST_F(rcvlowat, a_receive_that_must_not_wait_takes_what_is_there)
{
	char got[8];

	ASSERT_EQ(0, set_lowat(self->fd[1], 4));
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	EXPECT_EQ(3, recv(self->fd[1], got, sizeof(got), MSG_DONTWAIT));
}

/* A stream waits for as much, if the buffer holds it; a message is enough. */
TEST_F(rcvlowat, a_receive_that_waits_waits_for_them)
{
	pid_t child;
	char got[8];

	ASSERT_EQ(0, set_lowat(self->fd[1], 4));
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	child = fork_child(_metadata);
	if (!child)
		_exit(recv(self->fd[1], got, sizeof(got), 0));
	if (type_has_borders(variant->type)) {
		EXPECT_EQ(3, wait_exit(child));
		return;
	}
	ASSERT_TRUE(wait_blocked(child));
	ASSERT_EQ(1, send(self->fd[0], "d", 1, 0));
	EXPECT_EQ(4, wait_exit(child));
}

TEST_F(rcvlowat, a_small_buffer_waits_for_no_more_than_it_holds)
{
	char got[2];

	ASSERT_EQ(0, set_lowat(self->fd[1], 4));
	ASSERT_EQ(2, send(self->fd[0], "ab", 2, 0));
	ASSERT_EQ(0, set_timeout_ms(self->fd[1], SO_RCVTIMEO, WAIT_MS));
	EXPECT_EQ(2, recv(self->fd[1], got, sizeof(got), 0));
}

TEST_F(rcvlowat, the_end_is_worth_it)
{
	short end = POLLIN;

	ASSERT_EQ(0, set_lowat(self->fd[1], 4));
	ASSERT_EQ(1, send(self->fd[0], "a", 1, 0));
	ASSERT_EQ(0, shutdown(self->fd[1], SHUT_RD));
	EXPECT_EQ(end, ready(self->fd[1]));
}

/* The bytes that are there, once per change of mind. */
TEST_F(rcvlowat, edge_triggered_epoll_is_told_when_there_are_enough)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int few = self->few ? 1 : 0;

	ASSERT_EQ(0, set_lowat(self->fd[1], 4));
	ASSERT_EQ(0, epoll_ctl(self->epoll, EPOLL_CTL_ADD, self->fd[1],
			       &event));
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	EXPECT_EQ(few, epoll_wait(self->epoll, &event, 1, 0));
	ASSERT_EQ(1, send(self->fd[0], "d", 1, 0));
	EXPECT_EQ(1, epoll_wait(self->epoll, &event, 1, 0));
	EXPECT_EQ(0, epoll_wait(self->epoll, &event, 1, 0));
}

/* A poller that waits for more than is there; it exits with 0 when told. */
static pid_t blocked_poller(struct __test_metadata *_metadata, int fd)
{
	pid_t child = fork_child(_metadata);

	if (!child)
		_exit(poll_one(fd, POLLIN, WAIT_MS) != POLLIN);
	ASSERT_TRUE(wait_blocked(child));
	return child;
}

TEST_F(rcvlowat, wakes_a_poller_when_there_are_enough)
{
	pid_t child;

	ASSERT_EQ(0, set_lowat(self->fd[1], 4));
	child = blocked_poller(_metadata, self->fd[1]);
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	if (!self->few) {
		/* Still there. */
		ASSERT_TRUE(wait_blocked(child));
		ASSERT_EQ(1, send(self->fd[0], "d", 1, 0));
	}
	EXPECT_EQ(0, wait_exit(child));
}

/* What is there may become enough without a byte more. */
TEST_F(rcvlowat, a_lower_one_wakes_a_poller)
{
	long start = now_ms();
	pid_t child = 0;

	ASSERT_EQ(0, set_lowat(self->fd[1], 4));
	ASSERT_EQ(2, send(self->fd[0], "ab", 2, 0));
	if (!self->few)
		child = blocked_poller(_metadata, self->fd[1]);
	ASSERT_EQ(0, set_lowat(self->fd[1], 2));
	EXPECT_EQ(POLLIN, ready(self->fd[1]));
	if (child)
		EXPECT_EQ(0, wait_exit(child));
	/* A poll that nobody wakes looks once more at its end. */
	EXPECT_GT(WAIT_MS / 2, now_ms() - start);
}

/* More than fits would wait for ever on both sides. */
TEST_F(rcvlowat, a_full_queue_is_enough)
{
	ASSERT_EQ(0, set_lowat(self->fd[1], INT_MAX));
	ASSERT_LT(0, fill_queue(self->fd[0], 4096));
	EXPECT_EQ(POLLIN, ready(self->fd[1]));
}

TEST_F(rcvlowat, has_no_part_in_sending)
{
	ASSERT_EQ(0, set_lowat(self->fd[0], 1000));
	EXPECT_EQ(POLLOUT, poll_one(self->fd[0], POLLOUT, 0));
	EXPECT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_EQ(POLLIN, ready(self->fd[1]));
}

TEST_HARNESS_MAIN
