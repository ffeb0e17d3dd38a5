// SPDX-License-Identifier: GPL-2.0

#include <linux/filter.h>
#include <linux/skbuff.h>
#include <net/sock.h>

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

/* Inline in a kernel without tracepoints. */
void qsock_helper_consume_skb(struct sk_buff *skb)
{
	consume_skb(skb);
}
