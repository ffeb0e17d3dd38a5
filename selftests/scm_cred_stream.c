// SPDX-License-Identifier: GPL-2.0
/*
 * SO_PASSCRED: a stream's reads do not mix the bytes of different senders,
 * and a socket that wants credentials gets a name when it needs one.
 */
#include "qsock_scm.h"

FIXTURE(scm_cred_stream)
{
	int family;
	int fd[2];
};

FIXTURE_VARIANT(scm_cred_stream)
{
	bool qsock;
	bool accepted;
};

FAMILY_CONNECTION_VARIANTS(scm_cred_stream);

FIXTURE_SETUP(scm_cred_stream)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	stream_pair(_metadata, self->family, variant->accepted, self->fd);
}

FIXTURE_TEARDOWN(scm_cred_stream)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

static int want(int fd, int option)
{
	return setsockopt(fd, SOL_SOCKET, option, &(int){ 1 }, sizeof(int));
}

/* "ab" from a child, "cd" and "ef" from here; who the child is. */
static pid_t send_by_two(struct __test_metadata *_metadata, int fd)
{
	pid_t child = fork_child(_metadata);

	if (!child)
		_exit(send(fd, "ab", 2, 0) != 2);
	ASSERT_EQ(0, wait_exit(child));
	ASSERT_EQ(2, send(fd, "cd", 2, 0));
	ASSERT_EQ(2, send(fd, "ef", 2, 0));
	return child;
}

static pid_t sender(struct control *c)
{
	struct ucred who;

	return control_get(c, SCM_CREDENTIALS, &who, sizeof(who)) ? who.pid :
								    -1;
}

TEST_F(scm_cred_stream, reads_mix_senders_when_nobody_asks)
{
	char got[8];

	send_by_two(_metadata, self->fd[0]);
	ASSERT_EQ(6, recv(self->fd[1], got, 8, MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp(got, "abcdef", 6));
}

TEST_F(scm_cred_stream, reads_do_not_mix_senders)
{
	struct control c = { .len = sizeof(c.bytes) };
	char got[8];
	pid_t child;

	ASSERT_EQ(0, want(self->fd[1], SO_PASSCRED));
	child = send_by_two(_metadata, self->fd[0]);
	ASSERT_EQ(2, control_recv(self->fd[1], &c, got, 8, 0, NULL));
	EXPECT_EQ(0, memcmp(got, "ab", 2));
	EXPECT_EQ(child, sender(&c));
	c.len = sizeof(c.bytes);
	ASSERT_EQ(4, control_recv(self->fd[1], &c, got, 8, 0, NULL));
	EXPECT_EQ(0, memcmp(got, "cdef", 4));
	EXPECT_EQ(getpid(), sender(&c));
}

/* It is the reader's wish that counts, whether it looks at them or not. */
TEST_F(scm_cred_stream, nor_do_reads_that_take_no_credentials)
{
	char got[8];

	ASSERT_EQ(0, want(self->fd[1], SO_PASSCRED));
	send_by_two(_metadata, self->fd[0]);
	EXPECT_EQ(2, read(self->fd[1], got, 8));
	EXPECT_EQ(4, read(self->fd[1], got, 8));
}

TEST_F(scm_cred_stream, nor_does_a_read_of_all)
{
	char got[8];

	ASSERT_EQ(0, want(self->fd[1], SO_PASSCRED));
	send_by_two(_metadata, self->fd[0]);
	EXPECT_EQ(2, recv(self->fd[1], got, 6, MSG_WAITALL));
	EXPECT_EQ(4, recv(self->fd[1], got, 4, MSG_WAITALL));
}

TEST_F(scm_cred_stream, nor_does_a_peek)
{
	struct control c = { .len = sizeof(c.bytes) };
	char got[8];
	pid_t child;

	ASSERT_EQ(0, want(self->fd[1], SO_PASSCRED));
	child = send_by_two(_metadata, self->fd[0]);
	EXPECT_EQ(2, control_recv(self->fd[1], &c, got, 8, MSG_PEEK, NULL));
	EXPECT_EQ(child, sender(&c));
	EXPECT_EQ(2, recv(self->fd[1], got, 8, 0));
	EXPECT_EQ(4, recv(self->fd[1], got, 8, MSG_PEEK));
}

TEST_F(scm_cred_stream, a_sender_that_turns_into_somebody_else)
{
	char got[8];
	pid_t child;

	if (geteuid())
		SKIP(return, "needs root, to be others");
	ASSERT_EQ(0, want(self->fd[1], SO_PASSCRED));
	child = fork_child(_metadata);
	if (!child) {
		if (send(self->fd[0], "ab", 2, 0) != 2 ||
		    setresuid(NOBODY, NOBODY, NOBODY))
			_exit(1);
		_exit(send(self->fd[0], "cd", 2, 0) != 2);
	}
	ASSERT_EQ(0, wait_exit(child));
	EXPECT_EQ(2, recv(self->fd[1], got, 8, 0));
	EXPECT_EQ(2, recv(self->fd[1], got, 8, 0));
}

/* Names. --------------------------------------------------------------- */

/* A NUL and five digits, of the kernel's choice. */
#define AUTOBOUND	(NAME_OFFSET + 6)

static const int wants[] = { SO_PASSCRED, SO_PASSPIDFD };
static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };

static int peer_socket(struct __test_metadata *_metadata, int type,
		       const struct test_addr *addr)
{
	return type_ends(type) ? typed_listen(_metadata, type, addr, 8) :
				 typed_bind(_metadata, type, addr);
}

TEST_F(scm_cred_stream, connect_gives_a_name)
{
	struct test_addr addr = nul_addr(self->family, "peer");
	size_t i, j;

	for (i = 0; i < ARRAY_LEN(types); i++) {
		int peer = peer_socket(_metadata, types[i], &addr);
		int fd = typed_connect(_metadata, types[i], &addr);

		EXPECT_EQ(NAME_OFFSET, name_of(fd).len);
		close(fd);
		for (j = 0; j < ARRAY_LEN(wants); j++) {
			fd = typed_socket(_metadata, self->family, types[i]);
			ASSERT_EQ(0, want(fd, wants[j]));
			EXPECT_EQ(NAME_OFFSET, name_of(fd).len);
			ASSERT_EQ(0, connect(fd, &addr.sa, addr.len));
			EXPECT_EQ(AUTOBOUND, name_of(fd).len);
			EXPECT_EQ('\0', name_of(fd).un.sun_path[0]);
			close(fd);
		}
		close(peer);
	}
}

/* The one that it has. */
TEST_F(scm_cred_stream, connect_leaves_a_name)
{
	struct test_addr addr = nul_addr(self->family, "peer");
	struct test_addr own = nul_addr(self->family, "own"), now;
	size_t i;

	for (i = 0; i < ARRAY_LEN(types); i++) {
		int peer = peer_socket(_metadata, types[i], &addr);
		int fd = typed_bind(_metadata, types[i], &own);

		ASSERT_EQ(0, want(fd, SO_PASSCRED));
		ASSERT_EQ(0, connect(fd, &addr.sa, addr.len));
		now = name_of(fd);
		EXPECT_TRUE(same_addr(&own, &now));
		close(fd);
		close(peer);
	}
}

TEST_F(scm_cred_stream, a_datagram_gives_a_name)
{
	struct test_addr addr = nul_addr(self->family, "peer"), own;
	struct test_addr from = { .len = sizeof(from.storage) };
	int peer = typed_bind(_metadata, SOCK_DGRAM, &addr);
	char byte;
	size_t i;

	for (i = 0; i < ARRAY_LEN(wants); i++) {
		int fd = typed_socket(_metadata, self->family, SOCK_DGRAM);

		ASSERT_EQ(0, want(fd, wants[i]));
		ASSERT_EQ(1, sendto(fd, "x", 1, 0, &addr.sa, addr.len));
		own = name_of(fd);
		EXPECT_EQ(AUTOBOUND, own.len);
		from.len = sizeof(from.storage);
		EXPECT_EQ(1, recvfrom(peer, &byte, 1, 0, &from.sa, &from.len));
		EXPECT_TRUE(same_addr(&own, &from));
		/* An answer finds it. */
		EXPECT_EQ(1, sendto(peer, "y", 1, 0, &from.sa, from.len));
		EXPECT_EQ(1, recv(fd, &byte, 1, MSG_DONTWAIT));
		close(fd);
	}
	close(peer);
}

/* Of a pair too; but bytes have no sender's name to give. */
TEST_F(scm_cred_stream, a_message_over_a_pair_gives_a_name)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(types); i++) {
		int fd[2];

		ASSERT_EQ(0, socketpair(self->family, types[i], 0, fd));
		ASSERT_EQ(0, want(fd[0], SO_PASSCRED));
		ASSERT_EQ(1, send(fd[0], "x", 1, 0));
		EXPECT_EQ(type_has_borders(types[i]) ? AUTOBOUND : NAME_OFFSET,
			  name_of(fd[0]).len);
		EXPECT_EQ(NAME_OFFSET, name_of(fd[1]).len);
		close(fd[0]);
		close(fd[1]);
	}
}

TEST_HARNESS_MAIN
