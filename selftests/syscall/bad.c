// SPDX-License-Identifier: GPL-2.0
/*
 * What is wrong with a call's arguments before the family sees them: no such
 * descriptor, one of another kind, a pointer that leads nowhere.
 */
#include <limits.h>

#include "syscall_test.h"

FIXTURE(bad)
{
	struct addr addr;
	int fd[2];
};

FIXTURE_VARIANT(bad)
{
	struct how how;
};

CALL_VARIANTS(bad);

FIXTURE_SETUP(bad)
{
	self->addr = addr_of(&variant->how, "bad");
	open_pair(_metadata, &variant->how, self->fd);
}

FIXTURE_TEARDOWN(bad)
{
	close(self->fd[0]);
	close(self->fd[1]);
}

/* The calls on a descriptor, with nothing else wrong with them. */
#define CALLS_ON_FD	15

static int call_on(const struct how *h, unsigned int which, int fd,
		   struct addr *addr)
{
	char bytes[4];
	struct iov iov = { bytes, sizeof(bytes) };
	struct mmsg msg = { .msg = { .iov = &iov, .iov_len = 1 } };
	int value = 1, len = sizeof(value);

	switch (which) {
	case 0:
		return sys_bind(h, fd, &addr->qs, addr->len);
	case 1:
		return sys_connect(h, fd, &addr->qs, addr->len);
	case 2:
		return sys_listen(h, fd, 1);
	case 3:
		return sys_accept4(h, fd, NULL, NULL, 0);
	case 4:
		return sys_getsockname(h, fd, &addr->qs, &addr->len);
	case 5:
		return sys_getpeername(h, fd, &addr->qs, &addr->len);
	case 6:
		return send_nul(h, fd, "x", 1, MSG_DONTWAIT);
	case 7:
		return recv_nul(h, fd, bytes, 1, MSG_DONTWAIT);
	case 8:
		return sys_sendmsg(h, fd, &msg.msg, MSG_DONTWAIT);
	case 9:
		return sys_recvmsg(h, fd, &msg.msg, MSG_DONTWAIT);
	case 10:
		return sys_sendmmsg(h, fd, &msg, 1, MSG_DONTWAIT);
	case 11:
		return sys_recvmmsg(h, fd, &msg, 1, MSG_DONTWAIT, NULL);
	case 12:
		return sys_setsockopt(h, fd, SOL_SOCKET, SO_PASSCRED, &value,
				      len);
	case 13:
		return sys_getsockopt(h, fd, SOL_SOCKET, SO_TYPE, &value, &len);
	default:
		return sys_shutdown(h, fd, SHUT_WR);
	}
}

static void all_fail(struct __test_metadata *_metadata, const struct how *h,
		     int fd, struct addr *addr, int error)
{
	unsigned int i;

	for (i = 0; i < CALLS_ON_FD; i++) {
		EXPECT_EQ(-error, call_on(h, i, fd, addr)) {
			TH_LOG("call %u on descriptor %d", i, fd);
		}
	}
}

TEST_F(bad, descriptor_that_is_none)
{
	const struct how *h = &variant->how;

	all_fail(_metadata, h, -1, &self->addr, EBADF);
	all_fail(_metadata, h, 1000, &self->addr, EBADF);
	all_fail(_metadata, h, INT_MIN, &self->addr, EBADF);
	EXPECT_EQ(-EBADF, sys_close(h, 1000));
}

TEST_F(bad, descriptor_of_another_kind)
{
	const struct how *h = &variant->how;
	int fd = open("/proc/self/stat", O_RDONLY), pipes[2];

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pipe(pipes));
	all_fail(_metadata, h, fd, &self->addr, ENOTSOCK);
	all_fail(_metadata, h, pipes[1], &self->addr, ENOTSOCK);
}

/* O_PATH tells where a file is, and gives no file: not even for a socket. */
TEST_F(bad, descriptor_of_a_path)
{
	const struct how *h = &variant->how;
	char path[64], bytes[4];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd[0]);
	fd = open(path, O_PATH);
	ASSERT_LE(0, fd);
	all_fail(_metadata, h, fd, &self->addr, EBADF);
	fd = open("/", O_PATH);
	ASSERT_LE(0, fd);
	all_fail(_metadata, h, fd, &self->addr, EBADF);
	/* The socket is none the worse. */
	EXPECT_EQ(1, send_nul(h, self->fd[0], "x", 1, 0));
	EXPECT_EQ(1, recv_nul(h, self->fd[1], bytes, 4, 0));
}

/* The pointers of calls: each of them wrong, and all others right. */
#define READ_POINTERS	13
#define WRITE_POINTERS	12

/* Those from which the kernel reads. */
static int read_from(const struct how *h, unsigned int which, int fd[2],
		     const struct addr *addr, void *bad)
{
	struct iov good = { "x", 1 }, iov = { bad, 1 };
	struct msg msg = { .iov = &good, .iov_len = 1 };
	struct mmsg many = { .msg = { .iov = &iov, .iov_len = 1 } };
	int len = addr->len, unbound = sys_socket(h, family_of(h), h->type, 0);
	int result;

	switch (which) {
	case 0:
		result = sys_bind(h, unbound, bad, len);
		break;
	case 1:
		result = sys_connect(h, unbound, bad, len);
		break;
	case 2:
		result = send_nul(h, fd[0], bad, 1, MSG_NOSIGNAL);
		break;
	case 3:
		result = sys_sendto(h, fd[0], "x", 1, MSG_NOSIGNAL, bad, len);
		break;
	case 4:
		result = sys_sendmsg(h, fd[0], bad, 0);
		break;
	case 5:
		msg.iov = bad;
		result = sys_sendmsg(h, fd[0], &msg, 0);
		break;
	case 6:
		good.base = bad;
		result = sys_sendmsg(h, fd[0], &msg, 0);
		break;
	case 7:
		msg.name = bad;
		msg.name_len = len;
		result = sys_sendmsg(h, fd[0], &msg, 0);
		break;
	case 8:
		msg.control = bad;
		msg.control_len = CMSG_SPACE(sizeof(int));
		result = sys_sendmsg(h, fd[0], &msg, 0);
		break;
	case 9:
		result = sys_sendmmsg(h, fd[0], bad, 1, 0);
		break;
	case 10:
		result = sys_sendmmsg(h, fd[0], &many, 1, 0);
		break;
	case 11:
		result = sys_recvmsg(h, fd[1], bad, MSG_DONTWAIT);
		break;
	default:
		result = sys_setsockopt(h, fd[0], SOL_SOCKET, SO_SNDBUF, bad,
					sizeof(int));
	}
	close(unbound);
	return result;
}

/* Those to which it writes; a message waits for those that receive. */
static int write_to(const struct how *h, unsigned int which, int fd[2],
		    struct addr *addr, void *bad)
{
	char bytes[4];
	struct iov iov = { bad, 4 }, good = { bytes, 4 };
	struct mmsg msg = { .msg = { .iov = &good, .iov_len = 1 } };
	int value, len = sizeof(value);

	switch (which) {
	case 0:
		return sys_socketpair(h, family_of(h), h->type, 0, bad);
	case 1:
		return sys_getsockname(h, fd[0], bad, &len);
	case 2:
		return sys_getsockname(h, fd[0], &addr->qs, bad);
	case 3:
		return sys_getpeername(h, fd[0], &addr->qs, bad);
	case 4:
		return sys_getsockopt(h, fd[0], SOL_SOCKET, SO_TYPE, bad, &len);
	case 5:
		return sys_getsockopt(h, fd[0], SOL_SOCKET, SO_TYPE, &value, bad);
	case 6:
		return recv_nul(h, fd[1], bad, 4, MSG_DONTWAIT);
	case 7:
		return sys_recvfrom(h, fd[1], bytes, 4, MSG_DONTWAIT, &addr->qs,
				    bad);
	case 8:
		msg.msg.iov = &iov;
		return sys_recvmsg(h, fd[1], &msg.msg, MSG_DONTWAIT);
	case 9:
		msg.msg.iov = bad;
		return sys_recvmsg(h, fd[1], &msg.msg, MSG_DONTWAIT);
	case 10:
		return sys_recvmmsg(h, fd[1], bad, 1, MSG_DONTWAIT, NULL);
	default:
		return sys_recvmmsg(h, fd[1], &msg, 1, MSG_DONTWAIT, bad);
	}
}

/* A page that is there, between two that are not. */
static char *lone_page(struct __test_metadata *_metadata, int protection)
{
	char *map = mmap(NULL, 3 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(map + 4096, mmap(map + 4096, 4096, protection, MAP_PRIVATE |
				   MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	return map + 4096;
}

TEST_F(bad, pointers_to_read_from)
{
	const struct how *h = &variant->how;
	char *page = lone_page(_metadata, PROT_READ | PROT_WRITE), bytes[8];
	void *pointers[] = {
		(void *)8, page + 4096, page - 4, (void *)-8L, (void *)-4096L,
#if defined(__LP64__)
		(void *)0x8000000000000000, (void *)0x0000800000000000,
		(void *)0xffff888000000000,
#endif
	};
	unsigned int i, p;

	for (i = 0; i < READ_POINTERS; i++) {
		for (p = 0; p < ARRAY_SIZE(pointers); p++) {
			EXPECT_EQ(-EFAULT, read_from(h, i, self->fd, &self->addr,
						     pointers[p])) {
				TH_LOG("pointer %p of case %u", pointers[p], i);
			}
		}
	}
	/* Nothing has been sent, and both ends are as they were. */
	EXPECT_EQ(-EAGAIN, recv_nul(h, self->fd[1], bytes, 8, MSG_DONTWAIT));
	EXPECT_EQ(3, send_nul(h, self->fd[0], "yes", 3, 0));
	EXPECT_EQ(3, recv_nul(h, self->fd[1], bytes, 8, MSG_DONTWAIT));
}

TEST_F(bad, pointers_to_write_to)
{
	const struct how *h = &variant->how;
	char *page = lone_page(_metadata, PROT_READ), bytes[8];
	void *pointers[] = {
		(void *)8, page, page + 4096, page - 4, (void *)-8L,
#if defined(__LP64__)
		(void *)0x8000000000000000, (void *)0x0000800000000000,
		(void *)0xffff888000000000,
#endif
	};
	struct addr addr = { .len = sizeof(addr.qs) };
	unsigned int i, p;

	for (i = 0; i < WRITE_POINTERS; i++) {
		for (p = 0; p < ARRAY_SIZE(pointers); p++) {
			/* Zeroes that may be read need not be written. */
			if (pointers[p] == page && (i == 9 || i == 11))
				continue;
			ASSERT_EQ(4, send_nul(h, self->fd[0], "four", 4, 0));
			EXPECT_EQ(-EFAULT, write_to(h, i, self->fd, &addr,
						    pointers[p])) {
				TH_LOG("pointer %p of case %u", pointers[p], i);
			}
			while (recv_nul(h, self->fd[1], bytes, 4,
					MSG_DONTWAIT) > 0)
				;
		}
	}
	EXPECT_EQ(3, send_nul(h, self->fd[0], "yes", 3, 0));
	EXPECT_EQ(3, recv_nul(h, self->fd[1], bytes, 8, MSG_DONTWAIT));
}

/* The connection that could not be told of is lost; the next one is not. */
TEST_F(bad, pointers_of_accept)
{
	const struct how *h = &variant->how;
	int listener = sys_socket(h, family_of(h), h->type, 0), fd, i, len = 4;
	struct addr *addr = &self->addr, from;

	ASSERT_EQ(0, sys_bind(h, listener, &addr->qs, addr->len));
	if (h->type == SOCK_DGRAM) {
		EXPECT_EQ(-EOPNOTSUPP, sys_listen(h, listener, 4));
		EXPECT_EQ(-EOPNOTSUPP, sys_accept4(h, listener, 8, &len, 0));
		return;
	}
	ASSERT_EQ(0, sys_listen(h, listener, 4));
	for (i = 0; i < 3; i++) {
		fd = sys_socket(h, family_of(h), h->type, 0);
		ASSERT_EQ(0, sys_connect(h, fd, &addr->qs, addr->len));
		if (i == 0) {
			EXPECT_EQ(-EFAULT, sys_accept4(h, listener, 8, &len, 0));
		} else if (i == 1) {
			EXPECT_EQ(-EFAULT, sys_accept4(h, listener, &from.qs, 8,
						       0));
		} else {
			EXPECT_LE(0, sys_accept4(h, listener, &from.qs, &len, 0));
		}
	}
}

TEST_F(bad, flags)
{
	const struct how *h = &variant->how;
	char bytes[4];
	struct iov iov = { bytes, 4 };
	struct mmsg msg = { .msg = { .iov = &iov, .iov_len = 1 } };
	unsigned int flags = MSG_CMSG_COMPAT | MSG_DONTWAIT;
	/* Their entries set it themselves, and a second time is none. */
	int send = COMPAT ? 4 : -EINVAL, recv = COMPAT ? 4 : -EINVAL;
	int many = COMPAT ? 1 : -EINVAL;

	EXPECT_EQ(send, sys_sendmsg(h, self->fd[0], &msg.msg, flags));
	EXPECT_EQ(many, sys_sendmmsg(h, self->fd[0], &msg, 1, flags));
	ASSERT_EQ(4, send_nul(h, self->fd[0], "four", 4, 0));
	EXPECT_EQ(recv, sys_recvmsg(h, self->fd[1], &msg.msg, flags));
	EXPECT_EQ(many, sys_recvmmsg(h, self->fd[1], &msg, 1, flags, NULL));
	/* It says something of control data, which these have none of. */
	EXPECT_EQ(4, recv_nul(h, self->fd[1], bytes, 4, flags));
	EXPECT_EQ(-EINVAL, sys_accept4(h, self->fd[0], NULL, NULL, 1));
}

TEST_HARNESS_MAIN
