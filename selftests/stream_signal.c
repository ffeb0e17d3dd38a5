// SPDX-License-Identifier: GPL-2.0
/*
 * Signals: a call that waits is interrupted, or restarted where the handler
 * allows it and no timeout was set.
 */
#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_test.h"

enum operation { RECV, SEND, ACCEPT, CONNECT };

FIXTURE(stream_signal)
{
	int family;
	struct test_addr addr;
	int listener;
	int client[2];
	int fd[2];
	int waiting;	/* the socket whose call waits */
	int handled[2];	/* a pipe: the handler ran */
};

FIXTURE_VARIANT(stream_signal)
{
	bool qsock;
	enum operation operation;
};

#define SIGNAL_VARIANTS(name, op)					\
	FIXTURE_VARIANT_ADD(stream_signal, af_qsock_##name)		\
		{ .qsock = true, .operation = op };			\
	FIXTURE_VARIANT_ADD(stream_signal, af_unix_##name)		\
		{ .qsock = false, .operation = op }

SIGNAL_VARIANTS(recv, RECV);
SIGNAL_VARIANTS(send, SEND);
SIGNAL_VARIANTS(accept, ACCEPT);
SIGNAL_VARIANTS(connect, CONNECT);

static int handler_pipe;

static void handler(int number)
{
	(void)number;
	tell(handler_pipe);
}

FIXTURE_SETUP(stream_signal)
{
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	ASSERT_EQ(0, pipe(self->handled));
	handler_pipe = self->handled[1];
	ASSERT_EQ(0, socketpair(self->family, SOCK_STREAM, 0, self->fd));
	self->addr = nul_addr(self->family, "listener");
	self->listener = stream_listen(_metadata, &self->addr, 0);
	switch (variant->operation) {
	case RECV:
		self->waiting = self->fd[0];
		break;
	case SEND:
		self->waiting = self->fd[0];
		ASSERT_LT(0, fill_queue(self->fd[0], 512));
		break;
	case ACCEPT:
		self->client[0] = stream_socket(_metadata, self->family, 0);
		self->waiting = self->listener;
		break;
	case CONNECT:
		self->client[0] = stream_connect(_metadata, &self->addr);
		self->client[1] = stream_socket(_metadata, self->family, 0);
		self->waiting = self->client[1];
		break;
	}
}

FIXTURE_TEARDOWN(stream_signal)
{
	/* The process ends here, and with it every descriptor. */
}

/* The call that waits; 0 or its errno. */
static int waiting_call(const FIXTURE_DATA(stream_signal) *self,
			enum operation operation)
{
	char byte = 0;
	int n = -1;

	switch (operation) {
	case RECV:
		n = recv(self->waiting, &byte, 1, 0);
		break;
	case SEND:
		n = send(self->waiting, &byte, 1, 0);
		break;
	case ACCEPT:
		n = accept(self->waiting, NULL, NULL);
		break;
	case CONNECT:
		n = connect(self->waiting, &self->addr.sa, self->addr.len);
		break;
	}
	return n < 0 ? errno : 0;
}

/* What the call waits for. */
static bool let_it_go_on(const FIXTURE_DATA(stream_signal) *self,
			 enum operation operation)
{
	switch (operation) {
	case RECV:
		return send(self->fd[1], "x", 1, 0) == 1;
	case SEND:
		return drain_queue(self->fd[1]) > 0;
	case ACCEPT:
		return connect(self->client[0], &self->addr.sa,
			       self->addr.len) == 0;
	case CONNECT:
		return accept(self->listener, NULL, NULL) >= 0;
	}
	return false;
}

static pid_t blocked_caller(struct __test_metadata *_metadata,
			    const FIXTURE_DATA(stream_signal) *self,
			    enum operation operation, int handler_flags)
{
	struct sigaction action = {
		.sa_handler = handler,
		.sa_flags = handler_flags,
	};
	pid_t child;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	child = fork_child(_metadata);
	if (!child)
		_exit(waiting_call(self, operation));
	ASSERT_TRUE(wait_blocked(child));
	return child;
}

static void set_timeouts(struct __test_metadata *_metadata, int fd)
{
	ASSERT_EQ(0, set_timeout_ms(fd, SO_RCVTIMEO, WAIT_MS));
	ASSERT_EQ(0, set_timeout_ms(fd, SO_SNDTIMEO, WAIT_MS));
}

TEST_F(stream_signal, a_handler_without_restart_gives_eintr)
{
	pid_t child = blocked_caller(_metadata, self, variant->operation, 0);

	ASSERT_EQ(0, kill(child, SIGUSR1));
	EXPECT_EQ(EINTR, wait_exit(child));
	EXPECT_TRUE(await(self->handled[0]));
}

TEST_F(stream_signal, a_handler_with_restart_lets_it_wait_on)
{
	pid_t child = blocked_caller(_metadata, self, variant->operation,
				     SA_RESTART);

	ASSERT_EQ(0, kill(child, SIGUSR1));
	ASSERT_TRUE(await(self->handled[0]));
	ASSERT_TRUE(wait_blocked(child));
	ASSERT_TRUE(let_it_go_on(self, variant->operation));
	EXPECT_EQ(0, wait_exit(child));
}

TEST_F(stream_signal, a_timeout_gives_eintr_in_spite_of_restart)
{
	pid_t child;

	set_timeouts(_metadata, self->waiting);
	child = blocked_caller(_metadata, self, variant->operation, SA_RESTART);
	ASSERT_EQ(0, kill(child, SIGUSR1));
	EXPECT_EQ(EINTR, wait_exit(child));
}

TEST_F(stream_signal, an_ignored_signal_disturbs_nothing)
{
	pid_t child;

	signal(SIGUSR2, SIG_IGN);
	child = blocked_caller(_metadata, self, variant->operation, 0);
	ASSERT_EQ(0, kill(child, SIGUSR2));
	ASSERT_TRUE(wait_blocked(child));
	ASSERT_EQ(0, kill(child, SIGUSR1));
	EXPECT_EQ(EINTR, wait_exit(child));
}

TEST_F(stream_signal, a_killed_caller_dies)
{
	pid_t child = blocked_caller(_metadata, self, variant->operation, 0);

	ASSERT_EQ(0, kill(child, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, wait_exit(child));
}

TEST_HARNESS_MAIN
