/* SPDX-License-Identifier: GPL-2.0 */
/*
 * io_uring without a library: a ring, requests and completions, by the system
 * calls alone.
 */
#ifndef QSOCK_URING_H
#define QSOCK_URING_H

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "qsock_proc.h"
#include "qsock_test.h"

#define RING_ENTRIES	16

struct ring {
	int fd;
	void *queues;
	size_t queues_size;
	struct io_uring_sqe *sqes;
	size_t sqes_size;
	struct io_uring_params p;
	unsigned int added;	/* requests that were not submitted yet */
};

static inline unsigned int *ring_word(struct ring *ring, unsigned int offset)
{
	return (unsigned int *)((char *)ring->queues + offset);
}

/* What became of a request. */
struct ring_done {
	uint64_t user_data;
	int32_t res;
	uint32_t flags;
};

/* 0 or the errno. */
static inline int ring_open(struct ring *ring)
{
	size_t sq, cq;

	memset(ring, 0, sizeof(*ring));
	ring->fd = syscall(__NR_io_uring_setup, RING_ENTRIES, &ring->p);
	if (ring->fd < 0)
		return errno;
	/* Both queues in one map: every kernel that has Rust does that. */
	sq = ring->p.sq_off.array + ring->p.sq_entries * sizeof(unsigned int);
	cq = ring->p.cq_off.cqes +
	     ring->p.cq_entries * sizeof(struct io_uring_cqe);
	ring->queues_size = sq > cq ? sq : cq;
	ring->sqes_size = ring->p.sq_entries * sizeof(struct io_uring_sqe);
	ring->queues = mmap(NULL, ring->queues_size, PROT_READ | PROT_WRITE,
			    MAP_SHARED, ring->fd, IORING_OFF_SQ_RING);
	ring->sqes = mmap(NULL, ring->sqes_size, PROT_READ | PROT_WRITE,
			  MAP_SHARED, ring->fd, IORING_OFF_SQES);
	return ring->queues == MAP_FAILED || ring->sqes == MAP_FAILED ?
	       errno : 0;
}

static inline void ring_close(struct ring *ring)
{
	if (ring->fd < 0)
		return;
	munmap(ring->queues, ring->queues_size);
	munmap(ring->sqes, ring->sqes_size);
	close_open(&ring->fd);
}

/* The next request, empty but for these. */
static inline struct io_uring_sqe *ring_add(struct ring *ring, uint8_t opcode,
					    int fd, uint64_t user_data)
{
	unsigned int *tail = ring_word(ring, ring->p.sq_off.tail);
	unsigned int mask = *ring_word(ring, ring->p.sq_off.ring_mask);
	unsigned int at = *tail & mask;
	struct io_uring_sqe *sqe = &ring->sqes[at];

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = opcode;
	sqe->fd = fd;
	sqe->user_data = user_data;
	ring_word(ring, ring->p.sq_off.array)[at] = at;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	ring->added++;
	return sqe;
}

/* Submit what was added; were all of them taken? */
static inline bool ring_submit(struct ring *ring)
{
	unsigned int n = ring->added;

	ring->added = 0;
	return syscall(__NR_io_uring_enter, ring->fd, n, 0,
		       IORING_ENTER_GETEVENTS, NULL, 0) == n;
}

/* Take a completion within @timeout_ms; its user_data is 0 if none comes. */
static inline struct ring_done ring_take(struct ring *ring, int timeout_ms)
{
	unsigned int *head = ring_word(ring, ring->p.cq_off.head);
	unsigned int *tail = ring_word(ring, ring->p.cq_off.tail);
	unsigned int mask = *ring_word(ring, ring->p.cq_off.ring_mask);
	struct ring_done done = {};
	struct io_uring_cqe *cqe;

	if (*head == __atomic_load_n(tail, __ATOMIC_ACQUIRE))
		poll_one(ring->fd, POLLIN, timeout_ms);
	if (*head == __atomic_load_n(tail, __ATOMIC_ACQUIRE))
		return done;
	cqe = (struct io_uring_cqe *)ring_word(ring, ring->p.cq_off.cqes) +
	      (*head & mask);
	done.user_data = cqe->user_data;
	done.res = cqe->res;
	done.flags = cqe->flags;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return done;
}

/* Submit and wait: the result of a request that completes by itself. */
static inline int ring_do(struct ring *ring)
{
	struct ring_done done;

	if (!ring_submit(ring))
		return -EBADE;
	done = ring_take(ring, WAIT_MS);
	return done.user_data ? done.res : -ETIME;
}

/* Nothing completes, for now. */
static inline bool ring_waits(struct ring *ring)
{
	return !ring_take(ring, 50).user_data;
}

static inline uint64_t pointer_value(const void *pointer)
{
	return (uintptr_t)pointer;
}

/* In a FIXTURE_SETUP: leave it where there is no io_uring. */
#define REQUIRE_RING(ring) do {						\
	int _error = ring_open(ring);					\
									\
	if (_error)							\
		SKIP(return, "io_uring: %s", strerror(_error));		\
} while (0)

#endif /* QSOCK_URING_H */
