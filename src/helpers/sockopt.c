// SPDX-License-Identifier: GPL-2.0

#include <linux/ktime.h>
#include <linux/sockptr.h>
#include <linux/timekeeping.h>
#include <net/sock.h>

int qsock_helper_copy_from_sockptr(void *to, sockptr_t from, size_t size)
{
	return copy_from_sockptr(to, from, size);
}

sockptr_t qsock_helper_kernel_sockptr(void *p)
{
	return KERNEL_SOCKPTR(p);
}

/* The caller holds the sock's lock: the bits share a byte. */
void qsock_helper_sk_set_scm_credentials(struct sock *sk, bool on)
{
	sk->sk_scm_credentials = on;
}

void qsock_helper_sk_set_scm_security(struct sock *sk, bool on)
{
	sk->sk_scm_security = on;
}

void qsock_helper_sk_set_scm_pidfd(struct sock *sk, bool on)
{
	sk->sk_scm_pidfd = on;
}

void qsock_helper_sk_set_scm_rights(struct sock *sk, bool on)
{
	sk->sk_scm_rights = on;
}

void qsock_helper_sk_set_scm_recv_flags(struct sock *sk, u8 flags)
{
	WRITE_ONCE(sk->sk_scm_recv_flags, flags);
}

void qsock_helper_lock_sock(struct sock *sk)
{
	lock_sock(sk);
}

void qsock_helper_sk_peek_offset_bwd(struct sock *sk, int val)
{
	sk_peek_offset_bwd(sk, val);
}

void qsock_helper_sk_peek_offset_fwd(struct sock *sk, int val)
{
	sk_peek_offset_fwd(sk, val);
}

u32 qsock_helper_sk_tsflags(const struct sock *sk)
{
	return READ_ONCE(sk->sk_tsflags);
}

bool qsock_helper_sock_flag(const struct sock *sk, enum sock_flags flag)
{
	return sock_flag(sk, flag);
}

void qsock_helper_sock_valbool_flag(struct sock *sk, enum sock_flags flag,
				    int valbool)
{
	sock_valbool_flag(sk, flag, valbool);
}

void qsock_helper_sock_set_custom_sockopt(struct socket *sock)
{
	set_bit(SOCK_CUSTOM_SOCKOPT, &sock->flags);
}

u64 qsock_helper_ktime_get_real_ns(void)
{
	return ktime_get_real_ns();
}

umode_t qsock_helper_sock_mode(struct socket *sock)
{
	return READ_ONCE(SOCK_INODE(sock)->i_mode);
}

kuid_t qsock_helper_sock_owner(struct socket *sock)
{
	return SOCK_INODE(sock)->i_uid;
}

kgid_t qsock_helper_sock_group(struct socket *sock)
{
	return SOCK_INODE(sock)->i_gid;
}
