/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What two processes give each other over a socket: files and credentials. The
 * other may be a program of another ABI (peer.c).
 */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "syscall.h"

/* Control data of two cmsgs, as the kernel lays them out for this ABI. */
struct control {
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int)) +
			   CMSG_SPACE(sizeof(struct cred))];
		size_t align;
	};
};

/* Fills @control with two files and this process's credentials. */
static inline size_t put_control(struct control *control, const int fd[2])
{
	struct cred cred = {
		.pid = getpid(),
		.uid = syscall(__NR_getuid),
		.gid = syscall(__NR_getgid),
	};
	struct cmsg *c = (struct cmsg *)control->bytes;

	memset(control, 0, sizeof(*control));
	c->len = sizeof(*c) + 2 * sizeof(int);
	c->level = SOL_SOCKET;
	c->type = SCM_RIGHTS;
	memcpy(c->data, fd, 2 * sizeof(int));
	c = (struct cmsg *)(control->bytes + CMSG_SPACE(2 * sizeof(int)));
	c->len = sizeof(*c) + sizeof(cred);
	c->level = SOL_SOCKET;
	c->type = SCM_CREDENTIALS;
	memcpy(c->data, &cred, sizeof(cred));
	return sizeof(control->bytes);
}

/* Reads them again: the kernel gives the credentials first. 0, or a line. */
static inline int get_control(const struct control *control, size_t len,
			      struct cred *cred, int fd[2])
{
	const struct cmsg *c = (const struct cmsg *)control->bytes;

	if (len != sizeof(control->bytes))
		return __LINE__;
	if (c->len != sizeof(*c) + sizeof(*cred) || c->level != SOL_SOCKET ||
	    c->type != SCM_CREDENTIALS)
		return __LINE__;
	memcpy(cred, c->data, sizeof(*cred));
	c = (const struct cmsg *)(control->bytes + CMSG_SPACE(sizeof(*cred)));
	if (c->len != sizeof(*c) + 2 * sizeof(int) || c->level != SOL_SOCKET ||
	    c->type != SCM_RIGHTS)
		return __LINE__;
	memcpy(fd, c->data, 2 * sizeof(int));
	return 0;
}

/* Sends @text with both ends of a new pipe; 0, or a line. */
static inline int give(const struct how *h, int fd, const char *text)
{
	struct iov iov = { (void *)text, strlen(text) };
	struct msg msg = { .iov = &iov, .iov_len = 1 };
	struct control control;
	int ends[2];

	if (pipe(ends) || write(ends[1], text, strlen(text)) < 0)
		return __LINE__;
	msg.control = &control;
	msg.control_len = put_control(&control, ends);
	if (sys_sendmsg(h, fd, &msg, 0) != (int)strlen(text))
		return __LINE__;
	close(ends[0]);
	close(ends[1]);
	return 0;
}

/*
 * Receives @text from process @pid, and reads it from the pipe that comes with
 * it; 0, or a line.
 */
static inline int take(const struct how *h, int fd, const char *text, int pid)
{
	char bytes[16] = "", piped[16] = "";
	struct iov iov = { bytes, sizeof(bytes) };
	struct msg msg = { .iov = &iov, .iov_len = 1 };
	struct control control;
	struct cred cred;
	int ends[2], error;

	msg.control = &control;
	msg.control_len = sizeof(control.bytes);
	if (sys_recvmsg(h, fd, &msg, 0) != (int)strlen(text) ||
	    strcmp(bytes, text))
		return __LINE__;
	error = get_control(&control, msg.control_len, &cred, ends);
	if (error)
		return error;
	if (cred.pid != pid || cred.uid != (unsigned int)syscall(__NR_getuid) ||
	    cred.gid != (unsigned int)syscall(__NR_getgid))
		return __LINE__;
	if (read(ends[0], piped, sizeof(piped)) != (int)strlen(text) ||
	    strcmp(piped, text))
		return __LINE__;
	close(ends[0]);
	close(ends[1]);
	return 0;
}

#endif /* EXCHANGE_H */
