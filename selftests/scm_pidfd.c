// SPDX-License-Identifier: GPL-2.0
/*
 * SO_PASSPIDFD: a descriptor of the process that sent a message.
 */
#include <sys/syscall.h>

#include "qsock_scm.h"

FIXTURE(scm_pidfd)
{
	int family;
	int fd[2];
};

FIXTURE_VARIANT(scm_pidfd)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(scm_pidfd);

static int set(int fd, int option, int value)
{
	return setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value));
}

FIXTURE_SETUP(scm_pidfd)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	ASSERT_EQ(0, socketpair(self->family, variant->type, 0, self->fd));
	ASSERT_EQ(0, set(self->fd[1], SO_PASSPIDFD, 1));
}

FIXTURE_TEARDOWN(scm_pidfd)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

/* The descriptor that comes with a message; -1 without one. */
static int recv_pidfd(int fd, int flags)
{
	struct control c = { .len = sizeof(c.bytes) };
	int pidfd = -1;
	char byte;

	if (control_recv(fd, &c, &byte, 1, flags, NULL) != 1)
		return -2;
	control_get(&c, SCM_PIDFD, &pidfd, sizeof(pidfd));
	return pidfd;
}

static int pidfd_signal(int pidfd, int number)
{
	return syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
}

/* Of whom: what its fdinfo says. */
static int pidfd_pid(int pidfd)
{
	char path[64], line[128];
	int pid = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Pid: %d", &pid) == 1)
			break;
	if (file)
		fclose(file);
	return pid;
}

/* A child that sends a message and stays. */
static pid_t sender(struct __test_metadata *_metadata, int fd)
{
	pid_t child = fork_child(_metadata);

	if (!child) {
		if (send(fd, "x", 1, 0) == 1)
			pause();
		_exit(1);
	}
	ASSERT_TRUE(wait_blocked(child));
	return child;
}

TEST_F(scm_pidfd, of_a_live_sender)
{
	pid_t child = sender(_metadata, self->fd[0]);
	int pidfd;

	pidfd = recv_pidfd(self->fd[1], 0);
	ASSERT_LE(0, pidfd);
	EXPECT_EQ(child, pidfd_pid(pidfd));
	EXPECT_EQ(FD_CLOEXEC, fcntl(pidfd, F_GETFD));
	EXPECT_EQ(0, poll_one(pidfd, POLLIN, 0));
	/* It can be used as one, and tells the end. */
	ASSERT_EQ(0, pidfd_signal(pidfd, SIGKILL));
	EXPECT_EQ(POLLIN, poll_one(pidfd, POLLIN, WAIT_MS) & POLLIN);
	EXPECT_EQ(128 + SIGKILL, wait_exit(child));
	EXPECT_ERRNO(ESRCH, pidfd_signal(pidfd, 0));
	close(pidfd);
}

TEST_F(scm_pidfd, of_a_sender_that_is_not_reaped)
{
	pid_t child = sender(_metadata, self->fd[0]);
	siginfo_t info;
	int pidfd;

	ASSERT_EQ(0, kill(child, SIGKILL));
	ASSERT_EQ(0, waitid(P_PID, child, &info, WEXITED | WNOWAIT));
	pidfd = recv_pidfd(self->fd[1], 0);
	ASSERT_LE(0, pidfd);
	EXPECT_EQ(child, pidfd_pid(pidfd));
	close(pidfd);
	EXPECT_EQ(128 + SIGKILL, wait_exit(child));
}

TEST_F(scm_pidfd, a_peek_has_its_own)
{
	int a, b;

	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	a = recv_pidfd(self->fd[1], MSG_PEEK);
	b = recv_pidfd(self->fd[1], 0);
	ASSERT_LE(0, a);
	ASSERT_LE(0, b);
	EXPECT_NE(a, b);
	EXPECT_EQ(getpid(), pidfd_pid(a));
	EXPECT_EQ(getpid(), pidfd_pid(b));
	close(a);
	close(b);
}

/* Who it is said to be, if somebody else sent it. */
TEST_F(scm_pidfd, of_the_one_that_is_named)
{
	struct ucred who = { fork_child(_metadata), getuid(), getgid() };
	struct control c = {};
	int pidfd;

	if (!who.pid) {
		pause();
		_exit(1);
	}
	if (geteuid())
		SKIP(return, "needs root, to speak for another process");
	control_add(&c, SOL_SOCKET, SCM_CREDENTIALS, &who, sizeof(who));
	ASSERT_EQ(1, control_send(self->fd[0], &c, "x", 1));
	pidfd = recv_pidfd(self->fd[1], 0);
	ASSERT_LE(0, pidfd);
	EXPECT_EQ(who.pid, pidfd_pid(pidfd));
	close(pidfd);
	ASSERT_EQ(0, kill(who.pid, SIGKILL));
	EXPECT_EQ(128 + SIGKILL, wait_exit(who.pid));
}

TEST_F(scm_pidfd, beside_credentials_and_files)
{
	struct control c = { .len = sizeof(c.bytes) };
	int file = STDERR_FILENO, pidfd = -1;
	struct ucred who;
	char byte;

	ASSERT_EQ(0, set(self->fd[1], SO_PASSCRED, 1));
	ASSERT_EQ(1, files_send(self->fd[0], &file, 1, "x"));
	ASSERT_EQ(1, control_recv(self->fd[1], &c, &byte, 1, 0, NULL));
	EXPECT_TRUE(control_get(&c, SCM_CREDENTIALS, &who, sizeof(who)));
	EXPECT_EQ(getpid(), who.pid);
	EXPECT_TRUE(control_get(&c, SCM_PIDFD, &pidfd, sizeof(pidfd)));
	EXPECT_EQ(getpid(), pidfd_pid(pidfd));
	EXPECT_TRUE(control_get(&c, SCM_RIGHTS, &file, sizeof(file)));
	EXPECT_TRUE(same_file(STDERR_FILENO, file));
	close(pidfd);
	close(file);
}

/* No descriptor is left behind that nobody knows of. */
TEST_F(scm_pidfd, without_room_there_is_none)
{
	size_t room[] = { 0, CMSG_LEN(0), CMSG_LEN(sizeof(int)) - 1 };
	int next = dup(STDERR_FILENO);
	size_t i;

	close(next);
	for (i = 0; i < ARRAY_LEN(room); i++) {
		struct control c = { .len = room[i] };
		int flags = 0, now;
		char byte;

		ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
		EXPECT_EQ(1, control_recv(self->fd[1], &c, &byte, 1, 0,
					  &flags));
		EXPECT_EQ(MSG_CTRUNC, flags & MSG_CTRUNC);
		now = dup(STDERR_FILENO);
		EXPECT_EQ(next, now);
		close(now);
	}
}

TEST_F(scm_pidfd, none_unless_wanted)
{
	ASSERT_EQ(0, set(self->fd[1], SO_PASSPIDFD, 0));
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_EQ(-1, recv_pidfd(self->fd[1], 0));
}

/* What nobody noted when it was sent cannot be told. */
TEST_F(scm_pidfd, wanted_too_late)
{
	ASSERT_EQ(0, set(self->fd[1], SO_PASSPIDFD, 0));
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	ASSERT_EQ(0, set(self->fd[1], SO_PASSPIDFD, 1));
	EXPECT_GT(0, recv_pidfd(self->fd[1], 0));
}

/* Two senders: a stream's read does not mix them for this option either. */
TEST_F(scm_pidfd, messages_of_two_senders)
{
	pid_t child = fork_child(_metadata);
	char got[4];

	if (!child)
		_exit(send(self->fd[0], "a", 1, 0) != 1);
	ASSERT_EQ(0, wait_exit(child));
	ASSERT_EQ(1, send(self->fd[0], "b", 1, 0));
	EXPECT_EQ(1, recv(self->fd[1], got, 4, MSG_DONTWAIT));
	EXPECT_EQ(1, recv(self->fd[1], got, 4, MSG_DONTWAIT));
}

TEST_HARNESS_MAIN
