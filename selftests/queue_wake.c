// SPDX-License-Identifier: GPL-2.0
/*
 * Nobody sleeps who has something to do: where one message is on its way
 * and everybody else sleeps, each wake-up that is missed is the end, because
 * no signal, no timeout and no other message makes good for it.
 *
 * QSOCK_STRESS_MESSAGES says how many messages a test sends.
 */
#include "qsock_crowd_run.h"

/* What is shared wakes many who find nothing. */
#define MESSAGES(kind)	(LINKS * ((kind) < SHARED_PACKET ? 32 : 8))

/* The watch ends a test that hangs; this is for long runs. */
#define LONG_TIMEOUT	7200

FIXTURE(queue_wake)
{
	struct crowd *crowd;
};

FIXTURE_VARIANT(queue_wake)
{
	bool qsock;
	enum crowd_kind kind;
};

CROWD_VARIANTS(queue_wake);

FIXTURE_SETUP(queue_wake)
{
	int i;

	REQUIRE_FAMILY(variant);
	/* A hundred threads that only wake each other take minutes with checkers. */
	if (work_divisor() > 1 && !getenv("QSOCK_STRESS_MESSAGES"))
		SKIP(return, "left out where tests are short: QSOCK_STRESS_MESSAGES=64 runs it");
	self->crowd = crowd_new(_metadata, test_family(variant->qsock),
				variant->kind, MESSAGES(variant->kind));
	for (i = 0; i < MEMBERS; i++)
		self->crowd->member[i].way = CALL + i % (WAYS - CALL);
}

FIXTURE_TEARDOWN(queue_wake)
{
	/* The process ends here, and with it every thread and descriptor. */
}

/* Queues of one message: who sends waits for room, and who receives for it. */
TEST_F_TIMEOUT(queue_wake, narrow_queues, LONG_TIMEOUT)
{
	struct crowd *crowd = self->crowd;
	enum way way;

	crowd->narrow = true;
	if (!is_shared(crowd)) {
		ASSERT_TRUE(run_pairs(crowd));
	} else {
		for (way = CALL; way < WAYS; way++) {
			unsigned int parts = WAYS - way;

			ASSERT_TRUE(run_shared(crowd, way, parts, false));
		}
	}
	crowd_tell(_metadata, crowd);
}

/*
 * Sockets that live for a few messages: who accepts a connection while the
 * other end closes it hears of the end, and so do all who wait for one.
 */
TEST_F_TIMEOUT(queue_wake, short_lives, LONG_TIMEOUT)
{
	struct crowd *crowd = self->crowd;
	unsigned int life;

	crowd->life = 6;
	if (!is_shared(crowd)) {
		ASSERT_TRUE(run_pairs(crowd));
	} else {
		for (life = 8; life; life--) {
			bool leave = life % 2 == 0;

			ASSERT_TRUE(run_shared(crowd, ANY, life, leave));
		}
	}
	crowd_tell(_metadata, crowd);
}

/*
 * One message goes to and fro between the ends of each link, or of all: who
 * receives it sends the next.
 */
struct toss {
	struct test_addr name[MEMBERS];
	unsigned int next;	/* where all share one message */
	unsigned int end;
};

static struct toss toss;

/* Whom a member sends to that must say it. */
static const struct test_addr *other_end(struct member *m)
{
	struct crowd *crowd = m->crowd;

	if (crowd->kind == DGRAM_NAMED)
		return &toss.name[m->number + (m->sender ? LINKS : 0)];
	if (crowd->kind == SHARED_DGRAM && m->sender)
		return &crowd->addr;
	if (crowd->kind == SHARED_DGRAM)
		return &toss.name[roll(m, LINKS)];
	return NULL;
}

static bool toss_next(struct member *m, unsigned int number)
{
	struct batch b = { .data = m->data, .count = 1 };
	int error;

	b.all = message_make(m->crowd, is_shared(m->crowd) ? 0 : m->number,
			     number, b.data);
	b.len[0] = b.all;
	error = send_batch(m, m->fd, &b, other_end(m));
	if (error)
		crowd_fail(m, "%s at message %u", strerror(error), number);
	return !error;
}

/* The last message came: everybody who still sleeps is told so. */
static void stop_all(struct crowd *crowd)
{
	int i;

	STORE(crowd->stop, true);
	for (i = 0; i < MEMBERS; i++)
		shutdown(crowd->member[i].fd, SHUT_RDWR);
}

static bool is_next(struct member *m, const struct head *head,
		    unsigned int *next)
{
	/* Only who holds the message changes what is shared. */
	unsigned int *expected = is_shared(m->crowd) ? &toss.next : next;
	bool right = head->number == LOAD(*expected);

	if (right)
		STORE(*expected, head->number + (is_shared(m->crowd) ? 1 : 2));
	else
		crowd_fail(m, "message %u came instead of %u", head->number,
			   *expected);
	return right;
}

/* The message that a stream's pieces, or a packet, are; 0 if not all of it. */
static size_t whole_message(struct member *m, struct catch *c,
			    struct head *head)
{
	size_t len;
	int i;

	for (i = 0; i < c->count; i++) {
		memmove(m->data + m->have, c->piece[i].iov_base,
			c->piece[i].iov_len);
		m->have += c->piece[i].iov_len;
	}
	if (m->have < sizeof(*head))
		return 0;
	len = message_head(m->crowd, m->data, head);
	if (!len || m->have > len) {
		crowd_fail(m, "%zu bytes are no message", m->have);
		return 0;
	}
	return m->have == len ? len : 0;
}

static void *tosser(void *arg)
{
	struct member *m = arg;
	struct crowd *crowd = m->crowd;
	unsigned int next = m->sender;
	struct head head;
	struct catch c;

	while (!LOAD(crowd->failed) && recv_some(m, m->fd, &c, NULL) > 0) {
		if (!whole_message(m, &c, &head))
			continue;
		m->have = 0;
		if (message_wrong(crowd, &head, m->data))
			crowd_fail(m, "message %u is wrong", head.number);
		if (!is_next(m, &head, &next))
			break;
		m->moved++;
		if (head.number + 1 < toss.end && !toss_next(m, head.number + 1))
			break;
		if (head.number + 1 >= toss.end && is_shared(crowd))
			stop_all(crowd);
		if (head.number + 2 >= toss.end)
			break;
	}
	STORE(m->running, false);
	return NULL;
}

/* Sockets of datagrams that are named and, if so, connected to each other. */
static bool open_names(struct crowd *crowd)
{
	struct member *m = crowd->member;
	int i;

	for (i = 0; i < MEMBERS; i++) {
		toss.name[i] = link_addr(crowd, "toss", i);
		m[i].fd = bound(crowd, &toss.name[i]);
		if (m[i].fd < 0)
			return false;
	}
	for (i = 0; i < MEMBERS && crowd->kind == DGRAM_CONNECTED; i++) {
		struct test_addr *peer = &toss.name[(i + LINKS) % MEMBERS];

		if (connect(m[i].fd, &peer->sa, peer->len))
			return false;
	}
	return true;
}

/* One socket with many threads that receive from it. */
static bool open_tossed_by_all(struct crowd *crowd)
{
	struct member *m = crowd->member;
	int end[2], i;

	if (crowd->kind == SHARED_DGRAM) {
		for (i = 0; i < LINKS; i++) {
			toss.name[i] = link_addr(crowd, "toss", i);
			m[i].fd = bound(crowd, &toss.name[i]);
			if (m[i].fd < 0)
				return false;
		}
		end[1] = bound(crowd, &crowd->addr);
	} else if (socketpair(crowd->family, crowd_type(crowd), 0, end)) {
		return false;
	}
	for (i = 0; i < MEMBERS; i++)
		if (i >= LINKS || crowd->kind != SHARED_DGRAM)
			m[i].fd = end[i >= LINKS];
	return end[1] >= 0;
}

static bool open_tossed(struct crowd *crowd)
{
	struct member *m = crowd->member;
	int end[2], i;

	if (is_shared(crowd))
		return open_tossed_by_all(crowd);
	if (crowd->kind == DGRAM_CONNECTED || crowd->kind == DGRAM_NAMED)
		return open_names(crowd);
	for (i = 0; i < LINKS; i++) {
		if (socketpair(crowd->family, crowd_type(crowd), 0, end))
			return false;
		m[i].fd = end[0];
		m[i + LINKS].fd = end[1];
	}
	return true;
}

static bool run_tossed(struct crowd *crowd)
{
	int i;

	for (i = 0; i < MEMBERS; i++)
		if (!crowd_start(&crowd->member[i], tosser))
			return false;
	/* Whose thread it is does not matter: nobody sends to it before. */
	for (i = 0; i < (is_shared(crowd) ? 1 : LINKS); i++) {
		struct member first = crowd->member[i];

		first.data = malloc(DATA_SIZE);
		if (!first.data || !toss_next(&first, 0))
			return false;
		free(first.data);
	}
	return crowd_watch(crowd, 0, MEMBERS);
}

TEST_F_TIMEOUT(queue_wake, one_message_to_and_fro, LONG_TIMEOUT)
{
	struct crowd *crowd = self->crowd;
	enum way way = CALL;
	int i;

	if (!is_shared(crowd)) {
		toss.end = crowd->quota;
		ASSERT_TRUE(open_tossed(crowd));
		ASSERT_TRUE(run_tossed(crowd));
	}
	for (; is_shared(crowd) && way < WAYS; way++) {
		for (i = 0; i < MEMBERS; i++)
			crowd->member[i].way = way;
		toss.next = 0;
		toss.end = crowd->quota * LINKS / (WAYS - CALL);
		crowd->stop = false;
		ASSERT_TRUE(open_tossed(crowd));
		ASSERT_TRUE(run_tossed(crowd));
		for (i = 0; i < MEMBERS; i++)
			close(crowd->member[i].fd);
	}
	crowd_tell(_metadata, crowd);
}

TEST_HARNESS_MAIN
