// SPDX-License-Identifier: GPL-2.0
/*
 * close(): the peer reads what was sent and then the end; it hears of a
 * reset when its own bytes were thrown away.
 */
#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_test.h"

FIXTURE(stream_close)
{
	int family;
	int fd[2];
};

FIXTURE_VARIANT(stream_close)
{
	bool qsock;
	bool accepted;
};

FAMILY_CONNECTION_VARIANTS(stream_close);

FIXTURE_SETUP(stream_close)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	stream_pair(_metadata, self->family, variant->accepted, self->fd);
}

FIXTURE_TEARDOWN(stream_close)
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

TEST_F(stream_close, ends_the_stream)
{
	close_open(&self->fd[0]);
	EXPECT_EQ(0, recv_some(self->fd[1]));
	EXPECT_EQ(0, recv_some(self->fd[1]));
	EXPECT_EQ(0, int_option(self->fd[1], SO_ERROR));
}

TEST_F(stream_close, what_was_sent_is_read_first)
{
	ASSERT_EQ(1, send_one(self->fd[0]));
	close_open(&self->fd[0]);
	EXPECT_EQ(1, recv_some(self->fd[1]));
	EXPECT_EQ(0, recv_some(self->fd[1]));
}

TEST_F(stream_close, sends_are_epipe_afterwards)
{
	close_open(&self->fd[0]);
	EXPECT_EQ(-EPIPE, send_one(self->fd[1]));
	EXPECT_EQ(-EPIPE, send_one(self->fd[1]));
	EXPECT_EQ(-1, send(self->fd[1], "", 0, MSG_NOSIGNAL));
	EXPECT_EQ(EPIPE, errno);
}

TEST_F(stream_close, with_unread_bytes_resets_once)
{
	ASSERT_EQ(1, send_one(self->fd[1]));
	close_open(&self->fd[0]);
	EXPECT_EQ(-ECONNRESET, recv_some(self->fd[1]));
	EXPECT_EQ(0, recv_some(self->fd[1]));
	EXPECT_EQ(-EPIPE, send_one(self->fd[1]));
}

TEST_F(stream_close, a_reset_comes_after_the_bytes)
{
	ASSERT_EQ(1, send_one(self->fd[0]));
	ASSERT_EQ(1, send_one(self->fd[1]));
	close_open(&self->fd[0]);
	EXPECT_EQ(1, recv_some(self->fd[1]));
	EXPECT_EQ(-ECONNRESET, recv_some(self->fd[1]));
	EXPECT_EQ(0, recv_some(self->fd[1]));
}

TEST_F(stream_close, so_error_tells_of_a_reset_once)
{
	ASSERT_EQ(1, send_one(self->fd[1]));
	close_open(&self->fd[0]);
	EXPECT_EQ(ECONNRESET, int_option(self->fd[1], SO_ERROR));
	EXPECT_EQ(0, int_option(self->fd[1], SO_ERROR));
	EXPECT_EQ(0, recv_some(self->fd[1]));
}

TEST_F(stream_close, a_send_after_a_reset_is_epipe)
{
	ASSERT_EQ(1, send_one(self->fd[1]));
	close_open(&self->fd[0]);
	EXPECT_EQ(-EPIPE, send_one(self->fd[1]));
	/* The send did not use the error up. */
	EXPECT_EQ(-ECONNRESET, recv_some(self->fd[1]));
}

TEST_F(stream_close, bytes_peeked_at_are_unread)
{
	char got;

	ASSERT_EQ(1, send_one(self->fd[1]));
	ASSERT_EQ(1, recv(self->fd[0], &got, 1, MSG_PEEK));
	close_open(&self->fd[0]);
	EXPECT_EQ(-ECONNRESET, recv_some(self->fd[1]));
}

TEST_F(stream_close, of_one_of_two_descriptors_changes_nothing)
{
	int other = dup(self->fd[0]);

	ASSERT_LE(0, other);
	close_open(&self->fd[0]);
	EXPECT_EQ(-EAGAIN, recv_some(self->fd[1]));
	EXPECT_EQ(1, send_one(self->fd[1]));
	EXPECT_EQ(1, recv_some(other));
	close(other);
	EXPECT_EQ(0, recv_some(self->fd[1]));
}

TEST_F(stream_close, a_killed_process_closes)
{
	int gate[2];
	pid_t child;

	ASSERT_EQ(0, pipe(gate));
	child = fork_child(_metadata);
	if (!child) {
		close(self->fd[1]);
		await(gate[0]);
		_exit(0);
	}
	close_open(&self->fd[0]);
	ASSERT_TRUE(wait_blocked(child));
	EXPECT_EQ(-EAGAIN, recv_some(self->fd[1]));
	ASSERT_EQ(0, kill(child, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, wait_exit(child));
	EXPECT_EQ(0, recv_some(self->fd[1]));
}

TEST_F(stream_close, ends_a_waiting_read)
{
	pid_t child = fork_child(_metadata);

	if (!child) {
		char got;

		close(self->fd[0]);
		_exit(recv(self->fd[1], &got, 1, 0) ? 1 : 0);
	}
	ASSERT_TRUE(wait_blocked(child));
	close_open(&self->fd[0]);
	EXPECT_EQ(0, wait_exit(child));
}

/* Its bytes are still in the queue: the waiting sender hears of a reset. */
TEST_F(stream_close, ends_a_waiting_send_with_econnreset)
{
	pid_t child;

	ASSERT_LT(0, fill_queue(self->fd[1], 512));
	child = fork_child(_metadata);
	if (!child) {
		close(self->fd[0]);
		_exit(send(self->fd[1], "x", 1, MSG_NOSIGNAL) < 0 ? errno : 0);
	}
	ASSERT_TRUE(wait_blocked(child));
	close_open(&self->fd[0]);
	EXPECT_EQ(ECONNRESET, wait_exit(child));
}

TEST_F_SIGNAL(stream_close, a_send_afterwards_raises_sigpipe, SIGPIPE)
{
	close_open(&self->fd[0]);
	send(self->fd[1], "x", 1, 0);
}

TEST_F_SIGNAL(stream_close, a_write_afterwards_raises_sigpipe, SIGPIPE)
{
	ssize_t n;

	close_open(&self->fd[0]);
	n = write(self->fd[1], "x", 1);
	ASSERT_EQ(-1, n);
}

TEST_F(stream_close, msg_nosignal_raises_none)
{
	close_open(&self->fd[0]);
	EXPECT_EQ(-1, send(self->fd[1], "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(EPIPE, errno);
}

TEST_F(stream_close, an_ignored_sigpipe_leaves_epipe)
{
	signal(SIGPIPE, SIG_IGN);
	close_open(&self->fd[0]);
	EXPECT_EQ(-1, send(self->fd[1], "x", 1, 0));
	EXPECT_EQ(EPIPE, errno);
	EXPECT_EQ(-1, write(self->fd[1], "x", 1));
	EXPECT_EQ(EPIPE, errno);
}

/* Connections that nobody accepts, when their listener closes. */
TEST_F(stream_close, a_listener_resets_the_clients_it_did_not_accept)
{
	struct test_addr addr = nul_addr(self->family, "listener");
	int listener = stream_listen(_metadata, &addr, 4);
	int client[3], i;

	for (i = 0; i < 3; i++)
		client[i] = stream_connect(_metadata, &addr);
	/* One of them said something. */
	ASSERT_EQ(1, send_one(client[1]));
	close(listener);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(POLLERR | POLLHUP, poll_one(client[i], 0, 0));
		EXPECT_EQ(-ECONNRESET, recv_some(client[i]));
		EXPECT_EQ(0, recv_some(client[i]));
		EXPECT_EQ(-EPIPE, send_one(client[i]));
		close(client[i]);
	}
}

TEST_F(stream_close, a_listener_ends_the_waiting_read_of_its_client)
{
	struct test_addr addr = nul_addr(self->family, "listener");
	int listener = stream_listen(_metadata, &addr, 4);
	int client = stream_connect(_metadata, &addr);
	pid_t child = fork_child(_metadata);

	if (!child) {
		char got;

		close(listener);
		_exit(recv(client, &got, 1, 0) < 0 ? errno : 0);
	}
	ASSERT_TRUE(wait_blocked(child));
	close(listener);
	EXPECT_EQ(ECONNRESET, wait_exit(child));
	close(client);
}

TEST_HARNESS_MAIN
