/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What bindgen reads: the headers of the socket layer, the helpers, and
 * constants that it cannot evaluate or that check what it generates.
 */
#include <linux/capability.h>
#include <linux/file.h>
#include <linux/hrtimer_types.h>
#include <linux/ioctl.h>
#include <linux/filter.h>
#include <linux/net.h>
#include <linux/net_tstamp.h>
#include <linux/poll.h>
#include <linux/security.h>
#include <linux/sched/signal.h>
#include <linux/sock_diag.h>
#include <linux/socket.h>
#include <linux/sockios.h>
#include <linux/pipe_fs_i.h>
#include <linux/splice.h>
#include <linux/unix_diag.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <asm/ioctls.h>
#include <net/net_namespace.h>
#include <net/scm.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include <linux/qsock.h>

#include "../helpers/helpers.c"
#include "../helpers/hook.h"
#include "../helpers/param.h"
#include "../helpers/trace.h"

/* Casts to __poll_t are more than bindgen folds. */
const __u32 NET_EPOLLIN = (__force __u32)EPOLLIN;
const __u32 NET_EPOLLRDNORM = (__force __u32)EPOLLRDNORM;
const __u32 NET_EPOLLRDBAND = (__force __u32)EPOLLRDBAND;
const __u32 NET_EPOLLPRI = (__force __u32)EPOLLPRI;
const __u32 NET_EPOLLMSG = (__force __u32)EPOLLMSG;
const __u32 NET_EPOLLOUT = (__force __u32)EPOLLOUT;
const __u32 NET_EPOLLWRNORM = (__force __u32)EPOLLWRNORM;
const __u32 NET_EPOLLWRBAND = (__force __u32)EPOLLWRBAND;
const __u32 NET_EPOLLERR = (__force __u32)EPOLLERR;
const __u32 NET_EPOLLHUP = (__force __u32)EPOLLHUP;
const __u32 NET_EPOLLRDHUP = (__force __u32)EPOLLRDHUP;

/* These too. */
const __u32 NET_FMODE_READ = (__force __u32)FMODE_READ;
const __u32 NET_FMODE_WRITE = (__force __u32)FMODE_WRITE;

/* Macros of other macros. */
const __u32 NET_SIOCINQ = SIOCINQ;
const __u32 NET_SIOCOUTQ = SIOCOUTQ;
const __u32 NET_SIOCATMARK = SIOCATMARK;

const __u32 NET_NLM_F_DUMP = NLM_F_DUMP;
const __u32 NET_NLM_F_MULTI = NLM_F_MULTI;

/* Enumerators of an anonymous type. */
const __u32 NET_UNIX_DIAG_NAME = UNIX_DIAG_NAME;
const __u32 NET_UNIX_DIAG_PEER = UNIX_DIAG_PEER;
const __u32 NET_UNIX_DIAG_ICONS = UNIX_DIAG_ICONS;
const __u32 NET_UNIX_DIAG_RQLEN = UNIX_DIAG_RQLEN;
const __u32 NET_UNIX_DIAG_MEMINFO = UNIX_DIAG_MEMINFO;
const __u32 NET_UNIX_DIAG_SHUTDOWN = UNIX_DIAG_SHUTDOWN;
const __u32 NET_UNIX_DIAG_UID = UNIX_DIAG_UID;
const __u32 NET_TSTAMP_SOFTWARE = SOF_TIMESTAMPING_SOFTWARE;
const __u32 NET_TSTAMP_RX_SOFTWARE = SOF_TIMESTAMPING_RX_SOFTWARE;
const __u32 NET_TSTAMP_OPT_RX_FILTER = SOF_TIMESTAMPING_OPT_RX_FILTER;

/* Layouts, as the C compiler sees them; src/bindings/mod.rs compares. */
const size_t NET_SIZEOF_SOCK = sizeof(struct sock);
const size_t NET_SIZEOF_SOCKET = sizeof(struct socket);
const size_t NET_SIZEOF_PROTO = sizeof(struct proto);
const size_t NET_SIZEOF_PROTO_OPS = sizeof(struct proto_ops);
const size_t NET_SIZEOF_MSGHDR = sizeof(struct msghdr);
const size_t NET_SIZEOF_SCM_COOKIE = sizeof(struct scm_cookie);
const size_t NET_SIZEOF_WAIT_QUEUE_ENTRY = sizeof(struct wait_queue_entry);
const size_t NET_SIZEOF_PERNET_OPERATIONS = sizeof(struct pernet_operations);
const size_t NET_OFFSET_SK_SNDBUF = offsetof(struct sock, sk_sndbuf);
const size_t NET_OFFSET_SK_WRITE_SPACE = offsetof(struct sock, sk_write_space);
const size_t NET_OFFSET_SK_FLAGS = offsetof(struct sock, sk_flags);
const size_t NET_OFFSET_SK_SCM_RECV_FLAGS =
	offsetof(struct sock, sk_scm_recv_flags);
const size_t NET_OFFSET_SK_DESTRUCT = offsetof(struct sock, sk_destruct);
const size_t NET_OFFSET_SOCKET_SK = offsetof(struct socket, sk);
const size_t NET_OFFSET_MSG_ITER = offsetof(struct msghdr, msg_iter);
const size_t NET_OFFSET_MSG_FLAGS = offsetof(struct msghdr, msg_flags);
