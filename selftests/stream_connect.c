// SPDX-License-Identifier: GPL-2.0
/*
 * connect(): completes without accept(), waits for room in the backlog, and
 * is refused where nobody listens.
 */
#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_test.h"

FIXTURE(stream_connect)
{
	int family;
	char *dir;
	struct test_addr addr;
	int listener;
	int client;
};

FIXTURE_VARIANT(stream_connect)
{
	bool qsock;
	int no_such_path;
};

FIXTURE_VARIANT_ADD(stream_connect, af_qsock)
{
	.qsock = true,
	/* No name is a file, so a path cannot be missing: nobody is there. */
	.no_such_path = ECONNREFUSED,
};

FIXTURE_VARIANT_ADD(stream_connect, af_unix)
{
	.qsock = false,
	.no_such_path = ENOENT,
};

FIXTURE_SETUP(stream_connect)
{
	self->listener = -1;
	self->client = -1;
	self->dir = NULL;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	self->dir = make_name_dir(_metadata);
	self->addr = path_addr(self->family, self->dir, "listener");
	self->listener = stream_listen(_metadata, &self->addr, 1);
	self->client = stream_socket(_metadata, self->family, 0);
}

FIXTURE_TEARDOWN(stream_connect)
{
	close_open(&self->client);
	close_open(&self->listener);
	remove_name_dir(self->dir);
}

static int connect_errno(int fd, const struct test_addr *addr)
{
	return connect(fd, &addr->sa, addr->len) ? errno : 0;
}

TEST_F(stream_connect, completes_before_accept)
{
	struct test_addr peer;

	ASSERT_EQ(0, connect_errno(self->client, &self->addr));
	peer = peer_of(self->client);
	EXPECT_TRUE(same_addr(&self->addr, &peer));
}

TEST_F(stream_connect, bytes_sent_before_accept_arrive)
{
	char got[16];
	int server;

	ASSERT_EQ(0, connect_errno(self->client, &self->addr));
	ASSERT_EQ(5, send(self->client, "early", 5, 0));
	server = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, server);
	ASSERT_EQ(5, recv(server, got, sizeof(got), MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp("early", got, 5));
	ASSERT_EQ(2, send(server, "ok", 2, 0));
	EXPECT_EQ(2, recv(self->client, got, sizeof(got), MSG_DONTWAIT));
	close(server);
}

TEST_F(stream_connect, a_connected_socket_is_eisconn)
{
	ASSERT_EQ(0, connect_errno(self->client, &self->addr));
	EXPECT_EQ(EISCONN, connect_errno(self->client, &self->addr));
}

TEST_F(stream_connect, an_end_of_a_pair_is_eisconn)
{
	int fd[2];

	ASSERT_EQ(0, socketpair(self->family, SOCK_STREAM, 0, fd));
	EXPECT_EQ(EISCONN, connect_errno(fd[0], &self->addr));
	close(fd[0]);
	close(fd[1]);
}

TEST_F(stream_connect, a_listening_socket_is_einval)
{
	struct test_addr other = nul_addr(self->family, "other");
	int fd = stream_listen(_metadata, &other, 1);

	EXPECT_EQ(EINVAL, connect_errno(fd, &self->addr));
	EXPECT_EQ(EINVAL, connect_errno(self->listener, &self->addr));
	close(fd);
}

TEST_F(stream_connect, a_path_that_nobody_bound_is_refused)
{
	struct test_addr addr = path_addr(self->family, self->dir, "nobody");

	EXPECT_EQ(variant->no_such_path, connect_errno(self->client, &addr));
}

TEST_F(stream_connect, a_nul_name_that_nobody_bound_is_refused)
{
	struct test_addr addr = nul_addr(self->family, "nobody");

	EXPECT_EQ(ECONNREFUSED, connect_errno(self->client, &addr));
}

TEST_F(stream_connect, a_bound_socket_that_does_not_listen_refuses)
{
	struct test_addr path = path_addr(self->family, self->dir, "bound");
	struct test_addr nul = nul_addr(self->family, "bound");
	int one = stream_bind(_metadata, &path);
	int other = stream_bind(_metadata, &nul);

	EXPECT_EQ(ECONNREFUSED, connect_errno(self->client, &path));
	EXPECT_EQ(ECONNREFUSED, connect_errno(self->client, &nul));
	close(one);
	close(other);
}

TEST_F(stream_connect, a_closed_listener_refuses)
{
	struct test_addr nul = nul_addr(self->family, "closed");

	close(stream_listen(_metadata, &nul, 1));
	EXPECT_EQ(ECONNREFUSED, connect_errno(self->client, &nul));
	close_open(&self->listener);
	EXPECT_EQ(ECONNREFUSED, connect_errno(self->client, &self->addr));
}

TEST_F(stream_connect, a_listener_shut_down_for_reading_refuses)
{
	ASSERT_EQ(0, shutdown(self->listener, SHUT_RD));
	EXPECT_EQ(ECONNREFUSED, connect_errno(self->client, &self->addr));
}

TEST_F(stream_connect, a_refused_socket_may_try_again)
{
	struct test_addr late = nul_addr(self->family, "late");
	int fd;

	ASSERT_EQ(ECONNREFUSED, connect_errno(self->client, &late));
	fd = stream_listen(_metadata, &late, 1);
	EXPECT_EQ(0, connect_errno(self->client, &late));
	EXPECT_EQ(1, send(self->client, "x", 1, 0));
	close(fd);
}

TEST_F(stream_connect, a_full_backlog_is_eagain_when_nonblocking)
{
	int fd[3], i;

	for (i = 0; i < 3; i++)
		fd[i] = stream_socket(_metadata, self->family, SOCK_NONBLOCK);
	EXPECT_EQ(0, connect_errno(fd[0], &self->addr));
	EXPECT_EQ(0, connect_errno(fd[1], &self->addr));
	EXPECT_EQ(EAGAIN, connect_errno(fd[2], &self->addr));

	close(accept(self->listener, NULL, NULL));
	EXPECT_EQ(0, connect_errno(fd[2], &self->addr));
	for (i = 0; i < 3; i++)
		close(fd[i]);
}

TEST_F(stream_connect, a_full_backlog_is_eagain_after_so_sndtimeo)
{
	int one = stream_connect(_metadata, &self->addr);
	int other = stream_connect(_metadata, &self->addr);
	long start;

	ASSERT_EQ(0, set_timeout_ms(self->client, SO_SNDTIMEO, 200));
	start = now_ms();
	EXPECT_EQ(EAGAIN, connect_errno(self->client, &self->addr));
	EXPECT_LE(190, now_ms() - start);
	close(one);
	close(other);
}

/* Connect in a child once the backlog is full: it is blocked on return. */
static pid_t blocked_connector(struct __test_metadata *_metadata,
			       const struct test_addr *addr, int queued[2])
{
	pid_t child;

	queued[0] = stream_connect(_metadata, addr);
	queued[1] = stream_connect(_metadata, addr);
	child = fork_child(_metadata);
	if (!child) {
		int fd = socket(addr->sa.sa_family, SOCK_STREAM, 0);

		_exit(connect_errno(fd, addr));
	}
	ASSERT_TRUE(wait_blocked(child));
	return child;
}

TEST_F(stream_connect, waits_until_accept_makes_room)
{
	int queued[2];
	pid_t child = blocked_connector(_metadata, &self->addr, queued);

	close(accept(self->listener, NULL, NULL));
	EXPECT_EQ(0, wait_exit(child));
	close(queued[0]);
	close(queued[1]);
}

TEST_F(stream_connect, waits_until_a_longer_backlog_makes_room)
{
	int queued[2];
	pid_t child = blocked_connector(_metadata, &self->addr, queued);

	ASSERT_EQ(0, listen(self->listener, 8));
	EXPECT_EQ(0, wait_exit(child));
	close(queued[0]);
	close(queued[1]);
}

TEST_F(stream_connect, a_waiting_one_is_refused_when_the_listener_closes)
{
	struct test_addr nul = nul_addr(self->family, "closes");
	int queued[2], fd;
	pid_t child;

	/* The child must not hold the listener: a descriptor keeps it open. */
	fd = stream_listen(_metadata, &nul, 1);
	queued[0] = stream_connect(_metadata, &nul);
	queued[1] = stream_connect(_metadata, &nul);
	child = fork_child(_metadata);
	if (!child) {
		close(fd);
		_exit(connect_errno(self->client, &nul));
	}
	ASSERT_TRUE(wait_blocked(child));
	close(fd);
	EXPECT_EQ(ECONNREFUSED, wait_exit(child));
	close(queued[0]);
	close(queued[1]);
}

TEST_F(stream_connect, one_room_lets_one_waiting_connector_in)
{
	int queued[2], i, blocked = 0;
	pid_t child[2];

	child[0] = blocked_connector(_metadata, &self->addr, queued);
	child[1] = fork_child(_metadata);
	if (!child[1])
		_exit(connect_errno(self->client, &self->addr));
	ASSERT_TRUE(wait_blocked(child[1]));

	close(accept(self->listener, NULL, NULL));
	/* Exactly one ends by itself; the other needs more room. */
	while (waitpid(child[0], NULL, WNOHANG) != child[0]) {
		if (waitpid(child[1], NULL, WNOHANG) == child[1]) {
			child[1] = child[0];
			break;
		}
		pause_ms(1);
	}
	for (i = 0; i < 20; i++) {
		blocked += waitpid(child[1], NULL, WNOHANG) == 0;
		pause_ms(5);
	}
	EXPECT_EQ(20, blocked);
	close(accept(self->listener, NULL, NULL));
	EXPECT_EQ(0, wait_exit(child[1]));
	close(queued[0]);
	close(queued[1]);
}

TEST_F(stream_connect, connections_are_accepted_in_their_order)
{
	int fd[4], server, i;

	ASSERT_EQ(0, listen(self->listener, 8));
	for (i = 0; i < 4; i++) {
		fd[i] = stream_connect(_metadata, &self->addr);
		ASSERT_EQ(1, send(fd[i], &"0123"[i], 1, 0));
	}
	for (i = 0; i < 4; i++) {
		char got;

		server = accept(self->listener, NULL, NULL);
		ASSERT_LE(0, server);
		ASSERT_EQ(1, recv(server, &got, 1, 0));
		EXPECT_EQ("0123"[i], got);
		close(server);
		close(fd[i]);
	}
}

TEST_F(stream_connect, another_type_of_socket_is_eprototype)
{
	struct test_addr addr = path_addr(self->family, self->dir, "dgram");
	int dgram = socket(self->family, SOCK_DGRAM, 0);

	if (dgram < 0 && errno == ESOCKTNOSUPPORT)
		SKIP(return, "the family has one type of socket only");
	ASSERT_LE(0, dgram);
	ASSERT_EQ(0, bind(dgram, &addr.sa, addr.len));
	EXPECT_EQ(EPROTOTYPE, connect_errno(self->client, &addr));
	close(dgram);
}

TEST_HARNESS_MAIN
