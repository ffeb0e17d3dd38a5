// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel's tools/testing/vsock asks of SOCK_STREAM, asked of this
 * family: the cases that need no context ids and no transport of VSOCK's.
 * Each names the case that it mirrors.
 */
#include <linux/sockios.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "qsock_message.h"

FIXTURE(vsock_mirror_stream)
{
	int family;
	struct test_addr addr;
	int listener;	/* at addr */
	int client;	/* connected to it */
	int server;	/* accepted from it */
};

FIXTURE_VARIANT(vsock_mirror_stream)
{
	bool qsock;
};

FAMILY_VARIANTS(vsock_mirror_stream);

FIXTURE_SETUP(vsock_mirror_stream)
{
	self->listener = -1;
	self->client = -1;
	self->server = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	self->addr = nul_addr(self->family, "listener");
	self->listener = stream_listen(_metadata, &self->addr, 8);
	self->client = stream_connect(_metadata, &self->addr);
	self->server = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, self->server);
}

FIXTURE_TEARDOWN(vsock_mirror_stream)
{
	close_open(&self->listener);
	close_open(&self->client);
	close_open(&self->server);
}

/* "connection reset", "bind only": nobody listens (VSOCK: ECONNRESET). */
TEST_F(vsock_mirror_stream, nobody_listens)
{
	struct test_addr addr = nul_addr(self->family, "nobody");
	int fd = stream_socket(_metadata, self->family, 0), bound;

	EXPECT_EQ(ECONNREFUSED, connect_errno(fd, &addr));
	bound = stream_bind(_metadata, &addr);
	EXPECT_EQ(ECONNREFUSED, connect_errno(fd, &addr));
	/* "retry failed connect()": the failure left nothing behind. */
	ASSERT_EQ(0, listen(bound, 1));
	EXPECT_EQ(0, connect_errno(fd, &addr));
	close(bound);
	close(fd);
}

/* "client close", "server close": what was sent, then the end, then EPIPE. */
TEST_F(vsock_mirror_stream, one_end_closes)
{
	int i;

	for (i = 0; i < 2; i++) {
		int *closed = i ? &self->server : &self->client;
		int left = i ? self->client : self->server;
		char got;

		ASSERT_EQ(1, send(*closed, "A", 1, 0));
		close_open(closed);
		ASSERT_EQ(1, recv(left, &got, 1, 0));
		EXPECT_EQ('A', got);
		EXPECT_EQ(0, recv(left, &got, 1, 0));
		EXPECT_ERRNO(EPIPE, send(left, "B", 1, MSG_NOSIGNAL));
		close_open(&self->client);
		close_open(&self->server);
		self->client = stream_connect(_metadata, &self->addr);
		self->server = accept(self->listener, NULL, NULL);
		ASSERT_LE(0, self->server);
	}
}

/* "multiple connections": each byte arrives where it was sent to. */
TEST_F(vsock_mirror_stream, many_connections)
{
	int client[100], server[100], i;
	char byte, got;

	for (i = 0; i < 100; i++) {
		client[i] = stream_connect(_metadata, &self->addr);
		server[i] = accept(self->listener, NULL, NULL);
		ASSERT_LE(0, server[i]);
		byte = i;
		ASSERT_EQ(1, send(client[i], &byte, 1, 0));
	}
	while (i--) {
		ASSERT_EQ(1, recv(server[i], &got, 1, MSG_DONTWAIT));
		EXPECT_EQ(i, got);
		EXPECT_EQ(-EAGAIN, take(server[i]));
		close(client[i]);
		close(server[i]);
	}
}

/* "MSG_PEEK", "MSG_PEEK after partial recv": what it shows is what comes. */
TEST_F(vsock_mirror_stream, msg_peek)
{
	struct byte_stream out = byte_stream(1);
	char data[64], peeked[64], got[64];

	EXPECT_ERRNO(EAGAIN, recv(self->server, peeked, sizeof(peeked),
				  MSG_PEEK | MSG_DONTWAIT));
	stream_make(&out, data, sizeof(data));
	ASSERT_EQ(sizeof(data), send(self->client, data, sizeof(data), 0));
	ASSERT_EQ(32, recv(self->server, peeked, 32, MSG_PEEK));
	EXPECT_EQ(0, memcmp(data, peeked, 32));
	ASSERT_EQ(64, recv(self->server, peeked, 64, MSG_PEEK));
	EXPECT_EQ(0, memcmp(data, peeked, 64));
	ASSERT_EQ(1, recv(self->server, got, 1, 0));
	ASSERT_EQ(63, recv(self->server, peeked, sizeof(peeked), MSG_PEEK));
	ASSERT_EQ(63, recv(self->server, got + 1, 63, 0));
	EXPECT_EQ(0, memcmp(data + 1, peeked, 63));
	EXPECT_EQ(0, memcmp(data, got, 64));
	EXPECT_EQ(-EAGAIN, take(self->server));
}

/* "poll() + SO_RCVLOWAT". AF_UNIX honours it in reads that wait only. */
TEST_F(vsock_mirror_stream, poll_and_so_rcvlowat)
{
	short in = POLLIN | POLLRDNORM;
	int lowat = 128, i;
	char got[128];

	ASSERT_EQ(0, setsockopt(self->client, SOL_SOCKET, SO_RCVLOWAT, &lowat,
				sizeof(lowat)));
	for (i = 0; i < lowat; i++) {
		EXPECT_EQ(variant->qsock || !i ? 0 : in,
			  poll_one(self->client, in, 0));
		ASSERT_EQ(1, send(self->server, "x", 1, 0));
	}
	EXPECT_EQ(in, poll_one(self->client, in, 0));
	EXPECT_EQ(lowat, recv(self->client, got, sizeof(got), MSG_DONTWAIT));
}

/*
 * "virtio credit update + SO_RCVLOWAT", "... + low rx_bytes": a low-water
 * mark above what the sender can queue must not stall the connection.
 */
TEST_F(vsock_mirror_stream, so_rcvlowat_and_a_full_queue)
{
	size_t count = fill_queue(self->client, 4096), half = count / 2;
	int lowat = half + 1;
	static char got[1 << 20];
	size_t rest;
	pid_t child;

	ASSERT_LT(0, count);
	ASSERT_GT(sizeof(got), count);
	ASSERT_EQ(count, recv(self->server, got, sizeof(got), MSG_PEEK));
	/* The mark is raised while more is there, then less. */
	ASSERT_EQ(half, recv(self->server, got, half, 0));
	ASSERT_EQ(0, setsockopt(self->server, SOL_SOCKET, SO_RCVLOWAT, &lowat,
				sizeof(lowat)));
	rest = count - half;
	child = fork_child(_metadata);
	if (!child)
		_exit(send_all(self->client, got, lowat) == (size_t)lowat ?
		      0 : errno);
	EXPECT_EQ(POLLIN, poll_one(self->server, POLLIN, WAIT_MS));
	ASSERT_EQ(0, set_timeout_ms(self->server, SO_RCVTIMEO, WAIT_MS));
	EXPECT_EQ(rest + lowat, recv_all(self->server, got, rest + lowat));
	EXPECT_EQ(0, wait_exit(child));
}

/* "test invalid buffer": the bytes are still there after EFAULT. */
TEST_F(vsock_mirror_stream, an_invalid_buffer)
{
	char data[512] = {}, got[512];

	ASSERT_EQ(sizeof(data), send(self->server, data, sizeof(data), 0));
	EXPECT_ERRNO(EFAULT, recv(self->client, nowhere(), sizeof(data), 0));
	EXPECT_EQ(sizeof(data), recv(self->client, got, sizeof(got),
				     MSG_DONTWAIT));
}

/* "virtio skb merge": a part read, more sent, the rest of both read. */
TEST_F(vsock_mirror_stream, a_read_across_two_sends)
{
	char got[64];

	ASSERT_EQ(5, say(self->client, "HELLO"));
	ASSERT_EQ(2, recv(self->server, got, 2, 0));
	ASSERT_EQ(5, say(self->client, "WORLD"));
	ASSERT_EQ(8, recv(self->server, got + 2, 8, 0));
	EXPECT_EQ(0, memcmp("HELLOWORLD", got, 10));
	EXPECT_EQ(-EAGAIN, take(self->server));
}

/* A child sends a byte with @flags; the errno, or 128 and the signal. */
static int send_in_child(struct __test_metadata *_metadata, int fd, int flags)
{
	pid_t child = fork_child(_metadata);

	if (!child)
		_exit(send(fd, "A", 1, flags) < 0 ? errno : 0);
	return wait_exit(child);
}

/* "SHUT_WR", "SHUT_RD": EPIPE with SIGPIPE, or with MSG_NOSIGNAL without. */
TEST_F(vsock_mirror_stream, shutdown_and_sigpipe)
{
	ASSERT_EQ(0, shutdown(self->client, SHUT_WR));
	EXPECT_EQ(128 + SIGPIPE, send_in_child(_metadata, self->client, 0));
	EXPECT_EQ(EPIPE, send_in_child(_metadata, self->client, MSG_NOSIGNAL));
	ASSERT_EQ(0, shutdown(self->client, SHUT_RD));
	EXPECT_EQ(128 + SIGPIPE, send_in_child(_metadata, self->server, 0));
	EXPECT_EQ(EPIPE, send_in_child(_metadata, self->server, MSG_NOSIGNAL));
}

/*
 * "MSG_ZEROCOPY" and its kin: there is none, SO_ZEROCOPY says so, the flag
 * alone copies, and no notice waits in an error queue.
 */
TEST_F(vsock_mirror_stream, msg_zerocopy_copies)
{
	size_t page = getpagesize(), i;
	char *map = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char got[page + 2];
	int one = 1;

	ASSERT_NE(MAP_FAILED, map);
	EXPECT_ERRNO(EOPNOTSUPP, setsockopt(self->client, SOL_SOCKET,
					    SO_ZEROCOPY, &one, sizeof(one)));
	/* "accept()ed socket custom setsockopt()": the same there. */
	EXPECT_ERRNO(EOPNOTSUPP, setsockopt(self->server, SOL_SOCKET,
					    SO_ZEROCOPY, &one, sizeof(one)));
	for (i = 0; i < 3; i++) {
		size_t size = page + i;
		struct byte_stream out = byte_stream(i), in = out;

		/* Aligned and not; changed as soon as it was sent. */
		stream_make(&out, map + i, size);
		ASSERT_EQ(size, send(self->client, map + i, size,
				     MSG_ZEROCOPY));
		memset(map, 0, 3 * page);
		ASSERT_EQ(size, recv_all(self->server, got, size));
		EXPECT_TRUE(stream_check(&in, got, size));
	}
	EXPECT_EQ(0, poll_one(self->client, POLLIN | POLLPRI, 0));
	EXPECT_ERRNO(EAGAIN, recv(self->client, got, sizeof(got),
				  MSG_ERRQUEUE | MSG_DONTWAIT));
	munmap(map, 3 * page);
}

/* "double bind connect": a client's name is free as soon as it is gone. */
TEST_F(vsock_mirror_stream, a_bound_client_connects_twice)
{
	struct test_addr name = nul_addr(self->family, "client"), from;
	int i;

	for (i = 0; i < 2; i++) {
		int client = stream_bind(_metadata, &name), server;

		ASSERT_EQ(0, connect_errno(client, &self->addr));
		from.len = sizeof(from.storage);
		server = accept(self->listener, &from.sa, &from.len);
		ASSERT_LE(0, server);
		EXPECT_TRUE(same_addr(&name, &from));
		close(client);
		EXPECT_EQ(0, take(server));
		close(server);
	}
}

/* "ioctl(SIOCOUTQ) 0 unsent bytes", "ioctl(SIOCINQ) functionality". */
TEST_F(vsock_mirror_stream, siocoutq_and_siocinq)
{
	char got[8];

	ASSERT_EQ(8, send(self->client, "ABCDEFGH", 8, 0));
	EXPECT_EQ(8, queue_bytes(self->server, SIOCINQ));
	EXPECT_EQ(0, queue_bytes(self->client, SIOCINQ));
	EXPECT_LE(8, queue_bytes(self->client, SIOCOUTQ));
	EXPECT_EQ(5, recv(self->server, got, 5, 0));
	EXPECT_EQ(3, queue_bytes(self->server, SIOCINQ));
	EXPECT_EQ(3, recv(self->server, got, 3, 0));
	EXPECT_EQ(0, queue_bytes(self->server, SIOCINQ));
	EXPECT_EQ(0, queue_bytes(self->client, SIOCOUTQ));
}

/* "leak accept queue": connects race with a listener that comes and goes. */
TEST_F(vsock_mirror_stream, connects_race_with_listen_and_close)
{
	struct test_addr addr = nul_addr(self->family, "race");
	long end = now_ms() + 1000;
	pid_t child = fork_child(_metadata);
	int met = 0;

	if (!child) {
		while (true) {
			int fd = stream_listen(_metadata, &addr, 4);

			close(fd);
		}
	}
	while (now_ms() < end || (!met && now_ms() < end + WAIT_MS)) {
		int fd = stream_socket(_metadata, self->family, 0);
		int error = connect_errno(fd, &addr);

		if (error && error != ECONNREFUSED)
			ASSERT_EQ(0, error);
		/* Whoever it met is gone, or will be. */
		if (!error) {
			char got;

			met++;
			ASSERT_TRUE(!recv(fd, &got, 1, 0) ||
				    errno == ECONNRESET);
		}
		close(fd);
	}
	EXPECT_LT(0, met);
	kill(child, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, wait_exit(child));
}

/* "SO_LINGER null-ptr-deref", "SO_LINGER close() on unread": no lingering. */
TEST_F(vsock_mirror_stream, so_linger_does_not_linger)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 60 };
	long start = now_ms();

	ASSERT_EQ(0, setsockopt(self->client, SOL_SOCKET, SO_LINGER, &linger,
				sizeof(linger)));
	ASSERT_EQ(1, send(self->client, "A", 1, 0));
	close_open(&self->client);
	EXPECT_GT(60000, now_ms() - start);
	EXPECT_TRUE(hear(self->server, "A"));
	EXPECT_EQ(0, take(self->server));
}

/* "TX credit bounds": a sender queues no more than its SO_SNDBUF. */
TEST_F(vsock_mirror_stream, so_sndbuf_bounds_what_is_queued)
{
	int small = 8192, large = 1 << 18;
	size_t total;

	ASSERT_EQ(0, setsockopt(self->client, SOL_SOCKET, SO_SNDBUF, &small,
				sizeof(small)));
	ASSERT_EQ(0, setsockopt(self->server, SOL_SOCKET, SO_RCVBUF, &large,
				sizeof(large)));
	total = fill_queue(self->client, 4096);
	EXPECT_LT(0, total);
	EXPECT_GE(int_option(self->client, SO_SNDBUF), total);
}

/* "small packets backpressure": nothing is lost, nothing is reset. */
TEST_F(vsock_mirror_stream, many_small_sends)
{
	size_t total = (2 << 20) / work_divisor(), done = 0;
	struct byte_stream in = byte_stream(7);
	char got[4096];
	pid_t child = fork_child(_metadata);
	ssize_t n;

	if (!child) {
		uint64_t random = random_seed(7);
		struct byte_stream out = in;

		while (done < total) {
			size_t size = 128 + random_size(&random, 384);

			if (size > total - done)
				size = total - done;
			stream_make(&out, got, size);
			if (send_all(self->client, got, size) != size)
				_exit(errno);
			done += size;
		}
		_exit(0);
	}
	close_open(&self->client);
	while ((n = recv(self->server, got, sizeof(got), 0)) > 0) {
		ASSERT_TRUE(stream_check(&in, got, n));
		done += n;
	}
	EXPECT_EQ(0, n);
	EXPECT_EQ(total, done);
	EXPECT_EQ(0, wait_exit(child));
}

TEST_HARNESS_MAIN
