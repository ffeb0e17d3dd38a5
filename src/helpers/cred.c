// SPDX-License-Identifier: GPL-2.0

#include <linux/cred.h>
#include <linux/fs_struct.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>

kuid_t qsock_helper_current_fsuid(void)
{
	return current_fsuid();
}

kgid_t qsock_helper_current_fsgid(void)
{
	return current_fsgid();
}

umode_t qsock_helper_current_umask(void)
{
	return current_umask();
}

const struct cred *qsock_helper_get_current_cred(void)
{
	return get_current_cred();
}

const struct cred *qsock_helper_get_cred(const struct cred *cred)
{
	return get_cred(cred);
}

void qsock_helper_put_cred(const struct cred *cred)
{
	put_cred(cred);
}

struct pid *qsock_helper_get_current_tgid(void)
{
	return get_pid(task_tgid(current));
}

struct pid *qsock_helper_get_pid(struct pid *pid)
{
	return get_pid(pid);
}

void qsock_helper_send_sigpipe(void)
{
	send_sig(SIGPIPE, current, 0);
}
