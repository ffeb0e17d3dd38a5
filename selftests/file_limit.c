// SPDX-License-Identifier: GPL-2.0
/*
 * EMFILE and ENFILE: no more descriptors for the process, no more files for
 * the system. A connection that could not be accepted waits on.
 */
#include <sys/resource.h>

#include "qsock_proc.h"
#include "qsock_test.h"

/* How often a call may find a file that others have just closed. */
#define TRIES	4

FIXTURE(file_limit)
{
	int family;
	char file_max[32];
	struct test_addr addr;
	int listener;
	int client[TRIES + 1];
};

FIXTURE_VARIANT(file_limit)
{
	bool qsock;
};

FAMILY_VARIANTS(file_limit);

static bool write_file_max(const char *text)
{
	int fd = open("/proc/sys/fs/file-max", O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) > 0;

	close(fd);
	return ok;
}

FIXTURE_SETUP(file_limit)
{
	int fd, i;

	REQUIRE_FAMILY(variant);
	if (geteuid())
		SKIP(return, "needs root, to set the limit of files");
	self->family = test_family(variant->qsock);
	fd = open("/proc/sys/fs/file-max", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_LT(0, read(fd, self->file_max, sizeof(self->file_max) - 1));
	close(fd);
	self->addr = nul_addr(self->family, "listener");
	self->listener = stream_listen(_metadata, &self->addr, TRIES);
	for (i = 0; i <= TRIES; i++)
		self->client[i] = stream_connect(_metadata, &self->addr);
}

/* In the parent, so that the limit comes back whatever happens. */
FIXTURE_TEARDOWN_PARENT(file_limit)
{
	if (self->file_max[0])
		write_file_max(self->file_max);
}

/* From now on the process gets @more descriptors. */
static bool limit_descriptors(int more)
{
	int next = dup(0);
	struct rlimit limit = { next + more, next + more };

	close(next);
	return next >= 0 && !setrlimit(RLIMIT_NOFILE, &limit);
}

TEST_F(file_limit, socket_emfile)
{
	ASSERT_TRUE(limit_descriptors(0));
	EXPECT_ERRNO(EMFILE, socket(self->family, SOCK_STREAM, 0));
}

TEST_F(file_limit, socketpair_emfile)
{
	int fd[2] = { -7, -7 };

	/* One is not enough, and it does not stay open. */
	ASSERT_TRUE(limit_descriptors(1));
	EXPECT_ERRNO(EMFILE, socketpair(self->family, SOCK_STREAM, 0, fd));
	EXPECT_LE(0, dup(0));
}

TEST_F(file_limit, accept_emfile)
{
	ASSERT_TRUE(limit_descriptors(0));
	EXPECT_ERRNO(EMFILE, accept(self->listener, NULL, NULL));
	close(0);
	EXPECT_EQ(0, accept(self->listener, NULL, NULL));
}

/*
 * A child without privileges that opens sockets until the system has no more
 * files, and then makes one call. It exits with that call's errno.
 */
static int errno_without_files(struct __test_metadata *_metadata,
			       FIXTURE_DATA(file_limit) *self,
			       int (*call)(FIXTURE_DATA(file_limit) *self))
{
	struct rlimit limit;
	unsigned long used;
	char text[32];
	FILE *file;
	pid_t child;
	int error, i;

	file = fopen("/proc/sys/fs/file-nr", "r");
	ASSERT_NE(NULL, file);
	ASSERT_EQ(1, fscanf(file, "%lu", &used));
	fclose(file);
	snprintf(text, sizeof(text), "%lu", used + 64);
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = limit.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	ASSERT_TRUE(write_file_max(text));
	child = fork_child(_metadata);
	if (!child) {
		if (!drop_to(NOBODY, NOBODY))
			_exit(126);
		while (socket(self->family, SOCK_STREAM, 0) >= 0)
			;
		if (errno != ENFILE)
			_exit(125);
		/* Others may have closed some in between: each call takes one. */
		for (i = 0; i < TRIES; i++)
			if (call(self) < 0)
				_exit(errno);
		_exit(0);
	}
	error = wait_exit(child);
	write_file_max(self->file_max);
	return error;
}

static int one_socket(FIXTURE_DATA(file_limit) *self)
{
	return socket(self->family, SOCK_STREAM, 0);
}

static int one_pair(FIXTURE_DATA(file_limit) *self)
{
	int fd[2];

	return socketpair(self->family, SOCK_STREAM, 0, fd);
}

static int one_accept(FIXTURE_DATA(file_limit) *self)
{
	return accept(self->listener, NULL, NULL);
}

TEST_F(file_limit, socket_enfile)
{
	EXPECT_EQ(ENFILE, errno_without_files(_metadata, self, one_socket));
}

TEST_F(file_limit, socketpair_enfile)
{
	EXPECT_EQ(ENFILE, errno_without_files(_metadata, self, one_pair));
}

TEST_F(file_limit, accept_enfile)
{
	EXPECT_EQ(ENFILE, errno_without_files(_metadata, self, one_accept));
	EXPECT_EQ(POLLIN, poll_one(self->listener, POLLIN, 0));
	EXPECT_LE(0, accept(self->listener, NULL, NULL));
}

TEST_HARNESS_MAIN
