// SPDX-License-Identifier: GPL-2.0
/*
 * Bad input to setsockopt() and getsockopt(). Each test is named by call and
 * errno. What the family does not support must not look as if it did.
 */

#include "qsock_proc.h"
#include "qsock_test.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD	77
#endif
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD	76
#endif

FIXTURE(bad_input)
{
	int family;
	int sk;		/* unconnected */
	int fd[2];	/* connected */
};

FIXTURE_VARIANT(bad_input)
{
	bool qsock;
	int pass;
};

FIXTURE_VARIANT_ADD(bad_input, af_qsock)
{
	.qsock = true,
	/* The core reads these for families it knows. */
	.pass = EOPNOTSUPP,
};

FIXTURE_VARIANT_ADD(bad_input, af_unix)
{
	.qsock = false,
	.pass = 0,
};

FIXTURE_SETUP(bad_input)
{
	self->sk = -1;
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	self->sk = stream_socket(_metadata, self->family, 0);
	ASSERT_EQ(0, socketpair(self->family, SOCK_STREAM, 0, self->fd));
}

FIXTURE_TEARDOWN(bad_input)
{
	close_open(&self->sk);
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

static int get(int fd, int level, int option)
{
	socklen_t len = 256;
	char value[256];

	return getsockopt(fd, level, option, value, &len);
}

TEST_F(bad_input, setsockopt_einval_for_a_bad_length)
{
	struct timeval tv = {};
	int value = 1;

	EXPECT_ERRNO(EINVAL, setsockopt(self->sk, SOL_SOCKET, SO_SNDBUF,
					&value, 0));
	EXPECT_ERRNO(EINVAL, setsockopt(self->sk, SOL_SOCKET, SO_SNDBUF,
					&value, 3));
	EXPECT_ERRNO(EINVAL, setsockopt(self->sk, SOL_SOCKET, SO_SNDBUF,
					&value, -1));
	EXPECT_ERRNO(EINVAL, setsockopt(self->sk, SOL_SOCKET, SO_RCVTIMEO,
					&tv, sizeof(tv) - 1));
}

TEST_F(bad_input, setsockopt_efault)
{
	EXPECT_ERRNO(EFAULT, setsockopt(self->sk, SOL_SOCKET, SO_SNDBUF,
					nowhere(), sizeof(int)));
	EXPECT_ERRNO(EFAULT, setsockopt(self->sk, SOL_SOCKET, SO_RCVTIMEO,
					nowhere(), sizeof(struct timeval)));
}

TEST_F(bad_input, setsockopt_enoprotoopt_for_an_unknown_option)
{
	EXPECT_ERRNO(ENOPROTOOPT, set(self->sk, SOL_SOCKET, 9999, 1));
}

TEST_F(bad_input, setsockopt_enoprotoopt_for_what_can_only_be_read)
{
	static const int option[] = {
		SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ERROR, SO_ACCEPTCONN,
		SO_SNDLOWAT, SO_PEERCRED,
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(option); i++)
		EXPECT_ERRNO(ENOPROTOOPT, set(self->sk, SOL_SOCKET, option[i],
					      1));
}

TEST_F(bad_input, setsockopt_eopnotsupp_for_another_level)
{
	EXPECT_ERRNO(EOPNOTSUPP, set(self->sk, 6, 1, 1));
	EXPECT_ERRNO(EOPNOTSUPP, set(self->sk, 41, 1, 1));
	EXPECT_ERRNO(EOPNOTSUPP, set(self->sk, 9999, 1, 1));
}

TEST_F(bad_input, setsockopt_eopnotsupp_for_zerocopy)
{
	EXPECT_ERRNO(EOPNOTSUPP, set(self->sk, SOL_SOCKET, SO_ZEROCOPY, 1));
}

TEST_F(bad_input, setsockopt_eopnotsupp_for_reuseport)
{
	EXPECT_ERRNO(EOPNOTSUPP, set(self->sk, SOL_SOCKET, SO_REUSEPORT, 1));
}

TEST_F(bad_input, setsockopt_edom_for_a_bad_timeout)
{
	struct timeval tv = { .tv_usec = 1000000 };

	EXPECT_ERRNO(EDOM, setsockopt(self->sk, SOL_SOCKET, SO_RCVTIMEO, &tv,
				      sizeof(tv)));
	tv.tv_usec = -1;
	EXPECT_ERRNO(EDOM, setsockopt(self->sk, SOL_SOCKET, SO_SNDTIMEO, &tv,
				      sizeof(tv)));
}

TEST_F(bad_input, setsockopt_eperm_for_what_needs_a_capability)
{
	pid_t child;

	if (geteuid())
		SKIP(return, "needs root, to be nobody");
	child = fork_child(_metadata);
	if (!child) {
		if (!drop_to(NOBODY, NOBODY))
			_exit(126);
		if (!set(self->sk, SOL_SOCKET, SO_SNDBUFFORCE, 1 << 20) ||
		    errno != EPERM)
			_exit(1);
		if (!set(self->sk, SOL_SOCKET, SO_MARK, 1) || errno != EPERM)
			_exit(2);
		if (!set(self->sk, SOL_SOCKET, SO_PRIORITY, 100) ||
		    errno != EPERM)
			_exit(3);
		_exit(0);
	}
	EXPECT_EQ(0, wait_exit(child));
}

TEST_F(bad_input, getsockopt_eopnotsupp_for_ancillary_data)
{
	static const int option[] = { SO_PASSCRED, SO_PASSPIDFD };
	size_t i;

	for (i = 0; i < ARRAY_LEN(option); i++) {
		EXPECT_EQ(0, set(self->sk, SOL_SOCKET, option[i], 1));
		if (variant->pass) {
			EXPECT_ERRNO(variant->pass,
				     get(self->sk, SOL_SOCKET, option[i]));
		} else {
			EXPECT_EQ(1, int_option(self->sk, option[i]));
		}
	}
}

TEST_F(bad_input, getsockopt_einval_for_a_negative_length)
{
	socklen_t len = -1;
	int value;

	EXPECT_ERRNO(EINVAL, getsockopt(self->sk, SOL_SOCKET, SO_TYPE, &value,
					&len));
}

TEST_F(bad_input, getsockopt_efault)
{
	socklen_t len = sizeof(int);
	int value;

	EXPECT_ERRNO(EFAULT, getsockopt(self->sk, SOL_SOCKET, SO_TYPE,
					nowhere(), &len));
	EXPECT_ERRNO(EFAULT, getsockopt(self->sk, SOL_SOCKET, SO_TYPE, &value,
					nowhere()));
}

TEST_F(bad_input, getsockopt_enoprotoopt_for_an_unknown_option)
{
	EXPECT_ERRNO(ENOPROTOOPT, get(self->sk, SOL_SOCKET, 9999));
}

TEST_F(bad_input, getsockopt_eopnotsupp_for_another_level)
{
	EXPECT_ERRNO(EOPNOTSUPP, get(self->sk, 6, 1));
	EXPECT_ERRNO(EOPNOTSUPP, get(self->sk, 9999, 1));
}

TEST_F(bad_input, getsockopt_enotconn_for_the_name_of_no_peer)
{
	EXPECT_ERRNO(ENOTCONN, get(self->sk, SOL_SOCKET, SO_PEERNAME));
}

TEST_F(bad_input, getsockopt_einval_for_more_than_the_name_of_the_peer)
{
	EXPECT_ERRNO(EINVAL, get(self->fd[0], SOL_SOCKET, SO_PEERNAME));
}

TEST_F(bad_input, getsockopt_enodata_for_the_process_of_no_peer)
{
	EXPECT_ERRNO(ENODATA, get(self->sk, SOL_SOCKET, SO_PEERPIDFD));
	EXPECT_ERRNO(ENODATA, get(self->sk, SOL_SOCKET, SO_PEERGROUPS));
}

TEST_HARNESS_MAIN
