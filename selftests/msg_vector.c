// SPDX-License-Identifier: GPL-2.0
/*
 * Vectors of buffers, for every type: their limits, empty ones, empty
 * messages, and vectors that lead nowhere half-way.
 */
#include <linux/sockios.h>
#include <sys/uio.h>

#include "qsock_proc.h"
#include "qsock_types.h"

FIXTURE(msg_vector)
{
	int fd[2];
	bool borders;
	bool keeps;	/* a message that a receive could not store */
	long page;
	char *end;	/* behind a page of memory: nothing is there */
};

FIXTURE_VARIANT(msg_vector)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(msg_vector);

FIXTURE_SETUP(msg_vector)
{
	char *edge;

	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	ASSERT_EQ(0, socketpair(test_family(variant->qsock), variant->type, 0,
				self->fd));
	self->borders = type_has_borders(variant->type);
	/* AF_UNIX drops a message whose buffer faults. */
	self->keeps = variant->qsock || !self->borders;
	self->page = sysconf(_SC_PAGESIZE);
	edge = mmap(NULL, 2 * self->page, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(edge != MAP_FAILED);
	self->end = edge + self->page;
	ASSERT_EQ(0, munmap(self->end, self->page));
}

FIXTURE_TEARDOWN(msg_vector)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

static ssize_t send_vector(int fd, const struct iovec *iov, size_t count)
{
	struct msghdr msg = {
		.msg_iov = (struct iovec *)iov,
		.msg_iovlen = count,
	};
	ssize_t n = sendmsg(fd, &msg, MSG_DONTWAIT);

	return n < 0 ? -errno : n;
}

static ssize_t recv_vector(int fd, const struct iovec *iov, size_t count,
			   int flags)
{
	struct msghdr msg = {
		.msg_iov = (struct iovec *)iov,
		.msg_iovlen = count,
	};
	ssize_t n = recvmsg(fd, &msg, flags | MSG_DONTWAIT);

	return n < 0 ? -errno : n;
}

static ssize_t recv_now(int fd, void *got, size_t size)
{
	ssize_t n = recv(fd, got, size, MSG_DONTWAIT);

	return n < 0 ? -errno : n;
}

static void fill_vector(struct iovec *iov, size_t count, char *data,
			size_t each)
{
	size_t i;

	for (i = 0; i < count; i++)
		iov[i] = (struct iovec){ data + i * each, each };
}

TEST_F(msg_vector, a_thousand_and_twenty_four_are_the_limit)
{
	struct iovec iov[UIO_MAXIOV + 1];
	char data[UIO_MAXIOV + 1];

	fill_vector(iov, UIO_MAXIOV + 1, data, 1);
	EXPECT_EQ(-EMSGSIZE, send_vector(self->fd[0], iov, UIO_MAXIOV + 1));
	EXPECT_ERRNO(EINVAL, writev(self->fd[0], iov, UIO_MAXIOV + 1));
	EXPECT_EQ(-EAGAIN, recv_now(self->fd[1], data, 1));

	ASSERT_EQ(UIO_MAXIOV, send_vector(self->fd[0], iov, UIO_MAXIOV));
	EXPECT_EQ(-EMSGSIZE, recv_vector(self->fd[1], iov, UIO_MAXIOV + 1, 0));
	EXPECT_ERRNO(EINVAL, readv(self->fd[1], iov, UIO_MAXIOV + 1));
	EXPECT_EQ(UIO_MAXIOV, recv_vector(self->fd[1], iov, UIO_MAXIOV, 0));

	ASSERT_EQ(UIO_MAXIOV, writev(self->fd[0], iov, UIO_MAXIOV));
	EXPECT_EQ(UIO_MAXIOV, readv(self->fd[1], iov, UIO_MAXIOV));
}

/* Pieces of all sizes, cut in one way by the sender and in another here. */
TEST_F(msg_vector, any_cut_keeps_the_bytes_in_order)
{
	struct byte_stream out = byte_stream(3), in = byte_stream(3);
	struct iovec from[UIO_MAXIOV], to[UIO_MAXIOV];
	uint64_t sizes = random_seed(4);
	char *data, *copy;
	size_t total = 0, room = 0, i;

	for (i = 0; i < UIO_MAXIOV; i++) {
		from[i].iov_len = random_size(&sizes, 64) - 1;
		to[i].iov_len = random_size(&sizes, 96) - 1;
		total += from[i].iov_len;
		room += to[i].iov_len;
	}
	data = malloc(total);
	copy = calloc(1, room);
	total = 0;
	room = 0;
	for (i = 0; i < UIO_MAXIOV; i++) {
		from[i].iov_base = data + total;
		to[i].iov_base = copy + room;
		total += from[i].iov_len;
		room += to[i].iov_len;
	}
	ASSERT_LT(total, room);
	stream_make(&out, data, total);
	ASSERT_EQ(total, send_vector(self->fd[0], from, UIO_MAXIOV));
	ASSERT_EQ(total, recv_vector(self->fd[1], to, UIO_MAXIOV, 0));
	EXPECT_TRUE(stream_check(&in, copy, total));
	free(data);
	free(copy);
}

TEST_F(msg_vector, empty_ones_may_lead_nowhere)
{
	char a[] = "ab", b[] = "cd", x[8] = {}, y[8] = {};
	struct iovec from[] = {
		{ nowhere(), 0 }, { a, 2 }, { NULL, 0 }, { b, 2 },
		{ self->end, 0 },
	};
	struct iovec to[] = {
		{ NULL, 0 }, { x, 1 }, { nowhere(), 0 }, { y, 7 },
		{ self->end, 0 },
	};

	ASSERT_EQ(4, send_vector(self->fd[0], from, ARRAY_LEN(from)));
	ASSERT_EQ(4, recv_vector(self->fd[1], to, ARRAY_LEN(to), 0));
	EXPECT_STREQ("a", x);
	EXPECT_STREQ("bcd", y);
}

/* Empty messages. ------------------------------------------------------ */

TEST_F(msg_vector, nothing_is_a_message_but_not_for_streams)
{
	struct iovec none[] = { { NULL, 0 }, { NULL, 0 } };
	int bytes = -1, i, count = 4;
	char got[8];

	EXPECT_EQ(0, send(self->fd[0], "", 0, 0));
	EXPECT_EQ(0, send_vector(self->fd[0], NULL, 0));
	EXPECT_EQ(0, send_vector(self->fd[0], none, ARRAY_LEN(none)));
	EXPECT_EQ(0, write(self->fd[0], "", 0));
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	for (i = 0; self->borders && i < count; i++) {
		EXPECT_EQ(POLLIN, poll_one(self->fd[1], POLLIN, 0));
		EXPECT_EQ(0, recv_now(self->fd[1], got, sizeof(got)));
	}
	ASSERT_EQ(0, ioctl(self->fd[1], SIOCINQ, &bytes));
	EXPECT_EQ(1, bytes);
	EXPECT_EQ(1, recv_now(self->fd[1], got, sizeof(got)));
	EXPECT_EQ(-EAGAIN, recv_now(self->fd[1], got, sizeof(got)));
}

TEST_F(msg_vector, an_empty_message_is_readable_but_has_no_bytes)
{
	int bytes = -1;

	ASSERT_EQ(0, send(self->fd[0], "", 0, 0));
	EXPECT_EQ(self->borders ? POLLIN : 0,
		  poll_one(self->fd[1], POLLIN, 0));
	ASSERT_EQ(0, ioctl(self->fd[1], SIOCINQ, &bytes));
	EXPECT_EQ(0, bytes);
}

TEST_F(msg_vector, an_empty_message_wakes_a_reader)
{
	pid_t child = fork_child(_metadata);
	char got[8];

	if (!child) {
		ssize_t n = recv(self->fd[1], got, sizeof(got), 0);

		_exit(n < 0 ? 128 + errno : n);
	}
	ASSERT_TRUE(wait_blocked(child));
	ASSERT_EQ(0, send(self->fd[0], "", 0, 0));
	if (!self->borders) {
		EXPECT_TRUE(wait_blocked(child));
		ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	}
	EXPECT_EQ(self->borders ? 0 : 1, wait_exit(child));
}

/* A receive of nothing takes a message all the same, and no byte else. */
TEST_F(msg_vector, no_room_takes_a_message)
{
	char got[8];

	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	/* The core answers this one by itself. */
	EXPECT_EQ(0, read(self->fd[1], got, 0));
	EXPECT_EQ(0, recv_now(self->fd[1], got, 0));
	EXPECT_EQ(self->borders ? -EAGAIN : 3,
		  recv_now(self->fd[1], got, sizeof(got)));
	EXPECT_EQ(-EAGAIN, recv_now(self->fd[1], got, 0));
}

/* Vectors that lead nowhere. ------------------------------------------- */

TEST_F(msg_vector, a_send_that_faults_sends_nothing)
{
	char good[] = "good", got[16] = {};
	struct iovec first[] = { { self->end, 4 }, { good, 4 } };
	struct iovec second[] = { { good, 4 }, { self->end, 4 } };
	struct iovec across[] = { { self->end - 2, 4 } };

	ASSERT_EQ(2, send(self->fd[0], "ab", 2, 0));
	EXPECT_EQ(-EFAULT, send_vector(self->fd[0], first, 2));
	EXPECT_EQ(-EFAULT, send_vector(self->fd[0], second, 2));
	EXPECT_EQ(-EFAULT, send_vector(self->fd[0], across, 1));
	ASSERT_EQ(2, send(self->fd[0], "cd", 2, 0));
	EXPECT_EQ(2, recv_now(self->fd[1], got, 2));
	EXPECT_EQ(2, recv_now(self->fd[1], got + 2, 2));
	EXPECT_STREQ("abcd", got);
	EXPECT_EQ(-EAGAIN, recv_now(self->fd[1], got, sizeof(got)));
}

TEST_F(msg_vector, a_long_message_that_faults_at_its_end_is_not_sent)
{
	size_t good = 100000;
	char *data = calloc(1, good);
	struct iovec iov[] = { { data, good }, { self->end, 4 } };

	if (!self->borders)
		SKIP(free(data); return, "a stream may send what is good");
	EXPECT_EQ(-EFAULT, send_vector(self->fd[0], iov, 2));
	EXPECT_EQ(-EAGAIN, recv_now(self->fd[1], data, good));
	EXPECT_EQ(0, poll_one(self->fd[1], POLLIN, 0));
	free(data);
}

TEST_F(msg_vector, a_receive_that_faults_leaves_the_message)
{
	char good[4], got[16] = {};
	struct iovec iov[] = { { good, 4 }, { self->end, 8 } };

	ASSERT_EQ(8, send(self->fd[0], "abcdefgh", 8, 0));
	ASSERT_EQ(2, send(self->fd[0], "ij", 2, 0));
	EXPECT_EQ(-EFAULT, recv_vector(self->fd[1], iov, 2, MSG_PEEK));
	EXPECT_EQ(-EFAULT, recv_vector(self->fd[1], iov, 2, 0));
	if (self->keeps) {
		EXPECT_EQ(8, recv_now(self->fd[1], got, 8));
		EXPECT_STREQ("abcdefgh", got);
	}
	EXPECT_EQ(2, recv_now(self->fd[1], got, sizeof(got)));
	EXPECT_EQ(0, memcmp("ij", got, 2));
}

TEST_F(msg_vector, a_long_message_survives_a_fault_at_its_end)
{
	struct byte_stream out = byte_stream(5), in = byte_stream(5);
	size_t size = 60000;
	char *data = malloc(size);
	struct iovec iov[] = { { data, size - 1 }, { self->end, 1 } };
	int i;

	stream_make(&out, data, size);
	ASSERT_EQ(size, send(self->fd[0], data, size, 0));
	if (!self->keeps)
		SKIP(free(data); return, "AF_UNIX drops the message");
	/* However often. */
	for (i = 0; i < 3; i++) {
		ssize_t n = recv_vector(self->fd[1], iov, 2, MSG_TRUNC);

		if (self->borders || variant->qsock) {
			EXPECT_EQ(-EFAULT, n);
		} else if (n > 0) {
			/* AF_UNIX gives a stream in pieces. */
			ASSERT_TRUE(stream_check(&in, data, n));
			size -= n;
			iov[0].iov_len -= n;
		}
	}
	ASSERT_EQ(size, recv_all(self->fd[1], data, size));
	EXPECT_TRUE(stream_check(&in, data, size));
	free(data);
}

/* What lies behind the room that the message needs does not matter. */
TEST_F(msg_vector, a_bad_vector_that_is_not_reached_does_no_harm)
{
	char good[4];
	struct iovec iov[] = { { good, 4 }, { self->end, 8 } };

	ASSERT_EQ(4, send(self->fd[0], "abcd", 4, 0));
	EXPECT_EQ(4, recv_vector(self->fd[1], iov, 2, 0));
	EXPECT_EQ(0, memcmp("abcd", good, 4));
}

TEST_F(msg_vector, a_waiting_receive_that_faults_leaves_the_message)
{
	pid_t child = fork_child(_metadata);
	char got[8];

	if (!child)
		_exit(recv(self->fd[1], self->end, 8, 0) < 0 ? errno : 0);
	ASSERT_TRUE(wait_blocked(child));
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	EXPECT_EQ(EFAULT, wait_exit(child));
	EXPECT_EQ(self->keeps ? 3 : -EAGAIN,
		  recv_now(self->fd[1], got, sizeof(got)));
}

TEST_HARNESS_MAIN
