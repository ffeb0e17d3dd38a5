// SPDX-License-Identifier: GPL-2.0
/*
 * A hook of another module (selftests/modules/hook): it is asked about every
 * operation, refuses and drops, and pins its module while it is registered.
 */
#include <sys/syscall.h>

#include "qsock_fail.h"
#include "qsock_policy.h"

#define HOOK_KO		"/lib/modules/hook.ko"
#define HOOK_PARAMETERS	"/sys/module/hook/parameters/"

/* include/linux/qsock_hook.h */
enum {
	CREATE, BIND, LISTEN, CONNECT, ACCEPT, SENDMSG, RECVMSG, PASS_FILE,
	SHUTDOWN,
};

static int hook_set(const char *parameter, const char *value)
{
	char path[64];
	int fd, error = 0;

	snprintf(path, sizeof(path), HOOK_PARAMETERS "%s", parameter);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (write(fd, value, strlen(value)) < 0)
		error = errno;
	close(fd);
	return error;
}

static int hook_set_number(const char *parameter, long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", value);
	return hook_set(parameter, text);
}

static const char *hook_get(const char *parameter)
{
	static char text[512];
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), HOOK_PARAMETERS "%s", parameter);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n - 1 : 0] = '\0';
	close(fd);
	return text;
}

static long module_references(const char *name)
{
	char path[64], text[16] = "";
	int fd;

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		text[0] = '?';
	close(fd);
	return text[0] == '?' ? -1 : strtol(text, NULL, 10);
}

FIXTURE(policy_module)
{
	struct world world;
};

FIXTURE_SETUP(policy_module)
{
	const char *file = getenv("HOOK_KO") ?: HOOK_KO;
	int ko = open(file, O_RDONLY | O_CLOEXEC);

	REQUIRE_POLICY();
	if (ko < 0)
		SKIP(return, "there is no %s", file);
	ASSERT_EQ(0, syscall(SYS_finit_module, ko, "", 0)) {
		TH_LOG("cannot load %s: %s", file, strerror(errno));
	}
	close(ko);
	world_make(_metadata, &self->world, SOCK_STREAM);
	ASSERT_EQ(0, hook_set("on", "1"));
}

FIXTURE_TEARDOWN_PARENT(policy_module)
{
	hook_set("on", "0");
	syscall(SYS_delete_module, "hook", 0);
}

static operation_fn *const OPERATIONS[] = {
	[CREATE] = op_create,
	[BIND] = op_bind,
	[LISTEN] = op_listen,
	[CONNECT] = op_connect,
	[ACCEPT] = op_accept,
	[SENDMSG] = op_sendmsg,
	[RECVMSG] = op_recvmsg,
	[PASS_FILE] = op_pass_file,
	[SHUTDOWN] = op_shutdown,
};

TEST_F(policy_module, each_operation_is_refused)
{
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(OPERATIONS); i++) {
		ASSERT_EQ(0, hook_set_number("seen", 0));
		ASSERT_EQ(0, hook_set_number("operations", 1 << i));
		EXPECT_EQ(EPERM, OPERATIONS[i](&self->world)) {
			TH_LOG("operation %u", i);
		}
		EXPECT_TRUE(strtoul(hook_get("seen"), NULL, 10) & 1 << i);
	}
	ASSERT_EQ(0, hook_set_number("operations", 0));
	world_end(&self->world);
	world_make(_metadata, &self->world, SOCK_STREAM);
	for (i = 0; i < ARRAY_LEN(OPERATIONS); i++)
		EXPECT_EQ(0, OPERATIONS[i](&self->world));
}

/* A refusal that means to wait or to repeat would never end. */
TEST_F(policy_module, a_refusal_is_final)
{
	ASSERT_EQ(0, hook_set_number("operations", 1 << SENDMSG));
	ASSERT_EQ(0, hook_set_number("error", -EAGAIN));
	EXPECT_EQ(EACCES, op_sendmsg(&self->world));
	ASSERT_EQ(0, hook_set_number("error", -512));
	EXPECT_EQ(EACCES, op_sendmsg(&self->world));
	ASSERT_EQ(0, hook_set_number("error", -100000));
	EXPECT_ERRNO(EACCES, send(self->world.pair[0], "x", 1, 0));
	ASSERT_EQ(0, hook_set_number("error", 2));
	EXPECT_EQ(EACCES, op_sendmsg(&self->world));
}

TEST_F(policy_module, only_datagrams_are_dropped)
{
	char got[8];
	int fd[2];

	ASSERT_EQ(0, socketpair(qsock_family(), SOCK_DGRAM, 0, fd));
	ASSERT_EQ(0, hook_set_number("operations", 1 << SENDMSG));
	ASSERT_EQ(0, hook_set_number("error", 1));
	EXPECT_EQ(EACCES, op_sendmsg(&self->world));
	EXPECT_EQ(1, send(fd[0], "x", 1, 0));
	EXPECT_ERRNO(EAGAIN, recv(fd[1], got, 1, MSG_DONTWAIT));
	ASSERT_EQ(0, hook_set_number("operations", 1 << RECVMSG));
	EXPECT_ERRNO(EAGAIN, recv(fd[1], got, 1, MSG_DONTWAIT));
	EXPECT_EQ(EACCES, op_recvmsg(&self->world));
	close(fd[0]);
	close(fd[1]);
}

TEST_F(policy_module, what_it_is_told)
{
	struct test_addr a = raw_addr(qsock_family(), "\0a", 2);
	struct test_addr b = raw_addr(qsock_family(), "b", 2);
	int from = typed_bind(_metadata, SOCK_DGRAM, &a);
	int to = typed_bind(_metadata, SOCK_DGRAM, &b);
	char expected[256];

	ASSERT_EQ(0, setegid(5));
	EXPECT_EQ(5, sendto(from, "hello", 5, MSG_DONTWAIT, &b.sa, b.len));
	ASSERT_EQ(0, setegid(0));
	snprintf(expected, sizeof(expected),
		 "type=2 uid=0 gid=5 pid=%d peer=0:0 flags=40 files=0 len=5 head=hello name=\\0a peer_name=b",
		 getpid());
	EXPECT_STREQ(expected, hook_get("told"));
	close(from);
	close(to);
}

TEST_F(policy_module, it_comes_after_the_rules)
{
	ASSERT_EQ(0, hook_set_number("operations", 1 << SENDMSG));
	ASSERT_EQ(0, policy_load("deny:EIO sendmsg len=5\nallow *\n"));
	EXPECT_EQ(EIO, op_sendmsg(&self->world));
	EXPECT_ERRNO(EPERM, send(self->world.pair[0], "x", 1, 0));
	ASSERT_EQ(0, policy_load("\n"));
	EXPECT_EQ(EPERM, op_sendmsg(&self->world));
}

TEST_F(policy_module, it_pins_its_module)
{
	EXPECT_ERRNO(EAGAIN, syscall(SYS_delete_module, "hook", O_NONBLOCK));
	ASSERT_EQ(0, hook_set("on", "0"));
	EXPECT_EQ(0, syscall(SYS_delete_module, "hook", O_NONBLOCK));
	EXPECT_EQ(0, op_sendmsg(&self->world));
}

/*
 * Its struct may be gone once it is unregistered: whatever fails meanwhile, it is
 * asked no more, and its module is free.
 */
TEST_F(policy_module, it_is_unregistered_without_memory)
{
	unsigned int n, off = 0;
	bool taken = true;
	int nth, on;

	REQUIRE_FAULTS(nth);
	for (n = 1; taken && n < 200; n++) {
		ssize_t written;

		ASSERT_EQ(0, hook_set("on", "1"));
		on = open(HOOK_PARAMETERS "on", O_WRONLY | O_CLOEXEC);
		ASSERT_LE(0, on);
		ASSERT_TRUE(arm(nth, n));
		written = write(on, "0", 1);
		taken = disarm(nth);
		close(on);
		if (written != 1)
			continue;
		off += taken;
		ASSERT_EQ(0, hook_set_number("seen", 0));
		EXPECT_EQ(0, op_sendmsg(&self->world));
		EXPECT_STREQ("0", hook_get("seen"));
		EXPECT_EQ(0, module_references("hook")) {
			TH_LOG("chance %u", n);
		}
	}
	EXPECT_FALSE(taken);
	EXPECT_LT(0, off);
	close(nth);
}

TEST_HARNESS_MAIN
