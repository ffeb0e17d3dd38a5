// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/net/qsock and /proc/net/unix: a line for each socket, in a network
 * namespace of its own, where nobody else's are.
 */
#include "qsock_proc.h"
#include "qsock_test.h"

FIXTURE(proc_sockets)
{
	int family;
	char *file;
};

FIXTURE_VARIANT(proc_sockets)
{
	bool qsock;
};

FAMILY_VARIANTS(proc_sockets);

FIXTURE_SETUP(proc_sockets)
{
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	self->file = variant->qsock ? "/proc/self/net/qsock" :
				      "/proc/self/net/unix";
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
}

FIXTURE_TEARDOWN(proc_sockets)
{
}

struct line {
	char number[32];
	unsigned int references, protocol, flags, type, state;
	unsigned int received, sent;	/* AF_QSOCK alone has these */
	char path[128];
};

static unsigned long long inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino;
}

/* Parse @text into @line; returns the inode, 0 if it is no line. */
static unsigned long long parse(const char *text, bool qsock,
				struct line *line)
{
	unsigned long long inode = 0;
	int at = 0;

	memset(line, 0, sizeof(*line));
	if (sscanf(text, "%31[^:]: %8X %8X %8X %4X %2X %llu%n", line->number,
		   &line->references, &line->protocol, &line->flags,
		   &line->type, &line->state, &inode, &at) != 7)
		return 0;
	text += at;
	if (qsock) {
		if (sscanf(text, "%u %u%n", &line->received, &line->sent,
			   &at) != 2)
			return 0;
		text += at;
	}
	sscanf(text, " %127[^\n]", line->path);
	return inode;
}

/* How many lines the file has for @inode (0: for any); the last of them. */
static int find(const char *file, bool qsock, unsigned long long inode,
		struct line *found)
{
	FILE *from = fopen(file, "r");
	struct line line;
	char text[512];
	int lines = 0;

	if (!from)
		return -1;
	fgets(text, sizeof(text), from);
	while (fgets(text, sizeof(text), from)) {
		unsigned long long got = parse(text, qsock, &line);

		if (!got || (inode && got != inode))
			continue;
		*found = line;
		lines++;
	}
	fclose(from);
	return lines;
}

/* All lines but the first, those of sockets without an inode too. */
static int count_lines(const char *file)
{
	FILE *from = fopen(file, "r");
	char text[512];
	int lines = -1;

	while (from && fgets(text, sizeof(text), from))
		lines++;
	if (from)
		fclose(from);
	return lines;
}

#define FIND(fd, found) \
	find(self->file, variant->qsock, inode_of(fd), found)

TEST_F(proc_sockets, the_first_line_names_the_columns)
{
	const char *expected = variant->qsock ?
		"Num RefCount Protocol Flags Type St Inode Recv-Q Send-Q Path " :
		"Num RefCount Protocol Flags Type St Inode Path ";
	char text[256], names[256] = "", *name;
	FILE *from = fopen(self->file, "r");

	ASSERT_NE(NULL, from);
	ASSERT_NE(NULL, fgets(text, sizeof(text), from));
	for (name = strtok(text, "\n "); name; name = strtok(NULL, "\n ")) {
		strcat(names, name);
		strcat(names, " ");
	}
	EXPECT_STREQ(expected, names);
	/* Nobody has made a socket here. */
	EXPECT_EQ(NULL, fgets(text, sizeof(text), from));
	fclose(from);
}

TEST_F(proc_sockets, a_new_socket_is_unconnected)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	struct line line;
	size_t i;

	for (i = 0; i < ARRAY_LEN(types); i++) {
		int fd = socket(self->family, types[i], 0);

		ASSERT_EQ(1, FIND(fd, &line));
		EXPECT_EQ(types[i], line.type);
		EXPECT_EQ(2, line.references);
		EXPECT_EQ(0, line.protocol);
		EXPECT_EQ(0, line.flags);
		EXPECT_EQ(1, line.state);
		EXPECT_STREQ("", line.path);
		close(fd);
	}
	EXPECT_EQ(0, find(self->file, variant->qsock, 0, &line));
}

TEST_F(proc_sockets, nul_bytes_of_a_name_are_at_signs)
{
	static const char name[] = "\0a\0b";
	struct test_addr addr = raw_addr(self->family, name, sizeof(name));
	int fd = stream_listen(_metadata, &addr, 3);
	struct line line;

	ASSERT_EQ(1, FIND(fd, &line));
	EXPECT_STREQ("@a@b@", line.path);
	EXPECT_EQ(0x10000, line.flags);	/* it listens */
	EXPECT_EQ(1, line.state);
	close(fd);
}

TEST_F(proc_sockets, a_path_ends_without_its_nul)
{
	char *dir = make_name_dir(_metadata);
	struct test_addr addr = path_addr(self->family, dir, "name");
	int fd = stream_bind(_metadata, &addr);
	struct line line;

	ASSERT_EQ(1, FIND(fd, &line));
	EXPECT_STREQ(addr.un.sun_path, line.path);
	EXPECT_EQ(0, line.flags);
	close(fd);
	remove_name_dir(dir);
}

TEST_F(proc_sockets, both_ends_of_a_connection_are_connected)
{
	struct test_addr addr = nul_addr(self->family, "name");
	int listener = stream_listen(_metadata, &addr, 1);
	int client = stream_connect(_metadata, &addr);
	int server = accept(listener, NULL, NULL);
	struct line line;

	ASSERT_EQ(1, FIND(client, &line));
	EXPECT_EQ(3, line.state);
	EXPECT_STREQ("", line.path);
	ASSERT_EQ(1, FIND(server, &line));
	EXPECT_EQ(3, line.state);
	EXPECT_EQ('@', line.path[0]);
	EXPECT_EQ(3, find(self->file, variant->qsock, 0, &line));
	close(client);
	close(server);
	close(listener);
}

TEST_F(proc_sockets, the_queues_are_counted_in_bytes)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	struct line line;
	char bytes[64];
	int fd[2];
	size_t i;

	if (!variant->qsock)
		SKIP(return, "AF_UNIX does not show them");
	for (i = 0; i < ARRAY_LEN(types); i++) {
		ASSERT_EQ(0, socketpair(self->family, types[i], 0, fd));
		ASSERT_EQ(20, send(fd[0], bytes, 20, 0));
		ASSERT_EQ(22, send(fd[0], bytes, 22, 0));
		ASSERT_EQ(1, FIND(fd[0], &line));
		EXPECT_EQ(0, line.received);
		EXPECT_EQ(42, line.sent);
		ASSERT_EQ(1, FIND(fd[1], &line));
		EXPECT_EQ(42, line.received);
		EXPECT_EQ(0, line.sent);
		ASSERT_EQ(20, recv(fd[1], bytes, 20, 0));
		ASSERT_EQ(1, FIND(fd[1], &line));
		EXPECT_EQ(22, line.received);
		close(fd[0]);
		close(fd[1]);
	}
}

TEST_F(proc_sockets, a_listener_counts_who_waits)
{
	struct test_addr addr = nul_addr(self->family, "name");
	int listener, client[2];
	struct line line;

	if (!variant->qsock)
		SKIP(return, "AF_UNIX does not show it");
	listener = stream_listen(_metadata, &addr, 5);
	client[0] = stream_connect(_metadata, &addr);
	client[1] = stream_connect(_metadata, &addr);
	ASSERT_EQ(1, FIND(listener, &line));
	EXPECT_EQ(2, line.received);
	EXPECT_EQ(5, line.sent);
	close(client[0]);
	close(client[1]);
	close(listener);
}

/* Its other end is no socket before somebody accepts it; AF_UNIX's is one. */
TEST_F(proc_sockets, a_connection_that_nobody_accepted_has_one_line)
{
	struct test_addr addr = nul_addr(self->family, "name");
	int listener = stream_listen(_metadata, &addr, 5), client, server;
	struct line line;

	client = stream_connect(_metadata, &addr);
	ASSERT_EQ(1, FIND(client, &line));
	EXPECT_EQ(variant->qsock ? 2 : 3, count_lines(self->file));
	server = accept(listener, NULL, NULL);
	ASSERT_LE(0, server);
	EXPECT_EQ(3, count_lines(self->file));
	close(client);
	close(server);
	close(listener);
}

TEST_F(proc_sockets, addresses_can_be_hidden)
{
	const char *path = "/proc/sys/kernel/kptr_restrict";
	int knob = open(path, O_RDWR | O_CLOEXEC), fd;
	char old[8] = "";
	struct line line;

	if (knob < 0)
		SKIP(return, "cannot write %s", path);
	ASSERT_LT(0, read(knob, old, sizeof(old) - 1));
	fd = stream_socket(_metadata, self->family, 0);
	ASSERT_EQ(1, pwrite(knob, "2", 1, 0));
	EXPECT_EQ(1, FIND(fd, &line));
	EXPECT_EQ(strlen(line.number), strspn(line.number, "0"));
	ASSERT_LT(0, pwrite(knob, old, strlen(old), 0));
	close(knob);
	close(fd);
}

TEST_F(proc_sockets, another_namespace_lists_its_own)
{
	int one = stream_socket(_metadata, self->family, 0);
	struct line line;

	ASSERT_EQ(1, FIND(one, &line));
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	EXPECT_EQ(0, find(self->file, variant->qsock, 0, &line));
	close(one);
}

TEST_F(proc_sockets, many_are_listed_once_each)
{
	enum { MANY = 400 };
	struct line line;
	int fd[MANY], i;

	for (i = 0; i < MANY; i++)
		fd[i] = stream_socket(_metadata, self->family, 0);
	/* More than a page of lines, so that the file takes several reads. */
	EXPECT_EQ(MANY, find(self->file, variant->qsock, 0, &line));
	for (i = 0; i < MANY; i += 57)
		EXPECT_EQ(1, FIND(fd[i], &line));
	for (i = 0; i < MANY; i++)
		close(fd[i]);
	EXPECT_EQ(0, find(self->file, variant->qsock, 0, &line));
}

TEST_F(proc_sockets, it_is_read_while_sockets_come_and_go)
{
	int rounds = 2000 / work_divisor(), keep, i;
	pid_t child = fork_child(_metadata);
	struct line line;

	if (!child) {
		for (;;) {
			struct test_addr addr = nul_addr(self->family, "name");
			int fd[2], listener;

			socketpair(self->family, SOCK_DGRAM, 0, fd);
			send(fd[0], "x", 1, 0);
			listener = stream_listen(_metadata, &addr, 1);
			close(stream_connect(_metadata, &addr));
			close(fd[0]);
			close(fd[1]);
			close(listener);
		}
	}
	keep = stream_socket(_metadata, self->family, 0);
	for (i = 0; i < rounds; i++)
		ASSERT_EQ(1, FIND(keep, &line));
	kill(child, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, wait_exit(child));
	close(keep);
}

TEST_HARNESS_MAIN
