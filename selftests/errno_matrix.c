// SPDX-License-Identifier: GPL-2.0
/*
 * The errnos of calls with bad input or in a bad state, call by call, for
 * every type: bad_input asks them of streams alone.
 */
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_types.h"

FIXTURE(errno_matrix)
{
	int family;
	int sk;		/* unconnected, and without a name */
	int named;	/* with a name; it listens, if its type can */
	int fd[2];	/* connected */
	struct test_addr addr;
};

FIXTURE_VARIANT(errno_matrix)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(errno_matrix);

FIXTURE_SETUP(errno_matrix)
{
	self->sk = -1;
	self->named = -1;
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	self->addr = nul_addr(self->family, "named");
	self->sk = typed_socket(_metadata, self->family, variant->type);
	self->named = typed_bind(_metadata, variant->type, &self->addr);
	if (type_ends(variant->type))
		ASSERT_EQ(0, listen(self->named, 1));
	ASSERT_EQ(0, socketpair(self->family, variant->type, 0, self->fd));
}

FIXTURE_TEARDOWN(errno_matrix)
{
	close_open(&self->sk);
	close_open(&self->named);
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

TEST_F(errno_matrix, socket)
{
	int fd[2];

	EXPECT_ERRNO(EPROTONOSUPPORT, socket(self->family, variant->type,
					     self->family + 1));
	EXPECT_ERRNO(EINVAL, socket(self->family, variant->type | 0x10, 0));
	EXPECT_ERRNO(EPROTONOSUPPORT,
		     socketpair(self->family, variant->type, self->family + 1,
				fd));
	EXPECT_ERRNO(EFAULT, socketpair(self->family, variant->type, 0,
					nowhere()));
}

TEST_F(errno_matrix, bind)
{
	struct test_addr other = nul_addr(self->family, "other");
	struct test_addr none = raw_addr(self->family, NULL, 0);
	struct test_addr before;

	EXPECT_ERRNO(EADDRINUSE, bind(self->sk, &self->addr.sa,
				      self->addr.len));
	EXPECT_ERRNO(EINVAL, bind(self->sk, &other.sa, NAME_OFFSET - 1));
	EXPECT_ERRNO(EINVAL, bind(self->sk, &other.sa,
				  sizeof(struct sockaddr_un) + 1));
	EXPECT_ERRNO(EINVAL, bind(self->sk, &other.sa, 129));
	EXPECT_ERRNO(EFAULT, bind(self->sk, nowhere(), 20));
	EXPECT_ERRNO(EINVAL, bind(self->named, &other.sa, other.len));
	/* A name of the kernel's choice: one that has a name keeps it. */
	before = name_of(self->named);
	EXPECT_EQ(0, bind(self->named, &none.sa, none.len));
	other = name_of(self->named);
	EXPECT_TRUE(same_addr(&before, &other));
	other.sa.sa_family = AF_INET;
	EXPECT_ERRNO(EINVAL, bind(self->sk, &other.sa, other.len));
}

TEST_F(errno_matrix, connect)
{
	struct test_addr nobody = nul_addr(self->family, "nobody");
	struct test_addr addr = self->addr;

	EXPECT_ERRNO(ECONNREFUSED, connect(self->sk, &nobody.sa, nobody.len));
	EXPECT_ERRNO(EINVAL, connect(self->sk, &addr.sa, NAME_OFFSET));
	EXPECT_ERRNO(EINVAL, connect(self->sk, &addr.sa,
				     sizeof(struct sockaddr_un) + 1));
	EXPECT_ERRNO(EFAULT, connect(self->sk, nowhere(), 20));
	addr.sa.sa_family = AF_INET;
	EXPECT_ERRNO(EINVAL, connect(self->sk, &addr.sa, addr.len));
	if (!type_ends(variant->type))
		return;
	EXPECT_ERRNO(EINVAL, connect(self->named, &self->addr.sa,
				     self->addr.len));
	EXPECT_ERRNO(EISCONN, connect(self->fd[0], &self->addr.sa,
				      self->addr.len));
}

TEST_F(errno_matrix, listen)
{
	int error = type_ends(variant->type) ? EINVAL : EOPNOTSUPP;

	EXPECT_ERRNO(error, listen(self->sk, 1));
	EXPECT_ERRNO(error, listen(self->fd[0], 1));
	if (type_ends(variant->type)) {
		EXPECT_EQ(0, listen(self->named, -1));
		return;
	}
	EXPECT_ERRNO(error, listen(self->named, 1));
}

TEST_F(errno_matrix, accept)
{
	int error = type_ends(variant->type) ? EINVAL : EOPNOTSUPP;

	EXPECT_ERRNO(error, accept(self->sk, NULL, NULL));
	EXPECT_ERRNO(error, accept(self->fd[0], NULL, NULL));
	EXPECT_ERRNO(EINVAL, accept4(self->named, NULL, NULL, 1));
	if (!type_ends(variant->type)) {
		EXPECT_ERRNO(EOPNOTSUPP, accept(self->named, NULL, NULL));
		return;
	}
	ASSERT_EQ(0, set_timeout_ms(self->named, SO_RCVTIMEO, 30));
	EXPECT_ERRNO(EAGAIN, accept(self->named, NULL, NULL));
	ASSERT_EQ(0, shutdown(self->named, SHUT_RD));
	EXPECT_ERRNO(EINVAL, accept(self->named, NULL, NULL));
}

/* The connection is lost: the descriptor was there, the name's place not. */
TEST_F(errno_matrix, accept_efault)
{
	socklen_t len = sizeof(struct sockaddr_un), less = -1;
	int client;
	char got;

	if (!type_ends(variant->type))
		return;
	client = typed_connect(_metadata, variant->type, &self->addr);
	EXPECT_ERRNO(EFAULT, accept(self->named, nowhere(), &len));
	EXPECT_EQ(0, recv(client, &got, 1, 0));
	close(client);
	client = typed_connect(_metadata, variant->type, &self->addr);
	EXPECT_ERRNO(EINVAL, accept(self->named, &self->addr.sa, &less));
	EXPECT_EQ(0, recv(client, &got, 1, 0));
	close(client);
}

TEST_F(errno_matrix, getsockname_and_getpeername)
{
	struct test_addr addr = { .len = -1 };

	EXPECT_ERRNO(EINVAL, getsockname(self->fd[0], &addr.sa, &addr.len));
	EXPECT_ERRNO(EINVAL, getpeername(self->fd[0], &addr.sa, &addr.len));
	addr.len = sizeof(addr.storage);
	EXPECT_ERRNO(ENOTCONN, getpeername(self->sk, &addr.sa, &addr.len));
	EXPECT_ERRNO(ENOTCONN, getpeername(self->named, &addr.sa, &addr.len));
	EXPECT_ERRNO(EFAULT, getsockname(self->named, nowhere(), &addr.len));
	EXPECT_ERRNO(EFAULT, getsockname(self->fd[0], &addr.sa, nowhere()));
	EXPECT_ERRNO(EFAULT, getpeername(self->fd[0], nowhere(), &addr.len));
	EXPECT_ERRNO(EFAULT, getpeername(self->fd[0], &addr.sa, nowhere()));
}

static ssize_t send_vectors(int fd, struct iovec *iov, size_t count)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = count };

	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

TEST_F(errno_matrix, send)
{
	static struct iovec many[1025];
	struct iovec bad = { nowhere(), 8 };
	struct iovec negative = { "x", (size_t)-1 };

	EXPECT_ERRNO(ENOTCONN, send(self->sk, "x", 1, MSG_NOSIGNAL));
	EXPECT_ERRNO(ENOTCONN, send(self->named, "x", 1, MSG_NOSIGNAL));
	EXPECT_ERRNO(EMSGSIZE, send_vectors(self->fd[0], many, 1025));
	EXPECT_ERRNO(EFAULT, send_vectors(self->fd[0], nowhere(), 1));
	EXPECT_ERRNO(EFAULT, send_vectors(self->fd[0], &bad, 1));
	EXPECT_ERRNO(EINVAL, send_vectors(self->fd[0], &negative, 1));
	EXPECT_ERRNO(EFAULT, sendmsg(self->fd[0], nowhere(), 0));
	EXPECT_EQ(0, poll_one(self->fd[1], POLLIN, 0));
	ASSERT_LT(0, fill_queue(self->fd[0], 512));
	EXPECT_ERRNO(EAGAIN, send(self->fd[0], "x", 1, MSG_DONTWAIT));
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_ERRNO(EPIPE, send(self->fd[0], "x", 1, MSG_NOSIGNAL));
}

TEST_F(errno_matrix, recv)
{
	int unconnected = variant->type == SOCK_STREAM ? EINVAL :
			  variant->type == SOCK_DGRAM ? EAGAIN : ENOTCONN;
	char got;

	EXPECT_ERRNO(unconnected, recv(self->sk, &got, 1, MSG_DONTWAIT));
	EXPECT_ERRNO(unconnected, recv(self->named, &got, 1, MSG_DONTWAIT));
	EXPECT_ERRNO(EAGAIN, recv(self->fd[0], &got, 1, MSG_DONTWAIT));
	/* Not recvmsg(): some C libraries look at the header. */
	EXPECT_ERRNO(EFAULT, syscall(SYS_recvmsg, self->fd[0], nowhere(),
				     MSG_DONTWAIT));
	ASSERT_EQ(0, set_timeout_ms(self->fd[0], SO_RCVTIMEO, 30));
	EXPECT_ERRNO(EAGAIN, recv(self->fd[0], &got, 1, 0));
}

/* Wait in recv() or, with a full queue, in send(): EINTR. */
TEST_F(errno_matrix, eintr)
{
	pid_t child;
	int i;

	ASSERT_LT(0, fill_queue(self->fd[0], 512));
	for (i = 0; i < 2; i++) {
		child = fork_child(_metadata);
		if (!child) {
			char byte;

			let_sigusr1_interrupt();
			if (i)
				recv(self->fd[0], &byte, 1, 0);
			else
				send(self->fd[0], "x", 1, 0);
			_exit(errno);
		}
		ASSERT_TRUE(wait_blocked(child));
		kill(child, SIGUSR1);
		EXPECT_EQ(EINTR, wait_exit(child));
	}
}

TEST_F(errno_matrix, shutdown)
{
	EXPECT_ERRNO(EINVAL, shutdown(self->fd[0], 3));
	EXPECT_ERRNO(EINVAL, shutdown(self->fd[0], -1));
	EXPECT_ERRNO(EINVAL, shutdown(self->sk, 3));
	EXPECT_EQ(0, poll_one(self->fd[0], POLLIN | POLLRDHUP, 0));
}

TEST_F(errno_matrix, options)
{
	struct timeval tv = { .tv_usec = 1000000 };
	struct sockaddr_storage name;
	socklen_t len = -1;
	int value = 1;

	EXPECT_ERRNO(EINVAL, setsockopt(self->sk, SOL_SOCKET, SO_SNDBUF,
					&value, 3));
	EXPECT_ERRNO(EFAULT, setsockopt(self->sk, SOL_SOCKET, SO_SNDBUF,
					nowhere(), sizeof(value)));
	EXPECT_ERRNO(ENOPROTOOPT, setsockopt(self->sk, SOL_SOCKET, 9999,
					     &value, sizeof(value)));
	EXPECT_ERRNO(ENOPROTOOPT, setsockopt(self->sk, SOL_SOCKET, SO_ERROR,
					     &value, sizeof(value)));
	EXPECT_ERRNO(EDOM, setsockopt(self->sk, SOL_SOCKET, SO_RCVTIMEO, &tv,
				      sizeof(tv)));
	EXPECT_ERRNO(EOPNOTSUPP, setsockopt(self->sk, SOL_TCP, 1, &value,
					    sizeof(value)));
	EXPECT_ERRNO(EOPNOTSUPP, setsockopt(self->sk, SOL_SOCKET, SO_ZEROCOPY,
					    &value, sizeof(value)));
	EXPECT_ERRNO(EINVAL, getsockopt(self->sk, SOL_SOCKET, SO_TYPE, &value,
					&len));
	len = sizeof(value);
	EXPECT_ERRNO(ENOPROTOOPT, getsockopt(self->sk, SOL_SOCKET, 9999,
					     &value, &len));
	EXPECT_ERRNO(EFAULT, getsockopt(self->sk, SOL_SOCKET, SO_TYPE,
					nowhere(), &len));
	EXPECT_ERRNO(EFAULT, getsockopt(self->sk, SOL_SOCKET, SO_TYPE, &value,
					nowhere()));
	EXPECT_ERRNO(EOPNOTSUPP, getsockopt(self->sk, SOL_TCP, 1, &value,
					    &len));
	EXPECT_ERRNO(ENODATA, getsockopt(self->sk, SOL_SOCKET, SO_PEERPIDFD,
					 &value, &len));
	EXPECT_ERRNO(ENODATA, getsockopt(self->sk, SOL_SOCKET, SO_PEERGROUPS,
					 &value, &len));
	len = sizeof(name);
	EXPECT_ERRNO(ENOTCONN, getsockopt(self->sk, SOL_SOCKET, SO_PEERNAME,
					  &name, &len));
}

TEST_F(errno_matrix, ioctl)
{
	int value;

	if (type_ends(variant->type))
		EXPECT_ERRNO(EINVAL, ioctl(self->named, FIONREAD, &value));
	EXPECT_ERRNO(EFAULT, ioctl(self->fd[0], FIONREAD, nowhere()));
	EXPECT_ERRNO(EFAULT, ioctl(self->fd[0], TIOCOUTQ, nowhere()));
	/* A terminal's, which the core knows of no socket. */
	EXPECT_ERRNO(ENOTTY, ioctl(self->fd[0], TCGETS, &value));
}

TEST_F(errno_matrix, files)
{
	loff_t offset = 0;
	int pipe_fd[2];
	char got;

	ASSERT_EQ(0, pipe(pipe_fd));
	EXPECT_ERRNO(ESPIPE, lseek(self->fd[0], 0, SEEK_SET));
	EXPECT_ERRNO(ESPIPE, pread(self->fd[0], &got, 1, 0));
	EXPECT_ERRNO(ESPIPE, pwrite(self->fd[0], "x", 1, 0));
	EXPECT_ERRNO(EINVAL, splice(self->fd[0], &offset, pipe_fd[1], NULL, 1,
				    0));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED,
				   self->fd[0], 0));
	EXPECT_EQ(ENODEV, errno);
	/* Nothing to read is read without asking the family. */
	EXPECT_EQ(0, read(self->fd[0], &got, 0));
	EXPECT_EQ(0, read(self->sk, &got, 0));
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}

TEST_HARNESS_MAIN
