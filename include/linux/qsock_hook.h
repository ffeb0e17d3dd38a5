/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hooks of other modules in what sockets of AF_QSOCK do.
 *
 * A hook is asked in the context of the acting task, which is current. It may
 * sleep; it must not use a socket of the family, nor count on the task's own
 * memory, which may not be paged in. What it is told is valid while it is asked.
 * A message is in kernel memory then, and no receiver sees it yet.
 */
#ifndef _LINUX_QSOCK_HOOK_H
#define _LINUX_QSOCK_HOOK_H

#include <linux/types.h>

struct file;
struct module;

/* What this header says; a hook that says another is refused. */
#define QSOCK_HOOK_VERSION	1

enum qsock_hook_operation {
	QSOCK_HOOK_CREATE,
	QSOCK_HOOK_BIND,
	QSOCK_HOOK_LISTEN,
	QSOCK_HOOK_CONNECT,
	QSOCK_HOOK_ACCEPT,
	QSOCK_HOOK_SENDMSG,
	QSOCK_HOOK_RECVMSG,
	QSOCK_HOOK_PASS_FILE,
	QSOCK_HOOK_SHUTDOWN,
	QSOCK_HOOK_OPERATIONS,
};

/* What ask() returns to drop a datagram: the sender is not told. */
#define QSOCK_HOOK_DROP		1

/**
 * struct qsock_hook_context - what a hook is asked about
 * @operation: enum qsock_hook_operation
 * @type: SOCK_STREAM, SOCK_SEQPACKET or SOCK_DGRAM
 * @netns: inode number of the network namespace
 * @uid: effective user of the acting task, in the initial user namespace
 * @gid: effective group
 * @pid: its process, in the initial pid namespace
 * @peer_uid: as @uid, of the peer: who connected, listened, or made the pair; of
 *	a datagram socket, who made it; -1 where there is none
 * @peer_gid: its group, likewise
 * @flags: MSG_* of the call
 * @files: how many files go with the message
 * @len: bytes of the message
 * @name: name of the socket, or what it is to be; not terminated
 * @peer_name: name of the peer
 * @head: the message's first bytes
 * @name_len: bytes at @name; 0 if there is none
 * @peer_name_len: bytes at @peer_name
 * @head_len: bytes at @head, at most 64
 * @file: QSOCK_HOOK_PASS_FILE: the file
 */
struct qsock_hook_context {
	__u32 operation;
	__u32 type;
	__u32 netns;
	__u32 uid;
	__u32 gid;
	__s32 pid;
	__u32 peer_uid;
	__u32 peer_gid;
	__u32 flags;
	__u32 files;
	__u64 len;
	const void *name;
	const void *peer_name;
	const void *head;
	__u32 name_len;
	__u32 peer_name_len;
	__u32 head_len;
	struct file *file;
};

/**
 * struct qsock_hook - a hook
 * @version: QSOCK_HOOK_VERSION
 * @operations: a bit for each operation that it is asked about
 * @owner: THIS_MODULE
 * @ask: returns 0 to allow, a negative errno to refuse (one that means that the
 *	call is to be repeated becomes EACCES), QSOCK_HOOK_DROP
 */
struct qsock_hook {
	__u32 version;
	__u32 operations;
	struct module *owner;
	int (*ask)(const struct qsock_hook_context *context);
};

/*
 * Has @hook asked from now on, after those that are there. What it says is copied;
 * its address is what qsock_unregister_hook() finds it by. It pins its module
 * until it is unregistered: a module unregisters for another reason than that it
 * is unloaded. Sleeps. -EINVAL, -EEXIST, -ENOMEM.
 */
int qsock_register_hook(const struct qsock_hook *hook);

/* Has @hook not asked any more, and waits for those who ask it now. Sleeps. */
void qsock_unregister_hook(const struct qsock_hook *hook);

#endif /* _LINUX_QSOCK_HOOK_H */
