// SPDX-License-Identifier: GPL-2.0
/*
 * poll(): what a socket is ready for, in every state that it can be in.
 */
#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_test.h"

#define EVERYTHING (POLLIN | POLLPRI | POLLOUT | POLLRDHUP | POLLERR |	\
		    POLLHUP | POLLRDNORM | POLLRDBAND | POLLWRNORM |	\
		    POLLWRBAND)
#define READABLE (POLLIN | POLLRDNORM)
#define WRITABLE (POLLOUT | POLLWRNORM | POLLWRBAND)

FIXTURE(stream_poll)
{
	int family;
	int fd[2];
};

FIXTURE_VARIANT(stream_poll)
{
	bool qsock;
	bool accepted;
};

FAMILY_CONNECTION_VARIANTS(stream_poll);

FIXTURE_SETUP(stream_poll)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	stream_pair(_metadata, self->family, variant->accepted, self->fd);
}

FIXTURE_TEARDOWN(stream_poll)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

static int ready(int fd)
{
	return poll_one(fd, EVERYTHING, 0);
}

TEST_F(stream_poll, an_unconnected_socket_hangs_up_and_is_writable)
{
	struct test_addr addr = nul_addr(self->family, "unconnected");
	int fd = stream_socket(_metadata, self->family, 0);

	EXPECT_EQ(WRITABLE | POLLHUP, ready(fd));
	ASSERT_EQ(0, bind(fd, &addr.sa, addr.len));
	EXPECT_EQ(WRITABLE | POLLHUP, ready(fd));
	close(fd);
}

TEST_F(stream_poll, a_listener_is_readable_while_a_connection_waits)
{
	struct test_addr addr = nul_addr(self->family, "listener");
	int listener = stream_listen(_metadata, &addr, 4);
	int client;

	EXPECT_EQ(0, ready(listener));
	client = stream_connect(_metadata, &addr);
	EXPECT_EQ(READABLE, ready(listener));
	close(accept(listener, NULL, NULL));
	EXPECT_EQ(0, ready(listener));
	close(client);
	close(listener);
}

TEST_F(stream_poll, a_client_is_writable_before_accept)
{
	struct test_addr addr = nul_addr(self->family, "listener");
	int listener = stream_listen(_metadata, &addr, 4);
	int client = stream_connect(_metadata, &addr);

	EXPECT_EQ(WRITABLE, ready(client));
	close(client);
	close(listener);
}

TEST_F(stream_poll, a_listener_shut_down_is_readable)
{
	struct test_addr addr = nul_addr(self->family, "listener");
	int listener = stream_listen(_metadata, &addr, 4);

	ASSERT_EQ(0, shutdown(listener, SHUT_RD));
	EXPECT_EQ(READABLE | POLLRDHUP, ready(listener));
	close(listener);
}

TEST_F(stream_poll, an_idle_connection_is_writable)
{
	EXPECT_EQ(WRITABLE, ready(self->fd[0]));
	EXPECT_EQ(WRITABLE, ready(self->fd[1]));
}

TEST_F(stream_poll, bytes_make_it_readable_until_all_are_read)
{
	char got[8];

	ASSERT_EQ(2, send(self->fd[0], "ab", 2, 0));
	EXPECT_EQ(READABLE | WRITABLE, ready(self->fd[1]));
	EXPECT_EQ(WRITABLE, ready(self->fd[0]));
	ASSERT_EQ(1, recv(self->fd[1], got, 1, 0));
	EXPECT_EQ(READABLE | WRITABLE, ready(self->fd[1]));
	ASSERT_EQ(1, recv(self->fd[1], got, 1, 0));
	EXPECT_EQ(WRITABLE, ready(self->fd[1]));
}

TEST_F(stream_poll, a_full_queue_is_not_writable)
{
	ASSERT_LT(0, fill_queue(self->fd[0], 512));
	EXPECT_EQ(0, ready(self->fd[0]));
	EXPECT_EQ(READABLE | WRITABLE, ready(self->fd[1]));
	drain_queue(self->fd[1]);
	EXPECT_EQ(WRITABLE, ready(self->fd[0]));
}

/* Send until poll says no; the bytes it took. */
static size_t send_while_writable(int fd, size_t chunk)
{
	size_t total = 0;
	char data[1024] = {};

	while (ready(fd) & POLLOUT) {
		ssize_t n = send(fd, data, chunk, MSG_DONTWAIT);

		if (n <= 0)
			return 0;
		total += n;
	}
	return total;
}

TEST_F(stream_poll, writable_means_that_a_send_is_taken)
{
	size_t writable = send_while_writable(self->fd[0], 256);

	EXPECT_LT(0, writable);
	/* It stops early: sends go on far beyond. */
	EXPECT_LT(writable, fill_queue(self->fd[0], 256));
}

/* However small the queue and however long the message. */
TEST_F(stream_poll, writable_means_that_a_part_of_a_long_send_is_taken)
{
	static const size_t length[] = { 1, 1000, 4096, 8192, 65536 };
	char data[65536] = {}, got[500];
	int least = 1, round;
	size_t i;

	ASSERT_EQ(0, setsockopt(self->fd[0], SOL_SOCKET, SO_SNDBUF, &least,
				sizeof(least)));
	for (i = 0; i < ARRAY_LEN(length); i++) {
		for (round = 0; round < 50; round++) {
			if (!(ready(self->fd[0]) & POLLOUT)) {
				ASSERT_LT(0, recv(self->fd[1], got,
						  sizeof(got), 0));
				continue;
			}
			ASSERT_LT(0, send(self->fd[0], data, length[i],
					  MSG_DONTWAIT));
		}
		drain_queue(self->fd[1]);
	}
}

TEST_F(stream_poll, becomes_writable_when_a_quarter_is_left)
{
	size_t taken = fill_queue(self->fd[0], 256), left = taken;
	char got[256];

	ASSERT_LT(0, taken);
	while (!(ready(self->fd[0]) & POLLOUT)) {
		ASSERT_EQ(sizeof(got), recv(self->fd[1], got, sizeof(got), 0));
		left -= sizeof(got);
	}
	/* A quarter of the limit, give or take the last sends. */
	EXPECT_GE(taken * 3 / 10, left);
	EXPECT_LE(taken * 2 / 10, left);
}

TEST_F(stream_poll, wr_of_the_peer_is_readable_and_rdhup)
{
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(READABLE | POLLRDHUP | WRITABLE, ready(self->fd[1]));
	EXPECT_EQ(WRITABLE, ready(self->fd[0]));
}

TEST_F(stream_poll, rd_of_ones_own_is_readable_and_rdhup)
{
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_RD));
	EXPECT_EQ(READABLE | POLLRDHUP | WRITABLE, ready(self->fd[0]));
	EXPECT_EQ(WRITABLE, ready(self->fd[1]));
}

TEST_F(stream_poll, both_halves_closed_hang_up)
{
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_RDWR));
	EXPECT_EQ(READABLE | POLLRDHUP | POLLHUP | WRITABLE,
		  ready(self->fd[0]));
	EXPECT_EQ(READABLE | POLLRDHUP | POLLHUP | WRITABLE,
		  ready(self->fd[1]));
}

TEST_F(stream_poll, a_peer_that_left_hangs_up)
{
	close_open(&self->fd[0]);
	EXPECT_EQ(READABLE | POLLRDHUP | POLLHUP | WRITABLE,
		  ready(self->fd[1]));
}

TEST_F(stream_poll, a_reset_is_an_error_until_it_is_told)
{
	char got;

	ASSERT_EQ(1, send(self->fd[1], "x", 1, 0));
	close_open(&self->fd[0]);
	EXPECT_EQ(POLLERR, ready(self->fd[1]) & POLLERR);
	ASSERT_EQ(-1, recv(self->fd[1], &got, 1, 0));
	EXPECT_EQ(READABLE | POLLRDHUP | POLLHUP | WRITABLE,
		  ready(self->fd[1]));
}

TEST_HARNESS_MAIN
