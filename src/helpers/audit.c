// SPDX-License-Identifier: GPL-2.0

#include <linux/audit.h>
#include <linux/gfp.h>

struct audit_buffer *qsock_helper_audit_start(int type)
{
	return audit_log_start(audit_context(), GFP_KERNEL, type);
}

void qsock_helper_audit_word(struct audit_buffer *record, const char *text)
{
	audit_log_format(record, "%s", text);
}

void qsock_helper_audit_number(struct audit_buffer *record, s64 number)
{
	audit_log_format(record, "%lld", number);
}

void qsock_helper_audit_quoted(struct audit_buffer *record, const char *text,
			       int len)
{
	audit_log_format(record, "\"%.*s\"", len, text);
}

void qsock_helper_audit_byte(struct audit_buffer *record, u8 byte)
{
	audit_log_format(record, "%02X", byte);
}

void qsock_helper_audit_task(struct audit_buffer *record)
{
	audit_log_task_context(record);
}

void qsock_helper_audit_task_info(struct audit_buffer *record)
{
	audit_log_task_info(record);
}

void qsock_helper_audit_end(struct audit_buffer *record)
{
	audit_log_end(record);
}
