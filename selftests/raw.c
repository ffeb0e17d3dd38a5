// SPDX-License-Identifier: GPL-2.0
/*
 * SOCK_RAW: another way to ask for SOCK_DGRAM, as it always was.
 */
#include "qsock_message.h"

FIXTURE(raw)
{
	int family;
	int raw;
};

FIXTURE_VARIANT(raw)
{
	bool qsock;
};

FAMILY_VARIANTS(raw);

FIXTURE_SETUP(raw)
{
	self->raw = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	self->raw = message_socket(_metadata, self->family, SOCK_RAW);
}

FIXTURE_TEARDOWN(raw)
{
	close_open(&self->raw);
}

TEST_F(raw, calls_itself_a_datagram_socket)
{
	EXPECT_EQ(SOCK_DGRAM, int_option(self->raw, SO_TYPE));
	EXPECT_EQ(self->family, int_option(self->raw, SO_DOMAIN));
	EXPECT_EQ(0, int_option(self->raw, SO_PROTOCOL));
	EXPECT_ERRNO(EOPNOTSUPP, listen(self->raw, 1));
}

TEST_F(raw, needs_no_privilege)
{
	pid_t child;

	if (geteuid())
		SKIP(return, "is without privileges already");
	child = fork_child(_metadata);
	if (!child) {
		if (!drop_to(NOBODY, NOBODY))
			_exit(126);
		_exit(socket(self->family, SOCK_RAW, 0) < 0 ? errno : 0);
	}
	EXPECT_EQ(0, wait_exit(child));
}

TEST_F(raw, takes_the_flags_of_the_type_and_the_family_as_protocol)
{
	int fd = socket(self->family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
			self->family);
	char got;

	ASSERT_LE(0, fd);
	EXPECT_ERRNO(EAGAIN, recv(fd, &got, 1, 0));
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_ERRNO(EPROTONOSUPPORT,
		     socket(self->family, SOCK_RAW, self->family + 1));
	close(fd);
}

TEST_F(raw, talks_with_datagram_sockets_by_name)
{
	struct test_addr name[2] = {
		nul_addr(self->family, "raw"),
		nul_addr(self->family, "dgram"),
	};
	int dgram = message_bind(_metadata, SOCK_DGRAM, &name[1]);
	struct test_addr from;

	ASSERT_EQ(0, bind(self->raw, &name[0].sa, name[0].len));
	ASSERT_EQ(1, say_to(self->raw, &name[1], "x"));
	from = sender_of(dgram);
	EXPECT_TRUE(same_addr(&name[0], &from));
	ASSERT_EQ(0, connect_errno(dgram, &name[0]));
	ASSERT_EQ(3, say(dgram, "abc"));
	EXPECT_TRUE(hear(self->raw, "abc"));
	close(dgram);
}

/* One table of names for both: they are one type. */
TEST_F(raw, shares_its_names_with_datagram_sockets)
{
	struct test_addr name = nul_addr(self->family, "shared");
	int dgram = message_bind(_metadata, SOCK_DGRAM, &name);

	EXPECT_ERRNO(EADDRINUSE, bind(self->raw, &name.sa, name.len));
	close(dgram);
	EXPECT_EQ(0, bind(self->raw, &name.sa, name.len));
}

TEST_F(raw, pairs_carry_datagrams)
{
	int fd[2];

	ASSERT_EQ(0, socketpair(self->family, SOCK_RAW, 0, fd));
	EXPECT_EQ(SOCK_DGRAM, int_option(fd[0], SO_TYPE));
	EXPECT_EQ(SOCK_DGRAM, int_option(fd[1], SO_TYPE));
	ASSERT_EQ(1, say(fd[0], "a"));
	ASSERT_EQ(2, say(fd[0], "bc"));
	EXPECT_TRUE(hear(fd[1], "a"));
	EXPECT_TRUE(hear(fd[1], "bc"));
	/* And do not end. */
	close(fd[0]);
	EXPECT_EQ(-EAGAIN, take(fd[1]));
	close(fd[1]);
}

TEST_F(raw, other_types_are_esocktnosupport)
{
	static const int type[] = { SOCK_RDM, SOCK_DCCP, SOCK_PACKET };
	size_t i;

	for (i = 0; i < ARRAY_LEN(type); i++)
		EXPECT_ERRNO(ESOCKTNOSUPPORT, socket(self->family, type[i],
						     0));
}

TEST_HARNESS_MAIN
