// SPDX-License-Identifier: GPL-2.0
/*
 * SCM_RIGHTS: sockets in the queues of each other. What can no longer be
 * reached is freed, with all that it holds; what can, keeps its messages.
 *
 * In a network namespace of its own, whose sockets the kernel counts.
 */
#include "qsock_scm.h"

#define NODES	10

FIXTURE(scm_rights_cycle)
{
	int family;
	const char *protocol;	/* what their names start with */
	long before;
	int in[NODES];		/* what goes in here, */
	int out[NODES];		/* is in the queue of this */
};

FIXTURE_VARIANT(scm_rights_cycle)
{
	bool qsock;
	int type;
	bool embryo;
};

TYPE_VARIANTS(scm_rights_cycle);

/* The queues are those of connections that a listener holds. */
FIXTURE_VARIANT_ADD(scm_rights_cycle, af_qsock_embryo)
	{ .qsock = true, .type = SOCK_STREAM, .embryo = true };
FIXTURE_VARIANT_ADD(scm_rights_cycle, af_unix_embryo)
	{ .qsock = false, .type = SOCK_STREAM, .embryo = true };
FIXTURE_VARIANT_ADD(scm_rights_cycle, af_qsock_seqpacket_embryo)
	{ .qsock = true, .type = SOCK_SEQPACKET, .embryo = true };
FIXTURE_VARIANT_ADD(scm_rights_cycle, af_unix_seqpacket_embryo)
	{ .qsock = false, .type = SOCK_SEQPACKET, .embryo = true };

/* The sockets of this namespace whose protocol starts with @name. */
static long count_sockets(const char *name)
{
	char line[256], protocol[32];
	FILE *file = fopen("/proc/net/protocols", "r");
	long total = 0, found = 0, n;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%31s %*d %ld", protocol, &n) != 2 ||
		    strncmp(protocol, name, strlen(name)))
			continue;
		total += n;
		found++;
	}
	if (file)
		fclose(file);
	return found ? total : -1;
}

FIXTURE_SETUP(scm_rights_cycle)
{
	int i;

	for (i = 0; i < NODES; i++) {
		self->in[i] = -1;
		self->out[i] = -1;
	}
	REQUIRE_FAMILY(variant);
	if (geteuid())
		SKIP(return, "needs root, to make a namespace");
	self->family = test_family(variant->qsock);
	self->protocol = variant->qsock ? "QSOCK" : "UNIX";
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	self->before = count_sockets(self->protocol);
	ASSERT_LE(0, self->before);
}

static void close_nodes(FIXTURE_DATA(scm_rights_cycle) *self)
{
	int i;

	for (i = 0; i < NODES; i++) {
		close_open(&self->in[i]);
		close_open(&self->out[i]);
	}
}

FIXTURE_TEARDOWN(scm_rights_cycle)
{
	close_nodes(self);
}

static void make_nodes(struct __test_metadata *_metadata,
		       FIXTURE_DATA(scm_rights_cycle) *self,
		       const FIXTURE_VARIANT(scm_rights_cycle) *variant,
		       int count)
{
	static unsigned int serial;
	int i, fd[2];

	for (i = 0; i < count; i++) {
		struct test_addr addr;
		char name[16];

		if (variant->embryo) {
			/* The one before may not be collected yet. */
			snprintf(name, sizeof(name), "node%u", serial++);
			addr = nul_addr(self->family, name);
			fd[1] = typed_listen(_metadata, variant->type, &addr,
					     1);
			fd[0] = typed_connect(_metadata, variant->type, &addr);
		} else {
			ASSERT_EQ(0, socketpair(self->family, variant->type, 0,
						fd));
		}
		self->in[i] = fd[0];
		self->out[i] = fd[1];
	}
	EXPECT_LE(self->before + 2 * count, count_sockets(self->protocol));
}

/* Put @passed into the queue of @receiver, twice in one message. */
static void pass(struct __test_metadata *_metadata,
		 FIXTURE_DATA(scm_rights_cycle) *self, int passed,
		 int receiver)
{
	int file[2] = { self->out[passed], self->out[passed] };

	ASSERT_EQ(1, files_send(self->in[receiver], file, 2, "x"));
}

#define make(count)	make_nodes(_metadata, self, variant, count)
#define edge(from, to)	pass(_metadata, self, from, to)

/*
 * Close another socket: of those in flight only descriptors were closed, so
 * it may be the close of the next one that makes the collector look. Once is
 * enough; but AF_UNIX forgets a wish to look that comes while it looks.
 */
static void close_another(int family, int round)
{
	if (!round || family == AF_UNIX)
		close(socket(family, SOCK_STREAM, 0));
}

/* All are closed: is the count what it was, before long? */
static bool all_gone(FIXTURE_DATA(scm_rights_cycle) *self)
{
	long deadline = now_ms() + WAIT_MS;
	int round;

	for (round = 0; now_ms() < deadline; round++) {
		close_another(self->family, round);
		if (count_sockets(self->protocol) == self->before)
			return true;
		pause_ms(10);
	}
	return false;
}

/* Does the peer of a socket, or a file, that was in flight learn of the end? */
static bool hangs_up(int family, int fd)
{
	long deadline = now_ms() + WAIT_MS;
	int round;

	for (round = 0; now_ms() < deadline; round++) {
		close_another(family, round);
		if (poll_one(fd, 0, 10) & POLLHUP)
			return true;
	}
	return false;
}

TEST_F(scm_rights_cycle, self_reference)
{
	make(2);
	edge(0, 0);
	edge(1, 1);
	close_nodes(self);
	EXPECT_TRUE(all_gone(self));
}

TEST_F(scm_rights_cycle, triangle)
{
	make(6);
	edge(0, 1);
	edge(1, 2);
	edge(2, 0);
	edge(3, 4);
	edge(4, 5);
	edge(5, 3);
	close_nodes(self);
	EXPECT_TRUE(all_gone(self));
}

TEST_F(scm_rights_cycle, cross_edge)
{
	make(8);
	edge(0, 1);
	edge(1, 2);
	edge(2, 0);
	edge(1, 3);
	edge(3, 2);
	edge(4, 5);
	edge(5, 6);
	edge(6, 4);
	edge(5, 7);
	edge(7, 6);
	close_nodes(self);
	EXPECT_TRUE(all_gone(self));
}

TEST_F(scm_rights_cycle, backtrack_from_a_component)
{
	make(10);
	edge(0, 1);
	edge(0, 4);
	edge(1, 2);
	edge(2, 3);
	edge(3, 1);
	edge(5, 6);
	edge(5, 9);
	edge(6, 7);
	edge(7, 8);
	edge(8, 6);
	close_nodes(self);
	EXPECT_TRUE(all_gone(self));
}

/* Both ends of a pair, each in the queue of the other. */
TEST_F(scm_rights_cycle, the_ends_of_a_pair)
{
	int fd[2];

	ASSERT_EQ(0, socketpair(self->family, variant->type, 0, fd));
	ASSERT_EQ(1, files_send(fd[0], &fd[0], 1, "x"));
	ASSERT_EQ(1, files_send(fd[1], &fd[1], 1, "x"));
	close(fd[0]);
	close(fd[1]);
	EXPECT_TRUE(all_gone(self));
}

TEST_F(scm_rights_cycle, a_long_chain_that_closes)
{
	int i;

	make(10);
	for (i = 0; i < 10; i++)
		edge(i, (i + 1) % 10);
	close_nodes(self);
	EXPECT_TRUE(all_gone(self));
}

/* A file of another kind goes with the cycle that holds it. */
TEST_F(scm_rights_cycle, what_the_cycle_holds)
{
	struct witness w = witness(_metadata);

	make(2);
	edge(0, 1);
	edge(1, 0);
	witness_send(_metadata, &w, self->in[0], "x");
	close_nodes(self);
	EXPECT_TRUE(hangs_up(self->family, w.watch));
	EXPECT_TRUE(all_gone(self));
	close(w.watch);
}

/* A socket that is no part of the cycle, but only in it. */
TEST_F(scm_rights_cycle, a_socket_that_hangs_on_it)
{
	struct witness w = witness(_metadata);

	make(3);
	witness_send(_metadata, &w, self->in[2], "x");
	edge(2, 0);
	edge(0, 1);
	edge(1, 0);
	close_nodes(self);
	EXPECT_TRUE(hangs_up(self->family, w.watch));
	EXPECT_TRUE(all_gone(self));
	close(w.watch);
}

/* Many rounds: nothing stays behind from any. */
TEST_F(scm_rights_cycle, again_and_again)
{
	int rounds = 200 / work_divisor(), i;

	for (i = 0; i < rounds; i++) {
		make(2);
		edge(0, 1);
		edge(1, 0);
		close_nodes(self);
	}
	EXPECT_TRUE(all_gone(self));
}

/* The peer of a socket that was collected learns of its end. */
TEST_F(scm_rights_cycle, the_peer_is_told)
{
	if (!type_ends(variant->type))
		SKIP(return, "datagram sockets are not told");
	make(1);
	edge(0, 0);
	close_open(&self->out[0]);
	EXPECT_TRUE(hangs_up(self->family, self->in[0]));
	close_nodes(self);
	EXPECT_TRUE(all_gone(self));
}

/* Receive both copies of the socket in the queue of @fd. */
static int unpack(struct __test_metadata *_metadata, int fd)
{
	struct parcel p;

	p = files_recv(fd, 1, 0);
	ASSERT_EQ(1, p.n);
	ASSERT_EQ(2, p.count);
	EXPECT_TRUE(same_file(p.file[0], p.file[1]));
	close(p.file[1]);
	return p.file[0];
}

/* Make work for the collector, and see that it is done. */
static void collect_others(struct __test_metadata *_metadata, int family,
			   int type)
{
	struct witness w = witness(_metadata);
	int fd[2];

	ASSERT_EQ(0, socketpair(family, type, 0, fd));
	witness_send(_metadata, &w, fd[0], "x");
	ASSERT_EQ(1, files_send(fd[0], &fd[1], 1, "x"));
	close(fd[0]);
	close(fd[1]);
	EXPECT_TRUE(hangs_up(family, w.watch));
	close(w.watch);
}

/* One of a cycle is still open: all of it is reached from there. */
TEST_F(scm_rights_cycle, a_cycle_in_reach_survives)
{
	struct witness w = witness(_metadata);
	int kept, fd[4], i;
	struct parcel p;

	if (variant->embryo)
		SKIP(return, "a listener's queue is not received from");
	make(3);
	edge(0, 1);
	edge(1, 2);
	edge(2, 0);
	witness_send(_metadata, &w, self->in[2], "end");
	kept = dup(self->out[1]);
	close_nodes(self);
	for (i = 0; i < 3; i++)
		collect_others(_metadata, self->family, variant->type);
	EXPECT_TRUE(witness_lives(&w));
	fd[0] = kept;
	for (i = 0; i < 3; i++)
		fd[i + 1] = unpack(_metadata, fd[i]);
	EXPECT_TRUE(same_file(fd[0], fd[3]));
	/* 1 gave 0, 0 gave 2, and 2 has one more message after 1. */
	p = files_recv(fd[2], 3, 0);
	EXPECT_EQ(3, p.n);
	ASSERT_EQ(1, p.count);
	EXPECT_TRUE(witness_lives(&w));
	parcel_close(&p);
	EXPECT_TRUE(witness_gone(&w));
	for (i = 0; i < 4; i++)
		close(fd[i]);
	close(w.watch);
	EXPECT_TRUE(all_gone(self));
}

TEST_HARNESS_MAIN
