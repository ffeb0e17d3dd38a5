// SPDX-License-Identifier: GPL-2.0
/*
 * The end of a connection that carries records: end of file, ECONNRESET and
 * EPIPE, in which order, and never a signal.
 */
#include "qsock_message.h"

FIXTURE(seqpacket_close)
{
	int fd[2];
};

FIXTURE_VARIANT(seqpacket_close)
{
	bool qsock;
};

FAMILY_VARIANTS(seqpacket_close);

FIXTURE_SETUP(seqpacket_close)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	ASSERT_EQ(0, socketpair(test_family(variant->qsock), SOCK_SEQPACKET, 0,
				self->fd));
}

FIXTURE_TEARDOWN(seqpacket_close)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

TEST_F(seqpacket_close, records_outlive_their_sender)
{
	char got;

	ASSERT_EQ(3, say(self->fd[0], "abc"));
	ASSERT_EQ(1, say(self->fd[0], "d"));
	close_open(&self->fd[0]);
	EXPECT_TRUE(hear(self->fd[1], "abc"));
	EXPECT_TRUE(hear(self->fd[1], "d"));
	EXPECT_EQ(0, take(self->fd[1]));
	/* Also for one that would wait, and for one that only looks. */
	EXPECT_EQ(0, recv(self->fd[1], &got, 1, 0));
	EXPECT_EQ(0, recv(self->fd[1], &got, 1, MSG_PEEK));
}

TEST_F(seqpacket_close, a_send_to_one_that_left_is_epipe)
{
	close_open(&self->fd[0]);
	EXPECT_EQ(-EPIPE, say(self->fd[1], "x"));
	EXPECT_EQ(-EPIPE, say(self->fd[1], ""));
	EXPECT_EQ(0, take(self->fd[1]));
}

TEST_F(seqpacket_close, unread_records_are_a_reset_for_a_receive)
{
	ASSERT_EQ(1, say(self->fd[0], "x"));
	ASSERT_EQ(1, say(self->fd[1], "y"));
	close_open(&self->fd[0]);
	/* It comes first, and once; then what the peer sent. */
	EXPECT_EQ(-ECONNRESET, take(self->fd[1]));
	EXPECT_TRUE(hear(self->fd[1], "x"));
	EXPECT_EQ(0, take(self->fd[1]));
	EXPECT_EQ(-EPIPE, say(self->fd[1], "z"));
}

TEST_F(seqpacket_close, unread_records_are_a_reset_for_a_send)
{
	ASSERT_EQ(1, say(self->fd[1], "y"));
	close_open(&self->fd[0]);
	EXPECT_EQ(-ECONNRESET, say(self->fd[1], "z"));
	EXPECT_EQ(-EPIPE, say(self->fd[1], "z"));
	EXPECT_EQ(0, take(self->fd[1]));
}

/* Nothing is lost with a record that has no byte, where it is the only one. */
TEST_F(seqpacket_close, an_unread_empty_record_is_no_reset)
{
	ASSERT_EQ(0, say(self->fd[1], ""));
	close_open(&self->fd[0]);
	EXPECT_EQ(0, poll_one(self->fd[1], 0, 0) & POLLERR);
	EXPECT_EQ(0, int_option(self->fd[1], SO_ERROR));
	EXPECT_EQ(0, take(self->fd[1]));
}

TEST_F(seqpacket_close, poll_tells_of_the_end)
{
	short all = POLLIN | POLLOUT | POLLRDHUP;

	EXPECT_EQ(POLLOUT, poll_one(self->fd[1], all, 0));
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(all, poll_one(self->fd[1], all, 0));
	close_open(&self->fd[0]);
	EXPECT_EQ(all | POLLHUP, poll_one(self->fd[1], all, 0));
}

TEST_F(seqpacket_close, shut_wr_is_the_end_after_what_was_sent)
{
	ASSERT_EQ(1, say(self->fd[0], "x"));
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(-EPIPE, say(self->fd[0], "y"));
	EXPECT_TRUE(hear(self->fd[1], "x"));
	EXPECT_EQ(0, take(self->fd[1]));
	/* The other direction is open. */
	EXPECT_EQ(1, say(self->fd[1], "z"));
	EXPECT_TRUE(hear(self->fd[0], "z"));
	EXPECT_EQ(-EAGAIN, take(self->fd[0]));
}

TEST_F(seqpacket_close, shut_rd_makes_sends_of_the_peer_epipe)
{
	ASSERT_EQ(1, say(self->fd[1], "x"));
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_RD));
	EXPECT_EQ(-EPIPE, say(self->fd[1], "y"));
	EXPECT_TRUE(hear(self->fd[0], "x"));
	EXPECT_EQ(0, take(self->fd[0]));
	EXPECT_EQ(1, say(self->fd[0], "z"));
	EXPECT_TRUE(hear(self->fd[1], "z"));
}

TEST_F(seqpacket_close, shut_rdwr_ends_both_directions)
{
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_RDWR));
	EXPECT_EQ(0, take(self->fd[0]));
	EXPECT_EQ(0, take(self->fd[1]));
	EXPECT_EQ(-EPIPE, say(self->fd[0], "x"));
	EXPECT_EQ(-EPIPE, say(self->fd[1], "x"));
	EXPECT_EQ(POLLHUP, poll_one(self->fd[0], 0, 0));
	EXPECT_EQ(POLLHUP, poll_one(self->fd[1], 0, 0));
}

TEST_F(seqpacket_close, close_ends_a_waiting_receive)
{
	pid_t child = blocked_recv(_metadata, self->fd[1]);

	close_open(&self->fd[0]);
	EXPECT_EQ(0, wait_exit(child));
}

TEST_F(seqpacket_close, close_with_records_unread_resets_a_waiting_receive)
{
	pid_t child;

	ASSERT_EQ(1, say(self->fd[1], "x"));
	child = blocked_recv(_metadata, self->fd[1]);
	close_open(&self->fd[0]);
	EXPECT_EQ(128 + ECONNRESET, wait_exit(child));
	EXPECT_EQ(0, take(self->fd[1]));
}

TEST_F(seqpacket_close, close_resets_a_waiting_send)
{
	pid_t child;

	ASSERT_LT(0, fill_messages(self->fd[1], 512));
	child = blocked_send(_metadata, self->fd[1], NULL, "x");
	close_open(&self->fd[0]);
	EXPECT_EQ(ECONNRESET, wait_exit(child));
	EXPECT_EQ(-EPIPE, say(self->fd[1], "x"));
}

TEST_F(seqpacket_close, shutdown_ends_waiting_receives)
{
	pid_t child[2];
	int i;

	for (i = 0; i < 2; i++)
		child[i] = blocked_recv(_metadata, self->fd[i]);
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(0, wait_exit(child[1]));
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_RD));
	EXPECT_EQ(0, wait_exit(child[0]));
}

TEST_F(seqpacket_close, shutdown_ends_a_waiting_send_with_epipe)
{
	int i;

	for (i = 0; i < 2; i++) {
		pid_t child;

		ASSERT_LT(0, fill_messages(self->fd[i], 512));
		child = blocked_send(_metadata, self->fd[i], NULL, "x");
		/* By the sender itself, then by the other. */
		ASSERT_EQ(0, shutdown(self->fd[0], i ? SHUT_RD : SHUT_WR));
		EXPECT_EQ(EPIPE, wait_exit(child));
	}
}

TEST_HARNESS_MAIN
