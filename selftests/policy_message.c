// SPDX-License-Identifier: GPL-2.0
/*
 * What becomes of messages that are refused or dropped, and of what goes with
 * them.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/wait.h>

#include "qsock_policy.h"
#include "qsock_proc.h"

FIXTURE(policy_message)
{
	int stream[2];
	int dgram[2];
};

FIXTURE_SETUP(policy_message)
{
	REQUIRE_POLICY();
	ASSERT_EQ(0, socketpair(qsock_family(), SOCK_STREAM, 0, self->stream));
	ASSERT_EQ(0, socketpair(qsock_family(), SOCK_DGRAM, 0, self->dgram));
}

FIXTURE_TEARDOWN_PARENT(policy_message)
{
	policy_unload();
}

TEST_F(policy_message, a_stream_keeps_what_came_before)
{
	char got[16];

	ASSERT_EQ(0, policy_load("deny sendmsg len=3\n"));
	ASSERT_EQ(2, send(self->stream[0], "ab", 2, 0));
	EXPECT_ERRNO(EACCES, send(self->stream[0], "xyz", 3, 0));
	ASSERT_EQ(2, send(self->stream[0], "cd", 2, 0));
	ASSERT_EQ(4, recv(self->stream[1], got, sizeof(got), 0));
	EXPECT_EQ(0, memcmp("abcd", got, 4));
}

/* One call that goes in parts: what was taken counts, the rest is not there. */
TEST_F(policy_message, a_call_that_is_denied_in_the_middle_returns_what_went)
{
	size_t size = 1 << 20, sent, got;
	char *data = calloc(1, size);
	int status;
	pid_t child;

	ASSERT_NE(NULL, data);
	child = fork();
	if (!child) {
		/* The rest comes after the policy has changed. */
		usleep(200000);
		if (policy_load("deny sendmsg\n"))
			_exit(1);
		got = drain_queue(self->stream[1]);
		_exit(got == 0);
	}
	sent = send(self->stream[0], data, size, 0);
	EXPECT_LT(0, sent);
	EXPECT_GT(size, sent);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_ERRNO(EACCES, send(self->stream[0], "x", 1, 0));
	free(data);
}

TEST_F(policy_message, what_must_not_be_received_stays)
{
	char got[16];

	ASSERT_EQ(5, send(self->stream[0], "hello", 5, 0));
	ASSERT_EQ(0, policy_load("deny recvmsg\n"));
	EXPECT_ERRNO(EACCES, recv(self->stream[1], got, sizeof(got), 0));
	EXPECT_ERRNO(EACCES, recv(self->stream[1], got, sizeof(got),
				  MSG_PEEK));
	ASSERT_EQ(0, policy_load("\n"));
	EXPECT_EQ(5, recv(self->stream[1], got, sizeof(got), 0));
}

TEST_F(policy_message, out_of_band_is_no_way_past)
{
	char got[16];

	ASSERT_EQ(1, send(self->stream[0], "!", 1, MSG_OOB));
	ASSERT_EQ(0, policy_load("deny sendmsg,recvmsg\n"));
	EXPECT_ERRNO(EACCES, send(self->stream[0], "!", 1, MSG_OOB));
	EXPECT_ERRNO(EACCES, recv(self->stream[1], got, 1, MSG_OOB));
	ASSERT_EQ(0, policy_load("\n"));
	EXPECT_EQ(1, recv(self->stream[1], got, 1, MSG_OOB));
}

/*
 * Plain messages take a shorter way than others: on either, each is asked about,
 * and once.
 */
static void is_asked_once(struct __test_metadata *_metadata, int type)
{
	static const int one = 1;
	int pair[2], times;
	char got[16];

	ASSERT_EQ(0, socketpair(qsock_family(), type, 0, pair));
	ASSERT_EQ(0, policy_load("deny:EIO sendmsg len=4\n"
				 "allow sendmsg len=5\n"
				 "allow recvmsg len=5\n"
				 "deny:EIO recvmsg len=6\n"));
	for (times = 1; times <= 2; times++) {
		EXPECT_ERRNO(EIO, send(pair[0], "four", 4, 0));
		EXPECT_EQ(times, policy_hits("1"));
		EXPECT_EQ(5, send(pair[0], "hello", 5, 0));
		EXPECT_EQ(times, policy_hits("2"));
		EXPECT_EQ(5, recv(pair[1], got, sizeof(got), MSG_DONTWAIT));
		EXPECT_EQ(times, policy_hits("3"));
		/* The second time there is more than bytes to a message. */
		ASSERT_EQ(0, setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &one,
					sizeof(one)));
	}
	ASSERT_EQ(6, send(pair[0], "secret", 6, 0));
	EXPECT_ERRNO(EIO, recv(pair[1], got, sizeof(got), MSG_DONTWAIT));
	EXPECT_EQ(1, policy_hits("4"));
	close(pair[0]);
	close(pair[1]);
}

TEST_F(policy_message, each_is_asked_about_once)
{
	is_asked_once(_metadata, SOCK_STREAM);
	is_asked_once(_metadata, SOCK_SEQPACKET);
	is_asked_once(_metadata, SOCK_DGRAM);
}

TEST_F(policy_message, splice_is_no_way_past)
{
	int pipe_fd[2];

	ASSERT_EQ(0, pipe(pipe_fd));
	ASSERT_EQ(5, write(pipe_fd[1], "hello", 5));
	ASSERT_EQ(0, policy_load("deny sendmsg,recvmsg\n"));
	EXPECT_ERRNO(EACCES, splice(pipe_fd[0], NULL, self->stream[0], NULL,
				    5, 0));
	ASSERT_EQ(0, policy_load("deny recvmsg\n"));
	ASSERT_EQ(5, send(self->stream[0], "hello", 5, 0));
	EXPECT_ERRNO(EACCES, splice(self->stream[1], NULL, pipe_fd[1], NULL,
				    5, 0));
	ASSERT_EQ(0, policy_load("\n"));
	EXPECT_EQ(5, splice(self->stream[1], NULL, pipe_fd[1], NULL, 5, 0));
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}

#define FILE_SIZE	32768

/* A file of that many times @byte. */
static int file_of(struct __test_metadata *_metadata, char byte)
{
	static char data[FILE_SIZE];
	int file = memfd_create("file", MFD_CLOEXEC);

	memset(data, byte, sizeof(data));
	ASSERT_LE(0, file);
	ASSERT_EQ(FILE_SIZE, write(file, data, FILE_SIZE));
	return file;
}

/* Who may write to the file's pages must not change what was let through. */
TEST_F(policy_message, sendfile_copies_what_is_let_through)
{
	int file = file_of(_metadata, 'a');
	off_t start = 0;
	char got[8];

	ASSERT_EQ(0, policy_load("deny sendmsg len=1\n"));
	ASSERT_EQ(FILE_SIZE, sendfile(self->stream[0], file, &start,
				      FILE_SIZE));
	ASSERT_EQ(8, pwrite(file, "bbbbbbbb", 8, 0));
	ASSERT_EQ(8, recv(self->stream[1], got, 8, 0));
	EXPECT_EQ(0, memcmp("aaaaaaaa", got, 8));
	close(file);
}

TEST_F(policy_message, pages_are_no_way_past)
{
	int file = file_of(_metadata, 'a');
	off_t start = 0;
	char got[8];

	ASSERT_EQ(FILE_SIZE, sendfile(self->stream[0], file, &start,
				      FILE_SIZE));
	ASSERT_EQ(0, policy_load("deny:EIO recvmsg len=8\n"));
	EXPECT_ERRNO(EIO, recv(self->stream[1], got, 8, 0));
	ASSERT_EQ(7, recv(self->stream[1], got, 7, 0));
	EXPECT_EQ(0, memcmp("aaaaaaa", got, 7));
	ASSERT_EQ(0, policy_load("\n"));
	ASSERT_EQ(8, recv(self->stream[1], got, 8, 0));
	EXPECT_EQ(0, memcmp("aaaaaaaa", got, 8));
	close(file);
}

TEST_F(policy_message, a_dropped_datagram_is_said_to_be_sent)
{
	char got[16];

	ASSERT_EQ(0, policy_load("drop sendmsg type=dgram len=3\n"));
	EXPECT_EQ(3, send(self->dgram[0], "xyz", 3, 0));
	EXPECT_EQ(2, send(self->dgram[0], "ab", 2, 0));
	EXPECT_EQ(2, recv(self->dgram[1], got, sizeof(got), MSG_DONTWAIT));
	EXPECT_ERRNO(EAGAIN, recv(self->dgram[1], got, sizeof(got),
				  MSG_DONTWAIT));
	EXPECT_LE(1, policy_hits("1"));
}

TEST_F(policy_message, what_is_dropped_uses_no_room)
{
	static const char message[100];
	int value = 0, i;

	ASSERT_EQ(0, policy_load("drop sendmsg type=dgram\n"));
	for (i = 0; i < 10000; i++)
		ASSERT_EQ(100, send(self->dgram[0], message, 100,
				    MSG_DONTWAIT));
	EXPECT_EQ(0, ioctl(self->dgram[0], TIOCOUTQ, &value));
	EXPECT_EQ(0, value);
}

TEST_F(policy_message, not_enforced_nothing_is_dropped)
{
	char got[16];

	ASSERT_EQ(0, policy_load("drop sendmsg type=dgram\n"));
	ASSERT_EQ(0, policy_enforce("0"));
	EXPECT_EQ(3, send(self->dgram[0], "xyz", 3, 0));
	EXPECT_EQ(3, recv(self->dgram[1], got, sizeof(got), MSG_DONTWAIT));
	EXPECT_EQ(1, policy_hits("1"));
}

/* A file that is not passed is held by nobody afterwards. */
static void is_let_go(struct __test_metadata *_metadata, int fd,
		      const char *policy, ssize_t expected)
{
	struct witness w = witness(_metadata);

	ASSERT_EQ(0, policy_load(policy));
	EXPECT_EQ(expected, files_send(fd, &w.file, 1, "file"));
	close_open(&w.file);
	EXPECT_TRUE(witness_gone(&w));
	close(w.watch);
	ASSERT_EQ(0, policy_load("\n"));
}

TEST_F(policy_message, files_that_are_refused_are_let_go)
{
	int packet[2];

	ASSERT_EQ(0, socketpair(qsock_family(), SOCK_SEQPACKET, 0, packet));
	is_let_go(_metadata, self->stream[0], "deny pass_file\n", -EACCES);
	is_let_go(_metadata, self->dgram[0], "deny pass_file\n", -EACCES);
	is_let_go(_metadata, packet[0], "deny pass_file\n", -EACCES);
	is_let_go(_metadata, self->stream[0], "deny sendmsg\n", -EACCES);
	is_let_go(_metadata, self->dgram[0], "deny sendmsg\n", -EACCES);
	is_let_go(_metadata, packet[0], "deny sendmsg\n", -EACCES);
	is_let_go(_metadata, self->dgram[0], "drop sendmsg type=dgram\n", 4);
	close(packet[0]);
	close(packet[1]);
}

TEST_F(policy_message, files_that_must_not_be_received_stay)
{
	struct witness w = witness(_metadata);
	struct parcel p;

	witness_send(_metadata, &w, self->stream[0], "file");
	ASSERT_EQ(0, policy_load("deny recvmsg\n"));
	p = files_recv(self->stream[1], 4, 0);
	EXPECT_EQ(-EACCES, p.n);
	EXPECT_EQ(0, p.count);
	EXPECT_TRUE(witness_lives(&w));
	ASSERT_EQ(0, policy_load("\n"));
	p = files_recv(self->stream[1], 4, 0);
	EXPECT_EQ(4, p.n);
	EXPECT_EQ(1, p.count);
	parcel_close(&p);
	EXPECT_TRUE(witness_gone(&w));
	close(w.watch);
}

/*
 * The confused deputy: a user hands a descriptor to a privileged program, such
 * as one that is set-user-ID, which then writes to it. Who writes is who is
 * judged, at the time of the write; who made the connection is the peer of the
 * other end and stays that. So a rule against the user at the sender's side does
 * not see it, and one at the receiver's side does.
 */
TEST_F(policy_message, a_deputy_is_judged_as_itself)
{
	struct test_addr server = nul_addr(qsock_family(), "deputy");
	int listener = stream_listen(_metadata, &server, 1);
	int hand[2], fd, status;
	struct parcel p;
	char got[16];
	pid_t user;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, hand));
	ASSERT_EQ(0, policy_load("deny:EPERM sendmsg uid=1000\n"));
	user = fork();
	if (!user) {
		if (!drop_to(1000, 1000))
			_exit(2);
		fd = socket(qsock_family(), SOCK_STREAM, 0);
		if (connect(fd, &server.sa, server.len))
			_exit(3);
		/* AF_UNIX carries it, as an execve(2) would. */
		if (files_send(hand[1], &fd, 1, "fd") != 2)
			_exit(4);
		_exit(send(fd, "me", 2, 0) != -1 || errno != EPERM);
	}
	fd = accept(listener, NULL, NULL);
	ASSERT_LE(0, fd);
	p = files_recv(hand[0], 2, 0);
	while (p.n == -EAGAIN) {
		usleep(1000);
		p = files_recv(hand[0], 2, 0);
	}
	ASSERT_EQ(1, p.count);
	ASSERT_EQ(user, waitpid(user, &status, 0));
	EXPECT_EQ(0, status);

	/* Root writes to the user's socket: that is root's message. */
	EXPECT_EQ(4, send(p.file[0], "root", 4, 0));
	/* The receiver's rule knows who connected. */
	ASSERT_EQ(0, policy_load("deny:EIO recvmsg peer-uid=1000\n"));
	EXPECT_ERRNO(EIO, recv(fd, got, sizeof(got), MSG_DONTWAIT));
	ASSERT_EQ(0, policy_load("deny:EIO recvmsg peer-uid=0\n"));
	EXPECT_EQ(4, recv(fd, got, sizeof(got), MSG_DONTWAIT));
	parcel_close(&p);
	close(listener);
	close(fd);
}

TEST_HARNESS_MAIN
