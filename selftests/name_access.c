// SPDX-License-Identifier: GPL-2.0
/*
 * The mode and the owner of a name: what fchmod() and fchown() of the socket
 * before the bind make of them, and SOL_QSOCK's options after it. What they
 * mean for who may connect is in name_owner.c.
 *
 * For AF_UNIX, the mode and owner are those of the file; it has none of the
 * options, and fchown() is nothing to it.
 */
#include "qsock_proc.h"
#include "qsock_types.h"

#define OTHER_UID	65533
#define OTHER_GID	65532

FIXTURE(name_access)
{
	int family;
	int sk;
	char *dir;
	struct test_addr path;
	struct test_addr nul;
};

FIXTURE_VARIANT(name_access)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(name_access);

FIXTURE_SETUP(name_access)
{
	self->sk = -1;
	self->dir = NULL;
	REQUIRE_FAMILY(variant);
	if (geteuid())
		SKIP(return, "needs root, to become others");
	self->family = test_family(variant->qsock);
	self->dir = make_name_dir(_metadata);
	self->path = path_addr(self->family, self->dir, "name");
	self->nul = nul_addr(self->family, "name");
	self->sk = typed_socket(_metadata, self->family, variant->type);
	umask(0027);
}

FIXTURE_TEARDOWN(name_access)
{
	close_open(&self->sk);
	remove_name_dir(self->dir);
}

static int get_mode(int fd)
{
	socklen_t len = sizeof(int);
	int mode = -1;

	if (getsockopt(fd, SOL_QSOCK, QSOCK_NAME_MODE, &mode, &len))
		return -errno;
	return len == sizeof(mode) ? mode : -1;
}

static int set_mode(int fd, int mode)
{
	return setsockopt(fd, SOL_QSOCK, QSOCK_NAME_MODE, &mode,
			  sizeof(mode)) ? -errno : 0;
}

static int get_owner(int fd, struct qsock_owner *owner)
{
	socklen_t len = sizeof(*owner);

	if (getsockopt(fd, SOL_QSOCK, QSOCK_NAME_OWNER, owner, &len))
		return -errno;
	return len == sizeof(*owner) ? 0 : -1;
}

static int set_owner(int fd, uint32_t uid, uint32_t gid)
{
	struct qsock_owner owner = { uid, gid };

	return setsockopt(fd, SOL_QSOCK, QSOCK_NAME_OWNER, &owner,
			  sizeof(owner)) ? -errno : 0;
}

/* The mode of the path-like name that @fd bound: of the file, for AF_UNIX. */
static int path_mode(int fd, const struct test_addr *path)
{
	struct stat st;

	if (path->sa.sa_family != AF_UNIX)
		return get_mode(fd);
	return stat(path->un.sun_path, &st) ? -errno : st.st_mode & 07777;
}

static struct qsock_owner path_owner(int fd, const struct test_addr *path)
{
	struct qsock_owner owner = { -1, -1 };
	struct stat st;

	if (path->sa.sa_family != AF_UNIX)
		get_owner(fd, &owner);
	else if (!stat(path->un.sun_path, &st))
		owner = (struct qsock_owner){ st.st_uid, st.st_gid };
	return owner;
}

/* Before the bind. -------------------------------------------------------- */

TEST_F(name_access, a_path_gets_what_the_umask_leaves)
{
	ASSERT_EQ(0, bind(self->sk, &self->path.sa, self->path.len));
	EXPECT_EQ(0750, path_mode(self->sk, &self->path));
}

TEST_F(name_access, fchmod_and_the_umask)
{
	struct stat st;

	ASSERT_EQ(0, fchmod(self->sk, 0666));
	ASSERT_EQ(0, fstat(self->sk, &st));
	EXPECT_EQ(0666, st.st_mode & 07777);
	ASSERT_EQ(0, bind(self->sk, &self->path.sa, self->path.len));
	EXPECT_EQ(0640, path_mode(self->sk, &self->path));
}

TEST_F(name_access, the_owner_is_who_binds)
{
	struct qsock_owner owner;

	ASSERT_EQ(0, setegid(OTHER_GID));
	ASSERT_EQ(0, seteuid(OTHER_UID));
	ASSERT_EQ(0, bind(self->sk, &self->path.sa, self->path.len));
	ASSERT_EQ(0, seteuid(0));
	ASSERT_EQ(0, setegid(0));
	owner = path_owner(self->sk, &self->path);
	EXPECT_EQ(OTHER_UID, owner.uid);
	EXPECT_EQ(OTHER_GID, owner.gid);
}

#define QSOCK_ONLY()							\
	do {								\
		if (!variant->qsock)					\
			SKIP(return, "AF_UNIX has no options of names");\
	} while (0)

TEST_F(name_access, fchown)
{
	struct qsock_owner owner;

	QSOCK_ONLY();
	ASSERT_EQ(0, fchown(self->sk, OTHER_UID, OTHER_GID));
	ASSERT_EQ(0, bind(self->sk, &self->path.sa, self->path.len));
	ASSERT_EQ(0, get_owner(self->sk, &owner));
	EXPECT_EQ(OTHER_UID, owner.uid);
	EXPECT_EQ(OTHER_GID, owner.gid);
}

/* One that starts with NUL is open to all, or as said; it has no umask. */
TEST_F(name_access, a_nul_name)
{
	struct qsock_owner owner;
	int fd;

	QSOCK_ONLY();
	ASSERT_EQ(0, bind(self->sk, &self->nul.sa, self->nul.len));
	EXPECT_EQ(0777, get_mode(self->sk));
	ASSERT_EQ(0, get_owner(self->sk, &owner));
	EXPECT_EQ(0, owner.uid);
	EXPECT_EQ(0, owner.gid);
	close_open(&self->sk);
	fd = typed_socket(_metadata, self->family, variant->type);
	ASSERT_EQ(0, fchmod(fd, 0606));
	ASSERT_EQ(0, fchown(fd, OTHER_UID, -1));
	ASSERT_EQ(0, bind(fd, &self->nul.sa, self->nul.len));
	EXPECT_EQ(0606, get_mode(fd));
	ASSERT_EQ(0, get_owner(fd, &owner));
	EXPECT_EQ(OTHER_UID, owner.uid);
	EXPECT_EQ(0, owner.gid);
	close(fd);
}

TEST_F(name_access, a_name_of_the_kernels_choice)
{
	QSOCK_ONLY();
	ASSERT_EQ(0, bind(self->sk, &self->nul.sa, NAME_OFFSET));
	EXPECT_EQ(0777, get_mode(self->sk));
	EXPECT_EQ(0, set_mode(self->sk, 0700));
	EXPECT_EQ(0700, get_mode(self->sk));
}

/* After it. --------------------------------------------------------------- */

/* What connecting to @addr gives nobody: 0 or an errno. */
static int connect_as_nobody(struct __test_metadata *_metadata, int type,
			     const struct test_addr *addr)
{
	pid_t child = fork_child(_metadata);

	if (!child) {
		int fd = socket(addr->sa.sa_family, type, 0);

		if (fd < 0 || !drop_to(NOBODY, NOBODY))
			_exit(126);
		_exit(connect(fd, &addr->sa, addr->len) ? errno : 0);
	}
	return wait_exit(child);
}

TEST_F(name_access, a_change_counts_from_then_on)
{
	int i;

	QSOCK_ONLY();
	for (i = 0; i < 2; i++) {
		struct test_addr *addr = i ? &self->nul : &self->path;
		int fd = typed_bind(_metadata, variant->type, addr);

		if (type_ends(variant->type))
			ASSERT_EQ(0, listen(fd, 8));
		ASSERT_EQ(0, set_mode(fd, 0755));
		EXPECT_EQ(0755, get_mode(fd));
		EXPECT_EQ(EACCES, connect_as_nobody(_metadata, variant->type,
						    addr));
		ASSERT_EQ(0, set_mode(fd, 0002));
		EXPECT_EQ(0, connect_as_nobody(_metadata, variant->type,
					       addr));
		ASSERT_EQ(0, set_mode(fd, 0200));
		EXPECT_EQ(EACCES, connect_as_nobody(_metadata, variant->type,
						    addr));
		ASSERT_EQ(0, set_owner(fd, NOBODY, -1));
		EXPECT_EQ(0, connect_as_nobody(_metadata, variant->type,
					       addr));
		ASSERT_EQ(0, set_mode(fd, 0020));
		ASSERT_EQ(0, set_owner(fd, 0, NOBODY));
		EXPECT_EQ(0, connect_as_nobody(_metadata, variant->type,
					       addr));
		close(fd);
	}
}

TEST_F(name_access, minus_one_leaves_the_owner)
{
	struct qsock_owner owner;

	QSOCK_ONLY();
	ASSERT_EQ(0, bind(self->sk, &self->nul.sa, self->nul.len));
	EXPECT_EQ(0, set_owner(self->sk, OTHER_UID, -1));
	EXPECT_EQ(0, set_owner(self->sk, -1, OTHER_GID));
	EXPECT_EQ(0, set_owner(self->sk, -1, -1));
	ASSERT_EQ(0, get_owner(self->sk, &owner));
	EXPECT_EQ(OTHER_UID, owner.uid);
	EXPECT_EQ(OTHER_GID, owner.gid);
}

TEST_F(name_access, einval_without_a_name)
{
	struct qsock_owner owner;
	int fd[2];

	QSOCK_ONLY();
	ASSERT_EQ(0, socketpair(self->family, variant->type, 0, fd));
	EXPECT_EQ(-EINVAL, get_mode(self->sk));
	EXPECT_EQ(-EINVAL, set_mode(self->sk, 0600));
	EXPECT_EQ(-EINVAL, get_owner(self->sk, &owner));
	EXPECT_EQ(-EINVAL, set_owner(self->sk, -1, -1));
	EXPECT_EQ(-EINVAL, get_mode(fd[0]));
	EXPECT_EQ(-EINVAL, set_owner(fd[1], 0, 0));
	close(fd[0]);
	close(fd[1]);
}

/* The name that an accepted socket has is the listener's. */
TEST_F(name_access, einval_for_an_accepted_socket)
{
	int client, server;

	QSOCK_ONLY();
	if (!type_ends(variant->type))
		SKIP(return, "connections alone are accepted");
	ASSERT_EQ(0, bind(self->sk, &self->nul.sa, self->nul.len));
	ASSERT_EQ(0, listen(self->sk, 1));
	client = typed_connect(_metadata, variant->type, &self->nul);
	server = accept(self->sk, NULL, NULL);
	ASSERT_LE(0, server);
	EXPECT_EQ(self->nul.len, name_of(server).len);
	EXPECT_EQ(-EINVAL, get_mode(server));
	EXPECT_EQ(-EINVAL, set_mode(server, 0600));
	EXPECT_EQ(-EINVAL, get_mode(client));
	EXPECT_EQ(0777, get_mode(self->sk));
	close(client);
	close(server);
}

TEST_F(name_access, einval_for_a_bad_value)
{
	char bytes[16] = {};
	socklen_t len;

	QSOCK_ONLY();
	ASSERT_EQ(0, bind(self->sk, &self->nul.sa, self->nul.len));
	EXPECT_EQ(-EINVAL, set_mode(self->sk, 01000));
	EXPECT_EQ(-EINVAL, set_mode(self->sk, 04755));
	EXPECT_EQ(-EINVAL, set_mode(self->sk, 0200777));
	EXPECT_EQ(-EINVAL, set_mode(self->sk, -1));
	for (len = 0; len <= sizeof(bytes); len++) {
		if (len != sizeof(int))
			EXPECT_ERRNO(EINVAL, setsockopt(self->sk, SOL_QSOCK,
							QSOCK_NAME_MODE, bytes,
							len));
		if (len != sizeof(struct qsock_owner))
			EXPECT_ERRNO(EINVAL, setsockopt(self->sk, SOL_QSOCK,
							QSOCK_NAME_OWNER,
							bytes, len));
	}
	EXPECT_ERRNO(EFAULT, setsockopt(self->sk, SOL_QSOCK, QSOCK_NAME_MODE,
					nowhere(), sizeof(int)));
	EXPECT_EQ(0777, get_mode(self->sk));
}

/* In a child without privileges: which of these it may, as bits. */
static int may_change(struct __test_metadata *_metadata, int fd, uid_t uid,
		      gid_t gid)
{
	pid_t child = fork_child(_metadata);

	if (!child) {
		int may = 0;

		if (!drop_to(uid, gid))
			_exit(126);
		may |= !set_mode(fd, 0700) << 0;
		may |= !set_owner(fd, -1, gid) << 1;
		may |= !set_owner(fd, -1, OTHER_GID - 1) << 2;
		may |= !set_owner(fd, uid + 1, -1) << 3;
		may |= (get_mode(fd) >= 0) << 4;
		_exit(errno == EPERM ? may : 125);
	}
	return wait_exit(child);
}

/* As chmod() and chown() of a file. */
TEST_F(name_access, eperm_for_others)
{
	QSOCK_ONLY();
	ASSERT_EQ(0, bind(self->sk, &self->nul.sa, self->nul.len));
	EXPECT_EQ(020, may_change(_metadata, self->sk, NOBODY, NOBODY));
	EXPECT_EQ(0777, get_mode(self->sk));
	/* Its owner may change the mode, and give it to a group of his. */
	ASSERT_EQ(0, set_owner(self->sk, NOBODY, 0));
	EXPECT_EQ(023, may_change(_metadata, self->sk, NOBODY, NOBODY));
	EXPECT_EQ(0700, get_mode(self->sk));
}

TEST_HARNESS_MAIN
