// SPDX-License-Identifier: GPL-2.0
/*
 * What the tests of the instruction share: a call that watches the registers,
 * families and names, files of /proc, signals.
 */
#include "syscall.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest.h"

#if defined(__x86_64__)

const struct entry entry_syscall = { "syscall", enter_syscall, false, true };

#elif defined(__i386__)

unsigned long vdso_entry;

static void __attribute__((constructor)) find_vdso_entry(void)
{
	vdso_entry = getauxval(AT_SYSINFO);
}

const struct entry entry_int80 = { "int80", enter_int80, false, true };
const struct entry entry_vdso = { "vdso", enter_vdso, false, false };
const struct entry entry_socketcall = { "socketcall", enter_int80, true, true };
const struct entry entry_vdso_socketcall = { "vdso_socketcall", enter_vdso, true,
					     false };

#else

const struct entry entry_svc = { "svc", enter_svc, false, true };
const struct entry entry_svc_immediate = { "svc_immediate", enter_svc_immediate,
					   false, true };
#if defined(__arm__) && !defined(__thumb__)
const struct entry entry_oabi = { "oabi", enter_oabi, false, true };
#endif

#endif

static const unsigned char reg_args[] = REG_ARGS;

volatile int signals_seen;
bool registers_may_change;

/* A register that must not change did: no test goes on from there. */
static void spoilt(const struct entry *entry, long nr, const char *what,
		   reg_t was, reg_t is)
{
	fprintf(stderr, "# %s, call %ld: %s was 0x%llx, is 0x%llx\n",
		entry->name, nr, what, (unsigned long long)was,
		(unsigned long long)is);
	_exit(KSFT_FAIL);
}

static void check_registers(const struct entry *entry, long nr,
			    const struct regs *before,
			    const struct regs *after)
{
	unsigned int i;

	for (i = 0; i < NREGS; i++) {
		reg_t was = before->r[i], is = after->r[i];

		if (i == REG_RESULT)
			continue;
		if (i == REG_FLAGS) {
			if (!entry->keeps_flags)
				continue;
			was &= FLAGS_MASK;
			is &= FLAGS_MASK;
		}
#ifdef REG_RCX
		if (entry == &entry_syscall && i == REG_RCX)
			was = P(enter_syscall_return);
		if (entry == &entry_syscall && i == REG_R11) {
			was = after->r[REG_FLAGS] & FLAGS_MASK;
			is &= FLAGS_MASK;
		}
#endif
		if (was != is)
			spoilt(entry, nr, reg_names[i], was, is);
	}
}

long long enter_call(const struct entry *entry, long nr, int socketcall,
		     unsigned int count, const reg_t *args)
{
	static unsigned int turn;
	struct regs before, after;
	long long result;
	unsigned int i;

	/* What is no argument must not matter, and differs every time. */
	turn++;
	for (i = 0; i < NREGS; i++)
		before.r[i] = (reg_t)0x9e3779b97f4a7c15ULL * (i + 1) ^ turn;
	before.r[REG_FLAGS] = turn & 1 ? FLAGS_MASK : 0;
	if (entry->socketcall && socketcall) {
		before.r[REG_NUMBER] = NR_SOCKETCALL;
		before.r[reg_args[0]] = socketcall;
		before.r[reg_args[1]] = P(args);
		count = 0;
	} else {
		before.r[REG_NUMBER] = nr;
	}
	for (i = 0; i < count; i++)
		before.r[reg_args[i]] = args[i];
	after = before;
	entry->enter(&after);
	if (!registers_may_change)
		check_registers(entry, nr, &before, &after);

	result = WIDE ? (int64_t)after.r[REG_RESULT] :
			(int32_t)after.r[REG_RESULT];
	/* No call that the tests make has such a result. */
	if (result < -4095)
		spoilt(entry, nr, "the result", 0, after.r[REG_RESULT]);
	return result;
}

int family_of(const struct how *how)
{
	char text[16];

	if (!how->qsock)
		return AF_UNIX;
	if (read_file("/sys/module/qsock/parameters/family", text,
		      sizeof(text)) <= 0)
		return AF_QSOCK;
	return atoi(text);
}

struct addr addr_of(const struct how *how, const char *name)
{
	struct addr addr = { .qs.sqs_family = family_of(how) };
	int len = snprintf(addr.qs.sqs_name, sizeof(addr.qs.sqs_name),
			   "_syscall.%d.%s", getpid(), name);

	addr.qs.sqs_name[0] = '\0';
	addr.len = offsetof(struct sockaddr_qs, sqs_name) + len;
	return addr;
}

int read_file(const char *path, char *text, int size)
{
	int fd = open(path, O_RDONLY), len = 0, n;

	if (fd < 0)
		return -1;
	while (len < size - 1 && (n = read(fd, text + len, size - 1 - len)) > 0)
		len += n;
	close(fd);
	text[len] = '\0';
	return len;
}

int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC), n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	n = n < 0 ? -errno : 0;
	close(fd);
	return n;
}

/* Tries @ready for ten seconds at least. */
#define WAIT_TRIES	5000

bool wait_in_call(int pid, long nr, unsigned long long args[6])
{
	char path[64], text[256], *end;
	int i, try;

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	for (try = 0; try < WAIT_TRIES; try++) {
		if (read_file(path, text, sizeof(text)) > 0 &&
		    strtol(text, &end, 10) == nr && end != text) {
			for (i = 0; i < 6; i++)
				args[i] = strtoull(end, &end, 16);
			return true;
		}
		sleep_ms(2);
	}
	fprintf(stderr, "# process %d never slept in call %ld: %s\n", pid, nr,
		text);
	return false;
}

bool wait_asleep(int pid)
{
	char path[64], text[256];
	const char *state;
	int try;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (try = 0; try < WAIT_TRIES; try++) {
		if (read_file(path, text, sizeof(text)) <= 0)
			return false;
		state = strchr(text, ')');
		if (state && state[1] == ' ' && state[2] == 'S')
			return true;
		sleep_ms(2);
	}
	return false;
}

void sleep_ms(int ms)
{
	poll(NULL, 0, ms);
}

int end_of(int pid)
{
	int status = -1;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

static void count_signal(int signal)
{
	signals_seen++;
}

int handle_signal(int signal, unsigned long flags)
{
	struct {
		void (*handler)(int signal);
		unsigned long flags;
		void (*restorer)(void);
		uint64_t mask;
	} action = {
		.handler = count_signal,
		/*
		 * SA_RESTORER, and SA_SIGINFO: without, a 32-bit frame is an
		 * old one, with another call to return from it.
		 */
		.flags = flags | 0x04000000 | 4,
		.restorer = restore_signal,
	};

	signals_seen = 0;
	return syscall(__NR_rt_sigaction, signal, &action, NULL, 8);
}
