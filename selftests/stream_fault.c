// SPDX-License-Identifier: GPL-2.0
/*
 * Bad user memory: EFAULT, and no byte of the stream is lost or made up.
 */
#include <sys/syscall.h>
#include <sys/uio.h>

#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_test.h"

FIXTURE(stream_fault)
{
	int fd[2];
	long page;
	char *edge;	/* one page of memory, and nothing behind it */
	char *end;	/* the first byte that is not there */
};

FIXTURE_VARIANT(stream_fault)
{
	bool qsock;
	bool keeps_messages;
};

FIXTURE_VARIANT_ADD(stream_fault, af_qsock)
{
	.qsock = true,
	/*
	 * The queue holds bytes, not messages: no read that faults gives
	 * anything. AF_UNIX gives the messages before the fault. Neither
	 * loses a byte.
	 */
	.keeps_messages = false,
};

FIXTURE_VARIANT_ADD(stream_fault, af_unix)
{
	.qsock = false,
	.keeps_messages = true,
};

FIXTURE_SETUP(stream_fault)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	ASSERT_EQ(0, socketpair(test_family(variant->qsock), SOCK_STREAM, 0,
				self->fd));
	self->page = sysconf(_SC_PAGESIZE);
	self->edge = mmap(NULL, 2 * self->page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->edge);
	self->end = self->edge + self->page;
	ASSERT_EQ(0, munmap(self->end, self->page));
}

FIXTURE_TEARDOWN(stream_fault)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

static ssize_t recv_now(int fd, char *got, size_t size)
{
	ssize_t n = recv(fd, got, size, MSG_DONTWAIT);

	return n < 0 ? -errno : n;
}

TEST_F(stream_fault, a_send_from_nowhere_sends_nothing)
{
	char got[8];

	EXPECT_EQ(-1, send(self->fd[0], self->end, 8, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, send(self->fd[0], NULL, 8, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-EAGAIN, recv_now(self->fd[1], got, sizeof(got)));

	/* The next one is whole. */
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	ASSERT_EQ(3, recv_now(self->fd[1], got, sizeof(got)));
	EXPECT_EQ(0, memcmp("abc", got, 3));
}

TEST_F(stream_fault, a_send_across_the_edge_sends_nothing)
{
	char got[8];

	memcpy(self->end - 4, "half", 4);
	EXPECT_EQ(-1, send(self->fd[0], self->end - 4, 8, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-EAGAIN, recv_now(self->fd[1], got, sizeof(got)));
}

TEST_F(stream_fault, a_send_of_a_good_and_a_bad_vector_sends_nothing)
{
	char got[8], good[] = "good";
	struct iovec iov[] = { { good, 4 }, { self->end, 4 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	EXPECT_EQ(-1, sendmsg(self->fd[0], &msg, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-EAGAIN, recv_now(self->fd[1], got, sizeof(got)));
}

TEST_F(stream_fault, a_failed_send_leaves_what_was_there)
{
	char got[8];

	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	EXPECT_EQ(-1, send(self->fd[0], self->end - 1, 8, 0));
	ASSERT_EQ(3, send(self->fd[0], "def", 3, 0));
	ASSERT_EQ(6, recv_now(self->fd[1], got, sizeof(got)));
	EXPECT_EQ(0, memcmp("abcdef", got, 6));
}

/* More than one piece: what went before the fault may count. */
TEST_F(stream_fault, a_long_send_gives_a_prefix_or_nothing)
{
	struct byte_stream out = byte_stream(2), in = byte_stream(2);
	size_t good = 150000, left;
	char *data = malloc(good);
	struct iovec iov[] = { { data, good }, { self->end, 4 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t sent;

	stream_make(&out, data, good);
	sent = sendmsg(self->fd[0], &msg, MSG_DONTWAIT);
	if (sent < 0) {
		EXPECT_EQ(EFAULT, errno);
		sent = 0;
	}
	ASSERT_GE((ssize_t)good, sent);
	left = sent;
	memset(data, 0, good);
	ASSERT_EQ(left, left ? recv_all(self->fd[1], data, left) : 0);
	EXPECT_TRUE(stream_check(&in, data, left));
	EXPECT_EQ(-EAGAIN, recv_now(self->fd[1], data, 1));
	free(data);
}

TEST_F(stream_fault, a_read_into_nowhere_loses_nothing)
{
	char got[16];

	ASSERT_EQ(6, send(self->fd[0], "abcdef", 6, 0));
	EXPECT_EQ(-1, recv(self->fd[1], self->end, 6, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, recv(self->fd[1], self->end, 6, MSG_PEEK));
	EXPECT_EQ(EFAULT, errno);
	ASSERT_EQ(6, recv_now(self->fd[1], got, sizeof(got)));
	EXPECT_EQ(0, memcmp("abcdef", got, 6));
}

TEST_F(stream_fault, a_read_into_memory_that_is_read_only_loses_nothing)
{
	char got[16];

	ASSERT_EQ(0, mprotect(self->edge, self->page, PROT_READ));
	ASSERT_EQ(6, send(self->fd[0], "abcdef", 6, 0));
	EXPECT_EQ(-1, recv(self->fd[1], self->edge, 6, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(6, recv_now(self->fd[1], got, sizeof(got)));
}

TEST_F(stream_fault, a_waiting_read_into_nowhere_loses_nothing)
{
	pid_t child = fork_child(_metadata);
	char got[16];

	if (!child)
		_exit(recv(self->fd[1], self->end, 8, 0) < 0 ? errno : 0);
	ASSERT_TRUE(wait_blocked(child));
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	EXPECT_EQ(EFAULT, wait_exit(child));
	EXPECT_EQ(3, recv_now(self->fd[1], got, sizeof(got)));
}

TEST_F(stream_fault, a_read_across_the_edge_loses_nothing)
{
	char got[16];

	ASSERT_EQ(8, send(self->fd[0], "abcdefgh", 8, 0));
	EXPECT_ERRNO(EFAULT, recv(self->fd[1], self->end - 4, 8, 0));
	ASSERT_EQ(8, recv_now(self->fd[1], got, sizeof(got)));
	EXPECT_EQ(0, memcmp("abcdefgh", got, 8));
}

TEST_F(stream_fault, a_read_into_a_good_and_a_bad_vector_loses_nothing)
{
	char got[16], good[4];
	struct iovec iov[] = { { good, 4 }, { self->end, 4 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	ASSERT_EQ(8, send(self->fd[0], "abcdefgh", 8, 0));
	EXPECT_ERRNO(EFAULT, recvmsg(self->fd[1], &msg, 0));
	ASSERT_EQ(8, recv_now(self->fd[1], got, sizeof(got)));
	EXPECT_EQ(0, memcmp("abcdefgh", got, 8));
}

TEST_F(stream_fault, a_read_of_two_messages_loses_neither)
{
	char got[16], good[4];
	struct iovec iov[] = { { good, 4 }, { self->end, 8 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	int given = 0;

	ASSERT_EQ(4, send(self->fd[0], "abcd", 4, 0));
	ASSERT_EQ(6, send(self->fd[0], "efghij", 6, 0));
	if (variant->keeps_messages) {
		given = 4;
		ASSERT_EQ(given, recvmsg(self->fd[1], &msg, 0));
		EXPECT_EQ(0, memcmp("abcd", good, 4));
	} else {
		EXPECT_ERRNO(EFAULT, recvmsg(self->fd[1], &msg, 0));
	}
	ASSERT_EQ(10 - given, recv_now(self->fd[1], got, sizeof(got)));
	EXPECT_EQ(0, memcmp(&"abcdefghij"[given], got, 10 - given));
}

/* What a waiting read has copied already is told, not lost. */
TEST_F(stream_fault, waitall_gives_what_came_before_the_fault)
{
	char got[16];
	pid_t child;

	ASSERT_EQ(4, send(self->fd[0], "abcd", 4, 0));
	child = fork_child(_metadata);
	if (!child)
		_exit(recv(self->fd[1], self->end - 4, 8, MSG_WAITALL));
	ASSERT_TRUE(wait_blocked(child));
	ASSERT_EQ(4, send(self->fd[0], "efgh", 4, 0));
	EXPECT_EQ(4, wait_exit(child));
	ASSERT_EQ(4, recv_now(self->fd[1], got, sizeof(got)));
	EXPECT_EQ(0, memcmp("efgh", got, 4));
}

TEST_F(stream_fault, a_header_that_is_not_there_loses_nothing)
{
	char got[16];
	struct iovec *iov = (struct iovec *)self->end;
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 1 };

	/* A C library with a 64-bit time_t of its own would read the header. */
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	EXPECT_EQ(-1, syscall(SYS_recvmsg, self->fd[1], self->end, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, recvmsg(self->fd[1], &msg, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, syscall(SYS_sendmsg, self->fd[0], self->end, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, sendmsg(self->fd[0], &msg, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(3, recv_now(self->fd[1], got, sizeof(got)));
}

/* Pages that come only when they are touched are not bad memory. */
TEST_F(stream_fault, untouched_memory_is_filled)
{
	size_t size = 64 * self->page;
	char *out = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *in = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ssize_t sent = send(self->fd[0], out, size, MSG_DONTWAIT);

	ASSERT_LT(0, sent);
	EXPECT_EQ((size_t)sent, recv_all(self->fd[1], in, sent));
}

TEST_HARNESS_MAIN
