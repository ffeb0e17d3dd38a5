// SPDX-License-Identifier: GPL-2.0
/*
 * Many processes at once: sizes, flags and ends at random, and still every
 * byte arrives once and nobody waits for ever.
 */
#include <sys/uio.h>

#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_test.h"

#define SENDERS		4
#define READERS		3
#define MAX_CHUNK	8192

FIXTURE(stream_stress)
{
	int family;
	size_t bytes;	/* what each sender sends */
	unsigned int rounds;
};

FIXTURE_VARIANT(stream_stress)
{
	bool qsock;
};

FAMILY_VARIANTS(stream_stress);

FIXTURE_SETUP(stream_stress)
{
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	self->bytes = (1 << 20) / work_divisor() + 1;
	self->rounds = 200 / work_divisor() + 1;
}

FIXTURE_TEARDOWN(stream_stress)
{
}

/* Independent of the order in which bytes are counted. */
struct tally {
	uint64_t bytes;
	uint64_t sum;
	uint64_t squares;
};

static void count(struct tally *tally, const unsigned char *data, size_t len)
{
	size_t i;

	tally->bytes += len;
	for (i = 0; i < len; i++) {
		tally->sum += data[i];
		tally->squares += data[i] * data[i];
	}
}

static void merge(struct tally *into, const struct tally *from)
{
	into->bytes += from->bytes;
	into->sum += from->sum;
	into->squares += from->squares;
}

static int crowd_sender(int fd, int report, size_t bytes, int seed)
{
	uint64_t state = random_seed(seed);
	struct byte_stream out = byte_stream(seed);
	unsigned char data[MAX_CHUNK];
	struct tally tally = {};

	while (tally.bytes < bytes) {
		size_t len = random_size(&state, MAX_CHUNK);

		stream_make(&out, data, len);
		if (send_all(fd, data, len) != len)
			return 1;
		count(&tally, data, len);
	}
	return write(report, &tally, sizeof(tally)) != sizeof(tally);
}

static int crowd_reader(int fd, int report, int seed)
{
	uint64_t state = random_seed(seed);
	unsigned char data[MAX_CHUNK];
	struct tally tally = {};
	ssize_t n;

	while ((n = recv(fd, data, random_size(&state, MAX_CHUNK), 0)) > 0)
		count(&tally, data, n);
	if (n < 0)
		return 2;
	return write(report, &tally, sizeof(tally)) != sizeof(tally);
}

TEST_F_TIMEOUT(stream_stress, a_crowd_on_one_connection_loses_nothing, 600)
{
	struct tally sent = {}, got = {}, one;
	pid_t sender[SENDERS], reader[READERS];
	int fd[2], out[2], in[2], i;

	ASSERT_EQ(0, socketpair(self->family, SOCK_STREAM, 0, fd));
	ASSERT_EQ(0, pipe(out));
	ASSERT_EQ(0, pipe(in));
	for (i = 0; i < READERS; i++) {
		reader[i] = fork_child(_metadata);
		if (!reader[i]) {
			close(fd[0]);
			_exit(crowd_reader(fd[1], in[1], 100 + i));
		}
	}
	for (i = 0; i < SENDERS; i++) {
		sender[i] = fork_child(_metadata);
		if (!sender[i])
			_exit(crowd_sender(fd[0], out[1], self->bytes, i));
	}
	for (i = 0; i < SENDERS; i++) {
		ASSERT_EQ(0, wait_exit(sender[i]));
		ASSERT_EQ(sizeof(one), read(out[0], &one, sizeof(one)));
		merge(&sent, &one);
	}
	close(fd[0]);
	for (i = 0; i < READERS; i++) {
		ASSERT_EQ(0, wait_exit(reader[i]));
		ASSERT_EQ(sizeof(one), read(in[0], &one, sizeof(one)));
		merge(&got, &one);
	}
	EXPECT_EQ(sent.bytes, got.bytes);
	EXPECT_EQ(sent.sum, got.sum);
	EXPECT_EQ(sent.squares, got.squares);
	close(fd[1]);
}

/* Send @bytes of a stream, in pieces and ways that differ all the time. */
static int varied_sender(int fd, size_t bytes, int seed)
{
	uint64_t state = random_seed(seed);
	struct byte_stream out = byte_stream(seed);
	unsigned char data[MAX_CHUNK];

	while (bytes) {
		size_t len = random_size(&state, MAX_CHUNK), cut, done = 0;
		struct iovec iov[2];
		struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

		if (len > bytes)
			len = bytes;
		stream_make(&out, data, len);
		bytes -= len;
		while (done < len) {
			int flags = random_next(&state) & 1 ? MSG_DONTWAIT : 0;
			ssize_t n;

			cut = random_size(&state, len - done);
			iov[0] = (struct iovec){ data + done, cut };
			iov[1] = (struct iovec){ data + done + cut,
						 len - done - cut };
			n = sendmsg(fd, &msg, flags | MSG_NOSIGNAL);
			if (n < 0 && errno != EAGAIN)
				return 1;
			if (n < 0)
				poll_one(fd, POLLOUT, WAIT_MS);
			done += n < 0 ? 0 : n;
		}
	}
	return 0;
}

static int varied_reader(int fd, size_t bytes, int seed)
{
	static const int choice[] = { 0, MSG_DONTWAIT, MSG_WAITALL, MSG_PEEK };
	uint64_t state = random_seed(seed + 1000);
	struct byte_stream in = byte_stream(seed), ahead;
	unsigned char data[MAX_CHUNK];

	while (bytes) {
		int flags = choice[random_next(&state) % ARRAY_LEN(choice)];
		size_t len = random_size(&state, MAX_CHUNK);
		ssize_t n;

		if (len > bytes)
			len = bytes;
		n = recv(fd, data, len, flags);
		if (n < 0 && errno == EAGAIN && flags == MSG_DONTWAIT) {
			poll_one(fd, POLLIN, WAIT_MS);
			continue;
		}
		if (n <= 0 || (flags == MSG_WAITALL && (size_t)n != len))
			return 2;
		ahead = in;
		if (!stream_check(flags == MSG_PEEK ? &ahead : &in, data, n))
			return 3;
		if (flags != MSG_PEEK)
			bytes -= n;
	}
	return 0;
}

TEST_F_TIMEOUT(stream_stress, both_directions_keep_their_order, 600)
{
	pid_t child[4];
	int fd[2], i;

	ASSERT_EQ(0, socketpair(self->family, SOCK_STREAM, 0, fd));
	for (i = 0; i < 4; i++) {
		child[i] = fork_child(_metadata);
		if (child[i])
			continue;
		if (i < 2)
			_exit(varied_sender(fd[i], self->bytes, i));
		_exit(varied_reader(fd[!(i - 2)], self->bytes, i - 2));
	}
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, wait_exit(child[i]));
	/* And nothing is left. */
	EXPECT_EQ(0, drain_queue(fd[0]));
	EXPECT_EQ(0, drain_queue(fd[1]));
	close(fd[0]);
	close(fd[1]);
}

/* What may come when the other end leaves without a word. */
static bool broken(ssize_t n)
{
	return n == 0 || (n < 0 && (errno == EPIPE || errno == ECONNRESET));
}

/* One end of a connection, until one of both has had enough. */
static bool talk(int fd, uint64_t *state)
{
	unsigned int words = random_next(state) % 32;
	char data[2048];
	ssize_t n;

	while (words--) {
		size_t len = random_size(state, sizeof(data));

		if (random_next(state) & 1) {
			n = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
			if (n < 0 && errno == EAGAIN)
				continue;
		} else {
			n = recv(fd, data, len, MSG_DONTWAIT);
			if (n < 0 && errno == EAGAIN)
				continue;
		}
		if (broken(n))
			return true;
		if (n < 0)
			return false;
	}
	if (random_next(state) & 1)
		shutdown(fd, random_next(state) % 3);
	return true;
}

static int restless_client(const struct test_addr *addr, unsigned int rounds,
			   int seed)
{
	uint64_t state = random_seed(seed);

	while (rounds--) {
		int fd = socket(addr->sa.sa_family, SOCK_STREAM, 0);

		if (fd < 0 || connect(fd, &addr->sa, addr->len))
			return 1;
		if (!talk(fd, &state))
			return 2;
		close(fd);
	}
	return 0;
}

static int patient_server(int listener, unsigned int rounds, int seed)
{
	uint64_t state = random_seed(seed);

	while (rounds--) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			return 1;
		if (!talk(fd, &state))
			return 2;
		close(fd);
	}
	return 0;
}

TEST_F_TIMEOUT(stream_stress, connections_that_break_at_random_block_nobody, 600)
{
	struct test_addr addr = nul_addr(self->family, "restless");
	int listener = stream_listen(_metadata, &addr, 3), i;
	pid_t client[SENDERS], server[SENDERS];

	for (i = 0; i < SENDERS; i++) {
		server[i] = fork_child(_metadata);
		if (!server[i])
			_exit(patient_server(listener, self->rounds, 10 + i));
		client[i] = fork_child(_metadata);
		if (!client[i])
			_exit(restless_client(&addr, self->rounds, 20 + i));
	}
	for (i = 0; i < SENDERS; i++) {
		EXPECT_EQ(0, wait_exit(client[i]));
		EXPECT_EQ(0, wait_exit(server[i]));
	}
	close(listener);
}

/* The last descriptor goes away while others are inside the socket. */
TEST_F_TIMEOUT(stream_stress, ends_closed_under_readers_and_senders, 600)
{
	unsigned int round;
	uint64_t state = random_seed(5);

	for (round = 0; round < self->rounds / 4 + 1; round++) {
		pid_t child[4];
		int fd[2], i;

		ASSERT_EQ(0, socketpair(self->family, SOCK_STREAM, 0, fd));
		for (i = 0; i < 4; i++) {
			char data[512] = {};
			ssize_t n = 1;

			child[i] = fork_child(_metadata);
			if (child[i])
				continue;
			close(fd[1]);
			while (n > 0)
				n = i & 1 ? recv(fd[0], data, 512, 0) :
					    send(fd[0], data, 512,
						 MSG_NOSIGNAL);
			_exit(!broken(n));
		}
		close(fd[0]);
		for (i = random_next(&state) % 8; i; i--)
			send(fd[1], "some bytes", 10, MSG_DONTWAIT);
		for (i = random_next(&state) % 8; i; i--) {
			char data[512];

			recv(fd[1], data, sizeof(data), MSG_DONTWAIT);
		}
		close(fd[1]);
		for (i = 0; i < 4; i++)
			ASSERT_EQ(0, wait_exit(child[i]));
	}
}

TEST_HARNESS_MAIN
