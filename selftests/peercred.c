// SPDX-License-Identifier: GPL-2.0
/*
 * SO_PEERCRED, SO_PEERGROUPS, SO_PEERPIDFD: who is at the other end. It is
 * who called connect(), listen() or socketpair(), then and not now.
 */
#include <grp.h>
#include <sys/syscall.h>

#include "qsock_proc.h"
#include "qsock_test.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD	77
#endif

FIXTURE(peercred)
{
	int family;
	struct test_addr addr;
	int fd[2];
};

FIXTURE_VARIANT(peercred)
{
	bool qsock;
	int reaped;
};

FIXTURE_VARIANT_ADD(peercred, af_qsock)
{
	.qsock = true,
	/* The kernel gives the pidfd of a dead peer to AF_UNIX alone. */
	.reaped = ESRCH,
};

FIXTURE_VARIANT_ADD(peercred, af_unix)
{
	.qsock = false,
	.reaped = 0,
};

FIXTURE_SETUP(peercred)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	if (geteuid())
		SKIP(return, "needs root, to become others");
	self->family = test_family(variant->qsock);
	self->addr = nul_addr(self->family, "listener");
}

FIXTURE_TEARDOWN(peercred)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

static struct ucred peer_cred(struct __test_metadata *_metadata, int fd)
{
	struct ucred cred = {};
	socklen_t len = sizeof(cred);

	EXPECT_EQ(0, getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len));
	EXPECT_EQ(sizeof(cred), len);
	return cred;
}

TEST_F(peercred, ends_of_a_pair_know_who_made_them)
{
	struct ucred cred;
	int i;

	ASSERT_EQ(0, socketpair(self->family, SOCK_STREAM, 0, self->fd));
	for (i = 0; i < 2; i++) {
		cred = peer_cred(_metadata, self->fd[i]);
		EXPECT_EQ(getpid(), cred.pid);
		EXPECT_EQ(geteuid(), cred.uid);
		EXPECT_EQ(getegid(), cred.gid);
	}
}

TEST_F(peercred, nobody_is_the_peer_of_an_unconnected_socket)
{
	struct ucred cred;

	self->fd[0] = stream_socket(_metadata, self->family, 0);
	cred = peer_cred(_metadata, self->fd[0]);
	EXPECT_EQ(0, cred.pid);
	EXPECT_EQ((uid_t)-1, cred.uid);
	EXPECT_EQ((gid_t)-1, cred.gid);
}

TEST_F(peercred, a_short_buffer_gets_the_start)
{
	struct ucred cred = { .uid = 4711 };
	socklen_t len = sizeof(cred.pid);

	ASSERT_EQ(0, socketpair(self->family, SOCK_STREAM, 0, self->fd));
	ASSERT_EQ(0, getsockopt(self->fd[0], SOL_SOCKET, SO_PEERCRED, &cred,
				&len));
	EXPECT_EQ(sizeof(cred.pid), len);
	EXPECT_EQ(getpid(), cred.pid);
	EXPECT_EQ(4711, cred.uid);
}

/* A child that connects as nobody and stays until the gate opens. */
static pid_t other_client(struct __test_metadata *_metadata,
			  const struct test_addr *addr, int gate)
{
	pid_t child = fork_child(_metadata);

	if (!child) {
		int fd = socket(addr->sa.sa_family, SOCK_STREAM, 0);
		gid_t groups[] = { 11, 22, 33 };

		if (setgroups(3, groups) || !drop_to(NOBODY, NOBODY))
			_exit(126);
		if (connect(fd, &addr->sa, addr->len))
			_exit(errno);
		await(gate);
		_exit(0);
	}
	return child;
}

TEST_F(peercred, a_server_knows_who_connected)
{
	int listener = stream_listen(_metadata, &self->addr, 1), gate[2];
	struct ucred cred;
	pid_t child;

	ASSERT_EQ(0, pipe(gate));
	child = other_client(_metadata, &self->addr, gate[0]);
	self->fd[0] = accept(listener, NULL, NULL);
	ASSERT_LE(0, self->fd[0]);
	cred = peer_cred(_metadata, self->fd[0]);
	EXPECT_EQ(child, cred.pid);
	EXPECT_EQ(NOBODY, cred.uid);
	EXPECT_EQ(NOBODY, cred.gid);
	tell(gate[1]);
	EXPECT_EQ(0, wait_exit(child));
	/* It keeps what it knew. */
	cred = peer_cred(_metadata, self->fd[0]);
	EXPECT_EQ(NOBODY, cred.uid);
	close(listener);
}

TEST_F(peercred, a_client_knows_who_listened)
{
	int listener = stream_listen(_metadata, &self->addr, 1);
	struct ucred cred;
	pid_t child;
	int report[2];

	ASSERT_EQ(0, pipe(report));
	child = other_client(_metadata, &self->addr, report[0]);
	EXPECT_TRUE(wait_blocked(child));
	tell(report[1]);
	EXPECT_EQ(0, wait_exit(child));

	self->fd[0] = stream_connect(_metadata, &self->addr);
	cred = peer_cred(_metadata, self->fd[0]);
	EXPECT_EQ(getpid(), cred.pid);
	EXPECT_EQ(geteuid(), cred.uid);
	close(listener);
}

TEST_F(peercred, each_listen_counts_for_those_who_connect_afterwards)
{
	int listener = stream_listen(_metadata, &self->addr, 8);
	int before = stream_connect(_metadata, &self->addr), gate[2];
	struct ucred cred;
	pid_t child;

	ASSERT_EQ(0, pipe(gate));
	child = fork_child(_metadata);
	if (!child) {
		if (!drop_to(NOBODY, NOBODY) || listen(listener, 8))
			_exit(126);
		await(gate[0]);
		_exit(0);
	}
	ASSERT_TRUE(wait_blocked(child));
	self->fd[0] = stream_connect(_metadata, &self->addr);
	cred = peer_cred(_metadata, self->fd[0]);
	EXPECT_EQ(child, cred.pid);
	EXPECT_EQ(NOBODY, cred.uid);
	cred = peer_cred(_metadata, before);
	EXPECT_EQ(getpid(), cred.pid);
	EXPECT_EQ(geteuid(), cred.uid);
	tell(gate[1]);
	EXPECT_EQ(0, wait_exit(child));
	close(before);
	close(listener);
}

TEST_F(peercred, a_listener_knows_itself)
{
	int listener = stream_listen(_metadata, &self->addr, 1);
	struct ucred cred = peer_cred(_metadata, listener);

	EXPECT_EQ(getpid(), cred.pid);
	EXPECT_EQ(geteuid(), cred.uid);
	close(listener);
}

TEST_F(peercred, so_peergroups_gives_the_groups)
{
	int listener = stream_listen(_metadata, &self->addr, 1), gate[2];
	gid_t groups[8] = {};
	socklen_t len = 4;
	pid_t child;

	ASSERT_EQ(0, pipe(gate));
	child = other_client(_metadata, &self->addr, gate[0]);
	self->fd[0] = accept(listener, NULL, NULL);
	ASSERT_LE(0, self->fd[0]);

	/* Too little room: it says how much it takes. */
	EXPECT_ERRNO(ERANGE, getsockopt(self->fd[0], SOL_SOCKET,
					SO_PEERGROUPS, groups, &len));
	EXPECT_EQ(3 * sizeof(gid_t), len);
	len = sizeof(groups);
	ASSERT_EQ(0, getsockopt(self->fd[0], SOL_SOCKET, SO_PEERGROUPS, groups,
				&len));
	EXPECT_EQ(3 * sizeof(gid_t), len);
	EXPECT_EQ(11, groups[0]);
	EXPECT_EQ(22, groups[1]);
	EXPECT_EQ(33, groups[2]);
	tell(gate[1]);
	EXPECT_EQ(0, wait_exit(child));
	close(listener);
}

static int peer_pidfd(int fd)
{
	socklen_t len = sizeof(int);
	int pidfd = -1;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len))
		return -errno;
	return pidfd;
}

TEST_F(peercred, so_peerpidfd_is_the_process)
{
	int listener = stream_listen(_metadata, &self->addr, 1);
	int gate[2], pidfd;
	pid_t child;

	ASSERT_EQ(0, pipe(gate));
	child = other_client(_metadata, &self->addr, gate[0]);
	self->fd[0] = accept(listener, NULL, NULL);
	ASSERT_LE(0, self->fd[0]);
	pidfd = peer_pidfd(self->fd[0]);
	ASSERT_LE(0, pidfd);
	EXPECT_EQ(0, poll_one(pidfd, POLLIN, 0));
	ASSERT_EQ(0, syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0));
	EXPECT_EQ(128 + SIGKILL, wait_exit(child));
	close(pidfd);
	close(listener);
}

TEST_F(peercred, so_peerpidfd_of_a_peer_that_was_reaped)
{
	int listener = stream_listen(_metadata, &self->addr, 1);
	int gate[2], pidfd;
	pid_t child;

	ASSERT_EQ(0, pipe(gate));
	child = other_client(_metadata, &self->addr, gate[0]);
	self->fd[0] = accept(listener, NULL, NULL);
	ASSERT_LE(0, self->fd[0]);
	tell(gate[1]);
	ASSERT_EQ(0, wait_exit(child));
	pidfd = peer_pidfd(self->fd[0]);
	EXPECT_EQ(-variant->reaped, pidfd < 0 ? pidfd : 0);
	close(listener);
}

static bool selinux_is_active(void)
{
	int fd = open("/sys/kernel/security/lsm", O_RDONLY | O_CLOEXEC);
	char text[256] = {};
	bool found = fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 &&
		     strstr(text, "selinux");

	close_open(&fd);
	return found;
}

/* The modules keep the labels of some families' peers, and not of ours. */
TEST_F(peercred, so_peersec)
{
	socklen_t len = 1;
	char label[256];

	ASSERT_EQ(0, socketpair(self->family, SOCK_STREAM, 0, self->fd));
	if (!variant->qsock && !selinux_is_active())
		SKIP(return, "labels are for the module that is active");
	EXPECT_ERRNO(variant->qsock ? ENOPROTOOPT : ERANGE,
		     getsockopt(self->fd[0], SOL_SOCKET, SO_PEERSEC, label,
				&len));
	len = sizeof(label);
	EXPECT_EQ(variant->qsock ? -1 : 0,
		  getsockopt(self->fd[0], SOL_SOCKET, SO_PEERSEC, label,
			     &len));
}

TEST_HARNESS_MAIN
