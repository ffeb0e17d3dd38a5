// SPDX-License-Identifier: GPL-2.0
/*
 * Forgets an object when it is loaded: a scan of kmemleak that does not
 * report leak_init() finds nothing else either.
 */
#include <linux/module.h>
#include <linux/slab.h>

static int __init leak_init(void)
{
	char *forgotten = kmalloc(1000, GFP_KERNEL);

	if (!forgotten)
		return -ENOMEM;
	/* Not to be optimised away, and not to be found by its address. */
	strscpy(forgotten, "qsock: forgotten on purpose", 1000);
	OPTIMIZER_HIDE_VAR(forgotten);
	return 0;
}
module_init(leak_init);

static void __exit leak_exit(void)
{
}
module_exit(leak_exit);

MODULE_DESCRIPTION("Positive control for the search for leaks");
MODULE_LICENSE("GPL");
