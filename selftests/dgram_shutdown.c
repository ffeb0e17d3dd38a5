// SPDX-License-Identifier: GPL-2.0
/*
 * shutdown() and close() of datagram sockets: they tell the peer nothing,
 * but whoever sends to them learns, by an errno and never by a signal.
 */
#include "qsock_message.h"

FIXTURE(dgram_shutdown)
{
	int family;
	int fd[2];	/* a pair */
	struct test_addr name;
	int rx;		/* bound to name */
	int tx;		/* connected to rx, which is not connected back */
};

FIXTURE_VARIANT(dgram_shutdown)
{
	bool qsock;
};

FAMILY_VARIANTS(dgram_shutdown);

FIXTURE_SETUP(dgram_shutdown)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	self->rx = -1;
	self->tx = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	ASSERT_EQ(0, socketpair(self->family, SOCK_DGRAM, 0, self->fd));
	self->name = nul_addr(self->family, "rx");
	self->rx = message_bind(_metadata, SOCK_DGRAM, &self->name);
	self->tx = message_connect(_metadata, SOCK_DGRAM, &self->name);
}

FIXTURE_TEARDOWN(dgram_shutdown)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
	close_open(&self->rx);
	close_open(&self->tx);
}

TEST_F(dgram_shutdown, wr_makes_own_sends_epipe)
{
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(-EPIPE, say(self->fd[0], "x"));
	EXPECT_EQ(-EPIPE, say(self->fd[0], ""));
	EXPECT_EQ(-EPIPE, say_to(self->fd[0], &self->name, "x"));
	EXPECT_EQ(-EAGAIN, take(self->rx));
}

TEST_F(dgram_shutdown, wr_is_no_end_for_the_peer)
{
	ASSERT_EQ(1, say(self->fd[0], "x"));
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_TRUE(hear(self->fd[1], "x"));
	EXPECT_EQ(-EAGAIN, take(self->fd[1]));
	EXPECT_EQ(POLLOUT,
		  poll_one(self->fd[1], POLLIN | POLLOUT | POLLRDHUP, 0));
	/* Nor for the other direction. */
	EXPECT_EQ(1, say(self->fd[1], "y"));
	EXPECT_TRUE(hear(self->fd[0], "y"));
}

TEST_F(dgram_shutdown, rd_makes_sends_to_it_epipe)
{
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_RD));
	EXPECT_EQ(-EPIPE, say(self->fd[1], "x"));
	ASSERT_EQ(0, shutdown(self->rx, SHUT_RD));
	EXPECT_EQ(-EPIPE, say(self->tx, "x"));
	EXPECT_EQ(-EPIPE, say_to(self->fd[1], &self->name, "x"));
	/* Its own sends go on. */
	EXPECT_EQ(1, say(self->fd[0], "y"));
	EXPECT_TRUE(hear(self->fd[1], "y"));
	/* And so does connecting to it. */
	EXPECT_EQ(0, connect_errno(self->tx, &self->name));
}

TEST_F(dgram_shutdown, rd_leaves_what_was_sent_before)
{
	ASSERT_EQ(1, say(self->fd[1], "x"));
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_RD));
	EXPECT_TRUE(hear(self->fd[0], "x"));
}

/* A receive that would wait finds the end; one that would not, nothing. */
TEST_F(dgram_shutdown, rd_is_an_end_for_receives_that_would_wait)
{
	char got;

	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_RD));
	EXPECT_EQ(0, recv(self->fd[0], &got, 1, 0));
	EXPECT_EQ(-EAGAIN, take(self->fd[0]));
	ASSERT_EQ(0, shutdown(self->rx, SHUT_RDWR));
	EXPECT_EQ(0, recv(self->rx, &got, 1, 0));
	EXPECT_EQ(-EAGAIN, take(self->rx));
}

TEST_F(dgram_shutdown, poll_tells_who_shut_what)
{
	short all = POLLIN | POLLOUT | POLLRDHUP;

	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(POLLOUT, poll_one(self->fd[0], all, 0));
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_RD));
	EXPECT_EQ(all | POLLHUP, poll_one(self->fd[0], all, 0));
	EXPECT_EQ(POLLOUT, poll_one(self->fd[1], all, 0));
	ASSERT_EQ(0, shutdown(self->fd[1], SHUT_RD));
	EXPECT_EQ(all, poll_one(self->fd[1], all, 0));
}

TEST_F(dgram_shutdown, an_unconnected_socket_may)
{
	int fd = message_socket(_metadata, self->family, SOCK_DGRAM);

	EXPECT_EQ(0, shutdown(fd, SHUT_WR));
	EXPECT_EQ(-EPIPE, say_to(fd, &self->name, "x"));
	EXPECT_EQ(0, shutdown(fd, SHUT_RDWR));
	EXPECT_EQ(0, shutdown(fd, SHUT_RDWR));
	EXPECT_ERRNO(EINVAL, shutdown(fd, 3));
	EXPECT_ERRNO(EINVAL, shutdown(fd, -1));
	close(fd);
}

TEST_F(dgram_shutdown, outlasts_a_new_connection)
{
	ASSERT_EQ(0, shutdown(self->tx, SHUT_WR));
	ASSERT_EQ(0, disconnect(self->tx));
	ASSERT_EQ(0, connect_errno(self->tx, &self->name));
	EXPECT_EQ(-EPIPE, say(self->tx, "x"));
}

TEST_F(dgram_shutdown, rd_of_ones_own_ends_a_waiting_receive)
{
	pid_t child = blocked_recv(_metadata, self->fd[0]);

	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_RD));
	EXPECT_EQ(0, wait_exit(child));
}

TEST_F(dgram_shutdown, wr_of_the_peer_ends_no_receive)
{
	pid_t child = blocked_recv(_metadata, self->fd[0]);

	ASSERT_EQ(0, shutdown(self->fd[1], SHUT_WR));
	EXPECT_TRUE(wait_blocked(child));
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_RD));
	EXPECT_EQ(0, wait_exit(child));
}

TEST_F(dgram_shutdown, wr_of_ones_own_ends_a_waiting_send)
{
	pid_t child;

	ASSERT_LT(0, fill_messages(self->fd[0], 512));
	child = blocked_send(_metadata, self->fd[0], NULL, "x");
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(EPIPE, wait_exit(child));
}

/*
 * AF_UNIX wakes nobody who waits to send when the receiver shuts its side:
 * the sender notices at its next wake-up.
 */
static void rd_ends_send(struct __test_metadata *_metadata, int tx, int rx,
			 bool qsock)
{
	pid_t child;

	ASSERT_LT(0, fill_messages(tx, 512));
	child = blocked_send(_metadata, tx, NULL, "x");
	ASSERT_EQ(0, shutdown(rx, SHUT_RD));
	if (!qsock) {
		ASSERT_TRUE(wait_blocked(child));
		ASSERT_LT(0, drain_queue(rx));
	}
	EXPECT_EQ(EPIPE, wait_exit(child));
}

TEST_F(dgram_shutdown, rd_of_the_peer_ends_a_waiting_send)
{
	rd_ends_send(_metadata, self->fd[0], self->fd[1], variant->qsock);
}

TEST_F(dgram_shutdown, rd_of_a_receiver_ends_a_waiting_send)
{
	rd_ends_send(_metadata, self->tx, self->rx, variant->qsock);
}

TEST_F(dgram_shutdown, close_of_the_peer_ends_a_waiting_send)
{
	pid_t child;

	ASSERT_LT(0, fill_messages(self->fd[0], 512));
	child = blocked_send(_metadata, self->fd[0], NULL, "x");
	close_open(&self->fd[1]);
	EXPECT_EQ(ECONNREFUSED, wait_exit(child));
	EXPECT_EQ(-ENOTCONN, say(self->fd[0], "x"));
}

TEST_F(dgram_shutdown, close_of_a_receiver_ends_every_waiting_send)
{
	pid_t child[3];
	int i;

	ASSERT_LT(0, fill_messages(self->tx, 512));
	for (i = 0; i < 3; i++) {
		int fd = message_connect(_metadata, SOCK_DGRAM, &self->name);

		/* Each with room of its own, but none at the receiver. */
		fill_messages(fd, 512);
		child[i] = blocked_send(_metadata, fd, NULL, "x");
		close(fd);
	}
	close_open(&self->rx);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(ECONNREFUSED, wait_exit(child[i]));
	EXPECT_EQ(-ECONNREFUSED, say(self->tx, "x"));
}

TEST_F(dgram_shutdown, close_of_a_receiver_ends_a_waiting_sendto)
{
	pid_t child;

	ASSERT_LT(0, fill_messages(self->tx, 512));
	child = blocked_send(_metadata, self->tx, &self->name, "x");
	close_open(&self->rx);
	EXPECT_EQ(ECONNREFUSED, wait_exit(child));
}

TEST_F(dgram_shutdown, close_of_the_peer_is_no_end)
{
	short all = POLLIN | POLLOUT | POLLRDHUP;

	ASSERT_EQ(1, say(self->fd[1], "x"));
	close_open(&self->fd[1]);
	EXPECT_TRUE(hear(self->fd[0], "x"));
	EXPECT_EQ(-EAGAIN, take(self->fd[0]));
	EXPECT_EQ(POLLOUT, poll_one(self->fd[0], all, 0));
	EXPECT_EQ(-ECONNREFUSED, say(self->fd[0], "y"));
	EXPECT_EQ(-ENOTCONN, say(self->fd[0], "y"));
	EXPECT_EQ(0, int_option(self->fd[0], SO_ERROR));
}

/* Unread datagrams are no reason for ECONNRESET. */
TEST_F(dgram_shutdown, close_with_datagrams_unread_is_no_reset)
{
	ASSERT_EQ(1, say(self->fd[0], "x"));
	close_open(&self->fd[1]);
	EXPECT_EQ(0, int_option(self->fd[0], SO_ERROR));
	EXPECT_EQ(-EAGAIN, take(self->fd[0]));
}

TEST_HARNESS_MAIN
