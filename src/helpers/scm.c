// SPDX-License-Identifier: GPL-2.0

#include <net/scm.h>

int qsock_helper_scm_send(struct socket *sock, struct msghdr *msg,
			  struct scm_cookie *scm)
{
	return scm_send(sock, msg, scm, false);
}

void qsock_helper_scm_destroy(struct scm_cookie *scm)
{
	scm_destroy(scm);
}
