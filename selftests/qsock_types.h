/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tests of every socket type share: variants for each family and type,
 * and sockets and connections of a type.
 */
#ifndef QSOCK_TYPES_H
#define QSOCK_TYPES_H

#include "qsock_data.h"
#include "qsock_test.h"

/* Both families with the types that connect, accept and end. */
#define CONNECTION_TYPE_VARIANTS(fixture)				\
	FIXTURE_VARIANT_ADD(fixture, af_qsock_stream)			\
		{ .qsock = true, .type = SOCK_STREAM };			\
	FIXTURE_VARIANT_ADD(fixture, af_unix_stream)			\
		{ .qsock = false, .type = SOCK_STREAM };		\
	FIXTURE_VARIANT_ADD(fixture, af_qsock_seqpacket)		\
		{ .qsock = true, .type = SOCK_SEQPACKET };		\
	FIXTURE_VARIANT_ADD(fixture, af_unix_seqpacket)			\
		{ .qsock = false, .type = SOCK_SEQPACKET }

/* Both families with every type. */
#define TYPE_VARIANTS(fixture)						\
	CONNECTION_TYPE_VARIANTS(fixture);				\
	FIXTURE_VARIANT_ADD(fixture, af_qsock_dgram)			\
		{ .qsock = true, .type = SOCK_DGRAM };			\
	FIXTURE_VARIANT_ADD(fixture, af_unix_dgram)			\
		{ .qsock = false, .type = SOCK_DGRAM }

static inline int typed_socket(struct __test_metadata *_metadata, int family,
			       int type)
{
	int fd = socket(family, type, 0);

	ASSERT_LE(0, fd);
	return fd;
}

static inline int typed_bind(struct __test_metadata *_metadata, int type,
			     const struct test_addr *addr)
{
	int fd = typed_socket(_metadata, addr->sa.sa_family, type);

	ASSERT_EQ(0, bind(fd, &addr->sa, addr->len));
	return fd;
}

static inline int typed_listen(struct __test_metadata *_metadata, int type,
			       const struct test_addr *addr, int backlog)
{
	int fd = typed_bind(_metadata, type, addr);

	ASSERT_EQ(0, listen(fd, backlog));
	return fd;
}

static inline int typed_connect(struct __test_metadata *_metadata, int type,
				const struct test_addr *addr)
{
	int fd = typed_socket(_metadata, addr->sa.sa_family, type);

	ASSERT_EQ(0, connect(fd, &addr->sa, addr->len));
	return fd;
}

/* A connection that is told to end when the peer goes: all but datagrams. */
static inline bool type_ends(int type)
{
	return type != SOCK_DGRAM;
}

/* Messages keep their borders: all but streams. */
static inline bool type_has_borders(int type)
{
	return type != SOCK_STREAM;
}

#endif /* QSOCK_TYPES_H */
