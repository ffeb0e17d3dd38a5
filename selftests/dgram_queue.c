// SPDX-License-Identifier: GPL-2.0
/*
 * The queue of a datagram socket: when it is full, who waits then and what
 * ends the wait, and what poll() promises.
 */
#include <linux/sockios.h>

#include "qsock_message.h"

#define SIZE	512

FIXTURE(dgram_queue)
{
	int family;
	struct test_addr name;
	int rx;		/* bound to name; no pair */
	int tx;		/* connected to rx, or the other end of the pair */
};

FIXTURE_VARIANT(dgram_queue)
{
	bool qsock;
	bool pair;
};

/*
 * AF_UNIX has two limits: the sender's SO_SNDBUF where both are connected to
 * each other, and the length of the receiver's queue where they are not.
 */
FIXTURE_VARIANT_ADD(dgram_queue, af_qsock) { .qsock = true };
FIXTURE_VARIANT_ADD(dgram_queue, af_unix) { .qsock = false };
FIXTURE_VARIANT_ADD(dgram_queue, af_qsock_pair)
	{ .qsock = true, .pair = true };
FIXTURE_VARIANT_ADD(dgram_queue, af_unix_pair)
	{ .qsock = false, .pair = true };

FIXTURE_SETUP(dgram_queue)
{
	int fd[2];

	self->rx = -1;
	self->tx = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	self->name = nul_addr(self->family, "rx");
	if (variant->pair) {
		ASSERT_EQ(0, socketpair(self->family, SOCK_DGRAM, 0, fd));
		self->tx = fd[0];
		self->rx = fd[1];
		ASSERT_EQ(0, bind(self->rx, &self->name.sa, self->name.len));
	} else {
		self->rx = message_bind(_metadata, SOCK_DGRAM, &self->name);
		self->tx = message_connect(_metadata, SOCK_DGRAM, &self->name);
	}
}

FIXTURE_TEARDOWN(dgram_queue)
{
	close_open(&self->rx);
	close_open(&self->tx);
}

/* Receive @count messages, each there within WAIT_MS; the last is @text. */
static bool hear_last(int fd, size_t count, const char *text)
{
	char got[SIZE];
	ssize_t n = 0;

	if (set_timeout_ms(fd, SO_RCVTIMEO, WAIT_MS))
		return false;
	while (count--) {
		n = recv(fd, got, sizeof(got), 0);
		if (n < 0)
			return false;
	}
	return n == (ssize_t)strlen(text) && !memcmp(got, text, n);
}

TEST_F(dgram_queue, a_full_one_is_eagain)
{
	size_t count = fill_messages(self->tx, SIZE);

	ASSERT_LT(0, count);
	EXPECT_EQ(-EAGAIN, say(self->tx, "x"));
	EXPECT_EQ(-EAGAIN, say_to(self->tx, &self->name, "x"));
	ASSERT_EQ(0, set_nonblock(self->tx));
	EXPECT_ERRNO(EAGAIN, send(self->tx, "x", 1, 0));
	/* Nothing of it got there. */
	EXPECT_EQ(count * SIZE, drain_queue(self->rx));
	EXPECT_EQ(1, say(self->tx, "x"));
}

/* Even messages without a byte fill it: they take memory. */
TEST_F(dgram_queue, empty_messages_fill_it_too)
{
	size_t count = 0, i;
	ssize_t n;

	while ((n = say(self->tx, "")) == 0 && count < 1000000)
		count++;
	EXPECT_EQ(-EAGAIN, n);
	EXPECT_LE(10, count);
	for (i = 0; i < count; i++)
		ASSERT_EQ(0, take(self->rx));
	EXPECT_EQ(-EAGAIN, take(self->rx));
	EXPECT_EQ(0, say(self->tx, ""));
}

TEST_F(dgram_queue, so_sndtimeo_ends_the_wait)
{
	long long start;

	ASSERT_LT(0, fill_messages(self->tx, SIZE));
	ASSERT_EQ(0, set_timeout_ms(self->tx, SO_SNDTIMEO, 200));
	start = now_ms();
	EXPECT_ERRNO(EAGAIN, send(self->tx, "x", 1, 0));
	EXPECT_LE(190, now_ms() - start);
}

TEST_F(dgram_queue, so_rcvtimeo_ends_the_wait)
{
	long long start = now_ms();
	char got;

	ASSERT_EQ(0, set_timeout_ms(self->rx, SO_RCVTIMEO, 200));
	EXPECT_ERRNO(EAGAIN, recv(self->rx, &got, 1, 0));
	EXPECT_LE(190, now_ms() - start);
}

TEST_F(dgram_queue, a_waiting_send_goes_on_as_the_receiver_reads)
{
	size_t count = fill_messages(self->tx, SIZE);
	pid_t child;

	ASSERT_LT(0, count);
	child = blocked_send(_metadata, self->tx, NULL, "last");
	EXPECT_TRUE(hear_last(self->rx, count + 1, "last"));
	EXPECT_EQ(0, wait_exit(child));
}

TEST_F(dgram_queue, a_waiting_sendto_goes_on_as_the_receiver_reads)
{
	size_t count = fill_messages(self->tx, SIZE);
	pid_t child;

	ASSERT_LT(0, count);
	child = blocked_send(_metadata, self->tx, &self->name, "last");
	EXPECT_TRUE(hear_last(self->rx, count + 1, "last"));
	EXPECT_EQ(0, wait_exit(child));
}

TEST_F(dgram_queue, a_waiting_receive_ends_with_a_message)
{
	pid_t child = blocked_recv(_metadata, self->rx);

	ASSERT_EQ(3, say(self->tx, "abc"));
	EXPECT_EQ(3, wait_exit(child));
	child = blocked_recv(_metadata, self->rx);
	ASSERT_EQ(0, say(self->tx, ""));
	EXPECT_EQ(0, wait_exit(child));
}

TEST_F(dgram_queue, each_message_ends_one_waiting_receive)
{
	pid_t child[3];
	int i;

	for (i = 0; i < 3; i++)
		child[i] = blocked_recv(_metadata, self->rx);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(1, say(self->tx, "x"));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(1, wait_exit(child[i]));
	EXPECT_EQ(-EAGAIN, take(self->rx));
}

TEST_F(dgram_queue, a_signal_ends_a_wait)
{
	pid_t child;

	ASSERT_EQ(0, let_sigusr1_interrupt());
	child = blocked_recv(_metadata, self->rx);
	ASSERT_EQ(0, kill(child, SIGUSR1));
	EXPECT_EQ(128 + EINTR, wait_exit(child));
	ASSERT_LT(0, fill_messages(self->tx, SIZE));
	child = blocked_send(_metadata, self->tx, NULL, "x");
	ASSERT_EQ(0, kill(child, SIGUSR1));
	EXPECT_EQ(EINTR, wait_exit(child));
}

TEST_F(dgram_queue, what_poll_calls_writable_send_accepts)
{
	uint64_t random = random_seed(1);
	static char data[4096];
	int i, writable = 0, full = 0;

	for (i = 0; i < 20000 / (int)work_divisor(); i++) {
		size_t n = random_size(&random, sizeof(data)) - 1;
		bool may = poll_one(self->tx, POLLOUT, 0) & POLLOUT;
		ssize_t sent;

		/* Mostly into it, until it is full; then mostly out. */
		if (random_next(&random) % 8 < ((i >> 10) & 1 ? 2 : 6)) {
			sent = send(self->tx, data, n, MSG_DONTWAIT);
			if (may)
				ASSERT_EQ(n, sent);
			writable += may;
			full += sent < 0;
		} else {
			recv(self->rx, data, sizeof(data), MSG_DONTWAIT);
		}
	}
	/* Both happened. */
	EXPECT_LT(0, writable);
	EXPECT_LT(0, full);
}

/* The greatest that there may be, too. */
TEST_F(dgram_queue, what_poll_calls_writable_takes_any_size)
{
	size_t most = int_option(self->tx, SO_SNDBUF) - 32;
	char *data = calloc(1, most);

	ASSERT_LT(0, fill_messages(self->tx, SIZE));
	while (!poll_one(self->tx, POLLOUT, 0))
		ASSERT_LT(0, take(self->rx));
	EXPECT_EQ(most, send(self->tx, data, most, MSG_DONTWAIT));
	free(data);
}

/* A child that waits for POLLOUT; it exits with what it got. */
static pid_t blocked_poll(struct __test_metadata *_metadata, int fd)
{
	pid_t child = fork_child(_metadata);

	if (!child) {
		if (dup2(fd, 0) || close_range(1, ~0U, 0))
			_exit(126);
		_exit(poll_one(0, POLLOUT, -1));
	}
	ASSERT_TRUE(wait_blocked(child));
	return child;
}

TEST_F(dgram_queue, a_poll_for_room_ends_as_the_receiver_reads)
{
	pid_t child;

	ASSERT_LT(0, fill_messages(self->tx, SIZE));
	EXPECT_EQ(0, poll_one(self->tx, POLLOUT, 0));
	child = blocked_poll(_metadata, self->tx);
	ASSERT_LT(0, drain_queue(self->rx));
	EXPECT_EQ(POLLOUT, wait_exit(child));
}

TEST_F(dgram_queue, a_poll_for_room_ends_as_the_receiver_closes)
{
	pid_t child;

	ASSERT_LT(0, fill_messages(self->tx, SIZE));
	child = blocked_poll(_metadata, self->tx);
	close_open(&self->rx);
	EXPECT_EQ(POLLOUT, wait_exit(child));
	EXPECT_EQ(-ECONNREFUSED, say(self->tx, "x"));
}

/* A bound of the sender's own does not stand in another's way. */
TEST_F(dgram_queue, a_small_sndbuf_holds_its_own_sender_back)
{
	int small = SMALL_SNDBUF, other;
	size_t count;

	if (variant->pair)
		ASSERT_EQ(0, disconnect(self->rx));
	ASSERT_EQ(0, setsockopt(self->tx, SOL_SOCKET, SO_SNDBUF, &small,
				sizeof(small)));
	count = fill_messages(self->tx, SIZE);
	EXPECT_LT(0, count);
	EXPECT_GE(int_option(self->tx, SO_SNDBUF), count * SIZE);
	other = message_connect(_metadata, SOCK_DGRAM, &self->name);
	EXPECT_EQ(1, say(other, "x"));
	/* Wherever it sends to. */
	close_open(&self->rx);
	self->rx = message_bind(_metadata, SOCK_DGRAM, &self->name);
	EXPECT_EQ(1, say_to(self->tx, &self->name, "y"));
	close(other);
}

/* Datagrams that nobody will receive are no burden to their sender. */
TEST_F(dgram_queue, a_receiver_that_leaves_gives_the_room_back)
{
	ASSERT_LT(0, fill_messages(self->tx, SIZE));
	EXPECT_LT(0, queue_bytes(self->tx, SIOCOUTQ));
	close_open(&self->rx);
	EXPECT_EQ(0, queue_bytes(self->tx, SIOCOUTQ));
}

#define SENDERS	6
#define EACH	(2000 / work_divisor())

struct letter {
	unsigned int sender;
	unsigned int number;
	char filling[56];
};

/* Write @EACH letters, waiting where there is no room. */
static int write_letters(const struct test_addr *to, unsigned int sender)
{
	int fd = socket(to->sa.sa_family, SOCK_DGRAM, 0);
	struct letter letter = { .sender = sender };

	memset(letter.filling, sender, sizeof(letter.filling));
	for (; letter.number < EACH; letter.number++) {
		size_t size = sizeof(letter) - letter.number % 50;

		if (sendto(fd, &letter, size, 0, &to->sa, to->len) != size)
			return errno;
	}
	return 0;
}

TEST_F(dgram_queue, of_many_senders_each_keeps_its_order)
{
	unsigned int next[SENDERS] = {}, i;
	pid_t child[SENDERS];
	struct letter got;

	if (variant->pair)
		ASSERT_EQ(0, disconnect(self->rx));
	ASSERT_EQ(0, set_timeout_ms(self->rx, SO_RCVTIMEO, WAIT_MS));
	for (i = 0; i < SENDERS; i++) {
		child[i] = fork_child(_metadata);
		if (!child[i])
			_exit(write_letters(&self->name, i));
	}
	for (i = 0; i < SENDERS * EACH; i++) {
		ssize_t n = recv(self->rx, &got, sizeof(got), 0);

		ASSERT_LT(8, n);
		ASSERT_GT(SENDERS, got.sender);
		ASSERT_EQ(next[got.sender]++, got.number);
		ASSERT_EQ(sizeof(got) - got.number % 50, n);
		ASSERT_EQ(got.sender, ((char *)&got)[n - 1]);
	}
	EXPECT_EQ(-EAGAIN, take(self->rx));
	for (i = 0; i < SENDERS; i++)
		EXPECT_EQ(0, wait_exit(child[i]));
}

TEST_HARNESS_MAIN
