// SPDX-License-Identifier: GPL-2.0
/*
 * send(), sendmsg(), sendmmsg(): what is taken, when a sender waits, and
 * what it is told.
 */
#include <linux/sockios.h>
#include <sys/uio.h>

#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_test.h"

FIXTURE(stream_send)
{
	int fd[2];
};

FIXTURE_VARIANT(stream_send)
{
	bool qsock;
	bool counts_payload;
};

FIXTURE_VARIANT_ADD(stream_send, af_qsock)
{
	.qsock = true,
	/* Limits count payload bytes; AF_UNIX counts the memory used. */
	.counts_payload = true,
};

FIXTURE_VARIANT_ADD(stream_send, af_unix)
{
	.qsock = false,
	.counts_payload = false,
};

FIXTURE_SETUP(stream_send)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	ASSERT_EQ(0, socketpair(test_family(variant->qsock), SOCK_STREAM, 0,
				self->fd));
}

FIXTURE_TEARDOWN(stream_send)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

static int unsent(int fd)
{
	int bytes = -1;

	ioctl(fd, SIOCOUTQ, &bytes);
	return bytes;
}

static int unread(int fd)
{
	int bytes = -1;

	ioctl(fd, SIOCINQ, &bytes);
	return bytes;
}

TEST_F(stream_send, gathers_vectors_in_order)
{
	char a[] = "one ", b[] = "two ", c[] = "three", got[32];
	struct iovec iov[] = {
		{ a, 4 }, { NULL, 0 }, { b, 4 }, { c, 5 },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = ARRAY_LEN(iov) };

	ASSERT_EQ(13, sendmsg(self->fd[0], &msg, 0));
	ASSERT_EQ(13, recv(self->fd[1], got, sizeof(got), 0));
	EXPECT_EQ(0, memcmp("one two three", got, 13));
}

TEST_F(stream_send, nothing_sends_nothing)
{
	struct msghdr msg = {};
	char byte;

	EXPECT_EQ(0, send(self->fd[0], "", 0, 0));
	EXPECT_EQ(0, sendmsg(self->fd[0], &msg, 0));
	EXPECT_EQ(0, write(self->fd[0], "", 0));
	EXPECT_EQ(-1, recv(self->fd[1], &byte, 1, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(stream_send, flags_without_meaning_are_ignored)
{
	char got[8];
	int flags = MSG_DONTROUTE | MSG_CONFIRM | MSG_EOR | MSG_MORE |
		    MSG_NOSIGNAL | MSG_ZEROCOPY | MSG_PROXY | MSG_FASTOPEN;

	ASSERT_EQ(3, send(self->fd[0], "abc", 3, flags));
	EXPECT_EQ(3, recv(self->fd[1], got, sizeof(got), MSG_DONTWAIT));
}

TEST_F(stream_send, sendmmsg_sends_all_in_order)
{
	struct iovec iov[8];
	struct mmsghdr msg[8] = {};
	char text[] = "abcdefgh", got[16];
	size_t i;

	for (i = 0; i < ARRAY_LEN(msg); i++) {
		iov[i] = (struct iovec){ text + i, 1 };
		msg[i].msg_hdr.msg_iov = &iov[i];
		msg[i].msg_hdr.msg_iovlen = 1;
	}
	ASSERT_EQ(8, sendmmsg(self->fd[0], msg, ARRAY_LEN(msg), 0));
	for (i = 0; i < ARRAY_LEN(msg); i++)
		EXPECT_EQ(1, msg[i].msg_len);
	ASSERT_EQ(8, recv(self->fd[1], got, sizeof(got), 0));
	EXPECT_EQ(0, memcmp(text, got, 8));
}

TEST_F(stream_send, a_full_queue_is_eagain_when_nonblocking)
{
	size_t taken = fill_queue(self->fd[0], 512);

	ASSERT_LT(0, taken);
	ASSERT_EQ(0, set_nonblock(self->fd[0]));
	EXPECT_EQ(-1, send(self->fd[0], "x", 1, 0));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(taken, drain_queue(self->fd[1]));
}

TEST_F(stream_send, a_full_queue_is_eagain_after_so_sndtimeo)
{
	long start;

	ASSERT_LT(0, fill_queue(self->fd[0], 512));
	ASSERT_EQ(0, set_timeout_ms(self->fd[0], SO_SNDTIMEO, 200));
	start = now_ms();
	EXPECT_EQ(-1, send(self->fd[0], "x", 1, 0));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_LE(190, now_ms() - start);
}

TEST_F(stream_send, a_nonblocking_sender_is_told_how_much_fitted)
{
	size_t size = 16 << 20;
	char *data = calloc(1, size);
	ssize_t sent = send(self->fd[0], data, size, MSG_DONTWAIT);

	ASSERT_LT(0, sent);
	EXPECT_GT(size, (size_t)sent);
	EXPECT_EQ((size_t)sent, drain_queue(self->fd[1]));
	free(data);
}

TEST_F(stream_send, a_timed_out_sender_is_told_how_much_fitted)
{
	size_t size = 16 << 20;
	char *data = calloc(1, size);
	ssize_t sent;

	ASSERT_EQ(0, set_timeout_ms(self->fd[0], SO_SNDTIMEO, 200));
	sent = send(self->fd[0], data, size, 0);
	ASSERT_LT(0, sent);
	EXPECT_GT(size, (size_t)sent);
	EXPECT_EQ((size_t)sent, drain_queue(self->fd[1]));
	free(data);
}

TEST_F(stream_send, an_interrupted_sender_is_told_how_much_fitted)
{
	size_t size = 16 << 20;
	char *data = calloc(1, size);
	int report[2];
	ssize_t sent;
	pid_t child;

	ASSERT_EQ(0, pipe(report));
	ASSERT_EQ(0, let_sigusr1_interrupt());
	child = fork_child(_metadata);
	if (!child) {
		sent = send(self->fd[0], data, size, 0);
		_exit(write(report[1], &sent, sizeof(sent)) != sizeof(sent));
	}
	ASSERT_TRUE(wait_blocked(child));
	ASSERT_EQ(0, kill(child, SIGUSR1));
	EXPECT_EQ(0, wait_exit(child));
	ASSERT_EQ(sizeof(sent), read(report[0], &sent, sizeof(sent)));
	ASSERT_LT(0, sent);
	EXPECT_GT(size, (size_t)sent);
	EXPECT_EQ((size_t)sent, drain_queue(self->fd[1]));
	free(data);
}

TEST_F(stream_send, a_blocking_sender_waits_until_all_is_taken)
{
	size_t size = 4 << 20;
	struct byte_stream out = byte_stream(1), in = byte_stream(1);
	char *data = malloc(size);
	pid_t child = fork_child(_metadata);

	if (!child) {
		stream_make(&out, data, size);
		_exit(send(self->fd[0], data, size, 0) != (ssize_t)size);
	}
	ASSERT_TRUE(wait_blocked(child));
	ASSERT_EQ(size, recv_all(self->fd[1], data, size));
	EXPECT_TRUE(stream_check(&in, data, size));
	EXPECT_EQ(0, wait_exit(child));
	free(data);
}

TEST_F(stream_send, a_waiting_sender_goes_on_when_there_is_room)
{
	pid_t child;

	ASSERT_LT(0, fill_queue(self->fd[0], 512));
	child = fork_child(_metadata);
	if (!child)
		_exit(send(self->fd[0], "x", 1, 0) != 1);
	ASSERT_TRUE(wait_blocked(child));
	drain_queue(self->fd[1]);
	EXPECT_EQ(0, wait_exit(child));
}

TEST_F(stream_send, so_sndbuf_bounds_the_queue)
{
	int small = 8192, large = 131072;
	size_t few, many;

	ASSERT_EQ(0, setsockopt(self->fd[0], SOL_SOCKET, SO_SNDBUF, &small,
				sizeof(small)));
	EXPECT_EQ(2 * small, int_option(self->fd[0], SO_SNDBUF));
	few = fill_queue(self->fd[0], 256);
	drain_queue(self->fd[1]);
	ASSERT_EQ(0, setsockopt(self->fd[0], SOL_SOCKET, SO_SNDBUF, &large,
				sizeof(large)));
	many = fill_queue(self->fd[0], 256);
	EXPECT_LT(0, few);
	EXPECT_LT(2 * few, many);
	if (variant->counts_payload) {
		/* Not more than the option says, and not much less. */
		EXPECT_GE(2 * small, (int)few);
		EXPECT_LE(small, (int)few);
		EXPECT_GE(2 * large, (int)many);
		EXPECT_LE(large, (int)many);
	}
}

TEST_F(stream_send, a_larger_so_sndbuf_lets_a_waiting_sender_go_on)
{
	int small = 8192, large = 131072;
	pid_t child;

	ASSERT_EQ(0, setsockopt(self->fd[0], SOL_SOCKET, SO_SNDBUF, &small,
				sizeof(small)));
	ASSERT_LT(0, fill_queue(self->fd[0], 256));
	child = fork_child(_metadata);
	if (!child)
		_exit(send(self->fd[0], "x", 1, 0) != 1);
	ASSERT_TRUE(wait_blocked(child));
	ASSERT_EQ(0, setsockopt(self->fd[0], SOL_SOCKET, SO_SNDBUF, &large,
				sizeof(large)));
	EXPECT_EQ(0, wait_exit(child));
}

TEST_F(stream_send, siocinq_counts_what_the_reader_has)
{
	char got[8];

	EXPECT_EQ(0, unread(self->fd[1]));
	ASSERT_EQ(5, send(self->fd[0], "hello", 5, 0));
	ASSERT_EQ(5, send(self->fd[0], "world", 5, 0));
	EXPECT_EQ(10, unread(self->fd[1]));
	EXPECT_EQ(0, unread(self->fd[0]));
	ASSERT_EQ(3, recv(self->fd[1], got, 3, 0));
	EXPECT_EQ(7, unread(self->fd[1]));
	ASSERT_EQ(7, recv(self->fd[1], got, 7, 0));
	EXPECT_EQ(0, unread(self->fd[1]));
}

TEST_F(stream_send, siocoutq_counts_what_nobody_has_read)
{
	char got[8];

	EXPECT_EQ(0, unsent(self->fd[0]));
	ASSERT_EQ(5, send(self->fd[0], "hello", 5, 0));
	EXPECT_LE(5, unsent(self->fd[0]));
	EXPECT_EQ(variant->counts_payload, unsent(self->fd[0]) == 5);
	EXPECT_EQ(0, unsent(self->fd[1]));
	ASSERT_EQ(5, recv(self->fd[1], got, sizeof(got), 0));
	EXPECT_EQ(0, unsent(self->fd[0]));
}

/* Each block of one letter must arrive in one piece. */
TEST_F(stream_send, small_sends_of_several_processes_stay_whole)
{
	enum { WRITERS = 4, BLOCKS = 400, SIZE = 509 };
	char block[SIZE];
	pid_t child[WRITERS];
	int i, n, blocks = BLOCKS / (1 + work_divisor() / 4);

	for (i = 0; i < WRITERS; i++) {
		child[i] = fork_child(_metadata);
		if (child[i])
			continue;
		memset(block, 'a' + i, SIZE);
		for (n = 0; n < blocks; n++)
			if (send(self->fd[0], block, SIZE, 0) != SIZE)
				_exit(1);
		_exit(0);
	}
	for (n = 0; n < WRITERS * blocks; n++) {
		ASSERT_EQ(SIZE, recv_all(self->fd[1], block, SIZE));
		for (i = 1; i < SIZE; i++)
			ASSERT_EQ(block[0], block[i]);
	}
	for (i = 0; i < WRITERS; i++)
		EXPECT_EQ(0, wait_exit(child[i]));
}

TEST_HARNESS_MAIN
