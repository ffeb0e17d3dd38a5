// SPDX-License-Identifier: GPL-2.0
/*
 * A signal comes while a call sleeps: it begins anew if the handler was set
 * with SA_RESTART, is EINTR if not, and is EINTR in any case where a timeout
 * would begin anew with it.
 */
#include "syscall_test.h"

FIXTURE(restart)
{
	int fd[2];
	int child;
};

FIXTURE_VARIANT(restart)
{
	struct how how;
};

CALL_VARIANTS(restart);

FIXTURE_SETUP(restart)
{
	self->child = 0;
	open_pair(_metadata, &variant->how, self->fd);
}

FIXTURE_TEARDOWN(restart)
{
	if (self->child)
		EXPECT_EQ(0, end_of(self->child));
	close(self->fd[0]);
	close(self->fd[1]);
}

/* A child that signals this process when it sleeps, and may send after that. */
static int signaller(const struct how *h, int fd, int signal, bool send)
{
	int parent = getpid(), child = fork();

	if (child)
		return child;
	if (!wait_asleep(parent) || kill(parent, signal))
		_exit(1);
	if (signal == SIGSTOP) {
		sleep_ms(20);
		kill(parent, SIGCONT);
	}
	/* It woke for the signal; now it sleeps again, or has returned. */
	sleep_ms(30);
	if (send && send_nul(h, fd, "late", 4, MSG_DONTWAIT) != 4)
		_exit(2);
	_exit(0);
}

TEST_F(restart, eintr_without_sa_restart)
{
	const struct how *h = &variant->how;
	char bytes[8];

	ASSERT_EQ(0, handle_signal(SIGUSR1, 0));
	self->child = signaller(h, self->fd[0], SIGUSR1, false);
	EXPECT_EQ(-EINTR, recv_nul(h, self->fd[1], bytes, 8, 0));
	EXPECT_EQ(1, signals_seen);
}

TEST_F(restart, anew_with_sa_restart)
{
	const struct how *h = &variant->how;
	char bytes[8];

	ASSERT_EQ(0, handle_signal(SIGUSR1, SA_RESTART));
	self->child = signaller(h, self->fd[0], SIGUSR1, true);
	EXPECT_EQ(4, recv_nul(h, self->fd[1], bytes, 8, 0));
	EXPECT_EQ(1, signals_seen);
	EXPECT_EQ(0, memcmp(bytes, "late", 4));
}

/* recvmsg() has its arguments in memory, and they are read again. */
TEST_F(restart, recvmsg_anew_with_sa_restart)
{
	const struct how *h = &variant->how;
	char bytes[8];
	struct iov iov = { bytes, sizeof(bytes) };
	struct msg msg = { .iov = &iov, .iov_len = 1 };

	ASSERT_EQ(0, handle_signal(SIGUSR1, SA_RESTART));
	self->child = signaller(h, self->fd[0], SIGUSR1, true);
	EXPECT_EQ(4, sys_recvmsg(h, self->fd[1], &msg, 0));
	EXPECT_EQ(1, signals_seen);
	EXPECT_EQ(0, memcmp(bytes, "late", 4));
}

TEST_F(restart, eintr_with_a_timeout)
{
	const struct how *h = &variant->how;
	struct old_time timeout = { .sec = 30 };
	char bytes[8];

	ASSERT_EQ(0, sys_setsockopt(h, self->fd[1], SOL_SOCKET, SO_RCVTIMEO_OLD,
				    &timeout, sizeof(timeout)));
	ASSERT_EQ(0, handle_signal(SIGUSR1, SA_RESTART));
	self->child = signaller(h, self->fd[0], SIGUSR1, false);
	EXPECT_EQ(-EINTR, recv_nul(h, self->fd[1], bytes, 8, 0));
	EXPECT_EQ(1, signals_seen);
}

/* No handler runs: nothing has to be told. */
TEST_F(restart, anew_after_a_stop)
{
	const struct how *h = &variant->how;
	char bytes[8];

	self->child = signaller(h, self->fd[0], SIGSTOP, true);
	EXPECT_EQ(4, recv_nul(h, self->fd[1], bytes, 8, 0));
}

/* How often this process has gone to sleep; -1 if there is no telling. */
static int sleeps(void)
{
	const char *const name = "\nvoluntary_ctxt_switches:\t";
	char text[4096];
	const char *at;

	if (read_file("/proc/self/status", text, sizeof(text)) <= 0)
		return -1;
	at = strstr(text, name);
	return at ? atoi(at + strlen(name)) : -1;
}

/* By the sleep and not by the clock, which an emulated processor may have late. */
TEST_F(restart, eagain_at_the_end_of_a_timeout)
{
	const struct how *h = &variant->how;
	struct old_time timeout = { .frac = 50 * 1000 };
	char bytes[8];
	int before;

	ASSERT_EQ(0, sys_setsockopt(h, self->fd[1], SOL_SOCKET, SO_RCVTIMEO_OLD,
				    &timeout, sizeof(timeout)));
	before = sleeps();
	ASSERT_LE(0, before);
	EXPECT_EQ(-EAGAIN, recv_nul(h, self->fd[1], bytes, 8, 0));
	EXPECT_LT(before, sleeps());
}

/* Bytes that have arrived are worth more than telling of the signal. */
TEST_F(restart, bytes_before_eintr)
{
	const struct how *h = &variant->how;
	char bytes[8];

	ASSERT_EQ(2, send_nul(h, self->fd[0], "ab", 2, 0));
	ASSERT_EQ(0, handle_signal(SIGUSR1, 0));
	if (h->type == SOCK_STREAM)
		self->child = signaller(h, self->fd[0], SIGUSR1, false);
	EXPECT_EQ(2, recv_nul(h, self->fd[1], bytes, 8, MSG_WAITALL));
}

TEST_F(restart, send_to_a_full_queue)
{
	const struct how *h = &variant->how;
	static char bytes[4096];

	while (send_nul(h, self->fd[0], bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	ASSERT_EQ(0, handle_signal(SIGUSR1, 0));
	self->child = signaller(h, self->fd[0], SIGUSR1, false);
	EXPECT_EQ(-EINTR, send_nul(h, self->fd[0], bytes, sizeof(bytes), 0));
	EXPECT_EQ(1, signals_seen);
}

TEST_HARNESS_MAIN
