// SPDX-License-Identifier: GPL-2.0
/*
 * splice(), sendfile(), vmsplice(): through a socket without a buffer of the
 * caller's.
 */
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_test.h"

#define SIZE	(1 << 20)

FIXTURE(stream_splice)
{
	int fd[2];
	int pipe[2];
	char *data;
};

FIXTURE_VARIANT(stream_splice)
{
	bool qsock;
};

FAMILY_VARIANTS(stream_splice);

FIXTURE_SETUP(stream_splice)
{
	struct byte_stream out = byte_stream(3);

	self->fd[0] = -1;
	self->fd[1] = -1;
	self->pipe[0] = -1;
	self->pipe[1] = -1;
	REQUIRE_FAMILY(variant);
	ASSERT_EQ(0, socketpair(test_family(variant->qsock), SOCK_STREAM, 0,
				self->fd));
	ASSERT_EQ(0, pipe(self->pipe));
	self->data = malloc(SIZE);
	ASSERT_NE(NULL, self->data);
	stream_make(&out, self->data, SIZE);
}

FIXTURE_TEARDOWN(stream_splice)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
	close_open(&self->pipe[0]);
	close_open(&self->pipe[1]);
	free(self->data);
}

/* A child that receives all of the data and compares it. */
static pid_t checking_reader(struct __test_metadata *_metadata, int fd)
{
	pid_t child = fork_child(_metadata);

	if (!child) {
		struct byte_stream in = byte_stream(3);
		char *got = malloc(SIZE);

		if (recv_all(fd, got, SIZE) != SIZE)
			_exit(1);
		_exit(stream_check(&in, got, SIZE) ? 0 : 2);
	}
	return child;
}

TEST_F(stream_splice, sendfile_sends_a_file)
{
	int file = memfd_create("file", MFD_CLOEXEC);
	off_t offset = 0;
	pid_t child;

	ASSERT_LE(0, file);
	ASSERT_EQ(SIZE, write(file, self->data, SIZE));
	child = checking_reader(_metadata, self->fd[1]);
	while (offset < SIZE)
		ASSERT_LT(0, sendfile(self->fd[0], file, &offset,
				      SIZE - offset));
	EXPECT_EQ(0, wait_exit(child));
	close(file);
}

/* Of a few bytes, what was sent is received, whatever is in the file then. */
TEST_F(stream_splice, sendfile_copies)
{
	int file = memfd_create("file", MFD_CLOEXEC);
	off_t offset = 0;
	char got[4096];
	/* AF_UNIX queues the pages themselves. */
	size_t expected = variant->qsock ? 0 : sizeof(got);

	ASSERT_LE(0, file);
	ASSERT_EQ(sizeof(got), write(file, self->data, sizeof(got)));
	ASSERT_EQ(sizeof(got), sendfile(self->fd[0], file, &offset,
					sizeof(got)));
	ASSERT_EQ(sizeof(got), pwrite(file, self->data + sizeof(got),
				      sizeof(got), 0));
	ASSERT_EQ(sizeof(got), recv_all(self->fd[1], got, sizeof(got)));
	EXPECT_EQ(0, memcmp(self->data + expected, got, sizeof(got)));
	close(file);
}

TEST_F(stream_splice, splice_sends_what_a_pipe_holds)
{
	pid_t child = checking_reader(_metadata, self->fd[1]);
	size_t done = 0;

	while (done < SIZE) {
		ssize_t n = write(self->pipe[1], self->data + done, 4096);

		ASSERT_EQ(4096, n);
		done += n;
		while (n > 0) {
			ssize_t moved = splice(self->pipe[0], NULL,
					       self->fd[0], NULL, n,
					       SPLICE_F_MORE);

			ASSERT_LT(0, moved);
			n -= moved;
		}
	}
	EXPECT_EQ(0, wait_exit(child));
}

/* The bytes are the ones at the time of the splice, or the page is shared. */
TEST_F(stream_splice, splice_sends_pages_of_vmsplice)
{
	struct iovec iov = { self->data, 8192 };
	char got[8192];

	ASSERT_EQ(8192, vmsplice(self->pipe[1], &iov, 1, 0));
	ASSERT_EQ(8192, splice(self->pipe[0], NULL, self->fd[0], NULL, 8192,
			       0));
	ASSERT_EQ(8192, recv_all(self->fd[1], got, sizeof(got)));
	EXPECT_EQ(0, memcmp(self->data, got, sizeof(got)));
}

TEST_F(stream_splice, splice_receives_into_a_pipe)
{
	struct byte_stream in = byte_stream(3);
	pid_t child = fork_child(_metadata);
	size_t done = 0;

	if (!child)
		_exit(send_all(self->fd[0], self->data, SIZE) != SIZE);
	while (done < SIZE) {
		char got[4096];
		ssize_t n = splice(self->fd[1], NULL, self->pipe[1], NULL,
				   sizeof(got), 0);

		ASSERT_LT(0, n);
		ASSERT_EQ(n, read(self->pipe[0], got, sizeof(got)));
		ASSERT_TRUE(stream_check(&in, got, n));
		done += n;
	}
	EXPECT_EQ(0, wait_exit(child));
}

TEST_F(stream_splice, splice_of_an_empty_queue_is_eagain)
{
	EXPECT_EQ(-1, splice(self->fd[1], NULL, self->pipe[1], NULL, 16,
			     SPLICE_F_NONBLOCK));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(stream_splice, splice_that_must_not_wait_waits_for_no_lowat)
{
	int low = 6;
	long start;

	ASSERT_EQ(0, setsockopt(self->fd[1], SOL_SOCKET, SO_RCVLOWAT, &low,
				sizeof(low)));
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	/* Should it wait, then not for ever, and for nothing. */
	ASSERT_EQ(0, set_timeout_ms(self->fd[1], SO_RCVTIMEO, WAIT_MS));
	start = now_ms();
	EXPECT_EQ(3, splice(self->fd[1], NULL, self->pipe[1], NULL, 16,
			    SPLICE_F_NONBLOCK));
	EXPECT_GT(WAIT_MS, now_ms() - start);
}

TEST_F(stream_splice, splice_of_no_connection_is_einval)
{
	int fd = stream_socket(_metadata, test_family(variant->qsock), 0);

	EXPECT_ERRNO(EINVAL, splice(fd, NULL, self->pipe[1], NULL, 16, 0));
	EXPECT_ERRNO(EINVAL, splice(fd, NULL, self->pipe[1], NULL, 16,
				    SPLICE_F_NONBLOCK));
	close(fd);
}

TEST_F(stream_splice, splice_tells_the_end)
{
	close_open(&self->fd[0]);
	EXPECT_EQ(0, splice(self->fd[1], NULL, self->pipe[1], NULL, 16, 0));
}

TEST_F(stream_splice, splice_into_a_closed_connection_is_epipe)
{
	signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(1, write(self->pipe[1], "x", 1));
	close_open(&self->fd[1]);
	EXPECT_EQ(-1, splice(self->pipe[0], NULL, self->fd[0], NULL, 1, 0));
	EXPECT_EQ(EPIPE, errno);
}

TEST_HARNESS_MAIN
