// SPDX-License-Identifier: GPL-2.0
/*
 * MSG_OOB: the calls, and what they refuse. What becomes of the bytes is in
 * msg_oob.c.
 */
#include "qsock_data.h"
#include "qsock_oob.h"
#include "qsock_test.h"

FIXTURE(oob_call)
{
	int family;
	int *fd;	/* of the pair */
	struct oob_pair pair;
};

FIXTURE_VARIANT(oob_call)
{
	bool qsock;
};

FAMILY_VARIANTS(oob_call);

FIXTURE_SETUP(oob_call)
{
	self->pair.fd[0] = -1;
	self->pair.fd[1] = -1;
	self->fd = self->pair.fd;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	oob_setup(_metadata, &self->pair, self->family);
}

FIXTURE_TEARDOWN(oob_call)
{
	close_open(&self->pair.fd[0]);
	close_open(&self->pair.fd[1]);
}

TEST_F(oob_call, send_of_nothing_is_eopnotsupp)
{
	int sk = stream_socket(_metadata, self->family, 0);

	EXPECT_ERRNO(EOPNOTSUPP, send(self->fd[0], "", 0, MSG_OOB));
	EXPECT_EQ(0, oob_state(self->fd[1]));
	EXPECT_FALSE(urged(&self->pair));
	/* Before it asks for a peer. */
	EXPECT_ERRNO(EOPNOTSUPP, send(sk, "", 0, MSG_OOB));
	close(sk);
}

TEST_F(oob_call, unconnected)
{
	int sk = stream_socket(_metadata, self->family, 0);
	char got;

	EXPECT_ERRNO(ENOTCONN, send(sk, "x", 1, MSG_OOB));
	EXPECT_ERRNO(EINVAL, recv(sk, &got, 1, MSG_OOB));
	EXPECT_EQ(0, at_mark(sk));
	close(sk);
}

TEST_F(oob_call, recv_never_waits)
{
	char got[4];

	EXPECT_ERRNO(EINVAL, recv(self->fd[1], got, sizeof(got), MSG_OOB));
	EXPECT_ERRNO(EINVAL, recv(self->fd[1], got, sizeof(got),
				  MSG_OOB | MSG_PEEK));
	EXPECT_ERRNO(EINVAL, recv(self->fd[1], got, sizeof(got),
				  MSG_OOB | MSG_WAITALL));
}

TEST_F(oob_call, recv_gives_one_byte_and_says_so)
{
	char got[4] = "...";
	struct iovec iov = { got, sizeof(got) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	ASSERT_EQ(3, send(self->fd[0], "abc", 3, MSG_OOB));
	ASSERT_EQ(1, recvmsg(self->fd[1], &msg, MSG_OOB | MSG_WAITALL));
	EXPECT_EQ(MSG_OOB, msg.msg_flags);
	EXPECT_STREQ("c..", got);
	msg.msg_flags = -1;
	ASSERT_EQ(2, recvmsg(self->fd[1], &msg, 0));
	EXPECT_EQ(0, msg.msg_flags);
}

TEST_F(oob_call, sendmsg_takes_the_last_byte_of_the_last_vector)
{
	char a[] = "ab", b[] = "cd", got[8];
	struct iovec iov[] = { { a, 2 }, { b, 2 }, { NULL, 0 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = ARRAY_LEN(iov) };

	ASSERT_EQ(4, sendmsg(self->fd[0], &msg, MSG_OOB));
	ASSERT_EQ(1, recv(self->fd[1], got, sizeof(got), MSG_OOB));
	EXPECT_EQ('d', got[0]);
	ASSERT_EQ(3, recv(self->fd[1], got, sizeof(got), 0));
	EXPECT_EQ(0, memcmp("abc", got, 3));
}

TEST_F(oob_call, the_byte_behind_a_long_send_is_the_last)
{
	struct byte_stream out = byte_stream(6), in = byte_stream(6);
	size_t size = 50000;
	char *data = malloc(size), got;

	stream_make(&out, data, size);
	data[size - 1] = '!';
	ASSERT_EQ(size, send(self->fd[0], data, size, MSG_OOB));
	ASSERT_EQ(1, recv(self->fd[1], &got, 1, MSG_OOB));
	EXPECT_EQ('!', got);
	ASSERT_EQ(size - 1, recv_all(self->fd[1], data, size - 1));
	EXPECT_TRUE(stream_check(&in, data, size - 1));
	EXPECT_EQ(1, at_mark(self->fd[1]));
	free(data);
}

/* read() and readv() have no flags, and are reads in order. */
TEST_F(oob_call, read_stops_before_it_and_passes_over_it)
{
	char got[8];

	ASSERT_EQ(3, send(self->fd[0], "abc", 3, MSG_OOB));
	ASSERT_EQ(2, send(self->fd[0], "de", 2, 0));
	EXPECT_EQ(2, read(self->fd[1], got, sizeof(got)));
	EXPECT_EQ(2, read(self->fd[1], got, sizeof(got)));
	EXPECT_EQ(0, memcmp("de", got, 2));
}

TEST_F(oob_call, waitall_stops_before_it)
{
	char got[8];

	ASSERT_EQ(3, send(self->fd[0], "abc", 3, MSG_OOB));
	ASSERT_EQ(2, send(self->fd[0], "de", 2, 0));
	EXPECT_EQ(2, recv(self->fd[1], got, sizeof(got), MSG_WAITALL));
	EXPECT_EQ(READABLE | URGENT | AT_MARK, oob_state(self->fd[1]));
}

TEST_F(oob_call, both_directions_have_their_own)
{
	char got[4];

	ASSERT_EQ(1, send(self->fd[0], "a", 1, MSG_OOB));
	EXPECT_ERRNO(EINVAL, recv(self->fd[0], got, 1, MSG_OOB));
	ASSERT_EQ(1, send(self->fd[1], "b", 1, MSG_OOB));
	ASSERT_EQ(1, recv(self->fd[0], got, 1, MSG_OOB));
	EXPECT_EQ('b', got[0]);
	ASSERT_EQ(1, recv(self->fd[1], got, 1, MSG_OOB));
	EXPECT_EQ('a', got[0]);
}

TEST_F(oob_call, may_be_sent_before_accept)
{
	struct test_addr addr = nul_addr(self->family, "listener");
	int listener = stream_listen(_metadata, &addr, 1);
	int client = stream_connect(_metadata, &addr), server;
	char got[4];

	ASSERT_EQ(2, send(client, "ab", 2, MSG_OOB));
	server = accept(listener, NULL, NULL);
	ASSERT_LE(0, server);
	EXPECT_EQ(READABLE | URGENT, oob_state(server));
	EXPECT_EQ(1, recv(server, got, sizeof(got), MSG_OOB));
	EXPECT_EQ('b', got[0]);
	EXPECT_EQ(1, recv(server, got, sizeof(got), 0));
	close(server);
	close(client);
	close(listener);
}

TEST_F(oob_call, outlives_the_sender)
{
	char got[4];

	ASSERT_EQ(2, send(self->fd[0], "ab", 2, MSG_OOB));
	close_open(&self->fd[0]);
	EXPECT_EQ(1, recv(self->fd[1], got, sizeof(got), MSG_OOB));
	EXPECT_EQ('b', got[0]);
	EXPECT_EQ(1, recv(self->fd[1], got, sizeof(got), 0));
	EXPECT_EQ(0, recv(self->fd[1], got, sizeof(got), 0));
}

TEST_F(oob_call, the_end_comes_behind_a_byte_that_nobody_took)
{
	char got[4];

	ASSERT_EQ(2, send(self->fd[0], "ab", 2, MSG_OOB));
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(1, recv(self->fd[1], got, sizeof(got), 0));
	EXPECT_EQ(0, recv(self->fd[1], got, sizeof(got), 0));
	EXPECT_ERRNO(EINVAL, recv(self->fd[1], got, 1, MSG_OOB));
}

TEST_F(oob_call, send_to_one_who_is_gone_is_epipe)
{
	close_open(&self->fd[1]);
	EXPECT_ERRNO(EPIPE, send(self->fd[0], "x", 1, MSG_OOB | MSG_NOSIGNAL));
	EXPECT_ERRNO(EPIPE, send(self->fd[0], "xy", 2,
				 MSG_OOB | MSG_NOSIGNAL));
}

TEST_F(oob_call, send_into_a_full_queue_is_eagain)
{
	size_t taken = fill_queue(self->fd[0], 512);

	ASSERT_LT(0, taken);
	EXPECT_ERRNO(EAGAIN, send(self->fd[0], "x", 1,
				  MSG_OOB | MSG_DONTWAIT));
	EXPECT_EQ(READABLE, oob_state(self->fd[1]));
	EXPECT_FALSE(urged(&self->pair));
	EXPECT_EQ(taken, drain_queue(self->fd[1]));
}

TEST_F(oob_call, send_of_a_bad_buffer_is_efault)
{
	EXPECT_ERRNO(EFAULT, send(self->fd[0], nowhere(), 1, MSG_OOB));
	EXPECT_EQ(0, oob_state(self->fd[1]));
	EXPECT_FALSE(urged(&self->pair));
}

TEST_F(oob_call, recv_into_a_bad_buffer_is_efault)
{
	char got;

	ASSERT_EQ(1, send(self->fd[0], "x", 1, MSG_OOB));
	EXPECT_ERRNO(EFAULT, recv(self->fd[1], nowhere(), 1, MSG_OOB));
	/* AF_UNIX has lost it now. */
	EXPECT_EQ(variant->qsock ? 1 : -1,
		  recv(self->fd[1], &got, 1, MSG_OOB));
}

TEST_F(oob_call, siocatmark_efault)
{
	EXPECT_ERRNO(EFAULT, ioctl(self->fd[1], SIOCATMARK, nowhere()));
}

TEST_F(oob_call, siocinq_counts_the_byte_until_it_is_taken)
{
	int bytes = -1;
	char got[4];

	ASSERT_EQ(3, send(self->fd[0], "abc", 3, MSG_OOB));
	ASSERT_EQ(0, ioctl(self->fd[1], SIOCINQ, &bytes));
	EXPECT_EQ(3, bytes);
	ASSERT_EQ(1, recv(self->fd[1], got, 1, MSG_OOB));
	ASSERT_EQ(0, ioctl(self->fd[1], SIOCINQ, &bytes));
	EXPECT_EQ(2, bytes);
	ASSERT_EQ(2, recv(self->fd[1], got, sizeof(got), 0));
	ASSERT_EQ(0, ioctl(self->fd[1], SIOCINQ, &bytes));
	EXPECT_EQ(0, bytes);
}

/* AF_UNIX of 7.2 goes on counting it. */
TEST_F(oob_call, siocinq_forgets_a_byte_that_was_passed_over)
{
	int bytes = -1;
	char got;

	if (!variant->qsock)
		SKIP(return, "AF_UNIX differs from kernel to kernel");
	ASSERT_EQ(1, send(self->fd[0], "x", 1, MSG_OOB));
	EXPECT_ERRNO(EAGAIN, recv(self->fd[1], &got, 1, MSG_DONTWAIT));
	ASSERT_EQ(0, ioctl(self->fd[1], SIOCINQ, &bytes));
	EXPECT_EQ(0, bytes);
}

/* Messages know nothing of the kind. */

FIXTURE(oob_message)
{
	int fd[2];
};

FIXTURE_VARIANT(oob_message)
{
	bool qsock;
	int type;
};

FIXTURE_VARIANT_ADD(oob_message, af_qsock_seqpacket)
	{ .qsock = true, .type = SOCK_SEQPACKET };
FIXTURE_VARIANT_ADD(oob_message, af_qsock_dgram)
	{ .qsock = true, .type = SOCK_DGRAM };
FIXTURE_VARIANT_ADD(oob_message, af_unix_seqpacket)
	{ .qsock = false, .type = SOCK_SEQPACKET };
FIXTURE_VARIANT_ADD(oob_message, af_unix_dgram)
	{ .qsock = false, .type = SOCK_DGRAM };

FIXTURE_SETUP(oob_message)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	ASSERT_EQ(0, socketpair(test_family(variant->qsock), variant->type, 0,
				self->fd));
}

FIXTURE_TEARDOWN(oob_message)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

TEST_F(oob_message, is_eopnotsupp)
{
	int on = 1, mark;
	char got[4];

	EXPECT_ERRNO(EOPNOTSUPP, send(self->fd[0], "x", 1, MSG_OOB));
	EXPECT_ERRNO(EOPNOTSUPP, send(self->fd[0], "", 0, MSG_OOB));
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_ERRNO(EOPNOTSUPP, recv(self->fd[1], got, 1, MSG_OOB));
	EXPECT_ERRNO(EOPNOTSUPP, recv(self->fd[1], got, 1,
				      MSG_OOB | MSG_PEEK));
	EXPECT_ERRNO(EOPNOTSUPP, ioctl(self->fd[1], SIOCATMARK, &mark));
	/* The option may be set, and changes nothing. */
	EXPECT_EQ(0, setsockopt(self->fd[1], SOL_SOCKET, SO_OOBINLINE, &on,
				sizeof(on)));
	EXPECT_ERRNO(EOPNOTSUPP, recv(self->fd[1], got, 1, MSG_OOB));
	EXPECT_EQ(POLLIN, poll_one(self->fd[1], POLLIN | POLLPRI, 0));
	EXPECT_EQ(1, recv(self->fd[1], got, sizeof(got), 0));
	EXPECT_EQ('x', got[0]);
}

TEST_HARNESS_MAIN
