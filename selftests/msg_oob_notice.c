// SPDX-License-Identifier: GPL-2.0
/*
 * MSG_OOB: who is told of a byte that is out of band, and how: SIGURG, poll,
 * epoll, select, and a reader who waits.
 */
#include <sys/epoll.h>
#include <sys/select.h>

#include "qsock_oob.h"
#include "qsock_test.h"

FIXTURE(oob_notice)
{
	int *fd;	/* of the pair */
	struct oob_pair pair;
};

FIXTURE_VARIANT(oob_notice)
{
	bool qsock;
};

FAMILY_VARIANTS(oob_notice);

FIXTURE_SETUP(oob_notice)
{
	self->pair.fd[0] = -1;
	self->pair.fd[1] = -1;
	self->fd = self->pair.fd;
	REQUIRE_FAMILY(variant);
	oob_setup(_metadata, &self->pair, test_family(variant->qsock));
}

FIXTURE_TEARDOWN(oob_notice)
{
	close_open(&self->pair.fd[0]);
	close_open(&self->pair.fd[1]);
}

/* One signal for each byte; none for ordinary ones, or for the sender. */
TEST_F(oob_notice, sigurg_comes_with_each_byte)
{
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(2, send(self->fd[0], "ab", 2, 0));
		EXPECT_FALSE(urged(&self->pair));
		ASSERT_EQ(2, send(self->fd[0], "ab", 2, MSG_OOB));
		EXPECT_TRUE(urged(&self->pair));
		EXPECT_FALSE(urged(&self->pair));
	}
	ASSERT_EQ(1, send(self->fd[1], "x", 1, MSG_OOB));
	EXPECT_FALSE(urged(&self->pair));
}

TEST_F(oob_notice, no_sigurg_without_an_owner)
{
	ASSERT_EQ(0, fcntl(self->fd[1], F_SETOWN, 0));
	ASSERT_EQ(1, send(self->fd[0], "x", 1, MSG_OOB));
	EXPECT_FALSE(urged(&self->pair));
	EXPECT_EQ(READABLE | URGENT | AT_MARK, oob_state(self->fd[1]));
}

/* Not SIGIO's number, and without O_ASYNC. */
TEST_F(oob_notice, sigurg_comes_to_another_process)
{
	int ready[2];
	pid_t child;

	ASSERT_EQ(0, pipe(ready));
	child = fork_child(_metadata);
	if (!child) {
		struct timespec limit = { WAIT_MS / 1000, 0 };

		fcntl(self->fd[1], F_SETOWN, getpid());
		tell(ready[1]);
		_exit(sigtimedwait(&self->pair.sigurg, NULL, &limit));
	}
	ASSERT_TRUE(await(ready[0]));
	ASSERT_EQ(1, send(self->fd[0], "x", 1, MSG_OOB));
	EXPECT_EQ(SIGURG, wait_exit(child));
	EXPECT_FALSE(urged(&self->pair));
}

static pid_t waiting_poll(struct __test_metadata *_metadata, int fd)
{
	pid_t child = fork_child(_metadata);

	if (!child)
		_exit(poll_one(fd, POLLPRI, WAIT_MS) != POLLPRI);
	ASSERT_TRUE(wait_blocked(child));
	return child;
}

TEST_F(oob_notice, wakes_one_who_polls_for_pri_alone)
{
	pid_t child = waiting_poll(_metadata, self->fd[1]);

	/* Ordinary bytes do not end its wait. */
	ASSERT_EQ(1, send(self->fd[0], "a", 1, 0));
	ASSERT_TRUE(wait_blocked(child));
	ASSERT_EQ(1, send(self->fd[0], "b", 1, MSG_OOB));
	EXPECT_EQ(0, wait_exit(child));
}

TEST_F(oob_notice, epoll_and_select_know_it)
{
	struct epoll_event event = { .events = EPOLLPRI | EPOLLET };
	struct timeval now = {};
	fd_set except;
	int i, set = epoll_create1(0);

	ASSERT_LE(0, set);
	ASSERT_EQ(0, epoll_ctl(set, EPOLL_CTL_ADD, self->fd[1], &event));
	ASSERT_EQ(1, send(self->fd[0], "a", 1, 0));
	EXPECT_EQ(0, epoll_wait(set, &event, 1, 0));
	/* Once for each byte. */
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(1, send(self->fd[0], "b", 1, MSG_OOB));
		ASSERT_EQ(1, epoll_wait(set, &event, 1, 0));
		EXPECT_EQ(EPOLLPRI, event.events);
		EXPECT_EQ(0, epoll_wait(set, &event, 1, 0));
	}
	FD_ZERO(&except);
	FD_SET(self->fd[1], &except);
	EXPECT_EQ(1, select(self->fd[1] + 1, NULL, NULL, &except, &now));
	close(set);
}

/* It comes by while the reader is at the mark, and is lost as any other. */
TEST_F(oob_notice, a_waiting_reader_passes_over_it)
{
	pid_t child = fork_child(_metadata);
	char got[4];

	if (!child) {
		ssize_t n = recv(self->fd[1], got, sizeof(got), 0);

		_exit(n == 1 ? got[0] : 1);
	}
	ASSERT_TRUE(wait_blocked(child));
	ASSERT_EQ(1, send(self->fd[0], "x", 1, MSG_OOB));
	while (oob_state(self->fd[1]))
		pause_ms(1);
	EXPECT_ERRNO(EINVAL, recv(self->fd[1], got, 1, MSG_OOB));
	ASSERT_TRUE(wait_blocked(child));
	ASSERT_EQ(1, send(self->fd[0], "y", 1, 0));
	EXPECT_EQ('y', wait_exit(child));
}

TEST_HARNESS_MAIN
