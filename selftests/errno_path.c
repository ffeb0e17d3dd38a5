// SPDX-License-Identifier: GPL-2.0
/*
 * What a file system says about the path of a bind or a connect. AF_UNIX
 * returns it; AF_QSOCK asks none: any bytes will do, and nobody listens.
 */
#include <sys/mount.h>

#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_types.h"

FIXTURE(errno_path)
{
	int family;
	char *dir;
};

FIXTURE_VARIANT(errno_path)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(errno_path);

FIXTURE_SETUP(errno_path)
{
	self->dir = NULL;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	self->dir = make_name_dir(_metadata);
}

FIXTURE_TEARDOWN(errno_path)
{
	remove_name_dir(self->dir);
}

static int bind_errno(int type, const struct test_addr *addr)
{
	int fd = socket(addr->sa.sa_family, type, 0);
	int error = bind(fd, &addr->sa, addr->len) ? errno : 0;

	close(fd);
	return error;
}

static int connect_errno(int type, const struct test_addr *addr)
{
	int fd = socket(addr->sa.sa_family, type, 0);
	int error = connect(fd, &addr->sa, addr->len) ? errno : 0;

	close(fd);
	return error;
}

/* The path, and what AF_UNIX says of it. */
#define EXPECT_PATH(addr, bind_error, connect_error) do {		\
	bool _any = variant->qsock;					\
									\
	EXPECT_EQ(_any ? ECONNREFUSED : (connect_error),		\
		  connect_errno(variant->type, addr));			\
	EXPECT_EQ(_any ? 0 : (bind_error),				\
		  bind_errno(variant->type, addr));			\
} while (0)

static int make_file(const char *dir, const char *name)
{
	char path[QSOCK_NAME_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	close(fd);
	return fd < 0 ? -1 : 0;
}

TEST_F(errno_path, without_a_directory_is_enoent)
{
	struct test_addr addr = path_addr(self->family, self->dir, "no/name");

	EXPECT_PATH(&addr, ENOENT, ENOENT);
}

TEST_F(errno_path, through_a_file_is_enotdir)
{
	struct test_addr addr = path_addr(self->family, self->dir,
					  "file/name");

	ASSERT_EQ(0, make_file(self->dir, "file"));
	EXPECT_PATH(&addr, ENOTDIR, ENOTDIR);
}

TEST_F(errno_path, of_a_file_is_taken_and_nobody_listens)
{
	struct test_addr addr = path_addr(self->family, self->dir, "file");

	ASSERT_EQ(0, make_file(self->dir, "file"));
	EXPECT_PATH(&addr, EADDRINUSE, ECONNREFUSED);
}

TEST_F(errno_path, through_links_without_end_is_eloop)
{
	struct test_addr addr = path_addr(self->family, self->dir,
					  "loop/name");
	char path[QSOCK_NAME_MAX];

	snprintf(path, sizeof(path), "%s/loop", self->dir);
	ASSERT_EQ(0, symlink("loop", path));
	EXPECT_PATH(&addr, ELOOP, ELOOP);
}

TEST_F(errno_path, that_may_not_be_searched_is_eacces)
{
	struct test_addr addr = path_addr(self->family, self->dir, "name");
	pid_t child;

	if (geteuid())
		SKIP(return, "needs root, to be somebody else");
	ASSERT_EQ(0, chmod(self->dir, 0700));
	child = fork_child(_metadata);
	if (!child) {
		int wanted[2] = { EACCES, EACCES };

		if (variant->qsock) {
			wanted[0] = ECONNREFUSED;
			wanted[1] = 0;
		}
		if (!drop_to(NOBODY, NOBODY))
			_exit(1);
		if (connect_errno(variant->type, &addr) != wanted[0])
			_exit(2);
		_exit(bind_errno(variant->type, &addr) != wanted[1] ? 3 : 0);
	}
	EXPECT_EQ(0, wait_exit(child));
}

TEST_F(errno_path, that_may_not_be_written_is_erofs)
{
	struct test_addr addr = path_addr(self->family, self->dir, "name");

	if (geteuid())
		SKIP(return, "needs root, to mount");
	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ASSERT_EQ(0, mount("none", self->dir, "tmpfs", MS_RDONLY, NULL));
	EXPECT_PATH(&addr, EROFS, ENOENT);
	EXPECT_EQ(0, umount(self->dir));
}

/* A name without an end is as long as it can be. */
TEST_F(errno_path, that_fills_the_address_is_none_too_long)
{
	char bytes[QSOCK_NAME_MAX];
	struct test_addr addr;

	memset(bytes, 'a', sizeof(bytes));
	memcpy(bytes, self->dir, strlen(self->dir));
	bytes[strlen(self->dir)] = '/';
	addr = raw_addr(self->family, bytes, sizeof(bytes));
	EXPECT_PATH(&addr, 0, ENOENT);
	addr.len++;
	EXPECT_EQ(EINVAL, bind_errno(variant->type, &addr));
	EXPECT_EQ(EINVAL, connect_errno(variant->type, &addr));
}

TEST_HARNESS_MAIN
