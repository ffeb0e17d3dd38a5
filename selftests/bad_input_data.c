// SPDX-License-Identifier: GPL-2.0
/*
 * Bad input to the send and receive calls. Each test is named by call and
 * errno. EFAULT has more of them in stream_fault.c.
 */
#include <sys/uio.h>

#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_test.h"

FIXTURE(bad_input)
{
	int family;
	int sk;		/* unconnected */
	int listener;
	int fd[2];	/* connected */
	struct test_addr addr;
};

FIXTURE_VARIANT(bad_input)
{
	bool qsock;
};

FAMILY_VARIANTS(bad_input);

FIXTURE_SETUP(bad_input)
{
	self->sk = -1;
	self->listener = -1;
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	self->addr = nul_addr(self->family, "listener");
	self->listener = stream_listen(_metadata, &self->addr, 1);
	self->sk = stream_socket(_metadata, self->family, 0);
	ASSERT_EQ(0, socketpair(self->family, SOCK_STREAM, 0, self->fd));
}

FIXTURE_TEARDOWN(bad_input)
{
	close_open(&self->sk);
	close_open(&self->listener);
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

TEST_F(bad_input, send_enotconn)
{
	EXPECT_ERRNO(ENOTCONN, send(self->sk, "x", 1, MSG_NOSIGNAL));
	EXPECT_ERRNO(ENOTCONN, send(self->sk, "", 0, MSG_NOSIGNAL));
	EXPECT_ERRNO(ENOTCONN, send(self->listener, "x", 1, MSG_NOSIGNAL));
}

TEST_F(bad_input, send_enotconn_before_epipe)
{
	ASSERT_EQ(0, shutdown(self->sk, SHUT_WR));
	EXPECT_ERRNO(ENOTCONN, send(self->sk, "x", 1, MSG_NOSIGNAL));
}

TEST_F(bad_input, sendto_eisconn)
{
	EXPECT_ERRNO(EISCONN, sendto(self->fd[0], "x", 1, 0, &self->addr.sa,
				     self->addr.len));
}

TEST_F(bad_input, sendto_eopnotsupp_unconnected)
{
	EXPECT_ERRNO(EOPNOTSUPP, sendto(self->sk, "x", 1, 0, &self->addr.sa,
					self->addr.len));
	EXPECT_ERRNO(EOPNOTSUPP, sendto(self->listener, "x", 1, 0,
					&self->addr.sa, self->addr.len));
}

TEST_F(bad_input, send_epipe)
{
	close_open(&self->fd[1]);
	EXPECT_ERRNO(EPIPE, send(self->fd[0], "x", 1, MSG_NOSIGNAL));
}

TEST_F(bad_input, send_eagain)
{
	ASSERT_LT(0, fill_queue(self->fd[0], 512));
	EXPECT_ERRNO(EAGAIN, send(self->fd[0], "x", 1, MSG_DONTWAIT));
}

TEST_F(bad_input, send_efault)
{
	EXPECT_ERRNO(EFAULT, send(self->fd[0], nowhere(), 16, 0));
}

TEST_F(bad_input, send_eopnotsupp_out_of_band)
{
	EXPECT_ERRNO(EOPNOTSUPP, send(self->fd[0], "", 0, MSG_OOB));
	EXPECT_EQ(1, send(self->fd[0], "x", 1, MSG_OOB));
}

TEST_F(bad_input, recv_out_of_band_without_any)
{
	char byte;

	EXPECT_ERRNO(EINVAL, recv(self->fd[0], &byte, 1, MSG_OOB));
	/* Ordinary bytes are none. */
	ASSERT_EQ(1, send(self->fd[1], "x", 1, 0));
	EXPECT_ERRNO(EINVAL, recv(self->fd[0], &byte, 1, MSG_OOB));
	EXPECT_EQ(1, recv(self->fd[0], &byte, 1, 0));
}

TEST_F(bad_input, sendmsg_emsgsize_for_too_many_vectors)
{
	struct iovec iov[1025];
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 1025 };
	char byte = 0;
	size_t i;

	for (i = 0; i < ARRAY_LEN(iov); i++)
		iov[i] = (struct iovec){ &byte, 1 };
	EXPECT_ERRNO(EMSGSIZE, sendmsg(self->fd[0], &msg, 0));
	EXPECT_ERRNO(EMSGSIZE, recvmsg(self->fd[1], &msg, MSG_DONTWAIT));
	msg.msg_iovlen = 1024;
	EXPECT_EQ(1024, sendmsg(self->fd[0], &msg, 0));
	EXPECT_EQ(1024, recvmsg(self->fd[1], &msg, MSG_DONTWAIT));
}

TEST_F(bad_input, sendmsg_einval_for_a_negative_vector)
{
	char byte = 0;
	struct iovec iov = { &byte, (size_t)-1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	EXPECT_ERRNO(EINVAL, sendmsg(self->fd[0], &msg, 0));
	EXPECT_ERRNO(EINVAL, recvmsg(self->fd[0], &msg, 0));
}

/* One control message of @level and @type around an int. */
static ssize_t send_control(int fd, int level, int type, int value,
			    size_t claimed)
{
	char byte = 'x';
	struct iovec iov = { &byte, 1 };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = claimed;
	memcpy(CMSG_DATA(cmsg), &value, sizeof(value));
	return sendmsg(fd, &msg, 0);
}

TEST_F(bad_input, sendmsg_einval_for_a_bad_control_length)
{
	EXPECT_ERRNO(EINVAL, send_control(self->fd[0], SOL_SOCKET, SCM_RIGHTS,
					  0, 1));
	EXPECT_ERRNO(EINVAL, send_control(self->fd[0], SOL_SOCKET, SCM_RIGHTS,
					  0, 4096));
	EXPECT_EQ(0, drain_queue(self->fd[1]));
}

TEST_F(bad_input, sendmsg_einval_for_an_unknown_control_message)
{
	EXPECT_ERRNO(EINVAL, send_control(self->fd[0], SOL_SOCKET, 77, 0,
					  CMSG_LEN(sizeof(int))));
	EXPECT_EQ(0, drain_queue(self->fd[1]));
}

TEST_F(bad_input, sendmsg_control_of_another_level_is_ignored)
{
	EXPECT_EQ(1, send_control(self->fd[0], 77, 77, 0,
				  CMSG_LEN(sizeof(int))));
	EXPECT_EQ(1, drain_queue(self->fd[1]));
}

TEST_F(bad_input, sendmsg_files)
{
	int file = open("/", O_RDONLY);

	EXPECT_EQ(1, send_control(self->fd[0], SOL_SOCKET, SCM_RIGHTS, file,
				  CMSG_LEN(sizeof(int))));
	close(file);
}

/* A byte in the name of somebody. */
static ssize_t send_as(int fd, const struct ucred *who)
{
	char byte = 'x';
	struct iovec iov = { &byte, 1 };
	union {
		char bytes[CMSG_SPACE(sizeof(*who))];
		struct cmsghdr align;
	} control = {};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_CREDENTIALS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(*who));
	memcpy(CMSG_DATA(cmsg), who, sizeof(*who));
	return sendmsg(fd, &msg, 0);
}

/* In a child without privileges: to be somebody else is not for it. */
TEST_F(bad_input, sendmsg_eperm_for_credentials_of_another)
{
	struct ucred root = { .pid = getpid() };
	pid_t child;

	if (geteuid())
		SKIP(return, "needs root, to be nobody");
	child = fork_child(_metadata);
	if (!child) {
		if (!drop_to(NOBODY, NOBODY))
			_exit(126);
		_exit(send_as(self->fd[0], &root) < 0 ? errno : 0);
	}
	EXPECT_EQ(EPERM, wait_exit(child));
	EXPECT_EQ(0, drain_queue(self->fd[1]));
}

TEST_F(bad_input, sendmsg_esrch_for_credentials_of_no_process)
{
	struct ucred gone = { .uid = geteuid(), .gid = getegid() };
	pid_t child;

	if (geteuid())
		SKIP(return, "needs root, to speak for another process");
	child = fork_child(_metadata);
	if (!child)
		_exit(0);
	ASSERT_EQ(0, wait_exit(child));
	gone.pid = child;
	EXPECT_ERRNO(ESRCH, send_as(self->fd[0], &gone));
	EXPECT_EQ(0, drain_queue(self->fd[1]));
}

/* A 32-bit program's is converted first, and the kernel calls it memory. */
TEST_F(bad_input, sendmsg_enobufs_for_too_much_control_data)
{
	int expected = sizeof(long) == 4 ? ENOMEM : ENOBUFS;
	size_t size = 64 << 20;
	char byte = 'x', *control = calloc(1, size);
	/* What is converted must be well-formed. */
	struct cmsghdr header = { .cmsg_len = size };
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = size,
	};

	ASSERT_TRUE(control);
	memcpy(control, &header, sizeof(header));
	EXPECT_ERRNO(expected, sendmsg(self->fd[0], &msg, 0));
	free(control);
}

TEST_F(bad_input, recv_einval_unconnected)
{
	char byte;

	EXPECT_ERRNO(EINVAL, recv(self->sk, &byte, 1, MSG_DONTWAIT));
	EXPECT_ERRNO(EINVAL, recv(self->sk, &byte, 1, MSG_PEEK));
	EXPECT_ERRNO(EINVAL, recv(self->listener, &byte, 1, MSG_DONTWAIT));
	/* Even when it was shut down. */
	ASSERT_EQ(0, shutdown(self->sk, SHUT_RDWR));
	EXPECT_ERRNO(EINVAL, recv(self->sk, &byte, 1, MSG_DONTWAIT));
}

TEST_F(bad_input, recv_eagain)
{
	char byte;

	EXPECT_ERRNO(EAGAIN, recv(self->fd[0], &byte, 1, MSG_DONTWAIT));
}

TEST_F(bad_input, recv_efault)
{
	ASSERT_EQ(1, send(self->fd[1], "x", 1, 0));
	EXPECT_ERRNO(EFAULT, recv(self->fd[0], nowhere(), 16, 0));
	EXPECT_EQ(1, drain_queue(self->fd[0]));
}

TEST_F(bad_input, recv_econnreset)
{
	char byte;

	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	close_open(&self->fd[1]);
	EXPECT_ERRNO(ECONNRESET, recv(self->fd[0], &byte, 1, 0));
}

TEST_F(bad_input, recvmsg_einval_for_a_negative_name_length)
{
	struct test_addr from;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_name = &from.sa,
		.msg_namelen = -1,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};

	ASSERT_EQ(1, send(self->fd[1], "x", 1, 0));
	EXPECT_ERRNO(EINVAL, recvmsg(self->fd[0], &msg, 0));
	EXPECT_EQ(1, drain_queue(self->fd[0]));
}

TEST_HARNESS_MAIN
