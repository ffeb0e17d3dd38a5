// SPDX-License-Identifier: GPL-2.0
/*
 * A security module written in BPF decides over the family's sockets as over
 * any others: one that denies this process to send on sockets of a family,
 * which it reads from the socket.
 */
#include <linux/bpf.h>
#include <linux/netlink.h>
#include <sys/syscall.h>

#include "qsock_btf.h"
#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_types.h"

FIXTURE(lsm_bpf)
{
	int family;
	int fd[2];
	int other;	/* of another family, connected to itself */
	int link;	/* while it is open, the program decides */
};

FIXTURE_VARIANT(lsm_bpf)
{
	bool qsock;
	int type;
};

TYPE_VARIANTS(lsm_bpf);

static int bpf(int command, union bpf_attr *attr)
{
	return syscall(__NR_bpf, command, attr, sizeof(*attr));
}

/* Does the kernel ask programs? */
static bool lsm_is_active(void)
{
	char text[256] = {}, *name, *rest = text;
	int fd = open("/sys/kernel/security/lsm", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return false;
	close(fd);
	while ((name = strsep(&rest, ",\n")))
		if (!strcmp(name, "bpf"))
			return true;
	return false;
}

#define INSN(operation, to, from, distance, value) ((struct bpf_insn) {	\
	.code = (operation), .dst_reg = (to), .src_reg = (from),	\
	.off = (distance), .imm = (value) })

/* What the program needs to know of the kernel's types. */
struct places {
	int hook;	/* the number of what is called before a send or receive */
	int sk;		/* in struct socket */
	int family;	/* in struct sock */
};

static void find_places(struct __test_metadata *_metadata, struct places *at,
			const char *hook)
{
	struct btf btf = {};
	int common;

	ASSERT_EQ(0, btf_open(&btf));
	ASSERT_NE(NULL, btf_find(&btf, BTF_KIND_FUNC, hook, &at->hook));
	at->sk = btf_offset(&btf, "socket", "sk");
	common = btf_offset(&btf, "sock", "__sk_common");
	at->family = btf_offset(&btf, "sock_common", "skc_family");
	ASSERT_LE(0, at->sk);
	ASSERT_LE(0, common);
	ASSERT_LE(0, at->family);
	at->family += common;
	free(btf.data);
}

/*
 * int socket_sendmsg(sock, msg, size), or socket_recvmsg: -EPERM in this
 * process where sock->sk->__sk_common.skc_family is @family.
 */
static int load(struct __test_metadata *_metadata, const struct places *at,
		int family)
{
	struct bpf_insn program[] = {
		/* r6 = sock */
		INSN(BPF_LDX | BPF_MEM | BPF_DW, 6, 1, 0, 0),
		/* Is it this process? */
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0,
		     BPF_FUNC_get_current_pid_tgid),
		INSN(BPF_ALU64 | BPF_RSH | BPF_K, 0, 0, 0, 32),
		INSN(BPF_JMP | BPF_JNE | BPF_K, 0, 0, 6, getpid()),
		/* r1 = sock->sk, r2 = its family */
		INSN(BPF_LDX | BPF_MEM | BPF_DW, 1, 6, at->sk, 0),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 4, 0),
		INSN(BPF_LDX | BPF_MEM | BPF_H, 2, 1, at->family, 0),
		INSN(BPF_JMP | BPF_JNE | BPF_K, 2, 0, 2, family),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, -EPERM),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
		/* Anybody else may. */
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	static char log[65536];
	union bpf_attr attr = {};
	int prog;

	attr.prog_type = BPF_PROG_TYPE_LSM;
	attr.expected_attach_type = BPF_LSM_MAC;
	attr.attach_btf_id = at->hook;
	attr.insns = (uintptr_t)program;
	attr.insn_cnt = ARRAY_LEN(program);
	attr.license = (uintptr_t)"GPL";
	attr.log_buf = (uintptr_t)log;
	attr.log_size = sizeof(log);
	attr.log_level = 1;
	prog = bpf(BPF_PROG_LOAD, &attr);
	ASSERT_LE(0, prog) {
		TH_LOG("%s: %s", strerror(errno), log);
	}
	return prog;
}

#define BEFORE_SEND	"bpf_lsm_socket_sendmsg"
#define BEFORE_RECEIVE	"bpf_lsm_socket_recvmsg"

static int attach(struct __test_metadata *_metadata, int family,
		  const char *hook)
{
	union bpf_attr attr = {};
	struct places at;
	int prog, link;

	find_places(_metadata, &at, hook);
	prog = load(_metadata, &at, family);
	attr.raw_tracepoint.prog_fd = prog;
	link = bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
	ASSERT_LE(0, link) {
		TH_LOG("no link: %s", strerror(errno));
	}
	close(prog);
	return link;
}

/* A netlink socket talks to itself without a network. */
static int itself(struct __test_metadata *_metadata)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, bind(fd, (struct sockaddr *)&addr, len));
	ASSERT_EQ(0, getsockname(fd, (struct sockaddr *)&addr, &len));
	ASSERT_EQ(0, connect(fd, (struct sockaddr *)&addr, len));
	return fd;
}

FIXTURE_SETUP(lsm_bpf)
{
	self->fd[0] = -1;
	self->fd[1] = -1;
	self->other = -1;
	self->link = -1;
	REQUIRE_FAMILY(variant);
	if (geteuid())
		SKIP(return, "needs root, to load a program");
	if (!lsm_is_active())
		SKIP(return, "bpf is not in /sys/kernel/security/lsm");
	if (access(BTF_FILE, R_OK))
		SKIP(return, "there is no " BTF_FILE);
	self->family = test_family(variant->qsock);
	ASSERT_EQ(0, socketpair(self->family, variant->type, 0, self->fd));
	self->other = itself(_metadata);
	self->link = attach(_metadata, self->family, BEFORE_SEND);
}

FIXTURE_TEARDOWN(lsm_bpf)
{
	close_open(&self->link);
	close_open(&self->fd[0]);
	close_open(&self->fd[1]);
	close_open(&self->other);
}

TEST_F(lsm_bpf, denies_every_way_to_send)
{
	struct iovec iov = { "x", 1 };
	struct mmsghdr msg[2] = {
		{ .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } },
	};
	int pipe_fd[2];

	EXPECT_ERRNO(EPERM, send(self->fd[0], "x", 1, 0));
	EXPECT_ERRNO(EPERM, write(self->fd[0], "x", 1));
	EXPECT_ERRNO(EPERM, sendmsg(self->fd[0], &msg[0].msg_hdr, 0));
	EXPECT_ERRNO(EPERM, sendmmsg(self->fd[0], msg, 2, 0));
	ASSERT_EQ(0, pipe(pipe_fd));
	ASSERT_EQ(1, write(pipe_fd[1], "x", 1));
	EXPECT_ERRNO(EPERM, splice(pipe_fd[0], NULL, self->fd[0], NULL, 1, 0));
	/* And nothing came. */
	EXPECT_EQ(0, drain_queue(self->fd[1]));
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}

TEST_F(lsm_bpf, allows_again_when_it_is_gone)
{
	long deadline = now_ms() + WAIT_MS;

	EXPECT_ERRNO(EPERM, send(self->fd[0], "x", 1, 0));
	close_open(&self->link);
	/* The program goes a moment after its last descriptor. */
	while (send(self->fd[0], "x", 1, 0) != 1 && errno == EPERM &&
	       now_ms() < deadline)
		pause_ms(1);
	EXPECT_EQ(1, drain_queue(self->fd[1]));
	EXPECT_EQ(1, send(self->fd[0], "x", 1, 0));
}

/* Detaches the program and sends a byte, when it is gone. */
static void send_without(FIXTURE_DATA(lsm_bpf) *self)
{
	close_open(&self->link);
	while (send(self->fd[0], "x", 1, 0) != 1 && errno == EPERM)
		pause_ms(1);
}

TEST_F(lsm_bpf, denies_every_way_to_receive)
{
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct mmsghdr msg = { .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } };
	long deadline = now_ms() + WAIT_MS;

	send_without(self);
	self->link = attach(_metadata, self->family, BEFORE_RECEIVE);
	EXPECT_ERRNO(EPERM, recv(self->fd[1], &byte, 1, MSG_DONTWAIT));
	EXPECT_ERRNO(EPERM, recv(self->fd[1], &byte, 1,
				 MSG_DONTWAIT | MSG_PEEK));
	EXPECT_ERRNO(EPERM, read(self->fd[1], &byte, 1));
	EXPECT_ERRNO(EPERM, recvmsg(self->fd[1], &msg.msg_hdr, 0));
	EXPECT_ERRNO(EPERM, recvmmsg(self->fd[1], &msg, 1, 0, NULL));
	/* And the byte is still there. */
	close_open(&self->link);
	while (recv(self->fd[1], &byte, 1, MSG_DONTWAIT) != 1 &&
	       errno == EPERM && now_ms() < deadline)
		pause_ms(1);
	EXPECT_EQ('x', byte);
	EXPECT_EQ(0, drain_queue(self->fd[1]));
}

TEST_F(lsm_bpf, says_nothing_about_receiving)
{
	send_without(self);
	self->link = attach(_metadata, self->family, BEFORE_SEND);
	EXPECT_ERRNO(EPERM, send(self->fd[0], "x", 1, 0));
	EXPECT_EQ(1, drain_queue(self->fd[1]));
}

TEST_F(lsm_bpf, says_nothing_about_another_process_or_family)
{
	int status;
	pid_t child = fork();

	if (!child)
		_exit(send(self->fd[0], "x", 1, 0) != 1);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(1, drain_queue(self->fd[1]));
	EXPECT_EQ(1, send(self->other, "x", 1, 0));
}

TEST_HARNESS_MAIN
