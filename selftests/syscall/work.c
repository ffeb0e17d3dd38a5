// SPDX-License-Identifier: GPL-2.0
/*
 * Work at the entry, before the table is looked at: a seccomp filter answers a
 * recvfrom(), and a tracer changes its number, arguments or result.
 */
#include "syscall_test.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>

#if defined(__x86_64__)
#define ARCH	AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define ARCH	AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define ARCH	AUDIT_ARCH_AARCH64
#else
#define ARCH	AUDIT_ARCH_ARM
#endif

#define SYSCALL_STOP	(SIGTRAP | 0x80)

FIXTURE(work)
{
	int fd[2];
	long nr;
};

FIXTURE_VARIANT(work)
{
	struct how how;
};

CALL_VARIANTS(work);

FIXTURE_SETUP(work)
{
	self->nr = __NR_recvfrom;
	if (variant->how.entry->socketcall)
		self->nr = NR_SOCKETCALL;
	open_pair(_metadata, &variant->how, self->fd);
	ASSERT_EQ(7, send_nul(&variant->how, self->fd[0], "message", 7, 0));
}

FIXTURE_TEARDOWN(work)
{
	close(self->fd[0]);
	close(self->fd[1]);
}

/* Answers call @nr with @action; a descriptor if it is to notify, or 0. */
static int filter(long nr, unsigned int action)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {
		.len = ARRAY_SIZE(code),
		.filter = code,
	};
	bool notify = action == SECCOMP_RET_USER_NOTIF;

	if (prctl(38 /* PR_SET_NO_NEW_PRIVS */, 1, 0, 0, 0))
		return -1;
	return syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER,
		       notify ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0, &program);
}

TEST_F(work, seccomp_returns_an_errno)
{
	const struct how *h = &variant->how;
	char bytes[8];
	int child = fork();

	ASSERT_LE(0, child);
	if (!child) {
		if (filter(self->nr, SECCOMP_RET_ERRNO | EUCLEAN))
			_exit(1);
		_exit(recv_nul(h, self->fd[1], bytes, 8, 0) != -EUCLEAN);
	}
	EXPECT_EQ(0, end_of(child));
	/* The family never saw it. */
	EXPECT_EQ(7, recv_nul(h, self->fd[1], bytes, 8, MSG_DONTWAIT));
}

TEST_F(work, seccomp_kills)
{
	const struct how *h = &variant->how;
	char bytes[8];
	int child = fork(), status;

	ASSERT_LE(0, child);
	if (!child) {
		if (filter(self->nr, SECCOMP_RET_KILL_PROCESS))
			_exit(1);
		_exit(recv_nul(h, self->fd[1], bytes, 8, 0) == 7 ? 2 : 3);
	}
	status = end_of(child);
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(31 /* SIGSYS */, WTERMSIG(status));
	EXPECT_EQ(7, recv_nul(h, self->fd[1], bytes, 8, MSG_DONTWAIT));
}

/* A supervisor answers for the kernel, or lets the call go on. */
TEST_F(work, seccomp_notifies)
{
	const struct how *h = &variant->how;
	static const struct {
		int error;
		long long value;
		unsigned int flags;
		long long expected;
	} answers[] = {
		{ .error = -EUCLEAN, .expected = -EUCLEAN },
		{ .value = 42, .expected = 42 },
		{ .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE, .expected = 7 },
	};
	char bytes[8];
	int listener = filter(self->nr, SECCOMP_RET_USER_NOTIF);
	unsigned int i;

	ASSERT_LT(0, listener);
	for (i = 0; i < ARRAY_SIZE(answers); i++) {
		struct seccomp_notif call = { 0 };
		struct seccomp_notif_resp answer = { 0 };
		int child = fork();

		ASSERT_LE(0, child);
		if (!child)
			_exit(recv_nul(h, self->fd[1], bytes, 8, 0) !=
			      answers[i].expected);
		ASSERT_EQ(0, ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call));
		EXPECT_EQ(child, (int)call.pid);
		EXPECT_EQ((int)self->nr, call.data.nr);
		EXPECT_EQ(ARCH, call.data.arch);
		EXPECT_EQ(h->entry->socketcall ? SYS_RECVFROM : self->fd[1],
			  (int)call.data.args[0]);
		if (!h->entry->socketcall)
			EXPECT_EQ(P(bytes), call.data.args[1]);
		answer.id = call.id;
		answer.error = answers[i].error;
		answer.val = answers[i].value;
		answer.flags = answers[i].flags;
		ASSERT_EQ(0, ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer));
		EXPECT_EQ(0, end_of(child));
	}
}

static long trace(int request, int pid, void *addr, void *data)
{
	return syscall(__NR_ptrace, request, pid, addr, data);
}

/* A child that waits to be traced, and then calls @nr or recvfrom(). */
static int tracee(struct __test_metadata *_metadata, const struct how *h,
		  long nr, int fd, char *bytes, long long expected)
{
	int child = fork(), status;
	long long result;

	if (!child) {
		trace(PTRACE_TRACEME, 0, NULL, NULL);
		kill(getpid(), SIGSTOP);
		if (nr < 0)
			result = OTHER(h, nr, N(fd), P(bytes), N(8), N(0), N(0),
				       N(0));
		else
			result = recv_nul(h, fd, bytes, 8, MSG_DONTWAIT);
		_exit(result != expected);
	}
	status = end_of(child);
	ASSERT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(0, trace(PTRACE_SETOPTIONS, child, NULL,
			   (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)));
	return child;
}

/* Lets @child go on to the next stop of call @nr, and says what that is. */
static void next_stop(struct __test_metadata *_metadata, int child, long nr,
		      int op, struct ptrace_syscall_info *info)
{
	static long last;
	int status;

	do {
		ASSERT_EQ(0, trace(PTRACE_SYSCALL, child, NULL, NULL));
		status = end_of(child);
		ASSERT_TRUE(WIFSTOPPED(status));
		ASSERT_EQ(SYSCALL_STOP, WSTOPSIG(status));
		ASSERT_LT(0, trace(PTRACE_GET_SYSCALL_INFO, child,
				   (void *)sizeof(*info), info));
		if (info->op == PTRACE_SYSCALL_INFO_ENTRY)
			last = (int)info->entry.nr;
	} while (last != nr || info->op != op);
}

static void finish(struct __test_metadata *_metadata, int child)
{
	ASSERT_EQ(0, trace(PTRACE_CONT, child, NULL, NULL));
	EXPECT_EQ(0, end_of(child));
}

/* An answer that differs from all that the call could give. */
#define INVENTED	4321

TEST_F(work, ptrace_takes_the_number_away)
{
	const struct how *h = &variant->how;
	struct ptrace_syscall_info info;
	char bytes[8];
	int child;

	child = tracee(_metadata, h, 0, self->fd[1], bytes, -ENOSYS);
	next_stop(_metadata, child, self->nr, PTRACE_SYSCALL_INFO_ENTRY, &info);
	EXPECT_EQ(ARCH, info.arch);
	info.entry.nr = -1;
	ASSERT_EQ(0, trace(PTRACE_SET_SYSCALL_INFO, child,
			   (void *)sizeof(info), &info));
	finish(_metadata, child);
	EXPECT_EQ(7, recv_nul(h, self->fd[1], bytes, 8, MSG_DONTWAIT));
}

/* A program that asks for it by itself gets the same, traced or not. */
TEST_F(work, ptrace_leaves_the_number_minus_one)
{
	const struct how *h = &variant->how;
	struct ptrace_syscall_info info;
	char bytes[8];
	int child;

	child = tracee(_metadata, h, -1, self->fd[1], bytes, -ENOSYS);
	next_stop(_metadata, child, -1, PTRACE_SYSCALL_INFO_ENTRY, &info);
	next_stop(_metadata, child, -1, PTRACE_SYSCALL_INFO_EXIT, &info);
	EXPECT_EQ(-ENOSYS, info.exit.rval);
	EXPECT_EQ(1, info.exit.is_error);
	finish(_metadata, child);
	EXPECT_EQ(-ENOSYS, OTHER(h, -1, N(self->fd[1]), P(bytes), N(8)));
}

TEST_F(work, ptrace_changes_an_argument)
{
	const struct how *h = &variant->how;
	struct ptrace_syscall_info info;
	char bytes[8];
	int child;

	registers_may_change = true;
	child = tracee(_metadata, h, 0, self->fd[1], bytes, 3);
	registers_may_change = false;
	next_stop(_metadata, child, self->nr, PTRACE_SYSCALL_INFO_ENTRY, &info);
	if (h->entry->socketcall) {
		char *args = (char *)(unsigned long)info.entry.args[1];

		ASSERT_EQ(0, trace(PTRACE_POKEDATA, child,
				   args + 2 * sizeof(reg_t), (void *)3));
	} else {
		EXPECT_EQ((unsigned int)self->fd[1], info.entry.args[0]);
		EXPECT_EQ(P(bytes), info.entry.args[1]);
		EXPECT_EQ(8, info.entry.args[2]);
		EXPECT_EQ(MSG_DONTWAIT, info.entry.args[3]);
		info.entry.args[2] = 3;
		ASSERT_EQ(0, trace(PTRACE_SET_SYSCALL_INFO, child,
				   (void *)sizeof(info), &info));
	}
	finish(_metadata, child);
	/* What did not fit into three bytes is there for a stream alone. */
	EXPECT_EQ(h->type == SOCK_STREAM ? 4 : -EAGAIN,
		  recv_nul(h, self->fd[1], bytes, 8, MSG_DONTWAIT));
}

TEST_F(work, ptrace_changes_the_result)
{
	const struct how *h = &variant->how;
	struct ptrace_syscall_info info;
	char bytes[8];
	int child;

	child = tracee(_metadata, h, 0, self->fd[1], bytes, INVENTED);
	next_stop(_metadata, child, self->nr, PTRACE_SYSCALL_INFO_ENTRY, &info);
	next_stop(_metadata, child, self->nr, PTRACE_SYSCALL_INFO_EXIT, &info);
	EXPECT_EQ(7, info.exit.rval);
	EXPECT_EQ(0, info.exit.is_error);
	info.exit.rval = INVENTED;
	ASSERT_EQ(0, trace(PTRACE_SET_SYSCALL_INFO, child,
			   (void *)sizeof(info), &info));
	finish(_metadata, child);
	EXPECT_EQ(-EAGAIN, recv_nul(h, self->fd[1], bytes, 8, MSG_DONTWAIT));
}

TEST_HARNESS_MAIN
