// SPDX-License-Identifier: GPL-2.0
/*
 * accept(): hands out connections one by one, waits for them, and says who
 * called.
 */
#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_test.h"

FIXTURE(stream_accept)
{
	int family;
	struct test_addr addr;
	int listener;
};

FIXTURE_VARIANT(stream_accept)
{
	bool qsock;
};

FAMILY_VARIANTS(stream_accept);

FIXTURE_SETUP(stream_accept)
{
	self->listener = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	self->addr = nul_addr(self->family, "listener");
	self->listener = stream_listen(_metadata, &self->addr, 8);
}

FIXTURE_TEARDOWN(stream_accept)
{
	close_open(&self->listener);
}

static int accept_errno(int listener)
{
	int fd = accept(listener, NULL, NULL);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

TEST_F(stream_accept, an_empty_backlog_is_eagain_when_nonblocking)
{
	ASSERT_EQ(0, set_nonblock(self->listener));
	EXPECT_EQ(EAGAIN, accept_errno(self->listener));
}

TEST_F(stream_accept, an_empty_backlog_is_eagain_after_so_rcvtimeo)
{
	long start;

	ASSERT_EQ(0, set_timeout_ms(self->listener, SO_RCVTIMEO, 200));
	start = now_ms();
	EXPECT_EQ(EAGAIN, accept_errno(self->listener));
	EXPECT_LE(190, now_ms() - start);
}

TEST_F(stream_accept, waits_for_a_connection)
{
	pid_t child = fork_child(_metadata);

	if (!child)
		_exit(accept_errno(self->listener));
	ASSERT_TRUE(wait_blocked(child));
	close(stream_connect(_metadata, &self->addr));
	EXPECT_EQ(0, wait_exit(child));
}

TEST_F(stream_accept, one_connection_wakes_one_of_two_that_wait)
{
	int report[2], i;
	pid_t child[2];
	char byte;

	ASSERT_EQ(0, pipe(report));
	for (i = 0; i < 2; i++) {
		child[i] = fork_child(_metadata);
		if (!child[i]) {
			int error = accept_errno(self->listener);

			tell(report[1]);
			_exit(error);
		}
		ASSERT_TRUE(wait_blocked(child[i]));
	}
	close(stream_connect(_metadata, &self->addr));
	ASSERT_EQ(1, read(report[0], &byte, 1));
	EXPECT_EQ(0, poll_one(report[0], POLLIN, 100));
	close(stream_connect(_metadata, &self->addr));
	EXPECT_EQ(0, wait_exit(child[0]));
	EXPECT_EQ(0, wait_exit(child[1]));
}

TEST_F(stream_accept, shutdown_wakes_one_that_waits_with_einval)
{
	pid_t child = fork_child(_metadata);

	if (!child)
		_exit(accept_errno(self->listener));
	ASSERT_TRUE(wait_blocked(child));
	ASSERT_EQ(0, shutdown(self->listener, SHUT_RD));
	EXPECT_EQ(EINVAL, wait_exit(child));
}

TEST_F(stream_accept, connections_made_before_shutdown_are_handed_out)
{
	int client = stream_connect(_metadata, &self->addr);

	ASSERT_EQ(0, shutdown(self->listener, SHUT_RD));
	EXPECT_EQ(0, accept_errno(self->listener));
	EXPECT_EQ(EINVAL, accept_errno(self->listener));
	close(client);
}

TEST_F(stream_accept, flags_are_those_of_accept4)
{
	int client[2], plain, flagged;

	ASSERT_EQ(0, set_nonblock(self->listener));
	client[0] = stream_connect(_metadata, &self->addr);
	client[1] = stream_connect(_metadata, &self->addr);
	plain = accept(self->listener, NULL, NULL);
	flagged = accept4(self->listener, NULL, NULL,
			  SOCK_NONBLOCK | SOCK_CLOEXEC);
	ASSERT_LE(0, plain);
	ASSERT_LE(0, flagged);
	EXPECT_EQ(0, fcntl(plain, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(0, fcntl(plain, F_GETFD));
	EXPECT_EQ(O_NONBLOCK, fcntl(flagged, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(FD_CLOEXEC, fcntl(flagged, F_GETFD));
	close(plain);
	close(flagged);
	close(client[0]);
	close(client[1]);
}

TEST_F(stream_accept, a_bound_client_is_named)
{
	struct test_addr name = nul_addr(self->family, "client"), from;
	int client = stream_bind(_metadata, &name), server;

	ASSERT_EQ(0, connect(client, &self->addr.sa, self->addr.len));
	from.len = sizeof(from.storage);
	server = accept(self->listener, &from.sa, &from.len);
	ASSERT_LE(0, server);
	EXPECT_TRUE(same_addr(&name, &from));
	close(server);
	close(client);
}

TEST_F(stream_accept, an_unbound_client_is_a_family_alone)
{
	int client = stream_connect(_metadata, &self->addr), server;
	struct test_addr from = { .len = sizeof(from.storage) };

	server = accept(self->listener, &from.sa, &from.len);
	ASSERT_LE(0, server);
	EXPECT_EQ(NAME_OFFSET, from.len);
	EXPECT_EQ(self->family, from.sa.sa_family);
	close(server);
	close(client);
}

TEST_F(stream_accept, a_short_buffer_gets_the_start_and_the_full_length)
{
	struct test_addr name = nul_addr(self->family, "client"), from;
	int client = stream_bind(_metadata, &name), server;

	ASSERT_EQ(0, connect(client, &self->addr.sa, self->addr.len));
	memset(&from, 0x55, sizeof(from));
	from.len = NAME_OFFSET + 3;
	server = accept(self->listener, &from.sa, &from.len);
	ASSERT_LE(0, server);
	EXPECT_EQ(name.len, from.len);
	EXPECT_EQ(0, memcmp(&name.storage, &from.storage, NAME_OFFSET + 3));
	EXPECT_EQ(0x55, from.un.sun_path[3]);
	close(server);
	close(client);
}

TEST_F(stream_accept, the_new_socket_has_the_name_of_the_listener)
{
	int client = stream_connect(_metadata, &self->addr);
	int server = accept(self->listener, NULL, NULL);
	struct test_addr name;

	ASSERT_LE(0, server);
	name = name_of(server);
	EXPECT_TRUE(same_addr(&self->addr, &name));
	EXPECT_EQ(0, int_option(server, SO_ACCEPTCONN));
	EXPECT_EQ(SOCK_STREAM, int_option(server, SO_TYPE));
	EXPECT_EQ(self->family, int_option(server, SO_DOMAIN));
	close(server);
	close(client);
}

TEST_F(stream_accept, a_client_that_left_is_still_handed_out)
{
	int client = stream_connect(_metadata, &self->addr), server;
	char got[8];

	ASSERT_EQ(3, send(client, "bye", 3, 0));
	close(client);
	server = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, server);
	EXPECT_EQ(3, recv(server, got, sizeof(got), 0));
	EXPECT_EQ(0, recv(server, got, sizeof(got), 0));
	close(server);
}

TEST_F(stream_accept, a_connection_outlives_its_listener)
{
	int client = stream_connect(_metadata, &self->addr);
	int server = accept(self->listener, NULL, NULL);
	char got[8];

	ASSERT_LE(0, server);
	close_open(&self->listener);
	ASSERT_EQ(2, send(client, "hi", 2, 0));
	EXPECT_EQ(2, recv(server, got, sizeof(got), 0));
	close(server);
	close(client);
}

TEST_HARNESS_MAIN
