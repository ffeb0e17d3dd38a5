/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a member of a crowd sends and receives: by all calls there are, in
 * all ways to wait, and exactly when a call was interrupted or did a part.
 */
#ifndef QSOCK_CROWD_IO_H
#define QSOCK_CROWD_IO_H

#include <sys/epoll.h>
#include <sys/uio.h>

#include "qsock_crowd.h"

#define BATCH		4
#define PIECES		3

/* Where a member's receives go, and its sends come from. */
#define DATA_SIZE	((BATCH + 1) * LONGEST)

/* Messages that are to be sent, one after the other in memory. */
struct batch {
	unsigned char *data;
	size_t len[BATCH];
	unsigned int count, next;	/* messages, and those that went */
	size_t done, all;		/* the same in bytes */
};

/* What a receive took. */
struct catch {
	struct iovec piece[BATCH];
	int count;
};

/* Wait for @events without an end, when a call that does not wait says so. */
static inline bool crowd_wait(struct member *m, int fd, short events)
{
	struct epoll_event event = { .events = events };
	enum way way = m->way == ANY ? POLL : m->way;

	if (way == POLL || way == CALL) {
		STORE(m->at, events == POLLIN ? "poll POLLIN" : "poll POLLOUT");
		return poll_one(fd, events, -1) >= 0 || errno == EINTR;
	}
	STORE(m->at, "epoll_wait");
	if (m->watched != fd) {
		close_open(&m->epoll);
		m->epoll = epoll_create1(0);
		m->watched = fd;
		if (way == EDGE)
			event.events |= EPOLLET;
		if (epoll_ctl(m->epoll, EPOLL_CTL_ADD, fd, &event))
			return false;
	}
	return epoll_wait(m->epoll, &event, 1, -1) >= 0 || errno == EINTR;
}

/* A new descriptor may have the number of an old one. */
static inline void crowd_close(struct member *m, int fd)
{
	m->watched = -1;
	STORE(m->fd, -1);
	close(fd);
}

/* Shall this call wait for itself? */
static inline bool in_call(struct member *m)
{
	return m->way == CALL || (m->way == ANY && roll(m, 2));
}

/* Cut @len bytes in up to PIECES pieces, none of them empty. */
static inline int cut(struct member *m, struct iovec *iov, unsigned char *data,
		      size_t len)
{
	int i, pieces = 1 + roll(m, PIECES);

	for (i = 0; i < pieces && len; i++) {
		size_t some = len;

		if (i + 1 < pieces && len > 1)
			some = 1 + roll(m, len - 1);
		iov[i] = (struct iovec){ data, some };
		data += some;
		len -= some;
	}
	return i;
}

/* Several messages, or pieces of a stream, with one call; bytes that went. */
static inline ssize_t send_many(struct member *m, int fd, struct batch *b,
				const struct test_addr *to, int flags)
{
	bool stream = crowd_type(m->crowd) == SOCK_STREAM;
	struct mmsghdr many[BATCH] = {};
	struct iovec iov[BATCH];
	unsigned char *data = b->data + b->done;
	size_t len = b->all - b->done;
	unsigned int i, count = b->count - b->next;
	ssize_t sum = 0;
	int n;

	if (stream)
		count = cut(m, iov, data, len);
	for (i = 0; i < count; i++) {
		if (!stream)
			iov[i] = (struct iovec){ data, b->len[b->next + i] };
		data += iov[i].iov_len;
		many[i].msg_hdr.msg_iov = &iov[i];
		many[i].msg_hdr.msg_iovlen = 1;
		if (to) {
			many[i].msg_hdr.msg_name = (void *)&to->storage;
			many[i].msg_hdr.msg_namelen = to->len;
		}
	}
	STORE(m->at, "sendmmsg");
	n = sendmmsg(fd, many, count, flags);
	if (n < 0)
		return -1;
	for (i = 0; i < (unsigned int)n; i++)
		sum += many[i].msg_len;
	return sum;
}

/* One call; the bytes that went. */
static inline ssize_t send_once(struct member *m, int fd, struct batch *b,
				const struct test_addr *to, int flags)
{
	bool stream = crowd_type(m->crowd) == SOCK_STREAM;
	unsigned char *data = b->data + b->done;
	size_t len = stream ? b->all - b->done : b->len[b->next];
	const struct sockaddr *name = to ? &to->sa : NULL;
	socklen_t name_len = to ? to->len : 0;
	struct iovec iov[PIECES];
	struct msghdr msg = { .msg_iov = iov };

	switch (roll(m, 4)) {
	case 0:
		if (to || flags & MSG_DONTWAIT)
			break;
		STORE(m->at, "write");
		return write(fd, data, len);
	case 1:
		msg.msg_iovlen = cut(m, iov, data, len);
		msg.msg_name = (void *)name;
		msg.msg_namelen = name_len;
		STORE(m->at, "sendmsg");
		return sendmsg(fd, &msg, flags);
	case 2:
		return send_many(m, fd, b, to, flags);
	}
	STORE(m->at, "send");
	return sendto(fd, data, len, flags, name, name_len);
}

/* Send all of @b; 0, or the error that ends it. */
static inline int send_batch(struct member *m, int fd, struct batch *b,
			     const struct test_addr *to)
{
	bool stream = crowd_type(m->crowd) == SOCK_STREAM;

	while (b->done < b->all) {
		/* poll(2) of a socket without a peer knows of no room. */
		bool wait = to || in_call(m);
		ssize_t n = send_once(m, fd, b, to,
				      MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN && !wait) {
			if (!crowd_wait(m, fd, POLLOUT))
				return errno;
			continue;
		}
		if (n <= 0)
			return n < 0 ? errno : ENODATA;
		b->done += n;
		while (n > 0 && b->next < b->count && !stream)
			n -= b->len[b->next++];
		if (!stream && n) {
			crowd_fail(m, "a part of a message went");
			return -1;
		}
		m->moved++;
	}
	b->next = b->count;
	return 0;
}

/* The messages from @number of @link on, at most to @end. */
static inline struct batch make_batch(struct member *m, uint32_t link,
				      unsigned int number, unsigned int end)
{
	struct batch b = { .data = m->data };
	unsigned int most = 1 + (roll(m, 2) ? roll(m, BATCH) : 0);

	while (b.count < most && number + b.count < end) {
		b.len[b.count] = message_make(m->crowd, link, number + b.count,
					      b.data + b.all);
		b.all += b.len[b.count++];
	}
	return b;
}

/* recvmmsg(2) of up to BATCH messages, or pieces of a stream. */
static inline int recv_many(struct member *m, int fd, struct catch *c,
			    size_t room, int flags)
{
	struct mmsghdr many[BATCH] = {};
	int i, n;

	for (i = 0; i < BATCH; i++) {
		c->piece[i].iov_base = m->data + m->have + i * room;
		c->piece[i].iov_len = room;
		many[i].msg_hdr.msg_iov = &c->piece[i];
		many[i].msg_hdr.msg_iovlen = 1;
	}
	STORE(m->at, "recvmmsg");
	n = recvmmsg(fd, many, BATCH, flags | MSG_WAITFORONE, NULL);
	c->count = 0;
	for (i = 0; i < n && many[i].msg_len; i++)
		c->piece[c->count++].iov_len = many[i].msg_len;
	return n < 0 ? -1 : c->count;
}

/* One call: pieces that came, 0 at the end, -1 and errno. */
static inline int recv_once(struct member *m, int fd, struct catch *c,
			    struct test_addr *from, int flags)
{
	bool stream = crowd_type(m->crowd) == SOCK_STREAM;
	unsigned char *data = m->data + m->have;
	size_t room = LONGEST;
	struct iovec iov[PIECES];
	struct msghdr msg = { .msg_iov = iov };
	ssize_t n = 0;

	if (stream && m->way == ANY)
		room = 1 + roll(m, LONGEST);
	switch (from ? 1 : roll(m, 5)) {
	case 0:
		if (flags & MSG_DONTWAIT)
			break;
		STORE(m->at, "read");
		n = read(fd, data, room);
		goto got;
	case 1:
		msg.msg_iovlen = cut(m, iov, data, room);
		if (from) {
			msg.msg_name = &from->storage;
			msg.msg_namelen = sizeof(from->storage);
		}
		STORE(m->at, "recvmsg");
		n = recvmsg(fd, &msg, flags);
		if (from)
			from->len = msg.msg_namelen;
		goto got;
	case 2:
		return recv_many(m, fd, c, stream ? room / BATCH + 1 : room,
				 flags);
	case 3:
		if (stream && m->crowd->signals && !(flags & MSG_DONTWAIT))
			flags |= MSG_WAITALL;
	}
	STORE(m->at, "recv");
	n = recv(fd, data, room, flags);
got:
	c->piece[0] = (struct iovec){ data, n > 0 ? n : 0 };
	c->count = n > 0;
	return n < 0 ? -1 : c->count;
}

/*
 * AF_UNIX looks for a packet, and then whether the peer is gone: it may say
 * so although packets came in between, which the next call finds.
 */
static inline int recv_at_end(struct member *m, int fd, struct catch *c,
			      struct test_addr *from)
{
	int n;

	if (m->crowd->family != AF_UNIX ||
	    crowd_type(m->crowd) != SOCK_SEQPACKET)
		return 0;
	n = recv_once(m, fd, c, from, MSG_DONTWAIT);
	return n < 0 ? 0 : n;
}

/* Receive something; pieces, 0 at the end, or -1 and the error that ends it. */
static inline int recv_some(struct member *m, int fd, struct catch *c,
			    struct test_addr *from)
{
	for (;;) {
		bool wait = in_call(m);
		int n = recv_once(m, fd, c, from, wait ? 0 : MSG_DONTWAIT);

		if (n == 0)
			return recv_at_end(m, fd, c, from);
		if (n > 0 || (errno != EINTR && errno != EAGAIN))
			return n;
		if (LOAD(m->crowd->stop))
			return 0;
		if (errno == EAGAIN && (wait || !crowd_wait(m, fd, POLLIN)))
			return -1;
	}
}

/*
 * Take the messages that came out of @c. Returns 1, 0 when one said that it
 * is the last, or -1 when something is wrong.
 */
static inline int take_messages(struct member *m, struct catch *c,
				struct head *head)
{
	bool stream = crowd_type(m->crowd) == SOCK_STREAM;
	unsigned char *data = m->data;
	size_t have = m->have, len;
	int i, last = 0;

	for (i = 0; stream && i < c->count; i++) {
		memmove(data + have, c->piece[i].iov_base, c->piece[i].iov_len);
		have += c->piece[i].iov_len;
	}
	for (i = 0; stream ? have >= sizeof(*head) : i < c->count; i++) {
		if (!stream) {
			data = c->piece[i].iov_base;
			have = c->piece[i].iov_len;
		}
		len = have < sizeof(*head) ? 0 :
					     message_head(m->crowd, data, head);
		if (!len || (!stream && len != have)) {
			crowd_fail(m, "%zu bytes came that are no message after %u",
				   have, m->link->next);
			return -1;
		}
		if (stream && len > have)
			break;
		if (head->link & LAST)
			last = 1;
		else if (last || !message_take(m, head, data))
			return -1;
		data += stream ? len : 0;
		have -= len;
	}
	if (stream && have)
		memmove(m->data, data, have);
	m->have = stream ? have : 0;
	return !last;
}

#endif /* QSOCK_CROWD_IO_H */
