// SPDX-License-Identifier: GPL-2.0
/*
 * SCM_RIGHTS: how long files live that nobody received, and where a stream's
 * read stops because of them.
 */
#include "qsock_scm.h"

FIXTURE(scm_rights_life)
{
	int family;
	int fd[2];
	struct witness w;
};

FIXTURE_VARIANT(scm_rights_life)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(scm_rights_life);

FIXTURE_SETUP(scm_rights_life)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	self->w.watch = -1;
	self->w.file = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	ASSERT_EQ(0, socketpair(self->family, variant->type, 0, self->fd));
	self->w = witness(_metadata);
}

FIXTURE_TEARDOWN(scm_rights_life)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
	close_open(&self->w.watch);
	close_open(&self->w.file);
}

TEST_F(scm_rights_life, to_the_close_of_the_receiver)
{
	witness_send(_metadata, &self->w, self->fd[0], "x");
	close_open(&self->fd[1]);
	EXPECT_TRUE(witness_gone(&self->w));
}

TEST_F(scm_rights_life, beyond_the_close_of_the_sender)
{
	struct parcel p;

	witness_send(_metadata, &self->w, self->fd[0], "x");
	close_open(&self->fd[0]);
	EXPECT_TRUE(witness_lives(&self->w));
	p = files_recv(self->fd[1], 1, 0);
	ASSERT_EQ(1, p.count);
	EXPECT_TRUE(witness_lives(&self->w));
	parcel_close(&p);
	EXPECT_TRUE(witness_gone(&self->w));
}

TEST_F(scm_rights_life, to_the_end_of_the_receiving_process)
{
	pid_t child = fork_child(_metadata);

	if (!child) {
		close(self->fd[0]);
		pause();
		_exit(1);
	}
	witness_send(_metadata, &self->w, self->fd[0], "x");
	close_open(&self->fd[1]);
	EXPECT_TRUE(witness_lives(&self->w));
	ASSERT_EQ(0, kill(child, SIGKILL));
	ASSERT_EQ(128 + SIGKILL, wait_exit(child));
	EXPECT_TRUE(witness_gone(&self->w));
}

/* What was sent before the shutdown may still be received. */
TEST_F(scm_rights_life, beyond_a_shutdown)
{
	struct parcel p;

	witness_send(_metadata, &self->w, self->fd[0], "x");
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_RDWR));
	ASSERT_EQ(0, shutdown(self->fd[1], SHUT_RDWR));
	EXPECT_TRUE(witness_lives(&self->w));
	p = files_recv(self->fd[1], 1, 0);
	EXPECT_EQ(1, p.count);
	parcel_close(&p);
}

TEST_F(scm_rights_life, not_in_a_send_that_fails)
{
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_EQ(-EPIPE, files_send(self->fd[0], &self->w.file, 1, "x"));
	close_open(&self->w.file);
	EXPECT_TRUE(witness_gone(&self->w));
}

TEST_F(scm_rights_life, not_in_a_send_that_would_wait)
{
	size_t filled = fill_queue(self->fd[0], 512);

	ASSERT_LT(0, filled);
	EXPECT_EQ(-EAGAIN, files_send(self->fd[0], &self->w.file, 1, "x"));
	close_open(&self->w.file);
	EXPECT_TRUE(witness_gone(&self->w));
	EXPECT_EQ(filled, drain_queue(self->fd[1]));
}

TEST_F(scm_rights_life, not_in_a_send_that_faults)
{
	struct control c = {};

	control_add(&c, SOL_SOCKET, SCM_RIGHTS, &self->w.file, sizeof(int));
	EXPECT_EQ(-EFAULT, control_send(self->fd[0], &c, nowhere(), 16));
	close_open(&self->w.file);
	EXPECT_TRUE(witness_gone(&self->w));
}

TEST_F(scm_rights_life, with_a_connection_that_nobody_accepts)
{
	struct test_addr addr = nul_addr(self->family, "embryo");
	int listener, client;

	if (!type_ends(variant->type))
		SKIP(return, "connections alone are accepted");
	listener = typed_listen(_metadata, variant->type, &addr, 1);
	client = typed_connect(_metadata, variant->type, &addr);
	witness_send(_metadata, &self->w, client, "x");
	close(listener);
	EXPECT_TRUE(witness_gone(&self->w));
	close(client);
}

TEST_F(scm_rights_life, to_the_one_that_accepts_the_connection)
{
	struct test_addr addr = nul_addr(self->family, "embryo");
	int listener, client, server;
	struct parcel p;

	if (!type_ends(variant->type))
		SKIP(return, "connections alone are accepted");
	listener = typed_listen(_metadata, variant->type, &addr, 1);
	client = typed_connect(_metadata, variant->type, &addr);
	witness_send(_metadata, &self->w, client, "x");
	close(client);
	server = accept(listener, NULL, NULL);
	ASSERT_LE(0, server);
	p = files_recv(server, 1, 0);
	EXPECT_EQ(1, p.count);
	parcel_close(&p);
	EXPECT_TRUE(witness_gone(&self->w));
	close(listener);
	close(server);
}

/* A datagram socket that breaks its connection drops what came by it. */
TEST_F(scm_rights_life, to_a_disconnection)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	if (type_ends(variant->type))
		SKIP(return, "connections cannot be broken by connect");
	witness_send(_metadata, &self->w, self->fd[0], "x");
	ASSERT_EQ(0, connect(self->fd[1], &none, sizeof(none)));
	EXPECT_TRUE(witness_gone(&self->w));
}

/* The bytes that do not fit go; the files do not depend on them. */
TEST_F(scm_rights_life, with_a_message_cut_short)
{
	struct parcel p;

	witness_send(_metadata, &self->w, self->fd[0], "long");
	p = files_recv(self->fd[1], 1, 0);
	EXPECT_EQ(1, p.n);
	EXPECT_EQ(1, p.count);
	EXPECT_EQ(type_has_borders(variant->type) ? MSG_TRUNC : 0,
		  p.flags & MSG_TRUNC);
	parcel_close(&p);
	/* What a stream still has comes without them. */
	p = files_recv(self->fd[1], 4, 0);
	EXPECT_EQ(type_has_borders(variant->type) ? -EAGAIN : 3, p.n);
	EXPECT_EQ(0, p.count);
}

/* Of no bytes: a message that has borders carries them, a stream cannot. */
TEST_F(scm_rights_life, with_nothing_else)
{
	struct parcel p;

	EXPECT_EQ(0, files_send(self->fd[0], &self->w.file, 1, ""));
	close_open(&self->w.file);
	p = files_recv(self->fd[1], 4, 0);
	if (type_has_borders(variant->type)) {
		EXPECT_EQ(0, p.n);
		EXPECT_EQ(1, p.count);
		EXPECT_TRUE(witness_lives(&self->w));
		parcel_close(&p);
	} else {
		EXPECT_EQ(-EAGAIN, p.n);
	}
	EXPECT_TRUE(witness_gone(&self->w));
}

/* A file in the queue of a socket that is in a queue itself. */
TEST_F(scm_rights_life, inside_of_a_socket_in_flight)
{
	int outer[2];

	ASSERT_EQ(0, socketpair(self->family, variant->type, 0, outer));
	witness_send(_metadata, &self->w, self->fd[0], "x");
	ASSERT_EQ(1, files_send(outer[0], &self->fd[1], 1, "x"));
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
	EXPECT_TRUE(witness_lives(&self->w));
	close(outer[0]);
	close(outer[1]);
	EXPECT_TRUE(witness_gone(&self->w));
}

/* Streams: where a read stops. ------------------------------------------ */

#define STREAMS_ONLY()							\
	do {								\
		if (type_has_borders(variant->type))			\
			SKIP(return, "a message ends where it ends");	\
	} while (0)

TEST_F(scm_rights_life, a_read_stops_after_the_message_with_files)
{
	static const int flags[] = { MSG_PEEK, MSG_WAITALL, 0 };
	struct parcel p;
	size_t i;

	STREAMS_ONLY();
	for (i = 0; i < ARRAY_LEN(flags); i++) {
		if (!i || flags[i - 1] != MSG_PEEK) {
			ASSERT_EQ(2, send(self->fd[0], "ab", 2, 0));
			ASSERT_EQ(2, files_send(self->fd[0], &self->w.file, 1,
						"cd"));
			ASSERT_EQ(2, send(self->fd[0], "ef", 2, 0));
		}
		p = files_recv(self->fd[1], 6, flags[i]);
		EXPECT_EQ(4, p.n);
		EXPECT_EQ(0, memcmp(p.text, "abcd", 4));
		EXPECT_EQ(1, p.count);
		parcel_close(&p);
		if (flags[i] & MSG_PEEK)
			continue;
		p = files_recv(self->fd[1], 6, 0);
		EXPECT_EQ(2, p.n);
		EXPECT_EQ(0, memcmp(p.text, "ef", 2));
		EXPECT_EQ(0, p.count);
	}
}

TEST_F(scm_rights_life, a_read_gives_the_files_of_one_message)
{
	struct parcel p;
	int i;

	STREAMS_ONLY();
	for (i = 0; i < 3; i++)
		ASSERT_EQ(1, files_send(self->fd[0], &self->w.file, 1, "x"));
	for (i = 0; i < 3; i++) {
		p = files_recv(self->fd[1], 3, 0);
		EXPECT_EQ(1, p.n);
		EXPECT_EQ(1, p.count);
		parcel_close(&p);
	}
}

/* They come with the first byte of their message. */
TEST_F(scm_rights_life, the_rest_of_the_message_is_as_any_other)
{
	struct parcel p;

	STREAMS_ONLY();
	ASSERT_EQ(2, files_send(self->fd[0], &self->w.file, 1, "ab"));
	ASSERT_EQ(2, send(self->fd[0], "cd", 2, 0));
	p = files_recv(self->fd[1], 1, 0);
	EXPECT_EQ(1, p.n);
	EXPECT_EQ(1, p.count);
	parcel_close(&p);
	p = files_recv(self->fd[1], 3, 0);
	EXPECT_EQ(3, p.n);
	EXPECT_EQ(0, memcmp(p.text, "bcd", 3));
	EXPECT_EQ(0, p.count);
}

/* However much of it there is. */
TEST_F(scm_rights_life, a_long_message_has_them_once)
{
	static char data[100000];
	struct control c = {};
	size_t total = 0, files = 0;
	struct parcel p;

	STREAMS_ONLY();
	ASSERT_EQ(0, setsockopt(self->fd[0], SOL_SOCKET, SO_SNDBUF,
				&(int){ 200000 }, sizeof(int)));
	control_add(&c, SOL_SOCKET, SCM_RIGHTS, &self->w.file, sizeof(int));
	ASSERT_EQ(sizeof(data), control_send(self->fd[0], &c, data,
					     sizeof(data)));
	while (total < sizeof(data)) {
		p = files_recv(self->fd[1], sizeof(p.text), 0);
		ASSERT_LT(0, p.n);
		files += p.count;
		EXPECT_EQ(total ? 0 : 1, p.count);
		total += p.n;
		parcel_close(&p);
	}
	EXPECT_EQ(1, files);
	EXPECT_EQ(sizeof(data), total);
}

/* A reader that waits for more is let go when files come. */
TEST_F(scm_rights_life, a_read_of_all_does_not_wait_beyond_them)
{
	pid_t child;

	STREAMS_ONLY();
	child = fork_child(_metadata);
	if (!child) {
		char got[8];

		_exit(recv(self->fd[1], got, sizeof(got), MSG_WAITALL));
	}
	ASSERT_TRUE(wait_blocked(child));
	ASSERT_EQ(2, send(self->fd[0], "ab", 2, 0));
	ASSERT_EQ(2, files_send(self->fd[0], &self->w.file, 1, "cd"));
	EXPECT_EQ(4, wait_exit(child));
}

TEST_HARNESS_MAIN
