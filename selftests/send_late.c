// SPDX-License-Identifier: GPL-2.0
/*
 * A send whose memory is not there yet, and a receiver that is gone when it comes:
 * nobody gets the message, and the sender is told.
 */
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "qsock_scm.h"

FIXTURE(send_late)
{
	int fd[2];
	int faults;
	long page;
	char *late;
	struct witness w;
	pthread_t sender;
	ssize_t result;
};

FIXTURE_VARIANT(send_late)
{
	bool qsock;
	int type;
};

CONNECTION_TYPE_VARIANTS(send_late);

FIXTURE_SETUP(send_late)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register watch = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	self->fd[0] = -1;
	self->fd[1] = -1;
	self->faults = -1;
	self->w.watch = -1;
	self->w.file = -1;
	REQUIRE_FAMILY(variant);
	self->faults = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (self->faults < 0 && errno == ENOSYS)
		SKIP(return, "the kernel has no userfaultfd(2)");
	ASSERT_LE(0, self->faults);
	ASSERT_EQ(0, ioctl(self->faults, UFFDIO_API, &api));
	self->page = sysconf(_SC_PAGESIZE);
	self->late = mmap(NULL, self->page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->late);
	watch.range.start = (uintptr_t)self->late;
	watch.range.len = self->page;
	ASSERT_EQ(0, ioctl(self->faults, UFFDIO_REGISTER, &watch));
	ASSERT_EQ(0, socketpair(test_family(variant->qsock), variant->type, 0,
				self->fd));
	self->w = witness(_metadata);
}

FIXTURE_TEARDOWN(send_late)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
	close_open(&self->faults);
	close_open(&self->w.watch);
	close_open(&self->w.file);
}

static void *send_bytes(void *arg)
{
	FIXTURE_DATA(send_late) *self = arg;
	ssize_t n = send(self->fd[0], self->late, 8, MSG_NOSIGNAL);

	self->result = n < 0 ? -errno : n;
	return NULL;
}

static void *send_file(void *arg)
{
	FIXTURE_DATA(send_late) *self = arg;
	struct control c = {};

	control_add(&c, SOL_SOCKET, SCM_RIGHTS, &self->w.file,
		    sizeof(self->w.file));
	self->result = control_send(self->fd[0], &c, self->late, 8);
	return NULL;
}

/* Start @send, do @meanwhile once it waits for its memory, and let it go on. */
static void send_late(struct __test_metadata *_metadata,
		      FIXTURE_DATA(send_late) *self, void *(*send)(void *),
		      void (*meanwhile)(FIXTURE_DATA(send_late) *self))
{
	struct uffdio_zeropage zero = {
		.range = { .start = (uintptr_t)self->late, .len = self->page },
	};
	struct uffd_msg fault;

	ASSERT_EQ(0, pthread_create(&self->sender, NULL, send, self));
	ASSERT_EQ(sizeof(fault), read(self->faults, &fault, sizeof(fault)));
	ASSERT_EQ(UFFD_EVENT_PAGEFAULT, fault.event);
	meanwhile(self);
	ASSERT_EQ(0, ioctl(self->faults, UFFDIO_ZEROPAGE, &zero));
	ASSERT_EQ(0, pthread_join(self->sender, NULL));
}

static void close_receiver(FIXTURE_DATA(send_late) *self)
{
	close_open(&self->fd[1]);
}

static void shut_receiver(FIXTURE_DATA(send_late) *self)
{
	shutdown(self->fd[1], SHUT_RD);
}

static void shut_sender(FIXTURE_DATA(send_late) *self)
{
	shutdown(self->fd[0], SHUT_WR);
}

static void nothing(FIXTURE_DATA(send_late) *self)
{
	(void)self;
}

TEST_F(send_late, arrives_where_somebody_is)
{
	char got[8];

	send_late(_metadata, self, send_bytes, nothing);
	EXPECT_EQ(8, self->result);
	EXPECT_EQ(8, recv(self->fd[1], got, sizeof(got), MSG_DONTWAIT));
}

TEST_F(send_late, to_who_closed_is_epipe)
{
	send_late(_metadata, self, send_bytes, close_receiver);
	EXPECT_EQ(-EPIPE, self->result);
}

TEST_F(send_late, to_who_shut_is_epipe)
{
	char got[8];

	send_late(_metadata, self, send_bytes, shut_receiver);
	EXPECT_EQ(-EPIPE, self->result);
	EXPECT_EQ(0, recv(self->fd[1], got, sizeof(got), MSG_DONTWAIT));
}

/* What comes after the end of a stream would come after it was read. */
TEST_F(send_late, after_the_end_is_epipe)
{
	char got[8];

	send_late(_metadata, self, send_bytes, shut_sender);
	EXPECT_EQ(-EPIPE, self->result);
	EXPECT_EQ(0, recv(self->fd[1], got, sizeof(got), MSG_DONTWAIT));
}

/* The sender is still connected, to nobody. */
TEST_F(send_late, of_a_file_leaves_none_behind)
{
	send_late(_metadata, self, send_file, close_receiver);
	EXPECT_EQ(-EPIPE, self->result);
	close_open(&self->w.file);
	EXPECT_TRUE(witness_gone(&self->w));
}

TEST_HARNESS_MAIN
