/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the policy tells the audit subsystem, as whoever listens there sees it.
 */
#ifndef QSOCK_AUDIT_H
#define QSOCK_AUDIT_H

#include <linux/audit.h>
#include <linux/netlink.h>
#include <poll.h>

#include "qsock_test.h"

/* A socket that hears all records; -1 of a kernel that does not audit. */
static inline int audit_open(struct __test_metadata *_metadata)
{
	struct sockaddr_nl address = {
		.nl_family = AF_NETLINK,
		.nl_groups = 1 << (AUDIT_NLGRP_READLOG - 1),
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);

	if (fd >= 0)
		ASSERT_EQ(0, bind(fd, (struct sockaddr *)&address,
				  sizeof(address)));
	return fd;
}

/* The next record of the policy's within @ms that has @text, or NULL. */
static inline const char *audit_next(int fd, const char *text, int ms)
{
	static char buffer[16384];
	struct nlmsghdr *head = (struct nlmsghdr *)buffer;
	struct pollfd poller = { .fd = fd, .events = POLLIN };

	while (poll(&poller, 1, ms) == 1) {
		ssize_t n = recv(fd, buffer, sizeof(buffer) - 1, 0);

		if (n < (ssize_t)NLMSG_HDRLEN)
			continue;
		buffer[n] = '\0';
		if (head->nlmsg_type == AUDIT_KERNEL_OTHER &&
		    strstr(NLMSG_DATA(head), "qsock=") &&
		    strstr(NLMSG_DATA(head), text))
			return NLMSG_DATA(head);
	}
	return NULL;
}

#endif /* QSOCK_AUDIT_H */
