// SPDX-License-Identifier: GPL-2.0
/*
 * What a call's structures look like in this ABI, and that the kernel takes
 * them for that: the entries of the 32-bit ones convert them, those of the
 * family need not know. The programs at the other end are of every ABI that
 * this kernel runs.
 */
#include "exchange.h"
#include "syscall_test.h"

/* The layouts, member by member; those of ILP32 are what net/compat.c reads. */
#define LONG	sizeof(long)
static_assert(sizeof(struct iov) == 2 * LONG, "iovec");
static_assert(sizeof(struct msg) == 7 * LONG, "msghdr");
static_assert(offsetof(struct msg, iov) == 2 * LONG, "msg_iov");
static_assert(offsetof(struct msg, control) == 4 * LONG, "msg_control");
static_assert(offsetof(struct msg, flags) == 6 * LONG, "msg_flags");
static_assert(sizeof(struct mmsg) == 8 * LONG, "mmsghdr");
static_assert(sizeof(struct cmsg) == LONG + 8, "cmsghdr");
static_assert(CMSG_SPACE(5) == (LONG == 4 ? 20 : 24), "cmsg alignment");
static_assert(sizeof(struct old_time) == (LONG == 4 && !X32 ? 8 : 16), "times");

/* The last address that a program of this ABI can have, and one beyond. */
#if defined(__x86_64__) && defined(__LP64__) || defined(__aarch64__)
#define EDGE		0x100000000UL
#define CROSSES		true
#elif defined(__arm__)
#define EDGE		0xfffff000UL
#define CROSSES		false
#else
#define EDGE		0xffffe000UL
#define CROSSES		false
#endif

FIXTURE(compat)
{
	int fd[2];
};

FIXTURE_VARIANT(compat)
{
	struct how how;
};

CALL_VARIANTS(compat);

FIXTURE_SETUP(compat)
{
	open_pair(_metadata, &variant->how, self->fd);
}

FIXTURE_TEARDOWN(compat)
{
	close(self->fd[0]);
	close(self->fd[1]);
}

static void set_int(struct __test_metadata *_metadata, const struct how *h,
		    int fd, int option, int value)
{
	ASSERT_EQ(0, sys_setsockopt(h, fd, SOL_SOCKET, option, &value,
				    sizeof(value)));
}

TEST_F(compat, rights_and_credentials_within_one_abi)
{
	const struct how *h = &variant->how;

	set_int(_metadata, h, self->fd[1], SO_PASSCRED, 1);
	ASSERT_EQ(0, give(h, self->fd[0], "itself"));
	EXPECT_EQ(0, take(h, self->fd[1], "itself", getpid()));
}

/* Both ways, with a program of each ABI in the directory beside this one's. */
TEST_F(compat, rights_and_credentials_between_abis)
{
	const struct how *h = &variant->how;
	static const char *const peers[] = { PEERS };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(peers); i++) {
		char path[64], number[16], parent[16];
		char *const argv[] = { path, number, parent, NULL };
		int fd[2], child;

		snprintf(path, sizeof(path), "../%s/peer", peers[i]);
		open_pair(_metadata, h, fd);
		set_int(_metadata, h, fd[0], SO_PASSCRED, 1);
		set_int(_metadata, h, fd[1], SO_PASSCRED, 1);
		snprintf(number, sizeof(number), "%d", fd[1]);
		snprintf(parent, sizeof(parent), "%d", getpid());
		child = fork();
		ASSERT_LE(0, child);
		if (!child) {
			execve(path, argv, argv + 3);
			_exit(254);
		}
		EXPECT_EQ(0, give(h, fd[0], "there"));
		EXPECT_EQ(0, take(h, fd[0], "and back", child));
		EXPECT_EQ(0, end_of(child)) {
			TH_LOG("peer of %s", peers[i]);
		}
		close(fd[0]);
		close(fd[1]);
	}
}

/* Control data that does not fit is cut where this ABI's layout says so. */
TEST_F(compat, control_data_that_is_cut)
{
	const struct how *h = &variant->how;
	char bytes[8];
	struct iov iov = { bytes, sizeof(bytes) };
	struct control control;
	struct msg msg = { .iov = &iov, .iov_len = 1, .control = &control };
	struct cmsg *c = (struct cmsg *)&control;
	int one = open("/dev/null", O_RDONLY), pair[2] = { one, one };

	msg.control_len = put_control(&control, pair);
	iov.len = 1;
	ASSERT_EQ(1, sys_sendmsg(h, self->fd[0], &msg, 0));
	/* Room for one descriptor of two. */
	msg.control_len = sizeof(*c) + sizeof(int);
	memset(&control, 0xff, sizeof(control));
	EXPECT_EQ(1, sys_recvmsg(h, self->fd[1], &msg, 0));
	EXPECT_EQ(8 /* MSG_CTRUNC */, msg.flags & ~MSG_CMSG_COMPAT);
	EXPECT_EQ(sizeof(*c) + sizeof(int), c->len);
	EXPECT_EQ(SCM_RIGHTS, c->type);
	EXPECT_EQ(sizeof(*c) + sizeof(int), msg.control_len);
}

TEST_F(compat, control_data_that_is_none)
{
	const struct how *h = &variant->how;
	char bytes[8];
	struct iov iov = { bytes, 1 };
	struct control control;
	struct msg msg = { .iov = &iov, .iov_len = 1, .control = &control };
	struct cmsg *c = (struct cmsg *)&control;
	int fd[2] = { 0, 0 };

	msg.control_len = put_control(&control, fd);
	c->len = sizeof(*c) - 1;
	EXPECT_EQ(-EINVAL, sys_sendmsg(h, self->fd[0], &msg, 0));
	c->len = msg.control_len + 1;
	EXPECT_EQ(-EINVAL, sys_sendmsg(h, self->fd[0], &msg, 0));
	c->len = sizeof(*c) + sizeof(int);
	msg.control_len = CMSG_SPACE(sizeof(int));
	((int *)c->data)[0] = -1;
	EXPECT_EQ(-EBADF, sys_sendmsg(h, self->fd[0], &msg, 0));
	EXPECT_EQ(-EAGAIN, recv_nul(h, self->fd[1], bytes, 8, MSG_DONTWAIT));
}

TEST_F(compat, time_of_this_abi_and_of_64_bits)
{
	const struct how *h = &variant->how;
	struct old_time old = { .sec = 5, .frac = 250000 };
	struct new_time new = { .sec = 7, .frac = 500000 };
	int len = sizeof(old), fd = self->fd[0];

	ASSERT_EQ(0, sys_setsockopt(h, fd, SOL_SOCKET, SO_RCVTIMEO_OLD, &old, len));
	len = sizeof(new);
	ASSERT_EQ(0, sys_getsockopt(h, fd, SOL_SOCKET, SO_RCVTIMEO_NEW, &new,
				    &len));
	EXPECT_EQ(sizeof(new), len);
	EXPECT_EQ(5, new.sec);
	EXPECT_LE(250000, new.frac);
	EXPECT_GT(270000, new.frac);
	new.sec = 7;
	ASSERT_EQ(0, sys_setsockopt(h, fd, SOL_SOCKET, SO_RCVTIMEO_NEW, &new,
				    sizeof(new)));
	memset(&old, 0xff, sizeof(old));
	len = sizeof(old);
	ASSERT_EQ(0, sys_getsockopt(h, fd, SOL_SOCKET, SO_RCVTIMEO_OLD, &old, &len));
	EXPECT_EQ(sizeof(old), len);
	EXPECT_EQ(7, old.sec);
	EXPECT_EQ(-EINVAL, sys_setsockopt(h, fd, SOL_SOCKET, SO_RCVTIMEO_OLD, &old,
					  sizeof(old) - 1));
}

/* A time that says when a message was sent comes in the layout asked for. */
TEST_F(compat, time_as_control_data)
{
	const struct how *h = &variant->how;
	static const int options[] = { SO_TIMESTAMP_OLD, SO_TIMESTAMP_NEW };
	unsigned int i;

	/* A stream has no time for each message. */
	for (i = 0; i < 2 && h->type != SOCK_STREAM; i++) {
		union {
			struct cmsg cmsg;
			char bytes[64];
		} control;
		char bytes[8];
		struct iov iov = { bytes, sizeof(bytes) };
		struct msg msg = {
			.iov = &iov,
			.iov_len = 1,
			.control = &control,
			.control_len = sizeof(control),
		};
		size_t size = i ? sizeof(struct new_time) :
				  sizeof(struct old_time);

		set_int(_metadata, h, self->fd[1], options[i], 1);
		ASSERT_EQ(1, send_nul(h, self->fd[0], "x", 1, 0));
		ASSERT_EQ(1, sys_recvmsg(h, self->fd[1], &msg, 0));
		EXPECT_EQ(CMSG_SPACE(size), msg.control_len);
		EXPECT_EQ(sizeof(struct cmsg) + size, control.cmsg.len);
		EXPECT_EQ(options[i], control.cmsg.type);
	}
}

#ifdef __NR_recvmmsg_time64
/* The call that came when 32 bits of seconds were too few. */
TEST_F(compat, recvmmsg_with_64_bits_of_time)
{
	const struct how *h = &variant->how;
	char bytes[4];
	struct iov iov = { bytes, sizeof(bytes) };
	struct mmsg in = { .msg = { .iov = &iov, .iov_len = 1 } };
	struct new_time left = { .sec = 3 };

	ASSERT_EQ(2, send_nul(h, self->fd[0], "ab", 2, 0));
	EXPECT_EQ(1, OTHER(h, __NR_recvmmsg_time64, N(self->fd[1]), P(&in), N(1),
			   N(0), P(&left)));
	EXPECT_EQ(2, in.len);
	EXPECT_EQ(2, left.sec);
}
#endif

TEST_F(compat, pointers_at_the_edge)
{
	const struct how *h = &variant->how;
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | 0x100000;
	char *edge = (char *)EDGE, *page = edge - 4096, bytes[16] = "";
	char *mapped = mmap(page, CROSSES ? 8192 : 4096, PROT_READ | PROT_WRITE,
			    flags, -1, 0);

	ASSERT_EQ(page, mapped);
	/* The last bytes below it. */
	memcpy(edge - 8, "at edge", 8);
	ASSERT_EQ(8, send_nul(h, self->fd[0], edge - 8, 8, 0));
	memset(edge - 8, 0, 8);
	ASSERT_EQ(8, recv_nul(h, self->fd[1], edge - 8, 8, 0));
	EXPECT_EQ(0, memcmp(edge - 8, "at edge", 8));
	/* Across: there where memory goes on, nowhere where it ends. */
	if (CROSSES) {
		memcpy(edge - 4, "crossing", 8);
		ASSERT_EQ(8, send_nul(h, self->fd[0], edge - 4, 8, 0));
		ASSERT_EQ(8, recv_nul(h, self->fd[1], bytes, 16, 0));
		EXPECT_EQ(0, memcmp(bytes, "crossing", 8));
	} else {
		EXPECT_EQ(-EFAULT, send_nul(h, self->fd[0], edge - 4, 8, 0));
		EXPECT_EQ(-EAGAIN, recv_nul(h, self->fd[1], bytes, 16,
					    MSG_DONTWAIT));
		ASSERT_EQ(8, send_nul(h, self->fd[0], "too long", 8, 0));
		EXPECT_EQ(-EFAULT, recv_nul(h, self->fd[1], edge - 4, 8, 0));
		while (recv_nul(h, self->fd[1], bytes, 16, MSG_DONTWAIT) > 0)
			;
	}
	/* A structure whose end would be beyond. */
	EXPECT_EQ(CROSSES ? -EINVAL : -EFAULT,
		  sys_bind(h, self->fd[0], edge - 2, 3));
}

TEST_HARNESS_MAIN
