// SPDX-License-Identifier: GPL-2.0
/*
 * The family of selftests/modules/echo: the framework of src/net serves one
 * that has nothing to do with qsock, and refuses for it what it does not have.
 */
#include <poll.h>
#include <sys/syscall.h>

#include "qsock_test.h"

#define ECHO_KO		"/lib/modules/echo.ko"
#define ECHO_FAMILY	25

FIXTURE(echo_family)
{
	int fd;
};

FIXTURE_SETUP(echo_family)
{
	const char *file = getenv("ECHO_KO") ?: ECHO_KO;
	int ko = open(file, O_RDONLY | O_CLOEXEC);

	if (ko < 0)
		SKIP(return, "there is no %s", file);
	ASSERT_EQ(0, syscall(SYS_finit_module, ko, "", 0)) {
		TH_LOG("cannot load %s: %s", file, strerror(errno));
	}
	close(ko);
	self->fd = socket(ECHO_FAMILY, SOCK_STREAM | SOCK_NONBLOCK, 0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(echo_family)
{
	close(self->fd);
	EXPECT_EQ(0, syscall(SYS_delete_module, "echo", O_NONBLOCK));
	EXPECT_EQ(-1, socket(ECHO_FAMILY, SOCK_STREAM, 0));
	EXPECT_EQ(EAFNOSUPPORT, errno);
}

TEST_F(echo_family, a_socket_receives_what_it_sent)
{
	struct pollfd poller = { .fd = self->fd, .events = POLLIN | POLLOUT };
	char bytes[16];

	EXPECT_EQ(1, poll(&poller, 1, 0));
	EXPECT_EQ(POLLOUT, poller.revents);
	EXPECT_EQ(-1, recv(self->fd, bytes, sizeof(bytes), 0));
	EXPECT_EQ(EAGAIN, errno);

	EXPECT_EQ(5, send(self->fd, "hello", 5, 0));
	EXPECT_EQ(1, poll(&poller, 1, 0));
	EXPECT_EQ(POLLIN | POLLOUT, poller.revents);
	EXPECT_EQ(2, recv(self->fd, bytes, 2, 0));
	EXPECT_EQ(3, recv(self->fd, bytes + 2, sizeof(bytes) - 2, 0));
	EXPECT_EQ(0, memcmp(bytes, "hello", 5));
}

TEST_F(echo_family, what_a_family_lacks_is_refused)
{
	struct sockaddr addr = { .sa_family = ECHO_FAMILY };
	int fds[2];

	EXPECT_EQ(-1, bind(self->fd, &addr, sizeof(addr)));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(-1, connect(self->fd, &addr, sizeof(addr)));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(-1, listen(self->fd, 1));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(-1, accept(self->fd, NULL, NULL));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(-1, shutdown(self->fd, SHUT_RDWR));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(-1, socketpair(ECHO_FAMILY, SOCK_STREAM, 0, fds));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(-1, socket(ECHO_FAMILY, SOCK_DGRAM, 0));
	EXPECT_EQ(ESOCKTNOSUPPORT, errno);
	EXPECT_EQ(-1, socket(ECHO_FAMILY, SOCK_STREAM, 1));
	EXPECT_EQ(EPROTONOSUPPORT, errno);
}

TEST_HARNESS_MAIN
