// SPDX-License-Identifier: GPL-2.0
/*
 * The registers at the instruction: which carry arguments, which are kept,
 * where the result is, and which numbers there are.
 *
 * Every call in this collection checks that the kernel kept the registers; here
 * are the calls that end in the different ways: at once, with an error, after
 * a sleep.
 */
#include <limits.h>

#include "syscall_test.h"

FIXTURE(registers)
{
	int fd[2];
};

FIXTURE_VARIANT(registers)
{
	struct how how;
};

CALL_VARIANTS(registers);

FIXTURE_SETUP(registers)
{
	open_pair(_metadata, &variant->how, self->fd);
}

FIXTURE_TEARDOWN(registers)
{
	close(self->fd[0]);
	close(self->fd[1]);
}

TEST_F(registers, are_kept_by_calls_that_succeed)
{
	const struct how *h = &variant->how;
	char bytes[8];
	int i;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(5, send_nul(h, self->fd[0], "hello", 5, 0));
		ASSERT_EQ(5, recv_nul(h, self->fd[1], bytes, sizeof(bytes), 0));
		ASSERT_EQ(0, memcmp(bytes, "hello", 5));
	}
}

TEST_F(registers, hold_minus_errno_after_calls_that_fail)
{
	const struct how *h = &variant->how;
	char bytes[8];

	/* The whole register: enter_call() extends no 64-bit one. */
	EXPECT_EQ(-EAGAIN, recv_nul(h, self->fd[0], bytes, 8, MSG_DONTWAIT));
	EXPECT_EQ(-EBADF, recv_nul(h, -1, bytes, 8, 0));
	EXPECT_EQ(-EFAULT, send_nul(h, self->fd[0], 8, 1, 0));
	EXPECT_EQ(-EINVAL, sys_shutdown(h, self->fd[0], 3));
}

TEST_F(registers, are_kept_by_a_call_that_sleeps)
{
	const struct how *h = &variant->how;
	int child = fork();
	char bytes[8];

	ASSERT_LE(0, child);
	if (!child) {
		wait_asleep(getppid());
		_exit(send_nul(h, self->fd[0], "wake up", 7, 0) != 7);
	}
	EXPECT_EQ(7, recv_nul(h, self->fd[1], bytes, sizeof(bytes), 0));
	EXPECT_EQ(0, end_of(child));
}

/* /proc/<pid>/syscall shows what the entry code took from the registers. */
TEST_F(registers, carry_the_arguments_in_order)
{
	const struct how *h = &variant->how;
	unsigned long long args[6] = { 0 };
	bool socketcall = h->entry->socketcall;
	struct addr from;
	char bytes[24];
	int child, i;
	unsigned long long expected[] = {
		self->fd[1], P(bytes), sizeof(bytes), MSG_NOSIGNAL, P(&from.qs),
		P(&from.len)
	};

	from.len = sizeof(from.qs);
	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		_exit(sys_recvfrom(h, self->fd[1], bytes, sizeof(bytes),
				   MSG_NOSIGNAL, &from.qs, &from.len) != 3);
	ASSERT_TRUE(wait_in_call(child, socketcall ? NR_SOCKETCALL :
						     __NR_recvfrom, args));
	if (socketcall)
		EXPECT_EQ(SYS_RECVFROM, args[0]);
	for (i = 0; i < 6 && !socketcall; i++)
		EXPECT_EQ(expected[i], args[i]);
	EXPECT_EQ(3, send_nul(h, self->fd[0], "end", 3, 0));
	EXPECT_EQ(0, end_of(child));
}

TEST_F(registers, are_ints_where_the_argument_is_one)
{
	const struct how *h = &variant->how;
	const reg_t above = WIDE ? (reg_t)0xdead0000ULL << 32 : 0;
	char bytes[8];

	ASSERT_EQ(2, CALL(h->entry, __NR_sendto, SYS_SENDTO,
			  N(self->fd[0]) | above, P("ab"), N(2),
			  N(MSG_NOSIGNAL) | above, N(0), above));
	ASSERT_EQ(2, CALL(h->entry, __NR_recvfrom, SYS_RECVFROM,
			  N(self->fd[1]) | above, P(bytes), N(8),
			  N(MSG_DONTWAIT) | above, N(0), N(0)));
}

#ifdef __NR_recv
/* Those that the C library prefers where they are calls of their own. */
TEST_F(registers, carry_the_number_of_send_and_recv)
{
	const struct how *h = &variant->how;
	char bytes[8];

	ASSERT_EQ(289, __NR_send);
	ASSERT_EQ(291, __NR_recv);
	ASSERT_EQ(5, OTHER(h, __NR_send, N(self->fd[0]), P("hello"), N(5), N(0)));
	ASSERT_EQ(5, OTHER(h, __NR_recv, N(self->fd[1]), P(bytes), N(8), N(0)));
}
#endif

#ifdef __NR_socketcall
/* socketcall() has calls that have no number of their own. */
TEST_F(registers, reach_send_and_recv_by_socketcall)
{
	const struct how *h = &variant->how;
	char bytes[8];
	reg_t give[] = { self->fd[0], P("hello"), 5, 0 };
	reg_t take[] = { self->fd[1], P(bytes), 8, 0 };

	ASSERT_EQ(5, OTHER(h, __NR_socketcall, N(SYS_SEND), P(give)));
	ASSERT_EQ(5, OTHER(h, __NR_socketcall, N(SYS_RECV), P(take)));
	EXPECT_EQ(-EINVAL, OTHER(h, __NR_socketcall, N(0), P(take)));
	EXPECT_EQ(-EINVAL, OTHER(h, __NR_socketcall, N(21), P(take)));
	EXPECT_EQ(-EFAULT, OTHER(h, __NR_socketcall, N(SYS_RECV), N(8)));
}

TEST_F(registers, enter_through_what_the_vdso_has_for_the_processor)
{
	const unsigned char *code = (const unsigned char *)vdso_entry;
	bool sysenter = false;
	int i;

	ASSERT_NE(0, vdso_entry);
	for (i = 0; i < 64 && code[i] != 0xcd; i++)
		sysenter = sysenter || (code[i] == 0x0f && code[i + 1] == 0x34);
	/* The guests' processor has the instruction. */
	EXPECT_TRUE(sysenter);
}
#endif

#ifdef HAS_TABLE_OF_I386
/* The table of i386 from a 64-bit program: its number, its registers. */
TEST_F(registers, enter_the_table_of_i386_by_int80)
{
	struct regs regs = { 0 }, before;
	char *low = mmap((void *)0x10000000, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int i;

	ASSERT_GT(1ULL << 32, P(low));
	ASSERT_EQ(2, send_nul(&variant->how, self->fd[0], "hi", 2, 0));
	for (i = 0; i < NREGS - 1; i++)
		regs.r[i] = 0x1111 * i;
	/* recvfrom() is 371: rbx, rcx, rdx, rsi, rdi, rbp */
	regs.r[0] = 371;
	regs.r[1] = self->fd[1];
	regs.r[2] = P(low);
	regs.r[3] = 8;
	regs.r[4] = MSG_DONTWAIT;
	regs.r[5] = 0;
	regs.r[6] = 0;
	before = regs;
	enter_int80(&regs);
	EXPECT_EQ(2, regs.r[0]);
	EXPECT_EQ(0, memcmp(low, "hi", 2));
	for (i = 1; i < NREGS - 1; i++)
		EXPECT_EQ(before.r[i], regs.r[i]);
}

/* Above the number that the instruction reads. */
TEST_F(registers, number_is_an_int)
{
	const struct how *h = &variant->how;
	char bytes[8];

	EXPECT_EQ(-EAGAIN, OTHER(h, __NR_recvfrom | 0x500000000, N(self->fd[0]),
				 P(bytes), N(8), N(MSG_DONTWAIT), N(0), N(0)));
}
#endif

TEST_F(registers, name_no_call_beyond_the_table)
{
	const struct how *h = &variant->how;
	static const int numbers[] = {
		-1, -2, 700, 4096, 0xe0000, INT_MIN, -0x40000000,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		EXPECT_EQ(-ENOSYS, OTHER(h, numbers[i], N(self->fd[0]), N(8),
					 N(1), N(0), N(0), N(0))) {
			TH_LOG("number %d", numbers[i]);
		}
	}
}

TEST_HARNESS_MAIN
