// SPDX-License-Identifier: GPL-2.0
/*
 * What a message costs without system calls: when it is loaded it sends and
 * receives in a loop, on a stream pair of each family and on a pipe, which
 * take turns. For each round and transport it writes a line
 *
 *	kbench: <size> <transport> <ns per send and receive>
 *
 * and stays out, with the errno, if anything is wrong.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/uio.h>
#include <net/net_namespace.h>
#include <net/sock.h>

static int family = -1;
module_param(family, int, 0444);
MODULE_PARM_DESC(family, "The address family beside AF_UNIX");

static int pipe_fd = -1;
module_param(pipe_fd, int, 0444);
MODULE_PARM_DESC(pipe_fd, "A pipe that the loading process has open for both");

static int rounds = 15;
module_param(rounds, int, 0444);
MODULE_PARM_DESC(rounds, "Figures for each size and transport");

#define LARGEST		1048576UL
/* Bytes and messages of a round: whichever is reached first. */
#define ROUND_BYTES	(32UL << 20)
#define ROUND_MESSAGES	50000UL

static const size_t sizes[] = {
	64, 256, 1024, 4096, 16384, 65536, 262144, LARGEST,
};

/* Two ends: sockets, or the one file of a pipe. */
struct kbench_pair {
	const char *name;
	struct socket *from, *to;
	struct file *pipe;
};

static int kbench_open(struct kbench_pair *pair, int pf)
{
	int room = 4 * LARGEST;
	struct socket *ends[2];
	int error, i;

	error = sock_create_kern(&init_net, pf, SOCK_STREAM, 0, &pair->from) ?:
		sock_create_kern(&init_net, pf, SOCK_STREAM, 0, &pair->to);
	if (error)
		return error;
	error = pair->from->ops->socketpair(pair->from, pair->to);
	ends[0] = pair->from;
	ends[1] = pair->to;
	for (i = 0; !error && i < 2; i++)
		error = sock_setsockopt(ends[i], SOL_SOCKET, SO_SNDBUFFORCE,
					KERNEL_SOCKPTR(&room), sizeof(room)) ?:
			sock_setsockopt(ends[i], SOL_SOCKET, SO_RCVBUFFORCE,
					KERNEL_SOCKPTR(&room), sizeof(room));
	return error;
}

static void kbench_close(struct kbench_pair *pair)
{
	if (pair->from)
		sock_release(pair->from);
	if (pair->to)
		sock_release(pair->to);
	if (pair->pipe)
		fput(pair->pipe);
}

static ssize_t kbench_send(struct kbench_pair *pair, void *data, size_t size)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT };
	struct kvec vec = { data, size };

	if (pair->pipe)
		return kernel_write(pair->pipe, data, size, NULL);
	return kernel_sendmsg(pair->from, &msg, &vec, 1, size);
}

static ssize_t kbench_recv(struct kbench_pair *pair, void *data, size_t size)
{
	struct msghdr msg = {};
	struct kvec vec = { data, size };

	if (pair->pipe)
		return kernel_read(pair->pipe, data, size, NULL);
	return kernel_recvmsg(pair->to, &msg, &vec, 1, size, MSG_DONTWAIT);
}

/* Moves a block, in as few parts as the transport takes it. */
static int kbench_turn(struct kbench_pair *pair, char *data, size_t size)
{
	size_t sent = 0, got = 0;
	ssize_t n;

	while (got < size) {
		if (sent < size) {
			n = kbench_send(pair, data + sent, size - sent);
			if (n < 0 && n != -EAGAIN)
				return n;
			if (n > 0)
				sent += n;
		}
		n = kbench_recv(pair, data + got, sent - got);
		if (n <= 0)
			return n ?: -EPIPE;
		got += n;
	}
	return 0;
}

static int kbench_round(struct kbench_pair *pair, char *data, size_t size,
			bool told)
{
	unsigned long times = min(ROUND_BYTES / size, ROUND_MESSAGES), i;
	u64 start = ktime_get_ns();

	for (i = 0; i < times; i++) {
		int error = kbench_turn(pair, data, size);

		if (error) {
			pr_err("kbench: %s: error %d\n", pair->name, error);
			return error;
		}
	}
	start = ktime_get_ns() - start;
	if (told)
		pr_info("kbench: %zu %s %llu.%02llu\n", size, pair->name,
			start / times, start % times * 100 / times);
	cond_resched();
	return 0;
}

static int __init kbench_init(void)
{
	struct kbench_pair pairs[] = {
		{ .name = "qsock" }, { .name = "unix" }, { .name = "pipe" },
	};
	char *data = kvmalloc(LARGEST, GFP_KERNEL);
	int error, round, s, p;

	if (!data)
		return -ENOMEM;
	memset(data, 0x55, LARGEST);
	error = kbench_open(&pairs[0], family) ?: kbench_open(&pairs[1], AF_UNIX);
	if (error)
		goto out;
	pairs[2].pipe = fget(pipe_fd);
	if (!pairs[2].pipe) {
		error = -EBADF;
		goto out;
	}
	/* It takes a part of what does not fit, rather than wait for this task. */
	spin_lock(&pairs[2].pipe->f_lock);
	pairs[2].pipe->f_flags |= O_NONBLOCK;
	spin_unlock(&pairs[2].pipe->f_lock);
	/* The first round of a size is to warm up. */
	for (s = 0; !error && s < ARRAY_SIZE(sizes); s++)
		for (round = 0; !error && round <= rounds; round++)
			for (p = 0; !error && p < ARRAY_SIZE(pairs); p++)
				error = kbench_round(&pairs[p], data, sizes[s],
						     round);
out:
	for (p = 0; p < ARRAY_SIZE(pairs); p++)
		kbench_close(&pairs[p]);
	kvfree(data);
	if (error)
		pr_err("kbench: error %d\n", error);
	return error;
}
module_init(kbench_init);

static void __exit kbench_exit(void)
{
}
module_exit(kbench_exit);

MODULE_DESCRIPTION("Speed of local transports inside the kernel");
MODULE_LICENSE("GPL");
