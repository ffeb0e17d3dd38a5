// SPDX-License-Identifier: GPL-2.0
/*
 * How a connection that carries records comes about: listen(), connect(),
 * accept(), and what is refused before and after.
 */
#include "qsock_message.h"

FIXTURE(seqpacket_connect)
{
	int family;
	char *dir;
	struct test_addr nul;
	struct test_addr path;
	int listener;	/* at nul */
	int client;
};

FIXTURE_VARIANT(seqpacket_connect)
{
	bool qsock;
};

FAMILY_VARIANTS(seqpacket_connect);

FIXTURE_SETUP(seqpacket_connect)
{
	self->dir = NULL;
	self->listener = -1;
	self->client = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	self->dir = make_name_dir(_metadata);
	self->nul = nul_addr(self->family, "listener");
	self->path = path_addr(self->family, self->dir, "path");
	self->listener = message_bind(_metadata, SOCK_SEQPACKET, &self->nul);
	ASSERT_EQ(0, listen(self->listener, 8));
	self->client = message_socket(_metadata, self->family, SOCK_SEQPACKET);
}

FIXTURE_TEARDOWN(seqpacket_connect)
{
	close_open(&self->listener);
	close_open(&self->client);
	remove_name_dir(self->dir);
}

TEST_F(seqpacket_connect, an_unconnected_socket_is_enotconn)
{
	struct test_addr peer = { .len = sizeof(peer.storage) };
	char got;

	EXPECT_EQ(-ENOTCONN, say(self->client, "x"));
	EXPECT_EQ(-ENOTCONN, take(self->client));
	/* Also where it would wait, and where an address is given. */
	EXPECT_ERRNO(ENOTCONN, recv(self->client, &got, 1, 0));
	EXPECT_EQ(-ENOTCONN, say_to(self->client, &self->nul, "x"));
	EXPECT_ERRNO(ENOTCONN, getpeername(self->client, &peer.sa, &peer.len));
	EXPECT_EQ(POLLOUT | POLLHUP, poll_one(self->client, POLLIN | POLLOUT,
					      0));
}

TEST_F(seqpacket_connect, a_listener_carries_nothing)
{
	ASSERT_EQ(0, connect_errno(self->client, &self->nul));
	ASSERT_EQ(1, say(self->client, "x"));
	EXPECT_EQ(-ENOTCONN, say(self->listener, "y"));
	EXPECT_EQ(-ENOTCONN, take(self->listener));
	EXPECT_EQ(EINVAL, connect_errno(self->listener, &self->nul));
	EXPECT_EQ(1, int_option(self->listener, SO_ACCEPTCONN));
	EXPECT_EQ(POLLIN, poll_one(self->listener, POLLIN | POLLOUT, 0));
}

TEST_F(seqpacket_connect, gives_two_ends_with_their_names)
{
	struct test_addr from = { .len = sizeof(from.storage) }, name;
	int server;

	ASSERT_EQ(0, bind(self->client, &self->path.sa, self->path.len));
	ASSERT_EQ(0, connect_errno(self->client, &self->nul));
	server = accept(self->listener, &from.sa, &from.len);
	ASSERT_LE(0, server);
	EXPECT_TRUE(same_addr(&self->path, &from));
	name = peer_of(server);
	EXPECT_TRUE(same_addr(&self->path, &name));
	name = name_of(server);
	EXPECT_TRUE(same_addr(&self->nul, &name));
	name = peer_of(self->client);
	EXPECT_TRUE(same_addr(&self->nul, &name));
	EXPECT_EQ(SOCK_SEQPACKET, int_option(server, SO_TYPE));
	EXPECT_EQ(1, say(self->client, "x"));
	EXPECT_TRUE(hear(server, "x"));
	EXPECT_EQ(1, say(server, "y"));
	EXPECT_TRUE(hear(self->client, "y"));
	close(server);
}

TEST_F(seqpacket_connect, an_unnamed_client_is_a_family_alone)
{
	struct test_addr from = { .len = sizeof(from.storage) };
	int server;

	ASSERT_EQ(0, connect_errno(self->client, &self->nul));
	server = accept(self->listener, &from.sa, &from.len);
	ASSERT_LE(0, server);
	EXPECT_EQ(NAME_OFFSET, from.len);
	EXPECT_EQ(NAME_OFFSET, peer_of(server).len);
	close(server);
}

/* Records wait for the server, in its turn. */
TEST_F(seqpacket_connect, a_client_need_not_wait_for_the_server)
{
	int server;

	ASSERT_EQ(0, connect_errno(self->client, &self->nul));
	ASSERT_EQ(1, say(self->client, "a"));
	ASSERT_EQ(2, say(self->client, "bc"));
	close_open(&self->client);
	server = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, server);
	EXPECT_TRUE(hear(server, "a"));
	EXPECT_TRUE(hear(server, "bc"));
	EXPECT_EQ(0, take(server));
	close(server);
}

TEST_F(seqpacket_connect, a_listener_that_closes_resets_who_waits)
{
	ASSERT_EQ(0, connect_errno(self->client, &self->nul));
	close_open(&self->listener);
	EXPECT_EQ(-ECONNRESET, take(self->client));
	EXPECT_EQ(0, take(self->client));
	EXPECT_EQ(-EPIPE, say(self->client, "x"));
}

TEST_F(seqpacket_connect, a_second_one_is_eisconn)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int fd[2];

	ASSERT_EQ(0, connect_errno(self->client, &self->nul));
	EXPECT_EQ(EISCONN, connect_errno(self->client, &self->nul));
	ASSERT_EQ(0, socketpair(self->family, SOCK_SEQPACKET, 0, fd));
	EXPECT_EQ(EISCONN, connect_errno(fd[0], &self->nul));
	/* There is no way back, as datagram sockets have one. */
	EXPECT_ERRNO(EINVAL, connect(fd[0], &none, sizeof(none)));
	EXPECT_EQ(1, say(fd[0], "x"));
	EXPECT_TRUE(hear(fd[1], "x"));
	close(fd[0]);
	close(fd[1]);
}

/* A connection ended is a connection. */
TEST_F(seqpacket_connect, after_the_end_it_is_eisconn)
{
	int server;

	ASSERT_EQ(0, connect_errno(self->client, &self->nul));
	server = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, server);
	close(server);
	EXPECT_EQ(0, take(self->client));
	EXPECT_EQ(EISCONN, connect_errno(self->client, &self->nul));
}

TEST_F(seqpacket_connect, a_refused_client_may_try_again)
{
	struct test_addr addr = nul_addr(self->family, "late");
	int fd;

	EXPECT_EQ(ECONNREFUSED, connect_errno(self->client, &addr));
	fd = message_bind(_metadata, SOCK_SEQPACKET, &addr);
	/* Bound, and nobody listens. */
	EXPECT_EQ(ECONNREFUSED, connect_errno(self->client, &addr));
	ASSERT_EQ(0, listen(fd, 1));
	EXPECT_EQ(0, connect_errno(self->client, &addr));
	close(fd);
}

TEST_F(seqpacket_connect, a_listener_that_was_shut_refuses)
{
	ASSERT_EQ(0, shutdown(self->listener, SHUT_RD));
	EXPECT_EQ(ECONNREFUSED, connect_errno(self->client, &self->nul));
	EXPECT_ERRNO(EINVAL, accept(self->listener, NULL, NULL));
}

TEST_F(seqpacket_connect, listening_needs_a_name_and_no_connection)
{
	int fd[2];

	EXPECT_ERRNO(EINVAL, listen(self->client, 1));
	ASSERT_EQ(0, connect_errno(self->client, &self->nul));
	ASSERT_EQ(0, bind(self->client, &self->path.sa, self->path.len));
	EXPECT_ERRNO(EINVAL, listen(self->client, 1));
	ASSERT_EQ(0, socketpair(self->family, SOCK_SEQPACKET, 0, fd));
	EXPECT_ERRNO(EINVAL, listen(fd[0], 1));
	EXPECT_ERRNO(EINVAL, accept(fd[0], NULL, NULL));
	close(fd[0]);
	close(fd[1]);
	/* Again is fine. */
	EXPECT_EQ(0, listen(self->listener, 2));
}

TEST_F(seqpacket_connect, accepting_nobody_is_eagain)
{
	long long start = now_ms();

	ASSERT_EQ(0, set_timeout_ms(self->listener, SO_RCVTIMEO, 200));
	EXPECT_ERRNO(EAGAIN, accept(self->listener, NULL, NULL));
	EXPECT_LE(190, now_ms() - start);
	ASSERT_EQ(0, set_nonblock(self->listener));
	EXPECT_ERRNO(EAGAIN, accept(self->listener, NULL, NULL));
}

/* One more than the backlog may wait. */
TEST_F(seqpacket_connect, a_full_backlog_is_eagain)
{
	int first, second, server;
	long long start = now_ms();

	ASSERT_EQ(0, listen(self->listener, 0));
	first = message_connect(_metadata, SOCK_SEQPACKET, &self->nul);
	second = message_socket(_metadata, self->family, SOCK_SEQPACKET);
	ASSERT_EQ(0, set_nonblock(second));
	EXPECT_EQ(EAGAIN, connect_errno(second, &self->nul));
	ASSERT_EQ(0, set_timeout_ms(self->client, SO_SNDTIMEO, 200));
	EXPECT_EQ(EAGAIN, connect_errno(self->client, &self->nul));
	EXPECT_LE(190, now_ms() - start);
	server = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, server);
	EXPECT_EQ(0, connect_errno(second, &self->nul));
	close(server);
	close(first);
	close(second);
}

TEST_F(seqpacket_connect, a_waiting_connect_goes_on_as_somebody_accepts)
{
	int first, server;
	pid_t child;

	ASSERT_EQ(0, listen(self->listener, 0));
	first = message_connect(_metadata, SOCK_SEQPACKET, &self->nul);
	child = fork_child(_metadata);
	if (!child)
		_exit(connect_errno(self->client, &self->nul));
	ASSERT_TRUE(wait_blocked(child));
	server = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, server);
	EXPECT_EQ(0, wait_exit(child));
	close(server);
	close(first);
}

TEST_F(seqpacket_connect, the_types_have_nul_names_of_their_own)
{
	static const int other[] = { SOCK_STREAM, SOCK_DGRAM };
	struct test_addr shared = nul_addr(self->family, "shared");
	int fd[2];
	size_t i;

	for (i = 0; i < 2; i++) {
		int stranger = message_socket(_metadata, self->family,
					      other[i]);

		/* Not there for another type, though somebody listens. */
		EXPECT_EQ(ECONNREFUSED, connect_errno(stranger, &self->nul));
		close(stranger);
		fd[i] = message_bind(_metadata, other[i], &shared);
	}
	ASSERT_EQ(0, listen(fd[0], 1));
	EXPECT_EQ(ECONNREFUSED, connect_errno(self->client, &shared));
	EXPECT_EQ(0, bind(self->client, &shared.sa, shared.len));
	close(fd[0]);
	close(fd[1]);
}

TEST_F(seqpacket_connect, a_path_of_another_type_is_eprototype)
{
	static const int other[] = { SOCK_STREAM, SOCK_DGRAM };
	int fd = message_bind(_metadata, SOCK_SEQPACKET, &self->path);
	size_t i;

	ASSERT_EQ(0, listen(fd, 1));
	for (i = 0; i < 2; i++) {
		struct test_addr addr = path_addr(self->family, self->dir,
						  i ? "1" : "0");
		int stranger = message_bind(_metadata, other[i], &addr);

		if (!i)
			ASSERT_EQ(0, listen(stranger, 1));
		EXPECT_EQ(EPROTOTYPE, connect_errno(self->client, &addr));
		close(stranger);
		stranger = message_socket(_metadata, self->family, other[i]);
		EXPECT_EQ(EPROTOTYPE, connect_errno(stranger, &self->path));
		EXPECT_ERRNO(EADDRINUSE, bind(stranger, &self->path.sa,
					      self->path.len));
		close(stranger);
	}
	EXPECT_EQ(0, connect_errno(self->client, &self->path));
	close(fd);
}

TEST_HARNESS_MAIN
