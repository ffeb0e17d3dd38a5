// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring on every type of socket: control data, buffers that the kernel
 * chooses, and what a socket can be asked through it.
 */
#include "qsock_types.h"
#include "qsock_uring.h"

#define GROUP		7
#define BUFFERS		8
#define BUFFER_SIZE	64

FIXTURE(io_uring_msg)
{
	int fd[2];
	struct ring ring;
};

FIXTURE_VARIANT(io_uring_msg)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(io_uring_msg);

FIXTURE_SETUP(io_uring_msg)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	self->ring.fd = -1;
	REQUIRE_FAMILY(variant);
	REQUIRE_RING(&self->ring);
	ASSERT_EQ(0, socketpair(test_family(variant->qsock), variant->type, 0,
				self->fd));
}

FIXTURE_TEARDOWN(io_uring_msg)
{
	ring_close(&self->ring);
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

/* A message with one descriptor, or with room for one. */
struct fd_message {
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char text[8];
	struct iovec iov;
	struct msghdr msg;
};

static void fd_message(struct fd_message *m, const char *text, int fd)
{
	memset(m, 0, sizeof(*m));
	m->iov.iov_base = m->text;
	m->iov.iov_len = text ? strlen(text) : sizeof(m->text);
	m->msg.msg_iov = &m->iov;
	m->msg.msg_iovlen = 1;
	m->msg.msg_control = &m->control;
	m->msg.msg_controllen = sizeof(m->control);
	if (!text)
		return;
	strcpy(m->text, text);
	m->control.head.cmsg_level = SOL_SOCKET;
	m->control.head.cmsg_type = SCM_RIGHTS;
	m->control.head.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&m->control.head), &fd, sizeof(fd));
}

static void add_msg(struct ring *ring, uint8_t opcode, int fd,
		    struct fd_message *m)
{
	struct io_uring_sqe *sqe = ring_add(ring, opcode, fd, 1);

	sqe->addr = pointer_value(&m->msg);
	sqe->len = 1;
}

TEST_F(io_uring_msg, sendmsg_and_recvmsg_pass_a_descriptor)
{
	struct fd_message m;
	int pipe_fd[2], got;

	ASSERT_EQ(0, pipe(pipe_fd));
	fd_message(&m, "a pipe", pipe_fd[1]);
	add_msg(&self->ring, IORING_OP_SENDMSG, self->fd[0], &m);
	ASSERT_EQ(6, ring_do(&self->ring));
	close(pipe_fd[1]);
	fd_message(&m, NULL, -1);
	add_msg(&self->ring, IORING_OP_RECVMSG, self->fd[1], &m);
	ASSERT_EQ(6, ring_do(&self->ring));
	EXPECT_STREQ("a pipe", m.text);
	EXPECT_EQ(0, m.msg.msg_flags & MSG_CTRUNC);
	ASSERT_EQ(CMSG_LEN(sizeof(int)), m.control.head.cmsg_len);
	ASSERT_EQ(SCM_RIGHTS, m.control.head.cmsg_type);
	memcpy(&got, CMSG_DATA(&m.control.head), sizeof(got));
	EXPECT_TRUE(tell(got));
	EXPECT_TRUE(await(pipe_fd[0]));
	close(got);
	close(pipe_fd[0]);
}

TEST_F(io_uring_msg, recvmsg_waits_for_a_descriptor)
{
	struct fd_message in, out;
	int got;

	fd_message(&in, NULL, -1);
	add_msg(&self->ring, IORING_OP_RECVMSG, self->fd[1], &in);
	ASSERT_TRUE(ring_submit(&self->ring));
	EXPECT_TRUE(ring_waits(&self->ring));
	fd_message(&out, "stderr", 2);
	ASSERT_EQ(6, sendmsg(self->fd[0], &out.msg, 0));
	ASSERT_EQ(6, ring_take(&self->ring, WAIT_MS).res);
	ASSERT_EQ(CMSG_LEN(sizeof(int)), in.control.head.cmsg_len);
	memcpy(&got, CMSG_DATA(&in.control.head), sizeof(got));
	EXPECT_LE(0, fcntl(got, F_GETFD));
	close(got);
}

/* It could hold the socket that holds it. */
TEST_F(io_uring_msg, a_ring_cannot_be_passed)
{
	struct fd_message m;

	fd_message(&m, "a ring", self->ring.fd);
	EXPECT_ERRNO(EINVAL, sendmsg(self->fd[0], &m.msg, 0));
	add_msg(&self->ring, IORING_OP_SENDMSG, self->fd[0], &m);
	EXPECT_EQ(-EINVAL, ring_do(&self->ring));
	EXPECT_EQ(0, poll_one(self->fd[1], POLLIN, 0));
}

/* Give the ring BUFFERS of them; NULL if that cannot be done. */
static char *provide_buffers(struct ring *ring, struct io_uring_buf_ring **br)
{
	size_t size = BUFFERS * sizeof(struct io_uring_buf);
	char *memory = calloc(BUFFERS, BUFFER_SIZE);
	struct io_uring_buf_reg reg = {
		.ring_entries = BUFFERS,
		.bgid = GROUP,
	};
	struct io_uring_buf *buf;
	int i;

	*br = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!memory || *br == MAP_FAILED)
		return NULL;
	reg.ring_addr = pointer_value(*br);
	if (syscall(__NR_io_uring_register, ring->fd,
		    IORING_REGISTER_PBUF_RING, &reg, 1))
		return NULL;
	for (i = 0; i < BUFFERS; i++) {
		/* The entries begin where the ring does. */
		buf = (struct io_uring_buf *)*br + i;
		buf->addr = pointer_value(memory + i * BUFFER_SIZE);
		buf->len = BUFFER_SIZE;
		buf->bid = i;
	}
	__atomic_store_n(&(*br)->tail, BUFFERS, __ATOMIC_RELEASE);
	return memory;
}

static void add_multishot_recv(struct ring *ring, int fd)
{
	struct io_uring_sqe *sqe = ring_add(ring, IORING_OP_RECV, fd, 1);

	sqe->ioprio = IORING_RECV_MULTISHOT;
	sqe->flags = IOSQE_BUFFER_SELECT;
	sqe->buf_group = GROUP;
}

TEST_F(io_uring_msg, one_recv_takes_many_messages_into_buffers)
{
	struct io_uring_buf_ring *br;
	char *memory = provide_buffers(&self->ring, &br), text[16];
	struct ring_done done;
	int i, len;

	ASSERT_NE(NULL, memory);
	add_multishot_recv(&self->ring, self->fd[1]);
	ASSERT_TRUE(ring_submit(&self->ring));
	EXPECT_TRUE(ring_waits(&self->ring));
	for (i = 0; i < 4; i++) {
		len = snprintf(text, sizeof(text), "message %d", i);
		ASSERT_EQ(len, send(self->fd[0], text, len, 0));
		done = ring_take(&self->ring, WAIT_MS);
		ASSERT_EQ(len, done.res);
		EXPECT_EQ(IORING_CQE_F_BUFFER | IORING_CQE_F_MORE,
			  done.flags & (IORING_CQE_F_BUFFER |
				       IORING_CQE_F_MORE));
		EXPECT_EQ(0, memcmp(memory + BUFFER_SIZE *
				    (done.flags >> IORING_CQE_BUFFER_SHIFT),
				    text, len));
	}
	/* Datagrams have no end: a receive that must not wait is EAGAIN. */
	if (type_ends(variant->type)) {
		ASSERT_EQ(0, shutdown(self->fd[1], SHUT_RD));
		done = ring_take(&self->ring, WAIT_MS);
		EXPECT_EQ(1, done.user_data);
		EXPECT_EQ(0, done.res);
		EXPECT_EQ(0, done.flags & IORING_CQE_F_MORE);
	}
	ring_close(&self->ring);
	free(memory);
}

/* What was there before the request comes in order, and no message twice. */
TEST_F(io_uring_msg, it_ends_when_the_buffers_do_and_loses_nothing)
{
	struct io_uring_buf_ring *br;
	char *memory = provide_buffers(&self->ring, &br), data[BUFFER_SIZE];
	int messages = BUFFERS + 3, i;
	struct ring_done done;

	ASSERT_NE(NULL, memory);
	for (i = 0; i < messages; i++) {
		memset(data, 'a' + i, sizeof(data));
		ASSERT_EQ(BUFFER_SIZE, send(self->fd[0], data, sizeof(data),
					    0));
	}
	add_multishot_recv(&self->ring, self->fd[1]);
	ASSERT_TRUE(ring_submit(&self->ring));
	for (i = 0; i < BUFFERS; i++) {
		done = ring_take(&self->ring, WAIT_MS);
		ASSERT_EQ(BUFFER_SIZE, done.res);
		EXPECT_EQ('a' + i,
			  memory[BUFFER_SIZE *
				 (done.flags >> IORING_CQE_BUFFER_SHIFT)]);
	}
	done = ring_take(&self->ring, WAIT_MS);
	EXPECT_EQ(-ENOBUFS, done.res);
	EXPECT_EQ(0, done.flags & IORING_CQE_F_MORE);
	for (; i < messages; i++) {
		ASSERT_EQ(BUFFER_SIZE, recv(self->fd[1], data, sizeof(data),
					    MSG_DONTWAIT));
		EXPECT_EQ('a' + i, data[0]);
	}
	ring_close(&self->ring);
	free(memory);
}

static int ask_socket(struct ring *ring, int fd, int op)
{
	ring_add(ring, IORING_OP_URING_CMD, fd, 1)->cmd_op = op;
	return ring_do(ring);
}

/* AF_UNIX has no answer for io_uring, only for ioctl(). */
TEST_F(io_uring_msg, siocinq_and_siocoutq)
{
	bool first = variant->type == SOCK_DGRAM;
	int in, out;

	ASSERT_EQ(3, send(self->fd[0], "abc", 3, 0));
	ASSERT_EQ(2, send(self->fd[0], "de", 2, 0));
	in = ask_socket(&self->ring, self->fd[1], SOCKET_URING_OP_SIOCINQ);
	out = ask_socket(&self->ring, self->fd[0], SOCKET_URING_OP_SIOCOUTQ);
	if (!variant->qsock) {
		EXPECT_EQ(-EOPNOTSUPP, in);
		EXPECT_EQ(-EOPNOTSUPP, out);
		return;
	}
	/* As ioctl() says: of datagrams the first, of others all bytes. */
	EXPECT_EQ(first ? 3 : 5, in);
	EXPECT_EQ(5, out);
	EXPECT_EQ(0, ask_socket(&self->ring, self->fd[0],
				SOCKET_URING_OP_SIOCINQ));
	ASSERT_EQ(5, drain_queue(self->fd[1]));
	EXPECT_EQ(0, ask_socket(&self->ring, self->fd[1],
				SOCKET_URING_OP_SIOCINQ));
	EXPECT_EQ(0, ask_socket(&self->ring, self->fd[0],
				SOCKET_URING_OP_SIOCOUTQ));
}

/* There is no copy to be spared: neither family takes the pages. */
TEST_F(io_uring_msg, send_without_a_copy_is_eopnotsupp)
{
	struct io_uring_sqe *sqe = ring_add(&self->ring, IORING_OP_SEND_ZC,
					    self->fd[0], 1);

	sqe->addr = pointer_value("x");
	sqe->len = 1;
	EXPECT_EQ(-EOPNOTSUPP, ring_do(&self->ring));
	EXPECT_EQ(0, poll_one(self->fd[1], POLLIN, 0));
}

TEST_HARNESS_MAIN
