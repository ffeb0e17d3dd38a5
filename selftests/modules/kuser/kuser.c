// SPDX-License-Identifier: GPL-2.0
/*
 * A user of sockets inside the kernel: when it is loaded it makes a
 * connection of each type and moves messages both ways, without any process
 * that owns a descriptor. It stays out, with the errno, if anything is wrong.
 */
#include <linux/module.h>
#include <linux/net.h>
#include <linux/socket.h>
#include <linux/uio.h>
#include <linux/un.h>
#include <net/net_namespace.h>
#include <net/sock.h>

static int family = -1;
module_param(family, int, 0444);
MODULE_PARM_DESC(family, "The address family to use");

static int type;
module_param(type, int, 0444);
MODULE_PARM_DESC(type, "The one type of socket to use; 0 for all of them");

#define MESSAGE	"from the kernel"
#define ANSWER	"and back"

/* An address in the layout that unix(7) and AF_QSOCK share. */
struct kuser_addr {
	struct sockaddr_un un;
	int len;
};

static struct kuser_addr kuser_addr(int kind, const char *which)
{
	struct kuser_addr addr = { .un.sun_family = family };

	/* The name begins with NUL and belongs to this namespace alone. */
	addr.len = offsetof(struct sockaddr_un, sun_path) + 1 +
		   scnprintf(addr.un.sun_path + 1,
			     sizeof(addr.un.sun_path) - 1, "kuser.%d.%s", kind,
			     which);
	return addr;
}

static int kuser_check(bool right, int kind, const char *what)
{
	if (right)
		return 0;
	pr_err("kuser: family %d, type %d: %s\n", family, kind, what);
	return -EPROTO;
}

static int kuser_send(struct socket *sock, const char *text,
		      struct kuser_addr *to)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	struct kvec vec = { (void *)text, strlen(text) };
	int n;

	if (to) {
		msg.msg_name = &to->un;
		msg.msg_namelen = to->len;
	}
	n = kernel_sendmsg(sock, &msg, &vec, 1, vec.iov_len);
	return n < 0 ? n : kuser_check(n == strlen(text), sock->type,
				       "a message was cut");
}

/* The next message must be @text, and from @from if that is not NULL. */
static int kuser_recv(struct socket *sock, const char *text,
		      const struct kuser_addr *from)
{
	struct sockaddr_storage name = {};
	struct msghdr msg = { .msg_name = from ? &name : NULL };
	char got[64];
	struct kvec vec = { got, sizeof(got) };
	int n = kernel_recvmsg(sock, &msg, &vec, 1, sizeof(got), MSG_DONTWAIT);

	if (n < 0)
		return n;
	if (kuser_check(n == strlen(text) && !memcmp(got, text, n),
			sock->type, "another message came"))
		return -EPROTO;
	if (!from)
		return 0;
	return kuser_check(msg.msg_namelen == from->len &&
			   !memcmp(&name, &from->un, from->len),
			   sock->type, "it came from another name");
}

/* There must be nothing more to receive: EAGAIN, or 0 after the end. */
static int kuser_nothing(struct socket *sock, int expected)
{
	char got;
	struct kvec vec = { &got, 1 };
	struct msghdr msg = {};
	int n = kernel_recvmsg(sock, &msg, &vec, 1, 1, MSG_DONTWAIT);

	return kuser_check(n == expected, sock->type, "more than was sent");
}

/* Both ends of a connection: names, messages, and its end. */
static int kuser_talk(struct socket *client, struct socket *server,
		      const struct kuser_addr *addr)
{
	struct sockaddr_storage name;
	int error = kernel_getpeername(client, (struct sockaddr *)&name);

	if (error < 0)
		return error;
	error = kuser_check(error == addr->len &&
			    !memcmp(&name, &addr->un, addr->len),
			    client->type, "the peer has another name") ?:
		kuser_nothing(server, -EAGAIN) ?:
		kuser_send(client, MESSAGE, NULL) ?:
		kuser_recv(server, MESSAGE, NULL) ?:
		kuser_send(server, ANSWER, NULL) ?:
		kuser_recv(client, ANSWER, NULL) ?:
		kuser_nothing(client, -EAGAIN) ?:
		kernel_sock_shutdown(client, SHUT_WR) ?:
		kuser_nothing(server, 0);
	if (error)
		return error;
	error = kuser_send(client, MESSAGE, NULL);
	return kuser_check(error == -EPIPE, client->type,
			   "sent after shutdown");
}

/* SOCK_STREAM and SOCK_SEQPACKET. */
static int kuser_connection(int kind)
{
	struct socket *listener = NULL, *client = NULL, *server = NULL;
	struct kuser_addr addr = kuser_addr(kind, "listener");
	int error;

	error = sock_create_kern(&init_net, family, kind, 0, &listener) ?:
		sock_create_kern(&init_net, family, kind, 0, &client) ?:
		kernel_bind(listener, (struct sockaddr_unsized *)&addr.un,
			    addr.len) ?:
		kernel_listen(listener, 1);
	if (error)
		goto out;
	error = kernel_accept(listener, &server, O_NONBLOCK);
	if (error != -EAGAIN) {
		error = kuser_check(false, kind, "accepted nobody");
		goto out;
	}
	error = kernel_connect(client, (struct sockaddr_unsized *)&addr.un,
			       addr.len, 0) ?:
		kernel_accept(listener, &server, 0) ?:
		kuser_talk(client, server, &addr);
out:
	if (server)
		sock_release(server);
	if (client)
		sock_release(client);
	if (listener)
		sock_release(listener);
	return error;
}

static int kuser_datagrams(void)
{
	struct kuser_addr a = kuser_addr(SOCK_DGRAM, "a");
	struct kuser_addr b = kuser_addr(SOCK_DGRAM, "b");
	struct socket *here = NULL, *there = NULL;
	int error;

	error = sock_create_kern(&init_net, family, SOCK_DGRAM, 0, &here) ?:
		sock_create_kern(&init_net, family, SOCK_DGRAM, 0, &there) ?:
		kernel_bind(here, (struct sockaddr_unsized *)&a.un, a.len) ?:
		kernel_bind(there, (struct sockaddr_unsized *)&b.un, b.len) ?:
		kuser_send(here, MESSAGE, &b) ?:
		kuser_recv(there, MESSAGE, &a) ?:
		kernel_connect(there, (struct sockaddr_unsized *)&a.un, a.len,
			       0) ?:
		kuser_send(there, ANSWER, NULL) ?:
		kuser_recv(here, ANSWER, &b) ?:
		kuser_nothing(here, -EAGAIN) ?:
		kuser_nothing(there, -EAGAIN);
	if (there)
		sock_release(there);
	if (here)
		sock_release(here);
	return error;
}

static int __init kuser_init(void)
{
	int error = 0;

	if (!type || type == SOCK_STREAM)
		error = kuser_connection(SOCK_STREAM);
	if (!error && (!type || type == SOCK_SEQPACKET))
		error = kuser_connection(SOCK_SEQPACKET);
	if (!error && (!type || type == SOCK_DGRAM))
		error = kuser_datagrams();
	if (error)
		pr_err("kuser: family %d: error %d\n", family, error);
	return error;
}
module_init(kuser_init);

static void __exit kuser_exit(void)
{
}
module_exit(kuser_exit);

MODULE_DESCRIPTION("Test of sockets that the kernel itself uses");
MODULE_LICENSE("GPL");
