/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests share beside the calls: their variants, one for each family,
 * type and way into the kernel.
 */
#ifndef SYSCALL_TEST_H
#define SYSCALL_TEST_H

#include "syscall.h"

#include "kselftest_harness.h"

/* In order, the cases of one way in. */
#define TYPE_VARIANTS_OF(fixture, way)					\
	FIXTURE_VARIANT_ADD(fixture, af_qsock_stream_##way)		\
		{ .how = { &entry_##way, true, SOCK_STREAM } };		\
	FIXTURE_VARIANT_ADD(fixture, af_unix_stream_##way)		\
		{ .how = { &entry_##way, false, SOCK_STREAM } };	\
	FIXTURE_VARIANT_ADD(fixture, af_qsock_seqpacket_##way)		\
		{ .how = { &entry_##way, true, SOCK_SEQPACKET } };	\
	FIXTURE_VARIANT_ADD(fixture, af_unix_seqpacket_##way)		\
		{ .how = { &entry_##way, false, SOCK_SEQPACKET } };	\
	FIXTURE_VARIANT_ADD(fixture, af_qsock_dgram_##way)		\
		{ .how = { &entry_##way, true, SOCK_DGRAM } };		\
	FIXTURE_VARIANT_ADD(fixture, af_unix_dgram_##way)		\
		{ .how = { &entry_##way, false, SOCK_DGRAM } }

/* The cases of every family, type and way in. */
#define CALL_VARIANTS(fixture)	ENTRIES(TYPE_VARIANTS_OF, fixture)

/* Two connected sockets. */
static inline void open_pair(struct __test_metadata *_metadata,
			     const struct how *how, int fd[2])
{
	ASSERT_EQ(0, sys_socketpair(how, family_of(how), how->type, 0, fd));
}

#endif /* SYSCALL_TEST_H */
