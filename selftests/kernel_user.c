// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets that the kernel itself makes and uses, without a descriptor: the
 * module selftests/modules/kuser does that while it is loaded, and comes only
 * if all of it worked.
 */
#include <sys/syscall.h>

#include "qsock_types.h"

#define KUSER_KO	"/lib/modules/kuser.ko"

FIXTURE(kernel_user)
{
	int family;
	int ko;
};

FIXTURE_VARIANT(kernel_user)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(kernel_user);

FIXTURE_SETUP(kernel_user)
{
	const char *file = getenv("KUSER_KO") ?: KUSER_KO;

	self->ko = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	self->ko = open(file, O_RDONLY | O_CLOEXEC);
	if (self->ko < 0)
		SKIP(return, "there is no %s", file);
}

FIXTURE_TEARDOWN(kernel_user)
{
	close_open(&self->ko);
}

/* 0 or the errno of what the module did; it is gone again afterwards. */
static int kernel_uses(int ko, int family, int type)
{
	char parameters[64];

	snprintf(parameters, sizeof(parameters), "family=%d type=%d", family,
		 type);
	if (syscall(SYS_finit_module, ko, parameters, 0))
		return errno;
	return syscall(SYS_delete_module, "kuser", O_NONBLOCK) ? errno : 0;
}

TEST_F(kernel_user, may_connect_and_talk)
{
	int round;

	/* Again and again: nothing of it may stay behind, names included. */
	for (round = 0; round < 5; round++)
		ASSERT_EQ(0, kernel_uses(self->ko, self->family,
					 variant->type));
}

/* That it comes is worth nothing if it would come anyway. */
TEST_F(kernel_user, stays_out_when_something_is_wrong)
{
	char name[64] = { 0 };
	struct test_addr addr;
	int len, fd;

	EXPECT_EQ(EAFNOSUPPORT, kernel_uses(self->ko, AF_MAX,
					    variant->type));
	/* The name that it wants to bind. */
	len = 1 + snprintf(name + 1, sizeof(name) - 1, "kuser.%d.%s",
			   variant->type,
			   type_ends(variant->type) ? "listener" : "a");
	addr = raw_addr(self->family, name, len);
	fd = typed_bind(_metadata, variant->type, &addr);
	EXPECT_EQ(EADDRINUSE, kernel_uses(self->ko, self->family,
					  variant->type));
	close(fd);
	EXPECT_EQ(0, kernel_uses(self->ko, self->family, variant->type));
}

TEST_HARNESS_MAIN
