// SPDX-License-Identifier: GPL-2.0
/*
 * shutdown(): closes one direction or both, for both ends, and wakes those
 * who wait on it.
 */
#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_test.h"

FIXTURE(stream_shutdown)
{
	int family;
	int fd[2];
};

FIXTURE_VARIANT(stream_shutdown)
{
	bool qsock;
	bool accepted;
};

FAMILY_CONNECTION_VARIANTS(stream_shutdown);

FIXTURE_SETUP(stream_shutdown)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	stream_pair(_metadata, self->family, variant->accepted, self->fd);
}

FIXTURE_TEARDOWN(stream_shutdown)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

static ssize_t send_one(int fd)
{
	return send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 1;
}

static ssize_t recv_some(int fd)
{
	char got[8];
	ssize_t n = recv(fd, got, sizeof(got), MSG_DONTWAIT);

	return n < 0 ? -errno : n;
}

TEST_F(stream_shutdown, wr_ends_the_stream_after_what_was_sent)
{
	ASSERT_EQ(1, send_one(self->fd[0]));
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(1, recv_some(self->fd[1]));
	EXPECT_EQ(0, recv_some(self->fd[1]));
	EXPECT_EQ(0, recv_some(self->fd[1]));
}

TEST_F(stream_shutdown, wr_makes_own_sends_epipe)
{
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(-EPIPE, send_one(self->fd[0]));
	/* Even of nothing. */
	EXPECT_EQ(-1, send(self->fd[0], "", 0, MSG_NOSIGNAL));
	EXPECT_EQ(EPIPE, errno);
}

TEST_F(stream_shutdown, wr_leaves_the_other_direction_alone)
{
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(1, send_one(self->fd[1]));
	EXPECT_EQ(1, recv_some(self->fd[0]));
	EXPECT_EQ(-EAGAIN, recv_some(self->fd[0]));
}

TEST_F(stream_shutdown, rd_makes_the_sends_of_the_peer_epipe)
{
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_RD));
	EXPECT_EQ(-EPIPE, send_one(self->fd[1]));
	EXPECT_EQ(1, send_one(self->fd[0]));
	EXPECT_EQ(1, recv_some(self->fd[1]));
}

TEST_F(stream_shutdown, rd_leaves_what_was_sent_before)
{
	ASSERT_EQ(1, send_one(self->fd[1]));
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_RD));
	EXPECT_EQ(1, recv_some(self->fd[0]));
	EXPECT_EQ(0, recv_some(self->fd[0]));
}

TEST_F(stream_shutdown, rdwr_closes_both_directions)
{
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_RDWR));
	EXPECT_EQ(0, recv_some(self->fd[0]));
	EXPECT_EQ(0, recv_some(self->fd[1]));
	EXPECT_EQ(-EPIPE, send_one(self->fd[0]));
	EXPECT_EQ(-EPIPE, send_one(self->fd[1]));
}

TEST_F(stream_shutdown, two_halves_make_a_whole)
{
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_RD));
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(POLLHUP, poll_one(self->fd[0], 0, 0));
	EXPECT_EQ(POLLHUP, poll_one(self->fd[1], 0, 0));
}

TEST_F(stream_shutdown, both_ends_may_close_their_half)
{
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	ASSERT_EQ(0, shutdown(self->fd[1], SHUT_WR));
	EXPECT_EQ(0, recv_some(self->fd[0]));
	EXPECT_EQ(0, recv_some(self->fd[1]));
}

TEST_F(stream_shutdown, twice_is_fine)
{
	EXPECT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(0, shutdown(self->fd[1], SHUT_RDWR));
	EXPECT_EQ(0, shutdown(self->fd[0], SHUT_RDWR));
}

TEST_F(stream_shutdown, an_unconnected_socket_may)
{
	int fd = stream_socket(_metadata, self->family, 0);

	EXPECT_EQ(0, shutdown(fd, SHUT_RD));
	EXPECT_EQ(0, shutdown(fd, SHUT_WR));
	EXPECT_EQ(0, shutdown(fd, SHUT_RDWR));
	close(fd);
}

/* What was shut before there was a connection is shut in it. */
TEST_F(stream_shutdown, before_connect_holds_afterwards)
{
	struct test_addr addr = nul_addr(self->family, "early");
	int listener = stream_listen(_metadata, &addr, 2), i;

	for (i = 0; i < 2; i++) {
		int how = i ? SHUT_WR : SHUT_RD, server;
		int client = stream_socket(_metadata, self->family, 0);

		ASSERT_EQ(0, shutdown(client, how));
		ASSERT_EQ(0, connect(client, &addr.sa, addr.len));
		server = accept(listener, NULL, NULL);
		ASSERT_LE(0, server);
		if (how == SHUT_RD) {
			EXPECT_EQ(0, recv_some(client));
			EXPECT_EQ(-EPIPE, send_one(server));
			EXPECT_EQ(1, send_one(client));
		} else {
			EXPECT_EQ(-EPIPE, send_one(client));
			/* AF_UNIX forgets to tell; it would wait for ever. */
			EXPECT_EQ(variant->qsock ? 0 : -EAGAIN,
				  recv_some(server));
			EXPECT_EQ(1, send_one(server));
		}
		close(server);
		close(client);
	}
	close(listener);
}

TEST_F(stream_shutdown, a_descriptor_of_another_process_counts)
{
	pid_t child = fork_child(_metadata);

	if (!child)
		_exit(shutdown(self->fd[0], SHUT_WR) ? errno : 0);
	ASSERT_EQ(0, wait_exit(child));
	EXPECT_EQ(-EPIPE, send_one(self->fd[0]));
	EXPECT_EQ(0, recv_some(self->fd[1]));
}

static pid_t blocked_reader(struct __test_metadata *_metadata, int fd)
{
	pid_t child = fork_child(_metadata);

	if (!child) {
		char got[8];
		ssize_t n = recv(fd, got, sizeof(got), 0);

		_exit(n < 0 ? 128 + errno : n);
	}
	ASSERT_TRUE(wait_blocked(child));
	return child;
}

static pid_t blocked_writer(struct __test_metadata *_metadata, int fd)
{
	pid_t child;

	ASSERT_LT(0, fill_queue(fd, 512));
	child = fork_child(_metadata);
	if (!child)
		_exit(send(fd, "x", 1, MSG_NOSIGNAL) < 0 ? errno : 0);
	ASSERT_TRUE(wait_blocked(child));
	return child;
}

TEST_F(stream_shutdown, wr_of_the_peer_ends_a_waiting_read)
{
	pid_t child = blocked_reader(_metadata, self->fd[0]);

	ASSERT_EQ(0, shutdown(self->fd[1], SHUT_WR));
	EXPECT_EQ(0, wait_exit(child));
}

TEST_F(stream_shutdown, rd_of_ones_own_ends_a_waiting_read)
{
	pid_t child = blocked_reader(_metadata, self->fd[0]);

	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_RD));
	EXPECT_EQ(0, wait_exit(child));
}

TEST_F(stream_shutdown, ends_every_waiting_read)
{
	pid_t child[3];
	int i;

	for (i = 0; i < 3; i++)
		child[i] = blocked_reader(_metadata, self->fd[0]);
	ASSERT_EQ(0, shutdown(self->fd[1], SHUT_WR));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, wait_exit(child[i]));
}

TEST_F(stream_shutdown, rd_of_the_peer_ends_a_waiting_send_with_epipe)
{
	pid_t child = blocked_writer(_metadata, self->fd[0]);

	ASSERT_EQ(0, shutdown(self->fd[1], SHUT_RD));
	EXPECT_EQ(EPIPE, wait_exit(child));
}

TEST_F(stream_shutdown, wr_of_ones_own_ends_a_waiting_send_with_epipe)
{
	pid_t child = blocked_writer(_metadata, self->fd[0]);

	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(EPIPE, wait_exit(child));
}

TEST_F(stream_shutdown, a_send_that_was_half_done_says_how_far_it_got)
{
	size_t size = 16 << 20;
	char *data = calloc(1, size);
	int report[2];
	ssize_t sent;
	pid_t child;

	ASSERT_EQ(0, pipe(report));
	child = fork_child(_metadata);
	if (!child) {
		/* SIGPIPE would kill it: none is due once bytes went. */
		sent = send(self->fd[0], data, size, 0);
		_exit(write(report[1], &sent, sizeof(sent)) != sizeof(sent));
	}
	ASSERT_TRUE(wait_blocked(child));
	ASSERT_EQ(0, shutdown(self->fd[1], SHUT_RD));
	EXPECT_EQ(0, wait_exit(child));
	ASSERT_EQ(sizeof(sent), read(report[0], &sent, sizeof(sent)));
	EXPECT_LT(0, sent);
	EXPECT_GT((ssize_t)size, sent);
	EXPECT_EQ((size_t)sent, drain_queue(self->fd[1]));
	free(data);
}

/* POSIX wants SIGPIPE; AF_UNIX forgets it where the send had to wait. */
TEST_F(stream_shutdown, a_send_that_waits_is_told)
{
	pid_t child;

	ASSERT_LT(0, fill_queue(self->fd[1], 512));
	child = fork_child(_metadata);
	if (!child)
		_exit(send(self->fd[1], "x", 1, 0) < 0 ? errno : 0);
	ASSERT_TRUE(wait_blocked(child));
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_RD));
	EXPECT_EQ(variant->qsock ? 128 + SIGPIPE : EPIPE, wait_exit(child));
}

TEST_HARNESS_MAIN
