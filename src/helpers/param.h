/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _QSOCK_PARAM_H
#define _QSOCK_PARAM_H

#include <linux/types.h>

extern int qsock_param_family;
extern bool qsock_param_selftest_hook;
extern unsigned long long qsock_param_hook_seen;
extern unsigned long long qsock_param_hook_refused;

#endif /* _QSOCK_PARAM_H */
