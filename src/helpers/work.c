// SPDX-License-Identifier: GPL-2.0

#include <linux/workqueue.h>

void qsock_helper_init_work(struct work_struct *work, work_func_t func)
{
	INIT_WORK(work, func);
}

bool qsock_helper_queue_unbound_work(struct work_struct *work)
{
	return queue_work(system_dfl_wq, work);
}

void qsock_helper_init_delayed_work(struct delayed_work *work, work_func_t func)
{
	INIT_DELAYED_WORK(work, func);
}

bool qsock_helper_queue_unbound_delayed_work(struct delayed_work *work)
{
	return queue_delayed_work(system_dfl_wq, work, HZ);
}
