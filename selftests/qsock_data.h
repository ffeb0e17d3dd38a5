/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Data in tests: move all of it, fill a queue, and a stream of bytes that
 * the reader can check without having seen the writer's copy.
 */
#ifndef QSOCK_DATA_H
#define QSOCK_DATA_H

#include "qsock_test.h"

/* Send all of it; the number of bytes that went before an error. */
static inline size_t send_all(int fd, const void *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = send(fd, (const char *)data + done, len - done,
				 MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += n;
	}
	return done;
}

/* Receive @len bytes; fewer at the end of the stream or at an error. */
static inline size_t recv_all(int fd, void *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = recv(fd, (char *)data + done, len - done, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += n;
	}
	return done;
}

/* Send @chunk bytes at a time until no more fits; how many were taken. */
static inline size_t fill_queue(int fd, size_t chunk)
{
	size_t total = 0;
	char *data = calloc(1, chunk);
	ssize_t n;

	while ((n = send(fd, data, chunk, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
		total += n;
	if (errno != EAGAIN)
		total = 0;
	free(data);
	return total;
}

/* Receive all that is there now; how many bytes that was. */
static inline size_t drain_queue(int fd)
{
	static char data[65536];
	size_t total = 0;
	ssize_t n;

	while ((n = recv(fd, data, sizeof(data), MSG_DONTWAIT)) > 0)
		total += n;
	return total;
}

/* xorshift64*: the same seed gives the same numbers on every machine. */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 0x2545f4914f6cdd1dULL;
}

static inline uint64_t random_seed(uint64_t seed)
{
	return seed * 0x9e3779b97f4a7c15ULL + 1;
}

/* A number in [1, max]. */
static inline size_t random_size(uint64_t *state, size_t max)
{
	return 1 + random_next(state) % max;
}

/* A stream of pseudo-random bytes, made or checked piece by piece. */
struct byte_stream {
	uint64_t state;
	uint64_t word;
	unsigned int left;
};

static inline struct byte_stream byte_stream(uint64_t seed)
{
	return (struct byte_stream){ .state = random_seed(seed) };
}

static inline unsigned char stream_byte(struct byte_stream *s)
{
	unsigned char byte;

	if (!s->left) {
		s->word = random_next(&s->state);
		s->left = sizeof(s->word);
	}
	byte = s->word;
	s->word >>= 8;
	s->left--;
	return byte;
}

static inline void stream_make(struct byte_stream *s, void *data, size_t len)
{
	unsigned char *bytes = data;
	size_t i;

	for (i = 0; i < len; i++)
		bytes[i] = stream_byte(s);
}

static inline bool stream_check(struct byte_stream *s, const void *data,
				size_t len)
{
	const unsigned char *bytes = data;
	size_t i;

	for (i = 0; i < len; i++)
		if (bytes[i] != stream_byte(s))
			return false;
	return true;
}

#endif /* QSOCK_DATA_H */
