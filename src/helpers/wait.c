// SPDX-License-Identifier: GPL-2.0

#include <linux/poll.h>
#include <linux/wait.h>

void qsock_helper_init_waitqueue_func_entry(struct wait_queue_entry *entry,
					    wait_queue_func_t func)
{
	init_waitqueue_func_entry(entry, func);
}

__u32 qsock_helper_key_to_poll(void *key)
{
	return (__force __u32)key_to_poll(key);
}

void qsock_helper_wake_up_interruptible_sync_poll(struct wait_queue_head *wq,
						  __u32 mask)
{
	wake_up_interruptible_sync_poll(wq, (__force __poll_t)mask);
}
