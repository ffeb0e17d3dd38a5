// SPDX-License-Identifier: GPL-2.0
/*
 * The module's parameters. The kernel crate has none that sysfs shows.
 */

#include <linux/moduleparam.h>
#include <linux/qsock.h>

#include "param.h"

int qsock_param_family = AF_QSOCK;
module_param_named(family, qsock_param_family, int, 0444);
MODULE_PARM_DESC(family, "Address family number");

bool qsock_param_selftest_hook;
module_param_named(selftest_hook, qsock_param_selftest_hook, bool, 0444);
MODULE_PARM_DESC(selftest_hook,
		 "Load the hook that counts, and refuses QSOCK-REFUSE");

unsigned long long qsock_param_hook_seen;
module_param_named(hook_seen, qsock_param_hook_seen, ullong, 0444);
MODULE_PARM_DESC(hook_seen, "Messages that the selftest hook let pass");

unsigned long long qsock_param_hook_refused;
module_param_named(hook_refused, qsock_param_hook_refused, ullong, 0444);
MODULE_PARM_DESC(hook_refused, "Messages that the selftest hook refused");
