// SPDX-License-Identifier: GPL-2.0
/*
 * connect() of datagram sockets: a default receiver, and a filter; how it
 * changes, how it breaks, and what shutdown() does to it.
 */
#include <linux/sockios.h>

#include "qsock_message.h"

FIXTURE(dgram_connect)
{
	int family;
	struct test_addr name[3];
	int fd[3];	/* each bound to its name */
};

FIXTURE_VARIANT(dgram_connect)
{
	bool qsock;
};

FAMILY_VARIANTS(dgram_connect);

FIXTURE_SETUP(dgram_connect)
{
	int i;

	for (i = 0; i < 3; i++)
		self->fd[i] = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	for (i = 0; i < 3; i++) {
		char text[] = { 'a' + i, '\0' };

		self->name[i] = nul_addr(self->family, text);
		self->fd[i] = message_bind(_metadata, SOCK_DGRAM,
					   &self->name[i]);
	}
}

FIXTURE_TEARDOWN(dgram_connect)
{
	int i;

	for (i = 0; i < 3; i++)
		close_open(&self->fd[i]);
}

static void connect_both(struct __test_metadata *_metadata,
			 const FIXTURE_DATA(dgram_connect) *self)
{
	ASSERT_EQ(0, connect_errno(self->fd[0], &self->name[1]));
	ASSERT_EQ(0, connect_errno(self->fd[1], &self->name[0]));
}

TEST_F(dgram_connect, without_a_peer_a_send_is_enotconn)
{
	struct test_addr peer = { .len = sizeof(peer.storage) };

	EXPECT_EQ(-ENOTCONN, say(self->fd[0], "x"));
	EXPECT_EQ(-ENOTCONN, say(self->fd[0], ""));
	EXPECT_ERRNO(ENOTCONN, getpeername(self->fd[0], &peer.sa, &peer.len));
	/* While a receive waits for anybody. */
	EXPECT_EQ(-EAGAIN, take(self->fd[0]));
}

TEST_F(dgram_connect, gives_a_default_receiver)
{
	struct test_addr peer;

	ASSERT_EQ(0, connect_errno(self->fd[0], &self->name[1]));
	peer = peer_of(self->fd[0]);
	EXPECT_TRUE(same_addr(&self->name[1], &peer));
	EXPECT_EQ(1, say(self->fd[0], "x"));
	EXPECT_TRUE(hear(self->fd[1], "x"));
}

TEST_F(dgram_connect, leaves_the_way_to_others_open)
{
	ASSERT_EQ(0, connect_errno(self->fd[0], &self->name[1]));
	EXPECT_EQ(1, say_to(self->fd[0], &self->name[2], "x"));
	EXPECT_TRUE(hear(self->fd[2], "x"));
	EXPECT_EQ(1, say(self->fd[0], "y"));
	EXPECT_TRUE(hear(self->fd[1], "y"));
}

TEST_F(dgram_connect, keeps_others_out)
{
	ASSERT_EQ(0, connect_errno(self->fd[0], &self->name[1]));
	EXPECT_EQ(-EPERM, say_to(self->fd[2], &self->name[0], "x"));
	EXPECT_EQ(EPERM, connect_errno(self->fd[2], &self->name[0]));
	EXPECT_EQ(1, say_to(self->fd[1], &self->name[0], "y"));
	EXPECT_TRUE(hear(self->fd[0], "y"));
	EXPECT_EQ(-EAGAIN, take(self->fd[0]));
}

/* The filter is asked at each send, not only as a connection is made. */
TEST_F(dgram_connect, keeps_those_out_that_were_connected_before)
{
	ASSERT_EQ(0, connect_errno(self->fd[2], &self->name[0]));
	ASSERT_EQ(1, say(self->fd[2], "x"));
	ASSERT_EQ(0, connect_errno(self->fd[0], &self->name[1]));
	EXPECT_EQ(-EPERM, say(self->fd[2], "y"));
	/* What it sent before is not taken away. */
	EXPECT_TRUE(hear(self->fd[0], "x"));
	ASSERT_EQ(0, disconnect(self->fd[0]));
	EXPECT_EQ(1, say(self->fd[2], "z"));
	EXPECT_TRUE(hear(self->fd[0], "z"));
}

TEST_F(dgram_connect, a_failed_one_changes_nothing)
{
	struct test_addr nobody = nul_addr(self->family, "nobody");

	ASSERT_EQ(0, connect_errno(self->fd[0], &self->name[1]));
	ASSERT_EQ(4, say_to(self->fd[1], &self->name[0], "kept"));
	EXPECT_EQ(ECONNREFUSED, connect_errno(self->fd[0], &nobody));
	EXPECT_TRUE(hear(self->fd[0], "kept"));
	EXPECT_EQ(1, say(self->fd[0], "x"));
	EXPECT_TRUE(hear(self->fd[1], "x"));
}

TEST_F(dgram_connect, to_oneself_is_possible)
{
	ASSERT_EQ(0, connect_errno(self->fd[0], &self->name[0]));
	EXPECT_EQ(1, say(self->fd[0], "x"));
	EXPECT_TRUE(hear(self->fd[0], "x"));
	EXPECT_EQ(-EPERM, say_to(self->fd[1], &self->name[0], "y"));
}

TEST_F(dgram_connect, af_unspec_disconnects)
{
	struct test_addr none = { .sa.sa_family = AF_UNSPEC };
	struct test_addr peer = { .len = sizeof(peer.storage) };
	socklen_t len;

	for (len = sizeof(none.sa.sa_family); len <= sizeof(none.un);
	     len += 54) {
		ASSERT_EQ(0, connect_errno(self->fd[0], &self->name[1]));
		none.len = len;
		EXPECT_EQ(0, connect_errno(self->fd[0], &none));
		EXPECT_EQ(-ENOTCONN, say(self->fd[0], "x"));
		EXPECT_ERRNO(ENOTCONN, getpeername(self->fd[0], &peer.sa,
						   &peer.len));
		/* Open to all again. */
		EXPECT_EQ(1, say_to(self->fd[2], &self->name[0], "y"));
		EXPECT_TRUE(hear(self->fd[0], "y"));
	}
	EXPECT_EQ(0, disconnect(self->fd[0]));
	none.len = 1;
	EXPECT_EQ(EINVAL, connect_errno(self->fd[0], &none));
}

TEST_F(dgram_connect, to_another_drops_what_the_former_sent)
{
	connect_both(_metadata, self);
	ASSERT_EQ(4, say(self->fd[1], "gone"));
	ASSERT_EQ(4, say(self->fd[1], "gone"));
	ASSERT_EQ(0, connect_errno(self->fd[0], &self->name[2]));
	EXPECT_EQ(-EAGAIN, take(self->fd[0]));
	/* The sender's account is clear. */
	EXPECT_EQ(0, queue_bytes(self->fd[1], SIOCOUTQ));
	/* And it learns of it, once, as it was connected too. */
	EXPECT_EQ(POLLERR, poll_one(self->fd[1], POLLIN, 0));
	EXPECT_EQ(-ECONNRESET, say(self->fd[1], "x"));
	EXPECT_EQ(0, int_option(self->fd[1], SO_ERROR));
	EXPECT_EQ(-EPERM, say(self->fd[1], "x"));
}

TEST_F(dgram_connect, to_nobody_drops_what_the_former_sent)
{
	connect_both(_metadata, self);
	ASSERT_EQ(4, say(self->fd[1], "gone"));
	ASSERT_EQ(0, disconnect(self->fd[0]));
	EXPECT_EQ(-EAGAIN, take(self->fd[0]));
	EXPECT_EQ(ECONNRESET, int_option(self->fd[1], SO_ERROR));
	EXPECT_EQ(1, say(self->fd[1], "x"));
	EXPECT_TRUE(hear(self->fd[0], "x"));
}

TEST_F(dgram_connect, a_receive_tells_of_the_reset_before_what_waits)
{
	connect_both(_metadata, self);
	ASSERT_EQ(4, say(self->fd[0], "here"));
	ASSERT_EQ(4, say(self->fd[1], "gone"));
	ASSERT_EQ(0, connect_errno(self->fd[0], &self->name[2]));
	EXPECT_EQ(-ECONNRESET, take(self->fd[1]));
	EXPECT_TRUE(hear(self->fd[1], "here"));
}

TEST_F(dgram_connect, a_waiting_receive_ends_with_the_reset)
{
	pid_t child;

	connect_both(_metadata, self);
	ASSERT_EQ(4, say(self->fd[1], "gone"));
	child = blocked_recv(_metadata, self->fd[1]);
	ASSERT_EQ(0, connect_errno(self->fd[0], &self->name[2]));
	EXPECT_EQ(128 + ECONNRESET, wait_exit(child));
}

TEST_F(dgram_connect, nothing_lost_is_no_reset)
{
	connect_both(_metadata, self);
	ASSERT_EQ(0, connect_errno(self->fd[0], &self->name[2]));
	EXPECT_EQ(0, int_option(self->fd[1], SO_ERROR));
}

TEST_F(dgram_connect, a_sender_that_was_not_connected_learns_of_no_reset)
{
	ASSERT_EQ(0, connect_errno(self->fd[0], &self->name[1]));
	ASSERT_EQ(4, say_to(self->fd[1], &self->name[0], "gone"));
	ASSERT_EQ(0, connect_errno(self->fd[0], &self->name[2]));
	EXPECT_EQ(-EAGAIN, take(self->fd[0]));
	EXPECT_EQ(0, int_option(self->fd[1], SO_ERROR));
}

TEST_F(dgram_connect, the_first_one_drops_nothing)
{
	ASSERT_EQ(4, say_to(self->fd[2], &self->name[0], "kept"));
	ASSERT_EQ(0, connect_errno(self->fd[0], &self->name[1]));
	EXPECT_TRUE(hear(self->fd[0], "kept"));
}

TEST_F(dgram_connect, to_the_same_again_drops_nothing)
{
	connect_both(_metadata, self);
	ASSERT_EQ(4, say(self->fd[1], "kept"));
	ASSERT_EQ(0, connect_errno(self->fd[0], &self->name[1]));
	EXPECT_EQ(0, int_option(self->fd[1], SO_ERROR));
	EXPECT_TRUE(hear(self->fd[0], "kept"));
}

TEST_F(dgram_connect, a_peer_that_left_is_refused_once)
{
	struct test_addr peer;

	ASSERT_EQ(0, connect_errno(self->fd[0], &self->name[1]));
	close_open(&self->fd[1]);
	/* Until somebody sends, it is not noticed. */
	peer = peer_of(self->fd[0]);
	EXPECT_TRUE(same_addr(&self->name[1], &peer));
	EXPECT_EQ(POLLOUT, poll_one(self->fd[0], POLLIN | POLLOUT, 0));
	EXPECT_EQ(-ECONNREFUSED, say(self->fd[0], "x"));
	EXPECT_EQ(-ENOTCONN, say(self->fd[0], "x"));
	EXPECT_ERRNO(ENOTCONN, getpeername(self->fd[0], &peer.sa, &peer.len));
	/* The filter is gone with it. */
	EXPECT_EQ(1, say_to(self->fd[2], &self->name[0], "y"));
	EXPECT_TRUE(hear(self->fd[0], "y"));
}

/* A connection is to a socket, not to its name. */
TEST_F(dgram_connect, a_successor_by_name_is_not_the_peer)
{
	ASSERT_EQ(0, connect_errno(self->fd[0], &self->name[1]));
	close_open(&self->fd[1]);
	self->fd[1] = message_bind(_metadata, SOCK_DGRAM, &self->name[1]);
	EXPECT_EQ(-EPERM, say_to(self->fd[1], &self->name[0], "x"));
	EXPECT_EQ(-ECONNREFUSED, say(self->fd[0], "x"));
	EXPECT_EQ(-EAGAIN, take(self->fd[1]));
}

TEST_F(dgram_connect, what_a_peer_sent_outlives_it)
{
	connect_both(_metadata, self);
	ASSERT_EQ(1, say(self->fd[1], "x"));
	ASSERT_EQ(1, say(self->fd[0], "y"));
	/* That "y" is lost is no reset either. */
	close_open(&self->fd[1]);
	EXPECT_EQ(POLLIN | POLLOUT,
		  poll_one(self->fd[0], POLLIN | POLLOUT, 0));
	EXPECT_TRUE(hear(self->fd[0], "x"));
	EXPECT_EQ(-EAGAIN, take(self->fd[0]));
	EXPECT_EQ(0, queue_bytes(self->fd[0], SIOCOUTQ));
}

/* As does any disconnect. */
TEST_F(dgram_connect, noticing_that_a_peer_left_drops_what_it_sent)
{
	connect_both(_metadata, self);
	ASSERT_EQ(1, say(self->fd[1], "x"));
	close_open(&self->fd[1]);
	EXPECT_EQ(-ECONNREFUSED, say(self->fd[0], "y"));
	EXPECT_EQ(-EAGAIN, take(self->fd[0]));
}

/* A waiting receive waits on: others may still come. */
TEST_F(dgram_connect, a_peer_that_leaves_ends_no_receive)
{
	pid_t child;

	connect_both(_metadata, self);
	child = blocked_recv(_metadata, self->fd[0]);
	close_open(&self->fd[1]);
	EXPECT_TRUE(wait_blocked(child));
	EXPECT_EQ(0, waitpid(child, NULL, WNOHANG));
	ASSERT_EQ(0, disconnect(self->fd[0]));
	ASSERT_EQ(3, say_to(self->fd[2], &self->name[0], "yes"));
	EXPECT_EQ(3, wait_exit(child));
}

TEST_HARNESS_MAIN
