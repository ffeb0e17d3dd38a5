/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _QSOCK_HOOK_H
#define _QSOCK_HOOK_H

#include <linux/jump_label.h>
#include <linux/qsock_hook.h>

/* Whether any hook is to be asked. Rust finds a key by the field that it is. */
struct qsock_hook_branches {
	struct static_key_false sendmsg;
	struct static_key_false recvmsg;
	struct static_key_false other;
};

extern struct qsock_hook_branches qsock_hook_branches;

extern int (*qsock_hook_add)(const struct qsock_hook *hook);
extern void (*qsock_hook_remove)(const struct qsock_hook *hook);

void qsock_helper_hook_lock(void);
void qsock_helper_hook_unlock(void);
unsigned long qsock_helper_hook_read_lock(void);
void qsock_helper_hook_read_unlock(unsigned long counter);
void qsock_helper_hook_synchronize(void);
void qsock_helper_hook_enable(struct static_key_false *branch);
void qsock_helper_hook_disable(struct static_key_false *branch);
bool qsock_helper_hook_try_get(struct module *owner);
void qsock_helper_hook_put(struct module *owner);
bool qsock_helper_hook_may_tell(void);
unsigned int qsock_helper_hook_take_untold(void);

#endif /* _QSOCK_HOOK_H */
