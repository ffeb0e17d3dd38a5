// SPDX-License-Identifier: GPL-2.0

#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/mm_types.h>
#include <linux/sched.h>

kuid_t qsock_helper_current_euid(void)
{
	return current_euid();
}

kgid_t qsock_helper_current_egid(void)
{
	return current_egid();
}

pid_t qsock_helper_current_tgid(void)
{
	return task_tgid_nr(current);
}

kuid_t qsock_helper_cred_euid(const struct cred *cred)
{
	return cred->euid;
}

kgid_t qsock_helper_cred_egid(const struct cred *cred)
{
	return cred->egid;
}

/* NULL for a task without a program. */
struct file *qsock_helper_current_exe_file(void)
{
	struct mm_struct *mm = current->mm;

	return mm ? get_file_active((struct file __force **)&mm->exe_file) : NULL;
}

/* In the unified hierarchy; as cgroup_path(). */
int qsock_helper_current_cgroup_path(char *to, size_t size)
{
#ifdef CONFIG_CGROUPS
	guard(rcu)();
	return cgroup_path(task_dfl_cgroup(current), to, size);
#else
	to[0] = '\0';
	return 0;
#endif
}
