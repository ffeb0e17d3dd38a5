/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Chance in tests: sockets, numbers, pointers and addresses of which some
 * could be right and most are not. The same seed makes the same choices.
 */
#ifndef QSOCK_RANDOM_H
#define QSOCK_RANDOM_H

#include <limits.h>

#include "qsock_data.h"
#include "qsock_test.h"

#define SOCKETS		16

/* What a call by chance chooses from. */
struct chance {
	uint64_t state;
	int family;
	int fd[SOCKETS];
	int pipe[2];
	struct test_addr taken;
};

static inline unsigned int roll(struct chance *c, unsigned int sides)
{
	return random_size(&c->state, sides) - 1;
}

static inline int any_type(struct chance *c)
{
	static const int type[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };

	return type[roll(c, 3)] | SOCK_NONBLOCK;
}

static inline int any_socket(struct chance *c)
{
	return c->fd[roll(c, SOCKETS)];
}

/* An address that no call can read or write. */
static inline void *bad_pointer(struct chance *c)
{
	static const uintptr_t bad[] = { 1, 8, 4096, (uintptr_t)-4096,
					 (uintptr_t)1 << (sizeof(long) * 8 - 1)
	};

	return (void *)bad[roll(c, ARRAY_LEN(bad))];
}

static inline int any_int(struct chance *c)
{
	static const int some[] = { -1, 0, 1, 2, 3, 4, 16, 107, 108, 110, 111,
				    128, 129, 4096, INT_MAX, INT_MIN };

	return roll(c, 4) ? some[roll(c, ARRAY_LEN(some))] :
			    (int)random_next(&c->state);
}

/* An address of random bytes and length; rarely one that could be right. */
static inline struct test_addr any_addr(struct chance *c)
{
	struct test_addr addr = c->taken;
	unsigned char *bytes = (unsigned char *)&addr.storage;
	size_t i;

	if (!roll(c, 4))
		return addr;
	for (i = 0; i < sizeof(addr.storage); i++)
		bytes[i] = random_next(&c->state);
	if (roll(c, 4))
		addr.sa.sa_family = c->family;
	addr.un.sun_path[0] = 0;
	addr.len = any_int(c);
	return addr;
}

#endif /* QSOCK_RANDOM_H */
