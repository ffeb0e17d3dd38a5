// SPDX-License-Identifier: GPL-2.0
/*
 * SO_ATTACH_FILTER and its kin: a receiver's program decides which messages
 * come in. On streams it has no say.
 */
#include <linux/filter.h>

#include "qsock_scm.h"

FIXTURE(sockopt_filter)
{
	int family;
	int fd[2];
};

FIXTURE_VARIANT(sockopt_filter)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(sockopt_filter);

FIXTURE_SETUP(sockopt_filter)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	ASSERT_EQ(0, socketpair(self->family, variant->type, 0, self->fd));
}

FIXTURE_TEARDOWN(sockopt_filter)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

static int set(int fd, int option, int value)
{
	return setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value)) ?
	       -errno : 0;
}

static int filter(int fd, uint32_t keep)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, keep);
	struct sock_fprog program = { .len = 1, .filter = &code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
			  sizeof(program)) ? -errno : 0;
}

TEST_F(sockopt_filter, it_drops_messages_and_cuts_them)
{
	bool decides = type_has_borders(variant->type);

	ASSERT_EQ(0, filter(self->fd[1], 0));
	EXPECT_EQ(4, send(self->fd[0], "drop", 4, MSG_DONTWAIT));
	EXPECT_EQ(decides ? 0 : 4, drain_queue(self->fd[1]));
	ASSERT_EQ(0, filter(self->fd[1], 2));
	EXPECT_EQ(4, send(self->fd[0], "trim", 4, MSG_DONTWAIT));
	EXPECT_EQ(decides ? 2 : 4, drain_queue(self->fd[1]));
	ASSERT_EQ(0, set(self->fd[1], SO_DETACH_FILTER, 0));
	EXPECT_EQ(4, send(self->fd[0], "pass", 4, MSG_DONTWAIT));
	EXPECT_EQ(4, drain_queue(self->fd[1]));
}

TEST_F(sockopt_filter, what_is_refused)
{
	struct sock_fprog none = {};

	EXPECT_ERRNO(EINVAL, setsockopt(self->fd[0], SOL_SOCKET,
					SO_ATTACH_FILTER, &none,
					sizeof(none)));
	EXPECT_EQ(-EINVAL, set(self->fd[0], SO_ATTACH_FILTER, 1));
	EXPECT_EQ(-ENOENT, set(self->fd[0], SO_DETACH_FILTER, 0));
	ASSERT_EQ(0, filter(self->fd[0], 4));
	ASSERT_EQ(0, set(self->fd[0], SO_LOCK_FILTER, 1));
	EXPECT_EQ(-EPERM, set(self->fd[0], SO_LOCK_FILTER, 0));
	EXPECT_EQ(-EPERM, set(self->fd[0], SO_DETACH_FILTER, 0));
	EXPECT_EQ(-EPERM, filter(self->fd[0], 4));
}

TEST_HARNESS_MAIN
