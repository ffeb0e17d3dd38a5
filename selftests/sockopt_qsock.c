// SPDX-License-Identifier: GPL-2.0
/*
 * SOL_QSOCK, AF_QSOCK's own level: the switches of ancillary data, which the
 * core lets AF_UNIX alone read at SOL_SOCKET. The options of names are in
 * name_access.c.
 */
#include "qsock_scm.h"

FIXTURE(sockopt_qsock)
{
	int family;
	int sk;
};

FIXTURE_VARIANT(sockopt_qsock)
{
	bool qsock;
	int type;
};

FIXTURE_VARIANT_ADD(sockopt_qsock, stream)
	{ .qsock = true, .type = SOCK_STREAM };
FIXTURE_VARIANT_ADD(sockopt_qsock, seqpacket)
	{ .qsock = true, .type = SOCK_SEQPACKET };
FIXTURE_VARIANT_ADD(sockopt_qsock, dgram)
	{ .qsock = true, .type = SOCK_DGRAM };

FIXTURE_SETUP(sockopt_qsock)
{
	self->sk = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	self->sk = typed_socket(_metadata, self->family, variant->type);
}

FIXTURE_TEARDOWN(sockopt_qsock)
{
	close_open(&self->sk);
}

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) ? -errno :
								      0;
}

static int get(int fd, int level, int option)
{
	socklen_t len = sizeof(int);
	int value = -1;

	if (getsockopt(fd, level, option, &value, &len))
		return -errno;
	return len == sizeof(int) ? value : -1;
}

static const struct {
	int option, first;
	bool stream_only;
} switches[] = {
	{ SO_PASSCRED, 0, false }, { SO_PASSSEC, 0, false },
	{ SO_PASSPIDFD, 0, false }, { SO_PASSRIGHTS, 1, false },
	{ SO_INQ, 0, true },
};

/* Set at either level, read at this one. */
TEST_F(sockopt_qsock, switches)
{
	static const int level[] = { SOL_QSOCK, SOL_SOCKET };
	size_t i, j;

	for (i = 0; i < ARRAY_LEN(switches); i++) {
		int option = switches[i].option;

		if (switches[i].stream_only && variant->type != SOCK_STREAM)
			continue;
		EXPECT_EQ(switches[i].first, get(self->sk, SOL_QSOCK, option));
		for (j = 0; j < ARRAY_LEN(level); j++) {
			EXPECT_EQ(0, set(self->sk, level[j], option, 1));
			EXPECT_EQ(1, get(self->sk, SOL_QSOCK, option));
			EXPECT_EQ(0, set(self->sk, level[j], option, 0));
			EXPECT_EQ(0, get(self->sk, SOL_QSOCK, option));
		}
	}
}

/* Any value but 0 is true, except for SO_INQ, as it is at SOL_SOCKET. */
TEST_F(sockopt_qsock, values)
{
	EXPECT_EQ(0, set(self->sk, SOL_QSOCK, SO_PASSCRED, -5));
	EXPECT_EQ(1, get(self->sk, SOL_QSOCK, SO_PASSCRED));
	if (variant->type == SOCK_STREAM) {
		EXPECT_EQ(-EINVAL, set(self->sk, SOL_QSOCK, SO_INQ, 2));
		EXPECT_EQ(-EINVAL, set(self->sk, SOL_QSOCK, SO_INQ, -1));
	} else {
		EXPECT_EQ(-ENOPROTOOPT, set(self->sk, SOL_QSOCK, SO_INQ, 1));
		EXPECT_EQ(-ENOPROTOOPT, get(self->sk, SOL_QSOCK, SO_INQ));
	}
}

/* They do what they say, whichever level they were set at. */
TEST_F(sockopt_qsock, what_is_set_here_counts)
{
	struct control c = { .len = sizeof(c.bytes) };
	int fd[2], file = STDERR_FILENO;
	struct ucred who;
	char byte;

	ASSERT_EQ(0, socketpair(self->family, variant->type, 0, fd));
	ASSERT_EQ(0, set(fd[1], SOL_QSOCK, SO_PASSCRED, 1));
	ASSERT_EQ(0, set(fd[1], SOL_QSOCK, SO_PASSRIGHTS, 0));
	EXPECT_EQ(-EPERM, files_send(fd[0], &file, 1, "x"));
	ASSERT_EQ(1, send(fd[0], "x", 1, 0));
	ASSERT_EQ(1, control_recv(fd[1], &c, &byte, 1, 0, NULL));
	EXPECT_TRUE(control_get(&c, SCM_CREDENTIALS, &who, sizeof(who)));
	EXPECT_EQ(getpid(), who.pid);
	close(fd[0]);
	close(fd[1]);
}

/* All but SO_INQ, as in AF_UNIX. */
TEST_F(sockopt_qsock, an_accepted_socket_inherits_them)
{
	struct test_addr addr = nul_addr(self->family, "listener");
	int client, server;
	size_t i;

	if (!type_ends(variant->type))
		SKIP(return, "connections alone are accepted");
	for (i = 0; i < ARRAY_LEN(switches); i++)
		set(self->sk, SOL_QSOCK, switches[i].option,
		    !switches[i].first);
	ASSERT_EQ(0, bind(self->sk, &addr.sa, addr.len));
	ASSERT_EQ(0, listen(self->sk, 1));
	client = typed_connect(_metadata, variant->type, &addr);
	server = accept(self->sk, NULL, NULL);
	ASSERT_LE(0, server);
	for (i = 0; i < ARRAY_LEN(switches); i++) {
		int option = switches[i].option;

		if (switches[i].stream_only && variant->type != SOCK_STREAM)
			continue;
		EXPECT_EQ(option == SO_INQ ? 0 : !switches[i].first,
			  get(server, SOL_QSOCK, option));
		EXPECT_EQ(switches[i].first, get(client, SOL_QSOCK, option));
	}
	close(client);
	close(server);
}

TEST_F(sockopt_qsock, setsockopt_einval)
{
	int value = 1;
	socklen_t len;
	size_t i;

	for (i = 0; i < ARRAY_LEN(switches); i++) {
		if (switches[i].stream_only && variant->type != SOCK_STREAM)
			continue;
		for (len = 0; len < sizeof(value); len++)
			EXPECT_ERRNO(EINVAL, setsockopt(self->sk, SOL_QSOCK,
							switches[i].option,
							&value, len));
		EXPECT_EQ(switches[i].first, get(self->sk, SOL_QSOCK,
						 switches[i].option));
	}
}

TEST_F(sockopt_qsock, efault)
{
	socklen_t len = sizeof(int);
	int value;

	EXPECT_ERRNO(EFAULT, setsockopt(self->sk, SOL_QSOCK, SO_PASSCRED,
					nowhere(), sizeof(int)));
	EXPECT_ERRNO(EFAULT, getsockopt(self->sk, SOL_QSOCK, SO_PASSCRED,
					nowhere(), &len));
	EXPECT_ERRNO(EFAULT, getsockopt(self->sk, SOL_QSOCK, SO_PASSCRED,
					&value, nowhere()));
}

TEST_F(sockopt_qsock, getsockopt_einval)
{
	socklen_t len = -1;
	int value;

	EXPECT_ERRNO(EINVAL, getsockopt(self->sk, SOL_QSOCK, SO_PASSCRED,
					&value, &len));
}

/* A short buffer gets a part, as at SOL_SOCKET. */
TEST_F(sockopt_qsock, getsockopt_a_part)
{
	unsigned char value[8] = { 0xee, 0xee, 0xee, 0xee };
	socklen_t len = 2;
	int one = 1;

	EXPECT_EQ(0, getsockopt(self->sk, SOL_QSOCK, SO_PASSRIGHTS, value,
				&len));
	EXPECT_EQ(2, len);
	EXPECT_EQ(0, memcmp(value, &one, 2));
	EXPECT_EQ(0xee, value[2]);
	len = sizeof(value);
	EXPECT_EQ(0, getsockopt(self->sk, SOL_QSOCK, SO_PASSRIGHTS, value,
				&len));
	EXPECT_EQ(sizeof(int), len);
}

/* What belongs to SOL_SOCKET is not here as well. */
TEST_F(sockopt_qsock, enoprotoopt)
{
	static const int option[] = {
		SO_TYPE, SO_SNDBUF, SO_ERROR, SO_PEERCRED, 0, 9999, -1,
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(option); i++) {
		EXPECT_EQ(-ENOPROTOOPT, set(self->sk, SOL_QSOCK, option[i],
					    1));
		EXPECT_EQ(-ENOPROTOOPT, get(self->sk, SOL_QSOCK, option[i]));
	}
}

/* Nor do the family's own options exist at SOL_SOCKET. */
TEST_F(sockopt_qsock, enoprotoopt_at_sol_socket)
{
	EXPECT_EQ(-ENOPROTOOPT, set(self->sk, SOL_SOCKET, QSOCK_NAME_MODE,
				    0600));
	EXPECT_EQ(-ENOPROTOOPT, get(self->sk, SOL_SOCKET, QSOCK_NAME_MODE));
	EXPECT_EQ(-ENOPROTOOPT, get(self->sk, SOL_SOCKET, QSOCK_NAME_OWNER));
}

TEST_HARNESS_MAIN
