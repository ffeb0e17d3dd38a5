// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation and every copy from and to user memory inside a call
 * fails once, one after the other. The call says so or does without; nothing
 * is lost, and the same call succeeds afterwards.
 *
 * Needs a kernel with fault injection, as CONFIG=debug builds it.
 */
#include "qsock_data.h"
#include "qsock_fail.h"
#include "qsock_proc.h"
#include "qsock_test.h"

#define MESSAGE	20000

FIXTURE(out_of_memory)
{
	int family;
	int nth;	/* /proc/thread-self/fail-nth */
	int fd[2];
	int listener;
	struct test_addr addr;
	char *data;
};

FIXTURE_VARIANT(out_of_memory)
{
	bool qsock;
	void (*prepare)(struct __test_metadata *_metadata,
			FIXTURE_DATA(out_of_memory) *self);
	int (*call)(FIXTURE_DATA(out_of_memory) *self);
	/* After the call, which it makes again if it failed. */
	void (*check)(struct __test_metadata *_metadata,
		      FIXTURE_DATA(out_of_memory) *self, int result);
};

static bool is_allowed(int error)
{
	return error == ENOMEM || error == ENOBUFS || error == ENFILE ||
	       error == EFAULT;
}

static void prepare_nothing(struct __test_metadata *_metadata,
			    FIXTURE_DATA(out_of_memory) *self)
{
	(void)_metadata;
	(void)self;
}

static void prepare_pair(struct __test_metadata *_metadata,
			 FIXTURE_DATA(out_of_memory) *self)
{
	ASSERT_EQ(0, socketpair(self->family, SOCK_STREAM, 0, self->fd));
}

static void prepare_message(struct __test_metadata *_metadata,
			    FIXTURE_DATA(out_of_memory) *self)
{
	prepare_pair(_metadata, self);
	ASSERT_EQ(MESSAGE, send(self->fd[0], self->data, MESSAGE, 0));
}

static void prepare_socket(struct __test_metadata *_metadata,
			   FIXTURE_DATA(out_of_memory) *self)
{
	self->fd[0] = stream_socket(_metadata, self->family, 0);
}

static void prepare_bound(struct __test_metadata *_metadata,
			  FIXTURE_DATA(out_of_memory) *self)
{
	self->fd[0] = stream_bind(_metadata, &self->addr);
}

static void prepare_listener(struct __test_metadata *_metadata,
			     FIXTURE_DATA(out_of_memory) *self)
{
	self->listener = stream_listen(_metadata, &self->addr, 4);
	self->fd[0] = stream_socket(_metadata, self->family, 0);
}

static void prepare_connection(struct __test_metadata *_metadata,
			       FIXTURE_DATA(out_of_memory) *self)
{
	self->listener = stream_listen(_metadata, &self->addr, 4);
	self->fd[0] = stream_connect(_metadata, &self->addr);
}

static int call_socket(FIXTURE_DATA(out_of_memory) *self)
{
	self->fd[0] = socket(self->family, SOCK_STREAM, 0);
	return self->fd[0];
}

static int call_socketpair(FIXTURE_DATA(out_of_memory) *self)
{
	return socketpair(self->family, SOCK_STREAM, 0, self->fd);
}

static int call_bind(FIXTURE_DATA(out_of_memory) *self)
{
	return bind(self->fd[0], &self->addr.sa, self->addr.len);
}

static int call_autobind(FIXTURE_DATA(out_of_memory) *self)
{
	return bind(self->fd[0], &self->addr.sa, NAME_OFFSET);
}

static int call_listen(FIXTURE_DATA(out_of_memory) *self)
{
	return listen(self->fd[0], 4);
}

static int call_connect(FIXTURE_DATA(out_of_memory) *self)
{
	return connect(self->fd[0], &self->addr.sa, self->addr.len);
}

static int call_accept(FIXTURE_DATA(out_of_memory) *self)
{
	self->fd[1] = accept(self->listener, NULL, NULL);
	return self->fd[1];
}

static int call_send(FIXTURE_DATA(out_of_memory) *self)
{
	return send(self->fd[0], self->data, MESSAGE, 0);
}

static int call_recv(FIXTURE_DATA(out_of_memory) *self)
{
	static char got[MESSAGE];

	return recv(self->fd[1], got, MESSAGE, 0);
}

/* Both descriptors are a working pair, or become one by calling again. */
static void check_pair(struct __test_metadata *_metadata,
		       FIXTURE_DATA(out_of_memory) *self, int result)
{
	if (result < 0)
		prepare_pair(_metadata, self);
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	ASSERT_EQ(1, drain_queue(self->fd[1]));
}

static void check_socket(struct __test_metadata *_metadata,
			 FIXTURE_DATA(out_of_memory) *self, int result)
{
	if (result < 0)
		ASSERT_LE(0, call_socket(self));
}

static void check_bind(struct __test_metadata *_metadata,
		       FIXTURE_DATA(out_of_memory) *self, int result)
{
	/* A name that was half taken would be in use. */
	if (result < 0)
		ASSERT_EQ(0, call_bind(self));
}

static void check_autobind(struct __test_metadata *_metadata,
			   FIXTURE_DATA(out_of_memory) *self, int result)
{
	if (result < 0)
		ASSERT_EQ(0, call_autobind(self));
}

static void check_listen(struct __test_metadata *_metadata,
			 FIXTURE_DATA(out_of_memory) *self, int result)
{
	if (result < 0)
		ASSERT_EQ(0, call_listen(self));
	close(stream_connect(_metadata, &self->addr));
}

static void check_connect(struct __test_metadata *_metadata,
			  FIXTURE_DATA(out_of_memory) *self, int result)
{
	if (result < 0)
		ASSERT_EQ(0, call_connect(self));
	/* One connection waits, and one only. */
	ASSERT_EQ(0, set_nonblock(self->listener));
	ASSERT_LE(0, call_accept(self));
	EXPECT_ERRNO(EAGAIN, accept(self->listener, NULL, NULL));
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	ASSERT_EQ(1, drain_queue(self->fd[1]));
}

static void check_accept(struct __test_metadata *_metadata,
			 FIXTURE_DATA(out_of_memory) *self, int result)
{
	ASSERT_EQ(0, set_nonblock(self->listener));
	if (result < 0)
		ASSERT_LE(0, call_accept(self));
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	ASSERT_EQ(1, drain_queue(self->fd[1]));
}

/* The reader gets what the sender was told, and then the next message. */
static void check_send(struct __test_metadata *_metadata,
		       FIXTURE_DATA(out_of_memory) *self, int result)
{
	static char got[MESSAGE + 1];
	size_t sent = result < 0 ? 0 : result;

	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	ASSERT_EQ(sent + 1, recv_all(self->fd[1], got, sent + 1));
	ASSERT_EQ(0, memcmp(self->data, got, sent));
	ASSERT_EQ('x', got[sent]);
	ASSERT_EQ(0, drain_queue(self->fd[1]));
}

/* What was not given is still there. */
static void check_recv(struct __test_metadata *_metadata,
		       FIXTURE_DATA(out_of_memory) *self, int result)
{
	static char got[MESSAGE];
	size_t given = result < 0 ? 0 : result;

	ASSERT_EQ(MESSAGE - given,
		  given < MESSAGE ?
			  recv_all(self->fd[1], got, MESSAGE - given) : 0);
	ASSERT_EQ(0, memcmp(self->data + given, got, MESSAGE - given));
	ASSERT_EQ(0, drain_queue(self->fd[1]));
}

#define check_socketpair check_pair

/* One call on both families, and what has to be there before it. */
#define OPERATION(operation, before)					\
	FIXTURE_VARIANT_ADD(out_of_memory, af_qsock_##operation) {	\
		.qsock = true,						\
		.prepare = prepare_##before,				\
		.call = call_##operation,				\
		.check = check_##operation,				\
	};								\
	FIXTURE_VARIANT_ADD(out_of_memory, af_unix_##operation) {	\
		.qsock = false,						\
		.prepare = prepare_##before,				\
		.call = call_##operation,				\
		.check = check_##operation,				\
	}

OPERATION(socket, nothing);
OPERATION(socketpair, nothing);
OPERATION(bind, socket);
OPERATION(autobind, socket);
OPERATION(listen, bound);
OPERATION(connect, listener);
OPERATION(accept, connection);
OPERATION(send, pair);
OPERATION(recv, message);

FIXTURE_SETUP(out_of_memory)
{
	struct byte_stream out = byte_stream(6);

	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	REQUIRE_FAULTS(self->nth);
	self->addr = nul_addr(self->family, "listener");
	self->data = malloc(MESSAGE);
	stream_make(&out, self->data, MESSAGE);
}

FIXTURE_TEARDOWN(out_of_memory)
{
	close(self->nth);
	free(self->data);
}

TEST_F_TIMEOUT(out_of_memory, each_chance_to_fail_is_survived, 600)
{
	unsigned int n, failed = 0;
	bool taken = true;

	for (n = 1; taken && n < 1000; n++) {
		int result;

		self->fd[0] = -1;
		self->fd[1] = -1;
		self->listener = -1;
		variant->prepare(_metadata, self);
		ASSERT_TRUE(arm(self->nth, n));
		result = variant->call(self);
		taken = disarm(self->nth);
		if (result < 0) {
			ASSERT_TRUE(taken);
			ASSERT_TRUE(is_allowed(errno)) {
				TH_LOG("chance %u: %s", n, strerror(errno));
			}
			failed++;
		}
		variant->check(_metadata, self, result);
		close_open(&self->fd[0]);
		close_open(&self->fd[1]);
		close_open(&self->listener);
	}
	TH_LOG("%u failures in %u calls", failed, n - 1);
	EXPECT_FALSE(taken);
	EXPECT_LT(0, failed);
}

TEST_HARNESS_MAIN
