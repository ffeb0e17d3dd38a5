// SPDX-License-Identifier: GPL-2.0
/*
 * Landlock, which is built into many kernels: its scope of abstract names is
 * of AF_UNIX alone, and a process in a domain uses the family as any other.
 */
#include <linux/landlock.h>
#include <sys/syscall.h>

#include "qsock_proc.h"
#include "qsock_types.h"

FIXTURE(landlock)
{
	int family;
	int named;	/* made outside of the domain; listens, if it can */
	struct test_addr addr;
};

FIXTURE_VARIANT(landlock)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(landlock);

FIXTURE_SETUP(landlock)
{
	self->named = -1;
	REQUIRE_FAMILY(variant);
	if (syscall(__NR_landlock_create_ruleset, NULL, 0,
		    LANDLOCK_CREATE_RULESET_VERSION) < 6)
		SKIP(return, "Landlock has no scopes here, or is not active");
	self->family = test_family(variant->qsock);
	self->addr = nul_addr(self->family, "outside");
	self->named = type_ends(variant->type) ?
		      typed_listen(_metadata, variant->type, &self->addr, 4) :
		      typed_bind(_metadata, variant->type, &self->addr);
}

FIXTURE_TEARDOWN(landlock)
{
	close_open(&self->named);
}

/* From now on no abstract name of AF_UNIX outside can be reached. */
static bool enter_domain(void)
{
	struct landlock_ruleset_attr attr = {
		.scoped = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET,
	};
	int ruleset = syscall(__NR_landlock_create_ruleset, &attr,
			      sizeof(attr), 0);

	return ruleset >= 0 && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !syscall(__NR_landlock_restrict_self, ruleset, 0);
}

static int connect_errno(int type, const struct test_addr *to)
{
	int fd = socket(to->sa.sa_family, type, 0), error;

	error = connect(fd, &to->sa, to->len) ? errno : 0;
	close(fd);
	return error;
}

TEST_F(landlock, its_scope_is_of_af_unix)
{
	int expected = variant->qsock ? 0 : EPERM;
	pid_t child = fork_child(_metadata);

	if (!child) {
		if (connect_errno(variant->type, &self->addr))
			_exit(255);
		_exit(enter_domain() ?
		      connect_errno(variant->type, &self->addr) : 254);
	}
	EXPECT_EQ(expected, wait_exit(child));
}

TEST_F(landlock, a_datagram_is_as_a_connection)
{
	int expected = variant->qsock ? 0 : EPERM;
	pid_t child;

	if (variant->type != SOCK_DGRAM)
		SKIP(return, "others connect first");
	child = fork_child(_metadata);
	if (!child) {
		int fd = socket(self->family, SOCK_DGRAM, 0);

		if (!enter_domain())
			_exit(254);
		_exit(sendto(fd, "x", 1, 0, &self->addr.sa,
			     self->addr.len) == 1 ? 0 : errno);
	}
	EXPECT_EQ(expected, wait_exit(child));
	EXPECT_EQ(!expected, drain_queue(self->named));
}

TEST_F(landlock, inside_of_a_domain_all_works)
{
	pid_t child = fork_child(_metadata);

	if (!child) {
		struct test_addr addr = nul_addr(self->family, "inside");
		int named, fd[2];
		char got;

		if (!enter_domain())
			_exit(254);
		named = socket(self->family, variant->type, 0);
		if (bind(named, &addr.sa, addr.len))
			_exit(1);
		if (type_ends(variant->type) && listen(named, 1))
			_exit(2);
		fd[0] = socket(self->family, variant->type, 0);
		if (connect(fd[0], &addr.sa, addr.len) ||
		    send(fd[0], "x", 1, 0) != 1)
			_exit(3);
		fd[1] = type_ends(variant->type) ? accept(named, NULL, NULL) :
						   named;
		if (recv(fd[1], &got, 1, 0) != 1)
			_exit(4);
		if (socketpair(self->family, variant->type, 0, fd) ||
		    send(fd[0], "x", 1, 0) != 1 ||
		    recv(fd[1], &got, 1, 0) != 1)
			_exit(5);
		_exit(0);
	}
	EXPECT_EQ(0, wait_exit(child));
}

/* A connection from before is no business of the domain. */
TEST_F(landlock, a_socket_may_be_brought_along)
{
	int fd[2];
	pid_t child;
	char got;

	ASSERT_EQ(0, socketpair(self->family, variant->type, 0, fd));
	child = fork_child(_metadata);
	if (!child)
		_exit(!enter_domain() || send(fd[0], "x", 1, 0) != 1 ||
		      recv(fd[0], &got, 1, 0) != 1);
	ASSERT_EQ(1, send(fd[1], "y", 1, 0));
	EXPECT_EQ(0, wait_exit(child));
	EXPECT_EQ(1, recv(fd[1], &got, 1, MSG_DONTWAIT));
	close(fd[0]);
	close(fd[1]);
}

TEST_HARNESS_MAIN
