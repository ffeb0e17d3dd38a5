/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sockets of a crowd: how each kind is opened, and how both ends of a
 * link come to hold the same.
 */
#ifndef QSOCK_CROWD_OPEN_H
#define QSOCK_CROWD_OPEN_H

#include <sys/resource.h>

#include "qsock_crowd_io.h"

/* Variants of both families for each kind of crowd. */
#define CROWD_VARIANTS(fixture)						\
	FIXTURE_VARIANT_ADD(fixture, af_qsock_stream)			\
		{ .qsock = true, .kind = STREAM_PAIRS };		\
	FIXTURE_VARIANT_ADD(fixture, af_unix_stream)			\
		{ .qsock = false, .kind = STREAM_PAIRS };		\
	FIXTURE_VARIANT_ADD(fixture, af_qsock_seqpacket)		\
		{ .qsock = true, .kind = PACKET_PAIRS };		\
	FIXTURE_VARIANT_ADD(fixture, af_unix_seqpacket)			\
		{ .qsock = false, .kind = PACKET_PAIRS };		\
	FIXTURE_VARIANT_ADD(fixture, af_qsock_dgram)			\
		{ .qsock = true, .kind = DGRAM_PAIRS };			\
	FIXTURE_VARIANT_ADD(fixture, af_unix_dgram)			\
		{ .qsock = false, .kind = DGRAM_PAIRS };		\
	FIXTURE_VARIANT_ADD(fixture, af_qsock_dgram_connected)		\
		{ .qsock = true, .kind = DGRAM_CONNECTED };		\
	FIXTURE_VARIANT_ADD(fixture, af_unix_dgram_connected)		\
		{ .qsock = false, .kind = DGRAM_CONNECTED };		\
	FIXTURE_VARIANT_ADD(fixture, af_qsock_dgram_named)		\
		{ .qsock = true, .kind = DGRAM_NAMED };			\
	FIXTURE_VARIANT_ADD(fixture, af_unix_dgram_named)		\
		{ .qsock = false, .kind = DGRAM_NAMED };		\
	FIXTURE_VARIANT_ADD(fixture, af_qsock_shared_seqpacket)		\
		{ .qsock = true, .kind = SHARED_PACKET };		\
	FIXTURE_VARIANT_ADD(fixture, af_unix_shared_seqpacket)		\
		{ .qsock = false, .kind = SHARED_PACKET };		\
	FIXTURE_VARIANT_ADD(fixture, af_qsock_shared_dgram)		\
		{ .qsock = true, .kind = SHARED_DGRAM };		\
	FIXTURE_VARIANT_ADD(fixture, af_unix_shared_dgram)		\
		{ .qsock = false, .kind = SHARED_DGRAM }

static inline bool read_whole(int fd, void *data, size_t size)
{
	ssize_t n;

	do
		n = read(fd, data, size);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)size;
}

static inline bool write_whole(int fd, const void *data, size_t size)
{
	ssize_t n;

	do
		n = write(fd, data, size);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)size;
}

static inline struct test_addr link_addr(const struct crowd *crowd,
					 const char *what, unsigned int number)
{
	char name[64];

	snprintf(name, sizeof(name), "crowd.%s.%u", what, number);
	return nul_addr(crowd->family, name);
}

static inline int bound(const struct crowd *crowd, const struct test_addr *addr)
{
	int fd = socket(crowd->family, crowd_type(crowd), 0);

	if (fd >= 0 && bind(fd, &addr->sa, addr->len)) {
		close(fd);
		return -1;
	}
	return fd;
}

static inline void set_int(int fd, int option, int value)
{
	setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value));
}

/*
 * The room of a queue. A narrow one holds one message: the senders' limit is
 * low, or the receiver's, which AF_UNIX does not have.
 */
static inline void set_room(struct member *m, int fd)
{
	bool receivers = m->crowd->family != AF_UNIX && m->number / 4 % 2;

	if (!m->crowd->narrow) {
		if (m->sender && roll(m, 3) == 0)
			set_int(fd, SO_SNDBUF, LONGEST + roll(m, 2 * LONGEST));
	} else if (m->sender != receivers) {
		/* As small as may be. */
		set_int(fd, m->sender ? SO_SNDBUF : SO_RCVBUF, 1);
	}
}

/* Connect as a sender does; signals do not come between. */
static inline int connected(struct member *m, const struct test_addr *addr)
{
	int fd = socket(m->crowd->family, crowd_type(m->crowd), 0), n;

	if (fd < 0)
		return -1;
	STORE(m->fd, fd);
	STORE(m->at, "connect");
	do
		n = connect(fd, &addr->sa, addr->len);
	while (n && errno == EINTR);
	if (n) {
		n = errno;
		crowd_close(m, fd);
		errno = n;
		return -1;
	}
	return fd;
}

/*
 * Open both ends of a link: returns the sender's, and sends the receiver's
 * number through the pipe, or -1 when it must accept the connection.
 */
static inline int open_link(struct member *m, struct test_addr *name)
{
	struct crowd *crowd = m->crowd;
	bool names = crowd->kind == DGRAM_CONNECTED || crowd->kind == DGRAM_NAMED;
	int end[2] = { -1, -1 };

	__atomic_add_fetch(&crowd->opened, 1, __ATOMIC_RELAXED);
	if (names) {
		*name = link_addr(crowd, "link", m->number);
		end[1] = bound(crowd, name);
		if (end[1] < 0)
			return -1;
		if (crowd->kind == DGRAM_NAMED)
			end[0] = socket(crowd->family, SOCK_DGRAM, 0);
		else
			end[0] = connected(m, name);
	} else if (crowd_type(crowd) == SOCK_DGRAM || roll(m, 2)) {
		if (socketpair(crowd->family, crowd_type(crowd), 0, end))
			return -1;
	}
	if (!write_whole(m->link->open[1], &end[1], sizeof(end[1])))
		return -1;
	if (end[0] < 0 && !names) {
		*name = link_addr(crowd, "listener", m->number);
		end[0] = connected(m, name);
	}
	if (end[0] >= 0)
		set_room(m, end[0]);
	STORE(m->fd, end[0]);
	return end[0];
}

/* The receiver's end of a link; -1 when there will be none any more. */
static inline int accept_link(struct member *m)
{
	int fd;

	STORE(m->at, "a new socket");
	if (!read_whole(m->link->open[0], &fd, sizeof(fd)))
		return -1;
	if (fd < 0) {
		STORE(m->at, "accept");
		STORE(m->fd, m->link->listener);
		do
			fd = accept(m->link->listener, NULL, NULL);
		while (fd < 0 && errno == EINTR);
	}
	if (fd < 0)
		crowd_fail(m, "accept: %s", strerror(errno));
	else
		set_room(m, fd);
	STORE(m->fd, fd);
	return fd;
}

/* A sender's socket of a crowd that sends to one socket of datagrams. */
static inline int open_sender(struct member *m)
{
	struct crowd *crowd = m->crowd;
	int fd;

	__atomic_add_fetch(&crowd->opened, 1, __ATOMIC_RELAXED);
	if (m->number % 2)
		fd = socket(crowd->family, SOCK_DGRAM, 0);
	else
		fd = connected(m, &crowd->addr);
	if (fd >= 0)
		set_room(m, fd);
	return fd;
}

/* Open what all share: each member has a descriptor of its own. */
static inline bool open_shared(struct crowd *crowd)
{
	int end[2] = { -1, -1 }, i;

	if (crowd->kind == SHARED_DGRAM)
		end[1] = bound(crowd, &crowd->addr);
	else if (socketpair(crowd->family, SOCK_SEQPACKET, 0, end))
		return false;
	for (i = 0; i < MEMBERS; i++) {
		struct member *m = &crowd->member[i];

		if (m->sender && crowd->kind == SHARED_DGRAM) {
			m->fd = open_sender(m);
		} else {
			m->fd = dup(end[!m->sender]);
			set_room(m, m->fd);
		}
		if (m->fd < 0)
			return false;
	}
	close_open(&end[0]);
	close_open(&end[1]);
	return true;
}

/* Send the datagram that says that no more come. */
static inline int send_last(struct member *m, int fd, unsigned int link,
			    unsigned int number, const struct test_addr *to)
{
	struct batch b = { .data = m->data, .count = 1 };

	b.all = message_make(m->crowd, link | LAST, number, b.data);
	b.len[0] = b.all;
	return send_batch(m, fd, &b, to);
}

/* The senders are done: every receiver of datagrams is told so in turn. */
static inline void end_shared(struct crowd *crowd)
{
	unsigned char data[sizeof(struct head)];
	size_t len = message_make(crowd, LAST, 0, data);
	int fd = socket(crowd->family, SOCK_DGRAM, 0), running, before = MEMBERS;
	long since = now_ms();

	/* A batch of two would take the end of another receiver. */
	while (crowd->kind == SHARED_DGRAM && now_ms() - since < STALL_MS) {
		running = crowd_running(crowd, LINKS, MEMBERS);
		if (!running)
			break;
		if (running < before &&
		    sendto(fd, data, len, MSG_DONTWAIT, &crowd->addr.sa,
			   crowd->addr.len) == (ssize_t)len) {
			before = running;
			since = now_ms();
		}
		usleep(200);
	}
	close(fd);
}

static inline bool open_link_pipes(struct crowd *crowd, struct link *link,
				   unsigned int number)
{
	struct test_addr addr = link_addr(crowd, "listener", number);

	link->listener = -1;
	if (pipe(link->open) || pipe(link->report))
		return false;
	if (crowd_type(crowd) == SOCK_DGRAM)
		return true;
	link->listener = bound(crowd, &addr);
	return link->listener >= 0 && !listen(link->listener, 1);
}

/* Members and links of a crowd whose family, kind and seed are set. */
static inline bool crowd_init(struct crowd *crowd)
{
	struct rlimit files = { 4096, 4096 };
	uint64_t chance = random_seed(crowd->seed);
	int i;

	setrlimit(RLIMIT_NOFILE, &files);
	for (i = 0; i < sizeof(crowd->table); i++)
		crowd->table[i] = random_next(&chance) >> 56;
	crowd->addr = link_addr(crowd, "all", 0);
	crowd->seen = calloc(LINKS, crowd->quota / 8 + 1);
	if (!crowd->seen)
		return false;
	for (i = 0; i < MEMBERS; i++) {
		struct member *m = &crowd->member[i];

		m->crowd = crowd;
		m->number = i % LINKS;
		m->link = &crowd->link[m->number];
		m->sender = i < LINKS;
		m->fd = -1;
		m->chance = random_seed(crowd->seed * MEMBERS + i);
		m->data = malloc(DATA_SIZE);
		if (!m->data)
			return false;
	}
	for (i = 0; i < LINKS && !is_shared(crowd); i++)
		if (!open_link_pipes(crowd, &crowd->link[i], i))
			return false;
	return true;
}

static inline unsigned long from_environment(const char *name,
					     unsigned long other)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : other;
}

/* A crowd that is to send @messages, unless the environment says otherwise. */
static inline struct crowd *crowd_new(struct __test_metadata *_metadata,
				      int family, enum crowd_kind kind,
				      unsigned long messages)
{
	struct sigaction action = { .sa_handler = ignore_number };
	struct crowd *crowd = calloc(1, sizeof(*crowd));
	struct timespec now;

	ASSERT_NE(NULL, crowd);
	crowd->family = family;
	crowd->kind = kind;
	clock_gettime(CLOCK_REALTIME, &now);
	crowd->seed = from_environment("QSOCK_STRESS_SEED",
				       now.tv_nsec % 1000000 + 1);
	messages = from_environment("QSOCK_STRESS_MESSAGES",
				    messages / work_divisor());
	crowd->quota = messages / LINKS + 1;
	crowd->begun = now_ms();
	signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	action.sa_flags = SA_RESTART;
	ASSERT_EQ(0, sigaction(SIGUSR2, &action, NULL));
	ASSERT_TRUE(crowd_init(crowd));
	return crowd;
}

/* What a crowd did, for who reads the log. */
static inline void crowd_tell(struct __test_metadata *_metadata,
			      const struct crowd *crowd)
{
	TH_LOG("%u messages through %u sockets in %ld ms, seed %llu",
	       crowd->quota * LINKS, crowd->opened, now_ms() - crowd->begun,
	       (unsigned long long)crowd->seed);
}

#endif /* QSOCK_CROWD_OPEN_H */
