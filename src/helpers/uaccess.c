// SPDX-License-Identifier: GPL-2.0

#include <linux/uaccess.h>

void qsock_helper_pagefault_disable(void)
{
	pagefault_disable();
}

void qsock_helper_pagefault_enable(void)
{
	pagefault_enable();
}
