// SPDX-License-Identifier: GPL-2.0
/*
 * Network namespaces: each has its own names, a socket belongs to the one it
 * was made in, and one that ends takes its sockets with it.
 */
#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_test.h"

FIXTURE(netns)
{
	int family;
	char *dir;
	struct test_addr path;
	struct test_addr nul;
	int home;	/* the namespace that the test began in */
};

FIXTURE_VARIANT(netns)
{
	bool qsock;
	bool paths_cross;
};

FIXTURE_VARIANT_ADD(netns, af_qsock)
{
	.qsock = true,
	/* All names live in the namespace; a file is reached from anywhere. */
	.paths_cross = false,
};

FIXTURE_VARIANT_ADD(netns, af_unix)
{
	.qsock = false,
	.paths_cross = true,
};

FIXTURE_SETUP(netns)
{
	self->home = -1;
	self->dir = NULL;
	REQUIRE_FAMILY(variant);
	if (geteuid())
		SKIP(return, "needs root, to make namespaces");
	self->family = test_family(variant->qsock);
	self->dir = make_name_dir(_metadata);
	self->path = path_addr(self->family, self->dir, "name");
	self->nul = nul_addr(self->family, "name");
	self->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->home);
}

FIXTURE_TEARDOWN(netns)
{
	close_open(&self->home);
	remove_name_dir(self->dir);
}

static int connect_errno(int family, const struct test_addr *addr)
{
	int fd = socket(family, SOCK_STREAM, 0), error;

	error = connect(fd, &addr->sa, addr->len) ? errno : 0;
	close(fd);
	return error;
}

TEST_F(netns, a_nul_name_is_not_seen_from_another)
{
	int listener = stream_listen(_metadata, &self->nul, 8);

	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	EXPECT_EQ(ECONNREFUSED, connect_errno(self->family, &self->nul));
	ASSERT_EQ(0, setns(self->home, CLONE_NEWNET));
	EXPECT_EQ(0, connect_errno(self->family, &self->nul));
	close(listener);
}

TEST_F(netns, a_path_is_seen_from_another_only_as_a_file)
{
	int listener = stream_listen(_metadata, &self->path, 8);

	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	EXPECT_EQ(variant->paths_cross ? 0 : ECONNREFUSED,
		  connect_errno(self->family, &self->path));
	ASSERT_EQ(0, setns(self->home, CLONE_NEWNET));
	EXPECT_EQ(0, connect_errno(self->family, &self->path));
	close(listener);
}

TEST_F(netns, two_may_have_the_same_name)
{
	int here = stream_listen(_metadata, &self->nul, 8), there;

	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	there = stream_listen(_metadata, &self->nul, 8);
	EXPECT_EQ(0, connect_errno(self->family, &self->nul));
	EXPECT_EQ(POLLIN, poll_one(there, POLLIN, 0));
	EXPECT_EQ(0, poll_one(here, POLLIN, 0));
	close(here);
	close(there);
}

TEST_F(netns, a_socket_stays_in_the_one_it_was_made_in)
{
	int listener = stream_listen(_metadata, &self->nul, 8);
	int client = stream_socket(_metadata, self->family, 0);
	int unbound = stream_socket(_metadata, self->family, 0);

	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	/* The process has moved; the sockets have not. */
	EXPECT_EQ(0, connect(client, &self->nul.sa, self->nul.len));
	EXPECT_ERRNO(EADDRINUSE, bind(unbound, &self->nul.sa, self->nul.len));
	close(client);
	close(unbound);
	close(listener);
}

TEST_F(netns, an_accepted_socket_is_in_the_one_of_its_listener)
{
	struct test_addr other = nul_addr(self->family, "other");
	int listener = stream_listen(_metadata, &self->nul, 8);
	int client = stream_connect(_metadata, &self->nul), server;
	int taken = stream_bind(_metadata, &other);

	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	server = accept(listener, NULL, NULL);
	ASSERT_LE(0, server);
	/* It has a name already, whatever the namespace. */
	EXPECT_ERRNO(EINVAL, bind(server, &other.sa, other.len));
	EXPECT_EQ(1, send(client, "x", 1, 0));
	EXPECT_EQ(1, drain_queue(server));
	close(taken);
	close(server);
	close(client);
	close(listener);
}

TEST_F(netns, a_connection_crosses)
{
	int fd[2];
	pid_t child;
	char got[8];

	ASSERT_EQ(0, socketpair(self->family, SOCK_STREAM, 0, fd));
	child = fork_child(_metadata);
	if (!child) {
		if (unshare(CLONE_NEWNET))
			_exit(1);
		_exit(send(fd[0], "over", 4, 0) != 4);
	}
	EXPECT_EQ(0, wait_exit(child));
	EXPECT_EQ(4, recv(fd[1], got, sizeof(got), MSG_DONTWAIT));
	close(fd[0]);
	close(fd[1]);
}

/* A child in a namespace of its own that has every kind of socket. */
static void live_and_die(struct __test_metadata *_metadata,
			 FIXTURE_DATA(netns) *self, int ready)
{
	struct test_addr any = raw_addr(self->family, NULL, 0);
	int fd[2], listener, client;
	char byte;

	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	listener = stream_listen(_metadata, &self->nul, 8);
	client = stream_connect(_metadata, &self->nul);
	close(stream_connect(_metadata, &self->nul));
	stream_bind(_metadata, &any);
	ASSERT_EQ(1, send(client, "x", 1, 0));
	ASSERT_EQ(0, socketpair(self->family, SOCK_STREAM, 0, fd));
	fill_queue(fd[0], 512);
	close(fd[0]);
	close(accept(listener, NULL, NULL));
	tell(ready);
	recv(client, &byte, 1, 0);
}

TEST_F(netns, one_that_ends_takes_its_sockets_with_it)
{
	int rounds = 8, ready[2];

	ASSERT_EQ(0, pipe(ready));
	while (rounds--) {
		pid_t child = fork_child(_metadata);

		if (!child) {
			live_and_die(_metadata, self, ready[1]);
			_exit(0);
		}
		ASSERT_TRUE(await(ready[0]));
		kill(child, SIGKILL);
		wait_exit(child);
	}
	/* Nothing of it is here. */
	EXPECT_EQ(ECONNREFUSED, connect_errno(self->family, &self->nul));
	close(stream_bind(_metadata, &self->nul));
}

TEST_F(netns, a_socket_outlives_the_last_process_of_its_namespace)
{
	int listener, client, server;

	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	listener = stream_listen(_metadata, &self->nul, 8);
	client = stream_socket(_metadata, self->family, 0);
	ASSERT_EQ(0, setns(self->home, CLONE_NEWNET));
	/* Only the sockets keep the namespace now. */
	ASSERT_EQ(0, connect(client, &self->nul.sa, self->nul.len));
	server = accept(listener, NULL, NULL);
	ASSERT_LE(0, server);
	EXPECT_EQ(1, send(client, "x", 1, 0));
	EXPECT_EQ(1, drain_queue(server));
	close(server);
	close(client);
	close(listener);
}

TEST_HARNESS_MAIN
