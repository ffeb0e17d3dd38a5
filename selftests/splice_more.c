// SPDX-License-Identifier: GPL-2.0
/*
 * splice(), sendfile(), tee() and vmsplice() on every type of socket, where
 * they must not wait, and where messages have borders.
 */
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_types.h"

#define SIZE	12345	/* fewer bytes than a pipe holds pages */

FIXTURE(splice_more)
{
	int fd[2];
	int pipe[2];
	char data[SIZE];
};

FIXTURE_VARIANT(splice_more)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(splice_more);

FIXTURE_SETUP(splice_more)
{
	struct byte_stream out = byte_stream(11);

	self->fd[0] = -1;
	self->fd[1] = -1;
	self->pipe[0] = -1;
	self->pipe[1] = -1;
	REQUIRE_FAMILY(variant);
	ASSERT_EQ(0, socketpair(test_family(variant->qsock), variant->type, 0,
				self->fd));
	ASSERT_EQ(0, pipe(self->pipe));
	stream_make(&out, self->data, SIZE);
}

FIXTURE_TEARDOWN(splice_more)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
	close_open(&self->pipe[0]);
	close_open(&self->pipe[1]);
}

/* A file of @copies of the data. */
static int data_file(struct __test_metadata *_metadata, const char *data,
		     int copies)
{
	int file = memfd_create("data", MFD_CLOEXEC);

	ASSERT_LE(0, file);
	while (copies--)
		ASSERT_EQ(SIZE, write(file, data, SIZE));
	return file;
}

TEST_F(splice_more, sendfile_of_a_small_file_is_one_message)
{
	int file = data_file(_metadata, self->data, 1);
	char got[SIZE + 1];
	off_t offset = 0;

	ASSERT_EQ(SIZE, sendfile(self->fd[0], file, &offset, SIZE));
	EXPECT_EQ(SIZE, offset);
	EXPECT_EQ(SIZE, recv(self->fd[1], got, sizeof(got), MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp(self->data, got, SIZE));
	EXPECT_EQ(0, poll_one(self->fd[1], POLLIN, 0));
	close(file);
}

TEST_F(splice_more, sendfile_starts_where_it_is_told)
{
	int file = data_file(_metadata, self->data, 1);
	char got[SIZE];
	off_t offset = 5000;

	ASSERT_EQ(2000, sendfile(self->fd[0], file, &offset, 2000));
	EXPECT_EQ(7000, offset);
	EXPECT_EQ(2000, recv(self->fd[1], got, sizeof(got), MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp(self->data + 5000, got, 2000));
	close(file);
}

/* More than any queue holds: it goes on as the other end receives. */
TEST_F(splice_more, sendfile_of_a_large_file_arrives_in_order)
{
	int copies = 100, file = data_file(_metadata, self->data, copies);
	off_t offset = 0, size = (off_t)copies * SIZE;
	pid_t child = fork_child(_metadata);

	if (!child) {
		char *all = malloc(size);
		off_t done = 0;

		while (done < size) {
			ssize_t n = recv(self->fd[1], all + done, size - done,
					 0);

			if (n <= 0)
				_exit(1);
			done += n;
		}
		for (done = 0; done < size; done += SIZE)
			if (memcmp(all + done, self->data, SIZE))
				_exit(2);
		_exit(0);
	}
	while (offset < size)
		ASSERT_LT(0, sendfile(self->fd[0], file, &offset,
				      size - offset));
	EXPECT_EQ(0, wait_exit(child));
	close(file);
}

TEST_F(splice_more, sendfile_that_must_not_wait_says_how_far_it_got)
{
	int copies = 100, file = data_file(_metadata, self->data, copies);
	size_t size = (size_t)copies * SIZE;
	ssize_t sent = 0, n;
	off_t offset = 0;

	ASSERT_EQ(0, set_nonblock(self->fd[0]));
	/* Where a long message has no place a shorter one may have. */
	while (size) {
		n = sendfile(self->fd[0], file, &offset, size);
		if (n < 0) {
			ASSERT_EQ(EAGAIN, errno);
			size /= 2;
			continue;
		}
		sent += n;
		ASSERT_EQ(sent, offset);
		ASSERT_GT((off_t)copies * SIZE, sent);
	}
	EXPECT_LT(0, sent);
	EXPECT_EQ(sent, drain_queue(self->fd[1]));
	close(file);
}

TEST_F(splice_more, sendfile_from_a_socket_is_einval)
{
	int file = data_file(_metadata, self->data, 1);

	ASSERT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_ERRNO(EINVAL, sendfile(file, self->fd[1], NULL, 1));
	EXPECT_EQ(POLLIN, poll_one(self->fd[1], POLLIN, 0));
	close(file);
}

TEST_F(splice_more, pages_of_vmsplice_arrive)
{
	struct iovec iov[] = { { self->data, 5000 }, { self->data, 7 } };
	char got[SIZE];

	ASSERT_EQ(5007, vmsplice(self->pipe[1], iov, 2, 0));
	ASSERT_EQ(5007, splice(self->pipe[0], NULL, self->fd[0], NULL, SIZE,
			       0));
	ASSERT_EQ(5007, recv(self->fd[1], got, sizeof(got), MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp(self->data, got, 5000));
	EXPECT_EQ(0, memcmp(self->data, got + 5000, 7));
}

/* tee() copies no byte: the same pages go into the socket and elsewhere. */
TEST_F(splice_more, tee_sends_and_keeps)
{
	char got[SIZE];
	int copy[2];

	ASSERT_EQ(0, pipe(copy));
	ASSERT_EQ(SIZE, write(self->pipe[1], self->data, SIZE));
	ASSERT_EQ(SIZE, tee(self->pipe[0], copy[1], SIZE, 0));
	ASSERT_EQ(SIZE, splice(self->pipe[0], NULL, self->fd[0], NULL, SIZE,
			       0));
	/* Closed before it is received: the socket has its own hold of it. */
	close_open(&self->pipe[0]);
	close_open(&self->pipe[1]);
	ASSERT_EQ(SIZE, read(copy[0], got, SIZE));
	EXPECT_EQ(0, memcmp(self->data, got, SIZE));
	memset(got, 0, sizeof(got));
	ASSERT_EQ(SIZE, recv(self->fd[1], got, SIZE, MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp(self->data, got, SIZE));
	close(copy[0]);
	close(copy[1]);
}

TEST_F(splice_more, what_came_from_a_socket_may_be_teed)
{
	char got[SIZE];
	int copy[2];

	ASSERT_EQ(0, pipe(copy));
	ASSERT_EQ(SIZE, send(self->fd[0], self->data, SIZE, 0));
	ASSERT_EQ(SIZE, splice(self->fd[1], NULL, self->pipe[1], NULL, SIZE,
			       0));
	ASSERT_EQ(SIZE, tee(self->pipe[0], copy[1], SIZE, 0));
	ASSERT_EQ(SIZE, read(self->pipe[0], got, SIZE));
	EXPECT_EQ(0, memcmp(self->data, got, SIZE));
	memset(got, 0, sizeof(got));
	ASSERT_EQ(SIZE, read(copy[0], got, SIZE));
	EXPECT_EQ(0, memcmp(self->data, got, SIZE));
	close(copy[0]);
	close(copy[1]);
}

TEST_F(splice_more, from_a_socket_to_another)
{
	char got[SIZE];
	int next[2];

	ASSERT_EQ(0, socketpair(test_family(variant->qsock), variant->type, 0,
				next));
	ASSERT_EQ(SIZE, send(self->fd[0], self->data, SIZE, 0));
	ASSERT_EQ(SIZE, splice(self->fd[1], NULL, self->pipe[1], NULL, SIZE,
			       0));
	ASSERT_EQ(SIZE, splice(self->pipe[0], NULL, next[0], NULL, SIZE, 0));
	ASSERT_EQ(SIZE, recv(next[1], got, SIZE, MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp(self->data, got, SIZE));
	close(next[0]);
	close(next[1]);
}

/* One message at a time; what of it was not asked for is lost. */
TEST_F(splice_more, splice_keeps_the_borders)
{
	bool borders = type_has_borders(variant->type);
	char got[16];

	ASSERT_EQ(6, send(self->fd[0], "first.", 6, 0));
	ASSERT_EQ(6, send(self->fd[0], "second", 6, 0));
	ASSERT_EQ(3, splice(self->fd[1], NULL, self->pipe[1], NULL, 3, 0));
	ASSERT_EQ(3, read(self->pipe[0], got, sizeof(got)));
	EXPECT_EQ(0, memcmp("fir", got, 3));
	if (borders) {
		ASSERT_EQ(6, splice(self->fd[1], NULL, self->pipe[1], NULL,
				    sizeof(got), 0));
		ASSERT_EQ(6, read(self->pipe[0], got, sizeof(got)));
		EXPECT_EQ(0, memcmp("second", got, 6));
		EXPECT_EQ(0, poll_one(self->fd[1], POLLIN, 0));
	} else {
		ASSERT_EQ(3, splice(self->fd[1], NULL, self->pipe[1], NULL, 3,
				    0));
		ASSERT_EQ(3, read(self->pipe[0], got, sizeof(got)));
		EXPECT_EQ(0, memcmp("st.", got, 3));
	}
}

TEST_F(splice_more, of_nothing_from_a_socket_that_must_not_wait_is_eagain)
{
	ASSERT_EQ(0, set_nonblock(self->fd[1]));
	EXPECT_ERRNO(EAGAIN, splice(self->fd[1], NULL, self->pipe[1], NULL, 16,
				    0));
	EXPECT_ERRNO(EAGAIN, splice(self->fd[1], NULL, self->pipe[1], NULL, 16,
				    SPLICE_F_NONBLOCK));
}

TEST_F(splice_more, of_nothing_waits_for_a_message)
{
	pid_t child = fork_child(_metadata);

	if (!child)
		_exit(splice(self->fd[1], NULL, self->pipe[1], NULL, 16, 0));
	ASSERT_TRUE(wait_blocked(child));
	ASSERT_EQ(5, send(self->fd[0], "hello", 5, 0));
	EXPECT_EQ(5, wait_exit(child));
}

/* No room in the pipe: nothing is received, so nothing is lost. */
TEST_F(splice_more, into_a_full_pipe_is_eagain_and_loses_nothing)
{
	char got[16];

	ASSERT_EQ(0, set_nonblock(self->pipe[1]));
	while (write(self->pipe[1], self->data, 4096) > 0)
		;
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_EQ(5, send(self->fd[0], "hello", 5, 0));
	EXPECT_ERRNO(EAGAIN, splice(self->fd[1], NULL, self->pipe[1], NULL, 16,
				    SPLICE_F_NONBLOCK));
	ASSERT_EQ(5, recv(self->fd[1], got, sizeof(got), MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp("hello", got, 5));
}

/* SPLICE_F_NONBLOCK is about pipes: the socket has a flag of its own. */
TEST_F(splice_more, into_a_full_queue_is_eagain_and_loses_nothing)
{
	char got[16];

	ASSERT_LT(0, fill_queue(self->fd[0], 512));
	ASSERT_EQ(0, set_nonblock(self->fd[0]));
	ASSERT_EQ(5, write(self->pipe[1], "hello", 5));
	EXPECT_ERRNO(EAGAIN, splice(self->pipe[0], NULL, self->fd[0], NULL, 5,
				    0));
	ASSERT_LT(0, drain_queue(self->fd[1]));
	ASSERT_EQ(5, splice(self->pipe[0], NULL, self->fd[0], NULL, 5, 0));
	ASSERT_EQ(5, recv(self->fd[1], got, sizeof(got), MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp("hello", got, 5));
}

TEST_F(splice_more, an_empty_pipe_sends_nothing)
{
	EXPECT_ERRNO(EAGAIN, splice(self->pipe[0], NULL, self->fd[0], NULL, 5,
				    SPLICE_F_NONBLOCK));
	close_open(&self->pipe[1]);
	EXPECT_EQ(0, splice(self->pipe[0], NULL, self->fd[0], NULL, 5, 0));
	EXPECT_EQ(0, poll_one(self->fd[1], POLLIN, 0));
}

TEST_F(splice_more, the_end_is_0)
{
	ASSERT_EQ(0, shutdown(self->fd[1], SHUT_RD));
	EXPECT_EQ(0, splice(self->fd[1], NULL, self->pipe[1], NULL, 16, 0));
}

TEST_F(splice_more, after_shutdown_is_epipe)
{
	signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(1, write(self->pipe[1], "x", 1));
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	EXPECT_ERRNO(EPIPE, splice(self->pipe[0], NULL, self->fd[0], NULL, 1,
				   0));
}

TEST_HARNESS_MAIN
