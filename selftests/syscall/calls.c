// SPDX-License-Identifier: GPL-2.0
/*
 * Each socket call, by its number and with its arguments in registers: what it
 * does is told by the others.
 */
#include "syscall_test.h"

FIXTURE(calls)
{
	int family;
	struct addr addr;
};

FIXTURE_VARIANT(calls)
{
	struct how how;
};

CALL_VARIANTS(calls);

FIXTURE_SETUP(calls)
{
	self->family = family_of(&variant->how);
	self->addr = addr_of(&variant->how, "calls");
}

FIXTURE_TEARDOWN(calls)
{
}

static bool same(const struct addr *a, const struct addr *b)
{
	return a->len == b->len && !memcmp(&a->qs, &b->qs, a->len);
}

/* Makes a connection; datagrams have no more to it than their addresses. */
static void make_pair(struct __test_metadata *_metadata, const struct how *h,
		      const struct addr *addr, int fd[2])
{
	struct addr from = { .len = sizeof(from.qs) };
	int family = addr->qs.sqs_family, server;

	server = sys_socket(h, family, h->type, 0);
	ASSERT_LE(0, server);
	ASSERT_EQ(0, sys_bind(h, server, &addr->qs, addr->len));
	fd[0] = sys_socket(h, family, h->type, 0);
	ASSERT_LE(0, fd[0]);
	if (h->type == SOCK_DGRAM) {
		ASSERT_EQ(0, sys_connect(h, fd[0], &addr->qs, addr->len));
		fd[1] = server;
		return;
	}
	ASSERT_EQ(0, sys_listen(h, server, 3));
	ASSERT_EQ(0, sys_connect(h, fd[0], &addr->qs, addr->len));
	fd[1] = sys_accept4(h, server, &from.qs, &from.len, O_CLOEXEC);
	ASSERT_LE(0, fd[1]);
	EXPECT_EQ(sizeof(from.qs.sqs_family), from.len);
	EXPECT_EQ(FD_CLOEXEC, OTHER(h, __NR_fcntl, N(fd[1]), N(F_GETFD)));
	EXPECT_EQ(0, sys_close(h, server));
}

TEST_F(calls, make_a_connection)
{
	const struct how *h = &variant->how;
	struct addr name = { .len = sizeof(name.qs) };
	struct addr peer = { .len = sizeof(peer.qs) };
	int fd[2];

	make_pair(_metadata, h, &self->addr, fd);
	EXPECT_EQ(0, sys_getsockname(h, fd[1], &name.qs, &name.len));
	EXPECT_EQ(0, sys_getpeername(h, fd[0], &peer.qs, &peer.len));
	EXPECT_TRUE(same(&name, &self->addr));
	EXPECT_TRUE(same(&peer, &self->addr));
	EXPECT_EQ(0, sys_close(h, fd[0]));
	EXPECT_EQ(0, sys_close(h, fd[1]));
	EXPECT_EQ(-EBADF, sys_close(h, fd[1]));
}

/* sendto() and recvfrom() with all of their six arguments. */
TEST_F(calls, carry_six_arguments)
{
	const struct how *h = &variant->how;
	struct addr client = addr_of(h, "client"), from = { .len = 100 };
	char bytes[16] = "";
	int fd[2], n;

	make_pair(_metadata, h, &self->addr, fd);
	if (h->type == SOCK_DGRAM) {
		ASSERT_EQ(0, sys_bind(h, fd[0], &client.qs, client.len));
		n = sys_sendto(h, fd[0], "message", 7, MSG_NOSIGNAL,
			       &self->addr.qs, self->addr.len);
	} else {
		n = send_nul(h, fd[0], "message", 7, MSG_NOSIGNAL);
	}
	ASSERT_EQ(7, n);
	n = sys_recvfrom(h, fd[1], bytes, sizeof(bytes), MSG_PEEK, &from.qs,
			 &from.len);
	EXPECT_EQ(7, n);
	n = sys_recvfrom(h, fd[1], bytes, 4, MSG_TRUNC, &from.qs, &from.len);
	EXPECT_EQ(h->type == SOCK_STREAM ? 4 : 7, n);
	EXPECT_EQ(0, memcmp(bytes, "message", 7));
	if (h->type == SOCK_DGRAM)
		EXPECT_TRUE(same(&from, &client));
	if (h->type == SOCK_STREAM)
		EXPECT_EQ(-EISCONN, sys_sendto(h, fd[0], "x", 1, 0,
					       &self->addr.qs, self->addr.len));
	sys_close(h, fd[0]);
	sys_close(h, fd[1]);
}

TEST_F(calls, move_messages_in_pieces)
{
	const struct how *h = &variant->how;
	char a[4] = "abc", b[8] = "defgh", c[2], d[16] = "";
	struct iov give[] = { { a, 3 }, { NULL, 0 }, { b, 5 } };
	struct iov take[] = { { c, 2 }, { d, sizeof(d) } };
	struct msg out = { .iov = give, .iov_len = 3 };
	struct msg in = { .iov = take, .iov_len = 2, .flags = 0x777 };
	int fd[2];

	open_pair(_metadata, h, fd);
	ASSERT_EQ(8, sys_sendmsg(h, fd[0], &out, 0));
	ASSERT_EQ(8, sys_recvmsg(h, fd[1], &in, 0));
	EXPECT_EQ(0, memcmp(c, "ab", 2));
	EXPECT_EQ(0, memcmp(d, "cdefgh", 6));
	EXPECT_EQ(0, in.flags & ~MSG_CMSG_COMPAT);
	EXPECT_EQ(0, in.control_len);
	sys_close(h, fd[0]);
	sys_close(h, fd[1]);
}

TEST_F(calls, move_several_messages)
{
	const struct how *h = &variant->how;
	struct old_time second = { .sec = 1 };
	char bytes[3][4] = { "abc", "def", "ghi" }, got[3][4] = { "" };
	struct mmsg out[3] = { 0 }, in[3] = { 0 };
	struct iov give[3], take[3];
	int fd[2], i;

	open_pair(_metadata, h, fd);
	for (i = 0; i < 3; i++) {
		give[i] = (struct iov){ bytes[i], 3 };
		take[i] = (struct iov){ got[i], 3 };
		out[i].msg = (struct msg){ .iov = &give[i], .iov_len = 1 };
		in[i].msg = (struct msg){ .iov = &take[i], .iov_len = 1 };
	}
	ASSERT_EQ(3, sys_sendmmsg(h, fd[0], out, 3, 0));
	ASSERT_EQ(2, sys_recvmmsg(h, fd[1], in, 2, 0, &second));
	ASSERT_EQ(1, sys_recvmmsg(h, fd[1], in + 2, 1, MSG_WAITFORONE, NULL));
	EXPECT_EQ(0, memcmp(bytes, got, sizeof(bytes)));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(3, out[i].len);
		EXPECT_EQ(3, in[i].len);
	}
	/* The time left is written back. */
	EXPECT_EQ(0, second.sec);
	sys_close(h, fd[0]);
	sys_close(h, fd[1]);
}

TEST_F(calls, set_and_get_options)
{
	const struct how *h = &variant->how;
	int fd[2], value = 0, size = 20000, len = sizeof(value);

	open_pair(_metadata, h, fd);
	EXPECT_EQ(0, sys_getsockopt(h, fd[0], SOL_SOCKET, SO_TYPE, &value, &len));
	EXPECT_EQ(h->type, value);
	EXPECT_EQ(sizeof(value), len);
	EXPECT_EQ(0, sys_setsockopt(h, fd[0], SOL_SOCKET, SO_SNDBUF, &size,
				    sizeof(size)));
	EXPECT_EQ(0, sys_getsockopt(h, fd[0], SOL_SOCKET, SO_SNDBUF, &value,
				    &len));
	EXPECT_EQ(2 * size, value);
	EXPECT_EQ(-ENOPROTOOPT, sys_getsockopt(h, fd[0], SOL_SOCKET, 9999,
					       &value, &len));
	sys_close(h, fd[0]);
	sys_close(h, fd[1]);
}

TEST_F(calls, end_a_direction)
{
	const struct how *h = &variant->how;
	char bytes[4];
	int fd[2];

	open_pair(_metadata, h, fd);
	EXPECT_EQ(0, sys_shutdown(h, fd[0], SHUT_WR));
	EXPECT_EQ(-EPIPE, send_nul(h, fd[0], "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(h->type == SOCK_DGRAM ? -EAGAIN : 0,
		  recv_nul(h, fd[1], bytes, sizeof(bytes), MSG_DONTWAIT));
	sys_close(h, fd[0]);
	sys_close(h, fd[1]);
}

/* A send from a socket without a name: the kernel finds it one if asked. */
TEST_F(calls, bind_by_themselves)
{
	const struct how *h = &variant->how;
	struct addr name = { .len = sizeof(name.qs) };
	int fd, on = 1;

	fd = sys_socket(h, self->family, h->type, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, sys_setsockopt(h, fd, SOL_SOCKET, SO_PASSCRED, &on,
				    sizeof(on)));
	/* Nobody is there: the name is what is left of the try. */
	EXPECT_EQ(-ECONNREFUSED, sys_connect(h, fd, &self->addr.qs,
					     self->addr.len));
	EXPECT_EQ(0, sys_getsockname(h, fd, &name.qs, &name.len));
	EXPECT_EQ(offsetof(struct sockaddr_qs, sqs_name) + 6, name.len);
	EXPECT_EQ('\0', name.qs.sqs_name[0]);
	sys_close(h, fd);
}

TEST_F(calls, want_a_family_that_is_there)
{
	const struct how *h = &variant->how;
	int fd[2];

	EXPECT_EQ(-EAFNOSUPPORT, sys_socket(h, 45, h->type, 0));
	EXPECT_EQ(-EINVAL, sys_socket(h, self->family, 15, 0));
	EXPECT_EQ(-EPROTONOSUPPORT, sys_socket(h, self->family, h->type, 99));
	EXPECT_EQ(-ESOCKTNOSUPPORT, sys_socketpair(h, self->family, 4, 0, fd));
}

TEST_HARNESS_MAIN
