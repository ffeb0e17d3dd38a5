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
#include <linux/types.h>

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

/*
 * The family's own level of getsockopt(2) and setsockopt(2).
 *
 * Some SO_* options can be set at SOL_SOCKET, but the core lets only AF_UNIX
 * read them there. At SOL_QSOCK they are found under the same numbers, each an
 * int that can be read and set: SO_PASSCRED, SO_PASSSEC, SO_PASSPIDFD,
 * SO_PASSRIGHTS, SO_INQ.
 */
#define SOL_QSOCK	512

/* The permission bits of the name that the socket bound: an int. */
#define QSOCK_NAME_MODE	0x1000

/* The owner of the name that the socket bound: a struct qsock_owner. */
#define QSOCK_NAME_OWNER	0x1001

/**
 * struct qsock_owner - who owns a name
 * @uid: the user
 * @gid: the group
 *
 * In the caller's user namespace. Setting either to -1 leaves it as it is.
 */
struct qsock_owner {
	__u32 uid;
	__u32 gid;
};

#endif /* _UAPI_LINUX_QSOCK_H */
