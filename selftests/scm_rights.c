// SPDX-License-Identifier: GPL-2.0
/*
 * SCM_RIGHTS: files travel with a message, of every socket type. How long
 * they live when nobody receives them is in scm_rights_life.c.
 */
#include <sys/epoll.h>
#include <sys/resource.h>

#include "qsock_scm.h"

FIXTURE(scm_rights)
{
	int family;
	int fd[2];
	int file;
};

FIXTURE_VARIANT(scm_rights)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(scm_rights);

FIXTURE_SETUP(scm_rights)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	self->file = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	ASSERT_EQ(0, socketpair(self->family, variant->type, 0, self->fd));
	self->file = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->file);
}

FIXTURE_TEARDOWN(scm_rights)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
	close_open(&self->file);
}

static bool nothing_came(int fd)
{
	return files_recv(fd, 1, 0).n == -EAGAIN;
}

TEST_F(scm_rights, one_file)
{
	struct parcel p;
	char byte;

	ASSERT_EQ(4, files_send(self->fd[0], &self->file, 1, "here"));
	p = files_recv(self->fd[1], 8, 0);
	ASSERT_EQ(4, p.n);
	EXPECT_EQ(0, memcmp(p.text, "here", 4));
	EXPECT_EQ(0, p.flags & MSG_CTRUNC);
	ASSERT_EQ(1, p.count);
	/* A new descriptor of the same open file, position and all. */
	EXPECT_NE(self->file, p.file[0]);
	EXPECT_TRUE(same_file(self->file, p.file[0]));
	ASSERT_EQ(1, read(p.file[0], &byte, 1));
	EXPECT_EQ(1, lseek(self->file, 0, SEEK_CUR));
	parcel_close(&p);
}

TEST_F(scm_rights, it_outlives_the_sender)
{
	struct parcel p;
	pid_t child = fork_child(_metadata);

	if (!child) {
		int dir = open("/proc", O_RDONLY | O_DIRECTORY);

		_exit(files_send(self->fd[0], &dir, 1, "x") != 1);
	}
	ASSERT_EQ(0, wait_exit(child));
	close_open(&self->fd[0]);
	p = files_recv(self->fd[1], 1, 0);
	ASSERT_EQ(1, p.n);
	ASSERT_EQ(1, p.count);
	EXPECT_EQ(0, faccessat(p.file[0], "self", F_OK, 0));
	parcel_close(&p);
}

/* Files that are not for reading: a path, an epoll instance, a socket. */
TEST_F(scm_rights, of_any_kind)
{
	int file[3], i;
	struct parcel p;

	file[0] = open("/proc", O_PATH | O_CLOEXEC);
	file[1] = epoll_create1(0);
	file[2] = socket(AF_NETLINK, SOCK_RAW, 0);
	for (i = 0; i < 3; i++)
		ASSERT_LE(0, file[i]);
	ASSERT_EQ(1, files_send(self->fd[0], file, 3, "x"));
	p = files_recv(self->fd[1], 1, 0);
	ASSERT_EQ(3, p.count);
	EXPECT_TRUE(same_file(file[0], p.file[0]));
	EXPECT_TRUE(same_file(file[2], p.file[2]));
	EXPECT_EQ(0, faccessat(p.file[0], "self", F_OK, 0));
	EXPECT_EQ(0, epoll_ctl(p.file[1], EPOLL_CTL_ADD, self->fd[1],
			       &(struct epoll_event){ .events = EPOLLIN }));
	parcel_close(&p);
	for (i = 0; i < 3; i++)
		close(file[i]);
}

TEST_F(scm_rights, up_to_253_files)
{
	int file[SCM_FILES_MAX + 1], i;
	struct parcel p;

	for (i = 0; i <= SCM_FILES_MAX; i++)
		file[i] = i % 2 ? self->file : STDERR_FILENO;
	EXPECT_EQ(-EINVAL, files_send(self->fd[0], file, SCM_FILES_MAX + 1,
				      "x"));
	EXPECT_TRUE(nothing_came(self->fd[1]));
	ASSERT_EQ(1, files_send(self->fd[0], file, SCM_FILES_MAX, "x"));
	p = files_recv(self->fd[1], 1, 0);
	EXPECT_EQ(1, p.n);
	EXPECT_EQ(0, p.flags & MSG_CTRUNC);
	ASSERT_EQ(SCM_FILES_MAX, p.count);
	for (i = 0; i < SCM_FILES_MAX; i++)
		EXPECT_TRUE(same_file(file[i], p.file[i]));
	parcel_close(&p);
}

TEST_F(scm_rights, no_files_are_none)
{
	struct parcel p;

	ASSERT_EQ(1, files_send(self->fd[0], NULL, 0, "x"));
	p = files_recv(self->fd[1], 1, 0);
	EXPECT_EQ(1, p.n);
	EXPECT_EQ(0, p.count);
	EXPECT_EQ(0, p.flags & MSG_CTRUNC);
}

TEST_F(scm_rights, ebadf)
{
	struct witness w = witness(_metadata);
	int file[3] = { w.file, -1, self->file };
	int closed = dup(self->file);

	close(closed);
	EXPECT_EQ(-EBADF, files_send(self->fd[0], file, 3, "x"));
	file[1] = closed;
	EXPECT_EQ(-EBADF, files_send(self->fd[0], file, 3, "x"));
	EXPECT_TRUE(nothing_came(self->fd[1]));
	/* The first was taken already, and is given back. */
	close_open(&w.file);
	EXPECT_TRUE(witness_gone(&w));
	close(w.watch);
}

TEST_F(scm_rights, several_messages_make_one)
{
	int file[3] = { self->file, STDERR_FILENO, self->file }, i;
	struct control c = {};
	struct parcel p;

	control_add(&c, SOL_SOCKET, SCM_RIGHTS, file, sizeof(int));
	control_add(&c, SOL_SOCKET, SCM_RIGHTS, file + 1, 2 * sizeof(int));
	ASSERT_EQ(1, control_send(self->fd[0], &c, "x", 1));
	p = files_recv(self->fd[1], 1, 0);
	ASSERT_EQ(3, p.count);
	for (i = 0; i < 3; i++)
		EXPECT_TRUE(same_file(file[i], p.file[i]));
	parcel_close(&p);
}

TEST_F(scm_rights, several_messages_share_the_limit)
{
	struct witness w = witness(_metadata);
	struct control c = {};
	int file[200], i;

	for (i = 0; i < 200; i++)
		file[i] = w.file;
	control_add(&c, SOL_SOCKET, SCM_RIGHTS, file, sizeof(file));
	control_add(&c, SOL_SOCKET, SCM_RIGHTS, file, 54 * sizeof(int));
	EXPECT_EQ(-EINVAL, control_send(self->fd[0], &c, "x", 1));
	EXPECT_TRUE(nothing_came(self->fd[1]));
	close_open(&w.file);
	EXPECT_TRUE(witness_gone(&w));
	close(w.watch);
}

TEST_F(scm_rights, close_on_exec_is_for_the_receiver_to_say)
{
	int flags[2] = { 0, MSG_CMSG_CLOEXEC }, i;

	for (i = 0; i < 2; i++) {
		struct parcel p;

		ASSERT_EQ(1, files_send(self->fd[0], &self->file, 1, "x"));
		p = files_recv(self->fd[1], 1, flags[i]);
		ASSERT_EQ(1, p.count);
		EXPECT_EQ(i ? FD_CLOEXEC : 0, fcntl(p.file[0], F_GETFD));
		parcel_close(&p);
	}
}

TEST_F(scm_rights, as_many_as_the_buffer_takes)
{
	struct witness w = witness(_metadata);
	int file[3] = { self->file, w.file, w.file }, got[SCM_FILES_MAX];
	struct control c = { .len = CMSG_LEN(sizeof(int)) };
	int flags = 0;
	char byte;

	ASSERT_EQ(1, files_send(self->fd[0], file, 3, "x"));
	close_open(&w.file);
	EXPECT_EQ(1, control_recv(self->fd[1], &c, &byte, 1, 0, &flags));
	EXPECT_EQ(MSG_CTRUNC, flags & MSG_CTRUNC);
	ASSERT_EQ(1, files_in(&c, got));
	EXPECT_TRUE(same_file(self->file, got[0]));
	close(got[0]);
	EXPECT_TRUE(witness_gone(&w));
	close(w.watch);
}

TEST_F(scm_rights, a_buffer_that_takes_none)
{
	static const size_t room[] = { 0, 1, CMSG_LEN(0) };
	size_t i;

	for (i = 0; i < ARRAY_LEN(room); i++) {
		struct witness w = witness(_metadata);
		struct control c = { .len = room[i] };
		int flags = 0;
		char byte;

		witness_send(_metadata, &w, self->fd[0], "x");
		EXPECT_EQ(1, control_recv(self->fd[1], &c, &byte, 1, 0,
					  &flags));
		EXPECT_EQ(MSG_CTRUNC, flags & MSG_CTRUNC);
		EXPECT_TRUE(witness_gone(&w));
		close(w.watch);
	}
}

/* read() and recv() have no place for files. */
TEST_F(scm_rights, a_plain_read_closes_them)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct witness w = witness(_metadata);
		char byte;

		witness_send(_metadata, &w, self->fd[0], "x");
		EXPECT_EQ(1, i ? recv(self->fd[1], &byte, 1, MSG_DONTWAIT) :
				 read(self->fd[1], &byte, 1));
		EXPECT_TRUE(witness_gone(&w));
		close(w.watch);
	}
}

/* In a child: leave it no more than @room descriptors to be had. */
static bool leave_room(int room)
{
	int top = fcntl(STDERR_FILENO, F_DUPFD, 100);
	struct rlimit limit;

	if (top < 0 || getrlimit(RLIMIT_NOFILE, &limit))
		return false;
	limit.rlim_cur = top + 1;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		return false;
	while (dup(STDERR_FILENO) >= 0)
		;
	while (room-- > 0)
		close(top--);
	return errno == EMFILE;
}

TEST_F(scm_rights, as_many_as_the_receiver_may_have)
{
	int room;

	for (room = 0; room < 3; room++) {
		struct witness w = witness(_metadata);
		int file[3] = { w.file, w.file, w.file };
		pid_t child;

		ASSERT_EQ(4, files_send(self->fd[0], file, 3, "here"));
		child = fork_child(_metadata);
		if (!child) {
			struct parcel p;

			close(w.file);
			if (!leave_room(room))
				_exit(100);
			p = files_recv(self->fd[1], 4, 0);
			if (p.n != 4)
				_exit(101);
			if (!(p.flags & MSG_CTRUNC))
				_exit(102);
			_exit(p.count);
		}
		EXPECT_EQ(room, wait_exit(child));
		close_open(&w.file);
		EXPECT_TRUE(witness_gone(&w));
		close(w.watch);
	}
}

/* Not even a look takes them away: each gets descriptors of its own. */
TEST_F(scm_rights, a_peek_gets_copies)
{
	struct parcel p[3];
	int i;

	ASSERT_EQ(2, files_send(self->fd[0], &self->file, 1, "xy"));
	for (i = 0; i < 3; i++) {
		p[i] = files_recv(self->fd[1], 2, i < 2 ? MSG_PEEK : 0);
		ASSERT_EQ(2, p[i].n);
		ASSERT_EQ(1, p[i].count);
		EXPECT_TRUE(same_file(self->file, p[i].file[0]));
	}
	EXPECT_NE(p[0].file[0], p[1].file[0]);
	EXPECT_NE(p[1].file[0], p[2].file[0]);
	for (i = 0; i < 3; i++)
		parcel_close(&p[i]);
	EXPECT_TRUE(nothing_came(self->fd[1]));
}

TEST_F(scm_rights, a_peek_without_room_leaves_them)
{
	struct control c = {};
	struct parcel p;
	int flags = 0;
	char byte;

	ASSERT_EQ(1, files_send(self->fd[0], &self->file, 1, "x"));
	EXPECT_EQ(1, control_recv(self->fd[1], &c, &byte, 1, MSG_PEEK,
				  &flags));
	EXPECT_EQ(MSG_CTRUNC, flags & MSG_CTRUNC);
	p = files_recv(self->fd[1], 1, 0);
	EXPECT_EQ(1, p.count);
	parcel_close(&p);
}

TEST_F(scm_rights, they_stay_with_their_message)
{
	struct parcel p;
	size_t i;

	ASSERT_EQ(1, send(self->fd[0], "a", 1, 0));
	ASSERT_EQ(1, files_send(self->fd[0], &self->file, 1, "b"));
	ASSERT_EQ(1, send(self->fd[0], "c", 1, 0));
	for (i = 0; i < 3; i++) {
		p = files_recv(self->fd[1], 1, 0);
		EXPECT_EQ(1, p.n);
		EXPECT_EQ("abc"[i], p.text[0]);
		EXPECT_EQ(i == 1, p.count);
		parcel_close(&p);
	}
}

TEST_HARNESS_MAIN
