// SPDX-License-Identifier: GPL-2.0
/*
 * SCM_RIGHTS: how many files a user may have in flight, and which kinds of
 * files cannot be passed.
 */
#include <linux/io_uring.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "qsock_scm.h"

/* A user that no other process of the machine is. */
#define SOMEBODY	64321

/*
 * With at most LIMIT files in flight another message may be sent, however
 * many it has: so a user gets one message beyond the limit.
 */
#define LIMIT		32
#define FILES		8
#define MESSAGES	(LIMIT / FILES + 1)

FIXTURE(scm_rights_limit)
{
	int family;
	int fd[2];
};

FIXTURE_VARIANT(scm_rights_limit)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(scm_rights_limit);

FIXTURE_SETUP(scm_rights_limit)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	ASSERT_EQ(0, socketpair(self->family, variant->type, 0, self->fd));
}

FIXTURE_TEARDOWN(scm_rights_limit)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

static ssize_t send_some(int fd)
{
	int file[FILES], i;

	for (i = 0; i < FILES; i++)
		file[i] = STDERR_FILENO;
	return files_send(fd, file, FILES, "x");
}

/* How many of @most messages go through; -1 if another errno ends it. */
static int send_most(int fd, int most)
{
	ssize_t n = 1;
	int sent = 0;

	while (sent < most && (n = send_some(fd)) == 1)
		sent++;
	return n == 1 || n == -ETOOMANYREFS ? sent : -1;
}

static bool limit_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return false;
	limit.rlim_cur = LIMIT;
	return !setrlimit(RLIMIT_NOFILE, &limit);
}

#define CHECK(code, condition)						\
	do {								\
		if (!(condition))					\
			_exit(code);					\
	} while (0)

/* In a child that is somebody with that limit. */
#define AS_SOMEBODY(child)						\
	do {								\
		if (geteuid())						\
			SKIP(return, "needs root, to be somebody else");\
		(child) = fork_child(_metadata);			\
		if (!(child))						\
			CHECK(126, limit_files() &&			\
				   drop_to(SOMEBODY, SOMEBODY));	\
	} while (0)

TEST_F(scm_rights_limit, etoomanyrefs_for_a_user)
{
	pid_t child;

	AS_SOMEBODY(child);
	if (!child) {
		CHECK(1, send_most(self->fd[0], 20) == MESSAGES);
		CHECK(2, send_some(self->fd[0]) == -ETOOMANYREFS);
		/* A message without files is not counted. */
		CHECK(3, send(self->fd[0], "y", 1, 0) == 1);
		CHECK(4, files_send(self->fd[0], NULL, 0, "z") == 1);
		_exit(0);
	}
	EXPECT_EQ(0, wait_exit(child));
}

TEST_F(scm_rights_limit, receiving_gives_them_back)
{
	pid_t child;

	AS_SOMEBODY(child);
	if (!child) {
		struct parcel p;
		int i;

		CHECK(1, send_most(self->fd[0], 20) == MESSAGES);
		for (i = 0; i < 3; i++) {
			p = files_recv(self->fd[1], 1, 0);
			CHECK(2, p.count == FILES);
			parcel_close(&p);
			CHECK(3, send_most(self->fd[0], 20) == 1);
		}
		for (i = 0; i < MESSAGES; i++)
			CHECK(4, read(self->fd[1], p.text, 1) == 1);
		CHECK(5, send_most(self->fd[0], 20) == MESSAGES);
		_exit(0);
	}
	EXPECT_EQ(0, wait_exit(child));
}

/* Received by nobody: it is the queue that gives them back. */
TEST_F(scm_rights_limit, closing_gives_them_back)
{
	pid_t child;

	AS_SOMEBODY(child);
	if (!child) {
		int fd[2], i;

		close(self->fd[0]);
		close(self->fd[1]);
		for (i = 0; i < 3; i++) {
			CHECK(1, !socketpair(self->family, variant->type, 0,
					     fd));
			CHECK(2, send_most(fd[0], 20) == MESSAGES);
			close(fd[0]);
			close(fd[1]);
		}
		_exit(0);
	}
	EXPECT_EQ(0, wait_exit(child));
}

/* A look at a message counts for nothing. */
TEST_F(scm_rights_limit, peeking_changes_nothing)
{
	pid_t child;

	AS_SOMEBODY(child);
	if (!child) {
		struct parcel p;

		CHECK(1, send_most(self->fd[0], MESSAGES - 1) == MESSAGES - 1);
		p = files_recv(self->fd[1], 1, MSG_PEEK);
		CHECK(2, p.count == FILES);
		CHECK(3, send_most(self->fd[0], 20) == 1);
		parcel_close(&p);
		CHECK(4, send_some(self->fd[0]) == -ETOOMANYREFS);
		_exit(0);
	}
	EXPECT_EQ(0, wait_exit(child));
}

/* It is one count for all that a user does, and the sender's. */
TEST_F(scm_rights_limit, it_counts_for_the_user)
{
	int other[2];
	pid_t child;

	ASSERT_EQ(0, socketpair(self->family, variant->type, 0, other));
	AS_SOMEBODY(child);
	if (!child) {
		pid_t second;

		CHECK(1, send_most(self->fd[0], 2) == 2);
		second = fork();
		if (!second)
			_exit(send_most(other[0], 20));
		CHECK(2, wait_exit(second) == MESSAGES - 2);
		CHECK(3, send_some(self->fd[0]) == -ETOOMANYREFS);
		_exit(0);
	}
	EXPECT_EQ(0, wait_exit(child));
	/* Root receives: they are back for the user. */
	EXPECT_EQ(2, drain_queue(self->fd[1]));
	AS_SOMEBODY(child);
	if (!child)
		_exit(send_most(self->fd[0], 20));
	EXPECT_EQ(2, wait_exit(child));
	close(other[0]);
	close(other[1]);
}

TEST_F(scm_rights_limit, a_send_that_fails_counts_for_nothing)
{
	pid_t child;

	AS_SOMEBODY(child);
	if (!child) {
		int file[2] = { STDERR_FILENO, -1 }, i;
		struct control c = {};

		control_add(&c, SOL_SOCKET, SCM_RIGHTS, file, sizeof(int));
		for (i = 0; i < 3 * LIMIT; i++) {
			CHECK(1, files_send(self->fd[0], file, 2, "x") ==
				 -EBADF);
			CHECK(2, control_send(self->fd[0], &c, nowhere(), 8) ==
				 -EFAULT);
		}
		CHECK(3, send_most(self->fd[0], 20) == MESSAGES);
		_exit(0);
	}
	EXPECT_EQ(0, wait_exit(child));
}

TEST_F(scm_rights_limit, root_has_none)
{
	pid_t child;

	if (geteuid())
		SKIP(return, "needs root");
	child = fork_child(_metadata);
	if (!child) {
		CHECK(126, limit_files());
		_exit(send_most(self->fd[0], 3 * MESSAGES));
	}
	EXPECT_EQ(3 * MESSAGES, wait_exit(child));
}

/* Which files. ----------------------------------------------------------- */

/* Nothing of a message that is refused stays. */
static void refused(struct __test_metadata *_metadata, int fd[2], int file,
		    int expected)
{
	struct witness w = witness(_metadata);
	int both[2] = { w.file, file };

	EXPECT_EQ(expected, files_send(fd[0], both, 2, "x"));
	EXPECT_EQ(-EAGAIN, files_recv(fd[1], 1, 0).n);
	close_open(&w.file);
	EXPECT_TRUE(witness_gone(&w));
	close(w.watch);
}

TEST_F(scm_rights_limit, einval_for_io_uring)
{
	struct io_uring_params params = {};
	int ring = syscall(SYS_io_uring_setup, 1, &params);

	if (ring < 0)
		SKIP(return, "no io_uring here");
	refused(_metadata, self->fd, ring, -EINVAL);
	close(ring);
}

/*
 * AF_UNIX's collector follows its own sockets alone: a cycle through both
 * families is none that either could see.
 */
TEST_F(scm_rights_limit, eloop_for_af_unix_in_another_family)
{
	static const int type[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	size_t i;

	for (i = 0; i < ARRAY_LEN(type); i++) {
		int fd = typed_socket(_metadata, AF_UNIX, type[i]);
		struct parcel p;

		if (variant->qsock) {
			refused(_metadata, self->fd, fd, -ELOOP);
		} else {
			ASSERT_EQ(1, files_send(self->fd[0], &fd, 1, "x"));
			p = files_recv(self->fd[1], 1, 0);
			EXPECT_EQ(1, p.count);
			parcel_close(&p);
		}
		close(fd);
	}
}

/* A socket of the family in a message of @carrier's. */
static int carried(struct __test_metadata *_metadata, int carrier, int type,
		   int fd)
{
	struct parcel p;
	int pair[2];

	ASSERT_EQ(0, socketpair(carrier, type, 0, pair));
	ASSERT_EQ(1, files_send(pair[0], &fd, 1, "x"));
	close(fd);
	p = files_recv(pair[1], 1, 0);
	ASSERT_EQ(1, p.count);
	close(pair[0]);
	close(pair[1]);
	return p.file[0];
}

TEST_F(scm_rights_limit, a_socket_of_the_family)
{
	int carrier[2] = { self->family, AF_UNIX }, i;
	char got[4];

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(4, send(self->fd[0], "kept", 4, 0));
		self->fd[1] = carried(_metadata, carrier[i], variant->type,
				      self->fd[1]);
		EXPECT_EQ(4, recv(self->fd[1], got, 4, MSG_DONTWAIT));
		ASSERT_EQ(4, send(self->fd[1], "more", 4, 0));
		EXPECT_EQ(4, recv(self->fd[0], got, 4, MSG_DONTWAIT));
	}
}

TEST_F(scm_rights_limit, a_listener_of_the_family)
{
	int carrier[2] = { self->family, AF_UNIX }, i;
	struct test_addr addr = nul_addr(self->family, "listener");
	int listener, client, server;
	char byte;

	if (!type_ends(variant->type))
		SKIP(return, "datagram sockets do not listen");
	listener = typed_listen(_metadata, variant->type, &addr, 2);
	for (i = 0; i < 2; i++) {
		client = typed_connect(_metadata, variant->type, &addr);
		ASSERT_EQ(1, send(client, "x", 1, 0));
		listener = carried(_metadata, carrier[i], variant->type,
				   listener);
		server = accept(listener, NULL, NULL);
		ASSERT_LE(0, server);
		EXPECT_EQ(1, recv(server, &byte, 1, MSG_DONTWAIT));
		close(client);
		close(server);
	}
	close(listener);
}

TEST_HARNESS_MAIN
