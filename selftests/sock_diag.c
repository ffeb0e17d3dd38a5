// SPDX-License-Identifier: GPL-2.0
/*
 * sock_diag(7): what it tells of a socket that is looked up, and which it
 * lists; in a network namespace of its own, where nobody else's sockets are.
 */
#include <sys/resource.h>

#include "qsock_diag.h"
#include "qsock_proc.h"
#include "qsock_test.h"

FIXTURE(sock_diag)
{
	int family;
	int nl;
	struct diag diag;
};

FIXTURE_VARIANT(sock_diag)
{
	bool qsock;
};

FAMILY_VARIANTS(sock_diag);

FIXTURE_SETUP(sock_diag)
{
	int found;

	self->nl = -1;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	self->nl = diag_open(_metadata);
	if (!variant->qsock &&
	    diag_dump(self->nl, self->family, ~0U, 0, &found) == -ENOENT)
		SKIP(return, "the kernel has no sock_diag of AF_UNIX");
}

FIXTURE_TEARDOWN(sock_diag)
{
	close_open(&self->nl);
}

#define DIAG(fd, show) \
	ASSERT_EQ(0, diag_of(self->nl, self->family, fd, show, &self->diag))

TEST_F(sock_diag, tells_type_and_state)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	struct diag *diag = &self->diag;
	size_t i;
	int j;

	for (i = 0; i < ARRAY_LEN(types); i++) {
		int fd = socket(self->family, types[i], 0);

		DIAG(fd, 0);
		EXPECT_EQ(self->family, diag->msg.udiag_family);
		EXPECT_EQ(types[i], diag->msg.udiag_type);
		EXPECT_EQ(DIAG_CLOSE, diag->msg.udiag_state);
		EXPECT_EQ(diag_inode(fd), diag->msg.udiag_ino);
		/* Nothing was asked for, and this is told always. */
		for (j = 0; j <= UNIX_DIAG_MAX; j++)
			EXPECT_EQ(j == UNIX_DIAG_SHUTDOWN ? 1 : -1,
				  diag->attr[j].len);
		EXPECT_EQ(0, diag->attr[UNIX_DIAG_SHUTDOWN].bytes[0]);
		close(fd);
	}
}

TEST_F(sock_diag, a_cookie_must_be_the_sockets)
{
	int fd = stream_socket(_metadata, self->family, 0);
	struct unix_diag_req request = {
		.sdiag_family = self->family,
		.udiag_ino = diag_inode(fd),
	};
	struct diag *diag = &self->diag;
	unsigned long long cookie;
	socklen_t len = sizeof(cookie);

	ASSERT_EQ(0, getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len));
	request.udiag_cookie[0] = cookie;
	request.udiag_cookie[1] = cookie >> 32;
	EXPECT_EQ(0, diag_request(self->nl, &request, sizeof(request), diag));
	EXPECT_EQ(request.udiag_cookie[0], diag->msg.udiag_cookie[0]);
	EXPECT_EQ(request.udiag_cookie[1], diag->msg.udiag_cookie[1]);
	request.udiag_cookie[0]++;
	EXPECT_EQ(-ESTALE,
		  diag_request(self->nl, &request, sizeof(request), diag));
	close(fd);
}

TEST_F(sock_diag, refuses_what_is_not_there)
{
	int fd = stream_socket(_metadata, self->family, 0);
	struct unix_diag_req request = {
		.sdiag_family = self->family,
		.udiag_cookie = { ~0U, ~0U },
	};
	struct diag *diag = &self->diag;

	EXPECT_EQ(-EINVAL,
		  diag_request(self->nl, &request, sizeof(request), diag));
	request.udiag_ino = diag_inode(fd);
	EXPECT_EQ(-EINVAL, diag_request(self->nl, &request,
					sizeof(request) - 4, diag));
	EXPECT_EQ(0, diag_request(self->nl, &request, sizeof(request), diag));
	close(fd);
	EXPECT_EQ(-ENOENT,
		  diag_request(self->nl, &request, sizeof(request), diag));
}

TEST_F(sock_diag, a_name_is_told_byte_for_byte)
{
	static const char names[][8] = { "\0a\0b", "path" };
	struct diag *diag = &self->diag;
	char *dir = make_name_dir(_metadata);
	size_t i;

	ASSERT_EQ(0, chdir(dir));
	for (i = 0; i < ARRAY_LEN(names); i++) {
		struct test_addr addr = raw_addr(self->family, names[i], 5);
		int fd = stream_bind(_metadata, &addr);

		DIAG(fd, UDIAG_SHOW_NAME);
		ASSERT_EQ(5, diag->attr[UNIX_DIAG_NAME].len);
		EXPECT_EQ(0, memcmp(diag->attr[UNIX_DIAG_NAME].bytes,
				    names[i], 5));
		close(fd);
	}
	remove_name_dir(dir);
}

TEST_F(sock_diag, a_peer_is_told_by_its_inode)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	struct diag *diag = &self->diag;
	int fd[2];
	size_t i;

	for (i = 0; i < ARRAY_LEN(types); i++) {
		ASSERT_EQ(0, socketpair(self->family, types[i], 0, fd));
		DIAG(fd[0], UDIAG_SHOW_PEER);
		EXPECT_EQ(DIAG_ESTABLISHED, diag->msg.udiag_state);
		EXPECT_EQ(diag_inode(fd[1]),
			  diag_word(diag, UNIX_DIAG_PEER, 0));
		close(fd[1]);
		DIAG(fd[0], UDIAG_SHOW_PEER);
		EXPECT_EQ(0, diag_word(diag, UNIX_DIAG_PEER, 0));
		close(fd[0]);
	}
}

TEST_F(sock_diag, a_listener_tells_who_waits)
{
	struct test_addr addr = nul_addr(self->family, "name");
	int listener = stream_listen(_metadata, &addr, 7), client[2];
	unsigned int show = UDIAG_SHOW_ICONS | UDIAG_SHOW_RQLEN |
			    UDIAG_SHOW_PEER;
	struct diag *diag = &self->diag;

	client[0] = stream_connect(_metadata, &addr);
	client[1] = stream_connect(_metadata, &addr);
	DIAG(listener, show);
	EXPECT_EQ(DIAG_LISTEN, diag->msg.udiag_state);
	EXPECT_EQ(-1, diag->attr[UNIX_DIAG_PEER].len);
	EXPECT_EQ(8, diag->attr[UNIX_DIAG_ICONS].len);
	EXPECT_EQ(diag_inode(client[0]), diag_word(diag, UNIX_DIAG_ICONS, 0));
	EXPECT_EQ(diag_inode(client[1]), diag_word(diag, UNIX_DIAG_ICONS, 1));
	EXPECT_EQ(2, diag_word(diag, UNIX_DIAG_RQLEN, 0));
	EXPECT_EQ(7, diag_word(diag, UNIX_DIAG_RQLEN, 1));
	/* Nobody is at the other end yet. */
	DIAG(client[0], show);
	EXPECT_EQ(-1, diag->attr[UNIX_DIAG_ICONS].len);
	EXPECT_EQ(0, diag_word(diag, UNIX_DIAG_PEER, 0));
	close(client[0]);
	close(client[1]);
	close(listener);
}

TEST_F(sock_diag, a_queue_is_told_in_bytes)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	struct diag *diag = &self->diag;
	size_t i;
	int fd[2];

	for (i = 0; i < ARRAY_LEN(types); i++) {
		ASSERT_EQ(0, socketpair(self->family, types[i], 0, fd));
		ASSERT_EQ(5, send(fd[0], "hello", 5, 0));
		DIAG(fd[1], UDIAG_SHOW_RQLEN);
		EXPECT_EQ(5, diag_word(diag, UNIX_DIAG_RQLEN, 0));
		EXPECT_EQ(0, diag_word(diag, UNIX_DIAG_RQLEN, 1));
		DIAG(fd[0], UDIAG_SHOW_RQLEN);
		EXPECT_EQ(0, diag_word(diag, UNIX_DIAG_RQLEN, 0));
		/* AF_UNIX counts the memory of its buffers. */
		EXPECT_LE(5, diag_word(diag, UNIX_DIAG_RQLEN, 1));
		EXPECT_EQ(variant->qsock,
			  diag_word(diag, UNIX_DIAG_RQLEN, 1) == 5);
		close(fd[0]);
		close(fd[1]);
	}
}

TEST_F(sock_diag, a_shutdown_is_told_at_both_ends)
{
	struct diag *diag = &self->diag;
	int fd[2];

	ASSERT_EQ(0, socketpair(self->family, SOCK_STREAM, 0, fd));
	ASSERT_EQ(0, shutdown(fd[0], SHUT_WR));
	DIAG(fd[0], 0);
	EXPECT_EQ(2, diag->attr[UNIX_DIAG_SHUTDOWN].bytes[0]);
	DIAG(fd[1], 0);
	EXPECT_EQ(1, diag->attr[UNIX_DIAG_SHUTDOWN].bytes[0]);
	close(fd[1]);
	DIAG(fd[0], 0);
	EXPECT_EQ(3, diag->attr[UNIX_DIAG_SHUTDOWN].bytes[0]);
	close(fd[0]);
}

TEST_F(sock_diag, the_owner_and_memory_are_told)
{
	int fd = stream_socket(_metadata, self->family, 0);
	struct diag *diag = &self->diag;
	int size = 0;
	socklen_t len = sizeof(size);

	if (!geteuid())
		ASSERT_EQ(0, fchown(fd, NOBODY, NOBODY));
	DIAG(fd, UDIAG_SHOW_UID | UDIAG_SHOW_MEMINFO);
	EXPECT_EQ(geteuid() ?: NOBODY, diag_word(diag, UNIX_DIAG_UID, 0));
	ASSERT_EQ(0, getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &len));
	EXPECT_EQ(size, diag_word(diag, UNIX_DIAG_MEMINFO,
				  SK_MEMINFO_SNDBUF));
	close(fd);
}

TEST_F(sock_diag, a_path_is_a_file_only_where_it_should)
{
	char *dir = make_name_dir(_metadata);
	struct test_addr addr = path_addr(self->family, dir, "name");
	int fd = stream_bind(_metadata, &addr);
	struct stat st;

	DIAG(fd, UDIAG_SHOW_VFS | UDIAG_SHOW_NAME);
	EXPECT_EQ(addr.len - NAME_OFFSET,
		  self->diag.attr[UNIX_DIAG_NAME].len);
	if (variant->qsock) {
		EXPECT_EQ(-1, self->diag.attr[UNIX_DIAG_VFS].len);
	} else {
		ASSERT_EQ(0, stat(addr.un.sun_path, &st));
		EXPECT_EQ((unsigned int)st.st_ino,
			  diag_word(&self->diag, UNIX_DIAG_VFS, 0));
	}
	close(fd);
	remove_name_dir(dir);
}

TEST_F(sock_diag, a_reply_that_is_too_long_is_refused)
{
	enum { MANY = 2200 };
	struct test_addr addr = nul_addr(self->family, "name");
	struct rlimit files = { MANY + 50, MANY + 50 };
	int listener, i;

	if (setrlimit(RLIMIT_NOFILE, &files))
		SKIP(return, "needs %d files", MANY);
	listener = stream_listen(_metadata, &addr, MANY);
	for (i = 0; i < MANY; i++)
		stream_connect(_metadata, &addr);
	EXPECT_EQ(-EMSGSIZE, diag_of(self->nl, self->family, listener,
				     UDIAG_SHOW_ICONS, &self->diag));
	EXPECT_EQ(0, diag_of(self->nl, self->family, listener,
			     UDIAG_SHOW_RQLEN, &self->diag));
	EXPECT_EQ(MANY, diag_word(&self->diag, UNIX_DIAG_RQLEN, 0));
}

#define DUMP(states, fd, found) \
	diag_dump(self->nl, self->family, states, diag_inode(fd), found)

TEST_F(sock_diag, lists_by_state)
{
	struct test_addr addr = nul_addr(self->family, "name");
	int listener = stream_listen(_metadata, &addr, 1), fd[2], found;

	ASSERT_EQ(0, socketpair(self->family, SOCK_DGRAM, 0, fd));
	EXPECT_EQ(1, DUMP(1 << DIAG_LISTEN, listener, &found));
	EXPECT_EQ(1, found);
	EXPECT_EQ(2, DUMP(1 << DIAG_ESTABLISHED, listener, &found));
	EXPECT_EQ(0, found);
	EXPECT_EQ(0, DUMP(1 << DIAG_CLOSE, listener, &found));
	EXPECT_EQ(0, DUMP(0, listener, &found));
	EXPECT_EQ(3, DUMP(~0U, fd[1], &found));
	EXPECT_EQ(1, found);
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	close(self->nl);
	self->nl = diag_open(_metadata);
	EXPECT_EQ(0, DUMP(~0U, listener, &found));
	EXPECT_EQ(-ENOENT, diag_of(self->nl, self->family, listener, 0,
				   &self->diag));
	close(fd[0]);
	close(fd[1]);
	close(listener);
}

TEST_F(sock_diag, lists_many_once_each)
{
	enum { MANY = 900 };
	int fd[MANY], found, i;

	for (i = 0; i < MANY; i++)
		fd[i] = stream_socket(_metadata, self->family, 0);
	/* More than fits in a message. */
	EXPECT_EQ(MANY, DUMP(~0U, fd[MANY / 2], &found));
	EXPECT_EQ(1, found);
	for (i = 0; i < MANY; i++)
		close(fd[i]);
	EXPECT_EQ(0, DUMP(~0U, self->nl, &found));
}

TEST_HARNESS_MAIN
