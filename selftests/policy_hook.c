// SPDX-License-Identifier: GPL-2.0
/*
 * selftest_hook=1: the built-in policy hook refuses each message that begins
 * with QSOCK-REFUSE. What it refuses is never seen by a reader.
 */
#include <sys/uio.h>

#include "qsock_data.h"
#include "qsock_module.h"
#include "qsock_proc.h"
#include "qsock_test.h"

#define REFUSED		"QSOCK-REFUSE"
#define PREFIX		(sizeof(REFUSED) - 1)

FIXTURE(policy_hook)
{
	struct qsock_before before;
	int fd[2];
};

FIXTURE_SETUP(policy_hook)
{
	REQUIRE_RELOAD(&self->before);
	ASSERT_EQ(0, qsock_load("selftest_hook=1"));
	ASSERT_EQ(0, socketpair(AF_QSOCK, SOCK_STREAM, 0, self->fd));
}

FIXTURE_TEARDOWN_PARENT(policy_hook)
{
	qsock_restore(&self->before);
}

static ssize_t recv_now(int fd, void *got, size_t size)
{
	ssize_t n = recv(fd, got, size, MSG_DONTWAIT);

	return n < 0 ? -errno : n;
}

TEST_F(policy_hook, a_refused_message_is_eacces_and_not_seen)
{
	char got[64];

	EXPECT_ERRNO(EACCES, send(self->fd[0], REFUSED, PREFIX, 0));
	EXPECT_ERRNO(EACCES, send(self->fd[0], REFUSED " me", PREFIX + 3, 0));
	EXPECT_EQ(-EAGAIN, recv_now(self->fd[1], got, sizeof(got)));
	EXPECT_EQ(0, poll_one(self->fd[1], POLLIN, 0));
}

TEST_F(policy_hook, what_is_before_and_after_passes)
{
	char got[64];

	ASSERT_EQ(6, send(self->fd[0], "before", 6, 0));
	EXPECT_ERRNO(EACCES, send(self->fd[0], REFUSED, PREFIX, 0));
	ASSERT_EQ(5, send(self->fd[0], "after", 5, 0));
	ASSERT_EQ(11, recv_now(self->fd[1], got, sizeof(got)));
	EXPECT_EQ(0, memcmp("beforeafter", got, 11));
}

TEST_F(policy_hook, the_prefix_counts_at_the_start_only)
{
	char got[64];

	ASSERT_EQ(PREFIX + 1, send(self->fd[0], "x" REFUSED, PREFIX + 1, 0));
	EXPECT_EQ(PREFIX + 1, recv_now(self->fd[1], got, sizeof(got)));
}

TEST_F(policy_hook, a_part_of_the_prefix_passes)
{
	char got[64];

	/* Two messages, though the bytes would make one that is refused. */
	ASSERT_EQ(PREFIX - 1, send(self->fd[0], REFUSED, PREFIX - 1, 0));
	ASSERT_EQ(1, send(self->fd[0], REFUSED + PREFIX - 1, 1, 0));
	EXPECT_EQ(PREFIX, recv_now(self->fd[1], got, sizeof(got)));
}

TEST_F(policy_hook, vectors_make_one_message)
{
	char first[] = "QSOCK", second[] = "-REFUSE", got[64];
	struct iovec iov[] = { { first, 5 }, { second, 7 } };

	EXPECT_ERRNO(EACCES, writev(self->fd[0], iov, 2));
	EXPECT_EQ(-EAGAIN, recv_now(self->fd[1], got, sizeof(got)));
}

TEST_F(policy_hook, both_directions_pass_the_hook)
{
	EXPECT_ERRNO(EACCES, send(self->fd[1], REFUSED, PREFIX, 0));
	EXPECT_EQ(0, poll_one(self->fd[0], POLLIN, 0));
}

TEST_F(policy_hook, a_connection_passes_the_hook)
{
	int fd[2];

	stream_pair(_metadata, AF_QSOCK, true, fd);
	EXPECT_ERRNO(EACCES, send(fd[0], REFUSED, PREFIX, 0));
	EXPECT_ERRNO(EACCES, send(fd[1], REFUSED, PREFIX, 0));
	EXPECT_EQ(0, poll_one(fd[1], POLLIN, 0));
	close(fd[0]);
	close(fd[1]);
}

TEST_F(policy_hook, a_long_message_is_refused_as_a_whole)
{
	size_t size = 32768;
	char *data = calloc(1, size);

	memcpy(data, REFUSED, PREFIX);
	EXPECT_ERRNO(EACCES, send(self->fd[0], data, size, 0));
	EXPECT_EQ(0, drain_queue(self->fd[1]));
	free(data);
}

TEST_F(policy_hook, refusal_uses_no_room)
{
	size_t size = 32768;
	char *data = calloc(1, size);
	size_t room = fill_queue(self->fd[0], 1024);
	int i;

	ASSERT_EQ(room, drain_queue(self->fd[1]));
	memcpy(data, REFUSED, PREFIX);
	for (i = 0; i < 100; i++)
		EXPECT_ERRNO(EACCES, send(self->fd[0], data, size,
					  MSG_DONTWAIT));
	EXPECT_EQ(room, fill_queue(self->fd[0], 1024));
	free(data);
}

TEST_F(policy_hook, counters_tell_what_it_saw)
{
	long seen = qsock_parameter("hook_seen");
	long refused = qsock_parameter("hook_refused");

	ASSERT_LE(0, seen);
	ASSERT_LE(0, refused);
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_EQ(seen + 1, qsock_parameter("hook_seen"));
	EXPECT_EQ(refused, qsock_parameter("hook_refused"));
	ASSERT_EQ(-1, send(self->fd[0], REFUSED, PREFIX, 0));
	EXPECT_EQ(refused + 1, qsock_parameter("hook_refused"));
}

TEST_F(policy_hook, is_not_there_unless_asked_for)
{
	char got[64];
	int fd[2];

	close(self->fd[0]);
	close(self->fd[1]);
	ASSERT_EQ(0, qsock_unload());
	ASSERT_EQ(0, qsock_load(""));
	ASSERT_EQ(0, socketpair(AF_QSOCK, SOCK_STREAM, 0, fd));
	ASSERT_EQ(PREFIX, send(fd[0], REFUSED, PREFIX, 0));
	EXPECT_EQ(PREFIX, recv_now(fd[1], got, sizeof(got)));
}

/*
 * The sender's memory changes all the time. The hook judges what will be
 * delivered, not what was there a moment before.
 */
TEST_F(policy_hook, memory_that_changes_during_send_slips_nothing_through)
{
	enum { SIZE = 64 };
	unsigned int sends = 20000 / work_divisor(), i;
	volatile char *message;
	char got[SIZE];
	pid_t child;

	message = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, message);
	memcpy((char *)message, REFUSED, PREFIX);
	child = fork_child(_metadata);
	if (!child) {
		for (;;) {
			message[0] = 'x';
			message[0] = 'Q';
		}
	}
	for (i = 0; i < sends; i++) {
		ssize_t n = send(self->fd[0], (char *)message, SIZE, 0);

		if (n < 0) {
			ASSERT_EQ(EACCES, errno);
			continue;
		}
		ASSERT_EQ(SIZE, n);
		ASSERT_EQ(SIZE, recv_all(self->fd[1], got, SIZE));
		ASSERT_EQ('x', got[0]);
	}
	kill(child, SIGKILL);
	wait_exit(child);
}

TEST_HARNESS_MAIN
