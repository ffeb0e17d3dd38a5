// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that are queued instead of copies of them: what sendfile(2) and
 * splice(2) send through a stream.
 */
#include <linux/sockios.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include "qsock_data.h"
#include "qsock_message.h"
#include "qsock_proc.h"
#include "qsock_test.h"

/* Not all of the first page, or of the last. */
#define SIZE	50001
#define START	1234
#define FILE_SIZE	65536

FIXTURE(splice_pages)
{
	int fd[2];
	int file;
	char *data;
	char *got;
};

FIXTURE_VARIANT(splice_pages)
{
	bool qsock;
};

FAMILY_VARIANTS(splice_pages);

FIXTURE_SETUP(splice_pages)
{
	struct byte_stream out = byte_stream(5);

	self->fd[0] = -1;
	self->fd[1] = -1;
	self->file = -1;
	REQUIRE_FAMILY(variant);
	ASSERT_EQ(0, socketpair(test_family(variant->qsock), SOCK_STREAM, 0,
				self->fd));
	self->data = malloc(FILE_SIZE);
	self->got = calloc(1, 2 * FILE_SIZE);
	ASSERT_NE(NULL, self->data);
	ASSERT_NE(NULL, self->got);
	stream_make(&out, self->data, FILE_SIZE);
	self->file = memfd_create("file", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ASSERT_LE(0, self->file);
	ASSERT_EQ(FILE_SIZE, write(self->file, self->data, FILE_SIZE));
}

FIXTURE_TEARDOWN(splice_pages)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
	close_open(&self->file);
	free(self->data);
	free(self->got);
}

/* Send a part of the file, which fits. */
static void send_part(struct __test_metadata *_metadata,
		      FIXTURE_DATA(splice_pages) *self, off_t start)
{
	ASSERT_EQ(SIZE, sendfile(self->fd[0], self->file, &start, SIZE));
}

/* As AF_UNIX: what is written to the file meanwhile is received. */
TEST_F(splice_pages, pages_are_queued)
{
	send_part(_metadata, self, START);
	memset(self->data, 'x', FILE_SIZE);
	ASSERT_EQ(FILE_SIZE, pwrite(self->file, self->data, FILE_SIZE, 0));
	ASSERT_EQ(SIZE, recv_all(self->fd[1], self->got, SIZE));
	EXPECT_EQ(0, memcmp(self->data, self->got, SIZE));
}

TEST_F(splice_pages, they_outlive_the_file)
{
	send_part(_metadata, self, START);
	ASSERT_EQ(0, ftruncate(self->file, 0));
	close_open(&self->file);
	ASSERT_EQ(SIZE, recv_all(self->fd[1], self->got, SIZE));
	EXPECT_EQ(0, memcmp(self->data + START, self->got, SIZE));
}

TEST_F(splice_pages, they_are_received_in_parts)
{
	const char *data = self->data + START;
	size_t done = 0, len = 1;

	send_part(_metadata, self, START);
	for (; done < SIZE; len = len * 3 % 7919 + 1) {
		ssize_t n = recv(self->fd[1], self->got, len, MSG_PEEK);

		ASSERT_LT(0, n);
		ASSERT_EQ(0, memcmp(data + done, self->got, n));
		memset(self->got, 0, n);
		ASSERT_EQ(n, recv(self->fd[1], self->got, len, 0));
		ASSERT_EQ(0, memcmp(data + done, self->got, n));
		done += n;
		EXPECT_EQ(SIZE - (int)done, queue_bytes(self->fd[1], SIOCINQ));
	}
	EXPECT_ERRNO(EAGAIN, recv(self->fd[1], self->got, 1, MSG_DONTWAIT));
}

TEST_F(splice_pages, bytes_stay_where_they_are_between_others)
{
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	send_part(_metadata, self, START);
	ASSERT_EQ(3, send(self->fd[0], "def", 3, 0));
	send_part(_metadata, self, 0);
	ASSERT_EQ(SIZE + 6 + SIZE, recv(self->fd[1], self->got, SIZE + 6 + SIZE,
					MSG_WAITALL));
	EXPECT_EQ(0, memcmp("abc", self->got, 3));
	EXPECT_EQ(0, memcmp(self->data + START, self->got + 3, SIZE));
	EXPECT_EQ(0, memcmp("def", self->got + 3 + SIZE, 3));
	EXPECT_EQ(0, memcmp(self->data, self->got + 6 + SIZE, SIZE));
}

/* As AF_UNIX: pages go together where a part of them fits. */
TEST_F(splice_pages, a_block_goes_whole_past_the_limit)
{
	static const int small = 4096;
	off_t start = 0;

	ASSERT_EQ(0, setsockopt(self->fd[0], SOL_SOCKET, SO_SNDBUF, &small,
				sizeof(small)));
	ASSERT_EQ(0, fcntl(self->fd[0], F_SETFL, O_NONBLOCK));
	ASSERT_EQ(FILE_SIZE, sendfile(self->fd[0], self->file, &start,
				      FILE_SIZE));
	EXPECT_ERRNO(EAGAIN, send(self->fd[0], "x", 1, 0));
	start = 0;
	EXPECT_ERRNO(EAGAIN, sendfile(self->fd[0], self->file, &start, SIZE));
	ASSERT_EQ(FILE_SIZE, recv_all(self->fd[1], self->got, FILE_SIZE));
	EXPECT_EQ(0, memcmp(self->data, self->got, FILE_SIZE));
	EXPECT_EQ(1, send(self->fd[0], "x", 1, 0));
}

TEST_F(splice_pages, a_peek_goes_on_within_them)
{
	static const int zero;
	size_t done = 0;

	ASSERT_EQ(0, setsockopt(self->fd[1], SOL_SOCKET, SO_PEEK_OFF, &zero,
				sizeof(zero)));
	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	send_part(_metadata, self, START);
	ASSERT_EQ(3, send(self->fd[0], "def", 3, 0));
	while (done < SIZE + 6) {
		ssize_t n = recv(self->fd[1], self->got + done, 10007, MSG_PEEK);

		ASSERT_LT(0, n);
		done += n;
	}
	EXPECT_EQ(0, memcmp("abc", self->got, 3));
	EXPECT_EQ(0, memcmp(self->data + START, self->got + 3, SIZE));
	EXPECT_EQ(0, memcmp("def", self->got + 3 + SIZE, 3));
	EXPECT_EQ(SIZE + 6, queue_bytes(self->fd[1], SIOCINQ));
}

TEST_F(splice_pages, the_sender_is_known)
{
	char control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec iov = { self->got, SIZE };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	static const int one = 1;
	struct cmsghdr *cmsg;

	ASSERT_EQ(0, setsockopt(self->fd[1], SOL_SOCKET, SO_PASSCRED, &one,
				sizeof(one)));
	send_part(_metadata, self, START);
	ASSERT_EQ(SIZE, recvmsg(self->fd[1], &msg, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(self->data + START, self->got, SIZE));
	cmsg = CMSG_FIRSTHDR(&msg);
	ASSERT_NE(NULL, cmsg);
	ASSERT_EQ(SCM_CREDENTIALS, cmsg->cmsg_type);
	EXPECT_EQ(getpid(), ((struct ucred *)CMSG_DATA(cmsg))->pid);
}

TEST_F(splice_pages, a_fault_loses_nothing)
{
	long page = sysconf(_SC_PAGESIZE);
	char *hole = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, hole);
	ASSERT_EQ(0, munmap(hole + page, page));
	send_part(_metadata, self, START);
	EXPECT_ERRNO(EFAULT, recv(self->fd[1], hole + page, 100, 0));
	EXPECT_ERRNO(EFAULT, recv(self->fd[1], hole, 2 * page, 0));
	ASSERT_EQ(SIZE, recv_all(self->fd[1], self->got, SIZE));
	EXPECT_EQ(0, memcmp(self->data + START, self->got, SIZE));
	munmap(hole, page);
}

TEST_F(splice_pages, they_go_on_into_a_pipe)
{
	int pipe_fd[2];
	size_t done = 0;

	ASSERT_EQ(0, pipe(pipe_fd));
	send_part(_metadata, self, START);
	while (done < SIZE) {
		ssize_t n = splice(self->fd[1], NULL, pipe_fd[1], NULL, 10000, 0);

		ASSERT_LT(0, n);
		ASSERT_EQ(n, read(pipe_fd[0], self->got + done, n));
		done += n;
	}
	EXPECT_EQ(0, memcmp(self->data + START, self->got, SIZE));
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}

/*
 * A file whose pages somebody holds cannot be sealed against writing: so it is
 * seen who does.
 */
static int seal(int file)
{
	return fcntl(file, F_ADD_SEALS, F_SEAL_WRITE) ? errno : 0;
}

TEST_F(splice_pages, who_received_them_holds_none)
{
	send_part(_metadata, self, START);
	EXPECT_EQ(EBUSY, seal(self->file));
	ASSERT_EQ(SIZE - 1, recv_all(self->fd[1], self->got, SIZE - 1));
	EXPECT_EQ(EBUSY, seal(self->file));
	ASSERT_EQ(1, recv_all(self->fd[1], self->got, 1));
	EXPECT_EQ(0, seal(self->file));
}

TEST_F(splice_pages, who_closes_holds_none)
{
	send_part(_metadata, self, START);
	send_part(_metadata, self, 0);
	ASSERT_EQ(100, recv_all(self->fd[1], self->got, 100));
	EXPECT_EQ(EBUSY, seal(self->file));
	close_open(&self->fd[1]);
	EXPECT_EQ(0, seal(self->file));
}

TEST_F(splice_pages, what_is_refused_is_not_held)
{
	off_t start = 0;
	ssize_t n;

	signal(SIGPIPE, SIG_IGN);
	/* As far as there is room. */
	ASSERT_EQ(0, fcntl(self->fd[0], F_SETFL, O_NONBLOCK));
	do {
		start = 0;
		n = sendfile(self->fd[0], self->file, &start, FILE_SIZE);
	} while (n > 0);
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_LT(0, drain_queue(self->fd[1]));
	close_open(&self->fd[1]);
	start = 0;
	EXPECT_ERRNO(EPIPE, sendfile(self->fd[0], self->file, &start, SIZE));
	EXPECT_EQ(0, seal(self->file));
}

TEST_HARNESS_MAIN
