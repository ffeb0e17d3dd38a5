// SPDX-License-Identifier: GPL-2.0

#include <linux/filter.h>
#include <linux/skbuff.h>
#include <net/sock.h>

bool qsock_helper_sk_has_filter(const struct sock *sk)
{
	return rcu_access_pointer(sk->sk_filter);
}

struct sk_buff *qsock_helper_skb_of_bytes(const void *data, unsigned int len)
{
	struct sk_buff *skb = alloc_skb(len, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);

	if (skb)
		skb_put_data(skb, data, len);
	return skb;
}

unsigned int qsock_helper_skb_len(const struct sk_buff *skb)
{
	return skb->len;
}
