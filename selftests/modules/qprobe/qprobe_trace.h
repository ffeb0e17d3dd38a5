/* SPDX-License-Identifier: GPL-2.0 */
/* The tracepoints qprobe:*, by which the places that qprobe watches are told. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM qprobe

#if !defined(QPROBE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define QPROBE_TRACE_H

#include <linux/tracepoint.h>

DECLARE_EVENT_CLASS(qprobe_place,
	TP_PROTO(unsigned int id, unsigned long from),
	TP_ARGS(id, from),
	TP_STRUCT__entry(
		__field(unsigned int, id)
		__field(unsigned long, from)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->from = from;
	),
	TP_printk("%u 0x%lx", __entry->id, __entry->from)
);

/* The function @id begins; it will return to @from. */
DEFINE_EVENT(qprobe_place, qprobe_enter,
	TP_PROTO(unsigned int id, unsigned long from),
	TP_ARGS(id, from));

/* It returned. */
DEFINE_EVENT(qprobe_place, qprobe_exit,
	TP_PROTO(unsigned int id, unsigned long from),
	TP_ARGS(id, from));

/* The place @id was passed. */
DEFINE_EVENT(qprobe_place, qprobe_at,
	TP_PROTO(unsigned int id, unsigned long from),
	TP_ARGS(id, from));

#endif /* QPROBE_TRACE_H */

/* This part must be outside protection. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE qprobe_trace
#include <trace/define_trace.h>
