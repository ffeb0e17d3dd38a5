/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Out-of-band data step by step: a test is a list of steps, and after each of
 * them poll, SIOCATMARK and SIGURG must say what the step says.
 */
#ifndef QSOCK_OOB_H
#define QSOCK_OOB_H

#include <linux/sockios.h>

#include "qsock_proc.h"
#include "qsock_test.h"

/* What holds after a step. */
enum {
	READABLE = 1,	/* POLLIN */
	URGENT = 2,	/* POLLPRI */
	AT_MARK = 4,	/* SIOCATMARK */
};

enum oob_op {
	OOB_SEND,	/* send text, and its last byte out of band if urgent */
	OOB_RECV,	/* receive text, or nothing */
	OOB_INLINE,	/* set SO_OOBINLINE to size */
	OOB_CLOSE,	/* close the receiver; the sender finds errno size */
};

struct oob_step {
	enum oob_op op;
	int flags;
	int size;
	const char *text;
	int after;
};

#define SEND(text, after)	{ OOB_SEND, 0, 0, text, after }
#define URGE(text, after)	{ OOB_SEND, MSG_OOB, 0, text, after }
/* At most @size bytes in their order: exactly @text. */
#define READ(size, text, after)	{ OOB_RECV, 0, size, text, after }
/* Nothing to be had in order: EAGAIN. */
#define EMPTY(after)		{ OOB_RECV, 0, 1, NULL, after }
/* The byte that is out of band. */
#define TAKE(text, after)	{ OOB_RECV, MSG_OOB, 1, text, after }
/* There is none: EINVAL. */
#define REFUSED(after)		{ OOB_RECV, MSG_OOB, 1, NULL, after }
#define INLINE(on, after)	{ OOB_INLINE, 0, on, NULL, after }
#define CLOSE(error)		{ OOB_CLOSE, 0, error, NULL, 0 }

struct oob_pair {
	int fd[2];	/* sender and receiver */
	sigset_t sigurg;
};

static inline int at_mark(int fd)
{
	int mark = -1;

	return ioctl(fd, SIOCATMARK, &mark) ? -errno : mark;
}

static inline int oob_state(int fd)
{
	short events = poll_one(fd, POLLIN | POLLPRI, 0);

	return (events & POLLIN ? READABLE : 0) |
	       (events & POLLPRI ? URGENT : 0) |
	       (at_mark(fd) == 1 ? AT_MARK : 0);
}

/* Did SIGURG come since the last time? */
static inline bool urged(const struct oob_pair *pair)
{
	struct timespec now = { 0, 0 };

	return sigtimedwait(&pair->sigurg, NULL, &now) == SIGURG;
}

static inline void oob_setup(struct __test_metadata *_metadata,
			     struct oob_pair *pair, int family)
{
	ASSERT_EQ(0, socketpair(family, SOCK_STREAM, 0, pair->fd));
	ASSERT_EQ(0, fcntl(pair->fd[1], F_SETOWN, getpid()));
	sigemptyset(&pair->sigurg);
	sigaddset(&pair->sigurg, SIGURG);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &pair->sigurg, NULL));
}

/* An expectation that names the step when it fails. */
#define EXPECT_STEP(expected, seen, number) do {			\
	typeof(seen) seen_ = (seen);					\
									\
	EXPECT_EQ(expected, seen_) {					\
		TH_LOG("in step %zu, counted from 1", number);		\
	}								\
} while (0)

static inline void oob_receive(struct __test_metadata *_metadata, int fd,
			       const struct oob_step *step, size_t number,
			       int peek)
{
	char got[64] = {};
	struct iovec iov = { got, step->size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = recvmsg(fd, &msg, step->flags | peek | MSG_DONTWAIT);

	if (!step->text) {
		EXPECT_STEP(-1, n, number);
		EXPECT_STEP(step->flags & MSG_OOB ? EINVAL : EAGAIN, errno,
			    number);
		return;
	}
	EXPECT_STEP((ssize_t)strlen(step->text), n, number);
	EXPECT_STREQ(step->text, got);
	/* What is out of band is told to be so, and nothing else is. */
	EXPECT_STEP(step->flags, msg.msg_flags, number);
}

static inline void oob_closed(struct __test_metadata *_metadata,
			      struct oob_pair *pair,
			      const struct oob_step *step, size_t number,
			      int peek)
{
	char got;

	close_open(&pair->fd[1]);
	errno = 0;
	EXPECT_STEP(step->size ? -1 : 0,
		    recv(pair->fd[0], &got, 1, MSG_DONTWAIT | peek), number);
	EXPECT_STEP(step->size, errno, number);
	EXPECT_STEP(0, recv(pair->fd[0], &got, 1, MSG_DONTWAIT), number);
}

/* With @peek each receive is tried with MSG_PEEK before: it changes nothing. */
static inline void oob_run(struct __test_metadata *_metadata,
			   struct oob_pair *pair, bool peek,
			   const struct oob_step *step, size_t steps)
{
	size_t i, len;
	int before = 0;

	for (i = 1; i <= steps; i++, step++) {
		switch (step->op) {
		case OOB_SEND:
			len = strlen(step->text);
			EXPECT_STEP((ssize_t)len,
				    send(pair->fd[0], step->text, len,
					 step->flags), i);
			EXPECT_STEP(step->flags == MSG_OOB, urged(pair), i);
			break;
		case OOB_RECV:
			if (peek) {
				oob_receive(_metadata, pair->fd[1], step, i,
					    MSG_PEEK);
				EXPECT_STEP(before, oob_state(pair->fd[1]), i);
			}
			oob_receive(_metadata, pair->fd[1], step, i, 0);
			break;
		case OOB_INLINE:
			EXPECT_STEP(0, setsockopt(pair->fd[1], SOL_SOCKET,
						  SO_OOBINLINE, &step->size,
						  sizeof(step->size)), i);
			break;
		case OOB_CLOSE:
			oob_closed(_metadata, pair, step, i,
				   peek ? MSG_PEEK : 0);
			return;
		}
		before = oob_state(pair->fd[1]);
		EXPECT_STEP(step->after, before, i);
	}
}

/* These steps, in a test of a fixture that has a pair and looks or not. */
#define OOB_RUN(...) do {						\
	static const struct oob_step steps[] = { __VA_ARGS__ };		\
									\
	oob_run(_metadata, &self->pair, variant->peek, steps,		\
		ARRAY_LEN(steps));					\
} while (0)

/* Both families, each without and with a look at everything beforehand. */
#define OOB_VARIANTS(fixture)						\
	FIXTURE_VARIANT_ADD(fixture, af_qsock)				\
		{ .qsock = true, .peek = false };			\
	FIXTURE_VARIANT_ADD(fixture, af_qsock_peek)			\
		{ .qsock = true, .peek = true };			\
	FIXTURE_VARIANT_ADD(fixture, af_unix)				\
		{ .qsock = false, .peek = false };			\
	FIXTURE_VARIANT_ADD(fixture, af_unix_peek)			\
		{ .qsock = false, .peek = true }

#endif /* QSOCK_OOB_H */
