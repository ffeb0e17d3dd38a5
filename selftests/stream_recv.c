// SPDX-License-Identifier: GPL-2.0
/*
 * recv(), recvmsg(), recvmmsg(): what is given, when a reader waits, and
 * what the flags do.
 */
#include <sys/uio.h>

#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_test.h"

FIXTURE(stream_recv)
{
	int family;
	int fd[2];
};

FIXTURE_VARIANT(stream_recv)
{
	bool qsock;
};

FAMILY_VARIANTS(stream_recv);

FIXTURE_SETUP(stream_recv)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	ASSERT_EQ(0, socketpair(self->family, SOCK_STREAM, 0, self->fd));
}

FIXTURE_TEARDOWN(stream_recv)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

/* A child that receives @size bytes with @flags; it exits with the count. */
static pid_t blocked_reader(struct __test_metadata *_metadata, int fd,
			    size_t size, int flags)
{
	pid_t child = fork_child(_metadata);

	if (!child) {
		char got[64];
		ssize_t n = recv(fd, got, size, flags);

		_exit(n < 0 ? 128 + errno : n);
	}
	ASSERT_TRUE(wait_blocked(child));
	return child;
}

TEST_F(stream_recv, a_short_read_leaves_the_rest)
{
	char got[8];

	ASSERT_EQ(6, send(self->fd[0], "abcdef", 6, 0));
	ASSERT_EQ(2, recv(self->fd[1], got, 2, 0));
	EXPECT_EQ(0, memcmp("ab", got, 2));
	ASSERT_EQ(4, recv(self->fd[1], got, sizeof(got), 0));
	EXPECT_EQ(0, memcmp("cdef", got, 4));
}

TEST_F(stream_recv, one_read_takes_what_several_sends_gave)
{
	char got[16];

	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	ASSERT_EQ(3, send(self->fd[0], "def", 3, 0));
	ASSERT_EQ(3, send(self->fd[0], "ghi", 3, 0));
	ASSERT_EQ(9, recv(self->fd[1], got, sizeof(got), 0));
	EXPECT_EQ(0, memcmp("abcdefghi", got, 9));
}

TEST_F(stream_recv, scatters_over_vectors)
{
	char a[2], b[3], c[8];
	struct iovec iov[] = { { a, 2 }, { NULL, 0 }, { b, 3 }, { c, 8 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = ARRAY_LEN(iov) };

	ASSERT_EQ(7, send(self->fd[0], "abcdefg", 7, 0));
	ASSERT_EQ(7, recvmsg(self->fd[1], &msg, 0));
	EXPECT_EQ(0, memcmp("ab", a, 2));
	EXPECT_EQ(0, memcmp("cde", b, 3));
	EXPECT_EQ(0, memcmp("fg", c, 2));
}

TEST_F(stream_recv, tells_of_no_name_no_control_data_and_no_flags)
{
	char got[8], control[64];
	struct test_addr from;
	struct iovec iov = { got, sizeof(got) };
	struct msghdr msg = {
		.msg_name = &from.sa,
		.msg_namelen = sizeof(from.storage),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
		.msg_flags = -1,
	};

	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	ASSERT_EQ(1, recvmsg(self->fd[1], &msg, 0));
	EXPECT_EQ(0, msg.msg_namelen);
	EXPECT_EQ(0, msg.msg_controllen);
	EXPECT_EQ(0, msg.msg_flags);
}

TEST_F(stream_recv, names_a_sender_that_is_bound)
{
	struct test_addr name = nul_addr(self->family, "sender");
	struct test_addr from = { .len = sizeof(from.storage) };
	char got[8];

	ASSERT_EQ(0, bind(self->fd[0], &name.sa, name.len));
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	ASSERT_EQ(1, recvfrom(self->fd[1], got, sizeof(got), 0, &from.sa,
			      &from.len));
	EXPECT_TRUE(same_addr(&name, &from));
}

TEST_F(stream_recv, an_empty_queue_is_eagain_when_nonblocking)
{
	char got;

	EXPECT_EQ(-1, recv(self->fd[1], &got, 1, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, set_nonblock(self->fd[1]));
	EXPECT_EQ(-1, recv(self->fd[1], &got, 1, 0));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(-1, read(self->fd[1], &got, 1));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(stream_recv, an_empty_queue_is_eagain_after_so_rcvtimeo)
{
	long start;
	char got;

	ASSERT_EQ(0, set_timeout_ms(self->fd[1], SO_RCVTIMEO, 200));
	start = now_ms();
	EXPECT_EQ(-1, recv(self->fd[1], &got, 1, 0));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_LE(190, now_ms() - start);
}

TEST_F(stream_recv, a_waiting_reader_gets_what_comes)
{
	pid_t child = blocked_reader(_metadata, self->fd[1], 8, 0);

	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	EXPECT_EQ(3, wait_exit(child));
}

TEST_F(stream_recv, peek_leaves_the_bytes)
{
	char got[8];

	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	ASSERT_EQ(2, recv(self->fd[1], got, 2, MSG_PEEK));
	EXPECT_EQ(0, memcmp("ab", got, 2));
	ASSERT_EQ(3, recv(self->fd[1], got, sizeof(got), MSG_PEEK));
	ASSERT_EQ(3, recv(self->fd[1], got, sizeof(got), 0));
	EXPECT_EQ(0, memcmp("abc", got, 3));
}

TEST_F(stream_recv, peek_sees_what_several_sends_gave)
{
	char got[8];

	ASSERT_EQ(2, send(self->fd[0], "ab", 2, 0));
	ASSERT_EQ(2, send(self->fd[0], "cd", 2, 0));
	ASSERT_EQ(4, recv(self->fd[1], got, sizeof(got), MSG_PEEK));
	EXPECT_EQ(0, memcmp("abcd", got, 4));
}

TEST_F(stream_recv, a_waiting_peek_sees_what_comes_and_leaves_it)
{
	pid_t child = blocked_reader(_metadata, self->fd[1], 8, MSG_PEEK);
	char got[8];

	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	EXPECT_EQ(3, wait_exit(child));
	EXPECT_EQ(3, recv(self->fd[1], got, sizeof(got), MSG_DONTWAIT));
}

/* Peeking waits for the first byte, and for no more than that. */
TEST_F(stream_recv, peek_does_not_wait_for_all)
{
	long limit = WAIT_MS, start = now_ms();
	int low = 6;
	char got[8];

	/* Should it wait, then not for ever. */
	ASSERT_EQ(0, set_timeout_ms(self->fd[1], SO_RCVTIMEO, limit));
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	EXPECT_EQ(3, recv(self->fd[1], got, sizeof(got),
			  MSG_PEEK | MSG_WAITALL | MSG_DONTWAIT));
	EXPECT_EQ(3, recv(self->fd[1], got, sizeof(got),
			  MSG_PEEK | MSG_WAITALL));
	ASSERT_EQ(0, setsockopt(self->fd[1], SOL_SOCKET, SO_RCVLOWAT, &low,
				sizeof(low)));
	EXPECT_EQ(3, recv(self->fd[1], got, sizeof(got), MSG_PEEK));
	EXPECT_GT(limit, now_ms() - start);
}

TEST_F(stream_recv, waitall_waits_for_all)
{
	pid_t child;

	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	child = blocked_reader(_metadata, self->fd[1], 8, MSG_WAITALL);
	ASSERT_EQ(3, send(self->fd[0], "def", 3, 0));
	ASSERT_TRUE(wait_blocked(child));
	ASSERT_EQ(3, send(self->fd[0], "ghi", 3, 0));
	EXPECT_EQ(8, wait_exit(child));
}

TEST_F(stream_recv, waitall_gives_what_there_was_at_the_end)
{
	char got[8];

	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(3, recv(self->fd[1], got, sizeof(got), MSG_WAITALL));
	EXPECT_EQ(0, recv(self->fd[1], got, sizeof(got), MSG_WAITALL));
}

TEST_F(stream_recv, waitall_gives_what_there_was_after_so_rcvtimeo)
{
	char got[8];

	ASSERT_EQ(0, set_timeout_ms(self->fd[1], SO_RCVTIMEO, 100));
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	EXPECT_EQ(3, recv(self->fd[1], got, sizeof(got), MSG_WAITALL));
	EXPECT_EQ(-1, recv(self->fd[1], got, sizeof(got), MSG_WAITALL));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(stream_recv, waitall_gives_what_there_was_at_a_signal)
{
	pid_t child;

	ASSERT_EQ(0, let_sigusr1_interrupt());
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	child = blocked_reader(_metadata, self->fd[1], 8, MSG_WAITALL);
	ASSERT_EQ(0, kill(child, SIGUSR1));
	EXPECT_EQ(3, wait_exit(child));
}

TEST_F(stream_recv, waitall_gives_what_there_is_when_nonblocking)
{
	char got[8];

	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	EXPECT_EQ(3, recv(self->fd[1], got, sizeof(got),
			  MSG_WAITALL | MSG_DONTWAIT));
}

TEST_F(stream_recv, flags_without_meaning_are_ignored)
{
	int flags = MSG_ERRQUEUE | MSG_NOSIGNAL | MSG_CMSG_CLOEXEC |
		    MSG_DONTROUTE | MSG_CONFIRM | MSG_MORE;
	char got[8];

	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	EXPECT_EQ(3, recv(self->fd[1], got, sizeof(got), flags));
}

TEST_F(stream_recv, trunc_is_ignored)
{
	char got[8];
	struct iovec iov = { got, 4 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	ASSERT_EQ(6, send(self->fd[0], "abcdef", 6, 0));
	ASSERT_EQ(4, recvmsg(self->fd[1], &msg, MSG_TRUNC));
	EXPECT_EQ(0, memcmp("abcd", got, 4));
	EXPECT_EQ(0, msg.msg_flags & MSG_TRUNC);
	EXPECT_EQ(2, recv(self->fd[1], got, sizeof(got), 0));
}

TEST_F(stream_recv, a_reader_waits_for_so_rcvlowat)
{
	int low = 6;
	pid_t child;

	ASSERT_EQ(0, setsockopt(self->fd[1], SOL_SOCKET, SO_RCVLOWAT, &low,
				sizeof(low)));
	ASSERT_EQ(4, send(self->fd[0], "abcd", 4, 0));
	child = blocked_reader(_metadata, self->fd[1], 32, 0);
	ASSERT_EQ(2, send(self->fd[0], "ef", 2, 0));
	EXPECT_EQ(6, wait_exit(child));
}

/* What poll() makes of it is in rcvlowat.c. */
TEST_F(stream_recv, so_rcvlowat_does_not_hold_small_reads)
{
	char got[8];
	int low = 6;

	ASSERT_EQ(0, setsockopt(self->fd[1], SOL_SOCKET, SO_RCVLOWAT, &low,
				sizeof(low)));
	EXPECT_EQ(6, int_option(self->fd[1], SO_RCVLOWAT));
	ASSERT_EQ(4, send(self->fd[0], "abcd", 4, 0));
	EXPECT_EQ(2, recv(self->fd[1], got, 2, 0));
	EXPECT_EQ(2, recv(self->fd[1], got, sizeof(got), MSG_DONTWAIT));
}

TEST_F(stream_recv, nothing_asked_is_given_nothing)
{
	char got[8];

	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	EXPECT_EQ(0, recv(self->fd[1], got, 0, 0));
	EXPECT_EQ(3, recv(self->fd[1], got, sizeof(got), 0));
}

TEST_F(stream_recv, nothing_asked_of_an_empty_queue_is_eagain)
{
	char got;

	EXPECT_EQ(-1, recv(self->fd[1], &got, 0, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	/* read() of nothing does not reach the family. */
	EXPECT_EQ(0, read(self->fd[1], &got, 0));
}

TEST_F(stream_recv, recvmmsg_waits_for_one)
{
	char a[4], b[4];
	struct iovec iov[2] = { { a, sizeof(a) }, { b, sizeof(b) } };
	struct mmsghdr msg[2] = {
		{ .msg_hdr = { .msg_iov = &iov[0], .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &iov[1], .msg_iovlen = 1 } },
	};

	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	EXPECT_EQ(1, recvmmsg(self->fd[1], msg, 2, MSG_WAITFORONE, NULL));
	EXPECT_EQ(3, msg[0].msg_len);

	ASSERT_EQ(6, send(self->fd[0], "abcdef", 6, 0));
	EXPECT_EQ(2, recvmmsg(self->fd[1], msg, 2, MSG_WAITFORONE, NULL));
	EXPECT_EQ(4, msg[0].msg_len);
	EXPECT_EQ(2, msg[1].msg_len);
}

TEST_F(stream_recv, one_message_goes_to_one_of_two_that_wait)
{
	pid_t child[2];
	int i, ended = -1;

	child[0] = blocked_reader(_metadata, self->fd[1], 8, 0);
	child[1] = blocked_reader(_metadata, self->fd[1], 8, 0);
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	while (ended < 0) {
		for (i = 0; i < 2; i++)
			if (waitpid(child[i], NULL, WNOHANG) == child[i])
				ended = i;
		pause_ms(1);
	}
	/* The other found nothing, and waits again. */
	EXPECT_TRUE(wait_blocked(child[!ended]));
	ASSERT_EQ(2, send(self->fd[0], "yz", 2, 0));
	EXPECT_EQ(2, wait_exit(child[!ended]));
}

TEST_HARNESS_MAIN
