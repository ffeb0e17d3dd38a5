// SPDX-License-Identifier: GPL-2.0
/*
 * A name has an owner and a mode, and connecting needs its write bit.
 *
 * A path-like name gets 0777 & ~umask, as the file of an AF_UNIX socket
 * does. A name that starts with NUL gets 0777: AF_UNIX checks nothing there,
 * which comes to the same.
 */
#include <grp.h>
#include <linux/capability.h>
#include <sys/syscall.h>

#include "qsock_proc.h"
#include "qsock_test.h"

#define OTHER_UID	65533
#define OTHER_GID	65533

FIXTURE(name_owner)
{
	int family;
	char *dir;
	struct test_addr path;
	struct test_addr nul;
	int listener;
};

FIXTURE_VARIANT(name_owner)
{
	bool qsock;
};

FAMILY_VARIANTS(name_owner);

FIXTURE_SETUP(name_owner)
{
	self->listener = -1;
	self->dir = NULL;
	REQUIRE_FAMILY(variant);
	if (geteuid())
		SKIP(return, "needs root, to become others");
	self->family = test_family(variant->qsock);
	self->dir = make_name_dir(_metadata);
	self->path = path_addr(self->family, self->dir, "owned");
	self->nul = nul_addr(self->family, "owned");
}

FIXTURE_TEARDOWN(name_owner)
{
	close_open(&self->listener);
	remove_name_dir(self->dir);
}

static int listen_with_umask(struct __test_metadata *_metadata,
			     const struct test_addr *addr, mode_t mask)
{
	mode_t before = umask(mask);
	int fd = stream_listen(_metadata, addr, 8);

	umask(before);
	return fd;
}

/* Somebody without privileges. */
struct identity {
	uid_t uid;
	gid_t gid;
	gid_t group;	/* a supplementary one, or 0 */
};

static bool become(const struct identity *who)
{
	return !setgroups(who->group ? 1 : 0, &who->group) &&
	       drop_to(who->uid, who->gid);
}

/* What connecting to @addr gives somebody: 0 or an errno. */
static int connect_as(struct __test_metadata *_metadata,
		      const struct identity *who, const struct test_addr *addr)
{
	pid_t child = fork_child(_metadata);

	if (!child) {
		int fd = socket(addr->sa.sa_family, SOCK_STREAM, 0);

		if (!become(who))
			_exit(126);
		_exit(connect(fd, &addr->sa, addr->len) ? errno : 0);
	}
	return wait_exit(child);
}

/* A listener that @who made, and owns; the caller stays root. */
static int listen_as(struct __test_metadata *_metadata,
		     const struct identity *who, const struct test_addr *addr,
		     mode_t mask)
{
	int fd;

	ASSERT_EQ(0, setgroups(0, NULL));
	ASSERT_EQ(0, setresgid(who->gid, who->gid, 0));
	ASSERT_EQ(0, setresuid(who->uid, who->uid, 0));
	fd = listen_with_umask(_metadata, addr, mask);
	ASSERT_EQ(0, setresuid(0, 0, 0));
	ASSERT_EQ(0, setresgid(0, 0, 0));
	return fd;
}

static const struct identity nobody = { NOBODY, NOBODY, 0 };
static const struct identity other = { OTHER_UID, OTHER_GID, 0 };

TEST_F(name_owner, umask_022_keeps_others_out_of_a_path)
{
	self->listener = listen_with_umask(_metadata, &self->path, 022);
	EXPECT_EQ(EACCES, connect_as(_metadata, &nobody, &self->path));
}

TEST_F(name_owner, umask_0_lets_everybody_in)
{
	self->listener = listen_with_umask(_metadata, &self->path, 0);
	EXPECT_EQ(0, connect_as(_metadata, &nobody, &self->path));
}

TEST_F(name_owner, only_the_write_bit_counts)
{
	self->listener = listen_with_umask(_metadata, &self->path, 0555);
	EXPECT_EQ(0, connect_as(_metadata, &nobody, &self->path));
}

TEST_F(name_owner, a_nul_name_is_open_whatever_the_umask)
{
	self->listener = listen_with_umask(_metadata, &self->nul, 0777);
	EXPECT_EQ(0, connect_as(_metadata, &nobody, &self->nul));
}

TEST_F(name_owner, the_owner_comes_in_by_the_first_bits)
{
	self->listener = listen_as(_metadata, &nobody, &self->path, 0077);
	EXPECT_EQ(0, connect_as(_metadata, &nobody, &self->path));
	EXPECT_EQ(EACCES, connect_as(_metadata, &other, &self->path));
}

TEST_F(name_owner, the_owner_has_no_other_bits)
{
	/* 0577: everybody may write but the owner. */
	self->listener = listen_as(_metadata, &nobody, &self->path, 0200);
	EXPECT_EQ(EACCES, connect_as(_metadata, &nobody, &self->path));
	EXPECT_EQ(0, connect_as(_metadata, &other, &self->path));
}

TEST_F(name_owner, the_group_comes_in_by_the_second_bits)
{
	struct identity member = { OTHER_UID, NOBODY, 0 };

	self->listener = listen_as(_metadata, &nobody, &self->path, 0007);
	EXPECT_EQ(0, connect_as(_metadata, &member, &self->path));
	EXPECT_EQ(EACCES, connect_as(_metadata, &other, &self->path));
}

TEST_F(name_owner, a_supplementary_group_counts)
{
	struct identity member = { OTHER_UID, OTHER_GID, NOBODY };

	self->listener = listen_as(_metadata, &nobody, &self->path, 0007);
	EXPECT_EQ(0, connect_as(_metadata, &member, &self->path));
}

TEST_F(name_owner, the_group_has_no_other_bits)
{
	struct identity member = { OTHER_UID, NOBODY, 0 };

	/* 0757: others may write, the group may not. */
	self->listener = listen_as(_metadata, &nobody, &self->path, 0020);
	EXPECT_EQ(EACCES, connect_as(_metadata, &member, &self->path));
	EXPECT_EQ(0, connect_as(_metadata, &other, &self->path));
}

TEST_F(name_owner, cap_dac_override_passes)
{
	int client;

	self->listener = listen_as(_metadata, &nobody, &self->path, 0777);
	client = stream_connect(_metadata, &self->path);
	close(client);
}

static bool lose_dac_override(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return false;
	data[0].effective &= ~(1U << CAP_DAC_OVERRIDE);
	return !syscall(SYS_capset, &header, data);
}

TEST_F(name_owner, root_without_cap_dac_override_does_not)
{
	pid_t child;

	self->listener = listen_as(_metadata, &nobody, &self->path, 0077);
	child = fork_child(_metadata);
	if (!child) {
		int fd = socket(self->family, SOCK_STREAM, 0);

		if (!lose_dac_override())
			_exit(126);
		_exit(connect(fd, &self->path.sa, self->path.len) ? errno : 0);
	}
	EXPECT_EQ(EACCES, wait_exit(child));
}

/* Every capability, but only over ids that are none of the owner's. */
TEST_F(name_owner, a_user_namespace_of_ones_own_opens_nothing)
{
	int error;
	pid_t child;

	self->listener = listen_with_umask(_metadata, &self->path, 0077);
	child = fork_child(_metadata);
	if (!child) {
		int fd = socket(self->family, SOCK_STREAM, 0);

		if (!become(&nobody))
			_exit(126);
		if (unshare(CLONE_NEWUSER))
			_exit(125);
		_exit(connect(fd, &self->path.sa, self->path.len) ? errno : 0);
	}
	error = wait_exit(child);
	if (error == 125)
		SKIP(return, "no user namespaces for users");
	EXPECT_EQ(EACCES, error);
}

TEST_F(name_owner, a_refused_connection_is_not_queued)
{
	self->listener = listen_with_umask(_metadata, &self->path, 0077);
	ASSERT_EQ(EACCES, connect_as(_metadata, &nobody, &self->path));
	EXPECT_EQ(0, poll_one(self->listener, POLLIN, 0));
}

TEST_F(name_owner, permission_comes_before_the_backlog)
{
	int client[2];

	self->listener = listen_with_umask(_metadata, &self->path, 0077);
	ASSERT_EQ(0, listen(self->listener, 0));
	client[0] = stream_connect(_metadata, &self->path);
	/* The backlog is full: one without permission must not wait for it. */
	client[1] = stream_socket(_metadata, self->family, SOCK_NONBLOCK);
	ASSERT_EQ(-1, connect(client[1], &self->path.sa, self->path.len));
	ASSERT_EQ(EAGAIN, errno);
	EXPECT_EQ(EACCES, connect_as(_metadata, &nobody, &self->path));
	close(client[0]);
	close(client[1]);
}

TEST_F(name_owner, permission_comes_before_refusal)
{
	mode_t before = umask(0077);

	/* Bound, and nobody listens: still not to be told. */
	self->listener = stream_bind(_metadata, &self->path);
	umask(before);
	EXPECT_EQ(EACCES, connect_as(_metadata, &nobody, &self->path));
}

TEST_HARNESS_MAIN
