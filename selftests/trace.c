// SPDX-License-Identifier: GPL-2.0
/*
 * The tracepoints qsock:qsock_*: each tells of a socket, by its cookie, what
 * was done and what came of it. In an instance of tracefs of its own.
 */
#include <sys/mount.h>

#include <linux/filter.h>

#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_test.h"

#define TRACEFS		"/sys/kernel/tracing"
#define INSTANCE	TRACEFS "/instances/qsock_test"

/* 0, or -1 when there is no such file or it refuses. */
static int write_file(const char *name, const char *text)
{
	char path[256];
	int fd, n;

	snprintf(path, sizeof(path), INSTANCE "/%s", name);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n < 0 ? -1 : 0;
}

static unsigned long long cookie_of(int fd)
{
	unsigned long long cookie = 0;
	socklen_t len = sizeof(cookie);

	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len);
	return cookie;
}

/* How many events of @name the trace has of @cookie that end in @rest. */
static int events(const char *name, unsigned long long cookie,
		  const char *rest)
{
	FILE *trace = fopen(INSTANCE "/trace", "r");
	char line[512], wanted[256];
	int count = 0;

	snprintf(wanted, sizeof(wanted), " %s: cookie=%llu %s\n", name,
		 cookie, rest);
	while (trace && fgets(line, sizeof(line), trace)) {
		size_t len = strlen(line), tail = strlen(wanted);

		count += len > tail && !strcmp(line + len - tail, wanted);
	}
	if (trace)
		fclose(trace);
	return count;
}

FIXTURE(trace)
{
	int family;
	bool instance;
	struct test_addr addr;
};

FIXTURE_SETUP(trace)
{
	self->instance = false;
	if (!qsock_loaded())
		SKIP(return, "qsock.ko is not loaded");
	self->family = qsock_family();
	self->addr = nul_addr(self->family, "name");
	if (access(TRACEFS "/instances", F_OK))
		mount("tracefs", TRACEFS, "tracefs", 0, NULL);
	if (access(TRACEFS "/instances", W_OK))
		SKIP(return, "there is no tracefs");
	rmdir(INSTANCE);
	ASSERT_EQ(0, mkdir(INSTANCE, 0700));
	self->instance = true;
	ASSERT_EQ(0, write_file("events/qsock/enable", "1"));
}

FIXTURE_TEARDOWN(trace)
{
	if (!self->instance)
		return;
	EXPECT_EQ(0, write_file("events/qsock/enable", "0"));
	EXPECT_EQ(0, rmdir(INSTANCE));
}

TEST_F(trace, messages)
{
	static const struct {
		int type;
		const char *name;
	} types[] = {
		{ SOCK_STREAM, "STREAM" },
		{ SOCK_DGRAM, "DGRAM" },
		{ SOCK_SEQPACKET, "SEQPACKET" },
	};
	char expected[128], bytes[64];
	int fd[2];
	size_t i;

	for (i = 0; i < ARRAY_LEN(types); i++) {
		ASSERT_EQ(0, socketpair(self->family, types[i].type, 0, fd));
		ASSERT_EQ(5, send(fd[0], "hello", 5, MSG_NOSIGNAL));
		ASSERT_EQ(5, recv(fd[1], bytes, sizeof(bytes), 0));
		ASSERT_EQ(-1, recv(fd[1], bytes, 1, MSG_DONTWAIT));
		snprintf(expected, sizeof(expected),
			 "type=%s len=5 flags=0x%x result=5", types[i].name,
			 MSG_NOSIGNAL);
		EXPECT_EQ(1, events("qsock_send", cookie_of(fd[0]), expected));
		snprintf(expected, sizeof(expected),
			 "type=%s len=64 flags=0x0 result=5", types[i].name);
		EXPECT_EQ(1, events("qsock_recv", cookie_of(fd[1]), expected));
		snprintf(expected, sizeof(expected),
			 "type=%s len=1 flags=0x40 result=%d", types[i].name,
			 -EAGAIN);
		EXPECT_EQ(1, events("qsock_recv", cookie_of(fd[1]), expected));
		close(fd[0]);
		close(fd[1]);
	}
}

TEST_F(trace, connections)
{
	int listener = stream_listen(_metadata, &self->addr, 1), server;
	int client = stream_socket(_metadata, self->family, 0);
	unsigned long long cookie = cookie_of(client);
	char expected[128];

	ASSERT_EQ(0, connect(client, &self->addr.sa, self->addr.len));
	server = accept(listener, NULL, NULL);
	ASSERT_LE(0, server);
	ASSERT_EQ(-1, connect(client, &self->addr.sa, self->addr.len));
	set_nonblock(listener);
	ASSERT_EQ(-1, accept(listener, NULL, NULL));

	EXPECT_EQ(1, events("qsock_connect", cookie,
			    "type=STREAM nonblock=0 result=0"));
	snprintf(expected, sizeof(expected),
		 "type=STREAM nonblock=0 result=%d", -EISCONN);
	EXPECT_EQ(1, events("qsock_connect", cookie, expected));
	snprintf(expected, sizeof(expected),
		 "type=STREAM child=%llu nonblock=0 result=0",
		 cookie_of(server));
	EXPECT_EQ(1, events("qsock_accept", cookie_of(listener), expected));
	snprintf(expected, sizeof(expected),
		 "type=STREAM child=0 nonblock=1 result=%d", -EAGAIN);
	EXPECT_EQ(1, events("qsock_accept", cookie_of(listener), expected));
	close(server);
	close(client);
	close(listener);
}

TEST_F(trace, drop_at_close)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	static const char *const names[] = { "STREAM", "DGRAM", "SEQPACKET" };
	unsigned long long cookie;
	char expected[128];
	int fd[2];
	size_t i;

	for (i = 0; i < ARRAY_LEN(types); i++) {
		ASSERT_EQ(0, socketpair(self->family, types[i], 0, fd));
		cookie = cookie_of(fd[1]);
		ASSERT_EQ(7, send(fd[0], "unread!", 7, 0));
		close(fd[1]);
		snprintf(expected, sizeof(expected),
			 "type=%s len=7 reason=CLOSE", names[i]);
		EXPECT_EQ(1, events("qsock_drop", cookie, expected));
		close(fd[0]);
	}
}

TEST_F(trace, drop_of_a_connection_nobody_accepted)
{
	int listener = stream_listen(_metadata, &self->addr, 1);
	int client = stream_connect(_metadata, &self->addr);

	ASSERT_EQ(7, send(client, "unread!", 7, 0));
	close(listener);
	EXPECT_EQ(1, events("qsock_drop", cookie_of(client),
			    "type=STREAM len=7 reason=RESET"));
	close(client);
}

TEST_F(trace, drop_by_a_new_connection)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int fd[2];

	ASSERT_EQ(0, socketpair(self->family, SOCK_DGRAM, 0, fd));
	ASSERT_EQ(7, send(fd[0], "unread!", 7, 0));
	ASSERT_EQ(0, connect(fd[1], &none, sizeof(none)));
	EXPECT_EQ(1, events("qsock_drop", cookie_of(fd[1]),
			    "type=DGRAM len=7 reason=DISCONNECT"));
	close(fd[0]);
	close(fd[1]);
}

TEST_F(trace, drop_by_a_filter)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = { .len = 1, .filter = &nothing };
	int fd[2];

	ASSERT_EQ(0, socketpair(self->family, SOCK_DGRAM, 0, fd));
	ASSERT_EQ(0, setsockopt(fd[1], SOL_SOCKET, SO_ATTACH_FILTER, &program,
				sizeof(program)));
	ASSERT_EQ(7, send(fd[0], "refused", 7, 0));
	EXPECT_EQ(1, events("qsock_drop", cookie_of(fd[1]),
			    "type=DGRAM len=7 reason=FILTER"));
	close(fd[0]);
	close(fd[1]);
}

TEST_F(trace, nothing_is_told_that_is_not_asked_for)
{
	int fd[2];

	ASSERT_EQ(0, write_file("events/qsock/qsock_send/enable", "0"));
	ASSERT_EQ(0, socketpair(self->family, SOCK_STREAM, 0, fd));
	ASSERT_EQ(2, send(fd[0], "no", 2, 0));
	EXPECT_EQ(0, events("qsock_send", cookie_of(fd[0]),
			    "type=STREAM len=2 flags=0x0 result=2"));
	ASSERT_EQ(0, write_file("events/qsock/qsock_send/enable", "1"));
	ASSERT_EQ(3, send(fd[0], "yes", 3, 0));
	EXPECT_EQ(1, events("qsock_send", cookie_of(fd[0]),
			    "type=STREAM len=3 flags=0x0 result=3"));
	close(fd[0]);
	close(fd[1]);
}

TEST_HARNESS_MAIN
