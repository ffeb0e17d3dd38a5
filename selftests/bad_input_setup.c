// SPDX-License-Identifier: GPL-2.0
/*
 * Bad input to the calls that make connections: socket(), socketpair(),
 * bind(), listen(), connect(), accept(). Each test is named by call and errno.
 */
#include "qsock_proc.h"
#include "qsock_test.h"

FIXTURE(bad_input)
{
	int family;
	char *dir;
	struct test_addr addr;
	int listener;
	int sk;
};

FIXTURE_VARIANT(bad_input)
{
	bool qsock;
	int no_such_path;
	int no_such_directory;
};

FIXTURE_VARIANT_ADD(bad_input, af_qsock)
{
	.qsock = true,
	/* No name is a file: there is nothing that a path could miss. */
	.no_such_path = ECONNREFUSED,
	.no_such_directory = 0,
};

FIXTURE_VARIANT_ADD(bad_input, af_unix)
{
	.qsock = false,
	.no_such_path = ENOENT,
	.no_such_directory = ENOENT,
};

FIXTURE_SETUP(bad_input)
{
	self->listener = -1;
	self->sk = -1;
	self->dir = NULL;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	self->dir = make_name_dir(_metadata);
	self->addr = nul_addr(self->family, "listener");
	self->listener = stream_listen(_metadata, &self->addr, 1);
	self->sk = stream_socket(_metadata, self->family, 0);
}

FIXTURE_TEARDOWN(bad_input)
{
	close_open(&self->sk);
	close_open(&self->listener);
	remove_name_dir(self->dir);
}

TEST_F(bad_input, socket_einval_for_a_type_out_of_range)
{
	EXPECT_ERRNO(EINVAL, socket(self->family, 11, 0));
	EXPECT_ERRNO(EINVAL, socket(self->family, -1, 0));
}

TEST_F(bad_input, socket_einval_for_an_unknown_flag)
{
	EXPECT_ERRNO(EINVAL, socket(self->family, SOCK_STREAM | 0x10, 0));
	EXPECT_ERRNO(EINVAL, socket(self->family, SOCK_STREAM | 0x100000, 0));
}

TEST_F(bad_input, socket_esocktnosupport_for_types_it_does_not_have)
{
	EXPECT_ERRNO(ESOCKTNOSUPPORT, socket(self->family, 0, 0));
	EXPECT_ERRNO(ESOCKTNOSUPPORT, socket(self->family, SOCK_RDM, 0));
	EXPECT_ERRNO(ESOCKTNOSUPPORT, socket(self->family, SOCK_DCCP, 0));
	EXPECT_ERRNO(ESOCKTNOSUPPORT, socket(self->family, SOCK_PACKET, 0));
}

TEST_F(bad_input, socket_eprotonosupport_for_a_foreign_protocol)
{
	int foreign = self->family + 1;

	EXPECT_ERRNO(EPROTONOSUPPORT, socket(self->family, SOCK_STREAM,
					     foreign));
	EXPECT_ERRNO(EPROTONOSUPPORT, socket(self->family, SOCK_STREAM, -1));
	EXPECT_ERRNO(EPROTONOSUPPORT, socket(self->family, SOCK_STREAM, 6));
}

TEST_F(bad_input, socket_eprotonosupport_before_esocktnosupport)
{
	EXPECT_ERRNO(EPROTONOSUPPORT, socket(self->family, SOCK_RDM, 99));
}

TEST_F(bad_input, socketpair_efault)
{
	EXPECT_ERRNO(EFAULT, socketpair(self->family, SOCK_STREAM, 0,
					nowhere()));
	EXPECT_ERRNO(EFAULT, socketpair(self->family, SOCK_STREAM, 0, NULL));
}

TEST_F(bad_input, socketpair_eprotonosupport)
{
	int fd[2];

	EXPECT_ERRNO(EPROTONOSUPPORT, socketpair(self->family, SOCK_STREAM, 6,
						 fd));
}

TEST_F(bad_input, socketpair_esocktnosupport)
{
	int fd[2];

	EXPECT_ERRNO(ESOCKTNOSUPPORT, socketpair(self->family, SOCK_RDM, 0,
						 fd));
}

TEST_F(bad_input, socketpair_einval_for_an_unknown_flag)
{
	int fd[2];

	EXPECT_ERRNO(EINVAL, socketpair(self->family, SOCK_STREAM | 0x10, 0,
					fd));
}

TEST_F(bad_input, bind_einval_for_a_bad_length)
{
	struct test_addr addr = nul_addr(self->family, "bind");

	EXPECT_ERRNO(EINVAL, bind(self->sk, &addr.sa, 0));
	EXPECT_ERRNO(EINVAL, bind(self->sk, &addr.sa, 1));
	EXPECT_ERRNO(EINVAL, bind(self->sk, &addr.sa, -1));
	EXPECT_ERRNO(EINVAL, bind(self->sk, &addr.sa,
				  sizeof(addr.un) + 1));
	EXPECT_ERRNO(EINVAL, bind(self->sk, &addr.sa,
				  sizeof(addr.storage) + 1));
}

TEST_F(bad_input, bind_einval_for_a_foreign_family)
{
	struct test_addr addr = nul_addr(self->family, "bind");

	addr.sa.sa_family = AF_UNSPEC;
	EXPECT_ERRNO(EINVAL, bind(self->sk, &addr.sa, addr.len));
	EXPECT_ERRNO(EINVAL, bind(self->sk, &addr.sa, NAME_OFFSET));
	addr.sa.sa_family = AF_INET;
	EXPECT_ERRNO(EINVAL, bind(self->sk, &addr.sa, addr.len));
}

TEST_F(bad_input, bind_einval_for_a_second_name)
{
	struct test_addr one = nul_addr(self->family, "one");
	struct test_addr two = nul_addr(self->family, "two");

	ASSERT_EQ(0, bind(self->sk, &one.sa, one.len));
	EXPECT_ERRNO(EINVAL, bind(self->sk, &two.sa, two.len));
}

TEST_F(bad_input, bind_eaddrinuse)
{
	EXPECT_ERRNO(EADDRINUSE, bind(self->sk, &self->addr.sa,
				      self->addr.len));
}

TEST_F(bad_input, bind_efault)
{
	EXPECT_ERRNO(EFAULT, bind(self->sk, NULL, 16));
	EXPECT_ERRNO(EFAULT, bind(self->sk, nowhere(), 16));
}

TEST_F(bad_input, bind_enoent_for_a_path_without_a_directory)
{
	struct test_addr addr = path_addr(self->family, self->dir, "no/where");

	errno = 0;
	bind(self->sk, &addr.sa, addr.len);
	EXPECT_EQ(variant->no_such_directory, errno);
}

TEST_F(bad_input, listen_einval_unbound)
{
	EXPECT_ERRNO(EINVAL, listen(self->sk, 1));
}

TEST_F(bad_input, listen_einval_connected)
{
	struct test_addr addr = nul_addr(self->family, "client");

	ASSERT_EQ(0, bind(self->sk, &addr.sa, addr.len));
	ASSERT_EQ(0, connect(self->sk, &self->addr.sa, self->addr.len));
	EXPECT_ERRNO(EINVAL, listen(self->sk, 1));
}

TEST_F(bad_input, connect_einval_for_a_bad_length)
{
	EXPECT_ERRNO(EINVAL, connect(self->sk, &self->addr.sa, 0));
	EXPECT_ERRNO(EINVAL, connect(self->sk, &self->addr.sa, 1));
	EXPECT_ERRNO(EINVAL, connect(self->sk, &self->addr.sa, NAME_OFFSET));
	EXPECT_ERRNO(EINVAL, connect(self->sk, &self->addr.sa, -1));
	EXPECT_ERRNO(EINVAL, connect(self->sk, &self->addr.sa,
				     sizeof(self->addr.un) + 1));
	EXPECT_ERRNO(EINVAL, connect(self->sk, &self->addr.sa,
				     sizeof(self->addr.storage) + 1));
}

TEST_F(bad_input, connect_einval_for_a_foreign_family)
{
	struct test_addr addr = self->addr;

	addr.sa.sa_family = AF_INET;
	EXPECT_ERRNO(EINVAL, connect(self->sk, &addr.sa, addr.len));
	/* A stream cannot be disconnected either. */
	addr.sa.sa_family = AF_UNSPEC;
	EXPECT_ERRNO(EINVAL, connect(self->sk, &addr.sa, addr.len));
}

TEST_F(bad_input, connect_einval_listening)
{
	EXPECT_ERRNO(EINVAL, connect(self->listener, &self->addr.sa,
				     self->addr.len));
}

TEST_F(bad_input, connect_eisconn)
{
	ASSERT_EQ(0, connect(self->sk, &self->addr.sa, self->addr.len));
	EXPECT_ERRNO(EISCONN, connect(self->sk, &self->addr.sa,
				      self->addr.len));
}

TEST_F(bad_input, connect_econnrefused)
{
	struct test_addr addr = nul_addr(self->family, "nobody");

	EXPECT_ERRNO(ECONNREFUSED, connect(self->sk, &addr.sa, addr.len));
}

/* Whom it wants to reach comes before what it is. */
TEST_F(bad_input, connect_econnrefused_before_eisconn)
{
	struct test_addr addr = nul_addr(self->family, "nobody");

	ASSERT_EQ(0, connect(self->sk, &self->addr.sa, self->addr.len));
	EXPECT_ERRNO(ECONNREFUSED, connect(self->sk, &addr.sa, addr.len));
}

TEST_F(bad_input, connect_enoent_for_a_path_that_is_not_there)
{
	struct test_addr addr = path_addr(self->family, self->dir, "nobody");

	EXPECT_ERRNO(variant->no_such_path,
		     connect(self->sk, &addr.sa, addr.len));
}

TEST_F(bad_input, connect_econnrefused_for_a_file_that_is_no_socket)
{
	struct test_addr addr = path_addr(self->family, self->dir, "file");
	int file = open(addr.un.sun_path, O_CREAT | O_WRONLY, 0777);

	ASSERT_LE(0, file);
	EXPECT_ERRNO(ECONNREFUSED, connect(self->sk, &addr.sa, addr.len));
	close(file);
}

TEST_F(bad_input, connect_eagain)
{
	int one = stream_connect(_metadata, &self->addr);
	int two = stream_connect(_metadata, &self->addr);

	ASSERT_EQ(0, set_nonblock(self->sk));
	EXPECT_ERRNO(EAGAIN, connect(self->sk, &self->addr.sa,
				     self->addr.len));
	close(one);
	close(two);
}

TEST_F(bad_input, connect_efault)
{
	EXPECT_ERRNO(EFAULT, connect(self->sk, NULL, 16));
	EXPECT_ERRNO(EFAULT, connect(self->sk, nowhere(), 16));
}

TEST_F(bad_input, accept_einval_for_an_unknown_flag)
{
	EXPECT_ERRNO(EINVAL, accept4(self->listener, NULL, NULL, 0x10));
}

TEST_F(bad_input, accept_einval_not_listening)
{
	struct test_addr addr = nul_addr(self->family, "bound");
	int fd[2];

	EXPECT_ERRNO(EINVAL, accept(self->sk, NULL, NULL));
	ASSERT_EQ(0, bind(self->sk, &addr.sa, addr.len));
	EXPECT_ERRNO(EINVAL, accept(self->sk, NULL, NULL));
	ASSERT_EQ(0, socketpair(self->family, SOCK_STREAM, 0, fd));
	EXPECT_ERRNO(EINVAL, accept(fd[0], NULL, NULL));
	close(fd[0]);
	close(fd[1]);
}

TEST_F(bad_input, accept_eagain)
{
	ASSERT_EQ(0, set_nonblock(self->listener));
	EXPECT_ERRNO(EAGAIN, accept(self->listener, NULL, NULL));
}

/* The connection is lost: its client hears the end. */
TEST_F(bad_input, accept_efault)
{
	struct test_addr from = { .len = sizeof(from.storage) };
	int client = stream_connect(_metadata, &self->addr);
	char byte;

	EXPECT_ERRNO(EFAULT, accept(self->listener, nowhere(),
				    &from.len));
	EXPECT_EQ(0, poll_one(self->listener, POLLIN, 0));
	EXPECT_EQ(0, recv(client, &byte, 1, MSG_DONTWAIT));
	close(client);
}

TEST_F(bad_input, accept_einval_for_a_negative_length)
{
	struct test_addr from = { .len = -1 };
	int client = stream_connect(_metadata, &self->addr);

	EXPECT_ERRNO(EINVAL, accept(self->listener, &from.sa, &from.len));
	close(client);
}

TEST_HARNESS_MAIN
