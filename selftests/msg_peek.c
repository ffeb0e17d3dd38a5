// SPDX-License-Identifier: GPL-2.0
/*
 * MSG_PEEK and SO_PEEK_OFF, for every type: a look at what is queued, that
 * leaves it there. A look at a stream goes on from one send to the next; at
 * messages it ends with the message.
 */
#include <linux/sockios.h>

#include "qsock_proc.h"
#include "qsock_types.h"

FIXTURE(msg_peek)
{
	int fd[2];
	bool borders;
};

FIXTURE_VARIANT(msg_peek)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(msg_peek);

FIXTURE_SETUP(msg_peek)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	ASSERT_EQ(0, socketpair(test_family(variant->qsock), variant->type, 0,
				self->fd));
	self->borders = type_has_borders(variant->type);
}

FIXTURE_TEARDOWN(msg_peek)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

static void put(struct __test_metadata *_metadata, int fd, const char *text)
{
	ASSERT_EQ((ssize_t)strlen(text), send(fd, text, strlen(text), 0));
}

/* Receive at most @size bytes: exactly @text. */
#define EXPECT_RECV(text, fd, size, flags) do {				\
	char got_[64] = {};						\
									\
	EXPECT_EQ((ssize_t)strlen(text), recv(fd, got_, size, flags));	\
	EXPECT_STREQ(text, got_);					\
} while (0)

#define EXPECT_PEEK(text, fd, size)					\
	EXPECT_RECV(text, fd, size, MSG_PEEK | MSG_DONTWAIT)

#define EXPECT_READ(text, fd, size)					\
	EXPECT_RECV(text, fd, size, MSG_DONTWAIT)

static int peek_from(int fd, int offset)
{
	return setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &offset,
			  sizeof(offset));
}

static int peek_offset(int fd)
{
	return int_option(fd, SO_PEEK_OFF);
}

TEST_F(msg_peek, leaves_what_it_sees)
{
	int bytes = -1;

	put(_metadata, self->fd[0], "abc");
	EXPECT_PEEK("ab", self->fd[1], 2);
	EXPECT_PEEK("abc", self->fd[1], 9);
	ASSERT_EQ(0, ioctl(self->fd[1], SIOCINQ, &bytes));
	EXPECT_EQ(3, bytes);
	EXPECT_EQ(POLLIN, poll_one(self->fd[1], POLLIN, 0));
	EXPECT_READ("abc", self->fd[1], 9);
	EXPECT_ERRNO(EAGAIN, recv(self->fd[1], &bytes, 1, MSG_DONTWAIT));
}

TEST_F(msg_peek, ends_with_the_message)
{
	put(_metadata, self->fd[0], "abc");
	put(_metadata, self->fd[0], "def");
	EXPECT_PEEK(self->borders ? "abc" : "abcdef", self->fd[1], 9);
	EXPECT_PEEK(self->borders ? "abc" : "abcde", self->fd[1], 5);
	EXPECT_READ(self->borders ? "abc" : "abcdef", self->fd[1], 9);
}

/* A message that is read in part is gone; one that is seen in part is not. */
TEST_F(msg_peek, cuts_no_message)
{
	char got[2];
	struct iovec iov = { got, sizeof(got) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	put(_metadata, self->fd[0], "abcdef");
	EXPECT_EQ(2, recvmsg(self->fd[1], &msg, MSG_PEEK));
	EXPECT_EQ(self->borders ? MSG_TRUNC : 0, msg.msg_flags);
	EXPECT_EQ(self->borders ? 6 : 2,
		  recv(self->fd[1], got, sizeof(got), MSG_PEEK | MSG_TRUNC));
	EXPECT_READ("abcdef", self->fd[1], 9);
}

TEST_F(msg_peek, of_nothing_is_eagain)
{
	char got;

	EXPECT_ERRNO(EAGAIN, recv(self->fd[1], &got, 1,
				  MSG_PEEK | MSG_DONTWAIT));
	ASSERT_EQ(0, set_timeout_ms(self->fd[1], SO_RCVTIMEO, 50));
	EXPECT_ERRNO(EAGAIN, recv(self->fd[1], &got, 1, MSG_PEEK));
}

TEST_F(msg_peek, sees_the_end_and_leaves_it)
{
	char got;
	int i;

	if (!type_ends(variant->type))
		SKIP(return, "datagrams have no end");
	put(_metadata, self->fd[0], "a");
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_PEEK("a", self->fd[1], 9);
	EXPECT_READ("a", self->fd[1], 9);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, recv(self->fd[1], &got, 1, MSG_PEEK));
}

TEST_F(msg_peek, of_a_bad_buffer_leaves_all)
{
	put(_metadata, self->fd[0], "abc");
	ASSERT_EQ(0, peek_from(self->fd[1], 0));
	EXPECT_ERRNO(EFAULT, recv(self->fd[1], nowhere(), 3, MSG_PEEK));
	EXPECT_EQ(0, peek_offset(self->fd[1]));
	EXPECT_PEEK("abc", self->fd[1], 9);
	EXPECT_READ("abc", self->fd[1], 9);
}

/* A child that looks at up to 8 bytes; it exits with the first of them. */
static pid_t waiting_peek(struct __test_metadata *_metadata, int fd)
{
	pid_t child = fork_child(_metadata);

	if (!child) {
		char got[8] = {};

		_exit(recv(fd, got, sizeof(got), MSG_PEEK) < 0 ? errno :
		      got[0]);
	}
	ASSERT_TRUE(wait_blocked(child));
	return child;
}

TEST_F(msg_peek, waits_for_something_to_see)
{
	pid_t child = waiting_peek(_metadata, self->fd[1]);

	put(_metadata, self->fd[0], "abc");
	EXPECT_EQ('a', wait_exit(child));
	EXPECT_READ("abc", self->fd[1], 9);
}

TEST_F(msg_peek, serves_all_who_wait)
{
	pid_t child[2];

	child[0] = waiting_peek(_metadata, self->fd[1]);
	child[1] = waiting_peek(_metadata, self->fd[1]);
	put(_metadata, self->fd[0], "abc");
	if (self->borders) {
		/* One is woken for a message; a second one wakes the other. */
		put(_metadata, self->fd[0], "def");
	}
	EXPECT_EQ('a', wait_exit(child[0]));
	EXPECT_EQ('a', wait_exit(child[1]));
}

/* SO_PEEK_OFF. --------------------------------------------------------- */

TEST_F(msg_peek, the_offset_is_off_until_it_is_set)
{
	EXPECT_EQ(-1, peek_offset(self->fd[1]));
	put(_metadata, self->fd[0], "abc");
	EXPECT_PEEK("ab", self->fd[1], 2);
	EXPECT_PEEK("ab", self->fd[1], 2);
	EXPECT_EQ(0, peek_from(self->fd[1], 1));
	EXPECT_EQ(1, peek_offset(self->fd[1]));
	EXPECT_PEEK("b", self->fd[1], 1);
	EXPECT_EQ(2, peek_offset(self->fd[1]));
	/* Of this end alone. */
	put(_metadata, self->fd[1], "xyz");
	EXPECT_PEEK("x", self->fd[0], 1);
	EXPECT_PEEK("x", self->fd[0], 1);
	/* And off again. */
	EXPECT_EQ(0, peek_from(self->fd[1], -1));
	EXPECT_PEEK("a", self->fd[1], 1);
	EXPECT_PEEK("a", self->fd[1], 1);
	EXPECT_READ("abc", self->fd[1], 9);
}

TEST_F(msg_peek, the_offset_moves_on_with_each_look)
{
	char got;

	ASSERT_EQ(0, peek_from(self->fd[1], 0));
	put(_metadata, self->fd[0], "aaabbb");
	EXPECT_PEEK("aaa", self->fd[1], 3);
	EXPECT_EQ(3, peek_offset(self->fd[1]));
	EXPECT_PEEK("bbb", self->fd[1], 9);
	EXPECT_EQ(6, peek_offset(self->fd[1]));
	EXPECT_ERRNO(EAGAIN, recv(self->fd[1], &got, 1,
				  MSG_PEEK | MSG_DONTWAIT));
	EXPECT_EQ(6, peek_offset(self->fd[1]));
	/* What was seen is to be read yet. */
	EXPECT_EQ(POLLIN, poll_one(self->fd[1], POLLIN, 0));
	EXPECT_READ("aaabbb", self->fd[1], 9);
	EXPECT_EQ(0, peek_offset(self->fd[1]));
}

TEST_F(msg_peek, the_offset_goes_from_message_to_message)
{
	ASSERT_EQ(0, peek_from(self->fd[1], 0));
	put(_metadata, self->fd[0], "aaaa");
	EXPECT_PEEK("aa", self->fd[1], 2);
	put(_metadata, self->fd[0], "bbbb");
	if (self->borders) {
		EXPECT_PEEK("aa", self->fd[1], 9);
		EXPECT_EQ(4, peek_offset(self->fd[1]));
		EXPECT_PEEK("bbb", self->fd[1], 3);
	} else {
		EXPECT_PEEK("aabbb", self->fd[1], 5);
	}
	EXPECT_EQ(7, peek_offset(self->fd[1]));
	EXPECT_PEEK("b", self->fd[1], 9);
	EXPECT_EQ(8, peek_offset(self->fd[1]));
}

TEST_F(msg_peek, the_offset_may_be_set_beyond_messages)
{
	put(_metadata, self->fd[0], "aaa");
	put(_metadata, self->fd[0], "bbb");
	put(_metadata, self->fd[0], "ccc");
	ASSERT_EQ(0, peek_from(self->fd[1], 7));
	EXPECT_PEEK("cc", self->fd[1], 9);
	EXPECT_EQ(9, peek_offset(self->fd[1]));
	ASSERT_EQ(0, peek_from(self->fd[1], 3));
	EXPECT_PEEK("b", self->fd[1], 1);
}

/* By what was read: the place in the queue stays the same. */
TEST_F(msg_peek, the_offset_moves_back_with_each_read)
{
	ASSERT_EQ(0, peek_from(self->fd[1], 4));
	put(_metadata, self->fd[0], "abc");
	put(_metadata, self->fd[0], "def");
	EXPECT_READ("abc", self->fd[1], 3);
	EXPECT_EQ(1, peek_offset(self->fd[1]));
	EXPECT_PEEK("e", self->fd[1], 1);
	EXPECT_EQ(2, peek_offset(self->fd[1]));
	EXPECT_READ("def", self->fd[1], 3);
	EXPECT_EQ(0, peek_offset(self->fd[1]));
}

/* All of a message goes with a read, and counts, though the buffer be short. */
TEST_F(msg_peek, the_offset_moves_back_by_whole_messages)
{
	ASSERT_EQ(0, peek_from(self->fd[1], 8));
	put(_metadata, self->fd[0], "abcdef");
	put(_metadata, self->fd[0], "ghijkl");
	EXPECT_READ("ab", self->fd[1], 2);
	EXPECT_EQ(self->borders ? 2 : 6, peek_offset(self->fd[1]));
	EXPECT_PEEK("ijkl", self->fd[1], 9);
}

TEST_F(msg_peek, trunc_tells_what_is_left_behind_the_offset)
{
	char got[8];

	put(_metadata, self->fd[0], "abcdef");
	ASSERT_EQ(0, peek_from(self->fd[1], 2));
	EXPECT_EQ(self->borders ? 4 : 1,
		  recv(self->fd[1], got, 1, MSG_PEEK | MSG_TRUNC));
	/* It has moved by what it gave. */
	EXPECT_EQ(3, peek_offset(self->fd[1]));
	EXPECT_PEEK("def", self->fd[1], 9);
}

TEST_F(msg_peek, an_empty_message_is_seen_once)
{
	char got[8];

	if (!self->borders)
		SKIP(return, "streams have no messages");
	ASSERT_EQ(0, peek_from(self->fd[1], 0));
	ASSERT_EQ(0, send(self->fd[0], "", 0, 0));
	put(_metadata, self->fd[0], "abc");
	EXPECT_EQ(0, recv(self->fd[1], got, sizeof(got), MSG_PEEK));
	EXPECT_PEEK("abc", self->fd[1], 9);
	/* Both are there still. */
	EXPECT_EQ(0, recv(self->fd[1], got, sizeof(got), MSG_DONTWAIT));
	EXPECT_READ("abc", self->fd[1], 9);
}

TEST_F(msg_peek, an_empty_message_is_seen_always_without_an_offset)
{
	char got[8];
	int i;

	if (!self->borders)
		SKIP(return, "streams have no messages");
	ASSERT_EQ(0, send(self->fd[0], "", 0, 0));
	put(_metadata, self->fd[0], "abc");
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, recv(self->fd[1], got, sizeof(got), MSG_PEEK));
	EXPECT_EQ(0, recv(self->fd[1], got, sizeof(got), MSG_DONTWAIT));
	EXPECT_READ("abc", self->fd[1], 9);
}

/* What was seen already does not end the wait. */
TEST_F(msg_peek, a_look_behind_all_waits_for_more)
{
	pid_t child;

	ASSERT_EQ(0, peek_from(self->fd[1], 0));
	put(_metadata, self->fd[0], "abc");
	EXPECT_PEEK("abc", self->fd[1], 9);
	child = waiting_peek(_metadata, self->fd[1]);
	put(_metadata, self->fd[0], "xyz");
	EXPECT_EQ('x', wait_exit(child));
	EXPECT_EQ(6, peek_offset(self->fd[1]));
	EXPECT_READ("abc", self->fd[1], 3);
	EXPECT_READ("xyz", self->fd[1], 3);
}

TEST_F(msg_peek, a_look_behind_all_sees_the_end)
{
	char got;

	if (!type_ends(variant->type))
		SKIP(return, "datagrams have no end");
	put(_metadata, self->fd[0], "abc");
	ASSERT_EQ(0, peek_from(self->fd[1], 3));
	close_open(&self->fd[0]);
	EXPECT_EQ(0, recv(self->fd[1], &got, 1, MSG_PEEK));
	EXPECT_READ("abc", self->fd[1], 9);
}

/* Something was seen: a stream waits for no more of it. */
TEST_F(msg_peek, a_look_that_found_something_does_not_wait)
{
	put(_metadata, self->fd[0], "abcd");
	ASSERT_EQ(0, peek_from(self->fd[1], 2));
	EXPECT_RECV("cd", self->fd[1], 9, MSG_PEEK);
	EXPECT_EQ(4, peek_offset(self->fd[1]));
}

TEST_HARNESS_MAIN
