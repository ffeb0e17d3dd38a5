// SPDX-License-Identifier: GPL-2.0

#include <linux/cred.h>
#include <linux/sched/user.h>
#include <linux/slab.h>
#include <net/scm.h>

int qsock_helper_scm_send(struct socket *sock, struct msghdr *msg,
			  struct scm_cookie *scm)
{
	return scm_send(sock, msg, scm, false);
}

/* From 7.3 on, a file that a security module refuses may stand as an error. */
void qsock_helper_scm_detach_fds(struct msghdr *msg, struct scm_cookie *scm)
{
#ifdef QSOCK_SCM_NOTRUNC
	scm_detach_fds(msg, scm, false);
#else
	scm_detach_fds(msg, scm);
#endif
}

void qsock_helper_scm_destroy(struct scm_cookie *scm)
{
	scm_destroy(scm);
}

void qsock_helper_scm_set_cred(struct scm_cookie *scm, struct pid *pid,
			       kuid_t uid, kgid_t gid)
{
	scm_set_cred(scm, pid, uid, gid);
}

struct scm_fp_list *qsock_helper_scm_fp_list_alloc(int max)
{
	return kzalloc(offsetof(struct scm_fp_list, fp[max]),
		       GFP_KERNEL_ACCOUNT);
}

/* The list has fields that depend on the configuration. */
void qsock_helper_scm_fp_list_init(struct scm_fp_list *fpl, int max)
{
	fpl->max = max;
	fpl->user = get_uid(current_user());
#if IS_ENABLED(CONFIG_UNIX)
	INIT_LIST_HEAD(&fpl->vertices);
#endif
}

struct cmsghdr *qsock_helper_cmsg_firsthdr(struct msghdr *msg)
{
	return CMSG_FIRSTHDR(msg);
}

struct cmsghdr *qsock_helper_cmsg_nxthdr(struct msghdr *msg,
					 struct cmsghdr *cmsg)
{
	return CMSG_NXTHDR(msg, cmsg);
}

bool qsock_helper_cmsg_ok(struct msghdr *msg, struct cmsghdr *cmsg)
{
	return CMSG_OK(msg, cmsg);
}
