/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tracepoints, qsock:qsock_*. src/bindings/tracepoint.rs is how Rust
 * comes to them.
 *
 * A socket is told by its cookie, as SO_COOKIE and sock_diag have it: no other
 * ever has the same. A result is what the call returned: a negative errno if
 * it failed.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM qsock

#if !defined(QSOCK_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define QSOCK_TRACE_H

#include <linux/net.h>
#include <linux/tracepoint.h>

#ifndef QSOCK_TRACE_DROPS
#define QSOCK_TRACE_DROPS
/* Why nobody will receive what waits. */
enum qsock_drop {
	QSOCK_DROP_CLOSE,	/* the receiver was closed */
	QSOCK_DROP_RESET,	/* nobody accepted the connection */
	QSOCK_DROP_DISCONNECT,	/* the receiver has another peer now */
	QSOCK_DROP_FILTER,	/* the receiver's program refused it */
	QSOCK_DROP_CYCLE,	/* the receiver was only held by itself */
};
#endif

TRACE_DEFINE_ENUM(QSOCK_DROP_CLOSE);
TRACE_DEFINE_ENUM(QSOCK_DROP_RESET);
TRACE_DEFINE_ENUM(QSOCK_DROP_DISCONNECT);
TRACE_DEFINE_ENUM(QSOCK_DROP_FILTER);
TRACE_DEFINE_ENUM(QSOCK_DROP_CYCLE);
TRACE_DEFINE_ENUM(SOCK_STREAM);
TRACE_DEFINE_ENUM(SOCK_DGRAM);
TRACE_DEFINE_ENUM(SOCK_SEQPACKET);

#define qsock_show_type(type)				\
	__print_symbolic(type,				\
			 { SOCK_STREAM, "STREAM" },	\
			 { SOCK_DGRAM, "DGRAM" },	\
			 { SOCK_SEQPACKET, "SEQPACKET" })

#define qsock_show_drop(reason)					\
	__print_symbolic(reason,				\
			 { QSOCK_DROP_CLOSE, "CLOSE" },		\
			 { QSOCK_DROP_RESET, "RESET" },		\
			 { QSOCK_DROP_DISCONNECT, "DISCONNECT" }, \
			 { QSOCK_DROP_FILTER, "FILTER" },	\
			 { QSOCK_DROP_CYCLE, "CYCLE" })

DECLARE_EVENT_CLASS(qsock_message,
	TP_PROTO(u64 cookie, u16 type, size_t len, u32 flags, long result),
	TP_ARGS(cookie, type, len, flags, result),
	TP_STRUCT__entry(
		__field(u64, cookie)
		__field(size_t, len)
		__field(long, result)
		__field(u32, flags)
		__field(u16, type)
	),
	TP_fast_assign(
		__entry->cookie = cookie;
		__entry->len = len;
		__entry->result = result;
		__entry->flags = flags;
		__entry->type = type;
	),
	TP_printk("cookie=%llu type=%s len=%zu flags=0x%x result=%ld",
		  __entry->cookie, qsock_show_type(__entry->type), __entry->len,
		  __entry->flags, __entry->result)
);

/* A message was sent, or refused: @len bytes were given. */
DEFINE_EVENT(qsock_message, qsock_send,
	TP_PROTO(u64 cookie, u16 type, size_t len, u32 flags, long result),
	TP_ARGS(cookie, type, len, flags, result));

/* Something was received, or not: @len bytes were wanted. */
DEFINE_EVENT(qsock_message, qsock_recv,
	TP_PROTO(u64 cookie, u16 type, size_t len, u32 flags, long result),
	TP_ARGS(cookie, type, len, flags, result));

/* The @len bytes that waited for the socket @cookie are gone. */
TRACE_EVENT(qsock_drop,
	TP_PROTO(u64 cookie, u16 type, size_t len, u32 reason),
	TP_ARGS(cookie, type, len, reason),
	TP_STRUCT__entry(
		__field(u64, cookie)
		__field(size_t, len)
		__field(u32, reason)
		__field(u16, type)
	),
	TP_fast_assign(
		__entry->cookie = cookie;
		__entry->len = len;
		__entry->reason = reason;
		__entry->type = type;
	),
	TP_printk("cookie=%llu type=%s len=%zu reason=%s",
		  __entry->cookie, qsock_show_type(__entry->type), __entry->len,
		  qsock_show_drop(__entry->reason))
);

/* The socket @cookie connected, or could not. */
TRACE_EVENT(qsock_connect,
	TP_PROTO(u64 cookie, u16 type, bool nonblock, long result),
	TP_ARGS(cookie, type, nonblock, result),
	TP_STRUCT__entry(
		__field(u64, cookie)
		__field(long, result)
		__field(u16, type)
		__field(bool, nonblock)
	),
	TP_fast_assign(
		__entry->cookie = cookie;
		__entry->result = result;
		__entry->type = type;
		__entry->nonblock = nonblock;
	),
	TP_printk("cookie=%llu type=%s nonblock=%d result=%ld",
		  __entry->cookie, qsock_show_type(__entry->type),
		  __entry->nonblock, __entry->result)
);

/* The listening socket @cookie gave @child to a caller, or could not. */
TRACE_EVENT(qsock_accept,
	TP_PROTO(u64 cookie, u16 type, u64 child, bool nonblock, long result),
	TP_ARGS(cookie, type, child, nonblock, result),
	TP_STRUCT__entry(
		__field(u64, cookie)
		__field(u64, child)
		__field(long, result)
		__field(u16, type)
		__field(bool, nonblock)
	),
	TP_fast_assign(
		__entry->cookie = cookie;
		__entry->child = child;
		__entry->result = result;
		__entry->type = type;
		__entry->nonblock = nonblock;
	),
	TP_printk("cookie=%llu type=%s child=%llu nonblock=%d result=%ld",
		  __entry->cookie, qsock_show_type(__entry->type),
		  __entry->child, __entry->nonblock, __entry->result)
);

#endif /* QSOCK_TRACE_H */

/* This part must be outside protection. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
