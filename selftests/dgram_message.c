// SPDX-License-Identifier: GPL-2.0
/*
 * What becomes of one datagram: its borders, its length, its end in a buffer
 * that is too short or that is none, and what is told about it.
 */
#include <linux/sockios.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "qsock_message.h"

FIXTURE(dgram_message)
{
	int family;
	int fd[2];
};

FIXTURE_VARIANT(dgram_message)
{
	bool qsock;
};

FAMILY_VARIANTS(dgram_message);

FIXTURE_SETUP(dgram_message)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	ASSERT_EQ(0, socketpair(self->family, SOCK_DGRAM, 0, self->fd));
}

FIXTURE_TEARDOWN(dgram_message)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

TEST_F(dgram_message, each_receive_takes_one_in_the_order_of_sending)
{
	ASSERT_EQ(1, say(self->fd[0], "a"));
	ASSERT_EQ(3, say(self->fd[0], "bcd"));
	ASSERT_EQ(2, say(self->fd[0], "ef"));
	EXPECT_TRUE(hear(self->fd[1], "a"));
	EXPECT_TRUE(hear(self->fd[1], "bcd"));
	EXPECT_TRUE(hear(self->fd[1], "ef"));
	EXPECT_EQ(-EAGAIN, take(self->fd[1]));
}

TEST_F(dgram_message, borders_hold_for_sizes_of_all_kinds)
{
	static char data[65536], got[65536 + 1];
	static const size_t size[] = { 0, 1, 7, 8, 9, 63, 64, 65, 127, 128,
		255, 256, 4080, 4095, 4096, 4097, 8192, 32767, 32768, 65535,
		65536 };
	size_t i, round;

	for (round = 0; round < 50; round++) {
		struct byte_stream out = byte_stream(round), in = out;

		for (i = 0; i < ARRAY_LEN(size); i++) {
			size_t n = size[(i * (round + 1)) % ARRAY_LEN(size)];

			stream_make(&out, data, n);
			ASSERT_EQ(n, send(self->fd[0], data, n, 0));
			ASSERT_EQ(n, recv(self->fd[1], got, sizeof(got), 0));
			ASSERT_TRUE(stream_check(&in, got, n));
		}
	}
}

TEST_F(dgram_message, the_rest_of_a_short_receive_is_lost)
{
	char got[4];

	ASSERT_EQ(6, say(self->fd[0], "abcdef"));
	ASSERT_EQ(1, say(self->fd[0], "g"));
	ASSERT_EQ(4, recv(self->fd[1], got, 4, 0));
	EXPECT_EQ(0, memcmp("abcd", got, 4));
	EXPECT_TRUE(hear(self->fd[1], "g"));
}

TEST_F(dgram_message, a_receive_of_nothing_takes_one_too)
{
	ASSERT_EQ(6, say(self->fd[0], "abcdef"));
	ASSERT_EQ(1, say(self->fd[0], "g"));
	EXPECT_EQ(0, recv(self->fd[1], NULL, 0, 0));
	EXPECT_TRUE(hear(self->fd[1], "g"));
}

/* recvmsg() with @flags into @size bytes; the flags that come back. */
static int flags_of(int fd, size_t size, int flags, ssize_t *n)
{
	char got[16];
	struct iovec iov = { got, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	*n = recvmsg(fd, &msg, flags | MSG_DONTWAIT);
	return msg.msg_flags;
}

TEST_F(dgram_message, msg_trunc_tells_of_a_cut)
{
	ssize_t n;

	ASSERT_EQ(6, say(self->fd[0], "abcdef"));
	EXPECT_EQ(MSG_TRUNC, flags_of(self->fd[1], 4, MSG_PEEK, &n));
	EXPECT_EQ(4, n);
	EXPECT_EQ(0, flags_of(self->fd[1], 6, MSG_PEEK, &n));
	EXPECT_EQ(6, n);
	EXPECT_EQ(MSG_TRUNC, flags_of(self->fd[1], 0, MSG_PEEK, &n));
	EXPECT_EQ(0, n);
	EXPECT_EQ(MSG_TRUNC, flags_of(self->fd[1], 5, 0, &n));
	EXPECT_EQ(5, n);
	flags_of(self->fd[1], 4, 0, &n);
	EXPECT_EQ(-1, n);
}

TEST_F(dgram_message, msg_trunc_asks_for_the_true_length)
{
	ssize_t n;

	ASSERT_EQ(6, say(self->fd[0], "abcdef"));
	EXPECT_EQ(MSG_TRUNC, flags_of(self->fd[1], 4, MSG_PEEK | MSG_TRUNC,
				      &n));
	EXPECT_EQ(6, n);
	EXPECT_EQ(0, flags_of(self->fd[1], 16, MSG_PEEK | MSG_TRUNC, &n));
	EXPECT_EQ(6, n);
	EXPECT_EQ(6, recv(self->fd[1], NULL, 0, MSG_TRUNC));
	EXPECT_EQ(-EAGAIN, take(self->fd[1]));
}

TEST_F(dgram_message, msg_peek_leaves_it)
{
	char got[8];

	ASSERT_EQ(3, say(self->fd[0], "abc"));
	ASSERT_EQ(1, say(self->fd[0], "d"));
	ASSERT_EQ(3, recv(self->fd[1], got, sizeof(got), MSG_PEEK));
	EXPECT_EQ(0, memcmp("abc", got, 3));
	ASSERT_EQ(2, recv(self->fd[1], got, 2, MSG_PEEK));
	EXPECT_TRUE(hear(self->fd[1], "abc"));
	EXPECT_TRUE(hear(self->fd[1], "d"));
}

/* There is no more to wait for than one. */
TEST_F(dgram_message, msg_waitall_takes_one)
{
	char got[8];

	ASSERT_EQ(3, say(self->fd[0], "abc"));
	ASSERT_EQ(1, say(self->fd[0], "d"));
	EXPECT_EQ(3, recv(self->fd[1], got, sizeof(got), MSG_WAITALL));
	EXPECT_TRUE(hear(self->fd[1], "d"));
}

TEST_F(dgram_message, msg_oob_is_eopnotsupp)
{
	char got;

	EXPECT_ERRNO(EOPNOTSUPP, send(self->fd[0], "x", 1, MSG_OOB));
	EXPECT_ERRNO(EOPNOTSUPP, recv(self->fd[1], &got, 1, MSG_OOB));
	EXPECT_EQ(-EAGAIN, take(self->fd[1]));
}

/* One end of a message is one: the mark says nothing new. */
TEST_F(dgram_message, msg_eor_and_msg_more_change_nothing)
{
	ssize_t n;

	ASSERT_EQ(1, send(self->fd[0], "x", 1, MSG_EOR));
	ASSERT_EQ(1, send(self->fd[0], "y", 1, MSG_MORE));
	EXPECT_EQ(0, flags_of(self->fd[1], 4, 0, &n));
	EXPECT_EQ(1, n);
	EXPECT_EQ(0, flags_of(self->fd[1], 4, 0, &n));
	EXPECT_EQ(1, n);
}

TEST_F(dgram_message, an_empty_one_is_one)
{
	ASSERT_EQ(0, say(self->fd[0], ""));
	ASSERT_EQ(0, say(self->fd[0], ""));
	ASSERT_EQ(1, say(self->fd[0], "x"));
	EXPECT_EQ(POLLIN, poll_one(self->fd[1], POLLIN, 0));
	EXPECT_EQ(0, take(self->fd[1]));
	EXPECT_EQ(0, take(self->fd[1]));
	EXPECT_TRUE(hear(self->fd[1], "x"));
	EXPECT_EQ(-EAGAIN, take(self->fd[1]));
}

/* write() of nothing sends as well; read() of nothing never gets there. */
TEST_F(dgram_message, read_and_write_move_whole_ones)
{
	char got[8];

	ASSERT_EQ(3, write(self->fd[0], "abc", 3));
	ASSERT_EQ(0, write(self->fd[0], "", 0));
	ASSERT_EQ(1, write(self->fd[0], "d", 1));
	EXPECT_EQ(0, read(self->fd[1], got, 0));
	ASSERT_EQ(2, read(self->fd[1], got, 2));
	EXPECT_EQ(0, read(self->fd[1], got, 8));
	EXPECT_EQ(1, read(self->fd[1], got, 8));
}

TEST_F(dgram_message, vectors_are_one)
{
	char a[2], b[8];
	struct iovec out[] = { { "ab", 2 }, { NULL, 0 }, { "cde", 3 } };
	struct iovec in[] = { { a, 2 }, { b, 8 } };

	ASSERT_EQ(5, writev(self->fd[0], out, 3));
	ASSERT_EQ(5, readv(self->fd[1], in, 2));
	EXPECT_EQ(0, memcmp("ab", a, 2));
	EXPECT_EQ(0, memcmp("cde", b, 3));
}

TEST_F(dgram_message, sendmmsg_and_recvmmsg_keep_them_apart)
{
	struct iovec out[] = { { "a", 1 }, { "", 0 }, { "bcd", 3 } }, in[4];
	struct mmsghdr msg[4] = {};
	char got[4][4];
	int i;

	for (i = 0; i < 3; i++) {
		msg[i].msg_hdr.msg_iov = &out[i];
		msg[i].msg_hdr.msg_iovlen = 1;
	}
	ASSERT_EQ(3, sendmmsg(self->fd[0], msg, 3, 0));
	for (i = 0; i < 4; i++) {
		in[i] = (struct iovec){ got[i], 4 };
		msg[i].msg_hdr.msg_iov = &in[i];
		msg[i].msg_hdr.msg_iovlen = 1;
		msg[i].msg_len = 99;
	}
	ASSERT_EQ(3, recvmmsg(self->fd[1], msg, 4, MSG_DONTWAIT, NULL));
	EXPECT_EQ(1, msg[0].msg_len);
	EXPECT_EQ(0, msg[1].msg_len);
	EXPECT_EQ(3, msg[2].msg_len);
	EXPECT_EQ(0, memcmp("bcd", got[2], 3));
}

/* SO_SNDBUF bounds it; AF_UNIX keeps 32 of those bytes for itself. */
TEST_F(dgram_message, one_that_can_never_fit_is_emsgsize)
{
	int reserve = variant->qsock ? 0 : 32, small = 10000, i;

	for (i = 0; i < 2; i++) {
		int most = int_option(self->fd[0], SO_SNDBUF) - reserve;
		char *data = calloc(1, most + 1);

		EXPECT_ERRNO(EMSGSIZE, send(self->fd[0], data, most + 1,
					    MSG_DONTWAIT));
		EXPECT_EQ(most, send(self->fd[0], data, most, MSG_DONTWAIT));
		EXPECT_EQ(most, recv(self->fd[1], NULL, 0, MSG_TRUNC));
		free(data);
		ASSERT_EQ(0, setsockopt(self->fd[0], SOL_SOCKET, SO_SNDBUF,
					&small, sizeof(small)));
	}
}

/* The receiver's buffer is no limit to one. */
TEST_F(dgram_message, a_small_rcvbuf_still_takes_one)
{
	static char data[65536];
	int small = 1;

	ASSERT_EQ(0, setsockopt(self->fd[1], SOL_SOCKET, SO_RCVBUF, &small,
				sizeof(small)));
	ASSERT_EQ(sizeof(data), send(self->fd[0], data, sizeof(data),
				     MSG_DONTWAIT));
	EXPECT_EQ(sizeof(data), recv(self->fd[1], NULL, 0, MSG_TRUNC));
}

TEST_F(dgram_message, siocinq_is_the_length_of_the_first)
{
	EXPECT_EQ(0, queue_bytes(self->fd[1], SIOCINQ));
	ASSERT_EQ(3, say(self->fd[0], "abc"));
	ASSERT_EQ(0, say(self->fd[0], ""));
	ASSERT_EQ(5, say(self->fd[0], "defgh"));
	EXPECT_EQ(3, queue_bytes(self->fd[1], SIOCINQ));
	EXPECT_EQ(3, take(self->fd[1]));
	EXPECT_EQ(0, queue_bytes(self->fd[1], SIOCINQ));
	EXPECT_EQ(0, take(self->fd[1]));
	EXPECT_EQ(5, queue_bytes(self->fd[1], SIOCINQ));
}

TEST_F(dgram_message, siocoutq_is_what_nobody_received_yet)
{
	int bytes;
	char got;

	EXPECT_EQ(0, queue_bytes(self->fd[0], SIOCOUTQ));
	ASSERT_EQ(3, say(self->fd[0], "abc"));
	ASSERT_EQ(5, say(self->fd[0], "defgh"));
	/* AF_UNIX counts its buffers, not the bytes in them. */
	bytes = queue_bytes(self->fd[0], SIOCOUTQ);
	EXPECT_TRUE(variant->qsock ? bytes == 8 : bytes > 8);
	EXPECT_EQ(0, queue_bytes(self->fd[1], SIOCOUTQ));
	EXPECT_EQ(3, take(self->fd[1]));
	if (variant->qsock)
		EXPECT_EQ(5, queue_bytes(self->fd[0], SIOCOUTQ));
	/* A part of it is all of it. */
	ASSERT_EQ(1, recv(self->fd[1], &got, 1, 0));
	EXPECT_EQ(0, queue_bytes(self->fd[0], SIOCOUTQ));
}

/* A page that is there, and after it one that is not. */
static char *page_before_a_hole(struct __test_metadata *_metadata)
{
	size_t page = getpagesize();
	char *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, munmap(map + page, page));
	return map;
}

TEST_F(dgram_message, a_send_from_nowhere_sends_nothing)
{
	size_t page = getpagesize();
	char *map = page_before_a_hole(_metadata);

	EXPECT_ERRNO(EFAULT, send(self->fd[0], nowhere(), 4, 0));
	EXPECT_ERRNO(EFAULT, send(self->fd[0], map, page + 4, 0));
	EXPECT_EQ(-EAGAIN, take(self->fd[1]));
	EXPECT_EQ(0, queue_bytes(self->fd[0], SIOCOUTQ));
	munmap(map, page);
}

/* AF_UNIX loses it. */
TEST_F(dgram_message, a_receive_to_nowhere_leaves_it)
{
	size_t page = getpagesize(), size = page + 4;
	char *map = page_before_a_hole(_metadata);
	struct byte_stream out = byte_stream(1), in = out;
	char data[size], got[size];

	stream_make(&out, data, size);
	ASSERT_EQ(size, send(self->fd[0], data, size, 0));
	if (!variant->qsock)
		ASSERT_EQ(size, send(self->fd[0], data, size, 0));
	EXPECT_ERRNO(EFAULT, recv(self->fd[1], nowhere(), 4, 0));
	EXPECT_ERRNO(EFAULT, recv(self->fd[1], map, size, 0));
	if (variant->qsock) {
		ASSERT_EQ(size, recv(self->fd[1], got, size, 0));
		EXPECT_TRUE(stream_check(&in, got, size));
	}
	EXPECT_EQ(-EAGAIN, take(self->fd[1]));
	EXPECT_EQ(0, queue_bytes(self->fd[0], SIOCOUTQ));
	munmap(map, page);
}

TEST_HARNESS_MAIN
