// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets and namespaces: sockets of every type outlive the process that made
 * their network namespace, a namespace that ends takes them with it, and
 * credentials are those of the reader's user and process namespaces.
 */
#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_types.h"

#define SOMEBODY	1000
#define NAMESPACES	20
#define HELD		4
/* How long a namespace may take to go: a debug kernel needs seconds. */
#define GONE_MS		100000

FIXTURE(namespaces)
{
	int family;
	int fd[2];
	struct test_addr addr;
};

FIXTURE_VARIANT(namespaces)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(namespaces);

FIXTURE_SETUP(namespaces)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	if (geteuid())
		SKIP(return, "needs root, to make namespaces");
	self->family = test_family(variant->qsock);
	self->addr = nul_addr(self->family, "name");
	ASSERT_EQ(0, socketpair(self->family, variant->type, 0, self->fd));
}

FIXTURE_TEARDOWN(namespaces)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

/* A socket that others reach by name: it listens, if its type can. */
static int named(int type, const struct test_addr *addr)
{
	int fd = socket(addr->sa.sa_family, type, 0);

	if (fd < 0 || bind(fd, &addr->sa, addr->len))
		return -1;
	return type_ends(type) && listen(fd, 4) ? -1 : fd;
}

/*
 * Descriptors from a child: an AF_UNIX socket carries them, since that is not
 * what is tested here.
 */
static bool give(int carrier, const int *fd, int count)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} control = {};
	struct iovec iov = { "", 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)),
	};

	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(&control.head), fd, count * sizeof(int));
	return sendmsg(carrier, &msg, 0) == 1;
}

static bool take(int carrier, int *fd, int count)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} control = {};
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	if (recvmsg(carrier, &msg, 0) != 1 ||
	    control.head.cmsg_len != CMSG_LEN(count * sizeof(int)))
		return false;
	memcpy(fd, CMSG_DATA(&control.head), count * sizeof(int));
	return true;
}

/*
 * A child makes a namespace and in it a named socket, one that is to reach
 * it, and a pair with a message; it gives them away and dies.
 */
static void orphans(struct __test_metadata *_metadata, int type,
		    const struct test_addr *addr, int fd[4])
{
	int carrier[2];
	pid_t child;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, carrier));
	child = fork_child(_metadata);
	if (!child) {
		if (unshare(CLONE_NEWNET))
			_exit(1);
		fd[0] = named(type, addr);
		fd[1] = socket(addr->sa.sa_family, type, 0);
		if (fd[0] < 0 || fd[1] < 0 ||
		    socketpair(addr->sa.sa_family, type, 0, fd + 2) ||
		    send(fd[2], "left", 4, 0) != 4)
			_exit(2);
		_exit(!give(carrier[1], fd, 4));
	}
	ASSERT_TRUE(take(carrier[0], fd, 4));
	ASSERT_EQ(0, wait_exit(child));
	close(carrier[0]);
	close(carrier[1]);
}

TEST_F(namespaces, sockets_outlive_the_one_that_made_theirs)
{
	int fd[4], server, here, i;
	char got[8];

	orphans(_metadata, variant->type, &self->addr, fd);
	EXPECT_EQ(4, recv(fd[3], got, sizeof(got), MSG_DONTWAIT));
	EXPECT_EQ(2, send(fd[3], "hi", 2, 0));
	EXPECT_EQ(2, recv(fd[2], got, sizeof(got), MSG_DONTWAIT));
	/* The name is there for those of that namespace, */
	ASSERT_EQ(0, connect(fd[1], &self->addr.sa, self->addr.len));
	ASSERT_EQ(5, send(fd[1], "hello", 5, 0));
	server = type_ends(variant->type) ? accept(fd[0], NULL, NULL) : fd[0];
	ASSERT_LE(0, server);
	EXPECT_EQ(5, recv(server, got, sizeof(got), MSG_DONTWAIT));
	/* and for nobody here. */
	here = typed_socket(_metadata, self->family, variant->type);
	EXPECT_ERRNO(ECONNREFUSED,
		     connect(here, &self->addr.sa, self->addr.len));
	close(here);
	if (server != fd[0])
		close(server);
	for (i = 0; i < 4; i++)
		close(fd[i]);
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == strlen(text);

	close(fd);
	return ok;
}

/*
 * A new network namespace. A limit is counted down when one is gone with all
 * that was in it, which may take long: wait for that.
 */
static bool next_namespace(void)
{
	long deadline = now_ms() + GONE_MS;

	while (unshare(CLONE_NEWNET)) {
		if (errno != ENOSPC || now_ms() >= deadline)
			return false;
		pause_ms(20);
	}
	return true;
}

/* Sockets in all states in a namespace; they end with the process. */
static void live_and_die(int type, const struct test_addr *addr)
{
	int family = addr->sa.sa_family, fd[2], client;

	if (!next_namespace())
		_exit(1);
	if (named(type, addr) < 0)
		_exit(2);
	/* One that nobody accepts, with a message under way. */
	client = socket(family, type, 0);
	if (connect(client, &addr->sa, addr->len) ||
	    send(client, "x", 1, 0) != 1)
		_exit(3);
	if (socketpair(family, type, 0, fd) || !fill_queue(fd[0], 512))
		_exit(4);
	raise(SIGKILL);
}

/*
 * The kernel's own count of namespaces is exact where it has a limit: a user
 * namespace that may have HELD cannot have that many at once if one of those
 * before is still there.
 */
TEST_F_TIMEOUT(namespaces, one_that_ends_takes_its_sockets_with_it, 400)
{
	int count = HELD + NAMESPACES / work_divisor(), i;
	char limit[16];
	pid_t child;

	snprintf(limit, sizeof(limit), "%d", HELD);
	child = fork_child(_metadata);
	if (!child) {
		if (unshare(CLONE_NEWUSER) ||
		    !write_file("/proc/sys/user/max_net_namespaces", limit))
			_exit(1);
		for (i = 0; i < count; i++) {
			pid_t one = fork();

			if (!one)
				live_and_die(variant->type, &self->addr);
			if (one < 0 || wait_exit(one) != 128 + SIGKILL)
				_exit(2);
		}
		for (i = 0; i < HELD; i++)
			if (!next_namespace() ||
			    open("/proc/self/ns/net", O_RDONLY) < 0)
				_exit(3);
		/* The limit is one. */
		_exit(unshare(CLONE_NEWNET) && errno == ENOSPC ? 0 : 4);
	}
	EXPECT_EQ(0, wait_exit(child));
}

/* Become SOMEBODY, who is root in a user namespace of his own. */
static bool enter_userns(void)
{
	char map[32];

	if (!drop_to(SOMEBODY, SOMEBODY) || prctl(PR_SET_DUMPABLE, 1) ||
	    unshare(CLONE_NEWUSER))
		return false;
	snprintf(map, sizeof(map), "0 %d 1", SOMEBODY);
	return write_file("/proc/self/uid_map", map) &&
	       write_file("/proc/self/setgroups", "deny") &&
	       write_file("/proc/self/gid_map", map) && !getuid();
}

/* Send a message, with the credentials @as if that is not NULL. */
static int send_as(int fd, const struct ucred *as)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control = {};
	struct iovec iov = { "x", 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (as) {
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_CREDENTIALS;
		control.head.cmsg_len = CMSG_LEN(sizeof(*as));
		memcpy(CMSG_DATA(&control.head), as, sizeof(*as));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	return sendmsg(fd, &msg, MSG_DONTWAIT) < 0 ? errno : 0;
}

/* Receive a message: whose it is, all -2 if it does not say. */
static struct ucred recv_from_whom(int fd)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control = {};
	struct ucred whom = { -2, -2, -2 };
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	if (recvmsg(fd, &msg, 0) == 1 &&
	    control.head.cmsg_type == SCM_CREDENTIALS &&
	    control.head.cmsg_len == CMSG_LEN(sizeof(whom)))
		memcpy(&whom, CMSG_DATA(&control.head), sizeof(whom));
	return whom;
}

static int want_credentials(int fd)
{
	int one = 1;

	return setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one));
}

/* Root there is somebody here. */
TEST_F(namespaces, credentials_of_a_user_namespace_are_those_seen_from_here)
{
	struct ucred whom;
	pid_t child;
	int i;

	ASSERT_EQ(0, want_credentials(self->fd[1]));
	child = fork_child(_metadata);
	if (!child) {
		struct ucred root = { getpid(), 0, 0 };
		struct ucred nobody = { getpid(), SOMEBODY, SOMEBODY };

		if (!enter_userns())
			_exit(1);
		if (send_as(self->fd[0], NULL) || send_as(self->fd[0], &root))
			_exit(2);
		/* Nobody has that number there. */
		_exit(send_as(self->fd[0], &nobody) == EINVAL ? 0 : 3);
	}
	for (i = 0; i < 2; i++) {
		whom = recv_from_whom(self->fd[1]);
		EXPECT_EQ(child, whom.pid);
		EXPECT_EQ(SOMEBODY, whom.uid);
		EXPECT_EQ(SOMEBODY, whom.gid);
	}
	EXPECT_EQ(0, wait_exit(child));
	EXPECT_EQ(0, poll_one(self->fd[1], POLLIN, 0));
}

TEST_F(namespaces, who_has_no_number_there_is_nobody)
{
	pid_t child;

	ASSERT_EQ(0, want_credentials(self->fd[1]));
	ASSERT_EQ(0, send_as(self->fd[0], NULL));
	child = fork_child(_metadata);
	if (!child) {
		struct ucred whom;

		if (!enter_userns())
			_exit(1);
		whom = recv_from_whom(self->fd[1]);
		if (whom.pid != getppid())
			_exit(2);
		_exit(whom.uid == NOBODY && whom.gid == NOBODY ? 0 : 3);
	}
	EXPECT_EQ(0, wait_exit(child));
}

/* A process that a namespace does not contain has the number 0 there. */
TEST_F(namespaces, a_process_of_elsewhere_is_0)
{
	pid_t child;

	ASSERT_EQ(0, want_credentials(self->fd[1]));
	ASSERT_EQ(0, send_as(self->fd[0], NULL));
	child = fork_child(_metadata);
	if (!child) {
		struct ucred whom;
		pid_t inner;

		if (unshare(CLONE_NEWPID))
			_exit(1);
		inner = fork();
		if (inner)
			_exit(inner < 0 ? 2 : wait_exit(inner));
		whom = recv_from_whom(self->fd[1]);
		if (whom.pid || whom.uid)
			_exit(3);
		_exit(getpid() != 1 || send_as(self->fd[1], NULL));
	}
	EXPECT_EQ(0, wait_exit(child));
}

TEST_HARNESS_MAIN
