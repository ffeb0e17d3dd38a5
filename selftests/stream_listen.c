// SPDX-License-Identifier: GPL-2.0
/*
 * listen(): which sockets may, and how many connections the backlog holds.
 */
#include "qsock_test.h"

FIXTURE(stream_listen)
{
	int family;
	char *dir;
	struct test_addr addr;
	int sk;
};

FIXTURE_VARIANT(stream_listen)
{
	bool qsock;
};

FAMILY_VARIANTS(stream_listen);

FIXTURE_SETUP(stream_listen)
{
	self->sk = -1;
	self->dir = NULL;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	self->dir = make_name_dir(_metadata);
	self->addr = path_addr(self->family, self->dir, "sk");
	self->sk = stream_socket(_metadata, self->family, 0);
}

FIXTURE_TEARDOWN(stream_listen)
{
	close_open(&self->sk);
	remove_name_dir(self->dir);
}

/* How many connections @addr takes before its backlog is full. */
static int pending_room(struct __test_metadata *_metadata,
			const struct test_addr *addr)
{
	int fd[64], n = 0, i;

	do {
		fd[n] = stream_socket(_metadata, addr->sa.sa_family,
				      SOCK_NONBLOCK);
	} while (!connect(fd[n++], &addr->sa, addr->len) && n < 64);
	EXPECT_EQ(EAGAIN, errno);
	for (i = 0; i < n; i++)
		close(fd[i]);
	return n - 1;
}

TEST_F(stream_listen, unbound_is_einval)
{
	EXPECT_EQ(-1, listen(self->sk, 8));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, int_option(self->sk, SO_ACCEPTCONN));
}

TEST_F(stream_listen, bound_is_ok)
{
	ASSERT_EQ(0, bind(self->sk, &self->addr.sa, self->addr.len));
	EXPECT_EQ(0, int_option(self->sk, SO_ACCEPTCONN));
	EXPECT_EQ(0, listen(self->sk, 8));
	EXPECT_EQ(1, int_option(self->sk, SO_ACCEPTCONN));
}

TEST_F(stream_listen, autobound_is_ok)
{
	struct test_addr any = raw_addr(self->family, NULL, 0);
	struct test_addr name;
	int client;

	ASSERT_EQ(0, bind(self->sk, &any.sa, any.len));
	ASSERT_EQ(0, listen(self->sk, 8));
	name = name_of(self->sk);
	client = stream_connect(_metadata, &name);
	close(client);
}

TEST_F(stream_listen, again_is_ok)
{
	ASSERT_EQ(0, bind(self->sk, &self->addr.sa, self->addr.len));
	ASSERT_EQ(0, listen(self->sk, 8));
	EXPECT_EQ(0, listen(self->sk, 16));
}

TEST_F(stream_listen, connected_is_einval)
{
	struct test_addr server = path_addr(self->family, self->dir, "server");
	int fd = stream_listen(_metadata, &server, 8);

	/* Bound, so that only its state is in the way. */
	ASSERT_EQ(0, bind(self->sk, &self->addr.sa, self->addr.len));
	ASSERT_EQ(0, connect(self->sk, &server.sa, server.len));
	EXPECT_EQ(-1, listen(self->sk, 8));
	EXPECT_EQ(EINVAL, errno);
	close(fd);
}

TEST_F(stream_listen, the_backlog_holds_one_more_than_asked_for)
{
	ASSERT_EQ(0, bind(self->sk, &self->addr.sa, self->addr.len));
	ASSERT_EQ(0, listen(self->sk, 0));
	EXPECT_EQ(1, pending_room(_metadata, &self->addr));
}

TEST_F(stream_listen, a_longer_backlog_holds_more)
{
	ASSERT_EQ(0, bind(self->sk, &self->addr.sa, self->addr.len));
	ASSERT_EQ(0, listen(self->sk, 0));
	ASSERT_EQ(0, listen(self->sk, 3));
	EXPECT_EQ(4, pending_room(_metadata, &self->addr));
}

TEST_F(stream_listen, a_closed_client_stays_in_the_backlog)
{
	ASSERT_EQ(0, bind(self->sk, &self->addr.sa, self->addr.len));
	ASSERT_EQ(0, listen(self->sk, 1));
	ASSERT_EQ(2, pending_room(_metadata, &self->addr));
	EXPECT_EQ(0, pending_room(_metadata, &self->addr));
}

/* In a network namespace of its own, whose limit it may change. */
TEST_F(stream_listen, somaxconn_bounds_the_backlog)
{
	int sk, sysctl;

	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	sysctl = open("/proc/sys/net/core/somaxconn", O_WRONLY);
	ASSERT_LE(0, sysctl);
	ASSERT_EQ(1, write(sysctl, "5", 1));
	close(sysctl);

	/* A socket belongs to the namespace that it was made in. */
	sk = stream_bind(_metadata, &self->addr);
	ASSERT_EQ(0, listen(sk, 40));
	EXPECT_EQ(6, pending_room(_metadata, &self->addr));
	close(sk);
}

TEST_F(stream_listen, a_negative_backlog_is_the_longest)
{
	int sk, sysctl;

	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	sysctl = open("/proc/sys/net/core/somaxconn", O_WRONLY);
	ASSERT_LE(0, sysctl);
	ASSERT_EQ(1, write(sysctl, "5", 1));
	close(sysctl);

	sk = stream_bind(_metadata, &self->addr);
	ASSERT_EQ(0, listen(sk, -1));
	EXPECT_EQ(6, pending_room(_metadata, &self->addr));
	close(sk);
}

TEST_HARNESS_MAIN
