// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring on every type of socket: the calls that programs make through it,
 * at once and after waiting.
 */
#include "qsock_types.h"
#include "qsock_uring.h"

FIXTURE(io_uring)
{
	int family;
	int fd[2];
	struct ring ring;
};

FIXTURE_VARIANT(io_uring)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(io_uring);

FIXTURE_SETUP(io_uring)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	self->ring.fd = -1;
	REQUIRE_FAMILY(variant);
	REQUIRE_RING(&self->ring);
	self->family = test_family(variant->qsock);
	ASSERT_EQ(0, socketpair(self->family, variant->type, 0, self->fd));
}

FIXTURE_TEARDOWN(io_uring)
{
	ring_close(&self->ring);
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

static void add_send(struct ring *ring, int fd, const void *data, size_t len)
{
	struct io_uring_sqe *sqe = ring_add(ring, IORING_OP_SEND, fd, 1);

	sqe->addr = pointer_value(data);
	sqe->len = len;
	sqe->msg_flags = MSG_NOSIGNAL;
}

static void add_recv(struct ring *ring, int fd, void *data, size_t len)
{
	struct io_uring_sqe *sqe = ring_add(ring, IORING_OP_RECV, fd, 2);

	sqe->addr = pointer_value(data);
	sqe->len = len;
}

TEST_F(io_uring, send_and_recv)
{
	char got[8] = {};

	add_send(&self->ring, self->fd[0], "hello", 5);
	EXPECT_EQ(5, ring_do(&self->ring));
	add_recv(&self->ring, self->fd[1], got, sizeof(got));
	EXPECT_EQ(5, ring_do(&self->ring));
	EXPECT_STREQ("hello", got);
}

TEST_F(io_uring, read_and_write)
{
	struct io_uring_sqe *sqe;
	char got[8] = {};

	sqe = ring_add(&self->ring, IORING_OP_WRITE, self->fd[0], 1);
	sqe->addr = pointer_value("hello");
	sqe->len = 5;
	EXPECT_EQ(5, ring_do(&self->ring));
	sqe = ring_add(&self->ring, IORING_OP_READ, self->fd[1], 1);
	sqe->addr = pointer_value(got);
	sqe->len = sizeof(got);
	EXPECT_EQ(5, ring_do(&self->ring));
	EXPECT_STREQ("hello", got);
}

TEST_F(io_uring, recv_waits_for_a_message)
{
	char got[8] = {};

	add_recv(&self->ring, self->fd[1], got, sizeof(got));
	ASSERT_TRUE(ring_submit(&self->ring));
	EXPECT_TRUE(ring_waits(&self->ring));
	ASSERT_EQ(5, send(self->fd[0], "hello", 5, 0));
	EXPECT_EQ(5, ring_take(&self->ring, WAIT_MS).res);
	EXPECT_STREQ("hello", got);
}

TEST_F(io_uring, recv_waits_for_the_end)
{
	char got[8];

	add_recv(&self->ring, self->fd[1], got, sizeof(got));
	ASSERT_TRUE(ring_submit(&self->ring));
	EXPECT_TRUE(ring_waits(&self->ring));
	ASSERT_EQ(0, shutdown(self->fd[1], SHUT_RD));
	EXPECT_EQ(0, ring_take(&self->ring, WAIT_MS).res);
}

TEST_F(io_uring, send_waits_for_room)
{
	size_t before = fill_queue(self->fd[0], 512), after;

	ASSERT_LT(0, before);
	add_send(&self->ring, self->fd[0], "hello", 5);
	ASSERT_TRUE(ring_submit(&self->ring));
	EXPECT_TRUE(ring_waits(&self->ring));
	/* It may go while this receives. */
	after = drain_queue(self->fd[1]);
	EXPECT_EQ(5, ring_take(&self->ring, WAIT_MS).res);
	after += drain_queue(self->fd[1]);
	EXPECT_EQ(before + 5, after);
}

TEST_F(io_uring, what_must_not_wait_is_eagain)
{
	struct io_uring_sqe *sqe;
	char got[8];

	sqe = ring_add(&self->ring, IORING_OP_RECV, self->fd[1], 1);
	sqe->addr = pointer_value(got);
	sqe->len = sizeof(got);
	sqe->msg_flags = MSG_DONTWAIT;
	EXPECT_EQ(-EAGAIN, ring_do(&self->ring));
}

TEST_F(io_uring, errors_are_those_of_the_calls)
{
	int sk = typed_socket(_metadata, self->family, variant->type);

	add_send(&self->ring, sk, "x", 1);
	EXPECT_EQ(-ENOTCONN, ring_do(&self->ring));
	add_send(&self->ring, self->fd[0], nowhere(), 16);
	EXPECT_EQ(-EFAULT, ring_do(&self->ring));
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	add_send(&self->ring, self->fd[0], "x", 1);
	EXPECT_EQ(-EPIPE, ring_do(&self->ring));
	close(sk);
}

TEST_F(io_uring, a_recv_may_be_cancelled_and_loses_nothing)
{
	struct ring_done done;
	char got[8];
	int i;

	add_recv(&self->ring, self->fd[1], got, sizeof(got));
	ASSERT_TRUE(ring_submit(&self->ring));
	EXPECT_TRUE(ring_waits(&self->ring));
	/* The request that has user_data 2. */
	ring_add(&self->ring, IORING_OP_ASYNC_CANCEL, -1, 1)->addr = 2;
	ASSERT_TRUE(ring_submit(&self->ring));
	for (i = 0; i < 2; i++) {
		done = ring_take(&self->ring, WAIT_MS);
		EXPECT_EQ(done.user_data == 2 ? -ECANCELED : 0, done.res);
	}
	ASSERT_EQ(5, send(self->fd[0], "hello", 5, 0));
	EXPECT_EQ(5, recv(self->fd[1], got, sizeof(got), MSG_DONTWAIT));
}

TEST_F(io_uring, a_ring_that_goes_takes_its_requests_with_it)
{
	long deadline = now_ms() + WAIT_MS;
	char got[8], mine[8];
	ssize_t n;

	add_recv(&self->ring, self->fd[1], got, sizeof(got));
	ASSERT_TRUE(ring_submit(&self->ring));
	EXPECT_TRUE(ring_waits(&self->ring));
	ring_close(&self->ring);
	/* It goes when it can; until then its request may take messages. */
	do {
		ASSERT_EQ(5, send(self->fd[0], "hello", 5, 0));
		pause_ms(5);
		n = recv(self->fd[1], mine, 5, MSG_DONTWAIT);
	} while (n < 0 && now_ms() < deadline);
	EXPECT_EQ(5, n);
}

TEST_F(io_uring, poll_tells_of_each_message)
{
	struct io_uring_sqe *sqe;
	struct ring_done done;
	int i;

	sqe = ring_add(&self->ring, IORING_OP_POLL_ADD, self->fd[1], 1);
	sqe->poll32_events = POLLIN;
	sqe->len = IORING_POLL_ADD_MULTI;
	ASSERT_TRUE(ring_submit(&self->ring));
	EXPECT_TRUE(ring_waits(&self->ring));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
		done = ring_take(&self->ring, WAIT_MS);
		EXPECT_EQ(POLLIN, done.res & POLLIN);
		EXPECT_EQ(IORING_CQE_F_MORE, done.flags & IORING_CQE_F_MORE);
	}
}

static void add_accept(struct ring *ring, int listener, bool multishot)
{
	struct io_uring_sqe *sqe = ring_add(ring, IORING_OP_ACCEPT, listener,
					    3);

	if (multishot)
		sqe->ioprio = IORING_ACCEPT_MULTISHOT;
}

static void add_connect(struct ring *ring, int fd,
			const struct test_addr *addr)
{
	struct io_uring_sqe *sqe = ring_add(ring, IORING_OP_CONNECT, fd, 4);

	sqe->addr = pointer_value(&addr->sa);
	sqe->off = addr->len;
}

/* A multishot accept, and connections; what cannot listen says so. */
TEST_F(io_uring, accept_and_connect)
{
	struct test_addr addr = nul_addr(self->family, "listener");
	int listener = typed_bind(_metadata, variant->type, &addr);
	struct ring_done done;
	int client[2], server = -1, i, n;

	if (!type_ends(variant->type)) {
		add_accept(&self->ring, listener, false);
		EXPECT_EQ(-EOPNOTSUPP, ring_do(&self->ring));
		close(listener);
		return;
	}
	ASSERT_EQ(0, listen(listener, 4));
	add_accept(&self->ring, listener, true);
	ASSERT_TRUE(ring_submit(&self->ring));
	EXPECT_TRUE(ring_waits(&self->ring));
	for (i = 0; i < 2; i++) {
		client[i] = typed_socket(_metadata, self->family,
					 variant->type);
		add_connect(&self->ring, client[i], &addr);
		ASSERT_TRUE(ring_submit(&self->ring));
		for (n = 0; n < 2; n++) {
			done = ring_take(&self->ring, WAIT_MS);
			if (done.user_data == 4) {
				EXPECT_EQ(0, done.res);
				continue;
			}
			EXPECT_EQ(3, done.user_data);
			EXPECT_EQ(IORING_CQE_F_MORE,
				  done.flags & IORING_CQE_F_MORE);
			server = done.res;
			ASSERT_LE(0, server);
		}
		ASSERT_EQ(1, send(client[i], "x", 1, 0));
		EXPECT_EQ(1, drain_queue(server));
		close(server);
		close(client[i]);
	}
	close(listener);
}

/* A full backlog: the request waits, whether or not poll knows of it. */
TEST_F(io_uring, connect_waits_for_room)
{
	struct test_addr addr = nul_addr(self->family, "listener");
	int listener = typed_bind(_metadata, variant->type, &addr), sk;

	if (!type_ends(variant->type)) {
		close(listener);
		return;
	}
	ASSERT_EQ(0, listen(listener, 0));
	typed_connect(_metadata, variant->type, &addr);
	sk = typed_socket(_metadata, self->family, variant->type);
	add_connect(&self->ring, sk, &addr);
	ASSERT_TRUE(ring_submit(&self->ring));
	EXPECT_TRUE(ring_waits(&self->ring));
	EXPECT_LE(0, accept(listener, NULL, NULL));
	EXPECT_EQ(0, ring_take(&self->ring, WAIT_MS).res);
	EXPECT_EQ(1, send(sk, "x", 1, 0));
	close(sk);
	close(listener);
}

TEST_F(io_uring, shutdown_and_close)
{
	char got[8];

	ring_add(&self->ring, IORING_OP_SHUTDOWN, self->fd[1], 1)->len =
		SHUT_RD;
	EXPECT_EQ(0, ring_do(&self->ring));
	EXPECT_EQ(0, recv(self->fd[1], got, sizeof(got), 0));
	ring_add(&self->ring, IORING_OP_CLOSE, self->fd[1], 1);
	EXPECT_EQ(0, ring_do(&self->ring));
	EXPECT_ERRNO(EBADF, recv(self->fd[1], got, sizeof(got), 0));
	self->fd[1] = -1;
}

TEST_HARNESS_MAIN
