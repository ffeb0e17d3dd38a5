// SPDX-License-Identifier: GPL-2.0

#include <linux/mm.h>
#include <linux/net.h>
#include <linux/uio.h>

bool qsock_helper_iov_iter_is_bvec(const struct iov_iter *iter)
{
	return iov_iter_is_bvec(iter);
}

bool qsock_helper_sendpage_ok(struct page *page)
{
	return sendpage_ok(page);
}

void qsock_helper_get_page(struct page *page)
{
	get_page(page);
}

void qsock_helper_put_page(struct page *page)
{
	put_page(page);
}
