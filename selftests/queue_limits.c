// SPDX-License-Identifier: GPL-2.0
/*
 * What bounds a queue: the receiver's SO_RCVBUF, which AF_UNIX stores and
 * forgets, and bytes rather than a number of datagrams.
 */
#include "qsock_message.h"
#include "qsock_types.h"

#define SIZE	256

FIXTURE(queue_limits)
{
	int family;
	int fd[2];
};

FIXTURE_VARIANT(queue_limits)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(queue_limits);

FIXTURE_SETUP(queue_limits)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	ASSERT_EQ(0, socketpair(self->family, variant->type, 0, self->fd));
}

FIXTURE_TEARDOWN(queue_limits)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

/* Both double what they are given, and tell that. */
static int set_rcvbuf(int fd, int value)
{
	return setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, sizeof(value));
}

static int set_sndbuf(int fd, int value)
{
	return setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, sizeof(value));
}

TEST_F(queue_limits, so_rcvbuf_bounds_the_queue_if_it_is_set)
{
	size_t before = fill_queue(self->fd[0], SIZE), now;

	ASSERT_LT(0, before);
	ASSERT_EQ(before, drain_queue(self->fd[1]));
	ASSERT_EQ(0, set_rcvbuf(self->fd[1], 8192));
	EXPECT_EQ(16384, int_option(self->fd[1], SO_RCVBUF));
	now = fill_queue(self->fd[0], SIZE);
	if (!variant->qsock) {
		/* Stored, and nothing else. */
		EXPECT_EQ(before, now);
		return;
	}
	/* Not more than the option says, and not much less. */
	EXPECT_GE(16384, now);
	EXPECT_LE(16384 - 4096, now);
	/* It is the receiver's: the other direction has its own. */
	EXPECT_LT(2 * now, fill_queue(self->fd[1], SIZE));
}

/* The sender's own limit counts as well. */
TEST_F(queue_limits, a_larger_so_rcvbuf_is_no_more_than_so_sndbuf)
{
	size_t few;

	ASSERT_EQ(0, set_sndbuf(self->fd[0], 8192));
	ASSERT_EQ(0, set_rcvbuf(self->fd[1], 65536));
	few = fill_queue(self->fd[0], SIZE);
	EXPECT_LT(0, few);
	EXPECT_GE(16384, few);
}

TEST_F(queue_limits, a_larger_so_rcvbuf_lets_a_waiting_sender_go_on)
{
	pid_t child;

	ASSERT_EQ(0, set_rcvbuf(self->fd[1], 8192));
	ASSERT_LT(0, fill_queue(self->fd[0], SIZE));
	child = fork_child(_metadata);
	if (!child)
		_exit(send(self->fd[0], "x", 1, 0) != 1);
	ASSERT_TRUE(wait_blocked(child));
	/* That of AF_UNIX waits for its own limit. */
	ASSERT_EQ(0, set_rcvbuf(self->fd[1], 65536));
	ASSERT_EQ(0, set_sndbuf(self->fd[0], 1 << 20));
	EXPECT_EQ(0, wait_exit(child));
	EXPECT_EQ(POLLOUT, poll_one(self->fd[0], POLLOUT, 0));
}

/* The same, and the sender's limit is as it was. */
TEST_F(queue_limits, a_larger_so_rcvbuf_alone_is_enough)
{
	struct pollfd room = { .fd = self->fd[0], .events = POLLOUT };
	pid_t child[2];

	if (!variant->qsock)
		SKIP(return, "AF_UNIX does not look at SO_RCVBUF");
	ASSERT_EQ(0, set_rcvbuf(self->fd[1], 8192));
	ASSERT_LT(0, fill_queue(self->fd[0], SIZE));
	child[0] = fork_child(_metadata);
	if (!child[0])
		_exit(send(self->fd[0], "x", 1, 0) != 1);
	ASSERT_TRUE(wait_blocked(child[0]));
	child[1] = fork_child(_metadata);
	if (!child[1])
		_exit(poll(&room, 1, -1) != 1);
	ASSERT_TRUE(wait_blocked(child[1]));
	ASSERT_EQ(0, set_rcvbuf(self->fd[1], 65536));
	EXPECT_EQ(0, wait_exit(child[0]));
	EXPECT_EQ(0, wait_exit(child[1]));
}

/* The number of datagrams that AF_UNIX lets wait; -1: it says not. */
static long allowed_datagrams(void)
{
	FILE *file = fopen("/proc/sys/net/unix/max_dgram_qlen", "r");
	long most = -1;

	if (!file || fscanf(file, "%ld", &most) != 1)
		most = -1;
	if (file)
		fclose(file);
	return most;
}

/* Small datagrams that wait for one receiver, from one sender or several. */
TEST_F(queue_limits, datagrams_are_not_counted_by_ten)
{
	struct test_addr addr = nul_addr(self->family, "log");
	long most = allowed_datagrams(), count = 0;
	int rx, tx[4];
	size_t i;

	if (variant->type != SOCK_DGRAM)
		SKIP(return, "a queue that many senders share");
	if (most < 0)
		SKIP(return, "there is no net.unix.max_dgram_qlen");
	rx = message_bind(_metadata, SOCK_DGRAM, &addr);
	for (i = 0; i < ARRAY_LEN(tx); i++)
		tx[i] = message_connect(_metadata, SOCK_DGRAM, &addr);
	for (i = 0; i < 400; i++)
		count += say(tx[i % ARRAY_LEN(tx)], "a line of a log") > 0;
	/* AF_UNIX lets one more wait than it says. */
	EXPECT_EQ(variant->qsock ? 400 : most + 1, count);
	for (i = 0; i < count; i++)
		ASSERT_TRUE(hear(rx, "a line of a log"));
	EXPECT_EQ(-EAGAIN, take(rx));
	for (i = 0; i < ARRAY_LEN(tx); i++)
		close(tx[i]);
	close(rx);
}

/* What one receiver may hold from all its senders together. */
TEST_F(queue_limits, the_senders_of_a_receiver_share_its_so_rcvbuf)
{
	struct test_addr addr = nul_addr(self->family, "log");
	size_t total = 0, i;
	int rx, tx[4];

	if (variant->type != SOCK_DGRAM || !variant->qsock)
		SKIP(return, "a queue of bytes that many senders share");
	rx = message_bind(_metadata, SOCK_DGRAM, &addr);
	ASSERT_EQ(0, set_rcvbuf(rx, 8192));
	for (i = 0; i < ARRAY_LEN(tx); i++) {
		tx[i] = message_connect(_metadata, SOCK_DGRAM, &addr);
		total += fill_queue(tx[i], SIZE);
	}
	EXPECT_GE(16384, total);
	EXPECT_LE(16384 - SIZE, total);
	EXPECT_EQ(total, drain_queue(rx));
	for (i = 0; i < ARRAY_LEN(tx); i++)
		close(tx[i]);
	close(rx);
}

/*
 * Senders that may have more on their way than their receiver takes by
 * default: one that waits goes on as there is room for it, and not only when
 * there is for one with an ordinary limit.
 */
TEST_F(queue_limits, a_sender_with_a_large_so_sndbuf_is_told_in_time)
{
	struct test_addr addr = nul_addr(self->family, "log");
	static char data[4096];
	int rx, tx[2], large, i;
	size_t waiting;
	pid_t child[2];

	if (variant->type != SOCK_DGRAM || !variant->qsock)
		SKIP(return, "a queue of bytes that many senders share");
	rx = message_bind(_metadata, SOCK_DGRAM, &addr);
	large = 8 * int_option(rx, SO_RCVBUF);
	for (i = 0; i < 2; i++) {
		tx[i] = message_connect(_metadata, SOCK_DGRAM, &addr);
		/* It is doubled. */
		ASSERT_EQ(0, set_sndbuf(tx[i], large / 2));
	}
	if (int_option(tx[0], SO_SNDBUF) < large)
		SKIP(return, "net.core.wmem_max is small");
	waiting = fill_queue(tx[0], sizeof(data));
	EXPECT_EQ(-EAGAIN, say(tx[1], "x"));
	for (i = 0; i < 2; i++) {
		child[i] = fork_child(_metadata);
		if (!child[i])
			_exit(i ? poll_one(tx[1], POLLOUT, -1) != POLLOUT :
				  send(tx[1], "x", 1, 0) != 1);
		ASSERT_TRUE(wait_blocked(child[i]));
	}
	/* That is all that the receiver would have by default. */
	while (waiting > (size_t)large / 8) {
		ASSERT_EQ(sizeof(data), recv(rx, data, sizeof(data), 0));
		waiting -= sizeof(data);
	}
	EXPECT_EQ(0, wait_exit(child[0]));
	EXPECT_EQ(0, wait_exit(child[1]));
	for (i = 0; i < 2; i++)
		close(tx[i]);
	close(rx);
}

TEST_HARNESS_MAIN
