// SPDX-License-Identifier: GPL-2.0

#include <linux/cred.h>
#include <linux/fs_struct.h>
#include <linux/pid.h>
#include <linux/security.h>
#include <linux/sched/signal.h>
#include <linux/user_namespace.h>

kuid_t qsock_helper_current_fsuid(void)
{
	return current_fsuid();
}

kgid_t qsock_helper_current_fsgid(void)
{
	return current_fsgid();
}

kuid_t qsock_helper_current_uid(void)
{
	return current_uid();
}

kgid_t qsock_helper_current_gid(void)
{
	return current_gid();
}

kuid_t qsock_helper_make_current_kuid(u32 uid)
{
	return make_kuid(current_user_ns(), uid);
}

kgid_t qsock_helper_make_current_kgid(u32 gid)
{
	return make_kgid(current_user_ns(), gid);
}

u32 qsock_helper_from_current_kuid(kuid_t uid)
{
	return from_kuid(current_user_ns(), uid);
}

pid_t qsock_helper_current_tgid_vnr(void)
{
	return task_tgid_vnr(current);
}

u32 qsock_helper_from_current_kgid(kgid_t gid)
{
	return from_kgid_munged(current_user_ns(), gid);
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

void qsock_helper_current_getsecid(u32 *secid)
{
	security_cred_getsecid(current_cred(), secid);
}

unsigned long qsock_helper_rlimit_nofile(void)
{
	return rlimit(RLIMIT_NOFILE);
}
