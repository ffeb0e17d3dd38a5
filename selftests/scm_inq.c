// SPDX-License-Identifier: GPL-2.0
/*
 * SO_INQ: each receive from a stream tells how much is left. Since Linux 7.0.
 */
#include <linux/sockios.h>

#include "qsock_scm.h"

FIXTURE(scm_inq)
{
	int family;
	int fd[2];
};

FIXTURE_VARIANT(scm_inq)
{
	bool qsock;
	bool accepted;
};

FAMILY_CONNECTION_VARIANTS(scm_inq);

static int set_inq(int fd, int value)
{
	return setsockopt(fd, SOL_SOCKET, SO_INQ, &value, sizeof(value));
}

FIXTURE_SETUP(scm_inq)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	stream_pair(_metadata, self->family, variant->accepted, self->fd);
	if (set_inq(self->fd[1], 1)) {
		ASSERT_EQ(ENOPROTOOPT, errno);
		ASSERT_FALSE(variant->qsock);
		SKIP(return, "this kernel has no SO_INQ");
	}
}

FIXTURE_TEARDOWN(scm_inq)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

/* Receive @len bytes: what is said to be left, or -1. */
static int left_after(int fd, size_t len, int flags)
{
	struct control c = { .len = sizeof(c.bytes) };
	char got[64];
	int left;

	if (control_recv(fd, &c, got, len, flags, NULL) < 0 ||
	    !control_get(&c, SCM_INQ, &left, sizeof(left)))
		return -1;
	return left;
}

static int siocinq(int fd)
{
	int bytes;

	return ioctl(fd, SIOCINQ, &bytes) ? -1 : bytes;
}

TEST_F(scm_inq, what_is_left)
{
	ASSERT_EQ(6, send(self->fd[0], "abcdef", 6, 0));
	ASSERT_EQ(4, send(self->fd[0], "ghij", 4, 0));
	EXPECT_EQ(9, left_after(self->fd[1], 1, 0));
	EXPECT_EQ(siocinq(self->fd[1]), 9);
	EXPECT_EQ(6, left_after(self->fd[1], 3, 0));
	EXPECT_EQ(siocinq(self->fd[1]), 6);
	EXPECT_EQ(1, left_after(self->fd[1], 5, 0));
	EXPECT_EQ(0, left_after(self->fd[1], 9, 0));
	EXPECT_EQ(siocinq(self->fd[1]), 0);
}

TEST_F(scm_inq, a_peek_leaves_all)
{
	ASSERT_EQ(6, send(self->fd[0], "abcdef", 6, 0));
	EXPECT_EQ(6, left_after(self->fd[1], 2, MSG_PEEK));
	EXPECT_EQ(0, left_after(self->fd[1], 6, 0));
}

TEST_F(scm_inq, the_end_leaves_nothing)
{
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(0, left_after(self->fd[1], 6, 0));
}

/* Nothing was received: nothing is said. */
TEST_F(scm_inq, no_receive_no_message)
{
	EXPECT_EQ(-1, left_after(self->fd[1], 6, 0));
}

TEST_F(scm_inq, off_again)
{
	ASSERT_EQ(0, set_inq(self->fd[1], 0));
	ASSERT_EQ(2, send(self->fd[0], "ab", 2, 0));
	EXPECT_EQ(-1, left_after(self->fd[1], 1, 0));
	ASSERT_EQ(0, set_inq(self->fd[1], 1));
	EXPECT_EQ(0, left_after(self->fd[1], 1, 0));
}

TEST_F(scm_inq, it_is_the_receiver_who_asks)
{
	ASSERT_EQ(2, send(self->fd[1], "ab", 2, 0));
	EXPECT_EQ(-1, left_after(self->fd[0], 1, 0));
}

TEST_F(scm_inq, without_room_it_is_cut)
{
	struct control c = {};
	int flags = 0;
	char byte;

	ASSERT_EQ(2, send(self->fd[0], "ab", 2, 0));
	EXPECT_EQ(1, control_recv(self->fd[1], &c, &byte, 1, 0, &flags));
	EXPECT_EQ(MSG_CTRUNC, flags & MSG_CTRUNC);
}

TEST_F(scm_inq, beside_files_and_credentials)
{
	struct control c = { .len = sizeof(c.bytes) };
	int file[1] = { STDERR_FILENO }, left = -1;
	struct ucred who;
	char byte;

	ASSERT_EQ(0, setsockopt(self->fd[1], SOL_SOCKET, SO_PASSCRED,
				&(int){ 1 }, sizeof(int)));
	ASSERT_EQ(3, files_send(self->fd[0], file, 1, "abc"));
	ASSERT_EQ(1, control_recv(self->fd[1], &c, &byte, 1, 0, NULL));
	EXPECT_TRUE(control_get(&c, SCM_CREDENTIALS, &who, sizeof(who)));
	EXPECT_EQ(getpid(), who.pid);
	EXPECT_TRUE(control_get(&c, SCM_RIGHTS, file, sizeof(file)));
	EXPECT_TRUE(control_get(&c, SCM_INQ, &left, sizeof(left)));
	EXPECT_EQ(2, left);
	close(file[0]);
}

TEST_F(scm_inq, not_inherited)
{
	struct test_addr addr = nul_addr(self->family, "listener");
	int listener = stream_listen(_metadata, &addr, 1), client, server;

	ASSERT_EQ(0, set_inq(listener, 1));
	client = stream_connect(_metadata, &addr);
	server = accept(listener, NULL, NULL);
	ASSERT_LE(0, server);
	ASSERT_EQ(2, send(client, "ab", 2, 0));
	EXPECT_EQ(-1, left_after(server, 1, 0));
	/* An accepted socket has the option. */
	ASSERT_EQ(0, set_inq(server, 1));
	EXPECT_EQ(0, left_after(server, 1, 0));
	close(listener);
	close(client);
	close(server);
}

TEST_F(scm_inq, einval)
{
	char bytes[8] = { 1 };

	EXPECT_ERRNO(EINVAL, set_inq(self->fd[1], 2));
	EXPECT_ERRNO(EINVAL, set_inq(self->fd[1], -1));
	EXPECT_ERRNO(EINVAL, setsockopt(self->fd[1], SOL_SOCKET, SO_INQ, bytes,
					3));
	EXPECT_ERRNO(EINVAL, setsockopt(self->fd[1], SOL_SOCKET, SO_INQ, bytes,
					8));
	EXPECT_ERRNO(EINVAL, setsockopt(self->fd[1], SOL_SOCKET, SO_INQ, bytes,
					0));
	EXPECT_ERRNO(EFAULT, setsockopt(self->fd[1], SOL_SOCKET, SO_INQ,
					nowhere(), 4));
}

/* The option of a stream, which can only be set. */
TEST_F(scm_inq, enoprotoopt)
{
	static const int type[] = { SOCK_DGRAM, SOCK_SEQPACKET };
	size_t i;

	for (i = 0; i < ARRAY_LEN(type); i++) {
		int fd = typed_socket(_metadata, self->family, type[i]);

		EXPECT_ERRNO(ENOPROTOOPT, set_inq(fd, 1));
		close(fd);
	}
	EXPECT_EQ(-ENOPROTOOPT, int_option(self->fd[1], SO_INQ));
}

TEST_HARNESS_MAIN
