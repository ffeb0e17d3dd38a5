// SPDX-License-Identifier: GPL-2.0

#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/seq_file_net.h>
#include <net/net_namespace.h>

bool qsock_helper_proc_create_net_in(struct net *net, const char *name,
				     umode_t mode,
				     const struct seq_operations *ops)
{
	return proc_create_net(name, mode, net->proc_net, ops,
			       sizeof(struct seq_net_private));
}

void qsock_helper_proc_remove_net(struct net *net, const char *name)
{
	remove_proc_entry(name, net->proc_net);
}

struct net *qsock_helper_seq_net(struct seq_file *seq)
{
	return seq_file_net(seq);
}
