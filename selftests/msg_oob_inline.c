// SPDX-License-Identifier: GPL-2.0
/*
 * SO_OOBINLINE: the byte that is out of band is read in its turn. It is
 * announced all the same, and a read stops before it.
 */
#include "qsock_oob.h"
#include "qsock_test.h"

FIXTURE(msg_oob_inline)
{
	int family;
	struct oob_pair pair;
};

FIXTURE_VARIANT(msg_oob_inline)
{
	bool qsock;
	bool peek;
};

OOB_VARIANTS(msg_oob_inline);

FIXTURE_SETUP(msg_oob_inline)
{
	self->pair.fd[0] = -1;
	self->pair.fd[1] = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	oob_setup(_metadata, &self->pair, self->family);
}

FIXTURE_TEARDOWN(msg_oob_inline)
{
	close_open(&self->pair.fd[0]);
	close_open(&self->pair.fd[1]);
}

TEST_F(msg_oob_inline, a_lone_byte_is_read)
{
	OOB_RUN(INLINE(1, 0),
		URGE("x", READABLE | URGENT | AT_MARK),
		REFUSED(READABLE | URGENT | AT_MARK),
		READ(9, "x", 0),
		REFUSED(0),
		CLOSE(0));
}

TEST_F(msg_oob_inline, a_read_stops_before_it)
{
	OOB_RUN(INLINE(1, 0),
		URGE("abc", READABLE | URGENT),
		REFUSED(READABLE | URGENT),
		READ(9, "ab", READABLE | URGENT | AT_MARK),
		READ(9, "c", 0),
		CLOSE(0));
}

TEST_F(msg_oob_inline, a_read_from_it_on_goes_on)
{
	OOB_RUN(INLINE(1, 0),
		URGE("abc", READABLE | URGENT),
		SEND("de", READABLE | URGENT),
		READ(9, "ab", READABLE | URGENT | AT_MARK),
		READ(9, "cde", 0));
}

TEST_F(msg_oob_inline, it_may_be_read_alone)
{
	OOB_RUN(INLINE(1, 0),
		URGE("ab", READABLE | URGENT),
		SEND("c", READABLE | URGENT),
		READ(1, "a", READABLE | URGENT | AT_MARK),
		READ(1, "b", READABLE),
		READ(1, "c", 0));
}

TEST_F(msg_oob_inline, a_newer_one_makes_the_older_plain)
{
	OOB_RUN(INLINE(1, 0),
		URGE("ab", READABLE | URGENT),
		URGE("cd", READABLE | URGENT),
		SEND("e", READABLE | URGENT),
		READ(9, "abc", READABLE | URGENT | AT_MARK),
		READ(9, "de", 0),
		CLOSE(0));
}

TEST_F(msg_oob_inline, a_newer_one_moves_the_mark)
{
	OOB_RUN(INLINE(1, 0),
		URGE("a", READABLE | URGENT | AT_MARK),
		URGE("b", READABLE | URGENT),
		READ(9, "a", READABLE | URGENT | AT_MARK),
		READ(9, "b", 0));
}

TEST_F(msg_oob_inline, counts_for_a_byte_that_is_there)
{
	OOB_RUN(URGE("ab", READABLE | URGENT),
		INLINE(1, READABLE | URGENT),
		REFUSED(READABLE | URGENT),
		READ(9, "a", READABLE | URGENT | AT_MARK),
		READ(9, "b", 0));
}

TEST_F(msg_oob_inline, counts_not_for_a_byte_that_was_taken)
{
	OOB_RUN(URGE("ab", READABLE | URGENT),
		SEND("cd", READABLE | URGENT),
		TAKE("b", READABLE),
		INLINE(1, READABLE),
		READ(9, "a", READABLE | AT_MARK),
		READ(9, "cd", 0),
		CLOSE(0));
}

TEST_F(msg_oob_inline, passes_over_a_hole_to_the_newer_one)
{
	OOB_RUN(URGE("ab", READABLE | URGENT),
		TAKE("b", READABLE),
		INLINE(1, READABLE),
		URGE("cd", READABLE | URGENT),
		READ(1, "a", READABLE | URGENT),
		READ(9, "c", READABLE | URGENT | AT_MARK),
		READ(9, "d", 0));
}

TEST_F(msg_oob_inline, reads_one_right_behind_a_hole)
{
	OOB_RUN(URGE("a", READABLE | URGENT | AT_MARK),
		TAKE("a", READABLE | AT_MARK),
		INLINE(1, READABLE | AT_MARK),
		URGE("b", READABLE | URGENT | AT_MARK),
		READ(9, "b", 0),
		CLOSE(0));
}

TEST_F(msg_oob_inline, may_be_switched_off_again)
{
	OOB_RUN(INLINE(1, 0),
		URGE("ab", READABLE | URGENT),
		REFUSED(READABLE | URGENT),
		INLINE(0, READABLE | URGENT),
		TAKE("b", READABLE),
		READ(9, "a", READABLE | AT_MARK),
		EMPTY(0));
}

TEST_F(msg_oob_inline, switched_off_a_read_passes_over_it)
{
	OOB_RUN(INLINE(1, 0),
		URGE("ab", READABLE | URGENT),
		SEND("c", READABLE | URGENT),
		READ(9, "a", READABLE | URGENT | AT_MARK),
		INLINE(0, READABLE | URGENT | AT_MARK),
		READ(9, "c", 0));
}

TEST_F(msg_oob_inline, close_resets_for_a_byte_that_nobody_read)
{
	OOB_RUN(INLINE(1, 0),
		URGE("a", READABLE | URGENT | AT_MARK),
		CLOSE(ECONNRESET));
}

TEST_F(msg_oob_inline, is_off_and_of_this_end_alone)
{
	char got[4];
	int on = 1;

	EXPECT_EQ(0, int_option(self->pair.fd[1], SO_OOBINLINE));
	ASSERT_EQ(0, setsockopt(self->pair.fd[0], SOL_SOCKET, SO_OOBINLINE,
				&on, sizeof(on)));
	EXPECT_EQ(1, int_option(self->pair.fd[0], SO_OOBINLINE));
	EXPECT_EQ(0, int_option(self->pair.fd[1], SO_OOBINLINE));
	ASSERT_EQ(1, send(self->pair.fd[0], "x", 1, MSG_OOB));
	EXPECT_EQ(1, recv(self->pair.fd[1], got, sizeof(got), MSG_OOB));
}

/* Not what the listener has: what the connection sets. */
TEST_F(msg_oob_inline, is_not_inherited)
{
	struct test_addr addr = nul_addr(self->family, "listener");
	int listener = stream_listen(_metadata, &addr, 1), on = 1;
	int client, server;
	char got[4];

	ASSERT_EQ(0, setsockopt(listener, SOL_SOCKET, SO_OOBINLINE, &on,
				sizeof(on)));
	client = stream_connect(_metadata, &addr);
	server = accept(listener, NULL, NULL);
	ASSERT_LE(0, server);
	EXPECT_EQ(0, int_option(server, SO_OOBINLINE));
	ASSERT_EQ(1, send(client, "x", 1, MSG_OOB));
	EXPECT_EQ(1, recv(server, got, sizeof(got), MSG_OOB | MSG_DONTWAIT));
	close(server);
	close(client);
	close(listener);
}

TEST_F(msg_oob_inline, siocinq_counts_the_byte)
{
	char got[4];
	int on = 1, bytes = -1;

	ASSERT_EQ(0, setsockopt(self->pair.fd[1], SOL_SOCKET, SO_OOBINLINE,
				&on, sizeof(on)));
	ASSERT_EQ(2, send(self->pair.fd[0], "ab", 2, MSG_OOB));
	ASSERT_EQ(0, ioctl(self->pair.fd[1], SIOCINQ, &bytes));
	EXPECT_EQ(2, bytes);
	ASSERT_EQ(1, recv(self->pair.fd[1], got, sizeof(got), 0));
	ASSERT_EQ(1, recv(self->pair.fd[1], got, sizeof(got), 0));
	ASSERT_EQ(0, ioctl(self->pair.fd[1], SIOCINQ, &bytes));
	EXPECT_EQ(0, bytes);
}

TEST_HARNESS_MAIN
