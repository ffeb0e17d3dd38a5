// SPDX-License-Identifier: GPL-2.0
/*
 * ioctl(): how much is queued, and what every socket and file knows. What
 * SIOCATMARK says where there is out-of-band data is in msg_oob_call.c.
 */
#include <linux/sockios.h>
#include <sys/xattr.h>

#include "qsock_scm.h"

FIXTURE(ioctl)
{
	int family;
	int fd[2];
};

FIXTURE_VARIANT(ioctl)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(ioctl);

FIXTURE_SETUP(ioctl)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	ASSERT_EQ(0, socketpair(self->family, variant->type, 0, self->fd));
}

FIXTURE_TEARDOWN(ioctl)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

static int ask(int fd, unsigned long request)
{
	int value = -1;

	return ioctl(fd, request, &value) ? -errno : value;
}

/* A datagram socket tells the first message, the others all of them. */
TEST_F(ioctl, siocinq)
{
	bool all = type_ends(variant->type);
	char got[4];

	EXPECT_EQ(SIOCINQ, FIONREAD);
	EXPECT_EQ(0, ask(self->fd[1], SIOCINQ));
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	EXPECT_EQ(3, ask(self->fd[1], SIOCINQ));
	ASSERT_EQ(5, send(self->fd[0], "defgh", 5, 0));
	EXPECT_EQ(all ? 8 : 3, ask(self->fd[1], SIOCINQ));
	/* The queue of the other end is another. */
	EXPECT_EQ(0, ask(self->fd[0], SIOCINQ));
	EXPECT_EQ(2, recv(self->fd[1], got, 2, MSG_PEEK));
	EXPECT_EQ(all ? 8 : 3, ask(self->fd[1], SIOCINQ));
	/* What a short read leaves of a message is gone. */
	EXPECT_EQ(2, recv(self->fd[1], got, 2, 0));
	EXPECT_EQ(type_has_borders(variant->type) ? 5 : 6,
		  ask(self->fd[1], SIOCINQ));
	EXPECT_LT(0, drain_queue(self->fd[1]));
	EXPECT_EQ(0, ask(self->fd[1], SIOCINQ));
}

/* A message of nothing is none that can be counted. */
TEST_F(ioctl, siocinq_of_nothing)
{
	ASSERT_EQ(0, send(self->fd[0], "", 0, 0));
	EXPECT_EQ(0, ask(self->fd[1], SIOCINQ));
	ASSERT_EQ(2, send(self->fd[0], "ab", 2, 0));
	EXPECT_EQ(type_ends(variant->type) ? 2 : 0, ask(self->fd[1], SIOCINQ));
}

TEST_F(ioctl, siocinq_stays_after_the_end)
{
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	close_open(&self->fd[0]);
	EXPECT_EQ(3, ask(self->fd[1], SIOCINQ));
	ASSERT_EQ(0, shutdown(self->fd[1], SHUT_RD));
	EXPECT_EQ(3, ask(self->fd[1], SIOCINQ));
}

TEST_F(ioctl, siocinq_unconnected)
{
	int fd = typed_socket(_metadata, self->family, variant->type);

	EXPECT_EQ(0, ask(fd, SIOCINQ));
	EXPECT_EQ(0, ask(fd, SIOCOUTQ));
	close(fd);
}

TEST_F(ioctl, siocinq_einval_for_a_listener)
{
	struct test_addr addr = nul_addr(self->family, "listener");
	int listener;

	if (!type_ends(variant->type))
		SKIP(return, "datagram sockets do not listen");
	listener = typed_listen(_metadata, variant->type, &addr, 1);
	EXPECT_EQ(-EINVAL, ask(listener, SIOCINQ));
	EXPECT_EQ(0, ask(listener, SIOCOUTQ));
	close(listener);
}

/*
 * AF_QSOCK counts bytes. AF_UNIX counts the memory that they take, and of a
 * message that is read in part gives nothing back.
 */
TEST_F(ioctl, siocoutq)
{
	char got[4];
	int queued;

	EXPECT_EQ(SIOCOUTQ, TIOCOUTQ);
	EXPECT_EQ(0, ask(self->fd[0], SIOCOUTQ));
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	ASSERT_EQ(5, send(self->fd[0], "defgh", 5, 0));
	queued = ask(self->fd[0], SIOCOUTQ);
	EXPECT_TRUE(variant->qsock ? queued == 8 : queued > 8);
	EXPECT_EQ(0, ask(self->fd[1], SIOCOUTQ));
	EXPECT_EQ(2, recv(self->fd[1], got, 2, 0));
	if (variant->qsock) {
		EXPECT_EQ(type_has_borders(variant->type) ? 5 : 6,
			  ask(self->fd[0], SIOCOUTQ));
	}
	EXPECT_LT(0, drain_queue(self->fd[1]));
	EXPECT_EQ(0, ask(self->fd[0], SIOCOUTQ));
}

/* What nobody received when the receiver went is given back. */
TEST_F(ioctl, siocoutq_after_the_peer)
{
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	EXPECT_NE(0, ask(self->fd[0], SIOCOUTQ));
	close_open(&self->fd[1]);
	EXPECT_EQ(0, ask(self->fd[0], SIOCOUTQ));
}

TEST_F(ioctl, efault)
{
	static const unsigned long request[] = {
		SIOCINQ, SIOCOUTQ, FIONBIO, FIOASYNC, FIOGETOWN, FIOSETOWN,
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(request); i++)
		EXPECT_ERRNO(EFAULT, ioctl(self->fd[0], request[i],
					   nowhere()));
}

/* A stream's, and never where there was no out-of-band byte. */
TEST_F(ioctl, siocatmark)
{
	bool has = !type_has_borders(variant->type);

	EXPECT_EQ(has ? 0 : -EOPNOTSUPP, ask(self->fd[1], SIOCATMARK));
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_EQ(has ? 0 : -EOPNOTSUPP, ask(self->fd[1], SIOCATMARK));
}

TEST_F(ioctl, enotty)
{
	static const unsigned long request[] = {
		TCGETS, 0x89ef, 0x12345678, 0,
	};
	char space[256];
	size_t i;

	for (i = 0; i < ARRAY_LEN(request); i++)
		EXPECT_ERRNO(ENOTTY, ioctl(self->fd[0], request[i], space));
}

TEST_F(ioctl, fionbio)
{
	int on = 1, off = 0;
	char byte;

	ASSERT_EQ(0, ioctl(self->fd[0], FIONBIO, &on));
	EXPECT_EQ(O_NONBLOCK, fcntl(self->fd[0], F_GETFL) & O_NONBLOCK);
	EXPECT_ERRNO(EAGAIN, recv(self->fd[0], &byte, 1, 0));
	ASSERT_EQ(0, ioctl(self->fd[0], FIONBIO, &off));
	EXPECT_EQ(0, fcntl(self->fd[0], F_GETFL) & O_NONBLOCK);
}

/* SIGIO. ----------------------------------------------------------------- */

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
	(void)number;
	signals++;
}

static void expect_signals(struct __test_metadata *_metadata, int number)
{
	struct sigaction action = { .sa_handler = count_signal };

	ASSERT_EQ(0, sigaction(number, &action, NULL));
	signals = 0;
}

TEST_F(ioctl, fioasync)
{
	int on = 1, off = 0;

	expect_signals(_metadata, SIGIO);
	ASSERT_EQ(0, fcntl(self->fd[1], F_SETOWN, getpid()));
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_EQ(0, signals);
	ASSERT_EQ(0, ioctl(self->fd[1], FIOASYNC, &on));
	EXPECT_EQ(O_ASYNC, fcntl(self->fd[1], F_GETFL) & O_ASYNC);
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_EQ(1, signals);
	ASSERT_EQ(0, ioctl(self->fd[1], FIOASYNC, &off));
	EXPECT_EQ(0, fcntl(self->fd[1], F_GETFL) & O_ASYNC);
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_EQ(1, signals);
}

/* The same as O_ASYNC, and F_SETSIG says which. */
TEST_F(ioctl, f_setown_and_f_setsig)
{
	int flags = fcntl(self->fd[1], F_GETFL);

	expect_signals(_metadata, SIGUSR2);
	EXPECT_EQ(0, fcntl(self->fd[1], F_GETOWN));
	ASSERT_EQ(0, fcntl(self->fd[1], F_SETOWN, getpid()));
	EXPECT_EQ(getpid(), fcntl(self->fd[1], F_GETOWN));
	EXPECT_EQ(getpid(), ask(self->fd[1], FIOGETOWN));
	EXPECT_EQ(getpid(), ask(self->fd[1], SIOCGPGRP));
	ASSERT_EQ(0, fcntl(self->fd[1], F_SETSIG, SIGUSR2));
	ASSERT_EQ(0, fcntl(self->fd[1], F_SETFL, flags | O_ASYNC));
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_EQ(1, signals);
}

TEST_F(ioctl, fiosetown)
{
	int pid = getpid(), group = -getpgrp(), nobody = 0;

	ASSERT_EQ(0, ioctl(self->fd[1], FIOSETOWN, &pid));
	EXPECT_EQ(pid, fcntl(self->fd[1], F_GETOWN));
	ASSERT_EQ(0, ioctl(self->fd[1], SIOCSPGRP, &group));
	EXPECT_EQ(group, ask(self->fd[1], SIOCGPGRP));
	ASSERT_EQ(0, ioctl(self->fd[1], FIOSETOWN, &nobody));
	EXPECT_EQ(0, ask(self->fd[1], FIOGETOWN));
}

TEST_F(ioctl, siocgskns)
{
	struct stat mine, its;
	int ns;

	if (geteuid())
		SKIP(return, "needs root, to have a namespace");
	ns = ioctl(self->fd[0], SIOCGSKNS);
	ASSERT_LE(0, ns);
	ASSERT_EQ(0, fstat(ns, &its));
	ASSERT_EQ(0, stat("/proc/self/ns/net", &mine));
	EXPECT_EQ(mine.st_ino, its.st_ino);
	close(ns);
}

TEST_F(ioctl, user_xattrs)
{
	char got[8];

	if (fsetxattr(self->fd[0], "user.note", "here", 4, 0)) {
		ASSERT_EQ(EOPNOTSUPP, errno);
		SKIP(return, "sockets have none on this kernel");
	}
	EXPECT_EQ(4, fgetxattr(self->fd[0], "user.note", got, sizeof(got)));
	EXPECT_EQ(0, memcmp("here", got, 4));
	EXPECT_ERRNO(ENODATA, fgetxattr(self->fd[1], "user.note", got,
					sizeof(got)));
}

TEST_HARNESS_MAIN
