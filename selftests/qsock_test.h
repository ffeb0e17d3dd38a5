/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every test of the collection shares: the family under test and its
 * control, names, and connections in a known state.
 *
 * Each fixture has a variant for AF_QSOCK and one for AF_UNIX. Where both
 * must agree, the test knows only variant->qsock; where they differ on
 * purpose, the variant carries the expectation and says why.
 */
#ifndef QSOCK_TEST_H
#define QSOCK_TEST_H

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <linux/qsock.h>

#include "kselftest_harness.h"

/* A debug kernel under emulation is two orders slower than a real machine. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

#define QSOCK_SYSFS	"/sys/module/qsock"

#define ARRAY_LEN(a)	(sizeof(a) / sizeof((a)[0]))

/* The layouts are the same on purpose: every test relies on it. */
static_assert(sizeof(struct sockaddr_qs) == sizeof(struct sockaddr_un),
	      "sockaddr_qs has the size of sockaddr_un");
static_assert(offsetof(struct sockaddr_qs, sqs_name) ==
	      offsetof(struct sockaddr_un, sun_path),
	      "sockaddr_qs has the layout of sockaddr_un");

static inline bool qsock_loaded(void)
{
	return access(QSOCK_SYSFS, F_OK) == 0;
}

/* Read a module parameter as a number; -1 when it is not there. */
static inline long qsock_parameter(const char *name)
{
	char path[128], text[32];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), QSOCK_SYSFS "/parameters/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	return strtol(text, NULL, 0);
}

static inline int qsock_family(void)
{
	long family = qsock_parameter("family");

	return family > 0 ? family : AF_QSOCK;
}

static inline int test_family(bool qsock)
{
	return qsock ? qsock_family() : AF_UNIX;
}

/* In a FIXTURE_SETUP: leave it, and the test, when the family is absent. */
#define REQUIRE_FAMILY(variant) do {					\
	if ((variant)->qsock && !qsock_loaded())			\
		SKIP(return, "qsock.ko is not loaded");			\
} while (0)

/* Both families, for a fixture whose tests expect the same of both. */
#define FAMILY_VARIANTS(fixture)					\
	FIXTURE_VARIANT_ADD(fixture, af_qsock) { .qsock = true };	\
	FIXTURE_VARIANT_ADD(fixture, af_unix) { .qsock = false }

/* The same, each both as a socketpair and through connect and accept. */
#define FAMILY_CONNECTION_VARIANTS(fixture)				\
	FAMILY_VARIANTS(fixture);					\
	FIXTURE_VARIANT_ADD(fixture, af_qsock_accepted)			\
		{ .qsock = true, .accepted = true };			\
	FIXTURE_VARIANT_ADD(fixture, af_unix_accepted)			\
		{ .qsock = false, .accepted = true }

/* A system call that must fail, and with which errno. */
#define EXPECT_ERRNO(expected, call) do {				\
	EXPECT_EQ(-1, call);						\
	EXPECT_EQ(expected, errno);					\
} while (0)

/* A pointer that is not NULL and leads nowhere; not for the compiler to see. */
static inline void *nowhere(void)
{
	void *volatile pointer = (void *)8;

	return pointer;
}

/*
 * Divides the work of the long tests; for kernels whose instrumentation
 * makes each operation many times dearer.
 */
static inline unsigned int work_divisor(void)
{
	const char *text = getenv("QSOCK_TEST_DIVISOR");
	long divisor = text ? strtol(text, NULL, 0) : 1;

	return divisor > 0 ? divisor : 1;
}

/* Names. -------------------------------------------------------------- */

struct test_addr {
	union {
		struct sockaddr sa;
		struct sockaddr_un un;
		struct sockaddr_qs qs;
		struct sockaddr_storage storage;
	};
	socklen_t len;
};

#define NAME_OFFSET	((socklen_t)offsetof(struct sockaddr_un, sun_path))

/* The address of exactly @len bytes of name. */
static inline struct test_addr raw_addr(int family, const void *name,
					size_t len)
{
	struct test_addr addr = { .len = NAME_OFFSET + len };

	addr.un.sun_family = family;
	if (len)
		memcpy((char *)&addr.storage + NAME_OFFSET, name, len);
	return addr;
}

/*
 * A directory for names that look like paths. AF_UNIX makes files there;
 * AF_QSOCK takes the same bytes and must not. Anyone may search and write
 * it, as the tests of owners need.
 */
static inline char *make_name_dir(struct __test_metadata *_metadata)
{
	const char *tmp = getenv("TMPDIR");
	char *dir;

	ASSERT_LT(0, asprintf(&dir, "%s/qsock.XXXXXX", tmp ? tmp : "/tmp"));
	ASSERT_NE(NULL, mkdtemp(dir));
	ASSERT_EQ(0, chmod(dir, 0777));
	return dir;
}

static inline void remove_name_dir(char *dir)
{
	struct dirent *entry;
	DIR *stream;

	if (!dir)
		return;
	stream = opendir(dir);
	while (stream && (entry = readdir(stream)))
		unlinkat(dirfd(stream), entry->d_name, 0);
	if (stream)
		closedir(stream);
	rmdir(dir);
	free(dir);
}

/* A path-like name, terminated: @dir/@name. */
static inline struct test_addr path_addr(int family, const char *dir,
					 const char *name)
{
	char path[QSOCK_NAME_MAX];
	int len = snprintf(path, sizeof(path), "%s/%s", dir, name);

	return raw_addr(family, path, len + 1);
}

/* A name that starts with NUL and that no other process uses. */
static inline struct test_addr nul_addr(int family, const char *name)
{
	char bytes[QSOCK_NAME_MAX];
	int len = snprintf(bytes, sizeof(bytes), "_qsock.%d.%s", getpid(),
			   name);

	bytes[0] = '\0';
	return raw_addr(family, bytes, len);
}

static inline struct test_addr name_of(int fd)
{
	struct test_addr addr = { .len = sizeof(addr.storage) };

	if (getsockname(fd, &addr.sa, &addr.len))
		addr.len = 0;
	return addr;
}

static inline struct test_addr peer_of(int fd)
{
	struct test_addr addr = { .len = sizeof(addr.storage) };

	if (getpeername(fd, &addr.sa, &addr.len))
		addr.len = 0;
	return addr;
}

static inline bool same_addr(const struct test_addr *a,
			     const struct test_addr *b)
{
	return a->len == b->len && !memcmp(&a->storage, &b->storage, a->len);
}

/* Sockets. ------------------------------------------------------------- */

static inline int stream_socket(struct __test_metadata *_metadata, int family,
				int flags)
{
	int fd = socket(family, SOCK_STREAM | flags, 0);

	ASSERT_LE(0, fd);
	return fd;
}

static inline int stream_bind(struct __test_metadata *_metadata,
			      const struct test_addr *addr)
{
	int fd = stream_socket(_metadata, addr->sa.sa_family, 0);

	ASSERT_EQ(0, bind(fd, &addr->sa, addr->len));
	return fd;
}

static inline int stream_listen(struct __test_metadata *_metadata,
				const struct test_addr *addr, int backlog)
{
	int fd = stream_bind(_metadata, addr);

	ASSERT_EQ(0, listen(fd, backlog));
	return fd;
}

static inline int stream_connect(struct __test_metadata *_metadata,
				 const struct test_addr *addr)
{
	int fd = stream_socket(_metadata, addr->sa.sa_family, 0);

	ASSERT_EQ(0, connect(fd, &addr->sa, addr->len));
	return fd;
}

/* A connected pair, made by socketpair() or by connect() and accept(). */
static inline void stream_pair(struct __test_metadata *_metadata, int family,
			       bool accepted, int fd[2])
{
	struct test_addr addr;
	int listener;

	if (!accepted) {
		ASSERT_EQ(0, socketpair(family, SOCK_STREAM, 0, fd));
		return;
	}
	addr = nul_addr(family, "stream_pair");
	listener = stream_listen(_metadata, &addr, 1);
	fd[0] = stream_connect(_metadata, &addr);
	fd[1] = accept(listener, NULL, NULL);
	ASSERT_LE(0, fd[1]);
	ASSERT_EQ(0, close(listener));
}

static inline void close_open(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static inline int set_nonblock(int fd)
{
	return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* Set SO_RCVTIMEO, SO_SNDTIMEO. */
static inline int set_timeout_ms(int fd, int option, long ms)
{
	struct timeval tv = {
		.tv_sec = ms / 1000,
		.tv_usec = ms % 1000 * 1000,
	};

	return setsockopt(fd, SOL_SOCKET, option, &tv, sizeof(tv));
}

/* The value of an integer option; the negative errno when there is none. */
static inline int int_option(int fd, int option)
{
	socklen_t len = sizeof(int);
	int value;

	if (getsockopt(fd, SOL_SOCKET, option, &value, &len))
		return -errno;
	return value;
}

#endif /* QSOCK_TEST_H */
