// SPDX-License-Identifier: GPL-2.0
/*
 * Records on a connection: their borders, their ends, and the end of the
 * connection among them.
 */
#include <linux/sockios.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "qsock_message.h"

FIXTURE(seqpacket_pair)
{
	int family;
	int fd[2];
};

FIXTURE_VARIANT(seqpacket_pair)
{
	bool qsock;
	bool accepted;
};

FAMILY_CONNECTION_VARIANTS(seqpacket_pair);

FIXTURE_SETUP(seqpacket_pair)
{
	struct test_addr addr;
	int listener;

	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	if (!variant->accepted) {
		ASSERT_EQ(0, socketpair(self->family, SOCK_SEQPACKET, 0,
					self->fd));
		return;
	}
	addr = nul_addr(self->family, "listener");
	listener = message_bind(_metadata, SOCK_SEQPACKET, &addr);
	ASSERT_EQ(0, listen(listener, 1));
	self->fd[0] = message_connect(_metadata, SOCK_SEQPACKET, &addr);
	self->fd[1] = accept(listener, NULL, NULL);
	ASSERT_LE(0, self->fd[1]);
	close(listener);
}

FIXTURE_TEARDOWN(seqpacket_pair)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

TEST_F(seqpacket_pair, each_receive_takes_one_record_in_order)
{
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(1, say(self->fd[i], "a"));
		ASSERT_EQ(3, say(self->fd[i], "bcd"));
		ASSERT_EQ(2, say(self->fd[i], "ef"));
		EXPECT_TRUE(hear(self->fd[!i], "a"));
		EXPECT_TRUE(hear(self->fd[!i], "bcd"));
		EXPECT_TRUE(hear(self->fd[!i], "ef"));
		EXPECT_EQ(-EAGAIN, take(self->fd[!i]));
	}
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

TEST_F(seqpacket_pair, the_rest_of_a_short_receive_is_lost)
{
	char got[4];
	ssize_t n;

	ASSERT_EQ(6, say(self->fd[0], "abcdef"));
	ASSERT_EQ(6, say(self->fd[0], "ghijkl"));
	ASSERT_EQ(1, say(self->fd[0], "m"));
	ASSERT_EQ(4, recv(self->fd[1], got, 4, 0));
	EXPECT_EQ(0, memcmp("abcd", got, 4));
	EXPECT_EQ(MSG_TRUNC, flags_of(self->fd[1], 5, 0, &n));
	EXPECT_EQ(5, n);
	EXPECT_EQ(0, flags_of(self->fd[1], 5, 0, &n));
	EXPECT_EQ(1, n);
}

TEST_F(seqpacket_pair, msg_trunc_asks_for_the_true_length)
{
	ssize_t n;

	ASSERT_EQ(6, say(self->fd[0], "abcdef"));
	EXPECT_EQ(MSG_TRUNC, flags_of(self->fd[1], 4, MSG_PEEK | MSG_TRUNC,
				      &n));
	EXPECT_EQ(6, n);
	EXPECT_EQ(6, recv(self->fd[1], NULL, 0, MSG_TRUNC));
	EXPECT_EQ(-EAGAIN, take(self->fd[1]));
}

/* AF_UNIX takes the mark and forgets it. */
TEST_F(seqpacket_pair, msg_eor_comes_with_the_record_that_had_it)
{
	int eor = variant->qsock ? MSG_EOR : 0;
	ssize_t n;

	ASSERT_EQ(1, send(self->fd[0], "a", 1, 0));
	ASSERT_EQ(2, send(self->fd[0], "bc", 2, MSG_EOR));
	ASSERT_EQ(0, send(self->fd[0], "", 0, MSG_EOR));
	ASSERT_EQ(1, send(self->fd[0], "d", 1, 0));
	EXPECT_EQ(0, flags_of(self->fd[1], 4, 0, &n));
	EXPECT_EQ(eor, flags_of(self->fd[1], 4, MSG_PEEK, &n));
	EXPECT_EQ(eor | MSG_TRUNC, flags_of(self->fd[1], 1, MSG_PEEK, &n));
	EXPECT_EQ(eor, flags_of(self->fd[1], 4, 0, &n));
	EXPECT_EQ(2, n);
	EXPECT_EQ(eor, flags_of(self->fd[1], 4, 0, &n));
	EXPECT_EQ(0, n);
	EXPECT_EQ(0, flags_of(self->fd[1], 4, 0, &n));
	EXPECT_EQ(1, n);
}

TEST_F(seqpacket_pair, msg_peek_leaves_the_record)
{
	char got[8];

	ASSERT_EQ(3, say(self->fd[0], "abc"));
	ASSERT_EQ(1, say(self->fd[0], "d"));
	ASSERT_EQ(3, recv(self->fd[1], got, sizeof(got), MSG_PEEK));
	EXPECT_EQ(0, memcmp("abc", got, 3));
	EXPECT_TRUE(hear(self->fd[1], "abc"));
	EXPECT_TRUE(hear(self->fd[1], "d"));
}

TEST_F(seqpacket_pair, msg_waitall_takes_one_record)
{
	char got[8];

	ASSERT_EQ(3, say(self->fd[0], "abc"));
	ASSERT_EQ(1, say(self->fd[0], "d"));
	EXPECT_EQ(3, recv(self->fd[1], got, sizeof(got), MSG_WAITALL));
	EXPECT_TRUE(hear(self->fd[1], "d"));
}

TEST_F(seqpacket_pair, msg_oob_is_eopnotsupp)
{
	char got;

	EXPECT_ERRNO(EOPNOTSUPP, send(self->fd[0], "x", 1, MSG_OOB));
	EXPECT_ERRNO(EOPNOTSUPP, recv(self->fd[1], &got, 1, MSG_OOB));
	EXPECT_EQ(-EAGAIN, take(self->fd[1]));
}

TEST_F(seqpacket_pair, vectors_are_one_record)
{
	char a[2], b[8];
	struct iovec out[] = { { "ab", 2 }, { NULL, 0 }, { "cde", 3 } };
	struct iovec in[] = { { a, 2 }, { b, 8 } };

	ASSERT_EQ(5, writev(self->fd[0], out, 3));
	ASSERT_EQ(1, write(self->fd[0], "f", 1));
	ASSERT_EQ(5, readv(self->fd[1], in, 2));
	EXPECT_EQ(0, memcmp("ab", a, 2));
	EXPECT_EQ(0, memcmp("cde", b, 3));
	EXPECT_EQ(1, read(self->fd[1], b, 8));
}

/* The receiver of a connection is fixed; AF_UNIX does not even look. */
TEST_F(seqpacket_pair, an_address_given_to_send_is_not_looked_at)
{
	struct test_addr nobody = nul_addr(self->family, "nobody");

	EXPECT_EQ(1, say_to(self->fd[0], &nobody, "x"));
	EXPECT_TRUE(hear(self->fd[1], "x"));
	nobody.sa.sa_family = AF_INET;
	EXPECT_EQ(1, say_to(self->fd[0], &nobody, "y"));
	EXPECT_TRUE(hear(self->fd[1], "y"));
}

TEST_F(seqpacket_pair, a_record_names_a_sender_that_has_a_name)
{
	struct test_addr name = nul_addr(self->family, "sender"), from;

	ASSERT_EQ(1, say(self->fd[0], "x"));
	from = sender_of(self->fd[1]);
	EXPECT_EQ(0, from.len);
	ASSERT_EQ(0, bind(self->fd[0], &name.sa, name.len));
	ASSERT_EQ(1, say(self->fd[0], "x"));
	from = sender_of(self->fd[1]);
	EXPECT_TRUE(same_addr(&name, &from));
}

/* A record without a byte is one; only what follows tells it from the end. */
TEST_F(seqpacket_pair, an_empty_record_is_not_the_end)
{
	short all = POLLIN | POLLRDHUP | POLLHUP;

	ASSERT_EQ(0, say(self->fd[0], ""));
	EXPECT_EQ(POLLIN, poll_one(self->fd[1], all, 0));
	EXPECT_EQ(0, take(self->fd[1]));
	EXPECT_EQ(-EAGAIN, take(self->fd[1]));
	ASSERT_EQ(0, say(self->fd[0], ""));
	ASSERT_EQ(1, say(self->fd[0], "x"));
	close_open(&self->fd[0]);
	EXPECT_EQ(all, poll_one(self->fd[1], all, 0));
	EXPECT_EQ(0, take(self->fd[1]));
	EXPECT_TRUE(hear(self->fd[1], "x"));
	EXPECT_EQ(0, take(self->fd[1]));
	EXPECT_EQ(0, take(self->fd[1]));
}

TEST_F(seqpacket_pair, a_record_that_can_never_fit_is_emsgsize)
{
	/* AF_UNIX keeps 32 of the bytes for itself. */
	int most = int_option(self->fd[0], SO_SNDBUF) -
		   (variant->qsock ? 0 : 32);
	char *data = calloc(1, most + 1);

	EXPECT_ERRNO(EMSGSIZE, send(self->fd[0], data, most + 1, 0));
	EXPECT_EQ(most, send(self->fd[0], data, most, MSG_DONTWAIT));
	EXPECT_EQ(most, recv(self->fd[1], NULL, 0, MSG_TRUNC));
	EXPECT_EQ(-EAGAIN, take(self->fd[1]));
	free(data);
}

TEST_F(seqpacket_pair, siocinq_is_the_sum_of_all_records)
{
	EXPECT_EQ(0, queue_bytes(self->fd[1], SIOCINQ));
	ASSERT_EQ(3, say(self->fd[0], "abc"));
	ASSERT_EQ(0, say(self->fd[0], ""));
	ASSERT_EQ(5, say(self->fd[0], "defgh"));
	EXPECT_EQ(8, queue_bytes(self->fd[1], SIOCINQ));
	/* A part of a record is all of it. */
	EXPECT_EQ(3, recv(self->fd[1], NULL, 0, MSG_TRUNC));
	EXPECT_EQ(5, queue_bytes(self->fd[1], SIOCINQ));
	if (variant->qsock)
		EXPECT_EQ(5, queue_bytes(self->fd[0], SIOCOUTQ));
	EXPECT_EQ(0, take(self->fd[1]));
	EXPECT_EQ(5, take(self->fd[1]));
	EXPECT_EQ(0, queue_bytes(self->fd[1], SIOCINQ));
	EXPECT_EQ(0, queue_bytes(self->fd[0], SIOCOUTQ));
}

TEST_F(seqpacket_pair, a_full_queue_is_eagain)
{
	size_t count = fill_messages(self->fd[0], 512), i;

	ASSERT_LT(0, count);
	EXPECT_EQ(-EAGAIN, say(self->fd[0], "x"));
	EXPECT_EQ(0, poll_one(self->fd[0], POLLOUT, 0));
	for (i = 0; i < count; i++)
		ASSERT_EQ(512, recv(self->fd[1], NULL, 0, MSG_TRUNC));
	EXPECT_EQ(-EAGAIN, take(self->fd[1]));
	EXPECT_EQ(POLLOUT, poll_one(self->fd[0], POLLOUT, 0));
	EXPECT_EQ(1, say(self->fd[0], "x"));
}

TEST_F(seqpacket_pair, timeouts_end_a_wait_with_eagain)
{
	long long start = now_ms();
	char got;

	ASSERT_EQ(0, set_timeout_ms(self->fd[0], SO_RCVTIMEO, 200));
	EXPECT_ERRNO(EAGAIN, recv(self->fd[0], &got, 1, 0));
	EXPECT_LE(190, now_ms() - start);
	ASSERT_LT(0, fill_messages(self->fd[0], 512));
	ASSERT_EQ(0, set_timeout_ms(self->fd[0], SO_SNDTIMEO, 200));
	start = now_ms();
	EXPECT_ERRNO(EAGAIN, send(self->fd[0], "x", 1, 0));
	EXPECT_LE(190, now_ms() - start);
}

TEST_F(seqpacket_pair, a_waiting_send_goes_on_as_the_peer_reads)
{
	size_t count = fill_messages(self->fd[0], 512);
	char got[512];
	pid_t child;

	ASSERT_LT(0, count);
	child = blocked_send(_metadata, self->fd[0], NULL, "last");
	ASSERT_EQ(0, set_timeout_ms(self->fd[1], SO_RCVTIMEO, WAIT_MS));
	while (count--)
		ASSERT_EQ(512, recv(self->fd[1], got, sizeof(got), 0));
	ASSERT_EQ(4, recv(self->fd[1], got, sizeof(got), 0));
	EXPECT_EQ(0, memcmp("last", got, 4));
	EXPECT_EQ(0, wait_exit(child));
}

/* Neither family lets a fault send half a record. */
TEST_F(seqpacket_pair, a_send_from_nowhere_sends_nothing)
{
	struct iovec iov[] = { { "abc", 3 }, { nowhere(), 3 } };

	EXPECT_ERRNO(EFAULT, send(self->fd[0], nowhere(), 4, 0));
	EXPECT_ERRNO(EFAULT, writev(self->fd[0], iov, 2));
	EXPECT_EQ(-EAGAIN, take(self->fd[1]));
	EXPECT_EQ(0, queue_bytes(self->fd[0], SIOCOUTQ));
}

/* AF_UNIX loses it. */
TEST_F(seqpacket_pair, a_receive_to_nowhere_leaves_the_record)
{
	char got[3];
	struct iovec iov[] = { { got, 3 }, { nowhere(), 3 } };

	ASSERT_EQ(6, say(self->fd[0], "abcdef"));
	ASSERT_EQ(1, say(self->fd[0], "g"));
	EXPECT_ERRNO(EFAULT, readv(self->fd[1], iov, 2));
	if (variant->qsock)
		EXPECT_TRUE(hear(self->fd[1], "abcdef"));
	EXPECT_TRUE(hear(self->fd[1], "g"));
}

TEST_HARNESS_MAIN
