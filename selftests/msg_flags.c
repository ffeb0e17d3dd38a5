// SPDX-License-Identifier: GPL-2.0
/*
 * The MSG_* flags of send and receive, for every type: what MSG_TRUNC,
 * MSG_WAITALL, MSG_DONTWAIT, MSG_NOSIGNAL and MSG_EOR do, and that the others
 * do nothing. MSG_PEEK and MSG_OOB have tests of their own.
 */
#include <sys/uio.h>

#include "qsock_proc.h"
#include "qsock_types.h"

/* Not in every C library's header. */
#ifndef MSG_CMSG_COMPAT
#define MSG_CMSG_COMPAT	0x80000000
#endif
#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL	0x100
#endif

FIXTURE(msg_flags)
{
	int fd[2];
	bool borders;
};

FIXTURE_VARIANT(msg_flags)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(msg_flags);

FIXTURE_SETUP(msg_flags)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	ASSERT_EQ(0, socketpair(test_family(variant->qsock), variant->type, 0,
				self->fd));
	self->borders = type_has_borders(variant->type);
}

FIXTURE_TEARDOWN(msg_flags)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

/* recvmsg() into @size bytes; the flags it tells, or the negative errno. */
static int told(int fd, size_t size, int flags)
{
	char got[64];
	struct iovec iov = { got, size };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_flags = -1,
	};

	return recvmsg(fd, &msg, flags) < 0 ? -errno : msg.msg_flags;
}

static ssize_t recv_now(int fd, void *got, size_t size, int flags)
{
	ssize_t n = recv(fd, got, size, flags | MSG_DONTWAIT);

	return n < 0 ? -errno : n;
}

/* A child that receives up to @size bytes, and has no other end to hold. */
static pid_t waiting_reader(struct __test_metadata *_metadata, int fd[2],
			    size_t size, int flags)
{
	pid_t child = fork_child(_metadata);

	if (!child) {
		char got[64];
		ssize_t n;

		close(fd[0]);
		n = recv(fd[1], got, size, flags);
		_exit(n < 0 ? 128 + errno : n);
	}
	ASSERT_TRUE(wait_blocked(child));
	return child;
}

TEST_F(msg_flags, trunc_gives_the_length_of_the_message)
{
	char got[8] = {};

	ASSERT_EQ(6, send(self->fd[0], "abcdef", 6, 0));
	ASSERT_EQ(self->borders ? 6 : 4, recv(self->fd[1], got, 4, MSG_TRUNC));
	EXPECT_STREQ("abcd", got);
	/* The rest of a message is gone, that of a stream comes next. */
	EXPECT_EQ(self->borders ? -EAGAIN : 2,
		  recv_now(self->fd[1], got, sizeof(got), 0));
}

TEST_F(msg_flags, trunc_with_room_enough_changes_nothing)
{
	char got[8];

	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	EXPECT_EQ(3, recv(self->fd[1], got, sizeof(got), MSG_TRUNC));
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	EXPECT_EQ(3, recv(self->fd[1], got, 3, MSG_TRUNC));
}

TEST_F(msg_flags, trunc_needs_no_buffer)
{
	char got[8];

	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	EXPECT_EQ(self->borders ? 3 : 0,
		  recv(self->fd[1], NULL, 0, MSG_TRUNC | MSG_PEEK));
	EXPECT_EQ(self->borders ? 3 : 0,
		  recv(self->fd[1], NULL, 0, MSG_TRUNC));
	EXPECT_EQ(self->borders ? -EAGAIN : 3,
		  recv_now(self->fd[1], got, sizeof(got), 0));
}

TEST_F(msg_flags, a_cut_message_is_told_to_be_one)
{
	int cut = self->borders ? MSG_TRUNC : 0;

	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	EXPECT_EQ(cut, told(self->fd[1], 2, 0));
	drain_queue(self->fd[1]);
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	EXPECT_EQ(cut, told(self->fd[1], 2, MSG_TRUNC));
	drain_queue(self->fd[1]);
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	EXPECT_EQ(0, told(self->fd[1], 3, MSG_TRUNC));
}

TEST_F(msg_flags, waitall_is_for_streams)
{
	char got[8];

	ASSERT_EQ(0, set_timeout_ms(self->fd[1], SO_RCVTIMEO, WAIT_MS));
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	ASSERT_EQ(3, send(self->fd[0], "def", 3, 0));
	EXPECT_EQ(self->borders ? 3 : 6,
		  recv(self->fd[1], got, 6, MSG_WAITALL));
}

/* A reader that has three bytes and waits for more of a stream. */
static pid_t waiting_for_all(struct __test_metadata *_metadata, int fd[2])
{
	ASSERT_EQ(3, send(fd[0], "abc", 3, 0));
	return waiting_reader(_metadata, fd, 8, MSG_WAITALL);
}

/* It gets what it has; then the stream has ended for the next one too. */
static void got_what_it_had(struct __test_metadata *_metadata, int fd,
			    pid_t child)
{
	char got;

	EXPECT_EQ(3, wait_exit(child));
	EXPECT_EQ(0, recv_now(fd, &got, 1, 0));
}

TEST_F(msg_flags, waitall_ends_with_the_stream)
{
	pid_t child;

	if (self->borders)
		SKIP(return, "messages do not wait for more");
	child = waiting_for_all(_metadata, self->fd);
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	got_what_it_had(_metadata, self->fd[1], child);
}

TEST_F(msg_flags, waitall_ends_with_ones_own_shutdown)
{
	pid_t child;

	if (self->borders)
		SKIP(return, "messages do not wait for more");
	child = waiting_for_all(_metadata, self->fd);
	ASSERT_EQ(0, shutdown(self->fd[1], SHUT_RD));
	got_what_it_had(_metadata, self->fd[1], child);
}

TEST_F(msg_flags, waitall_ends_with_the_peer)
{
	pid_t child;

	if (self->borders)
		SKIP(return, "messages do not wait for more");
	child = waiting_for_all(_metadata, self->fd);
	close_open(&self->fd[0]);
	got_what_it_had(_metadata, self->fd[1], child);
}

TEST_F(msg_flags, waitall_ends_with_a_reset)
{
	pid_t child;

	if (self->borders)
		SKIP(return, "messages do not wait for more");
	child = waiting_for_all(_metadata, self->fd);
	/* Unread by the peer. */
	ASSERT_EQ(1, send(self->fd[1], "x", 1, 0));
	close_open(&self->fd[0]);
	got_what_it_had(_metadata, self->fd[1], child);
}

TEST_F(msg_flags, dontwait_is_for_one_call)
{
	size_t taken;
	pid_t child;
	char got;

	EXPECT_EQ(-EAGAIN, recv_now(self->fd[1], &got, 1, 0));
	taken = fill_queue(self->fd[0], 512);
	ASSERT_LT(0, taken);
	EXPECT_ERRNO(EAGAIN, send(self->fd[0], "abc", 3, MSG_DONTWAIT));
	/* Of a message that did not fit nothing went. */
	EXPECT_EQ(taken, drain_queue(self->fd[1]));
	/* Without it the socket waits. */
	child = waiting_reader(_metadata, self->fd, 8, 0);
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, MSG_DONTWAIT));
	EXPECT_EQ(3, wait_exit(child));
}

static int sender_end(struct __test_metadata *_metadata, int fd, int flags)
{
	pid_t child = fork_child(_metadata);

	if (!child)
		_exit(send(fd, "x", 1, flags) < 0 ? errno : 0);
	return wait_exit(child);
}

TEST_F(msg_flags, nosignal_spares_the_sender_on_a_stream)
{
	int end = self->borders ? EPIPE : 128 + SIGPIPE;

	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(end, sender_end(_metadata, self->fd[0], 0));
	EXPECT_EQ(EPIPE, sender_end(_metadata, self->fd[0], MSG_NOSIGNAL));
}

/* The same for a write. */
TEST_F(msg_flags, rwf_nosignal_spares_a_writer)
{
	int end = self->borders ? EPIPE : 128 + SIGPIPE, i;
	struct iovec iov = { "x", 1 };

	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	for (i = 0; i < 2; i++) {
		pid_t child = fork_child(_metadata);

		if (!child) {
			pwritev2(self->fd[0], &iov, 1, -1,
				 i ? RWF_NOSIGNAL : 0);
			_exit(errno);
		}
		EXPECT_EQ(i ? EPIPE : end, wait_exit(child));
	}
}

TEST_F(msg_flags, nosignal_spares_one_whose_peer_does_not_read)
{
	int end = self->borders ? EPIPE : 128 + SIGPIPE;

	ASSERT_EQ(0, shutdown(self->fd[1], SHUT_RD));
	EXPECT_EQ(end, sender_end(_metadata, self->fd[0], 0));
	EXPECT_EQ(EPIPE, sender_end(_metadata, self->fd[0], MSG_NOSIGNAL));
}

TEST_F(msg_flags, more_holds_nothing_back)
{
	char got[8];

	ASSERT_EQ(3, send(self->fd[0], "abc", 3, MSG_MORE));
	EXPECT_EQ(3, recv_now(self->fd[1], got, sizeof(got), 0));
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, MSG_MORE));
	ASSERT_EQ(3, send(self->fd[0], "def", 3, 0));
	EXPECT_EQ(self->borders ? 3 : 6,
		  recv_now(self->fd[1], got, sizeof(got), 0));
}

TEST_F(msg_flags, eor_comes_back_with_the_record_that_had_it)
{
	/* AF_UNIX does not keep it; nor does what has no records. */
	int eor = variant->qsock && variant->type == SOCK_SEQPACKET ?
		  MSG_EOR : 0;

	ASSERT_EQ(1, send(self->fd[0], "a", 1, 0));
	ASSERT_EQ(1, send(self->fd[0], "b", 1, MSG_EOR));
	ASSERT_EQ(1, send(self->fd[0], "c", 1, 0));
	EXPECT_EQ(0, told(self->fd[1], 1, 0));
	EXPECT_EQ(eor, told(self->fd[1], 1, MSG_PEEK));
	EXPECT_EQ(eor, told(self->fd[1], 1, 0));
	/* Asking for it does not make it. */
	EXPECT_EQ(0, told(self->fd[1], 1, MSG_EOR));
}

/* There is no queue of errors: it is a receive as any other. */
TEST_F(msg_flags, errqueue_receives_data)
{
	pid_t child;
	char got;

	EXPECT_EQ(-EAGAIN, recv_now(self->fd[1], &got, 1, MSG_ERRQUEUE));
	child = waiting_reader(_metadata, self->fd, 8, MSG_ERRQUEUE);
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	EXPECT_EQ(3, wait_exit(child));
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	EXPECT_EQ(0, told(self->fd[1], 8, MSG_ERRQUEUE));
}

/* MSG_CONFIRM, _DONTROUTE, _PROBE, _BATCH, _ZEROCOPY, and numbers unnamed. */
TEST_F(msg_flags, send_ignores_all_others)
{
	char got[8];
	int bit, flag;

	for (bit = 1; bit < 31; bit++) {
		flag = 1 << bit;
		EXPECT_EQ(3, send(self->fd[0], "abc", 3, flag)) {
			TH_LOG("flag %#x", flag);
		}
		EXPECT_EQ(3, recv_now(self->fd[1], got, sizeof(got), 0)) {
			TH_LOG("flag %#x", flag);
		}
	}
}

TEST_F(msg_flags, recv_ignores_all_others)
{
	int bit, flag;

	for (bit = 2; bit < 31; bit++) {
		flag = 1 << bit;
		ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
		/* The core hands this one back. */
		EXPECT_EQ(flag & MSG_CMSG_CLOEXEC,
			  told(self->fd[1], 3, flag)) {
			TH_LOG("flag %#x", flag);
		}
		EXPECT_EQ(0, drain_queue(self->fd[1]));
	}
}

/*
 * How the kernel tells itself that a program of 32 bits calls: not for
 * programs to say, where there is something to tell.
 */
TEST_F(msg_flags, cmsg_compat_is_not_for_programs)
{
	char byte = 'x', got[8];
	struct iovec iov = { &byte, 1 };
	struct mmsghdr msg = {
		.msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 },
	};
	struct msghdr *one = &msg.msg_hdr;

	if (sizeof(long) != 8)
		SKIP(return, "a program of 32 bits may");
	EXPECT_ERRNO(EINVAL, sendmsg(self->fd[0], one, MSG_CMSG_COMPAT));
	EXPECT_ERRNO(EINVAL, sendmmsg(self->fd[0], &msg, 1, MSG_CMSG_COMPAT));
	EXPECT_EQ(-EAGAIN, recv_now(self->fd[1], got, sizeof(got), 0));
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_ERRNO(EINVAL, recvmsg(self->fd[1], one, MSG_CMSG_COMPAT));
	EXPECT_ERRNO(EINVAL, recvmmsg(self->fd[1], &msg, 1, MSG_CMSG_COMPAT,
				      NULL));
	/* Calls without control data have nothing to get wrong. */
	EXPECT_EQ(1, recv(self->fd[1], got, sizeof(got), MSG_CMSG_COMPAT));
	EXPECT_EQ(1, send(self->fd[0], "x", 1, MSG_CMSG_COMPAT));
	EXPECT_EQ(1, recv_now(self->fd[1], got, sizeof(got), 0));
}

TEST_HARNESS_MAIN
