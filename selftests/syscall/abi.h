/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs from one ABI to the next: the registers, which of them carry
 * what, and the ways into the kernel (entry_*.S).
 */
#ifndef ABI_H
#define ABI_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__x86_64__)

typedef uint64_t reg_t;
#define REG_NAMES	"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", \
			"r9", "r10", "r11", "r12", "r13", "r14", "r15", "flags"
#define REG_NUMBER	0
#define REG_RESULT	0
#define REG_ARGS	{ 5, 4, 3, 9, 7, 8 }
#define REG_FLAGS	15
/* Carry, parity, adjust, zero, sign and overflow. */
#define FLAGS_MASK	0x8d5ULL
/* The `syscall` instruction leaves the address after it and the flags here. */
#define REG_RCX		2
#define REG_R11		10
#define ENTRIES(X, fixture)	X(fixture, syscall)
#ifndef __ILP32__
#define HAS_TABLE_OF_I386
#endif

#elif defined(__i386__)

typedef uint32_t reg_t;
#define REG_NAMES	"eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "flags"
#define REG_NUMBER	0
#define REG_RESULT	0
#define REG_ARGS	{ 1, 2, 3, 4, 5, 6 }
#define REG_FLAGS	7
#define FLAGS_MASK	0x8d5U
#define ENTRIES(X, fixture)						\
	X(fixture, int80); X(fixture, vdso);				\
	X(fixture, socketcall); X(fixture, vdso_socketcall)

#elif defined(__aarch64__)

typedef uint64_t reg_t;
#define REG_NAMES	"x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", \
			"x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", \
			"x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", \
			"x25", "x26", "x27", "x28", "x29", "x30", "nzcv"
#define REG_NUMBER	8
#define REG_RESULT	0
#define REG_ARGS	{ 0, 1, 2, 3, 4, 5 }
#define REG_FLAGS	31
#define FLAGS_MASK	0xf0000000ULL
#define ENTRIES(X, fixture)	X(fixture, svc); X(fixture, svc_immediate)

#elif defined(__arm__)

typedef uint32_t reg_t;
#define REG_NAMES	"r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", \
			"r9", "r10", "r11", "r12", "none", "lr", "flags"
#define REG_NUMBER	7
#define REG_RESULT	0
#define REG_ARGS	{ 0, 1, 2, 3, 4, 5 }
#define REG_FLAGS	15
#define FLAGS_MASK	0xf0000000U
#ifdef __thumb__
#define ENTRIES(X, fixture)	X(fixture, svc); X(fixture, svc_immediate)
#else
#define ENTRIES(X, fixture)						\
	X(fixture, svc); X(fixture, svc_immediate); X(fixture, oabi)
#endif

#else
#error "no such ABI here"
#endif

/* Whether the kernel takes this for a compat task's system call. */
#if defined(__x86_64__) && defined(__ILP32__)
#define X32		1
#else
#define X32		0
#endif
#define COMPAT		(sizeof(long) == 4)
/* Bits of a register above those of an int. */
#define WIDE		(sizeof(reg_t) == 8)

static const char *const reg_names[] = { REG_NAMES };

#define NREGS		(sizeof(reg_names) / sizeof(char *))

struct regs {
	reg_t r[sizeof((const char *[]){ REG_NAMES }) / sizeof(char *)];
};

/* One way into the kernel. */
struct entry {
	const char *name;
	void (*enter)(struct regs *regs);
	/* The number of a socket call is an argument of socketcall(). */
	bool socketcall;
	/* Whether the way promises to keep the flags. */
	bool keeps_flags;
};

extern const struct entry entry_syscall;
extern const struct entry entry_int80, entry_vdso, entry_socketcall,
	entry_vdso_socketcall;
extern const struct entry entry_svc, entry_svc_immediate, entry_oabi;

void enter_syscall(struct regs *regs);
extern const char enter_syscall_return[];
void enter_int80(struct regs *regs);
void enter_vdso(struct regs *regs);
/* Where the kernel says that its vdso enters it. */
extern unsigned long vdso_entry;
void enter_svc(struct regs *regs);
void enter_svc_immediate(struct regs *regs);
void enter_oabi(struct regs *regs);

/* Where a signal handler returns to. */
void restore_signal(void);

#endif /* ABI_H */
