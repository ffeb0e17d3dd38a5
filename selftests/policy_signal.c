// SPDX-License-Identifier: GPL-2.0
/*
 * A send that a rule refuses with EPIPE raises SIGPIPE where the same error of a
 * closed connection does: on a stream, unless MSG_NOSIGNAL, whichever way the
 * message takes; and never where boundaries are kept. AF_UNIX, with a receiver
 * that is gone, says what is expected.
 */
#include "qsock_policy.h"

static volatile sig_atomic_t raised;

static void on_sigpipe(int number)
{
	(void)number;
	raised++;
}

FIXTURE(policy_signal)
{
	int fd[2];
	int reference[2];	/* AF_UNIX; the second is closed */
};

FIXTURE_VARIANT(policy_signal)
{
	int type;
};

FIXTURE_VARIANT_ADD(policy_signal, stream) { .type = SOCK_STREAM };
FIXTURE_VARIANT_ADD(policy_signal, seqpacket) { .type = SOCK_SEQPACKET };
FIXTURE_VARIANT_ADD(policy_signal, dgram) { .type = SOCK_DGRAM };

FIXTURE_SETUP(policy_signal)
{
	struct sigaction action = { .sa_handler = on_sigpipe };

	REQUIRE_POLICY();
	ASSERT_EQ(0, sigaction(SIGPIPE, &action, NULL));
	ASSERT_EQ(0, socketpair(qsock_family(), variant->type, 0, self->fd));
	ASSERT_EQ(0, socketpair(AF_UNIX, variant->type, 0, self->reference));
	ASSERT_EQ(0, shutdown(self->reference[1], SHUT_RD));
}

FIXTURE_TEARDOWN_PARENT(policy_signal)
{
	policy_unload();
}

/* One byte, on each of the ways of a send. */
typedef ssize_t send_fn(int fd, int flags);

/* write(2) has no flags. */
static ssize_t by_send(int fd, int flags)
{
	return flags ? send(fd, "x", 1, flags) : write(fd, "x", 1);
}

static ssize_t send_control(int fd, int type, const void *data, size_t len,
			    int flags)
{
	struct iovec iov = { "x", 1 };
	struct control c = {};
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	control_add(&c, SOL_SOCKET, type, data, len);
	msg.msg_control = c.bytes;
	msg.msg_controllen = c.len;
	return sendmsg(fd, &msg, flags);
}

/* The socket's own credentials go with it: more than bytes. */
static ssize_t with_control(int fd, int flags)
{
	struct ucred cred = { getpid(), getuid(), getgid() };

	return send_control(fd, SCM_CREDENTIALS, &cred, sizeof(cred), flags);
}

static ssize_t with_flag(int fd, int flags)
{
	return send(fd, "x", 1, flags | MSG_MORE);
}

/* The rules are asked about the file, before the message. */
static ssize_t with_file(int fd, int flags)
{
	int file = STDERR_FILENO;

	return send_control(fd, SCM_RIGHTS, &file, sizeof(file), flags);
}

static send_fn *const WAYS[] = { by_send, with_control, with_flag, with_file };

/* How many signals a send raised that failed with EPIPE; -1: it did not. */
static int signals_of(send_fn *way, int fd, int flags)
{
	raised = 0;
	if (way(fd, flags) != -1 || errno != EPIPE)
		return -1;
	return raised;
}

TEST_F(policy_signal, it_is_raised_as_by_a_closed_connection)
{
	int expected = variant->type == SOCK_STREAM;
	unsigned int i;

	ASSERT_EQ(0, policy_load("deny:EPIPE sendmsg,pass_file\n"));
	for (i = 0; i < ARRAY_LEN(WAYS); i++) {
		EXPECT_EQ(expected, signals_of(WAYS[i], self->reference[0], 0)) {
			TH_LOG("AF_UNIX, way %u", i);
		}
		EXPECT_EQ(expected, signals_of(WAYS[i], self->fd[0], 0)) {
			TH_LOG("way %u", i);
		}
	}
}

TEST_F(policy_signal, it_is_not_raised_where_the_sender_wants_none)
{
	unsigned int i;

	ASSERT_EQ(0, policy_load("deny:EPIPE sendmsg,pass_file\n"));
	for (i = 0; i < ARRAY_LEN(WAYS); i++) {
		EXPECT_EQ(0, signals_of(WAYS[i], self->reference[0],
					MSG_NOSIGNAL));
		EXPECT_EQ(0, signals_of(WAYS[i], self->fd[0], MSG_NOSIGNAL));
	}
}

/* Another error raises none, and what is not enforced neither. */
TEST_F(policy_signal, nothing_else_raises_it)
{
	unsigned int i;

	ASSERT_EQ(0, policy_load("deny:EPERM sendmsg,pass_file\n"));
	raised = 0;
	for (i = 0; i < ARRAY_LEN(WAYS); i++)
		EXPECT_ERRNO(EPERM, WAYS[i](self->fd[0], 0));
	ASSERT_EQ(0, policy_load("deny:EPIPE sendmsg,pass_file\n"));
	ASSERT_EQ(0, policy_enforce("0"));
	for (i = 0; i < ARRAY_LEN(WAYS); i++)
		EXPECT_EQ(1, WAYS[i](self->fd[0], 0));
	EXPECT_EQ(0, raised);
}

TEST_HARNESS_MAIN
