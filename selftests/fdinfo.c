// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/PID/fdinfo: how many files wait to be received from a socket.
 */
#include "qsock_scm.h"
#include "qsock_test.h"

FIXTURE(fdinfo)
{
	int family;
	int file;
};

FIXTURE_VARIANT(fdinfo)
{
	bool qsock;
};

FAMILY_VARIANTS(fdinfo);

FIXTURE_SETUP(fdinfo)
{
	self->file = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	self->file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->file);
}

FIXTURE_TEARDOWN(fdinfo)
{
	close_open(&self->file);
}

/* The number behind "scm_fds:"; -1 when there is no such line. */
static int files_waiting(int fd)
{
	char path[64], line[128];
	int count = -1;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = fopen(path, "r");
	while (info && fgets(line, sizeof(line), info))
		sscanf(line, "scm_fds: %d", &count);
	if (info)
		fclose(info);
	return count;
}

TEST_F(fdinfo, files_that_wait_are_counted)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	int fd[2], files[3] = { self->file, self->file, self->file };
	struct parcel got;
	size_t i;

	for (i = 0; i < ARRAY_LEN(types); i++) {
		ASSERT_EQ(0, socketpair(self->family, types[i], 0, fd));
		EXPECT_EQ(0, files_waiting(fd[1]));
		ASSERT_EQ(1, files_send(fd[0], files, 3, "x"));
		ASSERT_EQ(1, files_send(fd[0], files, 1, "y"));
		EXPECT_EQ(4, files_waiting(fd[1]));
		EXPECT_EQ(0, files_waiting(fd[0]));
		/* A look at them leaves them where they are. */
		got = files_recv(fd[1], 1, MSG_PEEK);
		EXPECT_EQ(3, got.count);
		parcel_close(&got);
		EXPECT_EQ(4, files_waiting(fd[1]));
		got = files_recv(fd[1], 1, 0);
		EXPECT_EQ(3, got.count);
		parcel_close(&got);
		EXPECT_EQ(1, files_waiting(fd[1]));
		close(fd[0]);
		EXPECT_EQ(1, files_waiting(fd[1]));
		close(fd[1]);
	}
}

TEST_F(fdinfo, a_listener_counts_what_its_clients_sent)
{
	struct test_addr addr = nul_addr(self->family, "name");
	int listener = stream_listen(_metadata, &addr, 4), client[2], server;

	EXPECT_EQ(0, files_waiting(listener));
	client[0] = stream_connect(_metadata, &addr);
	client[1] = stream_connect(_metadata, &addr);
	ASSERT_EQ(1, files_send(client[0], &self->file, 1, "x"));
	ASSERT_EQ(1, files_send(client[1], &self->file, 1, "x"));
	EXPECT_EQ(2, files_waiting(listener));
	EXPECT_EQ(0, files_waiting(client[0]));
	server = accept(listener, NULL, NULL);
	ASSERT_LE(0, server);
	EXPECT_EQ(1, files_waiting(server));
	EXPECT_EQ(1, files_waiting(listener));
	close(server);
	close(listener);
	close(client[0]);
	close(client[1]);
}

TEST_F(fdinfo, a_socket_that_is_not_connected_has_none)
{
	int fd = stream_socket(_metadata, self->family, 0);

	EXPECT_EQ(0, files_waiting(fd));
	close(fd);
}

TEST_HARNESS_MAIN
