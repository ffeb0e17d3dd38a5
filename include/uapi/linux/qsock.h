/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The queue socket family, AF_QSOCK: what programs see of it.
 *
 * Self-contained in C and C++. The names and their meaning follow unix(7)
 * wherever this header says nothing else.
 */
#ifndef _UAPI_LINUX_QSOCK_H
#define _UAPI_LINUX_QSOCK_H

#include <linux/socket.h>

/*
 * The address family's default number. The module parameter family= changes
 * it, so a program that must be sure reads
 * /sys/module/qsock/parameters/family.
 */
#define AF_QSOCK	18
#define PF_QSOCK	AF_QSOCK

/* Bytes of sqs_name, terminating NUL included where there is one. */
#define QSOCK_NAME_MAX	108

/**
 * struct sockaddr_qs - the address of a queue socket
 * @sqs_family: AF_QSOCK
 * @sqs_name: the name. One that starts with NUL is taken byte for byte up to
 *	the address's length; any other ends at its first NUL, and need not
 *	have one when it fills the array. An address of the family alone asks
 *	bind(2) for a name of the kernel's choice.
 *
 * The layout is that of struct sockaddr_un. No name is a file: all of them
 * live in one table per network namespace.
 */
struct sockaddr_qs {
	__kernel_sa_family_t sqs_family;
	char sqs_name[QSOCK_NAME_MAX];
};

#endif /* _UAPI_LINUX_QSOCK_H */
