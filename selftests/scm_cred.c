// SPDX-License-Identifier: GPL-2.0
/*
 * SCM_CREDENTIALS and SO_PASSCRED: who sent a message. What user namespaces
 * make of it is in userns_netns.c.
 */
#include "qsock_scm.h"

/* No user or group of these tests has it, and it is a valid one. */
#define STRANGER	4242

FIXTURE(scm_cred)
{
	int family;
	int fd[2];
};

FIXTURE_VARIANT(scm_cred)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(scm_cred);

FIXTURE_SETUP(scm_cred)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	ASSERT_EQ(0, socketpair(self->family, variant->type, 0, self->fd));
}

FIXTURE_TEARDOWN(scm_cred)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

static int want(int fd, int option)
{
	return setsockopt(fd, SOL_SOCKET, option, &(int){ 1 }, sizeof(int));
}

static struct ucred myself(void)
{
	return (struct ucred){ getpid(), getuid(), getgid() };
}

static ssize_t send_as(int fd, struct ucred who, const char *text)
{
	struct control c = {};

	control_add(&c, SOL_SOCKET, SCM_CREDENTIALS, &who, sizeof(who));
	return control_send(fd, &c, text, strlen(text));
}

struct letter {
	ssize_t n;
	int flags;
	bool is_signed;
	struct ucred from;
};

static struct letter recv_letter(int fd, size_t len, int flags)
{
	struct control c = { .len = sizeof(c.bytes) };
	struct letter l = {};
	char got[64];

	l.n = control_recv(fd, &c, got, len, flags, &l.flags);
	l.is_signed = control_get(&c, SCM_CREDENTIALS, &l.from, sizeof(l.from));
	return l;
}

#define EXPECT_FROM(got, sender) do {					\
	struct letter __got = (got);					\
	struct ucred __sender = (sender);				\
	EXPECT_EQ(1, __got.n);						\
	EXPECT_TRUE(__got.is_signed);					\
	EXPECT_EQ(__sender.pid, __got.from.pid);			\
	EXPECT_EQ(__sender.uid, __got.from.uid);			\
	EXPECT_EQ(__sender.gid, __got.from.gid);			\
} while (0)

/* What a message says that nobody signed. */
static const struct ucred unknown = { 0, NOBODY, NOBODY };

TEST_F(scm_cred, none_unless_wanted)
{
	struct letter l;

	ASSERT_EQ(1, send_as(self->fd[0], myself(), "x"));
	l = recv_letter(self->fd[1], 1, 0);
	EXPECT_EQ(1, l.n);
	EXPECT_FALSE(l.is_signed);
	EXPECT_EQ(0, l.flags & MSG_CTRUNC);
}

TEST_F(scm_cred, whoever_sends_when_they_are_wanted)
{
	struct ucred child = myself();

	ASSERT_EQ(0, want(self->fd[1], SO_PASSCRED));
	ASSERT_EQ(1, write(self->fd[0], "x", 1));
	EXPECT_FROM(recv_letter(self->fd[1], 1, MSG_PEEK), myself());
	EXPECT_FROM(recv_letter(self->fd[1], 1, 0), myself());
	/* And who writes now, not who made the socket. */
	child.pid = fork_child(_metadata);
	if (!child.pid)
		_exit(send(self->fd[0], "x", 1, 0) != 1);
	ASSERT_EQ(0, wait_exit(child.pid));
	EXPECT_FROM(recv_letter(self->fd[1], 1, 0), child);
}

TEST_F(scm_cred, the_real_ids_of_the_sender)
{
	struct ucred child = { 0, STRANGER, STRANGER + 1 };

	if (geteuid())
		SKIP(return, "needs root, to be others");
	ASSERT_EQ(0, want(self->fd[1], SO_PASSCRED));
	child.pid = fork_child(_metadata);
	if (!child.pid) {
		if (setresgid(child.gid, NOBODY, 0) ||
		    setresuid(child.uid, NOBODY, 0))
			_exit(126);
		_exit(send(self->fd[0], "x", 1, 0) != 1);
	}
	ASSERT_EQ(0, wait_exit(child.pid));
	EXPECT_FROM(recv_letter(self->fd[1], 1, 0), child);
}

TEST_F(scm_cred, wanted_too_late)
{
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	ASSERT_EQ(0, want(self->fd[1], SO_PASSCRED));
	EXPECT_FROM(recv_letter(self->fd[1], 1, 0), unknown);
	/* Unless the sender said who it is. */
	ASSERT_EQ(0, setsockopt(self->fd[1], SOL_SOCKET, SO_PASSCRED,
				&(int){ 0 }, sizeof(int)));
	ASSERT_EQ(1, send_as(self->fd[0], myself(), "x"));
	ASSERT_EQ(0, want(self->fd[1], SO_PASSCRED));
	EXPECT_FROM(recv_letter(self->fd[1], 1, 0), myself());
}

/* A sender that wants the credentials of others gives its own. */
TEST_F(scm_cred, wanted_by_the_sender)
{
	static const int option[] = { SO_PASSCRED, SO_PASSPIDFD };
	size_t i;

	for (i = 0; i < ARRAY_LEN(option); i++) {
		int fd[2];

		ASSERT_EQ(0, socketpair(self->family, variant->type, 0, fd));
		ASSERT_EQ(0, want(fd[0], option[i]));
		ASSERT_EQ(1, send(fd[0], "x", 1, 0));
		ASSERT_EQ(0, want(fd[1], SO_PASSCRED));
		EXPECT_FROM(recv_letter(fd[1], 1, 0), myself());
		close(fd[0]);
		close(fd[1]);
	}
}

/* What the one who accepts will want is not known yet. */
TEST_F(scm_cred, sent_before_the_connection_is_accepted)
{
	struct test_addr addr = nul_addr(self->family, "embryo");
	int listener, client, server;

	if (!type_ends(variant->type))
		SKIP(return, "connections alone are accepted");
	listener = typed_listen(_metadata, variant->type, &addr, 1);
	client = typed_connect(_metadata, variant->type, &addr);
	ASSERT_EQ(1, send(client, "x", 1, 0));
	server = accept(listener, NULL, NULL);
	ASSERT_LE(0, server);
	ASSERT_EQ(1, send(client, "y", 1, 0));
	ASSERT_EQ(0, want(server, SO_PASSCRED));
	EXPECT_FROM(recv_letter(server, 1, 0), myself());
	EXPECT_FROM(recv_letter(server, 1, 0), unknown);
	close(listener);
	close(client);
	close(server);
}

TEST_F(scm_cred, wanted_by_the_listener)
{
	struct test_addr addr = nul_addr(self->family, "listener");
	int listener, client, server;

	if (!type_ends(variant->type))
		SKIP(return, "connections alone are accepted");
	listener = typed_listen(_metadata, variant->type, &addr, 1);
	ASSERT_EQ(0, want(listener, SO_PASSCRED));
	client = typed_connect(_metadata, variant->type, &addr);
	server = accept(listener, NULL, NULL);
	ASSERT_LE(0, server);
	ASSERT_EQ(1, send(client, "x", 1, 0));
	EXPECT_FROM(recv_letter(server, 1, 0), myself());
	close(listener);
	close(client);
	close(server);
}

TEST_F(scm_cred, without_room_they_are_cut)
{
	struct control c = {};
	int flags = 0;
	char byte;

	ASSERT_EQ(0, want(self->fd[1], SO_PASSCRED));
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_EQ(1, control_recv(self->fd[1], &c, &byte, 1, 0, &flags));
	EXPECT_EQ(MSG_CTRUNC, flags & MSG_CTRUNC);
	/* A part of them is given, and called that. */
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	c.len = CMSG_LEN(sizeof(pid_t));
	EXPECT_EQ(1, control_recv(self->fd[1], &c, &byte, 1, 0, &flags));
	EXPECT_EQ(MSG_CTRUNC, flags & MSG_CTRUNC);
	EXPECT_EQ(SCM_CREDENTIALS, c.head.cmsg_type);
	EXPECT_EQ(CMSG_LEN(sizeof(pid_t)), c.head.cmsg_len);
	EXPECT_EQ(0, memcmp(CMSG_DATA(&c.head), &(pid_t){ getpid() },
			    sizeof(pid_t)));
}

/* The sender is gone, its number is not forgotten. */
TEST_F(scm_cred, of_a_sender_that_ended)
{
	struct ucred child = myself();

	ASSERT_EQ(0, want(self->fd[1], SO_PASSCRED));
	child.pid = fork_child(_metadata);
	if (!child.pid)
		_exit(send_as(self->fd[0], myself(), "x") != 1 ||
		      send(self->fd[0], "x", 1, 0) != 1);
	ASSERT_EQ(0, wait_exit(child.pid));
	EXPECT_FROM(recv_letter(self->fd[1], 1, 0), child);
	EXPECT_FROM(recv_letter(self->fd[1], 1, 0), child);
}

TEST_F(scm_cred, together_with_files)
{
	int dir = open("/proc", O_RDONLY), file = -1;
	struct ucred who = { getpid(), getuid(), getgid() };
	struct control c = {};
	char byte;

	ASSERT_EQ(0, want(self->fd[1], SO_PASSCRED));
	control_add(&c, SOL_SOCKET, SCM_RIGHTS, &dir, sizeof(dir));
	control_add(&c, SOL_SOCKET, SCM_CREDENTIALS, &who, sizeof(who));
	ASSERT_EQ(1, control_send(self->fd[0], &c, "x", 1));
	c.len = sizeof(c.bytes);
	memset(&who, 0xff, sizeof(who));
	ASSERT_EQ(1, control_recv(self->fd[1], &c, &byte, 1, 0, NULL));
	EXPECT_TRUE(control_get(&c, SCM_CREDENTIALS, &who, sizeof(who)));
	EXPECT_EQ(getpid(), who.pid);
	EXPECT_TRUE(control_get(&c, SCM_RIGHTS, &file, sizeof(file)));
	EXPECT_TRUE(same_file(dir, file));
	close(dir);
	close(file);
}

/* To say who one is. ----------------------------------------------------- */

TEST_F(scm_cred, einval_for_a_bad_length)
{
	struct ucred who[2] = { myself(), myself() };
	size_t len[] = { 0, 4, sizeof(*who) - 1, sizeof(*who) + 1,
			 sizeof(who) };
	size_t i;

	for (i = 0; i < ARRAY_LEN(len); i++) {
		struct control c = {};

		control_add(&c, SOL_SOCKET, SCM_CREDENTIALS, who, len[i]);
		EXPECT_EQ(-EINVAL, control_send(self->fd[0], &c, "x", 1));
	}
	EXPECT_EQ(-EAGAIN, recv_letter(self->fd[1], 1, 0).n);
}

TEST_F(scm_cred, einval_for_ids_that_are_none)
{
	struct ucred who = myself();

	who.uid = -1;
	EXPECT_EQ(-EINVAL, send_as(self->fd[0], who, "x"));
	who.uid = getuid();
	who.gid = -1;
	EXPECT_EQ(-EINVAL, send_as(self->fd[0], who, "x"));
	EXPECT_EQ(-EAGAIN, recv_letter(self->fd[1], 1, 0).n);
}

TEST_F(scm_cred, root_speaks_for_others)
{
	struct ucred other = { getppid(), STRANGER, STRANGER + 1 };
	struct ucred gone = { fork_child(_metadata), 0, 0 };
	struct ucred both[2] = { myself(), other };
	struct control c = {};

	if (!gone.pid)
		_exit(0);
	ASSERT_EQ(0, wait_exit(gone.pid));
	if (geteuid())
		SKIP(return, "needs root");
	ASSERT_EQ(0, want(self->fd[1], SO_PASSCRED));
	ASSERT_EQ(1, send_as(self->fd[0], other, "x"));
	EXPECT_FROM(recv_letter(self->fd[1], 1, 0), other);
	/* For those that are: */
	EXPECT_EQ(-ESRCH, send_as(self->fd[0], gone, "x"));
	gone.pid = 0;
	EXPECT_EQ(-ESRCH, send_as(self->fd[0], gone, "x"));
	gone.pid = -1;
	EXPECT_EQ(-ESRCH, send_as(self->fd[0], gone, "x"));
	/* Who says two things meant the second. */
	control_add(&c, SOL_SOCKET, SCM_CREDENTIALS, both, sizeof(*both));
	control_add(&c, SOL_SOCKET, SCM_CREDENTIALS, both + 1, sizeof(*both));
	ASSERT_EQ(1, control_send(self->fd[0], &c, "x", 1));
	EXPECT_FROM(recv_letter(self->fd[1], 1, 0), other);
	EXPECT_EQ(-EAGAIN, recv_letter(self->fd[1], 1, 0).n);
}

/* Real, effective and saved ids are one's own; nothing else is. */
TEST_F(scm_cred, eperm_for_others)
{
	pid_t child;

	if (geteuid())
		SKIP(return, "needs root, to be somebody");
	ASSERT_EQ(0, want(self->fd[1], SO_PASSCRED));
	child = fork_child(_metadata);
	if (!child) {
		uid_t id[3] = { STRANGER, STRANGER + 1, STRANGER + 2 };
		struct ucred who = { getpid(), id[0], id[0] };
		int i;

		if (setresgid(id[0], id[1], id[2]) ||
		    setresuid(id[0], id[1], id[2]))
			_exit(126);
		for (i = 0; i < 3; i++) {
			struct ucred own = { who.pid, id[i], id[2 - i] };

			if (send_as(self->fd[0], own, "x") != 1)
				_exit(1 + i);
		}
		who.uid = STRANGER + 3;
		if (send_as(self->fd[0], who, "x") != -EPERM)
			_exit(4);
		who.uid = id[0];
		who.gid = 0;
		if (send_as(self->fd[0], who, "x") != -EPERM)
			_exit(5);
		who.gid = id[0];
		who.pid = getppid();
		if (send_as(self->fd[0], who, "x") != -EPERM)
			_exit(6);
		_exit(0);
	}
	EXPECT_EQ(0, wait_exit(child));
	EXPECT_FROM(recv_letter(self->fd[1], 1, 0),
		    ((struct ucred){ child, STRANGER, STRANGER + 2 }));
	EXPECT_FROM(recv_letter(self->fd[1], 1, 0),
		    ((struct ucred){ child, STRANGER + 1, STRANGER + 1 }));
	EXPECT_FROM(recv_letter(self->fd[1], 1, 0),
		    ((struct ucred){ child, STRANGER + 2, STRANGER }));
	EXPECT_EQ(-EAGAIN, recv_letter(self->fd[1], 1, 0).n);
}

TEST_HARNESS_MAIN
