// SPDX-License-Identifier: GPL-2.0
/*
 * Bad input to getsockname(), getpeername(), ioctl(), mmap(), splice() and
 * the calls that need a position. Each test is named by call and errno.
 */
#include <linux/sockios.h>

#include "qsock_data.h"
#include "qsock_test.h"

FIXTURE(bad_input)
{
	int family;
	int sk;		/* unconnected */
	int listener;
	int fd[2];	/* connected */
};

FIXTURE_VARIANT(bad_input)
{
	bool qsock;
	int siocunixfile;
};

FIXTURE_VARIANT_ADD(bad_input, af_qsock)
{
	.qsock = true,
	/* No name is a file, so none can be opened. */
	.siocunixfile = ENOTTY,
};

FIXTURE_VARIANT_ADD(bad_input, af_unix)
{
	.qsock = false,
	.siocunixfile = ENOENT,
};

FIXTURE_SETUP(bad_input)
{
	struct test_addr addr;

	self->sk = -1;
	self->listener = -1;
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	addr = nul_addr(self->family, "listener");
	self->listener = stream_listen(_metadata, &addr, 1);
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

TEST_F(bad_input, getpeername_enotconn)
{
	struct test_addr addr = { .len = sizeof(addr.storage) };

	EXPECT_ERRNO(ENOTCONN, getpeername(self->sk, &addr.sa, &addr.len));
	EXPECT_ERRNO(ENOTCONN, getpeername(self->listener, &addr.sa,
					   &addr.len));
}

TEST_F(bad_input, getsockname_einval_for_a_negative_length)
{
	struct test_addr addr = { .len = -1 };

	EXPECT_ERRNO(EINVAL, getsockname(self->sk, &addr.sa, &addr.len));
}

TEST_F(bad_input, getpeername_einval_for_a_negative_length)
{
	struct test_addr addr = { .len = -1 };

	EXPECT_ERRNO(EINVAL, getpeername(self->fd[0], &addr.sa, &addr.len));
}

TEST_F(bad_input, getsockname_efault)
{
	struct test_addr addr = { .len = sizeof(addr.storage) };

	EXPECT_ERRNO(EFAULT, getsockname(self->sk, nowhere(),
					 &addr.len));
	EXPECT_ERRNO(EFAULT, getsockname(self->sk, &addr.sa,
					 nowhere()));
}

TEST_F(bad_input, getpeername_efault)
{
	struct test_addr addr = { .len = sizeof(addr.storage) };

	EXPECT_ERRNO(EFAULT, getpeername(self->fd[0], nowhere(),
					 &addr.len));
	EXPECT_ERRNO(EFAULT, getpeername(self->fd[0], &addr.sa,
					 nowhere()));
}

TEST_F(bad_input, ioctl_einval_for_siocinq_of_a_listener)
{
	int bytes;

	EXPECT_ERRNO(EINVAL, ioctl(self->listener, SIOCINQ, &bytes));
}

TEST_F(bad_input, ioctl_efault)
{
	EXPECT_ERRNO(EFAULT, ioctl(self->fd[0], SIOCINQ, nowhere()));
	EXPECT_ERRNO(EFAULT, ioctl(self->fd[0], SIOCOUTQ, nowhere()));
}

TEST_F(bad_input, ioctl_enotty)
{
	char argument[256] = {};

	EXPECT_ERRNO(ENOTTY, ioctl(self->fd[0], 0x12345678, argument));
	/* A command for terminals. */
	EXPECT_ERRNO(ENOTTY, ioctl(self->fd[0], 0x5401, argument));
}

TEST_F(bad_input, ioctl_siocunixfile)
{
	char argument[256] = {};

	/* Of a socket that has no file, in both families. */
	EXPECT_ERRNO(variant->siocunixfile, ioctl(self->sk, SIOCPROTOPRIVATE,
						  argument));
}

TEST_F(bad_input, ioctl_siocatmark)
{
	char argument[256] = {};

	EXPECT_EQ(0, ioctl(self->fd[0], SIOCATMARK, argument));
}

TEST_F(bad_input, mmap_enodev)
{
	void *none = MAP_FAILED;

	EXPECT_EQ(none, mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->fd[0],
			     0));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(none, mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, self->fd[0],
			     0));
	EXPECT_EQ(ENODEV, errno);
}

TEST_F(bad_input, splice_einval_with_an_offset_into_the_socket)
{
	loff_t offset = 0;
	int pipefd[2];

	ASSERT_EQ(0, pipe(pipefd));
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	ASSERT_EQ(1, write(pipefd[1], "x", 1));
	/* A socket is a stream: there is no position to start from. */
	EXPECT_ERRNO(EINVAL, splice(self->fd[1], &offset, pipefd[1], NULL, 1,
				    0));
	EXPECT_ERRNO(EINVAL, splice(pipefd[0], NULL, self->fd[0], &offset, 1,
				    0));
}

TEST_F(bad_input, splice_espipe_with_an_offset_into_the_pipe)
{
	loff_t offset = 0;
	int pipefd[2];

	ASSERT_EQ(0, pipe(pipefd));
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_ERRNO(ESPIPE, splice(self->fd[1], NULL, pipefd[1], &offset, 1,
				    0));
}

TEST_F(bad_input, pread_pwrite_lseek_espipe)
{
	char byte = 0;

	EXPECT_ERRNO(ESPIPE, pread(self->fd[0], &byte, 1, 0));
	EXPECT_ERRNO(ESPIPE, pwrite(self->fd[0], &byte, 1, 0));
	EXPECT_ERRNO(ESPIPE, lseek(self->fd[0], 0, SEEK_SET));
}

TEST_F(bad_input, shutdown_einval)
{
	EXPECT_ERRNO(EINVAL, shutdown(self->fd[0], 3));
	EXPECT_ERRNO(EINVAL, shutdown(self->fd[0], -1));
	EXPECT_ERRNO(EINVAL, shutdown(self->sk, 0x7fffffff));
	/* Nothing was shut. */
	EXPECT_EQ(1, send(self->fd[0], "x", 1, 0));
}

TEST_HARNESS_MAIN
