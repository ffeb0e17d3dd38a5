// SPDX-License-Identifier: GPL-2.0

#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <net/net_namespace.h>
#include <net/netlink.h>
#include <net/sock.h>

void *qsock_helper_nlmsg_data(const struct nlmsghdr *nlh)
{
	return nlmsg_data(nlh);
}

int qsock_helper_nlmsg_len(const struct nlmsghdr *nlh)
{
	return nlmsg_len(nlh);
}

struct nlmsghdr *qsock_helper_nlmsg_put(struct sk_buff *skb, u32 portid,
					u32 seq, int type, int payload,
					int flags)
{
	return nlmsg_put(skb, portid, seq, type, payload, flags);
}

void qsock_helper_nlmsg_end(struct sk_buff *skb, struct nlmsghdr *nlh)
{
	nlmsg_end(skb, nlh);
}

void qsock_helper_nlmsg_cancel(struct sk_buff *skb, struct nlmsghdr *nlh)
{
	nlmsg_cancel(skb, nlh);
}

struct sk_buff *qsock_helper_nlmsg_new(size_t payload)
{
	return nlmsg_new(payload, GFP_KERNEL);
}

void qsock_helper_nlmsg_free(struct sk_buff *skb)
{
	nlmsg_free(skb);
}

u32 qsock_helper_netlink_portid(struct sk_buff *skb)
{
	return NETLINK_CB(skb).portid;
}

struct sock *qsock_helper_netlink_asker(struct sk_buff *skb)
{
	return NETLINK_CB(skb).sk;
}

struct sock *qsock_helper_skb_sk(const struct sk_buff *skb)
{
	return skb->sk;
}

long *qsock_helper_netlink_dump_position(struct netlink_callback *cb)
{
	return &cb->args[0];
}

int qsock_helper_diag_unicast(struct net *net, struct sk_buff *skb, u32 portid)
{
	return nlmsg_unicast(net->diag_nlsk, skb, portid);
}

int qsock_helper_diag_dump_start(struct sk_buff *skb, struct nlmsghdr *nlh,
				 int (*dump)(struct sk_buff *skb,
					     struct netlink_callback *cb))
{
	struct netlink_dump_control control = { .dump = dump };

	return netlink_dump_start(sock_net(skb->sk)->diag_nlsk, skb, nlh,
				  &control);
}

uid_t qsock_helper_diag_uid(const struct sock *asker, const struct sock *sk)
{
	return from_kuid_munged(sk_user_ns(asker), sk_uid(sk));
}
