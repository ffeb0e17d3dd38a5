// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel's tracing says of a call: the metadata of SYSCALL_DEFINE
 * gives each an event with its arguments and one with its result, and what the
 * module says itself stands between the two.
 */
#include "syscall_test.h"

#include <sys/mount.h>

#define TRACEFS		"/sys/kernel/tracing"
#define INSTANCE	TRACEFS "/instances/qsock_syscall"

FIXTURE(events)
{
	int fd[2];
};

FIXTURE_VARIANT(events)
{
	struct how how;
};

CALL_VARIANTS(events);

static const char *const wanted[] = {
	"raw_syscalls",
	"syscalls/sys_enter_sendto",
	"syscalls/sys_exit_sendto",
	"syscalls/sys_enter_recvfrom",
	"syscalls/sys_exit_recvfrom",
	"sock/sock_send_length",
	"sock/sock_recv_length",
	"qsock",
};

/* An instance of tracefs, for all the tests: making one takes its time. */
static void begin_tracing(void)
{
	char path[128], text[128];
	unsigned int i;

	if (access(TRACEFS "/instances", F_OK))
		mount("tracefs", TRACEFS, "tracefs", 0, NULL);
	mkdir(INSTANCE, 0700);
	/* This process alone and those that it makes; of all calls, two. */
	snprintf(text, sizeof(text), "%d", getpid());
	write_file(INSTANCE "/set_event_pid", text);
	snprintf(text, sizeof(text), "id == %ld || id == %ld || id == %ld",
		 (long)__NR_sendto, (long)__NR_recvfrom, (long)NR_SOCKETCALL);
	write_file(INSTANCE "/events/raw_syscalls/filter", text);
	write_file(INSTANCE "/options/event-fork", "1");
	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		snprintf(path, sizeof(path), INSTANCE "/events/%s/enable",
			 wanted[i]);
		write_file(path, "1");
	}
}

static void end_tracing(void)
{
	write_file(INSTANCE "/events/enable", "0");
	rmdir(INSTANCE);
}

/* What has been traced since the last time; NULL if there is no trace. */
static const char *read_trace(void)
{
	static char text[256 * 1024];
	int fd = open(INSTANCE "/trace_pipe", O_RDONLY | O_NONBLOCK), len = 0, n;

	if (fd < 0)
		return NULL;
	do {
		n = read(fd, text + len, sizeof(text) - 1 - len);
		len += n > 0 ? n : 0;
	} while (n > 0);
	close(fd);
	text[len] = '\0';
	return text;
}

FIXTURE_SETUP(events)
{
	open_pair(_metadata, &variant->how, self->fd);
	ASSERT_NE(NULL, read_trace());
}

FIXTURE_TEARDOWN(events)
{
	close(self->fd[0]);
	close(self->fd[1]);
}

/* Where @text is in the trace behind @from, which may be NULL; or NULL. */
static const char *after(struct __test_metadata *_metadata, const char *from,
			 const char *text)
{
	const char *found = from ? strstr(from, text) : NULL;

	EXPECT_NE(NULL, found) {
		TH_LOG("no '%s' where it should be", text);
	}
	return found ? found + strlen(text) : NULL;
}

TEST_F(events, show_arguments_results_and_the_module_in_order)
{
	const struct how *h = &variant->how;
	bool socketcall = h->entry->socketcall;
	char bytes[9], line[160];
	long send = __NR_sendto, recv = __NR_recvfrom;
	const char *at;

	if (socketcall) {
		send = NR_SOCKETCALL;
		recv = NR_SOCKETCALL;
	}
	ASSERT_EQ(5, send_nul(h, self->fd[0], "hello", 5, MSG_NOSIGNAL));
	ASSERT_EQ(5, recv_nul(h, self->fd[1], bytes, 9, 0));
	ASSERT_EQ(-EAGAIN, recv_nul(h, self->fd[1], bytes, 9, MSG_DONTWAIT));
	at = read_trace();

	/* The raw events have every ABI's calls, by their numbers. */
	if (socketcall)
		snprintf(line, sizeof(line), "sys_enter: NR %ld (%x, ", send,
			 SYS_SENDTO);
	else
		snprintf(line, sizeof(line), "sys_enter: NR %ld (%x, ", send,
			 self->fd[0]);
	at = after(_metadata, at, line);
	if (!socketcall)
		at = after(_metadata, at, ", 5, 4000, 0, 0)");
	if (h->qsock)
		at = after(_metadata, at, " qsock_send: cookie=");
	if (h->qsock)
		at = after(_metadata, at, " len=5 flags=0x4000 result=5\n");
	at = after(_metadata, at, " sock_send_length: ");
	snprintf(line, sizeof(line), "sys_exit: NR %ld = 5\n", send);
	at = after(_metadata, at, line);

	snprintf(line, sizeof(line), "sys_enter: NR %ld (", recv);
	at = after(_metadata, at, line);
	if (!socketcall) {
		snprintf(line, sizeof(line), "%x, %llx, 9, 0, 0, 0)",
			 self->fd[1], (unsigned long long)P(bytes));
		at = after(_metadata, at, line);
	}
	if (h->qsock)
		at = after(_metadata, at, " qsock_recv: cookie=");
	if (h->qsock)
		at = after(_metadata, at, " len=9 flags=0x0 result=5\n");
	at = after(_metadata, at, " sock_recv_length: ");
	snprintf(line, sizeof(line), "sys_exit: NR %ld = 5\n", recv);
	at = after(_metadata, at, line);

	if (h->qsock)
		at = after(_metadata, at, " flags=0x40 result=-11\n");
	snprintf(line, sizeof(line), "sys_exit: NR %ld = -11\n", recv);
	after(_metadata, at, line);
}

/* Those by name know the table of 64-bit programs alone. */
TEST_F(events, name_the_calls_of_64_bit_programs)
{
	const struct how *h = &variant->how;
	char bytes[9], line[160];
	const char *at;

	ASSERT_EQ(5, send_nul(h, self->fd[0], "hello", 5, MSG_NOSIGNAL));
	ASSERT_EQ(5, recv_nul(h, self->fd[1], bytes, 9, 0));
	at = read_trace();
	ASSERT_NE(NULL, at);
	if (COMPAT) {
		EXPECT_EQ(NULL, strstr(at, ": sys_sendto"));
		EXPECT_EQ(NULL, strstr(at, ": sys_recvfrom"));
		return;
	}
	snprintf(line, sizeof(line), ": sys_sendto(fd: %s%x, buff: ",
		 self->fd[0] > 9 ? "0x" : "", self->fd[0]);
	at = after(_metadata, at, line);
	at = after(_metadata, at, "len: 5, flags: ");
	at = after(_metadata, at, "4000, addr: 0");
	at = after(_metadata, at, ": sys_sendto -> 0x5\n");
	at = after(_metadata, at, ": sys_recvfrom(fd: ");
	at = after(_metadata, at, "size: 9, flags: 0");
	after(_metadata, at, ": sys_recvfrom -> 0x5\n");
}

int main(int argc, char **argv)
{
	int result;

	begin_tracing();
	result = test_harness_run(argc, argv);
	end_tracing();
	return result;
}
