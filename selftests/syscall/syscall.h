/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The socket calls, made at the instruction and without a C library between:
 * a result is what the register holds, -errno if the call failed. Every call
 * also checks that the kernel kept all registers that it has to (syscall.c).
 *
 * The structures are written out as the kernel reads them; their sizes are
 * those of each ABI.
 */
#ifndef SYSCALL_H
#define SYSCALL_H

#include <stddef.h>

#include <asm/socket.h>
#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/net.h>
#include <linux/qsock.h>

#include "abi.h"

#define AF_UNSPEC	0
#define AF_UNIX		1
#define AF_INET		2

#define SOCK_STREAM	1
#define SOCK_DGRAM	2
#define SOCK_SEQPACKET	5

#define MSG_PEEK	0x2
#define MSG_TRUNC	0x20
#define MSG_DONTWAIT	0x40
#define MSG_WAITALL	0x100
#define MSG_NOSIGNAL	0x4000
#define MSG_WAITFORONE	0x10000
#define MSG_CMSG_COMPAT	0x80000000U

#define SCM_RIGHTS	1
#define SCM_CREDENTIALS	2

#define SHUT_WR		1

/* A member of the kernel's old times: a long, but for x32. */
#if X32 || defined(__LP64__)
typedef int64_t time_word;
#else
typedef int32_t time_word;
#endif

/* Where there is no such call, no way in wants it. */
#ifdef __NR_socketcall
#define NR_SOCKETCALL	__NR_socketcall
#else
#define NR_SOCKETCALL	__NR_sendto
#endif

struct iov {
	void *base;
	size_t len;
};

struct msg {
	void *name;
	int name_len;
	struct iov *iov;
	size_t iov_len;
	void *control;
	size_t control_len;
	unsigned int flags;
};

struct mmsg {
	struct msg msg;
	unsigned int len;
};

/* Every struct cmsg begins at a multiple of a size_t. */
struct cmsg {
	size_t len;
	int level;
	int type;
	unsigned char data[];
};

#define CMSG_SPACE(len)	\
	((sizeof(struct cmsg) + (len) + sizeof(size_t) - 1) & -sizeof(size_t))

struct old_time {
	time_word sec;
	time_word frac;
};

struct new_time {
	long long sec;
	long long frac;
};

struct cred {
	int pid;
	unsigned int uid;
	unsigned int gid;
};

struct addr {
	struct sockaddr_qs qs;
	int len;
};

/* What a test is run for: the family, the type, the way into the kernel. */
struct how {
	const struct entry *entry;
	bool qsock;
	int type;
};

/* The registers' values may be of any sign and width. */
#define N(number)	((reg_t)(long long)(number))
#define P(pointer)	((reg_t)(unsigned long)(pointer))

/*
 * One call: its number, the one it has as a socketcall() where it is one, and
 * its arguments.
 */
long long enter_call(const struct entry *entry, long nr, int socketcall,
		     unsigned int count, const reg_t *args);

#define CALL(entry, nr, socketcall, ...)				\
	enter_call(entry, nr, socketcall,				\
		   sizeof((reg_t[]){ __VA_ARGS__ }) / sizeof(reg_t),	\
		   (reg_t[]){ __VA_ARGS__ })

/* Any call that is none of a socket. */
#define OTHER(h, nr, ...)	CALL((h)->entry, nr, 0, __VA_ARGS__)

#define sys_socket(h, family, type, protocol)				\
	CALL((h)->entry, __NR_socket, SYS_SOCKET, N(family), N(type), N(protocol))
#define sys_socketpair(h, family, type, protocol, fds)			\
	CALL((h)->entry, __NR_socketpair, SYS_SOCKETPAIR, N(family), N(type), \
	     N(protocol), P(fds))
#define sys_bind(h, fd, addr, len)					\
	CALL((h)->entry, __NR_bind, SYS_BIND, N(fd), P(addr), N(len))
#define sys_connect(h, fd, addr, len)					\
	CALL((h)->entry, __NR_connect, SYS_CONNECT, N(fd), P(addr), N(len))
#define sys_listen(h, fd, backlog)					\
	CALL((h)->entry, __NR_listen, SYS_LISTEN, N(fd), N(backlog))
#define sys_accept4(h, fd, addr, len, flags)				\
	CALL((h)->entry, __NR_accept4, SYS_ACCEPT4, N(fd), P(addr), P(len), \
	     N(flags))
#define sys_getsockname(h, fd, addr, len)				\
	CALL((h)->entry, __NR_getsockname, SYS_GETSOCKNAME, N(fd), P(addr), P(len))
#define sys_getpeername(h, fd, addr, len)				\
	CALL((h)->entry, __NR_getpeername, SYS_GETPEERNAME, N(fd), P(addr), P(len))
#define sys_sendto(h, fd, buf, size, flags, addr, len)			\
	CALL((h)->entry, __NR_sendto, SYS_SENDTO, N(fd), P(buf), N(size), \
	     N(flags), P(addr), N(len))
#define sys_recvfrom(h, fd, buf, size, flags, addr, len)		\
	CALL((h)->entry, __NR_recvfrom, SYS_RECVFROM, N(fd), P(buf), N(size), \
	     N(flags), P(addr), P(len))
#define sys_sendmsg(h, fd, msg, flags)					\
	CALL((h)->entry, __NR_sendmsg, SYS_SENDMSG, N(fd), P(msg), N(flags))
#define sys_recvmsg(h, fd, msg, flags)					\
	CALL((h)->entry, __NR_recvmsg, SYS_RECVMSG, N(fd), P(msg), N(flags))
#define sys_sendmmsg(h, fd, msgs, count, flags)				\
	CALL((h)->entry, __NR_sendmmsg, SYS_SENDMMSG, N(fd), P(msgs), N(count), \
	     N(flags))
#define sys_recvmmsg(h, fd, msgs, count, flags, timeout)		\
	CALL((h)->entry, __NR_recvmmsg, SYS_RECVMMSG, N(fd), P(msgs), N(count), \
	     N(flags), P(timeout))
#define sys_setsockopt(h, fd, level, name, value, len)			\
	CALL((h)->entry, __NR_setsockopt, SYS_SETSOCKOPT, N(fd), N(level), \
	     N(name), P(value), N(len))
#define sys_getsockopt(h, fd, level, name, value, len)			\
	CALL((h)->entry, __NR_getsockopt, SYS_GETSOCKOPT, N(fd), N(level), \
	     N(name), P(value), P(len))
#define sys_shutdown(h, fd, how)					\
	CALL((h)->entry, __NR_shutdown, SYS_SHUTDOWN, N(fd), N(how))
#define sys_close(h, fd)	OTHER(h, __NR_close, N(fd))

/* Those that are calls of their own only in some ABIs. */
#define send_nul(h, fd, buf, size, flags)				\
	sys_sendto(h, fd, buf, size, flags, NULL, 0)
#define recv_nul(h, fd, buf, size, flags)				\
	sys_recvfrom(h, fd, buf, size, flags, NULL, NULL)

int family_of(const struct how *how);
/* A name of this process that no other uses; it starts with NUL. */
struct addr addr_of(const struct how *how, const char *name);
/* Reads a whole file; the bytes read. */
int read_file(const char *path, char *text, int size);
/* Writes to a file that is there; 0 or -errno. */
int write_file(const char *path, const char *text);
/* Waits until process @pid sleeps in call @nr, and returns its arguments. */
bool wait_in_call(int pid, long nr, unsigned long long args[6]);
/* Waits until process @pid sleeps, whatever in. */
bool wait_asleep(int pid);
void sleep_ms(int ms);
/* How @pid ended, as waitpid() has it. */
int end_of(int pid);

/* Sets a handler that counts in signals_seen; 0 or -1. */
int handle_signal(int signal, unsigned long flags);
extern volatile int signals_seen;
/* Set where a tracer is about to change them. */
extern bool registers_may_change;

#define WIFSTOPPED(status)	(((status) & 0xff) == 0x7f)
#define WSTOPSIG(status)	((status) >> 8)

#ifndef SIGUSR1
#define SIGUSR1		10
#endif
#ifndef SA_RESTART
#define SA_RESTART	0x10000000
#endif

#endif /* SYSCALL_H */
