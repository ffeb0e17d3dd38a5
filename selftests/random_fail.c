// SPDX-License-Identifier: GPL-2.0
/*
 * Ten thousand calls that fail, chosen by chance, on sockets of every type in
 * every state: afterwards everything is as it was. Another seed comes from
 * QSOCK_TEST_SEED.
 */
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "qsock_data.h"
#include "qsock_proc.h"
#include "qsock_random.h"
#include "qsock_types.h"

#define FAILURES	10000
/* Calls on the same sockets; then there are new ones. */
#define ROUND		100

FIXTURE(random_fail)
{
	int family;
	const char *protocol;	/* how its lines in the file begin */
};

FIXTURE_VARIANT(random_fail)
{
	bool qsock;
};

FAMILY_VARIANTS(random_fail);

FIXTURE_SETUP(random_fail)
{
	REQUIRE_FAMILY(variant);
	if (geteuid())
		SKIP(return, "needs root, for a network namespace of its own");
	self->family = test_family(variant->qsock);
	self->protocol = variant->qsock ? "QSOCK" : "UNIX";
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	signal(SIGPIPE, SIG_IGN);
}

FIXTURE_TEARDOWN(random_fail)
{
}

/* The sockets that this namespace counts; -1 when the family is not there. */
static int count_sockets(const char *protocol)
{
	FILE *file = fopen("/proc/self/net/protocols", "r");
	char line[512], name[64];
	int count = -1, n;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %*u %d", name, &n) == 2 &&
		    !strncmp(name, protocol, strlen(protocol)))
			count = (count < 0 ? 0 : count) + n;
	if (file)
		fclose(file);
	return count;
}

static int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

static int try_socket(struct chance *c)
{
	int fd[2];

	if (roll(c, 2))
		return socket(c->family, any_int(c), any_int(c));
	return socketpair(c->family, any_type(c), any_int(c),
			  roll(c, 2) ? bad_pointer(c) : fd);
}

static int try_bind(struct chance *c)
{
	struct test_addr addr = any_addr(c);

	return bind(any_socket(c), roll(c, 3) ? &addr.sa : bad_pointer(c),
		    addr.len);
}

static int try_connect(struct chance *c)
{
	struct test_addr addr = any_addr(c);

	return connect(any_socket(c), roll(c, 3) ? &addr.sa : bad_pointer(c),
		       addr.len);
}

static int try_listen(struct chance *c)
{
	return listen(any_socket(c), any_int(c));
}

static int try_accept(struct chance *c)
{
	struct test_addr addr = { .len = any_int(c) };
	void *len = roll(c, 2) ? (void *)&addr.len : bad_pointer(c);

	return accept4(any_socket(c), roll(c, 2) ? &addr.sa : bad_pointer(c),
		       len, roll(c, 2) ? SOCK_NONBLOCK : any_int(c));
}

static int try_name(struct chance *c)
{
	struct test_addr addr = { .len = any_int(c) };
	void *where = roll(c, 2) ? (void *)&addr.sa : bad_pointer(c);

	return roll(c, 2) ? getsockname(any_socket(c), where, &addr.len) :
			    getpeername(any_socket(c), where, &addr.len);
}

static int try_send(struct chance *c)
{
	struct test_addr addr = any_addr(c);
	int flags = any_int(c) | MSG_DONTWAIT;

	return sendto(any_socket(c), bad_pointer(c), 1 + roll(c, 100000),
		      flags, roll(c, 2) ? &addr.sa : NULL, addr.len);
}

static int try_recv(struct chance *c)
{
	int flags = (any_int(c) & ~MSG_WAITALL) | MSG_DONTWAIT;
	char byte;

	if (!roll(c, 3))
		return recv(any_socket(c), &byte, 1, flags);
	return recv(any_socket(c), bad_pointer(c), 1 + roll(c, 100000), flags);
}

/* Control data that is nearly right: descriptors among it. */
static int try_control(struct chance *c)
{
	char data[64] = {}, control[256];
	struct iovec iov = { data, 1 + roll(c, sizeof(data)) };
	struct msghdr msg = {
		.msg_iov = roll(c, 4) ? &iov : bad_pointer(c),
		.msg_iovlen = roll(c, 4) ? 1 : any_int(c),
		.msg_control = control,
		.msg_controllen = roll(c, sizeof(control)),
	};
	struct cmsghdr *head = (struct cmsghdr *)control;
	int fd[8], i;

	for (i = 0; i < (int)sizeof(control); i++)
		control[i] = random_next(&c->state);
	head->cmsg_len = CMSG_LEN(roll(c, 64));
	head->cmsg_level = roll(c, 8) ? SOL_SOCKET : any_int(c);
	head->cmsg_type = roll(c, 8) ? 1 + roll(c, 4) : any_int(c);
	/* Good ones before a bad one: they are to be given back. */
	for (i = 0; i < 8; i++)
		fd[i] = roll(c, 3) ? c->pipe[1] : any_socket(c);
	fd[roll(c, 8)] = -1;
	memcpy(CMSG_DATA(head), fd, sizeof(fd));
	return sendmsg(any_socket(c), &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int try_message(struct chance *c)
{
	struct msghdr msg = {
		.msg_iov = bad_pointer(c),
		.msg_iovlen = 1 + roll(c, 2000),
		.msg_control = bad_pointer(c),
		.msg_controllen = 1 + roll(c, 200),
	};

	/* Not by the C library's functions: some of them look themselves. */
	switch (roll(c, 4)) {
	case 0:
		return sendmsg(any_socket(c), &msg, MSG_DONTWAIT);
	case 1:
		return syscall(SYS_recvmsg, any_socket(c), &msg, MSG_DONTWAIT);
	case 2:
		return sendmmsg(any_socket(c), bad_pointer(c), 1 + roll(c, 9),
				MSG_DONTWAIT);
	default:
		return syscall(SYS_recvmmsg, any_socket(c), bad_pointer(c),
			       1 + roll(c, 9), MSG_DONTWAIT, NULL);
	}
}

static int any_level(struct chance *c)
{
	return roll(c, 4) ? roll(c, 2) ? SOL_SOCKET : SOL_QSOCK : any_int(c);
}

static int try_option(struct chance *c)
{
	socklen_t len = any_int(c);
	int level = any_level(c), name = roll(c, 100);

	if (roll(c, 2))
		return syscall(SYS_setsockopt, any_socket(c), level, name,
			       bad_pointer(c), len);
	return syscall(SYS_getsockopt, any_socket(c), level, name,
		       bad_pointer(c), &len);
}

static int try_ioctl(struct chance *c)
{
	static const unsigned int command[] = { 0x541b, 0x5411, 0x8905, 0x89e0,
						0x8906, 0x8907, 0x8912 };

	return ioctl(any_socket(c), roll(c, 4) ?
		     command[roll(c, ARRAY_LEN(command))] :
		     0x89f0 + roll(c, 16), bad_pointer(c));
}

static int try_file(struct chance *c)
{
	loff_t offset = 1 + roll(c, 4096);
	int fd = any_socket(c);
	char byte;

	switch (roll(c, 6)) {
	case 0:
		return pread(fd, &byte, 1, offset);
	case 1:
		return splice(c->pipe[0], NULL, fd, &offset, 1, 0);
	case 2:
		return splice(fd, &offset, c->pipe[1], NULL, 1, 0);
	case 3:
		return sendfile(any_socket(c), fd, NULL, 1);
	case 4:
		return mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) ==
		       MAP_FAILED ? -1 : 0;
	default:
		return shutdown(fd, 3 + roll(c, 100));
	}
}

static int (*const call[])(struct chance *c) = {
	try_socket, try_bind, try_connect, try_listen, try_accept, try_name,
	try_send, try_recv, try_control, try_message, try_option, try_ioctl,
	try_file,
};

/* Sockets in all states: new, named, listening, connected, shut, orphaned. */
static void make_sockets(struct __test_metadata *_metadata, struct chance *c)
{
	struct test_addr any = raw_addr(c->family, NULL, 0);
	int i, pair[2];

	for (i = 0; i < SOCKETS; i += 2) {
		int type = any_type(c);

		if (i >= SOCKETS / 2) {
			ASSERT_EQ(0, socketpair(c->family, type, 0, pair));
			c->fd[i] = pair[0];
			c->fd[i + 1] = pair[1];
			if (roll(c, 2))
				ASSERT_LE(0, send(pair[1], "some", 4, 0));
			if (!roll(c, 3))
				shutdown(pair[roll(c, 2)], roll(c, 3));
			if (!roll(c, 3))
				close(pair[1]);
			continue;
		}
		c->fd[i] = typed_socket(_metadata, c->family, type);
		c->fd[i + 1] = typed_socket(_metadata, c->family, type);
		if (roll(c, 4))
			ASSERT_EQ(0, bind(c->fd[i], &any.sa, any.len));
		if (i == 0)
			c->taken = name_of(c->fd[i]);
		if (roll(c, 2) && type_ends(type & ~SOCK_NONBLOCK))
			listen(c->fd[i], 1);
	}
}

TEST_F(random_fail, leaves_nothing_behind)
{
	const char *text = getenv("QSOCK_TEST_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : 1;
	struct chance chance = {
		.state = random_seed(seed),
		.family = self->family,
	}, *c = &chance;
	int failures = FAILURES / work_divisor(), failed = 0, n = 0, first;
	int failed_by[ARRAY_LEN(call)] = {};
	int sockets, descriptors;
	long deadline;
	char byte;
	size_t i;

	/* What was inherited would stand among those of the test. */
	ASSERT_EQ(0, syscall(SYS_close_range, 3, ~0U, 0));
	sockets = count_sockets(self->protocol);
	descriptors = count_descriptors();
	ASSERT_EQ(0, pipe(c->pipe));
	ASSERT_EQ(0, set_nonblock(c->pipe[0]));
	ASSERT_EQ(0, set_nonblock(c->pipe[1]));
	first = c->pipe[1] + 1;
	while (failed < failures) {
		unsigned int which = roll(c, ARRAY_LEN(call));

		if (n++ % ROUND == 0) {
			syscall(SYS_close_range, first, ~0U, 0);
			make_sockets(_metadata, c);
		}
		if (call[which](c) < 0) {
			failed++;
			failed_by[which]++;
		}
		ASSERT_GT(20 * FAILURES, n) {
			TH_LOG("seed %llu: too few fail",
			       (unsigned long long)seed);
		}
	}
	ASSERT_EQ(0, syscall(SYS_close_range, first, ~0U, 0));
	for (i = 0; i < ARRAY_LEN(call); i++) {
		EXPECT_LT(failures / 100, failed_by[i]) {
			TH_LOG("call %zu: %d failures", i, failed_by[i]);
		}
	}

	deadline = now_ms() + WAIT_MS;
	/* No message under way holds the pipe: this was its last writer. */
	close(c->pipe[1]);
	while (read(c->pipe[0], &byte, 1) && now_ms() < deadline)
		pause_ms(5);
	EXPECT_EQ(0, read(c->pipe[0], &byte, 1)) {
		TH_LOG("seed %llu: a descriptor is still under way",
		       (unsigned long long)seed);
	}
	close(c->pipe[0]);
	while (count_sockets(self->protocol) != sockets &&
	       now_ms() < deadline)
		pause_ms(5);
	EXPECT_EQ(sockets, count_sockets(self->protocol)) {
		TH_LOG("seed %llu", (unsigned long long)seed);
	}
	EXPECT_EQ(descriptors, count_descriptors()) {
		TH_LOG("seed %llu", (unsigned long long)seed);
	}
}

TEST_HARNESS_MAIN
