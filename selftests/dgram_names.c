// SPDX-License-Identifier: GPL-2.0
/*
 * Names of datagram sockets: whom sendto() and connect() reach by one, why
 * they do not, and what recvfrom() tells of the sender.
 */
#include <grp.h>

#include "qsock_message.h"

FIXTURE(dgram_names)
{
	int family;
	char *dir;
	struct test_addr nul;	/* what rx is bound to */
	struct test_addr path;	/* bound by nobody */
	int rx;
	int tx;
};

FIXTURE_VARIANT(dgram_names)
{
	bool qsock;
};

FAMILY_VARIANTS(dgram_names);

FIXTURE_SETUP(dgram_names)
{
	self->dir = NULL;
	self->rx = -1;
	self->tx = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	self->dir = make_name_dir(_metadata);
	self->nul = nul_addr(self->family, "rx");
	self->path = path_addr(self->family, self->dir, "path");
	self->rx = message_bind(_metadata, SOCK_DGRAM, &self->nul);
	self->tx = message_socket(_metadata, self->family, SOCK_DGRAM);
}

FIXTURE_TEARDOWN(dgram_names)
{
	close_open(&self->rx);
	close_open(&self->tx);
	remove_name_dir(self->dir);
}

TEST_F(dgram_names, a_sender_is_known_by_its_nul_name)
{
	static const size_t len[] = { 2, 3, 50, QSOCK_NAME_MAX };
	char name[QSOCK_NAME_MAX];
	size_t i;

	/* NULs are bytes like others, the last one too. */
	memset(name, 'n', sizeof(name));
	name[0] = '\0';
	name[2] = '\0';
	name[49] = '\0';
	for (i = 0; i < ARRAY_LEN(len); i++) {
		struct test_addr addr = raw_addr(self->family, name, len[i]);
		int tx = message_bind(_metadata, SOCK_DGRAM, &addr);
		struct test_addr from;

		ASSERT_EQ(1, say_to(tx, &self->nul, "x"));
		from = sender_of(self->rx);
		EXPECT_EQ(NAME_OFFSET + len[i], from.len);
		EXPECT_TRUE(same_addr(&addr, &from));
		close(tx);
	}
}

TEST_F(dgram_names, a_sender_is_known_by_its_path)
{
	struct test_addr given = self->path, from;

	/* Bound without the terminator, told with it. */
	given.len--;
	ASSERT_EQ(0, bind(self->tx, &given.sa, given.len));
	ASSERT_EQ(1, say_to(self->tx, &self->nul, "x"));
	from = sender_of(self->rx);
	EXPECT_TRUE(same_addr(&self->path, &from));
}

TEST_F(dgram_names, a_sender_without_a_name_has_none)
{
	struct test_addr from;

	ASSERT_EQ(1, say_to(self->tx, &self->nul, "x"));
	from = sender_of(self->rx);
	EXPECT_EQ(0, from.len);
	/* Nothing was written. */
	EXPECT_EQ(0xee, *(unsigned char *)&from.storage);
}

TEST_F(dgram_names, an_autobound_sender_is_known_by_what_it_got)
{
	struct test_addr none = raw_addr(self->family, NULL, 0), from, own;

	ASSERT_EQ(0, bind(self->tx, &none.sa, none.len));
	own = name_of(self->tx);
	EXPECT_EQ(NAME_OFFSET + 6, own.len);
	ASSERT_EQ(1, say_to(self->tx, &self->nul, "x"));
	from = sender_of(self->rx);
	EXPECT_TRUE(same_addr(&own, &from));
}

/* It must be answerable, so that it can be asked who it is. */
TEST_F(dgram_names, so_passcred_binds_a_sender_as_it_sends)
{
	struct test_addr from, own;
	int one = 1;

	ASSERT_EQ(0, setsockopt(self->tx, SOL_SOCKET, SO_PASSCRED, &one,
				sizeof(one)));
	EXPECT_EQ(NAME_OFFSET, name_of(self->tx).len);
	ASSERT_EQ(1, say_to(self->tx, &self->nul, "x"));
	own = name_of(self->tx);
	EXPECT_EQ(NAME_OFFSET + 6, own.len);
	from = sender_of(self->rx);
	EXPECT_TRUE(same_addr(&own, &from));
}

TEST_F(dgram_names, so_passcred_binds_a_socket_as_it_connects)
{
	int one = 1;

	ASSERT_EQ(0, setsockopt(self->tx, SOL_SOCKET, SO_PASSCRED, &one,
				sizeof(one)));
	ASSERT_EQ(0, connect_errno(self->tx, &self->nul));
	EXPECT_EQ(NAME_OFFSET + 6, name_of(self->tx).len);
}

TEST_F(dgram_names, a_sender_that_left_is_still_known)
{
	struct test_addr from;

	ASSERT_EQ(0, bind(self->tx, &self->path.sa, self->path.len));
	ASSERT_EQ(1, say_to(self->tx, &self->nul, "x"));
	close_open(&self->tx);
	from = sender_of(self->rx);
	EXPECT_TRUE(same_addr(&self->path, &from));
}

TEST_F(dgram_names, a_sender_is_named_as_it_is_at_the_receive)
{
	struct test_addr from;

	ASSERT_EQ(1, say_to(self->tx, &self->nul, "x"));
	ASSERT_EQ(0, bind(self->tx, &self->path.sa, self->path.len));
	from = sender_of(self->rx);
	EXPECT_TRUE(same_addr(&self->path, &from));
}

TEST_F(dgram_names, each_message_names_its_own_sender)
{
	struct test_addr name[3];
	int tx[3], i;

	for (i = 0; i < 3; i++) {
		char text[] = { 'a' + i, '\0' };

		name[i] = nul_addr(self->family, text);
		tx[i] = message_bind(_metadata, SOCK_DGRAM, &name[i]);
		ASSERT_EQ(1, say_to(tx[i], &self->nul, "x"));
	}
	for (i = 0; i < 3; i++) {
		struct test_addr from = sender_of(self->rx);

		EXPECT_TRUE(same_addr(&name[i], &from));
		/* Which is enough to answer. */
		ASSERT_EQ(1, say_to(self->rx, &from, "y"));
		EXPECT_TRUE(hear(tx[i], "y"));
		close(tx[i]);
	}
}

TEST_F(dgram_names, a_short_buffer_gets_the_start_and_the_full_length)
{
	unsigned char buffer[8];
	socklen_t len = 4;
	char got;

	memset(buffer, 0xee, sizeof(buffer));
	ASSERT_EQ(0, bind(self->tx, &self->path.sa, self->path.len));
	ASSERT_EQ(1, say_to(self->tx, &self->nul, "x"));
	ASSERT_EQ(1, recvfrom(self->rx, &got, 1, 0, (void *)buffer, &len));
	EXPECT_EQ(self->path.len, len);
	EXPECT_EQ(0, memcmp(&self->path.storage, buffer, 4));
	EXPECT_EQ(0xee, buffer[4]);
}

TEST_F(dgram_names, recvmsg_gives_the_name_and_its_length)
{
	char got[4];
	struct test_addr from;
	struct iovec iov = { got, sizeof(got) };
	struct msghdr msg = {
		.msg_name = &from.sa,
		.msg_namelen = sizeof(from.storage),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_flags = -1,
	};

	ASSERT_EQ(0, bind(self->tx, &self->path.sa, self->path.len));
	ASSERT_EQ(1, say_to(self->tx, &self->nul, "x"));
	ASSERT_EQ(1, recvmsg(self->rx, &msg, MSG_PEEK));
	EXPECT_EQ(self->path.len, msg.msg_namelen);
	msg.msg_namelen = sizeof(from.storage);
	ASSERT_EQ(1, recvmsg(self->rx, &msg, 0));
	from.len = msg.msg_namelen;
	EXPECT_TRUE(same_addr(&self->path, &from));
	EXPECT_EQ(0, msg.msg_flags);
}

TEST_F(dgram_names, a_connection_has_two_names)
{
	struct test_addr peer;

	ASSERT_EQ(0, connect_errno(self->tx, &self->nul));
	peer = peer_of(self->tx);
	EXPECT_TRUE(same_addr(&self->nul, &peer));
	EXPECT_EQ(NAME_OFFSET, name_of(self->tx).len);
	/* It is one-sided. */
	EXPECT_ERRNO(ENOTCONN, getpeername(self->rx, &peer.sa, &peer.len));
}

/* The same bytes are three names, one a type. */
TEST_F(dgram_names, the_types_have_nul_names_of_their_own)
{
	static const int other[] = { SOCK_STREAM, SOCK_SEQPACKET };
	struct test_addr shared = nul_addr(self->family, "shared");
	int fd[2], rx;
	size_t i;

	for (i = 0; i < 2; i++) {
		fd[i] = message_bind(_metadata, other[i], &shared);
		ASSERT_EQ(0, listen(fd[i], 1));
	}
	EXPECT_EQ(-ECONNREFUSED, say_to(self->tx, &shared, "x"));
	EXPECT_EQ(ECONNREFUSED, connect_errno(self->tx, &shared));
	rx = message_bind(_metadata, SOCK_DGRAM, &shared);
	EXPECT_EQ(1, say_to(self->tx, &shared, "x"));
	EXPECT_TRUE(hear(rx, "x"));
	close(rx);
	close(fd[0]);
	close(fd[1]);
}

TEST_F(dgram_names, a_path_of_another_type_is_eprototype)
{
	static const int other[] = { SOCK_STREAM, SOCK_SEQPACKET };
	size_t i;

	for (i = 0; i < 2; i++) {
		struct test_addr addr = path_addr(self->family, self->dir,
						  i ? "1" : "0");
		int fd = message_bind(_metadata, other[i], &addr), stranger;

		ASSERT_EQ(0, listen(fd, 1));
		EXPECT_EQ(-EPROTOTYPE, say_to(self->tx, &addr, "x"));
		EXPECT_EQ(EPROTOTYPE, connect_errno(self->tx, &addr));
		EXPECT_ERRNO(EADDRINUSE, bind(self->tx, &addr.sa, addr.len));
		close(fd);
		stranger = message_socket(_metadata, self->family, other[i]);
		ASSERT_EQ(0, bind(self->tx, &self->path.sa, self->path.len));
		EXPECT_EQ(EPROTOTYPE, connect_errno(stranger, &self->path));
		close(stranger);
		close(self->tx);
		unlink(self->path.un.sun_path);
		self->tx = message_socket(_metadata, self->family, SOCK_DGRAM);
	}
}

TEST_F(dgram_names, a_name_of_nobody_is_refused)
{
	struct test_addr nobody = nul_addr(self->family, "nobody");
	/* Without a file, AF_UNIX looks no further. */
	int missing = variant->qsock ? ECONNREFUSED : ENOENT;

	EXPECT_EQ(-ECONNREFUSED, say_to(self->tx, &nobody, "x"));
	EXPECT_EQ(ECONNREFUSED, connect_errno(self->tx, &nobody));
	EXPECT_EQ(-missing, say_to(self->tx, &self->path, "x"));
	EXPECT_EQ(missing, connect_errno(self->tx, &self->path));
}

TEST_F(dgram_names, a_name_whose_owner_left_is_refused)
{
	int fd = message_bind(_metadata, SOCK_DGRAM, &self->path);

	ASSERT_EQ(1, say_to(self->tx, &self->path, "x"));
	close(fd);
	EXPECT_EQ(-ECONNREFUSED, say_to(self->tx, &self->path, "x"));
	close_open(&self->rx);
	EXPECT_EQ(-ECONNREFUSED, say_to(self->tx, &self->nul, "x"));
}

TEST_F(dgram_names, an_address_that_is_none_is_einval)
{
	struct test_addr bad;
	char name[QSOCK_NAME_MAX + 1] = "";

	memset(name + 1, 'l', sizeof(name) - 1);
	/* Too long by one, a family alone, half a family, a stranger's. */
	bad = raw_addr(self->family, name, sizeof(name));
	EXPECT_EQ(-EINVAL, say_to(self->tx, &bad, "x"));
	EXPECT_EQ(EINVAL, connect_errno(self->tx, &bad));
	bad = self->nul;
	bad.len = NAME_OFFSET;
	EXPECT_EQ(-EINVAL, say_to(self->tx, &bad, "x"));
	EXPECT_EQ(EINVAL, connect_errno(self->tx, &bad));
	bad.len = 1;
	EXPECT_EQ(-EINVAL, say_to(self->tx, &bad, "x"));
	EXPECT_EQ(EINVAL, connect_errno(self->tx, &bad));
	bad = self->nul;
	bad.sa.sa_family = AF_INET;
	EXPECT_EQ(-EINVAL, say_to(self->tx, &bad, "x"));
	EXPECT_EQ(EINVAL, connect_errno(self->tx, &bad));
	/* For connect() that is no error: it disconnects. */
	bad.sa.sa_family = AF_UNSPEC;
	EXPECT_EQ(-EINVAL, say_to(self->tx, &bad, "x"));
	/* Not an address at all. */
	EXPECT_ERRNO(EFAULT, sendto(self->tx, "x", 1, 0, nowhere(), 16));
	EXPECT_EQ(-EAGAIN, take(self->rx));
}

/* Without a length there is no address, whatever the pointer says. */
TEST_F(dgram_names, an_address_of_no_length_is_not_looked_at)
{
	struct test_addr empty = self->nul;

	empty.len = 0;
	EXPECT_EQ(-ENOTCONN, say_to(self->tx, &empty, "x"));
	ASSERT_EQ(0, connect_errno(self->tx, &self->nul));
	EXPECT_EQ(1, say_to(self->tx, &empty, "x"));
	EXPECT_TRUE(hear(self->rx, "x"));
}

/* In a child without privileges: what each of these gives. */
TEST_F(dgram_names, sending_and_connecting_need_the_write_bit)
{
	mode_t before;
	pid_t child;
	int fd, report[2], got[4];

	if (geteuid())
		SKIP(return, "needs root, to become another");
	before = umask(0222);
	fd = message_bind(_metadata, SOCK_DGRAM, &self->path);
	umask(before);
	ASSERT_EQ(0, pipe(report));
	child = fork_child(_metadata);
	if (!child) {
		/* Whoever is connected may go on sending. */
		got[0] = connect_errno(self->tx, &self->path);
		if (setgroups(0, NULL) || !drop_to(NOBODY, NOBODY))
			_exit(126);
		got[1] = say_to(self->tx, &self->path, "x");
		got[2] = say(self->tx, "y");
		got[3] = connect_errno(self->tx, &self->path);
		_exit(write(report[1], got, sizeof(got)) != sizeof(got));
	}
	ASSERT_EQ(0, wait_exit(child));
	ASSERT_EQ(sizeof(got), read(report[0], got, sizeof(got)));
	EXPECT_EQ(0, got[0]);
	EXPECT_EQ(-EACCES, got[1]);
	EXPECT_EQ(1, got[2]);
	EXPECT_EQ(EACCES, got[3]);
	EXPECT_TRUE(hear(fd, "y"));
	EXPECT_EQ(-EAGAIN, take(fd));
	close(fd);
}

TEST_F(dgram_names, there_is_nothing_to_listen_to)
{
	EXPECT_ERRNO(EOPNOTSUPP, listen(self->rx, 1));
	EXPECT_ERRNO(EOPNOTSUPP, accept(self->rx, NULL, NULL));
}

TEST_HARNESS_MAIN
