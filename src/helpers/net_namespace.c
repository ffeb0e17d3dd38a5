// SPDX-License-Identifier: GPL-2.0

#include <net/net_namespace.h>
#include <net/netns/generic.h>

void *qsock_helper_net_generic(const struct net *net, unsigned int id)
{
	return net_generic(net, id);
}

struct user_namespace *qsock_helper_net_user_ns(const struct net *net)
{
	return net->user_ns;
}

u32 qsock_helper_net_inum(const struct net *net)
{
	return net->ns.inum;
}
