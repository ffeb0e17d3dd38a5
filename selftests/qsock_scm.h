/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ancillary data in tests: build control messages, send and receive them with
 * data, and files whose end can be seen from outside.
 *
 * Sends and receives give the count or the negative errno and never wait,
 * unless something is said about it.
 */
#ifndef QSOCK_SCM_H
#define QSOCK_SCM_H

#include "qsock_proc.h"
#include "qsock_test.h"
#include "qsock_types.h"

/* Newer than the C library's headers. */
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD	76
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD	0x04
#endif
#ifndef SCM_SECURITY
#define SCM_SECURITY	0x03
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS	83
#endif
#ifndef SO_INQ
#define SO_INQ		84
#define SCM_INQ		SO_INQ
#endif

/* As many files as one message takes. */
#define SCM_FILES_MAX	253

struct control {
	union {
		struct cmsghdr head;
		char bytes[2048];
	};
	size_t len;
};

/* Append a control message. */
static inline void control_add(struct control *c, int level, int type,
			       const void *data, size_t len)
{
	struct cmsghdr *cmsg = (struct cmsghdr *)(c->bytes + c->len);

	assert(c->len + CMSG_SPACE(len) <= sizeof(c->bytes));
	memset(cmsg, 0, CMSG_SPACE(len));
	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(len);
	if (len)
		memcpy(CMSG_DATA(cmsg), data, len);
	c->len += CMSG_SPACE(len);
}

static inline ssize_t control_send(int fd, const struct control *c,
				   const void *data, size_t len)
{
	struct iovec iov = { (void *)data, len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = (void *)c->bytes,
		.msg_controllen = c->len,
	};
	ssize_t n = sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);

	return n < 0 ? -errno : n;
}

/*
 * Receive at most @len bytes, and control messages in at most c->len; what
 * they took is in c->len afterwards, and in *@msg_flags what the call says.
 */
static inline ssize_t control_recv(int fd, struct control *c, void *data,
				   size_t len, int flags, int *msg_flags)
{
	struct iovec iov = { data, len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = c->len ? c->bytes : NULL,
		.msg_controllen = c->len,
	};
	ssize_t n;

	n = recvmsg(fd, &msg, flags | MSG_DONTWAIT);
	if (n < 0) {
		c->len = 0;
		return -errno;
	}
	c->len = msg.msg_controllen;
	if (msg_flags)
		*msg_flags = msg.msg_flags;
	return n;
}

/* The first control message of @type of SOL_SOCKET, or NULL. */
static inline struct cmsghdr *control_find(struct control *c, int type)
{
	struct msghdr msg = {
		.msg_control = c->bytes,
		.msg_controllen = c->len,
	};
	struct cmsghdr *cmsg;

	if (!c->len)
		return NULL;
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg))
		if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == type)
			return cmsg;
	return NULL;
}

/* Copy the content of the message of @type, if it has exactly @len bytes. */
static inline bool control_get(struct control *c, int type, void *data,
			       size_t len)
{
	struct cmsghdr *cmsg = control_find(c, type);

	if (!cmsg || cmsg->cmsg_len != CMSG_LEN(len))
		return false;
	memcpy(data, CMSG_DATA(cmsg), len);
	return true;
}

/* Files. --------------------------------------------------------------- */

static inline ssize_t files_send(int fd, const int *file, size_t count,
				 const char *text)
{
	struct control c = {};

	control_add(&c, SOL_SOCKET, SCM_RIGHTS, file, count * sizeof(*file));
	return control_send(fd, &c, text, strlen(text));
}

/* The files in a control buffer: how many. */
static inline size_t files_in(struct control *c, int file[SCM_FILES_MAX])
{
	struct cmsghdr *cmsg = control_find(c, SCM_RIGHTS);
	size_t len = cmsg ? cmsg->cmsg_len - CMSG_LEN(0) : 0;

	if (len > SCM_FILES_MAX * sizeof(*file))
		return SCM_FILES_MAX + 1;
	if (len)
		memcpy(file, CMSG_DATA(cmsg), len);
	return len / sizeof(*file);
}

/* What a receive with room for all the files gave. */
struct parcel {
	ssize_t n;			/* bytes, or the negative errno */
	char text[256];
	int flags;
	size_t count;
	int file[SCM_FILES_MAX + 1];
};

static inline struct parcel files_recv(int fd, size_t len, int flags)
{
	struct parcel p = {};
	struct control c = { .len = sizeof(c.bytes) };

	assert(len <= sizeof(p.text));
	p.n = control_recv(fd, &c, p.text, len, flags, &p.flags);
	p.count = files_in(&c, p.file);
	return p;
}

static inline void parcel_close(struct parcel *p)
{
	while (p->count)
		close(p->file[--p->count]);
}

static inline bool same_file(int a, int b)
{
	struct stat x, y;

	return !fstat(a, &x) && !fstat(b, &y) && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/*
 * A file whose end can be seen: the writing end of a pipe. Give away a copy,
 * close the own one, and the reading end tells when nobody has it any more.
 */
struct witness {
	int watch;
	int file;
};

static inline struct witness witness(struct __test_metadata *_metadata)
{
	int fd[2];

	ASSERT_EQ(0, pipe2(fd, O_CLOEXEC));
	return (struct witness){ .watch = fd[0], .file = fd[1] };
}

/* Someone still has the file. */
static inline bool witness_lives(const struct witness *w)
{
	return poll_one(w->watch, POLLIN, 0) == 0;
}

/* Nobody has it any more, or soon will not. */
static inline bool witness_gone(const struct witness *w)
{
	return poll_one(w->watch, POLLIN, WAIT_MS) == POLLHUP;
}

/* A pair of any type, of which nothing remembers the file @w but a message. */
static inline void witness_send(struct __test_metadata *_metadata,
				struct witness *w, int fd, const char *text)
{
	ASSERT_EQ(strlen(text), files_send(fd, &w->file, 1, text));
	close_open(&w->file);
	ASSERT_TRUE(witness_lives(w));
}

#endif /* QSOCK_SCM_H */
