/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A crowd of threads that send and receive: what their messages hold, so
 * that a lost, doubled, reordered or damaged one is told from a right one,
 * and a watch for those that sleep for ever.
 */
#ifndef QSOCK_CROWD_H
#define QSOCK_CROWD_H

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>

#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_test.h"

#define LINKS		64
#define MEMBERS		(2 * LINKS)

/* The longest message, and the longest that any SO_SNDBUF admits. */
#define LONGEST		16000
#define NARROW		4000

/* A crowd in which nothing moves for so long has lost a wake-up. */
#define STALL_MS	20000

/* How members are connected. Those that are not shared are 64 links. */
enum crowd_kind {
	STREAM_PAIRS,
	PACKET_PAIRS,
	DGRAM_PAIRS,
	DGRAM_CONNECTED,
	DGRAM_NAMED,
	SHARED_PACKET,	/* one connection with 64 threads at either end */
	SHARED_DGRAM,	/* 64 sockets send to one, and 64 threads receive */
};

/* How a member waits. */
enum way {
	ANY,		/* this way and that */
	CALL,		/* in the call that moves the message */
	POLL,
	EPOLL,
	EDGE,		/* epoll that tells of a change, once */
	WAYS,
};

/* What the receiver of an incarnation of a link tells the sender. */
struct report {
	unsigned int next;	/* the number of the first that did not come */
	bool left;		/* it closed the socket before the end */
};

/* Sockets come and go; the link stays. */
struct link {
	int open[2], report[2];	/* pipes: descriptors there, reports back */
	int listener;
	unsigned int next;	/* of its messages, the first that did not come */
	unsigned int sent;
};

struct member {
	struct crowd *crowd;
	pthread_t thread;
	struct link *link;
	unsigned int number;	/* of its link */
	bool sender;
	uint64_t chance;
	enum way way;
	int fd, epoll, watched;
	unsigned char *data;
	size_t have;		/* bytes of a stream that are no message yet */
	unsigned int last[LINKS];
	/* For the watch. */
	bool running;
	unsigned long moved;
	const char *at;
};

struct crowd {
	int family;
	enum crowd_kind kind;
	uint64_t seed;
	bool signals;	/* half of the members get them */
	unsigned int life;	/* messages until sockets are opened anew, at most */
	bool narrow;	/* a queue holds one message */
	unsigned int quota;	/* messages of each link */
	long begun;
	struct link link[LINKS];
	struct member member[MEMBERS];
	unsigned char table[65536 + LONGEST];
	unsigned char *seen;	/* of shared kinds: a bit for each message */
	unsigned int taken, leave_after, opened;
	bool left, stop, failed, ready;
	int end[2];
	struct test_addr addr;
};

#define LOAD(x)		__atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define STORE(x, v)	__atomic_store_n(&(x), v, __ATOMIC_RELEASE)

static inline bool is_shared(const struct crowd *crowd)
{
	return crowd->kind >= SHARED_PACKET;
}

static inline int crowd_type(const struct crowd *crowd)
{
	switch (crowd->kind) {
	case STREAM_PAIRS:
		return SOCK_STREAM;
	case PACKET_PAIRS:
	case SHARED_PACKET:
		return SOCK_SEQPACKET;
	default:
		return SOCK_DGRAM;
	}
}

static inline unsigned int roll(struct member *m, unsigned int sides)
{
	return random_next(&m->chance) % sides;
}

/* Say once what is wrong; the test ends. */
static inline void crowd_fail(struct member *m, const char *format, ...)
{
	va_list args;

	if (__atomic_exchange_n(&m->crowd->failed, true, __ATOMIC_ACQ_REL))
		return;
	fprintf(stderr, "# %s %u: ", m->sender ? "sender" : "receiver",
		m->number);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, " (seed %llu)\n", (unsigned long long)m->crowd->seed);
}

/* Messages. ------------------------------------------------------------ */

/* The rest of a message is a piece of the crowd's table. */
struct head {
	uint32_t link;
	uint32_t number;
	uint32_t len;
	uint32_t check;
};

/* Instead of a link: no more datagrams come from it. */
#define LAST		0x80000000u

/* All that is chance in a message comes from this. */
static inline uint64_t message_chance(const struct crowd *crowd,
				      uint32_t link, uint32_t number)
{
	uint64_t x = crowd->seed + ((uint64_t)link << 32 | number) *
			0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static inline size_t message_len(const struct crowd *crowd, uint32_t link,
				 uint64_t chance)
{
	unsigned int percent = chance % 100, more = (chance >> 8) & 0xffff;

	if (link & LAST)
		return sizeof(struct head);
	if (crowd->narrow)
		return NARROW - more % 1500;
	if (percent < 70)
		return sizeof(struct head) + more % 200;
	if (percent < 95)
		return sizeof(struct head) + more % 2000;
	return sizeof(struct head) + more %
		((percent < 99 ? 6000 : LONGEST) - sizeof(struct head));
}

/* Make a message; its length. */
static inline size_t message_make(const struct crowd *crowd, uint32_t link,
				  uint32_t number, unsigned char *data)
{
	uint64_t chance = message_chance(crowd, link, number);
	struct head head = {
		.link = link,
		.number = number,
		.len = message_len(crowd, link, chance),
		.check = chance >> 24,
	};

	memcpy(data, &head, sizeof(head));
	memcpy(data + sizeof(head), crowd->table + (chance >> 48),
	       head.len - sizeof(head));
	return head.len;
}

/* The length that a message's head gives; 0 if it is none. */
static inline size_t message_head(const struct crowd *crowd,
				  const unsigned char *data, struct head *head)
{
	uint64_t chance;

	memcpy(head, data, sizeof(*head));
	chance = message_chance(crowd, head->link, head->number);
	if ((head->link & ~LAST) >= LINKS || head->check != (uint32_t)(chance >> 24) ||
	    head->len != message_len(crowd, head->link, chance))
		return 0;
	return head->len;
}

/* The offset of the first wrong byte of a message with a right head. */
static inline size_t message_wrong(const struct crowd *crowd,
				   const struct head *head,
				   const unsigned char *data)
{
	uint64_t chance = message_chance(crowd, head->link, head->number);
	const unsigned char *right = crowd->table + (chance >> 48);
	size_t len = head->len - sizeof(*head), i = 0;

	data += sizeof(*head);
	if (!memcmp(data, right, len))
		return 0;
	while (data[i] == right[i])
		i++;
	return sizeof(*head) + i;
}

/* Account for a message that came; false when it must not have come so. */
static inline bool message_take(struct member *m, const struct head *head,
				const unsigned char *data)
{
	struct crowd *crowd = m->crowd;
	size_t wrong = message_wrong(crowd, head, data), bit;
	struct link *link = &crowd->link[head->link];
	unsigned char mask;

	m->moved++;
	if (wrong) {
		crowd_fail(m, "message %u of %u, %u bytes, is wrong from byte %zu",
			   head->number, head->link, head->len, wrong);
		return false;
	}
	if (!is_shared(crowd)) {
		if (head->link == m->number && head->number == link->next) {
			STORE(link->next, link->next + 1);
			return true;
		}
		crowd_fail(m, "message %u of %u came instead of %u",
			   head->number, head->link, link->next);
		return false;
	}
	if (head->number >= crowd->quota || head->number < m->last[head->link]) {
		crowd_fail(m, "message %u of %u came after %u", head->number,
			   head->link, m->last[head->link] - 1);
		return false;
	}
	m->last[head->link] = head->number + 1;
	bit = (size_t)head->link * crowd->quota + head->number;
	mask = 1 << bit % 8;
	if (__atomic_fetch_or(&crowd->seen[bit / 8], mask,
			      __ATOMIC_RELAXED) & mask) {
		crowd_fail(m, "message %u of %u came twice", head->number,
			   head->link);
		return false;
	}
	return true;
}

/* The watch. ----------------------------------------------------------- */

static inline void describe(const struct member *m)
{
	short events = m->sender ? POLLOUT : POLLIN;
	struct pollfd p = { .fd = LOAD(m->fd), .events = events };

	poll(&p, 1, 0);
	fprintf(stderr,
		"# %s %u waits in %s after %lu messages, descriptor %d ready for %#x\n",
		m->sender ? "sender" : "receiver", m->number, LOAD(m->at),
		LOAD(m->moved), p.fd, p.revents);
}

static inline int crowd_running(struct crowd *crowd, int from, int to)
{
	int i, running = 0;

	for (i = from; i < to; i++)
		running += LOAD(crowd->member[i].running);
	return running;
}

static inline unsigned long crowd_moved(struct crowd *crowd)
{
	unsigned long moved = 0;
	int i;

	for (i = 0; i < MEMBERS; i++)
		moved += LOAD(crowd->member[i].moved);
	return moved;
}

/* Signals at random, for those with an odd number of their link. */
static inline void disturb(struct crowd *crowd, uint64_t *chance)
{
	struct member *m = &crowd->member[random_next(chance) % MEMBERS];

	if (crowd->signals && m->number % 2 && LOAD(m->running))
		pthread_kill(m->thread,
			     random_next(chance) % 2 ? SIGUSR1 : SIGUSR2);
}

/*
 * Wait until all members @from @to are done. False when one found a mistake
 * or when nothing moves any more, and then the threads are still there.
 */
static inline bool crowd_watch(struct crowd *crowd, int from, int to)
{
	uint64_t chance = random_seed(crowd->seed);
	unsigned long moved, before = 0;
	long since = now_ms();
	int i, running, told = 0;

	do {
		usleep(crowd->signals ? 100 + random_next(&chance) % 900 : 2000);
		disturb(crowd, &chance);
		running = crowd_running(crowd, from, to);
		moved = crowd_moved(crowd);
		if (moved != before)
			since = now_ms();
		before = moved;
	} while (running && !LOAD(crowd->failed) && now_ms() - since < STALL_MS);
	if (running && !LOAD(crowd->failed)) {
		fprintf(stderr, "# nothing moves, and %d threads wait (seed %llu)\n",
			running, (unsigned long long)crowd->seed);
		for (i = from; i < to && told < 12; i++)
			if (LOAD(crowd->member[i].running) && ++told)
				describe(&crowd->member[i]);
		return false;
	}
	for (i = from; i < to && !LOAD(crowd->failed); i++)
		pthread_join(crowd->member[i].thread, NULL);
	return !LOAD(crowd->failed);
}

/* Start @member; it runs @run, and then is not running. */
static inline bool crowd_start(struct member *m, void *(*run)(void *))
{
	pthread_attr_t attr;
	int error;

	m->have = 0;
	m->epoll = -1;
	m->watched = -1;
	m->at = "nothing";
	STORE(m->running, true);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 128 << 10);
	error = pthread_create(&m->thread, &attr, run, m);
	pthread_attr_destroy(&attr);
	return !error;
}

#endif /* QSOCK_CROWD_H */
