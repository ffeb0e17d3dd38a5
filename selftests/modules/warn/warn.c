// SPDX-License-Identifier: GPL-2.0
/*
 * Warns when it is loaded: a run that does not fail on this does not watch
 * the kernel's log.
 */
#include <linux/bug.h>
#include <linux/module.h>

static int __init warn_init(void)
{
	WARN(1, "qsock: a warning on purpose\n");
	return 0;
}
module_init(warn_init);

static void __exit warn_exit(void)
{
}
module_exit(warn_exit);

MODULE_DESCRIPTION("Positive control for the watch on the kernel's log");
MODULE_LICENSE("GPL");
