// SPDX-License-Identifier: GPL-2.0
/*
 * MSG_OOB on streams: which byte is out of band, where a read stops, what
 * becomes of a byte that nobody took. The byte that was taken leaves a hole:
 * reads still stop there once, and SIOCATMARK knows the place.
 */
#include "qsock_oob.h"
#include "qsock_test.h"

FIXTURE(msg_oob)
{
	struct oob_pair pair;
};

FIXTURE_VARIANT(msg_oob)
{
	bool qsock;
	bool peek;
};

OOB_VARIANTS(msg_oob);

FIXTURE_SETUP(msg_oob)
{
	self->pair.fd[0] = -1;
	self->pair.fd[1] = -1;
	REQUIRE_FAMILY(variant);
	oob_setup(_metadata, &self->pair, test_family(variant->qsock));
}

FIXTURE_TEARDOWN(msg_oob)
{
	close_open(&self->pair.fd[0]);
	close_open(&self->pair.fd[1]);
}

TEST_F(msg_oob, ordinary_bytes_are_not_out_of_band)
{
	OOB_RUN(SEND("x", READABLE),
		REFUSED(READABLE),
		READ(9, "x", 0),
		REFUSED(0),
		CLOSE(0));
}

TEST_F(msg_oob, a_lone_byte_is_taken_once)
{
	OOB_RUN(URGE("x", READABLE | URGENT | AT_MARK),
		TAKE("x", READABLE | AT_MARK),
		REFUSED(READABLE | AT_MARK),
		EMPTY(0),
		CLOSE(0));
}

TEST_F(msg_oob, the_last_byte_of_a_send_is_the_one)
{
	OOB_RUN(URGE("abc", READABLE | URGENT),
		TAKE("c", READABLE),
		READ(9, "ab", READABLE | AT_MARK),
		EMPTY(0));
}

TEST_F(msg_oob, a_read_stops_before_it)
{
	OOB_RUN(URGE("abc", READABLE | URGENT),
		READ(9, "ab", READABLE | URGENT | AT_MARK),
		TAKE("c", READABLE | AT_MARK),
		EMPTY(0));
}

TEST_F(msg_oob, a_read_stops_before_it_though_more_follows)
{
	OOB_RUN(URGE("abc", READABLE | URGENT),
		SEND("def", READABLE | URGENT),
		READ(9, "ab", READABLE | URGENT | AT_MARK),
		TAKE("c", READABLE | AT_MARK),
		READ(9, "def", 0));
}

TEST_F(msg_oob, a_read_stops_where_it_was)
{
	OOB_RUN(URGE("abc", READABLE | URGENT),
		SEND("def", READABLE | URGENT),
		TAKE("c", READABLE),
		READ(9, "ab", READABLE | AT_MARK),
		READ(9, "def", 0),
		CLOSE(0));
}

TEST_F(msg_oob, a_read_from_the_mark_on_passes_over_it)
{
	OOB_RUN(URGE("abc", READABLE | URGENT),
		SEND("def", READABLE | URGENT),
		READ(9, "ab", READABLE | URGENT | AT_MARK),
		READ(9, "def", 0),
		REFUSED(0),
		CLOSE(0));
}

TEST_F(msg_oob, a_read_that_finds_it_alone_drops_it)
{
	OOB_RUN(URGE("x", READABLE | URGENT | AT_MARK),
		EMPTY(0),
		REFUSED(0),
		CLOSE(0));
}

TEST_F(msg_oob, short_reads_reach_the_mark_too)
{
	OOB_RUN(URGE("abc", READABLE | URGENT),
		SEND("de", READABLE | URGENT),
		READ(1, "a", READABLE | URGENT),
		READ(1, "b", READABLE | URGENT | AT_MARK),
		TAKE("c", READABLE | AT_MARK),
		READ(1, "d", READABLE),
		READ(1, "e", 0));
}

TEST_F(msg_oob, bytes_before_and_behind_are_plain)
{
	OOB_RUN(SEND("ab", READABLE),
		URGE("cd", READABLE | URGENT),
		SEND("ef", READABLE | URGENT),
		READ(9, "abc", READABLE | URGENT | AT_MARK),
		TAKE("d", READABLE | AT_MARK),
		READ(9, "ef", 0));
}

TEST_F(msg_oob, a_newer_one_makes_the_older_plain)
{
	OOB_RUN(URGE("ab", READABLE | URGENT),
		URGE("cd", READABLE | URGENT),
		SEND("ef", READABLE | URGENT),
		READ(9, "abc", READABLE | URGENT | AT_MARK),
		TAKE("d", READABLE | AT_MARK),
		READ(9, "ef", 0),
		CLOSE(0));
}

TEST_F(msg_oob, a_newer_one_moves_the_mark)
{
	OOB_RUN(URGE("a", READABLE | URGENT | AT_MARK),
		URGE("b", READABLE | URGENT),
		READ(9, "a", READABLE | URGENT | AT_MARK),
		TAKE("b", READABLE | AT_MARK),
		REFUSED(READABLE | AT_MARK),
		CLOSE(0));
}

TEST_F(msg_oob, the_newest_may_be_taken_before_older_ones_are_read)
{
	OOB_RUN(URGE("a", READABLE | URGENT | AT_MARK),
		URGE("b", READABLE | URGENT),
		URGE("c", READABLE | URGENT),
		TAKE("c", READABLE),
		REFUSED(READABLE),
		READ(9, "ab", READABLE | AT_MARK),
		EMPTY(0));
}

TEST_F(msg_oob, the_older_is_plain_also_at_the_mark)
{
	OOB_RUN(URGE("ab", READABLE | URGENT),
		READ(9, "a", READABLE | URGENT | AT_MARK),
		SEND("c", READABLE | URGENT | AT_MARK),
		URGE("d", READABLE | URGENT),
		READ(9, "bc", READABLE | URGENT | AT_MARK),
		TAKE("d", READABLE | AT_MARK));
}

TEST_F(msg_oob, one_after_the_other)
{
	OOB_RUN(URGE("a", READABLE | URGENT | AT_MARK),
		TAKE("a", READABLE | AT_MARK),
		URGE("b", READABLE | URGENT | AT_MARK),
		TAKE("b", READABLE | AT_MARK),
		URGE("c", READABLE | URGENT | AT_MARK),
		TAKE("c", READABLE | AT_MARK),
		SEND("d", READABLE | AT_MARK),
		READ(9, "d", 0),
		CLOSE(0));
}

TEST_F(msg_oob, a_hole_and_one_that_nobody_takes)
{
	OOB_RUN(URGE("a", READABLE | URGENT | AT_MARK),
		TAKE("a", READABLE | AT_MARK),
		URGE("b", READABLE | URGENT | AT_MARK),
		EMPTY(0),
		REFUSED(0),
		CLOSE(0));
}

/* With a newer one under way a hole is no mark any more. */
TEST_F(msg_oob, a_read_passes_over_a_hole_to_the_newer_one)
{
	OOB_RUN(URGE("ab", READABLE | URGENT),
		TAKE("b", READABLE),
		URGE("cd", READABLE | URGENT),
		READ(9, "ac", READABLE | URGENT | AT_MARK),
		TAKE("d", READABLE | AT_MARK),
		CLOSE(0));
}

TEST_F(msg_oob, a_hole_before_a_newer_one_is_not_the_mark)
{
	OOB_RUN(URGE("ab", READABLE | URGENT),
		TAKE("b", READABLE),
		URGE("cd", READABLE | URGENT),
		READ(1, "a", READABLE | URGENT),
		READ(9, "c", READABLE | URGENT | AT_MARK),
		EMPTY(0));
}

TEST_F(msg_oob, a_hole_right_before_the_newer_one_is_at_the_mark)
{
	OOB_RUN(URGE("ab", READABLE | URGENT),
		TAKE("b", READABLE),
		URGE("c", READABLE | URGENT),
		SEND("d", READABLE | URGENT),
		READ(1, "a", READABLE | URGENT | AT_MARK),
		READ(9, "d", 0),
		REFUSED(0));
}

TEST_F(msg_oob, a_read_over_a_hole_stops_before_the_newer_one)
{
	OOB_RUN(URGE("ab", READABLE | URGENT),
		TAKE("b", READABLE),
		URGE("c", READABLE | URGENT),
		SEND("d", READABLE | URGENT),
		READ(9, "a", READABLE | URGENT | AT_MARK),
		TAKE("c", READABLE | AT_MARK),
		READ(9, "d", 0));
}

TEST_F(msg_oob, holes_far_apart)
{
	OOB_RUN(URGE("ab", READABLE | URGENT),
		TAKE("b", READABLE),
		URGE("cd", READABLE | URGENT),
		TAKE("d", READABLE),
		SEND("ef", READABLE),
		READ(9, "a", READABLE | AT_MARK),
		READ(9, "c", READABLE | AT_MARK),
		READ(9, "ef", 0),
		CLOSE(0));
}

/* Who closes with something unread resets the connection. */

TEST_F(msg_oob, close_resets_for_ordinary_bytes)
{
	OOB_RUN(SEND("x", READABLE),
		CLOSE(ECONNRESET));
}

TEST_F(msg_oob, close_resets_for_a_byte_that_nobody_took)
{
	OOB_RUN(URGE("x", READABLE | URGENT | AT_MARK),
		CLOSE(ECONNRESET));
}

TEST_F(msg_oob, close_resets_not_for_a_byte_that_was_taken)
{
	OOB_RUN(URGE("x", READABLE | URGENT | AT_MARK),
		TAKE("x", READABLE | AT_MARK),
		CLOSE(0));
}

TEST_F(msg_oob, close_resets_for_what_was_before_the_byte_taken)
{
	OOB_RUN(URGE("ab", READABLE | URGENT),
		TAKE("b", READABLE),
		CLOSE(ECONNRESET));
}

TEST_F(msg_oob, close_resets_for_what_was_behind_the_byte_taken)
{
	OOB_RUN(URGE("a", READABLE | URGENT | AT_MARK),
		SEND("b", READABLE | URGENT | AT_MARK),
		TAKE("a", READABLE | AT_MARK),
		CLOSE(ECONNRESET));
}

TEST_F(msg_oob, close_resets_for_a_newer_byte_behind_a_hole)
{
	OOB_RUN(URGE("a", READABLE | URGENT | AT_MARK),
		TAKE("a", READABLE | AT_MARK),
		URGE("b", READABLE | URGENT | AT_MARK),
		CLOSE(ECONNRESET));
}

TEST_HARNESS_MAIN
