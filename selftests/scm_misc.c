// SPDX-License-Identifier: GPL-2.0
/*
 * Ancillary data: SO_PASSRIGHTS refuses files for the receiver, SO_PASSSEC
 * asks for labels, and what a send does with control messages that are wrong.
 */
#include "qsock_scm.h"

FIXTURE(scm_misc)
{
	int family;
	int fd[2];
};

FIXTURE_VARIANT(scm_misc)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(scm_misc);

FIXTURE_SETUP(scm_misc)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	ASSERT_EQ(0, socketpair(self->family, variant->type, 0, self->fd));
}

FIXTURE_TEARDOWN(scm_misc)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

static int set(int fd, int option, int value)
{
	return setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value));
}

/* SO_PASSRIGHTS. ---------------------------------------------------------- */

TEST_F(scm_misc, passrights_off_is_eperm_for_the_sender)
{
	struct witness w = witness(_metadata);
	struct parcel p;
	char byte;

	ASSERT_EQ(0, set(self->fd[1], SO_PASSRIGHTS, 0));
	EXPECT_EQ(-EPERM, files_send(self->fd[0], &w.file, 1, "x"));
	EXPECT_EQ(-EAGAIN, files_recv(self->fd[1], 1, 0).n);
	/* It is not about messages without files, */
	EXPECT_EQ(1, files_send(self->fd[0], NULL, 0, "y"));
	EXPECT_EQ(1, recv(self->fd[1], &byte, 1, MSG_DONTWAIT));
	/* nor about the other direction, */
	EXPECT_EQ(1, files_send(self->fd[1], &w.file, 1, "z"));
	p = files_recv(self->fd[0], 1, 0);
	EXPECT_EQ(1, p.count);
	parcel_close(&p);
	/* and may be taken back. */
	ASSERT_EQ(0, set(self->fd[1], SO_PASSRIGHTS, 1));
	EXPECT_EQ(1, files_send(self->fd[0], &w.file, 1, "x"));
	p = files_recv(self->fd[1], 1, 0);
	EXPECT_EQ(1, p.count);
	parcel_close(&p);
	close_open(&w.file);
	EXPECT_TRUE(witness_gone(&w));
	close(w.watch);
}

TEST_F(scm_misc, passrights_off_leaves_what_was_sent)
{
	struct witness w = witness(_metadata);
	struct parcel p;

	witness_send(_metadata, &w, self->fd[0], "x");
	ASSERT_EQ(0, set(self->fd[1], SO_PASSRIGHTS, 0));
	p = files_recv(self->fd[1], 1, 0);
	EXPECT_EQ(1, p.count);
	parcel_close(&p);
	close(w.watch);
}

TEST_F(scm_misc, passrights_is_inherited)
{
	struct test_addr addr = nul_addr(self->family, "listener");
	int listener, client, server;

	if (!type_ends(variant->type))
		SKIP(return, "connections alone are accepted");
	listener = typed_listen(_metadata, variant->type, &addr, 2);
	ASSERT_EQ(0, set(listener, SO_PASSRIGHTS, 0));
	client = typed_connect(_metadata, variant->type, &addr);
	/* To one that is not accepted yet as well. */
	EXPECT_EQ(-EPERM, files_send(client, (int[]){ STDERR_FILENO }, 1,
				     "x"));
	server = accept(listener, NULL, NULL);
	ASSERT_LE(0, server);
	EXPECT_EQ(-EPERM, files_send(client, (int[]){ STDERR_FILENO }, 1,
				     "x"));
	EXPECT_EQ(1, files_send(server, (int[]){ STDERR_FILENO }, 1, "x"));
	close(listener);
	close(client);
	close(server);
}

/* SO_PASSSEC. ------------------------------------------------------------ */

/* The label that comes with a message over @fd; its length, 0 for none. */
static size_t label_over(const int fd[2], char label[256])
{
	struct control c = { .len = sizeof(c.bytes) };
	struct cmsghdr *cmsg;
	size_t len = 0;
	char byte;

	if (send(fd[0], "x", 1, 0) != 1 ||
	    control_recv(fd[1], &c, &byte, 1, 0, NULL) != 1)
		return -1;
	cmsg = control_find(&c, SCM_SECURITY);
	if (cmsg) {
		len = cmsg->cmsg_len - CMSG_LEN(0);
		memcpy(label, CMSG_DATA(cmsg), len < 256 ? len : 256);
	}
	return len;
}

/*
 * Which labels there are is for the security modules: as a datagram's. On a
 * stream of AF_UNIX they come with credentials alone.
 */
TEST_F(scm_misc, passsec_gives_the_label_if_there_is_one)
{
	bool alone = variant->qsock || type_has_borders(variant->type);
	char label[2][256];
	int control[2];
	size_t len;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, control));
	if (set(control[1], SO_PASSSEC, 1)) {
		ASSERT_EQ(EOPNOTSUPP, errno);
		SKIP(return, "a kernel without CONFIG_SECURITY_NETWORK");
	}
	EXPECT_EQ(0, label_over(self->fd, label[0]));
	ASSERT_EQ(0, set(self->fd[1], SO_PASSSEC, 1));
	len = label_over(control, label[1]);
	ASSERT_EQ(alone ? len : 0, label_over(self->fd, label[0]));
	ASSERT_EQ(0, set(self->fd[1], SO_PASSCRED, 1));
	ASSERT_EQ(len, label_over(self->fd, label[0]));
	EXPECT_EQ(0, memcmp(label[0], label[1], len));
	ASSERT_EQ(0, set(self->fd[1], SO_PASSSEC, 0));
	EXPECT_EQ(0, label_over(self->fd, label[0]));
	close(control[0]);
	close(control[1]);
}

/* Of a message that was sent before: ours has it if nobody had accepted. */
TEST_F(scm_misc, passsec_after_the_send)
{
	struct control c = { .len = sizeof(c.bytes) };
	struct test_addr addr = nul_addr(self->family, "passsec");
	int control[2], on = 1, listener, client, server;
	char byte, label[256];
	bool labels;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, control));
	labels = !set(control[1], SO_PASSSEC, 1) &&
		 label_over(control, label) > 0;
	close(control[0]);
	close(control[1]);
	if (!labels)
		SKIP(return, "no security module has labels");
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	ASSERT_EQ(0, set(self->fd[1], SO_PASSSEC, 1));
	ASSERT_EQ(0, set(self->fd[1], SO_PASSCRED, 1));
	ASSERT_EQ(1, control_recv(self->fd[1], &c, &byte, 1, 0, NULL));
	EXPECT_EQ(variant->qsock, !control_find(&c, SCM_SECURITY));
	if (!type_ends(variant->type))
		return;
	listener = typed_listen(_metadata, variant->type, &addr, 1);
	client = typed_connect(_metadata, variant->type, &addr);
	ASSERT_EQ(1, send(client, "x", 1, 0));
	server = accept(listener, NULL, NULL);
	ASSERT_LE(0, server);
	ASSERT_EQ(0, setsockopt(server, SOL_SOCKET, SO_PASSSEC, &on,
				sizeof(on)));
	ASSERT_EQ(0, setsockopt(server, SOL_SOCKET, SO_PASSCRED, &on,
				sizeof(on)));
	c.len = sizeof(c.bytes);
	ASSERT_EQ(1, control_recv(server, &c, &byte, 1, 0, NULL));
	EXPECT_NE(NULL, control_find(&c, SCM_SECURITY));
	close(server);
	close(client);
	close(listener);
}

/* Whether or not there would have been one. */
TEST_F(scm_misc, passsec_without_room_is_cut)
{
	struct control c = {};
	int flags = 0;
	char byte;

	if (set(self->fd[1], SO_PASSSEC, 1)) {
		ASSERT_EQ(EOPNOTSUPP, errno);
		SKIP(return, "a kernel without CONFIG_SECURITY_NETWORK");
	}
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	ASSERT_EQ(1, control_recv(self->fd[1], &c, &byte, 1, 0, &flags));
	EXPECT_EQ(MSG_CTRUNC, flags & MSG_CTRUNC);
}

/* What is wrong. --------------------------------------------------------- */

/* Nothing of a message is sent whose second control message is @c's. */
static void refused(struct __test_metadata *_metadata, const int fd[2],
		    int level, int type, size_t claimed)
{
	struct witness w = witness(_metadata);
	struct control c = {};
	struct cmsghdr *second;
	int value = 0;

	control_add(&c, SOL_SOCKET, SCM_RIGHTS, &w.file, sizeof(w.file));
	second = (struct cmsghdr *)(c.bytes + c.len);
	control_add(&c, level, type, &value, sizeof(value));
	second->cmsg_len = claimed;
	EXPECT_EQ(-EINVAL, control_send(fd[0], &c, "x", 1));
	EXPECT_EQ(-EAGAIN, files_recv(fd[1], 1, 0).n);
	close_open(&w.file);
	EXPECT_TRUE(witness_gone(&w));
	close(w.watch);
}

TEST_F(scm_misc, einval_for_a_type_that_nobody_can_send)
{
	static const int type[] = {
		SCM_PIDFD, SCM_SECURITY, SCM_TIMESTAMP, SCM_INQ, 0, 77, -1,
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(type); i++)
		refused(_metadata, self->fd, SOL_SOCKET, type[i],
			CMSG_LEN(sizeof(int)));
}

TEST_F(scm_misc, einval_for_a_bad_length)
{
	static const int level[] = { SOL_SOCKET, 77 };
	/* Not the header, more than there is, and more than there can be. */
	const size_t len[] = {
		0, 1, CMSG_LEN(0) - 1, CMSG_SPACE(sizeof(int)) + 1, 4096,
		(size_t)-1,
	};
	size_t i, j;

	for (i = 0; i < ARRAY_LEN(level); i++)
		for (j = 0; j < ARRAY_LEN(len); j++)
			refused(_metadata, self->fd, level[i], SCM_RIGHTS,
				len[j]);
}

TEST_F(scm_misc, another_level_is_ignored)
{
	int file[2] = { STDERR_FILENO, -1 };
	struct control c = {};
	struct parcel p;

	control_add(&c, 77, SCM_RIGHTS, file, sizeof(file));
	control_add(&c, SOL_SOCKET, SCM_RIGHTS, file, sizeof(int));
	control_add(&c, 0, 77, file, sizeof(file));
	ASSERT_EQ(1, control_send(self->fd[0], &c, "x", 1));
	p = files_recv(self->fd[1], 1, 0);
	EXPECT_EQ(1, p.n);
	EXPECT_EQ(1, p.count);
	parcel_close(&p);
}

/*
 * Too short for a header: there is no control message. Where the kernel has to
 * convert what a 32-bit program gives, it wants one.
 */
TEST_F(scm_misc, a_buffer_without_a_header_is_none)
{
	struct control c = { .len = sizeof(struct cmsghdr) - 1 };
	char byte;

	memset(c.bytes, 0xff, c.len);
	if (sizeof(long) == 4) {
		EXPECT_EQ(-EINVAL, control_send(self->fd[0], &c, "x", 1));
		return;
	}
	ASSERT_EQ(1, control_send(self->fd[0], &c, "x", 1));
	EXPECT_EQ(1, recv(self->fd[1], &byte, 1, MSG_DONTWAIT));
}

TEST_F(scm_misc, efault)
{
	struct iovec iov = { "x", 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = nowhere(),
		.msg_controllen = 64,
	};

	EXPECT_ERRNO(EFAULT, sendmsg(self->fd[0], &msg, MSG_DONTWAIT));
	EXPECT_EQ(-EAGAIN, files_recv(self->fd[1], 1, 0).n);
}

/* The files have nowhere to be told; the data arrives. */
TEST_F(scm_misc, a_receiver_whose_buffer_faults)
{
	struct witness w = witness(_metadata);
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = nowhere(),
		.msg_controllen = 64,
	};

	witness_send(_metadata, &w, self->fd[0], "x");
	EXPECT_EQ(1, recvmsg(self->fd[1], &msg, MSG_DONTWAIT));
	EXPECT_EQ(MSG_CTRUNC, msg.msg_flags & MSG_CTRUNC);
	EXPECT_TRUE(witness_gone(&w));
	close(w.watch);
}

TEST_HARNESS_MAIN
