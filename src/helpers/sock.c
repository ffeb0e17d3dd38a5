// SPDX-License-Identifier: GPL-2.0

#include <net/sock.h>

void qsock_helper_sock_hold(struct sock *sk)
{
	sock_hold(sk);
}

void qsock_helper_sock_put(struct sock *sk)
{
	sock_put(sk);
}

void qsock_helper_sock_orphan(struct sock *sk)
{
	sock_orphan(sk);
}

void qsock_helper_sock_graft(struct sock *sk, struct socket *parent)
{
	sock_graft(sk, parent);
}

struct net *qsock_helper_sock_net(const struct sock *sk)
{
	return sock_net(sk);
}

void qsock_helper_sock_prot_inuse_add(const struct net *net,
				      const struct proto *prot, int val)
{
	sock_prot_inuse_add(net, prot, val);
}

void qsock_helper_sk_add_node(struct sock *sk, struct hlist_head *list)
{
	sk_add_node(sk, list);
}

void qsock_helper_sk_del_node_init(struct sock *sk)
{
	sk_del_node_init(sk);
}

struct sock *qsock_helper_sk_head(const struct hlist_head *list)
{
	return sk_head(list);
}

struct sock *qsock_helper_sk_next(const struct sock *sk)
{
	return sk_next(sk);
}

u64 qsock_helper_sock_i_ino(const struct sock *sk)
{
	return sock_i_ino(sk);
}

int qsock_helper_sock_error(struct sock *sk)
{
	return sock_error(sk);
}

void qsock_helper_sk_set_err(struct sock *sk, int err)
{
	WRITE_ONCE(sk->sk_err, err);
}

unsigned char qsock_helper_sk_state(const struct sock *sk)
{
	return READ_ONCE(sk->sk_state);
}

unsigned int qsock_helper_sk_refs(const struct sock *sk)
{
	return refcount_read(&sk->sk_refcnt);
}

void qsock_helper_sk_set_state(struct sock *sk, unsigned char state)
{
	WRITE_ONCE(sk->sk_state, state);
}

long qsock_helper_sock_rcvtimeo(const struct sock *sk, bool noblock)
{
	return sock_rcvtimeo(sk, noblock);
}

long qsock_helper_sock_sndtimeo(const struct sock *sk, bool noblock)
{
	return sock_sndtimeo(sk, noblock);
}

int qsock_helper_sock_rcvlowat(const struct sock *sk, int waitall, int len)
{
	return sock_rcvlowat(sk, waitall, len);
}

int qsock_helper_sock_intr_errno(long timeo)
{
	return sock_intr_errno(timeo);
}

void qsock_helper_sock_poll_wait(struct file *file, struct socket *sock,
				 poll_table *wait)
{
	sock_poll_wait(file, sock, wait);
}

void qsock_helper_sk_set_nospace(struct sock *sk)
{
	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
}

void qsock_helper_sk_data_ready(struct sock *sk)
{
	READ_ONCE(sk->sk_data_ready)(sk);
}

void qsock_helper_sk_write_space(struct sock *sk)
{
	READ_ONCE(sk->sk_write_space)(sk);
}

void qsock_helper_sk_state_change(struct sock *sk)
{
	READ_ONCE(sk->sk_state_change)(sk);
}

void qsock_helper_sk_wake_async(const struct sock *sk, int how, int band)
{
	sk_wake_async(sk, how, band);
}

void qsock_helper_sk_wake_async_rcu(const struct sock *sk, int how, int band)
{
	sk_wake_async_rcu(sk, how, band);
}

wait_queue_head_t *qsock_helper_sk_sleep(struct sock *sk)
{
	return sk_sleep(sk);
}

struct socket_wq *qsock_helper_sk_wq(const struct sock *sk)
{
	return rcu_dereference(sk->sk_wq);
}

bool qsock_helper_skwq_has_sleeper(struct socket_wq *wq)
{
	return skwq_has_sleeper(wq);
}

bool qsock_helper_sk_peer_ids(struct sock *sk, u32 *uid, u32 *gid)
{
	guard(spinlock)(&sk->sk_peer_lock);
	if (!sk->sk_peer_cred)
		return false;
	*uid = sk->sk_peer_cred->euid.val;
	*gid = sk->sk_peer_cred->egid.val;
	return true;
}

void qsock_helper_sk_swap_peer_cred(struct sock *sk, struct pid **pid,
				    const struct cred **cred)
{
	spin_lock(&sk->sk_peer_lock);
	swap(sk->sk_peer_pid, *pid);
	swap(sk->sk_peer_cred, *cred);
	spin_unlock(&sk->sk_peer_lock);
}
