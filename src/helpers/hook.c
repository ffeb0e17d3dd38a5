// SPDX-License-Identifier: GPL-2.0
/*
 * What guards the hooks, which only C can declare, and what other modules call
 * (src/bindings/hook.rs); apart from the helpers, because another module that is
 * built on the framework has none.
 */

#include <linux/export.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/ratelimit.h>
#include <linux/srcu.h>

#include "hook.h"

struct qsock_hook_branches qsock_hook_branches = {
	STATIC_KEY_FALSE_INIT,
	STATIC_KEY_FALSE_INIT,
	STATIC_KEY_FALSE_INIT,
};

/* Its readers pay three instructions, its writers wait for RCU as well. */
DEFINE_STATIC_SRCU_FAST(qsock_hook_srcu);
static DEFINE_MUTEX(qsock_hook_mutex);

/*
 * An unprivileged program must not fill the log. How much was left out stands in
 * the next record, and not in the kernel's log.
 */
static struct ratelimit_state qsock_hook_rate =
	RATELIMIT_STATE_INIT_FLAGS("qsock", 5 * HZ, 50,
				   RATELIMIT_MSG_ON_RELEASE);

/* Set before any other module can call. */
int (*qsock_hook_add)(const struct qsock_hook *hook);
void (*qsock_hook_remove)(const struct qsock_hook *hook);

int qsock_register_hook(const struct qsock_hook *hook)
{
	return qsock_hook_add(hook);
}
EXPORT_SYMBOL_GPL(qsock_register_hook);

void qsock_unregister_hook(const struct qsock_hook *hook)
{
	qsock_hook_remove(hook);
}
EXPORT_SYMBOL_GPL(qsock_unregister_hook);

void qsock_helper_hook_lock(void)
{
	mutex_lock(&qsock_hook_mutex);
}

void qsock_helper_hook_unlock(void)
{
	mutex_unlock(&qsock_hook_mutex);
}

unsigned long qsock_helper_hook_read_lock(void)
{
	return (unsigned long)srcu_read_lock_fast(&qsock_hook_srcu);
}

void qsock_helper_hook_read_unlock(unsigned long counter)
{
	srcu_read_unlock_fast(&qsock_hook_srcu,
			      (struct srcu_ctr __percpu *)counter);
}

void qsock_helper_hook_synchronize(void)
{
	/* Readers are few and short; who loads a policy waits for this. */
	synchronize_srcu_expedited(&qsock_hook_srcu);
}

void qsock_helper_hook_enable(struct static_key_false *branch)
{
	static_branch_enable(branch);
}

void qsock_helper_hook_disable(struct static_key_false *branch)
{
	static_branch_disable(branch);
}

bool qsock_helper_hook_try_get(struct module *owner)
{
	return try_module_get(owner);
}

void qsock_helper_hook_put(struct module *owner)
{
	module_put(owner);
}

bool qsock_helper_hook_may_tell(void)
{
	return ___ratelimit(&qsock_hook_rate, "qsock");
}

/* As its type has it, but more than INT_MAX of them are no negative number. */
unsigned int qsock_helper_hook_take_untold(void)
{
	return ratelimit_state_reset_miss(&qsock_hook_rate);
}
