// SPDX-License-Identifier: GPL-2.0
/*
 * A socket that is closed is gone, whatever it was before: the kernel's count
 * in /proc/net/protocols comes back. In a network namespace of its own.
 */
#include "qsock_proc.h"
#include "qsock_types.h"

FIXTURE(socket_count)
{
	int family;
	const char *protocol;	/* what their names start with */
	long before;
	int fd[4];
	struct test_addr addr;
};

FIXTURE_VARIANT(socket_count)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(socket_count);

/* The sockets of this namespace whose protocol starts with @name. */
static long count_sockets(const char *name)
{
	char line[256], protocol[32];
	FILE *file = fopen("/proc/net/protocols", "r");
	long total = -1, n;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%31s %*d %ld", protocol, &n) == 2 &&
		    !strncmp(protocol, name, strlen(name)))
			total = total < 0 ? n : total + n;
	if (file)
		fclose(file);
	return total;
}

FIXTURE_SETUP(socket_count)
{
	int i;

	for (i = 0; i < 4; i++)
		self->fd[i] = -1;
	REQUIRE_FAMILY(variant);
	if (geteuid())
		SKIP(return, "needs root, to make a namespace");
	self->family = test_family(variant->qsock);
	self->protocol = variant->qsock ? "QSOCK" : "UNIX";
	self->addr = nul_addr(self->family, "name");
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	self->before = count_sockets(self->protocol);
	ASSERT_LE(0, self->before);
}

/* Not the teardown alone: every test ends with this. */
static bool all_gone(FIXTURE_DATA(socket_count) *self)
{
	long deadline = now_ms() + WAIT_MS;
	int i;

	if (count_sockets(self->protocol) <= self->before)
		return false;
	for (i = 0; i < 4; i++)
		close_open(&self->fd[i]);
	while (count_sockets(self->protocol) != self->before) {
		if (now_ms() > deadline)
			return false;
		pause_ms(10);
	}
	return true;
}

FIXTURE_TEARDOWN(socket_count)
{
	int i;

	for (i = 0; i < 4; i++)
		close_open(&self->fd[i]);
}

TEST_F(socket_count, new)
{
	self->fd[0] = typed_socket(_metadata, self->family, variant->type);
	EXPECT_TRUE(all_gone(self));
}

TEST_F(socket_count, bound)
{
	self->fd[0] = typed_bind(_metadata, variant->type, &self->addr);
	EXPECT_TRUE(all_gone(self));
}

TEST_F(socket_count, autobound)
{
	self->fd[0] = typed_socket(_metadata, self->family, variant->type);
	ASSERT_EQ(0, bind(self->fd[0], &self->addr.sa, NAME_OFFSET));
	EXPECT_TRUE(all_gone(self));
}

TEST_F(socket_count, a_pair)
{
	ASSERT_EQ(0, socketpair(self->family, variant->type, 0, self->fd));
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_TRUE(all_gone(self));
}

/* With a message, and for what ends with nobody who accepted it. */
static void connect_to_name(struct __test_metadata *_metadata,
			    FIXTURE_DATA(socket_count) *self, int type)
{
	self->fd[0] = type_ends(type) ?
		      typed_listen(_metadata, type, &self->addr, 4) :
		      typed_bind(_metadata, type, &self->addr);
	self->fd[1] = typed_connect(_metadata, type, &self->addr);
	ASSERT_EQ(1, send(self->fd[1], "x", 1, 0));
}

TEST_F(socket_count, connected_to_a_name)
{
	connect_to_name(_metadata, self, variant->type);
	EXPECT_TRUE(all_gone(self));
}

TEST_F(socket_count, accepted)
{
	if (!type_ends(variant->type))
		SKIP(return, "connections alone are accepted");
	connect_to_name(_metadata, self, variant->type);
	self->fd[2] = accept(self->fd[0], NULL, NULL);
	ASSERT_LE(0, self->fd[2]);
	EXPECT_TRUE(all_gone(self));
}

/* Each has a name, and the other for its peer. */
TEST_F(socket_count, named_and_connected_both_ways)
{
	struct test_addr other = nul_addr(self->family, "other");

	if (type_ends(variant->type))
		SKIP(return, "datagram sockets alone are");
	self->fd[0] = typed_bind(_metadata, variant->type, &self->addr);
	self->fd[1] = typed_bind(_metadata, variant->type, &other);
	ASSERT_EQ(0, connect(self->fd[0], &other.sa, other.len));
	ASSERT_EQ(0, connect(self->fd[1], &self->addr.sa, self->addr.len));
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_TRUE(all_gone(self));
}

TEST_F(socket_count, a_name_after_the_pair)
{
	ASSERT_EQ(0, socketpair(self->family, variant->type, 0, self->fd));
	ASSERT_EQ(0, bind(self->fd[0], &self->addr.sa, self->addr.len));
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_TRUE(all_gone(self));
}

TEST_HARNESS_MAIN
