// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel's tools/testing/vsock asks of SOCK_SEQPACKET, asked of
 * this family: the cases that need no context ids. Each names the case that
 * it mirrors.
 */
#include <linux/sockios.h>
#include <sys/mman.h>

#include "qsock_message.h"

FIXTURE(vsock_mirror_seqpacket)
{
	int client;
	int server;
};

FIXTURE_VARIANT(vsock_mirror_seqpacket)
{
	bool qsock;
};

FAMILY_VARIANTS(vsock_mirror_seqpacket);

FIXTURE_SETUP(vsock_mirror_seqpacket)
{
	struct test_addr addr;
	int listener;

	self->client = -1;
	self->server = -1;
	REQUIRE_FAMILY(variant);
	addr = nul_addr(test_family(variant->qsock), "listener");
	listener = message_bind(_metadata, SOCK_SEQPACKET, &addr);
	ASSERT_EQ(0, listen(listener, 1));
	self->client = message_connect(_metadata, SOCK_SEQPACKET, &addr);
	self->server = accept(listener, NULL, NULL);
	ASSERT_LE(0, self->server);
	close(listener);
}

FIXTURE_TEARDOWN(vsock_mirror_seqpacket)
{
	close_open(&self->client);
	close_open(&self->server);
}

#define RECORDS		(512 / (int)work_divisor() + 16)
#define RECORD_MAX	(32 * 4096)

/* Record @i, the same for both processes: its size, its mark, its bytes. */
static size_t make_record(int i, char *data, int *flags)
{
	uint64_t random = random_seed(i);
	struct byte_stream bytes = byte_stream(i);
	/* Below a page, and many of them, in turn. */
	size_t size = random_size(&random, i % 2 ? RECORD_MAX : 4096);

	*flags = random_next(&random) % 2 ? MSG_EOR : 0;
	stream_make(&bytes, data, size);
	return size;
}

/* "msg bounds": sizes, bytes and MSG_EOR arrive as they were sent. */
TEST_F(vsock_mirror_seqpacket, record_bounds)
{
	char *data = malloc(RECORD_MAX), *got = malloc(RECORD_MAX + 1);
	int i, flags, marks = 0;
	pid_t child;

	child = fork_child(_metadata);
	if (!child) {
		for (i = 0; i < RECORDS; i++) {
			size_t size = make_record(i, data, &flags);

			if (send(self->client, data, size, flags) != size)
				_exit(errno);
		}
		_exit(0);
	}
	close_open(&self->client);
	for (i = 0; i < RECORDS; i++) {
		struct iovec iov = { got, RECORD_MAX + 1 };
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
		size_t size = make_record(i, data, &flags);

		ASSERT_EQ(size, recvmsg(self->server, &msg, 0));
		ASSERT_EQ(0, memcmp(data, got, size));
		/* AF_UNIX forgets the mark. */
		ASSERT_EQ(variant->qsock ? flags : 0, msg.msg_flags);
		marks += !!flags;
	}
	EXPECT_EQ(0, wait_exit(child));
	EXPECT_EQ(0, take(self->server));
	/* Some had it, some had not. */
	EXPECT_LT(0, marks);
	EXPECT_GT(RECORDS, marks);
	free(data);
	free(got);
}

/* "MSG_TRUNC flag": the whole length, the start of the bytes, the flag. */
TEST_F(vsock_mirror_seqpacket, msg_trunc)
{
	static char data[2048];
	char got[1024];
	struct iovec iov = { got, sizeof(got) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct byte_stream out = byte_stream(1), in = out;

	stream_make(&out, data, sizeof(data));
	ASSERT_EQ(sizeof(data), send(self->client, data, sizeof(data), 0));
	ASSERT_EQ(sizeof(data), recvmsg(self->server, &msg, MSG_TRUNC));
	EXPECT_EQ(MSG_TRUNC, msg.msg_flags);
	EXPECT_TRUE(stream_check(&in, got, sizeof(got)));
	EXPECT_EQ(-EAGAIN, take(self->server));
}

/* "timeout": SO_RCVTIMEO ends a wait neither before its time nor never. */
TEST_F(vsock_mirror_seqpacket, so_rcvtimeo)
{
	long long start, took;
	char got;

	ASSERT_EQ(0, set_timeout_ms(self->client, SO_RCVTIMEO, 1000));
	start = now_ms();
	EXPECT_ERRNO(EAGAIN, read(self->client, &got, 1));
	took = now_ms() - start;
	EXPECT_LE(990, took);
	/* A machine under load is late, but not that late. */
	EXPECT_GT(WAIT_MS, took);
}

/* "big message": what never fits is refused, and the next one goes. */
TEST_F(vsock_mirror_seqpacket, a_big_record)
{
	size_t size = int_option(self->client, SO_SNDBUF) + 1;
	char *data = calloc(1, size);

	EXPECT_ERRNO(EMSGSIZE, send(self->client, data, size, 0));
	EXPECT_EQ(-EAGAIN, take(self->server));
	EXPECT_EQ(1, say(self->client, "x"));
	EXPECT_TRUE(hear(self->server, "x"));
	free(data);
}

/*
 * "invalid receive buffer": a hole amid the buffer is EFAULT, and what comes
 * next is whole. VSOCK and AF_UNIX lose the record that met the hole; here it
 * stays.
 */
TEST_F(vsock_mirror_seqpacket, a_hole_in_the_buffer)
{
	size_t page = getpagesize(), size = 3 * page;
	char *hole = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct byte_stream first = byte_stream(1), second = byte_stream(2);
	struct byte_stream out;
	char data[size], got[size];

	ASSERT_NE(MAP_FAILED, hole);
	ASSERT_EQ(0, munmap(hole + page, page));
	out = first;
	stream_make(&out, data, size);
	ASSERT_EQ(size, send(self->client, data, size, 0));
	out = second;
	stream_make(&out, data, size);
	ASSERT_EQ(size, send(self->client, data, size, 0));
	EXPECT_ERRNO(EFAULT, read(self->server, hole, size));
	if (variant->qsock) {
		ASSERT_EQ(size, read(self->server, got, size));
		EXPECT_TRUE(stream_check(&first, got, size));
	}
	ASSERT_EQ(size, read(self->server, got, size));
	EXPECT_TRUE(stream_check(&second, got, size));
	EXPECT_EQ(-EAGAIN, take(self->server));
	munmap(hole, page);
	munmap(hole + 2 * page, page);
}

/* "test invalid buffer": the same with no buffer at all. */
TEST_F(vsock_mirror_seqpacket, an_invalid_buffer)
{
	char data[512] = {}, got[512];

	ASSERT_EQ(sizeof(data), send(self->server, data, sizeof(data), 0));
	EXPECT_ERRNO(EFAULT, recv(self->client, nowhere(), sizeof(data), 0));
	if (variant->qsock)
		EXPECT_EQ(sizeof(data), recv(self->client, got, sizeof(got),
					     MSG_DONTWAIT));
	EXPECT_EQ(-EAGAIN, take(self->client));
}

/* "MSG_PEEK": a part, all, and then it is still there. */
TEST_F(vsock_mirror_seqpacket, msg_peek)
{
	struct byte_stream out = byte_stream(1);
	char data[64], peeked[64], got[64];

	EXPECT_ERRNO(EAGAIN, recv(self->server, peeked, sizeof(peeked),
				  MSG_PEEK | MSG_DONTWAIT));
	stream_make(&out, data, sizeof(data));
	ASSERT_EQ(sizeof(data), send(self->client, data, sizeof(data), 0));
	ASSERT_EQ(32, recv(self->server, peeked, 32, MSG_PEEK));
	EXPECT_EQ(0, memcmp(data, peeked, 32));
	ASSERT_EQ(64, recv(self->server, peeked, 32, MSG_PEEK | MSG_TRUNC));
	ASSERT_EQ(64, recv(self->server, peeked, 64, MSG_PEEK));
	EXPECT_EQ(0, memcmp(data, peeked, 64));
	ASSERT_EQ(64, recv(self->server, got, 64, 0));
	EXPECT_EQ(0, memcmp(data, got, 64));
	EXPECT_EQ(-EAGAIN, take(self->server));
}

/* "MSG_ZEROCOPY": refused as an option, copied as a flag. */
TEST_F(vsock_mirror_seqpacket, msg_zerocopy_copies)
{
	char data[4096], got[4096];
	struct byte_stream out = byte_stream(1), in = out;
	int one = 1;

	EXPECT_ERRNO(EOPNOTSUPP, setsockopt(self->client, SOL_SOCKET,
					    SO_ZEROCOPY, &one, sizeof(one)));
	stream_make(&out, data, sizeof(data));
	ASSERT_EQ(sizeof(data), send(self->client, data, sizeof(data),
				     MSG_ZEROCOPY));
	memset(data, 0, sizeof(data));
	ASSERT_EQ(sizeof(got), recv(self->server, got, sizeof(got), 0));
	EXPECT_TRUE(stream_check(&in, got, sizeof(got)));
	EXPECT_EQ(0, poll_one(self->client, POLLIN | POLLPRI, 0));
}

/* "ioctl(SIOCOUTQ) 0 unsent bytes", "ioctl(SIOCINQ) functionality". */
TEST_F(vsock_mirror_seqpacket, siocoutq_and_siocinq)
{
	ASSERT_EQ(8, say(self->client, "ABCDEFGH"));
	ASSERT_EQ(2, say(self->client, "IJ"));
	EXPECT_EQ(10, queue_bytes(self->server, SIOCINQ));
	EXPECT_LE(10, queue_bytes(self->client, SIOCOUTQ));
	EXPECT_EQ(8, take(self->server));
	EXPECT_EQ(2, queue_bytes(self->server, SIOCINQ));
	EXPECT_EQ(2, take(self->server));
	EXPECT_EQ(0, queue_bytes(self->server, SIOCINQ));
	EXPECT_EQ(0, queue_bytes(self->client, SIOCOUTQ));
}

TEST_HARNESS_MAIN
