// SPDX-License-Identifier: GPL-2.0
/*
 * SO_TIMESTAMP and its kin: when a message was sent. Streams do not say.
 */
#include <linux/net_tstamp.h>

#include "qsock_scm.h"

/* The four by number: the C library's names depend on the size of time_t. */
#define TIMESTAMP_OLD	29
#define TIMESTAMPNS_OLD	35
#define TIMESTAMP_NEW	63
#define TIMESTAMPNS_NEW	64
#define TIMESTAMPING_OLD	37

FIXTURE(scm_time)
{
	int family;
	int fd[2];
};

FIXTURE_VARIANT(scm_time)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(scm_time);

FIXTURE_SETUP(scm_time)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	ASSERT_EQ(0, socketpair(self->family, variant->type, 0, self->fd));
}

FIXTURE_TEARDOWN(scm_time)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

static int set(int fd, int option, int value)
{
	return setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value));
}

static int64_t real_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* What a timestamp of that kind says, in ns; -1 without one. */
static int64_t stamp(struct control *c, int option)
{
	int64_t unit = option == TIMESTAMP_OLD || option == TIMESTAMP_NEW ?
		       1000 : 1;

	int64_t wide[2];
	long pair[2];

	if (option == TIMESTAMP_OLD || option == TIMESTAMPNS_OLD) {
		if (!control_get(c, option, pair, sizeof(pair)))
			return -1;
		wide[0] = pair[0];
		wide[1] = pair[1];
	} else if (!control_get(c, option, wide, sizeof(wide))) {
		return -1;
	}
	return wide[0] * 1000000000 + wide[1] * unit;
}

static int64_t recv_stamp(int fd, int option, int flags)
{
	struct control c = { .len = sizeof(c.bytes) };
	char byte;

	if (control_recv(fd, &c, &byte, 1, flags, NULL) != 1)
		return -2;
	return stamp(&c, option);
}

static const int kinds[] = {
	TIMESTAMP_OLD, TIMESTAMPNS_OLD, TIMESTAMP_NEW, TIMESTAMPNS_NEW,
};

TEST_F(scm_time, when_it_was_sent)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		int64_t before, after, peeked, sent;

		ASSERT_EQ(0, set(self->fd[1], kinds[i], 1));
		EXPECT_EQ(1, int_option(self->fd[1], kinds[i]));
		before = real_ns();
		ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
		after = real_ns();
		pause_ms(5);
		peeked = recv_stamp(self->fd[1], kinds[i], MSG_PEEK);
		sent = recv_stamp(self->fd[1], kinds[i], 0);
		if (type_has_borders(variant->type)) {
			/* A microsecond is cut off. */
			EXPECT_LE(before - 1000, sent);
			EXPECT_LE(sent, after);
			EXPECT_EQ(sent, peeked);
		} else {
			EXPECT_EQ(-1, sent);
			EXPECT_EQ(-1, peeked);
		}
	}
}

TEST_F(scm_time, none_unless_wanted)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		ASSERT_EQ(0, set(self->fd[1], kinds[i], 1));
		ASSERT_EQ(0, set(self->fd[1], kinds[i], 0));
		EXPECT_EQ(0, int_option(self->fd[1], kinds[i]));
		ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
		EXPECT_EQ(-1, recv_stamp(self->fd[1], kinds[i], 0));
	}
	/* It is the receiver's wish. */
	ASSERT_EQ(0, set(self->fd[0], TIMESTAMP_NEW, 1));
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_EQ(-1, recv_stamp(self->fd[1], TIMESTAMP_NEW, 0));
}

/* Nobody looked at the clock then: it is the time of the receive. */
TEST_F(scm_time, wanted_too_late)
{
	int64_t before, got;

	if (!type_has_borders(variant->type))
		SKIP(return, "streams have no timestamps");
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	ASSERT_EQ(0, set(self->fd[1], TIMESTAMPNS_NEW, 1));
	pause_ms(5);
	before = real_ns();
	got = recv_stamp(self->fd[1], TIMESTAMPNS_NEW, 0);
	EXPECT_LE(before, got);
	EXPECT_LE(got, real_ns());
}

TEST_F(scm_time, without_room_it_is_cut)
{
	struct control c = {};
	int flags = 0;
	char byte;

	ASSERT_EQ(0, set(self->fd[1], TIMESTAMP_NEW, 1));
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_EQ(1, control_recv(self->fd[1], &c, &byte, 1, 0, &flags));
	EXPECT_EQ(type_has_borders(variant->type) ? MSG_CTRUNC : 0,
		  flags & MSG_CTRUNC);
}

/* Beside the one that says it simply, and never alone. */
TEST_F(scm_time, so_timestamping)
{
	int wish = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE;
	int i;

	ASSERT_EQ(0, set(self->fd[1], TIMESTAMPING_OLD, wish));
	for (i = 0; i < 2; i++) {
		struct control c = { .len = sizeof(c.bytes) };
		long simple[2], three[6];
		char byte;

		ASSERT_EQ(0, set(self->fd[1], TIMESTAMPNS_OLD, i));
		ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
		ASSERT_EQ(1, control_recv(self->fd[1], &c, &byte, 1, 0, NULL));
		if (!i || !type_has_borders(variant->type)) {
			EXPECT_EQ(NULL, control_find(&c, TIMESTAMPING_OLD));
			continue;
		}
		ASSERT_TRUE(control_get(&c, TIMESTAMPNS_OLD, simple,
					sizeof(simple)));
		ASSERT_TRUE(control_get(&c, TIMESTAMPING_OLD, three,
					sizeof(three)));
		EXPECT_EQ(simple[0], three[0]);
		EXPECT_EQ(simple[1], three[1]);
		EXPECT_EQ(0, three[4]);
	}
}

/* Beside whom and what: nothing pushes another thing out. */
TEST_F(scm_time, with_files_and_credentials)
{
	struct control c = { .len = sizeof(c.bytes) };
	int file = STDERR_FILENO;
	struct ucred who;
	char byte;

	ASSERT_EQ(0, set(self->fd[1], SO_PASSCRED, 1));
	ASSERT_EQ(0, set(self->fd[1], TIMESTAMPNS_NEW, 1));
	ASSERT_EQ(1, files_send(self->fd[0], &file, 1, "x"));
	ASSERT_EQ(1, control_recv(self->fd[1], &c, &byte, 1, 0, NULL));
	EXPECT_TRUE(control_get(&c, SCM_CREDENTIALS, &who, sizeof(who)));
	EXPECT_EQ(getpid(), who.pid);
	EXPECT_EQ(type_has_borders(variant->type),
		  stamp(&c, TIMESTAMPNS_NEW) > 0);
	EXPECT_TRUE(control_get(&c, SCM_RIGHTS, &file, sizeof(file)));
	close(file);
}

TEST_HARNESS_MAIN
