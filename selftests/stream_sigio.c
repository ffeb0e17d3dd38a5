// SPDX-License-Identifier: GPL-2.0
/*
 * O_ASYNC: SIGIO tells the owner of a socket that it became ready.
 */
#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_test.h"

FIXTURE(stream_sigio)
{
	int family;
	int fd[2];
	sigset_t sigio;
};

FIXTURE_VARIANT(stream_sigio)
{
	bool qsock;
};

FAMILY_VARIANTS(stream_sigio);

/* From now on SIGIO of @fd says which descriptor and why. */
static void own(struct __test_metadata *_metadata, int fd)
{
	ASSERT_EQ(0, fcntl(fd, F_SETSIG, SIGIO));
	ASSERT_EQ(0, fcntl(fd, F_SETOWN, getpid()));
	ASSERT_EQ(0, fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC));
}

FIXTURE_SETUP(stream_sigio)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	ASSERT_EQ(0, socketpair(self->family, SOCK_STREAM, 0, self->fd));
	sigemptyset(&self->sigio);
	sigaddset(&self->sigio, SIGIO);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &self->sigio, NULL));
}

FIXTURE_TEARDOWN(stream_sigio)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

/* The band of the next SIGIO, which must come; 0 when it does not. */
static long next_band(const sigset_t *sigio, int fd)
{
	struct timespec limit = { WAIT_MS / 1000, 0 };
	siginfo_t info;

	if (sigtimedwait(sigio, &info, &limit) != SIGIO || info.si_fd != fd)
		return 0;
	return info.si_band;
}

/* Is there none? */
static bool quiet(const sigset_t *sigio)
{
	struct timespec now = { 0, 0 };

	return sigtimedwait(sigio, NULL, &now) < 0;
}

TEST_F(stream_sigio, comes_with_bytes)
{
	own(_metadata, self->fd[1]);
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_EQ(POLLIN, next_band(&self->sigio, self->fd[1]) & POLLIN);
	EXPECT_TRUE(quiet(&self->sigio));
}

TEST_F(stream_sigio, comes_with_room_to_one_who_had_none)
{
	own(_metadata, self->fd[0]);
	ASSERT_LT(0, fill_queue(self->fd[0], 512));
	EXPECT_TRUE(quiet(&self->sigio));
	drain_queue(self->fd[1]);
	EXPECT_EQ(POLLOUT, next_band(&self->sigio, self->fd[0]) & POLLOUT);
}

TEST_F(stream_sigio, does_not_come_with_room_to_one_who_has_some)
{
	char got;

	own(_metadata, self->fd[0]);
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	ASSERT_EQ(1, recv(self->fd[1], &got, 1, 0));
	EXPECT_TRUE(quiet(&self->sigio));
}

TEST_F(stream_sigio, comes_with_the_end)
{
	own(_metadata, self->fd[1]);
	close_open(&self->fd[0]);
	EXPECT_EQ(POLLHUP, next_band(&self->sigio, self->fd[1]) & POLLHUP);
}

TEST_F(stream_sigio, comes_with_the_end_of_one_direction)
{
	own(_metadata, self->fd[1]);
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(POLLIN, next_band(&self->sigio, self->fd[1]) & POLLIN);
}

TEST_F(stream_sigio, comes_with_a_connection)
{
	struct test_addr addr = nul_addr(self->family, "listener");
	int listener = stream_listen(_metadata, &addr, 1);

	own(_metadata, listener);
	close(stream_connect(_metadata, &addr));
	EXPECT_EQ(POLLIN, next_band(&self->sigio, listener) & POLLIN);
	close(listener);
}

TEST_HARNESS_MAIN
