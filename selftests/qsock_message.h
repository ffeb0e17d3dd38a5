/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages in tests: sockets of a type that keeps borders, sends and
 * receives that give the count or the negative errno and never wait, and
 * children that wait in one of them.
 */
#ifndef QSOCK_MESSAGE_H
#define QSOCK_MESSAGE_H

#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_test.h"

/* The least that SO_SNDBUF can be set to, which is what it becomes. */
#define SMALL_SNDBUF	1

static inline int message_socket(struct __test_metadata *_metadata,
				 int family, int type)
{
	int fd = socket(family, type, 0);

	ASSERT_LE(0, fd);
	return fd;
}

static inline int message_bind(struct __test_metadata *_metadata, int type,
			       const struct test_addr *addr)
{
	int fd = message_socket(_metadata, addr->sa.sa_family, type);

	ASSERT_EQ(0, bind(fd, &addr->sa, addr->len));
	return fd;
}

static inline int message_connect(struct __test_metadata *_metadata, int type,
				  const struct test_addr *addr)
{
	int fd = message_socket(_metadata, addr->sa.sa_family, type);

	ASSERT_EQ(0, connect(fd, &addr->sa, addr->len));
	return fd;
}

/*
 * Send @text without its NUL. No MSG_NOSIGNAL: a SIGPIPE, which messages
 * never bring, would end the test.
 */
static inline ssize_t say(int fd, const char *text)
{
	ssize_t n = send(fd, text, strlen(text), MSG_DONTWAIT);

	return n < 0 ? -errno : n;
}

static inline ssize_t say_to(int fd, const struct test_addr *to,
			     const char *text)
{
	ssize_t n = sendto(fd, text, strlen(text), MSG_DONTWAIT, &to->sa,
			   to->len);

	return n < 0 ? -errno : n;
}

/* Receive a message, whatever it is. */
static inline ssize_t take(int fd)
{
	char got[256];
	ssize_t n = recv(fd, got, sizeof(got), MSG_DONTWAIT);

	return n < 0 ? -errno : n;
}

/* Is @text the next message? */
static inline bool hear(int fd, const char *text)
{
	char got[256];
	ssize_t n = recv(fd, got, sizeof(got), MSG_DONTWAIT);

	return n == (ssize_t)strlen(text) && !memcmp(got, text, n);
}

/* The name that comes with the next message; its length is -1 without one. */
static inline struct test_addr sender_of(int fd)
{
	struct test_addr from = { .len = sizeof(from.storage) };
	char got[256];

	memset(&from.storage, 0xee, sizeof(from.storage));
	if (recvfrom(fd, got, sizeof(got), MSG_DONTWAIT, &from.sa,
		     &from.len) < 0)
		from.len = -1;
	return from;
}

static inline int connect_errno(int fd, const struct test_addr *to)
{
	return connect(fd, &to->sa, to->len) ? errno : 0;
}

/* connect() to nobody: what breaks the connection of a datagram socket. */
static inline int disconnect(int fd)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	return connect(fd, &none, sizeof(none.sa_family)) ? errno : 0;
}

/* How many messages of @size bytes fit; 0 when it was not EAGAIN that ended. */
static inline size_t fill_messages(int fd, size_t size)
{
	return fill_queue(fd, size) / size;
}

/* SIOCINQ, SIOCOUTQ; the negative errno at failure. */
static inline int queue_bytes(int fd, unsigned long request)
{
	int bytes = -1;

	return ioctl(fd, request, &bytes) ? -errno : bytes;
}

/*
 * A child that waits in send(), to whom fd is connected or to @to; it exits
 * with the errno or 0. It holds no other socket, so that the parent's close()
 * is the last.
 */
static inline pid_t blocked_send(struct __test_metadata *_metadata, int fd,
				 const struct test_addr *to, const char *text)
{
	size_t size = strlen(text);
	pid_t child = fork_child(_metadata);
	int only;

	if (!child) {
		only = dup2(fd, 0);
		if (only || close_range(1, ~0U, 0))
			_exit(126);
		_exit(sendto(only, text, size, 0, to ? &to->sa : NULL,
			     to ? to->len : 0) == size ? 0 : errno);
	}
	ASSERT_TRUE(wait_blocked(child));
	return child;
}

/* A child that waits in recv(); it exits with the count, or 128 + errno. */
static inline pid_t blocked_recv(struct __test_metadata *_metadata, int fd)
{
	pid_t child = fork_child(_metadata);

	if (!child) {
		char got[64];
		ssize_t n;

		if (dup2(fd, 0) || close_range(1, ~0U, 0))
			_exit(126);
		n = recv(0, got, sizeof(got), 0);
		_exit(n < 0 ? 128 + errno : n);
	}
	ASSERT_TRUE(wait_blocked(child));
	return child;
}

#endif /* QSOCK_MESSAGE_H */
