/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Processes in tests: wait for their ends, and wait until one is blocked,
 * so that no test has to guess with a sleep how long that takes.
 */
#ifndef QSOCK_PROC_H
#define QSOCK_PROC_H

#include <poll.h>
#include <sys/prctl.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>

#include "qsock_test.h"

#define NOBODY	65534

/* How long a wait for something that must happen may last. */
#define WAIT_MS	60000

/*
 * Milliseconds by the clock that timeouts run on, in steps of 10: in an
 * emulated guest CLOCK_MONOTONIC may run at another speed.
 */
static inline long now_ms(void)
{
	return times(NULL) * 1000LL / sysconf(_SC_CLK_TCK);
}

static inline void pause_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

/* fork(); the child dies with its parent, so that a failed test leaves none. */
static inline pid_t fork_child(struct __test_metadata *_metadata)
{
	pid_t parent = getpid(), child = fork();

	ASSERT_LE(0, child);
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(127);
	}
	return child;
}

/* The exit status of @child, or 128 and the signal that ended it. */
static inline int wait_exit(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) != child)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   128 + WTERMSIG(status);
}

/*
 * What the process @pid sleeps in: the system call's number and arguments
 * and where it was called. False while it runs, or is gone.
 */
static inline bool blocked_in(pid_t pid, char *where, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, where, size - 1);
	close(fd);
	if (n <= 0)
		return false;
	where[n] = '\0';
	return isdigit(where[0]);
}

/*
 * Wait until @pid sleeps in a system call and stays there for a moment. The
 * process must make one call that blocks, and nothing else that could.
 */
static inline bool wait_blocked(pid_t pid)
{
	char before[256], now[256];
	long deadline = now_ms() + WAIT_MS;
	int same = 0;

	before[0] = '\0';
	while (now_ms() < deadline) {
		if (blocked_in(pid, now, sizeof(now))) {
			same = strcmp(now, before) ? 0 : same + 1;
			if (same == 3)
				return true;
			strcpy(before, now);
		} else {
			same = 0;
			before[0] = '\0';
		}
		pause_ms(2);
	}
	return false;
}

/* Is @fd ready for @events within @timeout_ms? Gives what it is ready for. */
static inline short poll_one(int fd, short events, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	if (poll(&p, 1, timeout_ms) < 0)
		return -1;
	return p.revents;
}

/* A byte over a pipe: one process tells the other that it got there. */
static inline bool tell(int fd)
{
	return write(fd, "", 1) == 1;
}

static inline bool await(int fd)
{
	char byte;

	return read(fd, &byte, 1) == 1;
}

static inline void ignore_number(int number)
{
	(void)number;
}

/* From now on SIGUSR1 does nothing but interrupt. */
static inline int let_sigusr1_interrupt(void)
{
	struct sigaction action = { .sa_handler = ignore_number };

	return sigaction(SIGUSR1, &action, NULL);
}

/* Become somebody without privileges, in a child. */
static inline bool drop_to(uid_t uid, gid_t gid)
{
	return !setresgid(gid, gid, gid) && !setresuid(uid, uid, uid) &&
	       !prctl(PR_SET_PDEATHSIG, SIGKILL);
}

#endif /* QSOCK_PROC_H */
