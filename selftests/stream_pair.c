// SPDX-License-Identifier: GPL-2.0
/*
 * socketpair(): two connected ends that carry bytes each way.
 */
#include "qsock_data.h"
#include "qsock_test.h"

FIXTURE(stream_pair)
{
	int family;
	int fd[2];
};

FIXTURE_VARIANT(stream_pair)
{
	bool qsock;
};

FAMILY_VARIANTS(stream_pair);

FIXTURE_SETUP(stream_pair)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	ASSERT_EQ(0, socketpair(self->family, SOCK_STREAM, 0, self->fd));
}

FIXTURE_TEARDOWN(stream_pair)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

TEST_F(stream_pair, carries_bytes_each_way)
{
	char there[] = "there", back[] = "and back", got[16];

	ASSERT_EQ(sizeof(there), send(self->fd[0], there, sizeof(there), 0));
	ASSERT_EQ(sizeof(back), send(self->fd[1], back, sizeof(back), 0));

	ASSERT_EQ(sizeof(there), recv(self->fd[1], got, sizeof(got), 0));
	EXPECT_STREQ(there, got);
	ASSERT_EQ(sizeof(back), recv(self->fd[0], got, sizeof(got), 0));
	EXPECT_STREQ(back, got);
}

TEST_F(stream_pair, read_and_write_are_send_and_recv_without_flags)
{
	char got[8];

	ASSERT_EQ(3, write(self->fd[0], "abc", 3));
	ASSERT_EQ(3, read(self->fd[1], got, sizeof(got)));
	EXPECT_EQ(0, memcmp("abc", got, 3));
}

TEST_F(stream_pair, an_end_does_not_hear_itself)
{
	char got[8];

	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	EXPECT_EQ(-1, recv(self->fd[0], got, sizeof(got), MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(stream_pair, neither_end_has_a_name)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct test_addr own = name_of(self->fd[i]);
		struct test_addr peer = peer_of(self->fd[i]);

		EXPECT_EQ(NAME_OFFSET, own.len);
		EXPECT_EQ(self->family, own.sa.sa_family);
		EXPECT_EQ(NAME_OFFSET, peer.len);
		EXPECT_EQ(self->family, peer.sa.sa_family);
	}
}

TEST_F(stream_pair, says_what_it_is)
{
	EXPECT_EQ(SOCK_STREAM, int_option(self->fd[0], SO_TYPE));
	EXPECT_EQ(self->family, int_option(self->fd[0], SO_DOMAIN));
	EXPECT_EQ(0, int_option(self->fd[0], SO_PROTOCOL));
	EXPECT_EQ(0, int_option(self->fd[0], SO_ACCEPTCONN));
	EXPECT_EQ(0, int_option(self->fd[0], SO_ERROR));
}

TEST_F(stream_pair, the_family_is_a_protocol_of_its_own)
{
	int fd[2];
	int one = socket(self->family, SOCK_STREAM, self->family);

	EXPECT_LE(0, one);
	close(one);
	ASSERT_EQ(0, socketpair(self->family, SOCK_STREAM, self->family, fd));
	EXPECT_EQ(1, send(fd[0], "x", 1, 0));
	close(fd[0]);
	close(fd[1]);
}

TEST_F(stream_pair, flags_hold_for_both_ends)
{
	char byte;
	int fd[2], i;

	ASSERT_EQ(0, socketpair(self->family,
				SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
				0, fd));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(O_NONBLOCK, fcntl(fd[i], F_GETFL) & O_NONBLOCK);
		EXPECT_EQ(FD_CLOEXEC, fcntl(fd[i], F_GETFD));
		EXPECT_EQ(-1, recv(fd[i], &byte, 1, 0));
		EXPECT_EQ(EAGAIN, errno);
	}
	close(fd[0]);
	close(fd[1]);
}

TEST_F(stream_pair, pairs_do_not_mix)
{
	char got[2];
	int other[2];

	ASSERT_EQ(0, socketpair(self->family, SOCK_STREAM, 0, other));
	ASSERT_EQ(1, send(self->fd[0], "a", 1, 0));
	ASSERT_EQ(1, send(other[0], "b", 1, 0));

	EXPECT_EQ(1, recv(other[1], got, sizeof(got), MSG_DONTWAIT));
	EXPECT_EQ('b', got[0]);
	EXPECT_EQ(1, recv(self->fd[1], got, sizeof(got), MSG_DONTWAIT));
	EXPECT_EQ('a', got[0]);
	close(other[0]);
	close(other[1]);
}

TEST_F(stream_pair, both_directions_fill_independently)
{
	size_t one = fill_queue(self->fd[0], 1024);
	size_t other = fill_queue(self->fd[1], 1024);

	ASSERT_LT(0, one);
	ASSERT_LT(0, other);
	EXPECT_EQ(one, drain_queue(self->fd[1]));
	EXPECT_EQ(other, drain_queue(self->fd[0]));
}

TEST_HARNESS_MAIN
