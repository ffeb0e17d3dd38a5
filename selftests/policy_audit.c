// SPDX-License-Identifier: GPL-2.0
/*
 * What the policy tells the audit subsystem, as whoever listens there sees it.
 */
#include <sys/wait.h>

#include "qsock_audit.h"
#include "qsock_policy.h"

FIXTURE(policy_audit)
{
	int audit;
	int fd[2];
};

FIXTURE_SETUP(policy_audit)
{
	REQUIRE_POLICY();
	self->audit = audit_open(_metadata);
	if (self->audit < 0)
		SKIP(return, "this kernel does not audit");
	ASSERT_EQ(0, socketpair(qsock_family(), SOCK_STREAM, 0, self->fd));
}

FIXTURE_TEARDOWN_PARENT(policy_audit)
{
	policy_unload();
}

/* The next record of what the rules decide. */
static const char *next_record(int audit, int ms)
{
	return audit_next(audit, " op=\"sendmsg\"", ms);
}

/*
 * The record that a send of @len bytes makes. Others may have been written just
 * now, and their number is limited: it is tried for as long as that lasts.
 */
static const char *record_of_send(int audit, int fd, size_t len)
{
	const char *record;
	char wanted[32];
	int i;

	snprintf(wanted, sizeof(wanted), " len=%zu ", len);
	for (i = 0; i < 30; i++) {
		send(fd, "0123456789abcdef", len, MSG_DONTWAIT);
		while ((record = next_record(audit, 300)))
			if (strstr(record, wanted))
				return record;
	}
	return NULL;
}

/* Whether a record has a field; if not, it is shown. */
static bool has(struct __test_metadata *_metadata, const char *record,
		const char *field)
{
	if (strstr(record, field))
		return true;
	TH_LOG("no %s in %s", field, record);
	return false;
}

TEST_F(policy_audit, a_denial_is_told)
{
	const char *record;
	char pid[32];

	ASSERT_EQ(0, policy_load("# line 1\ndeny:EIO sendmsg uid=0\n"));
	record = record_of_send(self->audit, self->fd[0], 7);
	ASSERT_NE(NULL, record);
	EXPECT_TRUE(has(_metadata, record, "qsock=denied op=\"sendmsg\" line=2 "));
	EXPECT_TRUE(has(_metadata, record, " permissive=0 errno=5 type=1 netns="));
	EXPECT_TRUE(has(_metadata, record, " len=7 files=0 peer-uid=0 peer-gid=0 "));
	snprintf(pid, sizeof(pid), " pid=%d uid=0 gid=0 ", getpid());
	EXPECT_TRUE(has(_metadata, record, pid));
	EXPECT_TRUE(has(_metadata, record, " exe=\""));
	EXPECT_TRUE(has(_metadata, record, "policy_audit\""));
}

TEST_F(policy_audit, what_is_not_enforced_is_told_so)
{
	const char *record;

	ASSERT_EQ(0, policy_load("deny sendmsg\n"));
	ASSERT_EQ(0, policy_enforce("0"));
	record = record_of_send(self->audit, self->fd[0], 6);
	ASSERT_NE(NULL, record);
	EXPECT_TRUE(has(_metadata, record, "qsock=denied "));
	EXPECT_TRUE(has(_metadata, record, " permissive=1 "));
}

TEST_F(policy_audit, an_allow_is_told_where_that_is_asked_for)
{
	const char *record;

	ASSERT_EQ(0, policy_load("allow audit sendmsg len=5\n"));
	record = record_of_send(self->audit, self->fd[0], 5);
	ASSERT_NE(NULL, record);
	EXPECT_TRUE(has(_metadata, record, "qsock=allowed "));

	ASSERT_EQ(0, policy_load("allow sendmsg len=4\n"));
	EXPECT_EQ(4, send(self->fd[0], "4444", 4, 0));
	EXPECT_EQ(NULL, next_record(self->audit, 300));
}

/* A name must not pass for other fields, or other records. */
TEST_F(policy_audit, a_name_cannot_forge_a_record)
{
	static const char name[] = "x\" uid=1\nqsock=allowed";
	struct test_addr addr = raw_addr(qsock_family(), name, sizeof(name));
	int from = typed_socket(_metadata, qsock_family(), SOCK_DGRAM);
	int to = typed_bind(_metadata, SOCK_DGRAM, &addr);
	const char *record;

	ASSERT_EQ(0, policy_load("deny sendmsg len=3\n"));
	ASSERT_EQ(0, connect(from, &addr.sa, addr.len));
	record = record_of_send(self->audit, from, 3);
	ASSERT_NE(NULL, record);
	EXPECT_TRUE(has(_metadata, record, " peer=78222075"));
	EXPECT_EQ(NULL, strchr(record, '\n'));
	EXPECT_EQ(NULL, strstr(record, "uid=1 "));
	close(from);
	close(to);
}

TEST_F(policy_audit, nobody_can_fill_the_log)
{
	unsigned int i, told = 0;

	ASSERT_EQ(0, policy_load("deny sendmsg\n"));
	for (i = 0; i < 1000; i++)
		ASSERT_EQ(-1, send(self->fd[0], "x", 1, 0));
	while (next_record(self->audit, 300))
		told++;
	/* Two intervals at most, unless this machine is very slow. */
	EXPECT_GE(300, told);
	EXPECT_LE(1000, policy_hits("1"));
}

/* The next records, which are counted; returns how many they say were none. */
static unsigned long read_untold(int audit, int ms, unsigned int *told)
{
	unsigned long untold = 0;
	const char *record, *at;

	while ((record = next_record(audit, ms))) {
		(*told)++;
		at = strstr(record, " suppressed=");
		if (at)
			untold += strtoul(at + strlen(" suppressed="), NULL, 10);
	}
	return untold;
}

TEST_F(policy_audit, what_was_not_told_is_counted)
{
	unsigned int sent = 0, told = 0, i;
	unsigned long untold = 0;

	ASSERT_EQ(0, policy_load("deny sendmsg\n"));
	/* What was not told before is in this one. */
	ASSERT_NE(NULL, record_of_send(self->audit, self->fd[0], 7));
	while (next_record(self->audit, 300))
		;
	for (; sent < 200; sent++)
		ASSERT_EQ(-1, send(self->fd[0], "x", 1, 0));
	untold = read_untold(self->audit, 300, &told);
	for (i = 0; !untold && i < 40; i++, sent++) {
		ASSERT_EQ(-1, send(self->fd[0], "x", 1, 0));
		untold = read_untold(self->audit, 300, &told);
	}
	EXPECT_LE(100, untold);
	EXPECT_EQ(sent, told + untold);
}

/* The record of a change, or of an attempt, that begins so. */
static const char *record_of_change(int audit, const char *fields)
{
	char text[128];

	snprintf(text, sizeof(text), "qsock=config op=%s ", fields);
	return audit_next(audit, text, 2000);
}

static bool ends_with(const char *record, const char *end)
{
	size_t len = strlen(record), n = strlen(end);

	return len >= n && !strcmp(record + len - n, end);
}

TEST_F(policy_audit, a_load_is_told)
{
	const char *record;
	char pid[32];

	ASSERT_EQ(0, policy_load("deny bind uid=1\ndefault allow create\n"
				 "default allow bind,listen # both\n"));
	record = record_of_change(self->audit,
				  "\"policy_load\" rules=3 old-rules=0");
	ASSERT_NE(NULL, record);
	snprintf(pid, sizeof(pid), " pid=%d auid=", getpid());
	EXPECT_TRUE(has(_metadata, record, pid));
	EXPECT_TRUE(has(_metadata, record, " uid=0 "));
	EXPECT_TRUE(has(_metadata, record, " ses="));
	EXPECT_TRUE(has(_metadata, record, " comm=\"policy_audit\" exe=\""));
	EXPECT_TRUE(ends_with(record, " res=1"));

	/* Another, and none. */
	ASSERT_EQ(0, policy_load("allow bind uid=1\n"));
	record = record_of_change(self->audit,
				  "\"policy_load\" rules=1 old-rules=3");
	EXPECT_NE(NULL, record);
	ASSERT_EQ(0, policy_load("\n"));
	record = record_of_change(self->audit,
				  "\"policy_load\" rules=0 old-rules=1");
	EXPECT_NE(NULL, record);
}

TEST_F(policy_audit, a_refused_load_is_told)
{
	const char *record;

	ASSERT_EQ(EINVAL, policy_load("permit bind\n"));
	record = record_of_change(self->audit, "\"policy_load\" errno=22");
	ASSERT_NE(NULL, record);
	EXPECT_TRUE(ends_with(record, " res=0"));
	EXPECT_EQ(NULL, strstr(record, "rules="));
}

/* Who may not is told as others are whom the rules refuse. */
TEST_F(policy_audit, who_may_not_load_is_told)
{
	const char *record = NULL;
	int i, status, fd = policy_open("policy", O_WRONLY);
	char who[64];
	pid_t child;

	ASSERT_LE(0, fd);
	/* Their number is limited too. */
	for (i = 0; !record && i < 5; i++) {
		child = fork();
		ASSERT_LE(0, child);
		if (!child) {
			if (!drop_to(1000, 1000))
				_exit(1);
			_exit(write(fd, "deny *\n", 7) != -1 || errno != EPERM);
		}
		ASSERT_EQ(child, waitpid(child, &status, 0));
		ASSERT_EQ(0, status);
		record = record_of_change(self->audit,
					  "\"policy_load\" errno=1");
	}
	ASSERT_NE(NULL, record);
	snprintf(who, sizeof(who), " pid=%d ", child);
	EXPECT_TRUE(has(_metadata, record, who));
	EXPECT_TRUE(has(_metadata, record, " uid=1000 gid=1000 "));
	EXPECT_TRUE(ends_with(record, " res=0"));
	close(fd);
}

TEST_F(policy_audit, a_change_of_enforcement_is_told)
{
	const char *record;

	ASSERT_EQ(0, policy_enforce("0"));
	record = record_of_change(self->audit,
				  "\"policy_enforce\" enforce=0 old-enforce=1");
	ASSERT_NE(NULL, record);
	EXPECT_TRUE(ends_with(record, " res=1"));
	/* This changes nothing. */
	ASSERT_EQ(0, policy_enforce("0\n"));
	ASSERT_EQ(EINVAL, policy_enforce("2"));
	record = audit_next(self->audit, "op=\"policy_enforce\"", 2000);
	ASSERT_NE(NULL, record);
	EXPECT_TRUE(has(_metadata, record, "\"policy_enforce\" errno=22 "));
	EXPECT_TRUE(ends_with(record, " res=0"));
	ASSERT_EQ(0, policy_enforce("1"));
	record = record_of_change(self->audit,
				  "\"policy_enforce\" enforce=1 old-enforce=0");
	EXPECT_NE(NULL, record);
}

TEST_HARNESS_MAIN
