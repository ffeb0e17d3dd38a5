// SPDX-License-Identifier: GPL-2.0
/*
 * A reader of a stream beside its writer: what goes with a byte arrives with it,
 * wherever the reader is interrupted.
 *
 * The reader looks at the queue all the time, and a timer interrupts it ten
 * thousand times a second: between any two of its instructions the writer, on
 * another processor, may have sent something.
 */
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "qsock_scm.h"

/* As many messages as there is time for, which is less in an emulated guest. */
#define MESSAGES	50000
#define TIME_MS		6000

/* So far may the writer be ahead. */
#define AHEAD		64

/* What no byte is. */
#define NO_BYTE		0xff

FIXTURE(stream_race)
{
	int fd[2];
	int turns;
	/* What both processes know: how many were sent, and seen, and when to end. */
	volatile struct {
		int sent;
		int seen;
		bool stop;	/* the time is up */
		bool done;	/* there will be no more */
	} *shared;
	long deadline;
	unsigned int looks;
};

FIXTURE_VARIANT(stream_race)
{
	bool qsock;
};

FAMILY_VARIANTS(stream_race);

static void nothing(int signal)
{
	(void)signal;
}

static void set_timer(struct __test_metadata *_metadata, int us)
{
	struct itimerval often = { { 0, us }, { 0, us } };

	ASSERT_EQ(0, setitimer(ITIMER_REAL, &often, NULL));
}

FIXTURE_SETUP(stream_race)
{
	struct sigaction act = { .sa_handler = nothing, .sa_flags = SA_RESTART };

	self->fd[0] = -1;
	self->fd[1] = -1;
	self->shared = NULL;
	REQUIRE_FAMILY(variant);
	self->turns = MESSAGES / work_divisor();
	ASSERT_EQ(0, socketpair(test_family(variant->qsock), SOCK_STREAM, 0,
				self->fd));
	self->shared = mmap(NULL, sizeof(*self->shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->shared);
	ASSERT_EQ(0, sigaction(SIGALRM, &act, NULL));
	self->deadline = now_ms() + TIME_MS;
}

/* Ends the test in time; looks at the clock now and then. */
#define MIND_THE_TIME(self) do {					\
	if (++(self)->looks % 128 == 0 && now_ms() > (self)->deadline)	\
		(self)->shared->stop = true;				\
} while (0)

FIXTURE_TEARDOWN(stream_race)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

/* A file that came with a byte does not stay when that was received. */
TEST_F(stream_race, files_go_with_their_bytes)
{
	int end[2], got = 0, i;
	char bytes[AHEAD];
	struct pollfd p;
	pid_t child;
	ssize_t n;

	ASSERT_EQ(0, pipe(end));
	child = fork_child(_metadata);
	if (!child) {
		for (i = 0; i < self->turns && !self->shared->stop; i++) {
			while (files_send(self->fd[0], &end[1], 1, "x") != 1)
				sched_yield();
			self->shared->sent = i + 1;
			while (i - self->shared->seen > i % AHEAD)
				sched_yield();
		}
		self->shared->done = true;
		_exit(0);
	}
	ASSERT_EQ(0, close(end[1]));
	set_timer(_metadata, 100);
	while (!self->shared->done || got < self->shared->sent) {
		MIND_THE_TIME(self);
		n = recv(self->fd[1], bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n < 0) {
			ASSERT_EQ(EAGAIN, errno);
			continue;
		}
		ASSERT_LT(0, n);
		got += n;
		self->shared->seen = got;
	}
	set_timer(_metadata, 0);
	ASSERT_EQ(0, wait_exit(child));

	/* The connection is still there. */
	p.fd = end[0];
	p.events = POLLIN;
	ASSERT_EQ(1, poll(&p, 1, WAIT_MS / 10));
	EXPECT_EQ(POLLHUP, p.revents);
	close(end[0]);
}

/* A byte out of band is received once, whole, and after those before it. */
TEST_F(stream_race, a_byte_out_of_band_is_received_once)
{
	int last = -1, at, i;
	unsigned char byte, *times;
	pid_t child;
	ssize_t n;

	times = calloc(self->turns + AHEAD, 1);
	ASSERT_NE(NULL, times);
	child = fork_child(_metadata);
	if (!child) {
		for (i = 0; i < self->turns && !self->shared->stop; i++) {
			byte = i % 251;
			while (send(self->fd[0], &byte, 1,
				    MSG_DONTWAIT | MSG_OOB) != 1)
				sched_yield();
			self->shared->sent = i + 1;
			while (i - self->shared->seen > AHEAD)
				sched_yield();
		}
		self->shared->done = true;
		_exit(0);
	}
	set_timer(_metadata, 100);
	for (i = 0; !self->shared->done || last < self->shared->sent - 2; i++) {
		int sent = self->shared->sent;

		MIND_THE_TIME(self);
		byte = NO_BYTE;
		n = recv(self->fd[1], &byte, 1,
			 i % 2 ? MSG_DONTWAIT | MSG_OOB : MSG_DONTWAIT);
		if (n < 0) {
			ASSERT_TRUE(errno == EAGAIN || errno == EINVAL);
			/* What had been sent is gone, but perhaps the newest. */
			if (errno == EAGAIN && sent - 2 > last)
				last = sent - 2;
			self->shared->seen = last;
			continue;
		}
		ASSERT_EQ(1, n);
		ASSERT_NE(NO_BYTE, byte);
		/* Which of them: the writer is less than one round ahead. */
		at = last + 1 + (byte - (last + 1) % 251 + 251) % 251;
		ASSERT_LE(at, last + 2 * AHEAD);
		ASSERT_LT(at, self->turns);
		ASSERT_EQ(1, ++times[at]);
		if (i % 2 == 0)
			last = at;
		self->shared->seen = last;
	}
	set_timer(_metadata, 0);
	ASSERT_EQ(0, wait_exit(child));
	free(times);
}

TEST_HARNESS_MAIN
