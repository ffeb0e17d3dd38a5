// SPDX-License-Identifier: GPL-2.0
/*
 * The files in /sys/kernel/security/qsock: who may write them, what they take
 * and refuse, and that what is refused changes nothing.
 */
#include <sys/wait.h>

#include "qsock_policy.h"
#include "qsock_proc.h"

#define GOOD	"# a policy\ndeny sendmsg uid=12345\n"

FIXTURE(policy_control)
{
	int kmsg;
};

FIXTURE_SETUP(policy_control)
{
	REQUIRE_POLICY();
	self->kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (self->kmsg >= 0)
		lseek(self->kmsg, 0, SEEK_END);
	ASSERT_EQ(0, policy_load(GOOD));
}

FIXTURE_TEARDOWN_PARENT(policy_control)
{
	policy_unload();
}

TEST_F(policy_control, what_is_read_is_what_was_written)
{
	EXPECT_STREQ(GOOD, policy_read("policy"));
	EXPECT_STREQ("2 0\ndefault 0\n", policy_read("stats"));
	EXPECT_STREQ("1\n", policy_read("enforce"));
}

TEST_F(policy_control, a_policy_that_says_nothing_unloads)
{
	ASSERT_EQ(0, policy_load("# nothing\n"));
	EXPECT_STREQ("", policy_read("policy"));
	EXPECT_STREQ("", policy_read("stats"));
}

/* Whether the kernel's log says it since the test began. */
static bool log_says(int kmsg, const char *what)
{
	char line[1024];
	ssize_t n;

	for (;;) {
		n = read(kmsg, line, sizeof(line) - 1);
		if (n < 0 && errno == EPIPE)
			continue;
		if (n <= 0)
			return false;
		line[n] = '\0';
		if (strstr(line, what))
			return true;
	}
}

TEST_F(policy_control, a_mistake_is_refused_whole_and_told_where)
{
	EXPECT_EQ(EINVAL, policy_load("deny bind\n\n  deny send uid=0\n"));
	EXPECT_STREQ(GOOD, policy_read("policy"));
	if (self->kmsg >= 0)
		EXPECT_TRUE(log_says(self->kmsg, "qsock: policy:3:8: "));
}

TEST_F(policy_control, each_kind_of_mistake)
{
	static const char *const wrong[] = {
		"permit bind", "deny", "deny bound", "deny bind,", "deny bind uid",
		"deny bind uid=", "deny bind uid=x", "deny bind uid=4294967295",
		"deny bind uid=9-1", "deny bind peer=a", "deny bind len=1",
		"deny bind name=\"a", "deny bind name=\\q", "deny bind type=x",
		"deny:EAGAIN bind", "deny:EINTR bind", "drop bind",
		"drop sendmsg", "drop sendmsg type=stream", "default drop",
		"default deny uid=0", "default deny\ndefault deny",
		"deny bind uid=99999999999999999999999999", "deny bind\v",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(wrong); i++) {
		EXPECT_EQ(EINVAL, policy_load(wrong[i])) {
			TH_LOG("text number %u", i);
		}
	}
	/* A NUL is a control character like others. */
	EXPECT_EQ(EINVAL, policy_write("policy", "deny bind\0\n", 11));
	EXPECT_STREQ(GOOD, policy_read("policy"));
}

TEST_F(policy_control, a_policy_has_a_greatest_length)
{
	size_t size = (1 << 20) + 1;
	char *text = malloc(size);

	ASSERT_NE(NULL, text);
	memset(text, '\n', size);
	EXPECT_EQ(EFBIG, policy_write("policy", text, size));
	EXPECT_STREQ(GOOD, policy_read("policy"));
	memcpy(text, GOOD, strlen(GOOD));
	EXPECT_EQ(0, policy_write("policy", text, size - 1));
	EXPECT_EQ(size - 1, strlen(policy_read("policy")));
	free(text);
}

TEST_F(policy_control, the_greatest_number_of_rules)
{
	static const char rule[] = "deny *\n";
	size_t size = (1 << 20) / (sizeof(rule) - 1) * (sizeof(rule) - 1), at;
	char *text = malloc(size);

	ASSERT_NE(NULL, text);
	for (at = 0; at < size; at += sizeof(rule) - 1)
		memcpy(text + at, rule, sizeof(rule) - 1);
	EXPECT_EQ(0, policy_write("policy", text, size));
	EXPECT_EQ(-1, socket(qsock_family(), SOCK_STREAM, 0));
	EXPECT_EQ(1, policy_hits("1"));
	free(text);
}

/* Another write to an open file would be another policy's second half. */
TEST_F(policy_control, a_policy_comes_in_one_call)
{
	int fd = policy_open("policy", O_WRONLY);

	ASSERT_LE(0, fd);
	EXPECT_EQ(10, write(fd, "deny bind\n", 10));
	EXPECT_EQ(10, pwrite(fd, "deny bind\n", 10, 0));
	EXPECT_ERRNO(EINVAL, pwrite(fd, "deny bind\n", 10, 10));
	close(fd);
	EXPECT_STREQ("deny bind\n", policy_read("policy"));
}

TEST_F(policy_control, bad_memory_is_efault)
{
	int fd = policy_open("policy", O_WRONLY);

	ASSERT_LE(0, fd);
	EXPECT_ERRNO(EFAULT, write(fd, nowhere(), 10));
	close(fd);
	EXPECT_STREQ(GOOD, policy_read("policy"));
}

TEST_F(policy_control, enforce_is_0_or_1)
{
	EXPECT_EQ(EINVAL, policy_enforce("2"));
	EXPECT_EQ(EINVAL, policy_enforce("\n"));
	EXPECT_EQ(EFBIG, policy_enforce("1\n\n"));
	EXPECT_EQ(0, policy_enforce("0\n"));
	EXPECT_STREQ("0\n", policy_read("enforce"));
	EXPECT_EQ(0, policy_enforce("1"));
}

TEST_F(policy_control, stats_cannot_be_written)
{
	int fd = policy_open("stats", O_WRONLY);

	/* Root may open what its mode forbids. */
	if (fd >= 0)
		EXPECT_EQ(-1, write(fd, "0", 1));
	close_open(&fd);
}

static void without_mac_admin(struct __test_metadata *_metadata, bool userns)
{
	int status, fd = policy_open("policy", O_WRONLY);
	pid_t child;

	ASSERT_LE(0, fd);
	child = fork();
	if (!child) {
		if (userns ? unshare(CLONE_NEWUSER) : !drop_to(1000, 1000))
			_exit(99);
		/* It may not open the file, nor use one that root opened. */
		if (policy_open("policy", O_WRONLY) >= 0)
			_exit(1);
		if (write(fd, "deny *\n", 7) != -1 || errno != EPERM)
			_exit(2);
		_exit(0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	close(fd);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 99 && userns)
		SKIP(return, "this kernel makes no user namespaces");
	EXPECT_EQ(0, status);
	EXPECT_STREQ(GOOD, policy_read("policy"));
}

TEST_F(policy_control, a_user_may_not_write)
{
	without_mac_admin(_metadata, false);
}

TEST_F(policy_control, root_of_a_user_namespace_may_not_write)
{
	without_mac_admin(_metadata, true);
}

TEST_HARNESS_MAIN
