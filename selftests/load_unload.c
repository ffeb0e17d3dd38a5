// SPDX-License-Identifier: GPL-2.0
/*
 * insmod and rmmod: the module stays while a socket lives, goes when none
 * does, takes its number from family=, and comes when socket() asks for it.
 */
#include "qsock_module.h"
#include "qsock_proc.h"
#include "qsock_test.h"

/* Another number that no kernel with Rust has code for. */
#define OTHER_FAMILY	22

FIXTURE(load_unload)
{
	struct qsock_before before;
	struct test_addr addr;
};

FIXTURE_SETUP(load_unload)
{
	REQUIRE_RELOAD(&self->before);
	ASSERT_EQ(0, qsock_load(""));
	self->addr = nul_addr(AF_QSOCK, "listener");
}

FIXTURE_TEARDOWN_PARENT(load_unload)
{
	qsock_restore(&self->before);
}

static int socket_errno(int family)
{
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

TEST_F(load_unload, a_socket_keeps_the_module)
{
	int fd = socket(AF_QSOCK, SOCK_STREAM, 0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(EAGAIN, qsock_unload());
	close(fd);
	EXPECT_EQ(0, qsock_unload());
	EXPECT_FALSE(qsock_loaded());
}

TEST_F(load_unload, a_pair_keeps_the_module_until_both_ends_close)
{
	int fd[2];

	ASSERT_EQ(0, socketpair(AF_QSOCK, SOCK_STREAM, 0, fd));
	ASSERT_EQ(1, send(fd[0], "x", 1, 0));
	close(fd[0]);
	EXPECT_EQ(EAGAIN, qsock_unload());
	close(fd[1]);
	EXPECT_EQ(0, qsock_unload());
}

TEST_F(load_unload, an_accepted_socket_keeps_the_module)
{
	int listener = stream_listen(_metadata, &self->addr, 1);
	int client = stream_connect(_metadata, &self->addr);
	int server = accept(listener, NULL, NULL);

	ASSERT_LE(0, server);
	close(listener);
	close(client);
	EXPECT_EQ(EAGAIN, qsock_unload());
	close(server);
	EXPECT_EQ(0, qsock_unload());
}

TEST_F(load_unload, a_connection_nobody_accepted_does_not)
{
	int listener = stream_listen(_metadata, &self->addr, 1);
	int client = stream_connect(_metadata, &self->addr);

	ASSERT_EQ(1, send(client, "x", 1, 0));
	EXPECT_EQ(EAGAIN, qsock_unload());
	close(client);
	EXPECT_EQ(EAGAIN, qsock_unload());
	close(listener);
	EXPECT_EQ(0, qsock_unload());
}

TEST_F(load_unload, a_waiting_process_keeps_the_module_until_it_is_killed)
{
	pid_t child = fork_child(_metadata);

	if (!child) {
		char byte;
		int fd[2];

		socketpair(AF_QSOCK, SOCK_STREAM, 0, fd);
		recv(fd[0], &byte, 1, 0);
		_exit(1);
	}
	ASSERT_TRUE(wait_blocked(child));
	EXPECT_EQ(EAGAIN, qsock_unload());
	kill(child, SIGKILL);
	EXPECT_EQ(128 + SIGKILL, wait_exit(child));
	EXPECT_EQ(0, qsock_unload());
}

TEST_F(load_unload, without_the_module_there_is_no_family)
{
	ASSERT_EQ(0, socket_errno(AF_QSOCK));
	ASSERT_EQ(0, qsock_unload());
	EXPECT_EQ(EAFNOSUPPORT, socket_errno(AF_QSOCK));
	ASSERT_EQ(0, qsock_load(""));
	EXPECT_EQ(0, socket_errno(AF_QSOCK));
}

TEST_F(load_unload, a_second_time_is_eexist)
{
	EXPECT_EQ(EEXIST, qsock_load(""));
	EXPECT_EQ(0, socket_errno(AF_QSOCK));
}

TEST_F(load_unload, the_number_is_the_one_of_the_header_by_default)
{
	EXPECT_EQ(AF_QSOCK, qsock_parameter("family"));
}

TEST_F(load_unload, family_changes_the_number)
{
	char parameters[32];
	int fd[2];

	ASSERT_EQ(0, qsock_unload());
	snprintf(parameters, sizeof(parameters), "family=%d", OTHER_FAMILY);
	ASSERT_EQ(0, qsock_load(parameters));
	EXPECT_EQ(OTHER_FAMILY, qsock_parameter("family"));
	EXPECT_EQ(EAFNOSUPPORT, socket_errno(AF_QSOCK));
	ASSERT_EQ(0, socketpair(OTHER_FAMILY, SOCK_STREAM, 0, fd));
	EXPECT_EQ(OTHER_FAMILY, int_option(fd[0], SO_DOMAIN));
	EXPECT_EQ(OTHER_FAMILY, name_of(fd[0]).sa.sa_family);
	EXPECT_EQ(1, send(fd[0], "x", 1, 0));
}

TEST_F(load_unload, names_have_the_family_that_was_asked_for)
{
	struct test_addr name, addr;
	char parameters[32];
	int listener, client;

	ASSERT_EQ(0, qsock_unload());
	snprintf(parameters, sizeof(parameters), "family=%d", OTHER_FAMILY);
	ASSERT_EQ(0, qsock_load(parameters));
	addr = nul_addr(OTHER_FAMILY, "other");
	listener = stream_listen(_metadata, &addr, 1);
	client = stream_connect(_metadata, &addr);
	name = peer_of(client);
	EXPECT_TRUE(same_addr(&addr, &name));
	EXPECT_EQ(-1, connect(client, &self->addr.sa, self->addr.len));
	EXPECT_EQ(EINVAL, errno);
	close(client);
	close(listener);
}

TEST_F(load_unload, a_number_that_is_taken_or_out_of_range_is_refused)
{
	static const char *const bad[] = {
		"family=1", "family=2", "family=-1", "family=46",
		"family=65536", "family=many",
	};
	size_t i;

	ASSERT_EQ(0, qsock_unload());
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		EXPECT_NE(0, qsock_load(bad[i])) {
			TH_LOG("loaded with %s", bad[i]);
			qsock_unload();
		}
		EXPECT_FALSE(qsock_loaded());
	}
	/* Nothing of it stays behind. */
	EXPECT_EQ(0, qsock_load(""));
	EXPECT_EQ(0, socket_errno(AF_QSOCK));
	EXPECT_EQ(0, socket_errno(AF_UNIX));
}

/* What the kernel runs as modprobe in the test below. */
static int be_modprobe(const char *alias)
{
	char expected[32];

	snprintf(expected, sizeof(expected), "net-pf-%d", AF_QSOCK);
	return strcmp(alias, expected) ? 1 : qsock_load("");
}

TEST_F(load_unload, socket_loads_the_module)
{
	char self_path[256] = {};

	ASSERT_LT(0, readlink("/proc/self/exe", self_path,
			      sizeof(self_path) - 1));
	ASSERT_EQ(0, qsock_unload());
	ASSERT_TRUE(set_modprobe(self_path));
	EXPECT_EQ(0, socket_errno(AF_QSOCK));
	EXPECT_TRUE(qsock_loaded());
}

TEST_F(load_unload, the_file_carries_the_alias_that_socket_asks_for)
{
	char alias[32], *data, *found;
	int fd = open(qsock_file(), O_RDONLY | O_CLOEXEC);
	struct stat st;
	int len;

	ASSERT_EQ(0, fstat(fd, &st));
	data = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	ASSERT_NE(MAP_FAILED, data);
	len = snprintf(alias, sizeof(alias), "alias=net-pf-%d", AF_QSOCK);
	found = memmem(data, st.st_size, alias, len + 1);
	EXPECT_NE(NULL, found);
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "-q"))
		return be_modprobe(argv[3]);
	return test_harness_run(argc, argv);
}
