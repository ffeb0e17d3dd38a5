// SPDX-License-Identifier: GPL-2.0
/*
 * Each condition of a rule, where it holds and where it does not.
 */
#include <sys/wait.h>

#include "qsock_policy.h"
#include "qsock_proc.h"

FIXTURE(policy_conditions)
{
	int listener;
	int fd[2];		/* connected, accepted */
	char exe[256];
	char cgroup[256];
};

FIXTURE_SETUP(policy_conditions)
{
	int family = qsock_family();
	struct test_addr server = raw_addr(family, "/run/server", 12);
	struct test_addr client = raw_addr(family, "\0client", 7);
	char line[512], *newline;
	ssize_t n;
	FILE *file;

	REQUIRE_POLICY();
	n = readlink("/proc/self/exe", self->exe, sizeof(self->exe) - 1);
	ASSERT_LT(0, n);
	self->exe[n] = '\0';
	file = fopen("/proc/self/cgroup", "r");
	while (file && fgets(line, sizeof(line), file)) {
		newline = strchr(line, '\n');
		if (newline)
			*newline = '\0';
		if (!strncmp(line, "0::", 3))
			snprintf(self->cgroup, sizeof(self->cgroup),
				 "%.255s", line + 3);
	}
	if (file)
		fclose(file);
	/* Another user connects to it too. */
	umask(0);
	self->listener = stream_listen(_metadata, &server, 4);
	self->fd[0] = stream_bind(_metadata, &client);
	ASSERT_EQ(0, connect(self->fd[0], &server.sa, server.len));
	self->fd[1] = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, self->fd[1]);
}

FIXTURE_TEARDOWN_PARENT(policy_conditions)
{
	policy_unload();
}

/* Whether the one rule with this condition holds for a send of 5 bytes. */
#define HOLDS(condition) ({						\
	char text_[600];						\
	int n_;								\
									\
	snprintf(text_, sizeof(text_), "deny sendmsg %s\n", condition);	\
	ASSERT_EQ(0, policy_load(text_)) TH_LOG("%s", text_);		\
	n_ = send(self->fd[0], "hello", 5, MSG_DONTWAIT);		\
	if (n_ < 0)							\
		ASSERT_EQ(EACCES, errno);				\
	n_ < 0;								\
})

#define EXPECT_HOLDS_IS(condition, expected) do {			\
	bool holds_ = HOLDS(condition);					\
									\
	EXPECT_EQ(expected, holds_) {					\
		TH_LOG("%s", condition);				\
	}								\
} while (0)
#define EXPECT_HOLDS(condition)		EXPECT_HOLDS_IS(condition, true)
#define EXPECT_HOLDS_NOT(condition)	EXPECT_HOLDS_IS(condition, false)

TEST_F(policy_conditions, user_and_group)
{
	EXPECT_HOLDS("uid=0");
	EXPECT_HOLDS("uid=1,0");
	EXPECT_HOLDS("uid=-10");
	EXPECT_HOLDS_NOT("uid=1-");
	EXPECT_HOLDS_NOT("uid!=0");
	EXPECT_HOLDS("gid=0");
	EXPECT_HOLDS_NOT("gid=1");
	EXPECT_HOLDS_NOT("uid=0 gid=1");
}

TEST_F(policy_conditions, another_user)
{
	int status;
	pid_t child;

	ASSERT_EQ(0, policy_load("deny:EPERM sendmsg uid=1000 gid=2000\n"));
	EXPECT_EQ(1, send(self->fd[0], "x", 1, 0));
	child = fork();
	if (!child) {
		if (!drop_to(1000, 2000))
			_exit(2);
		_exit(send(self->fd[0], "x", 1, 0) != -1 || errno != EPERM);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(policy_conditions, program)
{
	char text[300];

	snprintf(text, sizeof(text), "exe=%s", self->exe);
	EXPECT_HOLDS(text);
	snprintf(text, sizeof(text), "exe=%.*s*",
		 (int)strlen(self->exe) - 3, self->exe);
	EXPECT_HOLDS(text);
	EXPECT_HOLDS("exe=*policy_conditions");
	EXPECT_HOLDS_NOT("exe=*/policy");
	EXPECT_HOLDS_NOT("exe=/usr/bin/*");
}

TEST_F(policy_conditions, cgroup)
{
	char text[300];

	if (!self->cgroup[0])
		SKIP(return, "this kernel has no unified hierarchy");
	snprintf(text, sizeof(text), "cgroup=\"%s\"", self->cgroup);
	EXPECT_HOLDS(text);
	EXPECT_HOLDS("cgroup=/*");
	EXPECT_HOLDS_NOT("cgroup=/nowhere/*");
}

TEST_F(policy_conditions, names)
{
	EXPECT_HOLDS("name=@client");
	EXPECT_HOLDS("name=@cli*");
	EXPECT_HOLDS("name=\"\\x00client\"");
	EXPECT_HOLDS_NOT("name=client");
	EXPECT_HOLDS_NOT("name=@client2");
	EXPECT_HOLDS("peer=/run/server");
	EXPECT_HOLDS("peer=/run/?erver");
	EXPECT_HOLDS("peer=/nowhere,/run/*");
	EXPECT_HOLDS_NOT("peer=/run");
	EXPECT_HOLDS_NOT("peer!=*server");
	EXPECT_HOLDS_NOT("peer=@/run/server");
}

TEST_F(policy_conditions, peer_is_who_listened)
{
	EXPECT_HOLDS("peer-uid=0 peer-gid=0");
	EXPECT_HOLDS_NOT("peer-uid=1");
	EXPECT_HOLDS_NOT("peer-gid=1");
}

TEST_F(policy_conditions, type)
{
	EXPECT_HOLDS("type=stream");
	EXPECT_HOLDS("type=dgram,stream");
	EXPECT_HOLDS_NOT("type=dgram,seqpacket");
	EXPECT_HOLDS_NOT("type!=stream");
}

TEST_F(policy_conditions, length)
{
	EXPECT_HOLDS("len=5");
	EXPECT_HOLDS("len=1-5");
	EXPECT_HOLDS("len=5-");
	EXPECT_HOLDS_NOT("len=6-");
	EXPECT_HOLDS_NOT("len=-4");
}

TEST_F(policy_conditions, files)
{
	int file[] = { 0, 1 };

	EXPECT_HOLDS("files=0");
	EXPECT_HOLDS_NOT("files=1-");
	ASSERT_EQ(0, policy_load("deny:EPERM sendmsg files=2-\n"));
	EXPECT_EQ(-EPERM, files_send(self->fd[0], file, 2, "two"));
	EXPECT_EQ(3, files_send(self->fd[0], file, 1, "one"));
	ASSERT_EQ(0, policy_load("deny:EIO pass_file files=2\n"));
	EXPECT_EQ(-EIO, files_send(self->fd[0], file, 2, "two"));
	EXPECT_EQ(3, files_send(self->fd[0], file, 1, "one"));
}

/* The name that is to be bound, which nobody has yet. */
TEST_F(policy_conditions, name_of_a_bind)
{
	struct test_addr addr = raw_addr(qsock_family(), "/secret/a", 10);
	struct test_addr other = raw_addr(qsock_family(), "/open/a", 8);
	int fd = stream_socket(_metadata, qsock_family(), 0);

	ASSERT_EQ(0, policy_load("deny:EPERM bind name=/secret/*\n"));
	EXPECT_ERRNO(EPERM, bind(fd, &addr.sa, addr.len));
	EXPECT_EQ(0, bind(fd, &other.sa, other.len));
	close(fd);
}

/* The shortest name there is: one NUL, which is written as @ alone. */
TEST_F(policy_conditions, name_of_one_byte)
{
	struct test_addr addr = raw_addr(qsock_family(), "\0", 1);
	struct test_addr other = raw_addr(qsock_family(), "\0a", 2);
	int fd = stream_socket(_metadata, qsock_family(), 0);
	int second = stream_socket(_metadata, qsock_family(), 0);

	ASSERT_EQ(0, policy_load("deny:EPERM bind name=@\n"));
	EXPECT_ERRNO(EPERM, bind(fd, &addr.sa, addr.len));
	EXPECT_EQ(0, bind(second, &other.sa, other.len));
	ASSERT_EQ(0, policy_load("deny:EPERM bind name=\\@,@?\n"));
	EXPECT_EQ(0, bind(fd, &addr.sa, addr.len));
	close(fd);
	close(second);
}

/* What qsock-policy(5) has against another spelling of a path of qsock-run's. */
TEST_F(policy_conditions, names_of_a_form_are_for_some)
{
	static const struct {
		const char *name;
		int error;
	} cases[] = {
		{ "file:/run/bus:W1.1D.1", 0 },
		{ "file:./bus:W1.1D.1", EACCES },
		{ "file:/run/bus2:W1.1D.1", EACCES },
		{ "part:/run/bus:W1.1D.1", EACCES },
		{ "/run/bus", 0 },
	};
	unsigned int i;

	ASSERT_EQ(0, policy_load("allow bind name=file:/run/bus:* uid=0\n"
				 "deny bind name=file:*,part:*\n"));
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		struct test_addr addr = raw_addr(qsock_family(), cases[i].name,
						 strlen(cases[i].name) + 1);
		int fd = stream_socket(_metadata, qsock_family(), 0);
		int error = bind(fd, &addr.sa, addr.len) ? errno : 0;

		EXPECT_EQ(cases[i].error, error) {
			TH_LOG("%s", cases[i].name);
		}
		close(fd);
	}
}

/* The user who connected, and no other, is what accept(2) is asked about. */
TEST_F(policy_conditions, peer_of_an_accept)
{
	struct test_addr server = raw_addr(qsock_family(), "/run/server", 12);
	int status, fd;
	pid_t child;

	ASSERT_EQ(0, policy_load("deny:EPERM accept peer-uid=1000\n"));
	child = fork();
	if (!child) {
		fd = socket(qsock_family(), SOCK_STREAM, 0);
		if (!drop_to(1000, 1000))
			_exit(2);
		_exit(connect(fd, &server.sa, server.len) ? 1 : 0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_EQ(0, status);
	EXPECT_ERRNO(EPERM, accept(self->listener, NULL, NULL));

	fd = stream_connect(_metadata, &server);
	close(fd);
	fd = accept(self->listener, NULL, NULL);
	EXPECT_LE(0, fd);
	close(fd);
}

/* A datagram's peer is who made the socket that it goes to or comes from. */
TEST_F(policy_conditions, peer_of_a_datagram)
{
	struct test_addr a = nul_addr(qsock_family(), "a");
	struct test_addr b = nul_addr(qsock_family(), "b");
	int from = typed_bind(_metadata, SOCK_DGRAM, &a);
	int to = typed_bind(_metadata, SOCK_DGRAM, &b);
	char got[8];

	ASSERT_EQ(0, policy_load("deny:EPERM sendmsg peer=@*.b peer-uid=0\n"
				 "deny:EIO recvmsg peer=@*.a peer-uid=0\n"));
	EXPECT_ERRNO(EPERM, sendto(from, "x", 1, 0, &b.sa, b.len));
	EXPECT_EQ(1, sendto(to, "x", 1, 0, &a.sa, a.len));
	EXPECT_EQ(1, recv(from, got, sizeof(got), 0));
	ASSERT_EQ(0, policy_load("\n"));
	EXPECT_EQ(1, sendto(from, "x", 1, 0, &b.sa, b.len));
	ASSERT_EQ(0, policy_load("deny:EIO recvmsg peer=@*.a peer-uid=0\n"));
	EXPECT_ERRNO(EIO, recv(to, got, sizeof(got), 0));
	close(from);
	close(to);
}

TEST_HARNESS_MAIN
