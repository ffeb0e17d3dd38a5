// SPDX-License-Identifier: GPL-2.0
/*
 * sendmmsg() and recvmmsg(), for every type: how many they move, and what
 * becomes of an error half-way.
 */
#include <sys/uio.h>

#include "qsock_proc.h"
#include "qsock_types.h"

enum { MANY = 4, SIZE = 4 };

FIXTURE(msg_many)
{
	int fd[2];
	bool borders;
	char text[MANY][SIZE];
	struct iovec iov[MANY];
	struct mmsghdr msg[MANY];
};

FIXTURE_VARIANT(msg_many)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(msg_many);

/* Messages of SIZE bytes of one letter, or the room for them. */
FIXTURE_SETUP(msg_many)
{
	int i;

	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	ASSERT_EQ(0, socketpair(test_family(variant->qsock), variant->type, 0,
				self->fd));
	self->borders = type_has_borders(variant->type);
	for (i = 0; i < MANY; i++) {
		memset(self->text[i], 'a' + i, SIZE);
		self->iov[i] = (struct iovec){ self->text[i], SIZE };
		self->msg[i].msg_hdr.msg_iov = &self->iov[i];
		self->msg[i].msg_hdr.msg_iovlen = 1;
	}
}

FIXTURE_TEARDOWN(msg_many)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

/* @count messages are under way: of SIZE bytes, "aaaa" the first. */
static void put(struct __test_metadata *_metadata, int fd, int count)
{
	char text[SIZE];
	int i;

	for (i = 0; i < count; i++) {
		memset(text, 'a' + i, SIZE);
		ASSERT_EQ(SIZE, send(fd, text, SIZE, 0));
	}
}

/* How many messages that arrived in @msg are whole and in their place. */
static int whole(const struct mmsghdr *msg, int count)
{
	int i;

	for (i = 0; i < count; i++) {
		const char *text = msg[i].msg_hdr.msg_iov->iov_base;

		if (msg[i].msg_len != SIZE || text[0] != 'a' + i ||
		    text[SIZE - 1] != 'a' + i)
			break;
	}
	return i;
}

static int recv_many(int fd, struct mmsghdr *msg, int count, int flags,
		     struct timespec *timeout)
{
	int n, i;

	for (i = 0; i < count; i++)
		memset(msg[i].msg_hdr.msg_iov->iov_base, 0, SIZE);
	n = recvmmsg(fd, msg, count, flags, timeout);
	return n < 0 ? -errno : n;
}

TEST_F(msg_many, all_arrive_each_by_itself)
{
	ASSERT_EQ(MANY, sendmmsg(self->fd[0], self->msg, MANY, 0));
	EXPECT_EQ(MANY, whole(self->msg, MANY));
	ASSERT_EQ(MANY, recv_many(self->fd[1], self->msg, MANY, 0, NULL));
	EXPECT_EQ(MANY, whole(self->msg, MANY));
}

TEST_F(msg_many, none_asked_is_none_done)
{
	EXPECT_EQ(0, sendmmsg(self->fd[0], self->msg, 0, 0));
	EXPECT_EQ(0, recv_many(self->fd[1], self->msg, 0, 0, NULL));
}

TEST_F(msg_many, more_than_a_thousand_and_twenty_four_are_cut)
{
	struct mmsghdr *msg = calloc(UIO_MAXIOV + 1, sizeof(*msg));
	int sent = sendmmsg(self->fd[0], msg, UIO_MAXIOV + 1, MSG_DONTWAIT);

	/* Empty messages wait in the queue; of a stream there are none. */
	if (self->borders) {
		EXPECT_LT(0, sent);
		EXPECT_GE(UIO_MAXIOV, sent);
		EXPECT_EQ(sent, recvmmsg(self->fd[1], msg, UIO_MAXIOV + 1,
					 MSG_DONTWAIT, NULL));
	} else {
		EXPECT_EQ(UIO_MAXIOV, sent);
	}
	free(msg);
}

TEST_F(msg_many, room_for_more_gets_a_message_each)
{
	char room[MANY][2 * SIZE] = {};
	int i, expected = self->borders ? MANY : MANY / 2;

	for (i = 0; i < MANY; i++)
		self->iov[i] = (struct iovec){ room[i], 2 * SIZE };
	put(_metadata, self->fd[0], MANY);
	ASSERT_EQ(expected, recv_many(self->fd[1], self->msg, MANY,
				      MSG_DONTWAIT, NULL));
	for (i = 0; i < expected; i++)
		EXPECT_EQ(self->borders ? SIZE : 2 * SIZE,
			  self->msg[i].msg_len);
}

TEST_F(msg_many, each_has_its_own_flags)
{
	int i;

	put(_metadata, self->fd[0], 3);
	self->iov[1].iov_len = SIZE / 2;
	for (i = 0; i < 3; i++)
		self->msg[i].msg_hdr.msg_flags = -1;
	ASSERT_EQ(3, recv_many(self->fd[1], self->msg, 3, MSG_TRUNC, NULL));
	EXPECT_EQ(0, self->msg[0].msg_hdr.msg_flags);
	EXPECT_EQ(self->borders ? MSG_TRUNC : 0,
		  self->msg[1].msg_hdr.msg_flags);
	EXPECT_EQ(self->borders ? SIZE : SIZE / 2, self->msg[1].msg_len);
	EXPECT_EQ(0, self->msg[2].msg_hdr.msg_flags);
	EXPECT_EQ(SIZE, self->msg[2].msg_len);
}

TEST_F(msg_many, dontwait_takes_what_there_is)
{
	EXPECT_EQ(-EAGAIN, recv_many(self->fd[1], self->msg, MANY,
				     MSG_DONTWAIT, NULL));
	put(_metadata, self->fd[0], 2);
	ASSERT_EQ(2, recv_many(self->fd[1], self->msg, MANY, MSG_DONTWAIT,
			       NULL));
	EXPECT_EQ(2, whole(self->msg, MANY));
	EXPECT_EQ(0, int_option(self->fd[1], SO_ERROR));
}

/* A child that waits for MANY messages with @flags; it exits with how many. */
static pid_t waiting_for_many(struct __test_metadata *_metadata, int fd,
			      struct mmsghdr *msg, int flags)
{
	pid_t child = fork_child(_metadata);

	if (!child) {
		int n = recv_many(fd, msg, MANY, flags, NULL);

		_exit(n < 0 ? 128 - n : n == whole(msg, n) ? n : 100);
	}
	ASSERT_TRUE(wait_blocked(child));
	return child;
}

TEST_F(msg_many, waitforone_waits_for_one)
{
	pid_t child = waiting_for_many(_metadata, self->fd[1], self->msg,
				       MSG_WAITFORONE);

	put(_metadata, self->fd[0], 1);
	EXPECT_EQ(1, wait_exit(child));
	/* And takes all that is there. */
	put(_metadata, self->fd[0], 3);
	EXPECT_EQ(3, recv_many(self->fd[1], self->msg, MANY, MSG_WAITFORONE,
			       NULL));
	EXPECT_EQ(3, whole(self->msg, 3));
}

TEST_F(msg_many, without_it_the_call_waits_for_all)
{
	pid_t child;

	put(_metadata, self->fd[0], 1);
	child = waiting_for_many(_metadata, self->fd[1], self->msg, 0);
	ASSERT_EQ(3, sendmmsg(self->fd[0], self->msg + 1, 3, 0));
	EXPECT_EQ(MANY, wait_exit(child));
}

TEST_F(msg_many, a_signal_leaves_what_had_come)
{
	pid_t child;

	ASSERT_EQ(0, let_sigusr1_interrupt());
	put(_metadata, self->fd[0], 2);
	child = waiting_for_many(_metadata, self->fd[1], self->msg, 0);
	ASSERT_EQ(0, kill(child, SIGUSR1));
	EXPECT_EQ(2, wait_exit(child));
}

TEST_F(msg_many, so_rcvtimeo_leaves_what_had_come)
{
	ASSERT_EQ(0, set_timeout_ms(self->fd[1], SO_RCVTIMEO, 50));
	put(_metadata, self->fd[0], 2);
	EXPECT_EQ(2, recv_many(self->fd[1], self->msg, MANY, 0, NULL));
	EXPECT_EQ(-EAGAIN, recv_many(self->fd[1], self->msg, MANY, 0, NULL));
}

/* The timeout is looked at behind each message, and not while it waits. */
TEST_F(msg_many, the_timeout_ends_it_behind_a_message)
{
	struct timespec none = {}, much = { 1000, 0 };
	struct timespec bad = { 0, 1000000000 };

	put(_metadata, self->fd[0], 3);
	EXPECT_EQ(-EINVAL, recv_many(self->fd[1], self->msg, MANY, 0, &bad));
	EXPECT_EQ(1, recv_many(self->fd[1], self->msg, MANY, 0, &none));
	EXPECT_EQ(1, whole(self->msg, MANY));
	/* What is left of it comes back. */
	EXPECT_EQ(2, recv_many(self->fd[1], self->msg, 2, 0, &much));
	EXPECT_GT(1000, much.tv_sec);
	EXPECT_LT(1000 - WAIT_MS / 1000, much.tv_sec);
}

TEST_F(msg_many, the_end_is_a_message_of_nothing)
{
	if (!type_ends(variant->type))
		SKIP(return, "datagrams have no end");
	put(_metadata, self->fd[0], 1);
	close_open(&self->fd[0]);
	/* Told once and again, as the core does not know it for the end. */
	EXPECT_EQ(1, recv_many(self->fd[1], self->msg, 1, 0, NULL));
	EXPECT_EQ(MANY, recv_many(self->fd[1], self->msg, MANY, 0, NULL));
	EXPECT_EQ(0, self->msg[0].msg_len);
	EXPECT_EQ(0, self->msg[MANY - 1].msg_len);
}

TEST_F(msg_many, a_bad_message_ends_a_send)
{
	self->iov[2].iov_base = nowhere();
	EXPECT_EQ(2, sendmmsg(self->fd[0], self->msg, MANY, 0));
	/* Nobody is told of it later. */
	EXPECT_EQ(0, int_option(self->fd[0], SO_ERROR));
	EXPECT_ERRNO(EFAULT, sendmmsg(self->fd[0], self->msg + 2, 2, 0));
	self->iov[2].iov_base = self->text[2];
	ASSERT_EQ(2, recv_many(self->fd[1], self->msg, MANY, MSG_DONTWAIT,
			       NULL));
	EXPECT_EQ(2, whole(self->msg, 2));
}

TEST_F(msg_many, a_full_queue_ends_a_send)
{
	int sent = 0, n;

	ASSERT_EQ(0, set_nonblock(self->fd[0]));
	while ((n = sendmmsg(self->fd[0], self->msg, MANY, 0)) > 0)
		sent += n;
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_LT(0, sent);
	EXPECT_EQ(sent * SIZE, (int)drain_queue(self->fd[1]));
}

/* The error half-way is told by the next call, or by SO_ERROR. */
TEST_F(msg_many, a_bad_message_ends_a_receive)
{
	bool keeps = variant->qsock || !self->borders;

	put(_metadata, self->fd[0], 3);
	self->iov[1].iov_base = nowhere();
	ASSERT_EQ(1, recvmmsg(self->fd[1], self->msg, 2, 0, NULL));
	EXPECT_EQ(1, whole(self->msg, 1));
	EXPECT_EQ(EFAULT, int_option(self->fd[1], SO_ERROR));
	EXPECT_EQ(0, int_option(self->fd[1], SO_ERROR));
	/* AF_UNIX has dropped the message that met it. */
	self->iov[1].iov_base = self->text[1];
	EXPECT_EQ(keeps ? 2 : 1, recv_many(self->fd[1], self->msg, 2,
					   MSG_DONTWAIT, NULL));
	EXPECT_EQ(keeps ? 'b' : 'c', self->text[0][0]);
}

TEST_F(msg_many, the_error_of_a_receive_is_told_by_the_next)
{
	put(_metadata, self->fd[0], 2);
	self->iov[1].iov_base = nowhere();
	ASSERT_EQ(1, recvmmsg(self->fd[1], self->msg, 2, 0, NULL));
	self->iov[1].iov_base = self->text[1];
	EXPECT_EQ(-EFAULT, recv_many(self->fd[1], self->msg, 1, MSG_DONTWAIT,
				     NULL));
	EXPECT_NE(-EFAULT, recv_many(self->fd[1], self->msg, 1, MSG_DONTWAIT,
				     NULL));
}

TEST_HARNESS_MAIN
