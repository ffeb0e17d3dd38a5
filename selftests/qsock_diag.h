/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sock_diag(7) as tests use it: ask for one socket or for all, and take the
 * replies apart. AF_QSOCK has the requests and replies of AF_UNIX.
 */
#ifndef QSOCK_DIAG_H
#define QSOCK_DIAG_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>

#include "qsock_test.h"

/* The states that sockets of these families have. */
#define DIAG_ESTABLISHED	1
#define DIAG_CLOSE		7
#define DIAG_LISTEN		10

/* What a reply says of a socket. */
struct diag {
	struct unix_diag_msg msg;
	struct {
		int len;	/* -1 when it is not there */
		char bytes[512];
	} attr[UNIX_DIAG_MAX + 1];
};

static inline int diag_open(struct __test_metadata *_metadata)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
			NETLINK_SOCK_DIAG);

	ASSERT_LE(0, fd);
	return fd;
}

/* Send @request, of which @len bytes are to be its length. */
static inline int diag_ask(int fd, const struct unix_diag_req *request,
			   size_t len, int flags)
{
	struct {
		struct nlmsghdr head;
		struct unix_diag_req request;
	} message = {
		.head = {
			.nlmsg_len = NLMSG_LENGTH(len),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | flags,
		},
		.request = *request,
	};

	return send(fd, &message, NLMSG_LENGTH(len), 0);
}

static inline void diag_parse(struct nlmsghdr *head, struct diag *diag)
{
	struct unix_diag_msg *msg = NLMSG_DATA(head);
	int left = head->nlmsg_len - NLMSG_LENGTH(sizeof(*msg)), i;
	struct rtattr *attr = (struct rtattr *)(msg + 1);

	diag->msg = *msg;
	for (i = 0; i <= UNIX_DIAG_MAX; i++)
		diag->attr[i].len = -1;
	for (; RTA_OK(attr, left); attr = RTA_NEXT(attr, left)) {
		int len = RTA_PAYLOAD(attr);

		if (attr->rta_type > UNIX_DIAG_MAX ||
		    len > (int)sizeof(diag->attr[0].bytes))
			continue;
		diag->attr[attr->rta_type].len = len;
		memcpy(diag->attr[attr->rta_type].bytes, RTA_DATA(attr), len);
	}
}

/* Word @i of an attribute; ~0 when there is none. */
static inline unsigned int diag_word(const struct diag *diag, int attr, int i)
{
	unsigned int word = ~0U;

	if (diag->attr[attr].len >= (i + 1) * (int)sizeof(word))
		memcpy(&word, diag->attr[attr].bytes + i * sizeof(word),
		       sizeof(word));
	return word;
}

/* Look one socket up; returns 0, or the negative errno. */
static inline int diag_request(int fd, const struct unix_diag_req *request,
			       size_t len, struct diag *diag)
{
	unsigned long long buf[2048];
	struct nlmsghdr *head = (struct nlmsghdr *)buf;
	int n;

	if (diag_ask(fd, request, len, 0) < 0)
		return -errno;
	n = recv(fd, buf, sizeof(buf), 0);
	if (n < 0 || !NLMSG_OK(head, (unsigned int)n))
		return -EIO;
	if (head->nlmsg_type == NLMSG_ERROR)
		return ((struct nlmsgerr *)NLMSG_DATA(head))->error;
	diag_parse(head, diag);
	return 0;
}

static inline unsigned int diag_inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino;
}

/* Look the socket @of up, of whatever cookie; returns 0 or -errno. */
static inline int diag_of(int fd, int family, int of, unsigned int show,
			  struct diag *diag)
{
	struct unix_diag_req request = {
		.sdiag_family = family,
		.udiag_ino = diag_inode(of),
		.udiag_show = show,
		.udiag_cookie = { ~0U, ~0U },
	};

	return diag_request(fd, &request, sizeof(request), diag);
}

/*
 * Dump the sockets that are in one of @states; returns how many, or the
 * negative errno, and in @found how often @inode was among them.
 */
static inline int diag_dump(int fd, int family, unsigned int states,
			    unsigned int inode, int *found)
{
	struct unix_diag_req request = {
		.sdiag_family = family,
		.udiag_states = states,
	};
	unsigned long long buf[8192];
	int count = 0, n;

	*found = 0;
	if (diag_ask(fd, &request, sizeof(request), NLM_F_DUMP) < 0)
		return -errno;
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		unsigned int left = n;
		struct nlmsghdr *head = (struct nlmsghdr *)buf;

		for (; NLMSG_OK(head, left); head = NLMSG_NEXT(head, left)) {
			struct unix_diag_msg *msg = NLMSG_DATA(head);

			if (head->nlmsg_type == NLMSG_DONE)
				return count;
			if (head->nlmsg_type == NLMSG_ERROR)
				return ((struct nlmsgerr *)msg)->error;
			count++;
			*found += msg->udiag_ino == inode;
		}
	}
	return -EIO;
}

#endif /* QSOCK_DIAG_H */
