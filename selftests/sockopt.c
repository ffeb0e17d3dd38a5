// SPDX-License-Identifier: GPL-2.0
/*
 * setsockopt() and getsockopt() at SOL_SOCKET: what the kernel keeps for
 * every family, which must work for sockets of each type as for AF_UNIX. The
 * errors are in sockopt_error.c, the family's own level in sockopt_qsock.c.
 */
#include <limits.h>
#include <linux/sock_diag.h>

#include "qsock_scm.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE	71
#endif
#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK	72
#endif
#ifndef SO_RCVMARK
#define SO_RCVMARK	75
#endif

/* The two layouts of a timeout, by number. */
#define RCVTIMEO_NEW	66
#define SNDTIMEO_NEW	67

FIXTURE(sockopt)
{
	int family;
	int sk;		/* unconnected */
	int fd[2];	/* connected */
};

FIXTURE_VARIANT(sockopt)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(sockopt);

FIXTURE_SETUP(sockopt)
{
	self->sk = -1;
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	self->sk = typed_socket(_metadata, self->family, variant->type);
	ASSERT_EQ(0, socketpair(self->family, variant->type, 0, self->fd));
}

FIXTURE_TEARDOWN(sockopt)
{
	close_open(&self->sk);
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

static int set(int fd, int option, int value)
{
	return setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value)) ?
	       -errno : 0;
}

static int sysctl_int(const char *name)
{
	char path[64];
	int value = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/net/core/%s", name);
	file = fopen(path, "r");
	if (file && fscanf(file, "%d", &value) != 1)
		value = -1;
	if (file)
		fclose(file);
	return value;
}

TEST_F(sockopt, what_it_is)
{
	int fd[2] = { self->sk, self->fd[0] };
	int i;

	for (i = 0; i < 2; i++) {
		EXPECT_EQ(variant->type, int_option(fd[i], SO_TYPE));
		EXPECT_EQ(self->family, int_option(fd[i], SO_DOMAIN));
		EXPECT_EQ(0, int_option(fd[i], SO_PROTOCOL));
		EXPECT_EQ(0, int_option(fd[i], SO_ACCEPTCONN));
		EXPECT_EQ(0, int_option(fd[i], SO_ERROR));
		EXPECT_EQ(1, int_option(fd[i], SO_SNDLOWAT));
		EXPECT_EQ(1, int_option(fd[i], SO_RCVLOWAT));
		EXPECT_EQ(-1, int_option(fd[i], SO_PEEK_OFF));
		EXPECT_EQ(0, int_option(fd[i], SO_ZEROCOPY));
		EXPECT_EQ(0, int_option(fd[i], SO_REUSEPORT));
		EXPECT_EQ(0, int_option(fd[i], SO_LOCK_FILTER));
	}
}

TEST_F(sockopt, a_raw_socket_is_a_datagram_socket)
{
	int fd = typed_socket(_metadata, self->family, SOCK_RAW);

	EXPECT_EQ(SOCK_DGRAM, int_option(fd, SO_TYPE));
	close(fd);
}

TEST_F(sockopt, whether_it_listens)
{
	struct test_addr addr = nul_addr(self->family, "listener");

	ASSERT_EQ(0, bind(self->sk, &addr.sa, addr.len));
	EXPECT_EQ(type_ends(variant->type) ? 0 : -1, listen(self->sk, 1));
	EXPECT_EQ(type_ends(variant->type),
		  int_option(self->sk, SO_ACCEPTCONN));
}

/* Any value but 0 is true. */
TEST_F(sockopt, switches)
{
	static const int option[] = {
		SO_REUSEADDR, SO_KEEPALIVE, SO_BROADCAST, SO_DONTROUTE,
		SO_OOBINLINE, SO_RXQ_OVFL, SO_RCVMARK, SO_WIFI_STATUS,
		SO_NOFCS, SO_NO_CHECK, SO_SELECT_ERR_QUEUE,
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(option); i++) {
		EXPECT_EQ(0, int_option(self->sk, option[i]));
		EXPECT_EQ(0, set(self->sk, option[i], 5));
		EXPECT_EQ(1, int_option(self->sk, option[i]));
		EXPECT_EQ(0, set(self->sk, option[i], 0));
		EXPECT_EQ(0, int_option(self->sk, option[i]));
	}
	/* To the data it is all the same. */
	for (i = 0; i < ARRAY_LEN(option); i++)
		EXPECT_EQ(0, set(self->fd[1], option[i], 1));
	EXPECT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_EQ(1, drain_queue(self->fd[1]));
}

TEST_F(sockopt, numbers)
{
	static const struct {
		int option, value;
	} known[] = {
		{ SO_PRIORITY, 6 }, { SO_PRIORITY, 0 }, { SO_BUSY_POLL, 50 },
		{ SO_INCOMING_CPU, 1 }, { SO_BUF_LOCK, 3 }, { SO_BUF_LOCK, 0 },
		{ SO_RCVLOWAT, 100 }, { SO_RCVLOWAT, 1 }, { SO_PEEK_OFF, 7 },
		{ SO_PEEK_OFF, 0 }, { SO_PEEK_OFF, -1 },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(known); i++) {
		EXPECT_EQ(0, set(self->sk, known[i].option, known[i].value));
		EXPECT_EQ(known[i].value,
			  int_option(self->sk, known[i].option));
	}
	/* A mark of 0 bytes is one, and of less than none the most. */
	EXPECT_EQ(0, set(self->sk, SO_RCVLOWAT, 0));
	EXPECT_EQ(1, int_option(self->sk, SO_RCVLOWAT));
	EXPECT_EQ(0, set(self->sk, SO_RCVLOWAT, -1));
	EXPECT_EQ(INT_MAX, int_option(self->sk, SO_RCVLOWAT));
}

TEST_F(sockopt, numbers_of_root)
{
	static const int option[] = { SO_MARK, SO_PRIORITY };
	size_t i;

	if (geteuid())
		SKIP(return, "needs root");
	for (i = 0; i < ARRAY_LEN(option); i++) {
		EXPECT_EQ(0, set(self->sk, option[i], 77));
		EXPECT_EQ(77, int_option(self->sk, option[i]));
	}
}

TEST_F(sockopt, buffers)
{
	static const struct {
		int option, force;
		const char *first, *most;
	} buffer[] = {
		{ SO_SNDBUF, SO_SNDBUFFORCE, "wmem_default", "wmem_max" },
		{ SO_RCVBUF, SO_RCVBUFFORCE, "rmem_default", "rmem_max" },
	};
	size_t i;
	int most;

	for (i = 0; i < ARRAY_LEN(buffer); i++) {
		int option = buffer[i].option;

		/* Only the machine's own namespace shows these. */
		most = sysctl_int(buffer[i].first);
		if (most > 0)
			EXPECT_EQ(most, int_option(self->sk, option));
		EXPECT_EQ(0, set(self->sk, option, 50000));
		EXPECT_EQ(100000, int_option(self->sk, option));
		EXPECT_EQ(0, set(self->sk, option, 0));
		EXPECT_LT(0, int_option(self->sk, option));
		EXPECT_GT(10000, int_option(self->sk, option));
		/* Too much, or a negative number, is the most. */
		most = sysctl_int(buffer[i].most);
		EXPECT_EQ(0, set(self->sk, option, INT_MAX));
		if (most > 0)
			EXPECT_EQ(2 * most, int_option(self->sk, option));
		EXPECT_EQ(0, set(self->sk, option, -1));
		if (most > 0)
			EXPECT_EQ(2 * most, int_option(self->sk, option));
		if (geteuid() || most < 0)
			continue;
		EXPECT_EQ(0, set(self->sk, buffer[i].force, most + 1000));
		EXPECT_EQ(2 * most + 2000, int_option(self->sk, option));
	}
}

TEST_F(sockopt, timeouts)
{
	static const int option[] = { SO_RCVTIMEO, SO_SNDTIMEO };
	static const int wide[] = { RCVTIMEO_NEW, SNDTIMEO_NEW };
	size_t i;

	for (i = 0; i < 2; i++) {
		struct timeval tv = { 3, 200000 };
		int64_t pair[2];
		socklen_t len = sizeof(tv);

		EXPECT_EQ(0, setsockopt(self->sk, SOL_SOCKET, option[i], &tv,
					sizeof(tv)));
		memset(&tv, 0xff, sizeof(tv));
		EXPECT_EQ(0, getsockopt(self->sk, SOL_SOCKET, option[i], &tv,
					&len));
		EXPECT_EQ(sizeof(tv), len);
		EXPECT_EQ(3, tv.tv_sec);
		EXPECT_EQ(200000, tv.tv_usec);
		len = sizeof(pair);
		EXPECT_EQ(0, getsockopt(self->sk, SOL_SOCKET, wide[i], pair,
					&len));
		EXPECT_EQ(3, pair[0]);
		EXPECT_EQ(200000, pair[1]);
		pair[0] = 0;
		pair[1] = 0;
		EXPECT_EQ(0, setsockopt(self->sk, SOL_SOCKET, wide[i], pair,
					sizeof(pair)));
		len = sizeof(tv);
		EXPECT_EQ(0, getsockopt(self->sk, SOL_SOCKET, option[i], &tv,
					&len));
		EXPECT_EQ(0, tv.tv_sec);
		EXPECT_EQ(0, tv.tv_usec);
	}
}

/* Stored, and to a local socket nothing: what was sent is there. */
TEST_F(sockopt, linger)
{
	struct linger linger = { 1, 100 };
	socklen_t len = sizeof(linger);
	long before = now_ms();

	EXPECT_EQ(0, setsockopt(self->fd[0], SOL_SOCKET, SO_LINGER, &linger,
				len));
	memset(&linger, 0, sizeof(linger));
	EXPECT_EQ(0, getsockopt(self->fd[0], SOL_SOCKET, SO_LINGER, &linger,
				&len));
	EXPECT_EQ(1, linger.l_onoff);
	EXPECT_EQ(100, linger.l_linger);
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	close_open(&self->fd[0]);
	EXPECT_GT(WAIT_MS, now_ms() - before);
	EXPECT_EQ(1, drain_queue(self->fd[1]));
}

/* Told once. */
TEST_F(sockopt, so_error)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	if (type_ends(variant->type))
		close_open(&self->fd[1]);
	else
		ASSERT_EQ(0, connect(self->fd[1], &none, sizeof(none)));
	EXPECT_EQ(ECONNRESET, int_option(self->fd[0], SO_ERROR));
	EXPECT_EQ(0, int_option(self->fd[0], SO_ERROR));
}

static uint64_t cookie(int fd, int option)
{
	uint64_t value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) ? 0 : value;
}

TEST_F(sockopt, cookies)
{
	uint64_t its = cookie(self->fd[0], SO_COOKIE);

	EXPECT_NE(0, its);
	EXPECT_EQ(its, cookie(self->fd[0], SO_COOKIE));
	EXPECT_NE(its, cookie(self->fd[1], SO_COOKIE));
	its = cookie(self->fd[0], SO_NETNS_COOKIE);
	EXPECT_NE(0, its);
	EXPECT_EQ(its, cookie(self->sk, SO_NETNS_COOKIE));
}

TEST_F(sockopt, so_meminfo)
{
	uint32_t info[SK_MEMINFO_VARS];
	socklen_t len = sizeof(info);

	ASSERT_EQ(0, set(self->fd[0], SO_SNDBUF, 50000));
	ASSERT_EQ(0, getsockopt(self->fd[0], SOL_SOCKET, SO_MEMINFO, info,
				&len));
	EXPECT_EQ(sizeof(info), len);
	EXPECT_EQ(100000, info[SK_MEMINFO_SNDBUF]);
	EXPECT_EQ(int_option(self->fd[0], SO_RCVBUF),
		  info[SK_MEMINFO_RCVBUF]);
}

/* A short buffer gets a part, and how much that is. */
TEST_F(sockopt, a_short_buffer)
{
	unsigned char value[8] = { 0xee, 0xee, 0xee, 0xee };
	int type = variant->type;
	socklen_t len = 2;

	EXPECT_EQ(0, getsockopt(self->sk, SOL_SOCKET, SO_TYPE, value, &len));
	EXPECT_EQ(2, len);
	EXPECT_EQ(0, memcmp(value, &type, 2));
	EXPECT_EQ(0xee, value[2]);
	len = 0;
	EXPECT_EQ(0, getsockopt(self->sk, SOL_SOCKET, SO_TYPE, value, &len));
	EXPECT_EQ(0, len);
	len = 8;
	EXPECT_EQ(0, getsockopt(self->sk, SOL_SOCKET, SO_TYPE, value, &len));
	EXPECT_EQ(sizeof(type), len);
	/* Bytes after an int are not looked at. */
	memset(value, 1, sizeof(value));
	EXPECT_EQ(0, setsockopt(self->sk, SOL_SOCKET, SO_KEEPALIVE, value, 8));
	EXPECT_EQ(1, int_option(self->sk, SO_KEEPALIVE));
}

/* Inherited. ------------------------------------------------------------- */

/* An accepted socket starts anew, but for what it passes. */
TEST_F(sockopt, accept_inherits_no_others)
{
	struct test_addr addr = nul_addr(self->family, "listener");
	int sndbuf = int_option(self->sk, SO_SNDBUF), client, server;
	struct timeval tv = { 1, 0 };
	socklen_t len = sizeof(tv);

	if (!type_ends(variant->type))
		SKIP(return, "connections alone are accepted");
	ASSERT_EQ(0, bind(self->sk, &addr.sa, addr.len));
	ASSERT_EQ(0, listen(self->sk, 1));
	ASSERT_EQ(0, set(self->sk, SO_SNDBUF, 50000));
	ASSERT_EQ(0, set(self->sk, SO_KEEPALIVE, 1));
	ASSERT_EQ(0, set(self->sk, SO_RCVLOWAT, 100));
	ASSERT_EQ(0, set(self->sk, SO_PEEK_OFF, 0));
	ASSERT_EQ(0, setsockopt(self->sk, SOL_SOCKET, SO_RCVTIMEO, &tv, len));
	client = typed_connect(_metadata, variant->type, &addr);
	server = accept(self->sk, NULL, NULL);
	ASSERT_LE(0, server);
	EXPECT_EQ(sndbuf, int_option(server, SO_SNDBUF));
	EXPECT_EQ(0, int_option(server, SO_KEEPALIVE));
	EXPECT_EQ(1, int_option(server, SO_RCVLOWAT));
	EXPECT_EQ(-1, int_option(server, SO_PEEK_OFF));
	ASSERT_EQ(0, getsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &tv, &len));
	EXPECT_EQ(0, tv.tv_sec);
	EXPECT_EQ(0, int_option(server, SO_ACCEPTCONN));
	close(client);
	close(server);
}

TEST_HARNESS_MAIN
