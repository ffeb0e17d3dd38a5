/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A crowd at work: each link's messages arrive in order and once, although
 * sockets are closed and opened again and receivers leave before the end.
 */
#ifndef QSOCK_CROWD_RUN_H
#define QSOCK_CROWD_RUN_H

#include "qsock_crowd_io.h"
#include "qsock_crowd_open.h"

/* What a sender may meet whose receiver left. */
static inline bool peer_gone(int error)
{
	return error == EPIPE || error == ECONNRESET ||
	       error == ECONNREFUSED || error == ENOTCONN;
}

/* Pairs. --------------------------------------------------------------- */

/* Wait until the receiver has all, and has had the time to go to sleep. */
static inline void let_sleep(struct member *m, int fd, unsigned int end)
{
	STORE(m->at, "the receiver");
	while (LOAD(m->link->next) < end && !LOAD(m->crowd->failed) &&
	       !(poll_one(fd, POLLOUT, 0) & (POLLHUP | POLLERR)))
		usleep(500);
	usleep(500);
}

static inline void *pair_sender(void *arg)
{
	struct member *m = arg;
	struct crowd *crowd = m->crowd;
	struct link *link = m->link;
	unsigned int sent = 0;

	while (sent < crowd->quota && !LOAD(crowd->failed)) {
		unsigned int end = crowd->quota, next = sent;
		struct test_addr name, *to = NULL;
		struct report report;
		int error = 0, fd;

		if (crowd->life && end - sent > crowd->life)
			end = sent + 1 + roll(m, crowd->life);
		fd = open_link(m, &name);
		if (fd < 0) {
			crowd_fail(m, "cannot open: %s", strerror(errno));
			break;
		}
		if (crowd->kind == DGRAM_NAMED)
			to = &name;
		while (next < end && !error) {
			struct batch b = make_batch(m, m->number, next, end);

			error = send_batch(m, fd, &b, to);
			next += b.next;
		}
		if (!error && crowd_type(crowd) == SOCK_DGRAM)
			error = send_last(m, fd, m->number, end, to);
		/* With signals, a receiver may wait for more than comes. */
		if (!error && !crowd->signals &&
		    crowd_type(crowd) != SOCK_DGRAM && roll(m, 2))
			let_sleep(m, fd, end);
		if (crowd_type(crowd) != SOCK_DGRAM && roll(m, 4) == 0)
			shutdown(fd, SHUT_WR);
		crowd_close(m, fd);
		STORE(m->at, "the receiver's report");
		if (!read_whole(link->report[0], &report, sizeof(report)))
			break;
		if (error && !(report.left && peer_gone(error)))
			crowd_fail(m, "%s after message %u", strerror(error),
				   next);
		if (report.next < sent || report.next > end ||
		    (!report.left && report.next != end))
			crowd_fail(m, "%u to %u were sent, and %u received",
				   sent, end, report.next);
		sent = report.next;
	}
	close(link->open[1]);
	STORE(m->running, false);
	return NULL;
}

static inline void *pair_receiver(void *arg)
{
	struct member *m = arg;
	struct crowd *crowd = m->crowd;
	struct link *link = m->link;
	int fd;

	while ((fd = accept_link(m)) >= 0) {
		struct report report = { .left = false };
		unsigned int leave = UINT_MAX;
		struct catch c;
		struct head head = {};
		int n;

		m->have = 0;
		if (crowd->life && roll(m, 3) == 0)
			leave = link->next + roll(m, crowd->life);
		while ((n = recv_some(m, fd, &c, NULL)) > 0) {
			n = take_messages(m, &c, &head);
			if (n <= 0)
				break;
			report.left = link->next >= leave;
			if (report.left)
				break;
		}
		if (n < 0 && !LOAD(crowd->failed))
			crowd_fail(m, "%s", strerror(errno));
		if (n == 0 && m->have)
			crowd_fail(m, "the stream ends within message %u",
				   link->next);
		if (n == 0 && crowd_type(crowd) == SOCK_DGRAM &&
		    head.number != link->next)
			crowd_fail(m, "%u came of %u", link->next, head.number);
		report.next = link->next;
		crowd_close(m, fd);
		if (!write_whole(link->report[1], &report, sizeof(report)))
			break;
	}
	STORE(m->running, false);
	return NULL;
}

static inline bool run_pairs(struct crowd *crowd)
{
	int i;

	for (i = 0; i < MEMBERS; i++) {
		struct member *m = &crowd->member[i];

		if (!crowd_start(m, m->sender ? pair_sender : pair_receiver))
			return false;
	}
	return crowd_watch(crowd, 0, MEMBERS);
}

/* One socket for all. -------------------------------------------------- */

/* Go on with another descriptor of the same socket, or with a new one. */
static inline bool change_descriptor(struct member *m)
{
	int old = m->fd, fd;

	fd = m->crowd->kind == SHARED_DGRAM ? open_sender(m) : dup(old);
	if (fd >= 0)
		crowd_close(m, old);
	STORE(m->fd, fd < 0 ? old : fd);
	return fd >= 0;
}

static inline void *shared_sender(void *arg)
{
	struct member *m = arg;
	struct crowd *crowd = m->crowd;
	bool named = crowd->kind == SHARED_DGRAM && m->number % 2;
	unsigned int next = m->link->next, end = m->link->sent;
	int error = 0;

	while (next < end && !error && !LOAD(crowd->failed)) {
		struct batch b = make_batch(m, m->number, next, end);

		error = send_batch(m, m->fd, &b, named ? &crowd->addr : NULL);
		next += b.next;
		if (!error && crowd->life && !roll(m, 16) &&
		    !change_descriptor(m))
			error = errno;
	}
	/* Who left did so before a sender could see it. */
	if (error && !(peer_gone(error) && LOAD(crowd->left)))
		crowd_fail(m, "%s after message %u", strerror(error), next);
	m->link->sent = next;
	crowd_close(m, m->fd);
	STORE(m->running, false);
	return NULL;
}

static inline void *shared_receiver(void *arg)
{
	struct member *m = arg;
	struct crowd *crowd = m->crowd;
	struct head head;
	struct catch c;
	int n;

	while (!LOAD(crowd->left) && (n = recv_some(m, m->fd, &c, NULL)) > 0) {
		n = take_messages(m, &c, &head);
		if (n <= 0)
			break;
		if (__atomic_add_fetch(&crowd->taken, c.count,
				       __ATOMIC_RELAXED) > crowd->leave_after)
			STORE(crowd->left, true);
	}
	if (n < 0 && !LOAD(crowd->failed))
		crowd_fail(m, "%s", strerror(errno));
	crowd_close(m, m->fd);
	STORE(m->running, false);
	return NULL;
}

/* All that a sender sent came, or of what came in vain the last of it. */
static inline bool all_came(struct crowd *crowd, struct link *link, unsigned int number)
{
	size_t base = (size_t)number * crowd->quota;
	unsigned int i, from = link->next;

	for (i = link->next; i < crowd->quota; i++) {
		size_t bit = base + i;

		if (!(crowd->seen[bit / 8] & 1 << bit % 8))
			continue;
		if (i != link->next)
			break;
		link->next++;
	}
	if (i == crowd->quota && link->next <= link->sent &&
	    (link->next == link->sent || crowd->left))
		return true;
	fprintf(stderr, "# sender %u: of %u to %u came all to %u, and %u\n",
		number, from, link->sent, link->next, i);
	return false;
}

/*
 * One life of the socket: each sender sends a part of what it has, one in
 * @parts. With @leave, the receivers leave before all that came.
 */
static inline bool run_shared(struct crowd *crowd, enum way way,
			      unsigned int parts, bool leave)
{
	uint64_t chance = random_seed(crowd->seed + parts);
	unsigned int sum = 0;
	int i;

	for (i = 0; i < LINKS; i++) {
		struct link *link = &crowd->link[i];

		link->sent = link->next + (crowd->quota - link->next) / parts;
		sum += link->sent - link->next;
	}
	crowd->left = false;
	crowd->taken = 0;
	crowd->leave_after = leave ? random_next(&chance) % (sum + 1) : UINT_MAX;
	if (!open_shared(crowd))
		return false;
	for (i = 0; i < MEMBERS; i++) {
		struct member *m = &crowd->member[i];

		m->way = way;
		memset(m->last, 0, sizeof(m->last));
		if (!crowd_start(m, m->sender ? shared_sender : shared_receiver))
			return false;
	}
	if (!crowd_watch(crowd, 0, LINKS))
		return false;
	end_shared(crowd);
	if (!crowd_watch(crowd, LINKS, MEMBERS))
		return false;
	for (i = 0; i < LINKS; i++)
		if (!all_came(crowd, &crowd->link[i], i))
			return false;
	return true;
}

#endif /* QSOCK_CROWD_RUN_H */
