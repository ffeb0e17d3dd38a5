// SPDX-License-Identifier: GPL-2.0
/*
 * Memory cgroups: what a process queues is its own memory, a small limit ends
 * its sending and nothing else, and the memory comes back.
 */
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_types.h"

#define MIB		(1L << 20)
#define LIMIT		(16 * MIB)
#define QUEUED		(6 * MIB)
/* What the kernel charges ahead and gives back later, per processor. */
#define SLACK		(2 * MIB)
#define CHUNK		4096
#define PAIRS		256

FIXTURE(cgroup_limit)
{
	int family;
	int group;	/* the directory of the group */
	char mount[64];
	char path[128];
};

FIXTURE_VARIANT(cgroup_limit)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(cgroup_limit);

static bool write_at(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == strlen(text);

	close(fd);
	return ok;
}

static bool read_at(int dir, const char *name, char *text, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n >= 0;
}

/* The number after @key in a file of the group; -1: it is not there. */
static long group_number(int group, const char *file, const char *key)
{
	char text[1024], *at = text;

	if (!read_at(group, file, text, sizeof(text)))
		return -1;
	if (*key)
		at = strstr(text, key);
	return at ? strtol(at + strlen(key), NULL, 10) : -1;
}

static long current_memory(int group)
{
	return group_number(group, "memory.current", "");
}

FIXTURE_SETUP(cgroup_limit)
{
	char text[1024], limit[32];
	int root;

	self->group = -1;
	self->mount[0] = '\0';
	self->path[0] = '\0';
	REQUIRE_FAMILY(variant);
	if (geteuid())
		SKIP(return, "needs root, to make a cgroup");
	self->family = test_family(variant->qsock);
	/* A mount of its own, which ends with the test. */
	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	snprintf(self->mount, sizeof(self->mount), "/tmp/qsock.%d", getpid());
	ASSERT_EQ(0, mkdir(self->mount, 0700));
	if (mount("cgroup2", self->mount, "cgroup2", 0, NULL))
		SKIP(return, "there is no cgroup2: %s", strerror(errno));
	root = open(self->mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ASSERT_LE(0, root);
	ASSERT_TRUE(read_at(root, "cgroup.controllers", text, sizeof(text)));
	if (!strstr(text, "memory"))
		SKIP(return, "cgroup2 does not control memory");
	if (!write_at(root, "cgroup.subtree_control", "+memory"))
		SKIP(return, "cgroup2: %s", strerror(errno));
	close(root);
	snprintf(self->path, sizeof(self->path), "%s/qsock.%d", self->mount,
		 getpid());
	ASSERT_EQ(0, mkdir(self->path, 0700));
	self->group = open(self->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ASSERT_LE(0, self->group);
	snprintf(limit, sizeof(limit), "%ld", LIMIT);
	ASSERT_TRUE(write_at(self->group, "memory.max", limit));
	/* There may be no swap to limit. */
	write_at(self->group, "memory.swap.max", "0");
}

FIXTURE_TEARDOWN(cgroup_limit)
{
	long deadline = now_ms() + WAIT_MS;

	close_open(&self->group);
	while (self->path[0] && rmdir(self->path) && errno == EBUSY &&
	       now_ms() < deadline)
		pause_ms(10);
	if (self->mount[0]) {
		umount(self->mount);
		rmdir(self->mount);
	}
}

/*
 * Fill one queue after another, as far as @limit; all sockets stay open.
 * @queued has the bytes so far. 0 or the errno of what ended it.
 */
static int queue_bytes(int family, int type, long limit, volatile long *queued)
{
	static char data[CHUNK];
	int buffer = 2 * MIB, fd[2], i;

	for (i = 0; i < PAIRS && *queued < limit; i++) {
		if (socketpair(family, type, 0, fd))
			return errno;
		/* Root may have more than is usual. */
		setsockopt(fd[0], SOL_SOCKET, SO_SNDBUFFORCE, &buffer,
			   sizeof(buffer));
		while (*queued < limit) {
			ssize_t n = send(fd[0], data, sizeof(data),
					 MSG_DONTWAIT);

			if (n < 0 && errno == EAGAIN)
				break;
			if (n < 0)
				return errno;
			*queued += n;
		}
	}
	return *queued < limit ? EAGAIN : 0;
}

/* Wait until the group has no more than @memory; what it has. */
static long settled_memory(int group, long memory)
{
	long deadline = now_ms() + WAIT_MS;

	while (current_memory(group) > memory && now_ms() < deadline)
		pause_ms(20);
	return current_memory(group);
}

TEST_F(cgroup_limit, what_is_queued_is_charged_and_comes_back)
{
	volatile long *queued = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int to_child[2], from_child[2];
	long before, full;
	pid_t child;

	ASSERT_NE(MAP_FAILED, queued);
	ASSERT_EQ(0, pipe(to_child));
	ASSERT_EQ(0, pipe(from_child));
	child = fork_child(_metadata);
	if (!child) {
		if (!write_at(self->group, "cgroup.procs", "0"))
			_exit(1);
		/* All that it needs for itself, before it is measured. */
		queue_bytes(self->family, variant->type, 1, queued);
		*queued = 0;
		if (!tell(from_child[1]) || !await(to_child[0]))
			_exit(2);
		if (queue_bytes(self->family, variant->type, QUEUED, queued))
			_exit(3);
		if (!tell(from_child[1]) || !await(to_child[0]))
			_exit(4);
		/* It lives on, without the sockets. */
		if (syscall(SYS_close_range, from_child[1] + 1, ~0U, 0))
			_exit(5);
		if (!tell(from_child[1]))
			_exit(6);
		pause();
	}
	/* Should it end early, nobody is to be waited for. */
	close(from_child[1]);
	ASSERT_TRUE(await(from_child[0]));
	before = current_memory(self->group);
	ASSERT_LT(0, before);
	ASSERT_TRUE(tell(to_child[1]));
	ASSERT_TRUE(await(from_child[0]));
	full = current_memory(self->group);
	EXPECT_LE(QUEUED, *queued);
	EXPECT_LE(before + *queued, full);
	ASSERT_TRUE(tell(to_child[1]));
	ASSERT_TRUE(await(from_child[0]));
	EXPECT_GE(before + SLACK, settled_memory(self->group, before + SLACK));
	kill(child, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, wait_exit(child));
	/* Nobody was in need of anything. */
	EXPECT_EQ(0, group_number(self->group, "memory.events", "oom_kill "));
}

/*
 * The kernel tells of a group that has no memory as it tells of trouble. It
 * is expected here: keep warnings off the console meanwhile, not errors.
 */
static int quiet_console(int level)
{
	char text[32] = {};
	int fd = open("/proc/sys/kernel/printk", O_RDONLY | O_CLOEXEC);

	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	klogctl(8 /* SYSLOG_ACTION_CONSOLE_LEVEL */, NULL, level);
	return atoi(text);
}

TEST_F(cgroup_limit, the_limit_ends_the_sender_and_nobody_else)
{
	volatile long *queued = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int level, status, fd[2];
	pid_t child;

	ASSERT_NE(MAP_FAILED, queued);
	level = quiet_console(4);
	child = fork_child(_metadata);
	if (!child) {
		if (!write_at(self->group, "cgroup.procs", "0"))
			_exit(0);
		_exit(queue_bytes(self->family, variant->type, 4 * LIMIT,
				  queued));
	}
	status = wait_exit(child);
	/* What the kernel said may come to the console a little later. */
	pause_ms(500);
	quiet_console(level);

	/* An errno for no memory; or the end, which is the group's alone. */
	if (status == 128 + SIGKILL) {
		EXPECT_LE(1, group_number(self->group, "memory.events",
					  "oom_kill "));
	} else {
		EXPECT_TRUE(status == ENOBUFS || status == ENOMEM) {
			TH_LOG("it ended with %d", status);
		}
	}
	/* It got somewhere, and not beyond. */
	EXPECT_LT(LIMIT / 16, *queued);
	EXPECT_GT(LIMIT, *queued);
	EXPECT_GE(SLACK, settled_memory(self->group, SLACK));

	ASSERT_EQ(0, socketpair(self->family, variant->type, 0, fd));
	EXPECT_LT(0, fill_queue(fd[0], CHUNK));
	EXPECT_LT(0, drain_queue(fd[1]));
	close(fd[0]);
	close(fd[1]);
}

TEST_HARNESS_MAIN
