// SPDX-License-Identifier: GPL-2.0
/*
 * What the rules cannot judge: it does not happen while they are enforced, and
 * goes on while they only tell; and it is told either way.
 */
#include <sched.h>
#include <sys/mount.h>

#include "qsock_audit.h"
#include "qsock_fail.h"
#include "qsock_policy.h"
#include "qsock_proc.h"

/* Together longer than any path that is shown. */
#define DEPTH	21
#define NAME	"0123456789012345678901234567890123456789012345678901234567890123456789" \
		"0123456789012345678901234567890123456789012345678901234567890123456789" \
		"0123456789012345678901234567890123456789012345678901234567890123456789"

FIXTURE(policy_limits)
{
	int fd[2];
	char mount[64];
	int audit;
};

FIXTURE_SETUP(policy_limits)
{
	REQUIRE_POLICY();
	ASSERT_EQ(0, socketpair(qsock_family(), SOCK_STREAM, 0, self->fd));
	/* From here on a send takes no memory of its own. */
	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	self->audit = audit_open(_metadata);
	strcpy(self->mount, "/tmp/qsock-groups-XXXXXX");
}

FIXTURE_TEARDOWN_PARENT(policy_limits)
{
	policy_unload();
}

/* Into the innermost of many groups; false if there can be none. */
static bool go_down(const char *mount)
{
	int depth, fd;

	if (chdir(mount))
		return false;
	for (depth = 0; depth < DEPTH; depth++)
		if (mkdir(NAME, 0700) || chdir(NAME))
			return false;
	fd = open("cgroup.procs", O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, "0", 1) == 1 && !close(fd);
}

static void remove_groups(const char *mount)
{
	int depth;

	if (chdir(mount))
		return;
	for (depth = 0; depth < DEPTH && !chdir(NAME); depth++)
		;
	while (depth-- && !chdir(".."))
		rmdir(NAME);
}

/* 0 or the errno. */
static int send_byte(int fd)
{
	return send(fd, "x", 1, MSG_DONTWAIT) < 0 ? errno : 0;
}

/*
 * Whether a record that no rule decided has these fields, where there are records.
 * Their number is limited: it is tried for as long as that lasts.
 */
static bool is_told(FIXTURE_DATA(policy_limits) *self, const char *fields)
{
	const char *record;
	int i;

	for (i = 0; self->audit >= 0 && i < 30; i++) {
		send_byte(self->fd[0]);
		while ((record = audit_next(self->audit, " line=0 ", 300)))
			if (strstr(record, fields))
				return true;
	}
	return self->audit < 0;
}

/* What a send returns, and whether it is told so. */
struct answers {
	int enforced;
	int permissive;
	bool enforced_told;
	bool permissive_told;
};

static bool answers_below(FIXTURE_DATA(policy_limits) *self,
			  struct answers *answers)
{
	if (!go_down(self->mount))
		return false;
	answers->enforced = send_byte(self->fd[0]);
	answers->enforced_told = is_told(self, " permissive=0 errno=36 ");
	if (policy_enforce("0"))
		return false;
	answers->permissive = send_byte(self->fd[0]);
	answers->permissive_told = is_told(self, " permissive=1 errno=36 ");
	return !policy_enforce("1");
}

TEST_F(policy_limits, a_group_that_is_too_deep_to_be_named)
{
	struct answers answers = {};
	int result[2], status;
	pid_t child;

	/* A mount of its own, which ends with the test. */
	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ASSERT_NE(NULL, mkdtemp(self->mount));
	if (mount("cgroup2", self->mount, "cgroup2", 0, NULL)) {
		rmdir(self->mount);
		SKIP(return, "there are no control groups");
	}
	ASSERT_EQ(0, pipe(result));
	ASSERT_EQ(0, policy_load("deny sendmsg cgroup=/nowhere/*\n"));
	child = fork();
	if (!child) {
		if (!answers_below(self, &answers))
			_exit(1);
		_exit(write(result[1], &answers, sizeof(answers)) !=
		      sizeof(answers));
	}
	status = wait_exit(child);
	remove_groups(self->mount);
	chdir("/");
	umount2(self->mount, MNT_DETACH);
	rmdir(self->mount);
	ASSERT_EQ(0, status);
	ASSERT_EQ(sizeof(answers), read(result[0], &answers, sizeof(answers)));
	close(result[0]);
	close(result[1]);
	EXPECT_EQ(ENAMETOOLONG, answers.enforced);
	EXPECT_TRUE(answers.enforced_told);
	EXPECT_EQ(0, answers.permissive);
	EXPECT_TRUE(answers.permissive_told);
	/* No rule decided, and no default. */
	EXPECT_EQ(0, policy_hits("1"));
	EXPECT_EQ(0, policy_hits("default"));
}

/* Sends under each chance to fail; how many failed for want of memory. */
static int send_without_memory(struct __test_metadata *_metadata, int fd[2])
{
	unsigned int n, without = 0;
	bool taken = true;
	char got[8];
	int nth;

	nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, nth);
	for (n = 1; taken && n < 200; n++) {
		ssize_t sent;

		ASSERT_TRUE(arm(nth, n));
		sent = send(fd[0], "x", 1, MSG_DONTWAIT);
		taken = disarm(nth);
		if (sent < 0) {
			/* Copies fail too. */
			ASSERT_TRUE(errno == ENOMEM || errno == EFAULT) {
				TH_LOG("chance %u: %s", n, strerror(errno));
			}
			without += errno == ENOMEM;
			continue;
		}
		ASSERT_LT(0, recv(fd[1], got, sizeof(got), MSG_DONTWAIT));
	}
	EXPECT_FALSE(taken);
	close(nth);
	return without;
}

TEST_F(policy_limits, no_memory_to_find_out_who_acts)
{
	int nth;

	REQUIRE_FAULTS(nth);
	close(nth);
	ASSERT_EQ(0, policy_load("deny sendmsg exe=/nowhere/*\n"));
	EXPECT_LT(0, send_without_memory(_metadata, self->fd));
	ASSERT_EQ(0, policy_enforce("0"));
	EXPECT_EQ(0, send_without_memory(_metadata, self->fd));
}

TEST_HARNESS_MAIN
