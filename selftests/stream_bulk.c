// SPDX-License-Identifier: GPL-2.0
/*
 * 64 MiB from one process to another, with a checksum.
 */
#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_test.h"

#define BULK	(64UL << 20)
#define CHUNK	(256UL << 10)

FIXTURE(stream_bulk)
{
	int fd[2];
	size_t size;
};

FIXTURE_VARIANT(stream_bulk)
{
	bool qsock;
	bool accepted;
};

FAMILY_CONNECTION_VARIANTS(stream_bulk);

FIXTURE_SETUP(stream_bulk)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	REQUIRE_FAMILY(variant);
	stream_pair(_metadata, test_family(variant->qsock), variant->accepted,
		    self->fd);
	self->size = BULK / work_divisor() / CHUNK * CHUNK;
	if (!self->size)
		self->size = CHUNK;
}

FIXTURE_TEARDOWN(stream_bulk)
{
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
}

/* Every word and its place count. */
static void checksum(uint64_t *sum, const uint64_t *words, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes / sizeof(*words); i++)
		*sum = (*sum ^ words[i]) * 0x100000001b3ULL;
}

static void fill(uint64_t *state, uint64_t *words, size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes / sizeof(*words); i++)
		words[i] = random_next(state);
}

TEST_F_TIMEOUT(stream_bulk, crosses_between_two_processes_intact, 600)
{
	uint64_t state = random_seed(4), sum = 0, theirs;
	uint64_t *words = malloc(CHUNK);
	size_t done;
	pid_t child;

	ASSERT_NE(NULL, words);
	child = fork_child(_metadata);
	if (!child) {
		close(self->fd[0]);
		for (done = 0; done < self->size; done += CHUNK) {
			if (recv_all(self->fd[1], words, CHUNK) != CHUNK)
				_exit(1);
			checksum(&sum, words, CHUNK);
		}
		/* Nothing may follow. */
		if (recv(self->fd[1], words, CHUNK, 0) != 0)
			_exit(2);
		_exit(send_all(self->fd[1], &sum, sizeof(sum)) != sizeof(sum));
	}
	close_open(&self->fd[1]);
	for (done = 0; done < self->size; done += CHUNK) {
		fill(&state, words, CHUNK);
		checksum(&sum, words, CHUNK);
		ASSERT_EQ(CHUNK, send_all(self->fd[0], words, CHUNK));
	}
	ASSERT_EQ(0, shutdown(self->fd[0], SHUT_WR));
	ASSERT_EQ(sizeof(theirs), recv_all(self->fd[0], &theirs,
					   sizeof(theirs)));
	EXPECT_EQ(sum, theirs);
	EXPECT_EQ(0, wait_exit(child));
	free(words);
}

TEST_HARNESS_MAIN
