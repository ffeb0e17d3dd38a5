// SPDX-License-Identifier: GPL-2.0
/*
 * What setsockopt() and getsockopt() refuse, for sockets of every type:
 * tests are named by call and errno. More of it, for streams alone, is in
 * bad_input_option.c.
 */
#include "qsock_scm.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE	71
#endif
#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK	72
#endif
#ifndef SO_TXREHASH
#define SO_TXREHASH	74
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD	77
#endif

FIXTURE(sockopt_error)
{
	int family;
	int sk;		/* unconnected */
	int fd[2];	/* connected */
};

FIXTURE_VARIANT(sockopt_error)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(sockopt_error);

FIXTURE_SETUP(sockopt_error)
{
	self->sk = -1;
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	self->sk = typed_socket(_metadata, self->family, variant->type);
	ASSERT_EQ(0, socketpair(self->family, variant->type, 0, self->fd));
}

FIXTURE_TEARDOWN(sockopt_error)
{
	close_open(&self->sk);
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) ? -errno :
								      0;
}

static int get(int fd, int level, int option, socklen_t len)
{
	char value[256];

	return getsockopt(fd, level, option, value, &len) ? -errno : 0;
}

/* One of each way in which an int is stored. */
static const int ints[] = {
	SO_SNDBUF, SO_RCVBUF, SO_RCVLOWAT, SO_PEEK_OFF, SO_PASSCRED,
	SO_PASSSEC, SO_PASSPIDFD, SO_PASSRIGHTS, SO_TIMESTAMP, SO_OOBINLINE,
	SO_PRIORITY, SO_BUSY_POLL,
};

TEST_F(sockopt_error, setsockopt_einval_for_less_than_an_int)
{
	int value = 1;
	size_t i;
	int len;

	for (i = 0; i < ARRAY_LEN(ints); i++)
		for (len = -1; len < (int)sizeof(value); len++)
			EXPECT_ERRNO(EINVAL, setsockopt(self->sk, SOL_SOCKET,
							ints[i], &value, len));
}

TEST_F(sockopt_error, setsockopt_einval_for_less_than_a_struct)
{
	struct linger linger = { 1, 1 };
	struct timeval tv = { 1, 1 };

	EXPECT_ERRNO(EINVAL, setsockopt(self->sk, SOL_SOCKET, SO_LINGER,
					&linger, sizeof(linger) - 1));
	EXPECT_ERRNO(EINVAL, setsockopt(self->sk, SOL_SOCKET, SO_SNDTIMEO, &tv,
					sizeof(tv) - 1));
	EXPECT_ERRNO(EINVAL, setsockopt(self->sk, SOL_SOCKET, SO_RCVTIMEO, &tv,
					sizeof(tv) - 1));
}

TEST_F(sockopt_error, setsockopt_einval_for_a_bad_value)
{
	EXPECT_EQ(-EINVAL, set(self->sk, SOL_SOCKET, SO_BUSY_POLL, -1));
	EXPECT_EQ(-EINVAL, set(self->sk, SOL_SOCKET, SO_BUF_LOCK, 4));
	EXPECT_EQ(-EINVAL, set(self->sk, SOL_SOCKET, SO_TIMESTAMPING, -1));
}

TEST_F(sockopt_error, setsockopt_efault)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(ints); i++)
		EXPECT_ERRNO(EFAULT, setsockopt(self->sk, SOL_SOCKET, ints[i],
						nowhere(), sizeof(int)));
	EXPECT_ERRNO(EFAULT, setsockopt(self->sk, SOL_SOCKET, SO_LINGER,
					nowhere(), sizeof(struct linger)));
	EXPECT_ERRNO(EFAULT, setsockopt(self->sk, SOL_SOCKET, SO_RCVTIMEO,
					nowhere(), sizeof(struct timeval)));
}

TEST_F(sockopt_error, setsockopt_edom)
{
	static const int option[] = { SO_RCVTIMEO, SO_SNDTIMEO };
	static const long usec[] = { -1, 1000000 };
	size_t i, j;

	for (i = 0; i < ARRAY_LEN(option); i++)
		for (j = 0; j < ARRAY_LEN(usec); j++) {
			struct timeval tv = { 1, usec[j] };

			EXPECT_ERRNO(EDOM, setsockopt(self->sk, SOL_SOCKET,
						      option[i], &tv,
						      sizeof(tv)));
		}
}

TEST_F(sockopt_error, setsockopt_enoprotoopt)
{
	static const int option[] = {
		SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ERROR, SO_ACCEPTCONN,
		SO_SNDLOWAT, SO_PEERCRED, SO_PEERGROUPS, SO_PEERNAME,
		SO_PEERSEC, SO_PEERPIDFD, SO_COOKIE, SO_NETNS_COOKIE,
		SO_MEMINFO, SO_INCOMING_NAPI_ID, SO_BPF_EXTENSIONS, 9999, -1,
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(option); i++)
		EXPECT_EQ(-ENOPROTOOPT, set(self->sk, SOL_SOCKET, option[i],
					    1));
}

TEST_F(sockopt_error, eopnotsupp_at_another_level)
{
	static const int level[] = { 0, 6, 17, 41, 255, 9999, -1 };
	static const int option[] = { 1, SO_PASSCRED, SO_TYPE };
	size_t i, j;

	for (i = 0; i < ARRAY_LEN(level); i++)
		for (j = 0; j < ARRAY_LEN(option); j++) {
			EXPECT_EQ(-EOPNOTSUPP, set(self->sk, level[i],
						   option[j], 1));
			EXPECT_EQ(-EOPNOTSUPP, get(self->sk, level[i],
						   option[j], 4));
		}
}

TEST_F(sockopt_error, setsockopt_eopnotsupp)
{
	EXPECT_EQ(-EOPNOTSUPP, set(self->sk, SOL_SOCKET, SO_ZEROCOPY, 1));
	EXPECT_EQ(-EOPNOTSUPP, set(self->sk, SOL_SOCKET, SO_REUSEPORT, 1));
	EXPECT_EQ(0, set(self->sk, SOL_SOCKET, SO_REUSEPORT, 0));
	EXPECT_EQ(-EOPNOTSUPP, set(self->sk, SOL_SOCKET, SO_TXREHASH, 1));
	EXPECT_EQ(-EOPNOTSUPP, get(self->sk, SOL_SOCKET, SO_TXREHASH, 4));
}

TEST_F(sockopt_error, setsockopt_eperm)
{
	static const struct {
		int option, value, error;
	} refused[] = {
		{ SO_SNDBUFFORCE, 1000, EPERM }, { SO_RCVBUFFORCE, 1000, EPERM },
		{ SO_MARK, 1, EPERM }, { SO_PRIORITY, 7, EPERM },
		{ SO_PRIORITY, -1, EPERM }, { SO_DEBUG, 1, EACCES },
	};
	pid_t child;
	size_t i;

	if (geteuid())
		SKIP(return, "needs root, to be nobody");
	child = fork_child(_metadata);
	if (!child) {
		if (!drop_to(NOBODY, NOBODY))
			_exit(126);
		for (i = 0; i < ARRAY_LEN(refused); i++)
			if (set(self->sk, SOL_SOCKET, refused[i].option,
				refused[i].value) != -refused[i].error)
				_exit(1 + i);
		_exit(0);
	}
	EXPECT_EQ(0, wait_exit(child));
}

TEST_F(sockopt_error, getsockopt_einval)
{
	EXPECT_EQ(-EINVAL, get(self->sk, SOL_SOCKET, SO_TYPE, -1));
	EXPECT_EQ(-EINVAL, get(self->sk, SOL_SOCKET, SO_COOKIE, 7));
	EXPECT_EQ(-EINVAL, get(self->sk, SOL_SOCKET, SO_NETNS_COOKIE, 9));
	/* A name is exactly so long, and must be asked for so. */
	EXPECT_EQ(-EINVAL, get(self->fd[0], SOL_SOCKET, SO_PEERNAME, 200));
	EXPECT_EQ(0, get(self->fd[0], SOL_SOCKET, SO_PEERNAME, NAME_OFFSET));
}

TEST_F(sockopt_error, getsockopt_efault)
{
	socklen_t len = sizeof(int);
	int value;

	EXPECT_ERRNO(EFAULT, getsockopt(self->sk, SOL_SOCKET, SO_TYPE,
					nowhere(), &len));
	EXPECT_ERRNO(EFAULT, getsockopt(self->sk, SOL_SOCKET, SO_TYPE, &value,
					nowhere()));
	EXPECT_ERRNO(EFAULT, getsockopt(self->fd[0], SOL_SOCKET, SO_PEERCRED,
					nowhere(), &len));
}

TEST_F(sockopt_error, getsockopt_enoprotoopt)
{
	EXPECT_EQ(-ENOPROTOOPT, get(self->sk, SOL_SOCKET, 9999, 4));
	EXPECT_EQ(-ENOPROTOOPT, get(self->sk, SOL_SOCKET, -1, 4));
	EXPECT_EQ(-ENOPROTOOPT, get(self->sk, SOL_SOCKET, SO_INQ, 4));
}

TEST_F(sockopt_error, getsockopt_of_no_peer)
{
	EXPECT_EQ(-ENOTCONN, get(self->sk, SOL_SOCKET, SO_PEERNAME, 110));
	EXPECT_EQ(-ENODATA, get(self->sk, SOL_SOCKET, SO_PEERPIDFD, 4));
	EXPECT_EQ(-ENODATA, get(self->sk, SOL_SOCKET, SO_PEERGROUPS, 4));
}

/* SO_PASSRIGHTS and its kin can be set, but the core lets AF_UNIX read them. */
TEST_F(sockopt_error, getsockopt_eopnotsupp_for_what_is_passed)
{
	static const int option[] = {
		SO_PASSCRED, SO_PASSPIDFD, SO_PASSRIGHTS, SO_PASSSEC,
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(option); i++) {
		if (set(self->sk, SOL_SOCKET, option[i], 1)) {
			EXPECT_EQ(SO_PASSSEC, option[i]);
			continue;
		}
		EXPECT_EQ(variant->qsock ? -EOPNOTSUPP : 1,
			  int_option(self->sk, option[i]));
	}
}

TEST_HARNESS_MAIN
