// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/net/protocols: how many sockets of the family there are, which is
 * none when all are closed. In a network namespace of its own, where nobody
 * else's count.
 */
#include "qsock_proc.h"
#include "qsock_test.h"

FIXTURE(procnet)
{
	int family;
	struct test_addr addr;
};

FIXTURE_VARIANT(procnet)
{
	bool qsock;
	const char *protocol;
	const char *module;
};

FIXTURE_VARIANT_ADD(procnet, af_qsock)
{
	.qsock = true,
	.protocol = "QSOCK",
	.module = "qsock",
};

FIXTURE_VARIANT_ADD(procnet, af_unix)
{
	.qsock = false,
	.protocol = "UNIX-STREAM",
	.module = "kernel",
};

FIXTURE_SETUP(procnet)
{
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	self->addr = nul_addr(self->family, "listener");
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
}

FIXTURE_TEARDOWN(procnet)
{
}

/* The sockets that the file counts; -1 when the protocol is not in it. */
static int sockets(const char *protocol, char *module)
{
	char line[512], name[64];
	FILE *file = fopen("/proc/self/net/protocols", "r");
	int count = -1, n;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63s %*u %d %*s %*s %*s %*s %63s", name, &n,
			   module) == 3 && !strcmp(name, protocol))
			count = n;
		if (count >= 0)
			break;
	}
	if (file)
		fclose(file);
	return count;
}

/* Some sockets may go a little after close() has returned. */
static int settled(const char *protocol, int expected)
{
	long deadline = now_ms() + WAIT_MS;
	char module[64];
	int count;

	while ((count = sockets(protocol, module)) != expected &&
	       now_ms() < deadline)
		pause_ms(5);
	return count;
}

TEST_F(procnet, names_the_protocol_and_its_module)
{
	char module[64] = "";

	EXPECT_EQ(0, sockets(variant->protocol, module));
	EXPECT_STREQ(variant->module, module);
}

TEST_F(procnet, counts_each_socket)
{
	int one = stream_socket(_metadata, self->family, 0);
	char module[64];
	int fd[2];

	EXPECT_EQ(1, sockets(variant->protocol, module));
	ASSERT_EQ(0, socketpair(self->family, SOCK_STREAM, 0, fd));
	EXPECT_EQ(3, sockets(variant->protocol, module));
	/* An end may keep its peer until both are closed. */
	close(fd[0]);
	close(fd[1]);
	EXPECT_EQ(1, settled(variant->protocol, 1));
	close(one);
	EXPECT_EQ(0, settled(variant->protocol, 0));
}

TEST_F(procnet, counts_both_ends_of_a_connection_and_the_listener)
{
	int listener = stream_listen(_metadata, &self->addr, 1);
	int client = stream_connect(_metadata, &self->addr);
	int server = accept(listener, NULL, NULL);
	char module[64];

	ASSERT_LE(0, server);
	EXPECT_EQ(3, sockets(variant->protocol, module));
	close(listener);
	EXPECT_EQ(2, settled(variant->protocol, 2));
	close(client);
	close(server);
	EXPECT_EQ(0, settled(variant->protocol, 0));
}

TEST_F(procnet, unread_bytes_keep_no_socket)
{
	int fd[2];

	ASSERT_EQ(0, socketpair(self->family, SOCK_STREAM, 0, fd));
	ASSERT_EQ(1, send(fd[0], "x", 1, 0));
	ASSERT_EQ(1, send(fd[1], "x", 1, 0));
	close(fd[0]);
	close(fd[1]);
	EXPECT_EQ(0, settled(variant->protocol, 0));
}

TEST_F(procnet, connections_nobody_accepted_keep_no_socket)
{
	int listener = stream_listen(_metadata, &self->addr, 8);
	int client[3], i;

	for (i = 0; i < 3; i++)
		client[i] = stream_connect(_metadata, &self->addr);
	ASSERT_EQ(1, send(client[0], "x", 1, 0));
	close(client[1]);
	close(listener);
	close(client[0]);
	close(client[2]);
	EXPECT_EQ(0, settled(variant->protocol, 0));
}

TEST_F(procnet, failed_calls_leave_no_socket)
{
	int fd, pair[2];

	EXPECT_EQ(-1, socket(self->family, SOCK_STREAM, 99));
	EXPECT_EQ(-1, socketpair(self->family, SOCK_STREAM, 99, pair));
	EXPECT_EQ(-1, socketpair(self->family, SOCK_STREAM, 0, nowhere()));
	fd = stream_socket(_metadata, self->family, 0);
	EXPECT_EQ(-1, connect(fd, &self->addr.sa, self->addr.len));
	EXPECT_EQ(-1, bind(fd, &self->addr.sa, 1));
	EXPECT_EQ(1, settled(variant->protocol, 1));
	close(fd);
	EXPECT_EQ(0, settled(variant->protocol, 0));
}

TEST_F(procnet, a_killed_process_leaves_no_socket)
{
	char module[64];
	pid_t child = fork_child(_metadata);

	if (!child) {
		int listener = stream_listen(_metadata, &self->addr, 8);
		int client = stream_connect(_metadata, &self->addr);
		char byte;
		int fd[2];

		socketpair(self->family, SOCK_STREAM, 0, fd);
		send(client, "x", 1, 0);
		recv(fd[0], &byte, 1, 0);
		_exit(listener);
	}
	ASSERT_TRUE(wait_blocked(child));
	EXPECT_LE(4, sockets(variant->protocol, module));
	kill(child, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, wait_exit(child));
	EXPECT_EQ(0, settled(variant->protocol, 0));
}

TEST_F(procnet, another_namespace_counts_its_own)
{
	int one = stream_socket(_metadata, self->family, 0);
	char module[64];

	ASSERT_EQ(1, sockets(variant->protocol, module));
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	EXPECT_EQ(0, sockets(variant->protocol, module));
	close(one);
}

TEST_HARNESS_MAIN
