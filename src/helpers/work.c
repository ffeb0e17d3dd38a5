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
