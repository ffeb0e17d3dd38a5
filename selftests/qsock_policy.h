/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The files that policies come by, and sockets in each state that an operation
 * begins in.
 */
#ifndef QSOCK_POLICY_H
#define QSOCK_POLICY_H

#include <sys/mount.h>

#include "qsock_scm.h"
#include "qsock_types.h"

#define SECURITYFS	"/sys/kernel/security"
#define POLICY_DIR	SECURITYFS "/qsock"

static inline int policy_open(const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), POLICY_DIR "/%s", name);
	return open(path, flags | O_CLOEXEC);
}

/* Write to a file, in one call; 0 or the errno. */
static inline int policy_write(const char *name, const char *text, size_t len)
{
	int error = 0, fd = policy_open(name, O_WRONLY);

	if (fd < 0)
		return errno;
	if (write(fd, text, len) != (ssize_t)len)
		error = errno;
	close(fd);
	return error;
}

static inline int policy_load(const char *text)
{
	return policy_write("policy", text, strlen(text));
}

static inline int policy_enforce(const char *value)
{
	return policy_write("enforce", value, strlen(value));
}

/* All of a file, terminated. */
static inline const char *policy_read(const char *name)
{
	static char text[1 << 20 | 1];
	int fd = policy_open(name, O_RDONLY);
	size_t len = 0;
	ssize_t n;

	while (fd >= 0 &&
	       (n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += n;
	close(fd);
	text[len] = '\0';
	return text;
}

/* How often the rule in @line decided; -1 when there is none. */
static inline long policy_hits(const char *line)
{
	const char *text = policy_read("stats");
	size_t len = strlen(line);

	for (; text; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (!strncmp(text, line, len) && text[len] == ' ')
			return strtol(text + len, NULL, 10);
	}
	return -1;
}

/* In a FIXTURE_SETUP: leave it when there can be no policy. */
#define REQUIRE_POLICY() do {						\
	if (!qsock_loaded())						\
		SKIP(return, "qsock.ko is not loaded");			\
	if (access(SECURITYFS "/.", F_OK) || access(POLICY_DIR, F_OK))	\
		mount("securityfs", SECURITYFS, "securityfs", 0, NULL);	\
	if (access(POLICY_DIR "/policy", F_OK))				\
		SKIP(return, "there is no " POLICY_DIR);		\
	if (geteuid())							\
		SKIP(return, "only root loads a policy");		\
	ASSERT_EQ(0, policy_load("\n"));				\
	ASSERT_EQ(0, policy_enforce("1"));				\
} while (0)

/* In a FIXTURE_TEARDOWN_PARENT: whatever became of the test. */
static inline void policy_unload(void)
{
	policy_load("\n");
	policy_enforce("1");
}

/* Sockets of one type, for each operation one. */
struct world {
	int type;
	int plain;		/* without a name */
	int bound;		/* with one */
	int server;		/* with a name that can be connected to */
	int client;		/* connected to the server */
	int pair[2];		/* "hello" waits at the second */
	struct test_addr server_addr;
};

static inline void world_make(struct __test_metadata *_metadata,
			      struct world *w, int type)
{
	int family = qsock_family();
	struct test_addr addr = nul_addr(family, "bound");

	w->type = type;
	w->plain = typed_socket(_metadata, family, type);
	w->bound = typed_bind(_metadata, type, &addr);
	w->server_addr = nul_addr(family, "server");
	w->server = type_ends(type) ?
		typed_listen(_metadata, type, &w->server_addr, 4) :
		typed_bind(_metadata, type, &w->server_addr);
	w->client = typed_connect(_metadata, type, &w->server_addr);
	ASSERT_EQ(0, socketpair(family, type, 0, w->pair));
	ASSERT_EQ(5, send(w->pair[0], "hello", 5, 0));
}

static inline void world_end(struct world *w)
{
	close_open(&w->plain);
	close_open(&w->bound);
	close_open(&w->server);
	close_open(&w->client);
	close_open(&w->pair[0]);
	close_open(&w->pair[1]);
}

/* Do an operation; 0 or the errno. */
typedef int operation_fn(struct world *w);

static inline int op_create(struct world *w)
{
	int fd = socket(qsock_family(), w->type, 0);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static inline int op_bind(struct world *w)
{
	struct test_addr addr = nul_addr(qsock_family(), "another");

	return bind(w->plain, &addr.sa, addr.len) ? errno : 0;
}

static inline int op_listen(struct world *w)
{
	return listen(w->bound, 1) ? errno : 0;
}

static inline int op_connect(struct world *w)
{
	return connect(w->plain, &w->server_addr.sa, w->server_addr.len) ?
		errno : 0;
}

static inline int op_accept(struct world *w)
{
	int fd = accept(w->server, NULL, NULL);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static inline int op_sendmsg(struct world *w)
{
	return send(w->pair[0], "again", 5, MSG_DONTWAIT) == 5 ? 0 : errno;
}

static inline int op_recvmsg(struct world *w)
{
	char got[8];

	return recv(w->pair[1], got, sizeof(got), MSG_DONTWAIT) < 0 ?
		errno : 0;
}

static inline int op_pass_file(struct world *w)
{
	int file = w->plain;
	ssize_t n = files_send(w->pair[0], &file, 1, "files");

	return n < 0 ? -n : 0;
}

static inline int op_shutdown(struct world *w)
{
	return shutdown(w->pair[0], SHUT_WR) ? errno : 0;
}

#endif /* QSOCK_POLICY_H */
