// SPDX-License-Identifier: GPL-2.0
/*
 * Eight processes replace the policy ten thousand times while others send: an
 * operation sees one policy or the other, never a mixture and never none.
 */
#include <sys/prctl.h>
#include <sys/wait.h>

#include "qsock_policy.h"
#include "qsock_proc.h"

enum { WRITERS = 8, REPLACEMENTS = 10000, SENDERS = 2, RULES = 4 };

/* Where all is dear, as many as there is time for. */
#define ENOUGH_MS	60000

FIXTURE(policy_replace)
{
	char *text[2];
};

FIXTURE_SETUP(policy_replace)
{
	unsigned int i, which;
	size_t len;

	REQUIRE_POLICY();
	/*
	 * Each has its own errno for each operation, at the end of rules that do
	 * not match; a mixture would let one pass, or give a third errno.
	 */
	for (which = 0; which < 2; which++) {
		FILE *file = open_memstream(&self->text[which], &len);

		ASSERT_NE(NULL, file);
		for (i = 0; i < RULES * (which + 1); i++)
			fprintf(file, "allow sendmsg uid=%u peer=@x%u%s\n",
				1000 + i, i, i % 2 ? "*" : "");
		fprintf(file, "deny:%s sendmsg len=1\n",
			which ? "EPERM" : "EIO");
		fprintf(file, "deny:%s sendmsg len=2\n",
			which ? "EIO" : "EPERM");
		fclose(file);
	}
	ASSERT_EQ(0, policy_load(self->text[0]));
}

FIXTURE_TEARDOWN_PARENT(policy_replace)
{
	policy_unload();
}

/* Send until killed; leave when a verdict is neither policy's. */
static void send_forever(int fd, int type)
{
	unsigned long n;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (n = 0;; n++) {
		if (send(fd, "xx", 1 + n % 2, MSG_DONTWAIT) >= 0)
			_exit(1 + type);
		if (errno != EPERM && errno != EIO)
			_exit(100 + errno);
	}
}

/* Each policy is compiled, and waits for readers. */
TEST_F_TIMEOUT(policy_replace, no_verdict_is_of_neither_policy, 580)
{
	static const int types[SENDERS] = { SOCK_STREAM, SOCK_DGRAM };
	unsigned int each = REPLACEMENTS / WRITERS / work_divisor(), i, n;
	pid_t sender[SENDERS], writer[WRITERS];
	bool hurry = work_divisor() > 1;
	long deadline = now_ms() + ENOUGH_MS;
	int fd[2], status;

	for (i = 0; i < SENDERS; i++) {
		ASSERT_EQ(0, socketpair(qsock_family(), types[i], 0, fd));
		sender[i] = fork();
		if (!sender[i])
			send_forever(fd[0], types[i]);
	}
	for (i = 0; i < WRITERS; i++) {
		writer[i] = fork();
		if (writer[i])
			continue;
		for (n = 0; n < each && !(hurry && now_ms() > deadline); n++)
			if (policy_load(self->text[(n + i) % 2]))
				_exit(1);
		_exit(0);
	}
	for (i = 0; i < WRITERS; i++) {
		ASSERT_EQ(writer[i], waitpid(writer[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	for (i = 0; i < SENDERS; i++) {
		kill(sender[i], SIGKILL);
		ASSERT_EQ(sender[i], waitpid(sender[i], &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status)) {
			TH_LOG("sender %u left with %d", i, WEXITSTATUS(status));
		}
	}
}

TEST_HARNESS_MAIN
