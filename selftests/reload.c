// SPDX-License-Identifier: GPL-2.0
/*
 * reload [ROUNDS]: loads and unloads the module that often while other
 * processes open sockets of its family and send over them, and looks for
 * what stays behind. Each round moves data before it unloads.
 *
 * Caches are compared after a first part of the rounds and at the end, so
 * that what is allocated once does not count. One object that each round
 * forgets is found; kmemleak on a debug kernel finds a single one.
 */
#include "qsock_module.h"
#include "qsock_proc.h"

#define ROUNDS		60
#define LOADERS		2
#define MAX_CACHES	256

struct shared {
	bool quiet;		/* leave the module alone, it is to go */
	bool stop;
	unsigned long pairs;	/* that carried their bytes */
	unsigned long refused;	/* sockets asked for while it was away */
	unsigned long bad;	/* anything else that happened */
};

static struct shared *shared;

static void add(unsigned long *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static unsigned long load(const unsigned long *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static bool is_set(const bool *flag)
{
	return __atomic_load_n(flag, __ATOMIC_RELAXED);
}

static void set(bool *flag, bool value)
{
	__atomic_store_n(flag, value, __ATOMIC_RELAXED);
}

/* One pair, and bytes over it. Is the family there? */
static bool use_family(void)
{
	char out[300], in[300];
	int fd[2];

	memset(out, 'r', sizeof(out));
	if (socketpair(AF_QSOCK, SOCK_STREAM, 0, fd)) {
		add(errno == EAFNOSUPPORT ? &shared->refused : &shared->bad);
		return false;
	}
	if (send(fd[0], out, sizeof(out), 0) == sizeof(out) &&
	    recv(fd[1], in, sizeof(in), MSG_WAITALL) == sizeof(in) &&
	    !memcmp(out, in, sizeof(in)))
		add(&shared->pairs);
	else
		add(&shared->bad);
	/* Unread bytes are thrown away by close(). */
	send(fd[1], out, sizeof(out), 0);
	close(fd[0]);
	close(fd[1]);
	return true;
}

/* A connection that may break at any point. */
static void use_names(int number)
{
	struct test_addr addr = nul_addr(AF_QSOCK, "reload");
	int listener = socket(AF_QSOCK, SOCK_STREAM, 0), client = -1;

	addr.un.sun_path[1] = 'a' + number;
	if (listener < 0)
		return;
	if (!bind(listener, &addr.sa, addr.len) && !listen(listener, 1)) {
		client = socket(AF_QSOCK, SOCK_STREAM, 0);
		if (client < 0 || connect(client, &addr.sa, addr.len))
			add(&shared->bad);
	}
	close(listener);
	close(client);
}

static void be_loader(int number)
{
	while (!is_set(&shared->stop)) {
		if (is_set(&shared->quiet)) {
			pause_ms(1);
			continue;
		}
		/* Who asks again at once takes the time that loading needs. */
		if (use_family())
			use_names(number);
		else
			pause_ms(1);
	}
	_exit(0);
}

/* Unload while the others go on; if that starves, ask them to hold. */
static bool unload_under_load(void)
{
	int tries;

	for (tries = 0; tries < 20; tries++) {
		int error = qsock_unload();

		if (!error)
			return true;
		if (error != EAGAIN)
			return false;
		sched_yield();
	}
	set(&shared->quiet, true);
	while (qsock_unload() && ++tries < 20000)
		pause_ms(1);
	set(&shared->quiet, false);
	return !qsock_loaded();
}

static bool one_round(void)
{
	unsigned long before = load(&shared->pairs);
	int error = qsock_load("");

	if (error) {
		ksft_print_msg("load: %s\n", strerror(error));
		return false;
	}
	use_family();
	if (load(&shared->pairs) == before) {
		ksft_print_msg("no data moved\n");
		return false;
	}
	return unload_under_load();
}

struct cache {
	char name[64];
	long objects;
};

/* Those that a socket family allocates from. */
static bool relevant(const char *name)
{
	return !strncmp(name, "kmalloc-", 8) ||
	       !strncmp(name, "sock_inode_cache", 16) ||
	       !strncmp(name, "filp", 4) || !strncmp(name, "pid", 3) ||
	       !strncmp(name, "cred", 4) || !strncmp(name, "kernfs_node", 11);
}

/* Give empty slabs back, so that objects are counted and not pages. */
static void give_back(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "1", 1) != 1)
		ksft_print_msg("%s does not shrink\n", name);
	close(fd);
}

static int read_caches(struct cache *cache)
{
	FILE *file = fopen("/proc/slabinfo", "r");
	char line[512];
	int n = 0;

	while (file && n < MAX_CACHES && fgets(line, sizeof(line), file)) {
		struct cache *c = &cache[n];

		if (sscanf(line, "%63s %ld", c->name, &c->objects) == 2 &&
		    relevant(c->name))
			n++;
	}
	if (file)
		fclose(file);
	return n;
}

static int measure(struct cache *cache)
{
	int i, n = read_caches(cache);

	for (i = 0; i < n; i++)
		give_back(cache[i].name);
	return read_caches(cache);
}

/* The cache that grew most, by more than @allowed; NULL if none did. */
static const struct cache *grown(const struct cache *before, int n,
				 const struct cache *after, long allowed)
{
	const struct cache *worst = NULL;
	long most = allowed;
	int i;

	for (i = 0; i < n; i++) {
		long more = after[i].objects - before[i].objects;

		if (more > most && !strcmp(before[i].name, after[i].name)) {
			most = more;
			worst = &after[i];
		}
	}
	return worst;
}

/* Memory is given back a little later: wait until nothing has grown. */
static bool caches_settle(const struct cache *before, int n, long allowed)
{
	static struct cache after[MAX_CACHES];
	const struct cache *worst = NULL;
	long deadline = now_ms() + WAIT_MS;

	do {
		if (measure(after) != n)
			ksft_print_msg("other caches than before\n");
		worst = grown(before, n, after, allowed);
		if (!worst)
			return true;
		pause_ms(200);
	} while (now_ms() < deadline);
	ksft_print_msg("%s has %ld objects more\n", worst->name,
		       worst->objects - before[worst - after].objects);
	return false;
}

/* Does a line of @path begin with the name of the protocol? */
static bool mentions_qsock(const char *path)
{
	FILE *file = fopen(path, "r");
	bool found = false;
	char line[512];

	while (file && fgets(line, sizeof(line), file))
		found |= !strncasecmp(line, "qsock", 5);
	if (file)
		fclose(file);
	return found;
}

static bool rounds_pass(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (one_round())
			continue;
		ksft_print_msg("round %u of %u\n", i + 1, n);
		return false;
	}
	return true;
}

static void run(unsigned int rounds)
{
	static struct cache before[MAX_CACHES];
	unsigned int first = rounds / 5 + 1, rest = rounds - first;
	pid_t loader[LOADERS];
	bool ok;
	int n, i;

	for (i = 0; i < LOADERS; i++) {
		loader[i] = fork();
		if (!loader[i]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			be_loader(i);
		}
	}
	ok = rounds_pass(first);
	n = measure(before);
	ok = ok && rounds_pass(rest);
	set(&shared->stop, true);
	for (i = 0; i < LOADERS; i++)
		ok = !wait_exit(loader[i]) && ok;

	ksft_print_msg("%u rounds, %lu pairs, %lu refused\n", rounds,
		       load(&shared->pairs), load(&shared->refused));
	ksft_test_result(ok, "loads and unloads under load\n");
	ksft_test_result(!load(&shared->bad) && load(&shared->refused),
			 "sockets work or are refused, nothing else\n");
	ksft_test_result(!mentions_qsock("/proc/net/protocols"),
			 "/proc/net/protocols has no line of it\n");
	ksft_test_result(n > 0 && !mentions_qsock("/proc/slabinfo"),
			 "/proc/slabinfo has no cache of it\n");
	ksft_test_result(n > 0 && caches_settle(before, n, rest / 2 + 32),
			 "no cache has grown with the rounds\n");
}

/* The headers bring the harness along, which this program does not use. */
static inline int unused_harness(void)
{
	return test_harness_run(0, NULL);
}

int main(int argc, char **argv)
{
	struct qsock_before before = {};
	unsigned int rounds = ROUNDS / work_divisor() + 2;

	if (argc > 1)
		rounds = strtoul(argv[1], NULL, 0);
	ksft_print_header();
	if (!qsock_loaded())
		ksft_exit_skip("qsock.ko is not loaded\n");
	if (!qsock_file())
		ksft_exit_skip("the file of qsock.ko is not here\n");
	if (rounds < 2)
		ksft_exit_fail_msg("at least 2 rounds\n");
	if (geteuid())
		ksft_exit_skip("needs root, to load modules\n");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		ksft_exit_fail_msg("no memory\n");
	qsock_remember(&before);
	set_modprobe("/nonexistent");
	if (qsock_unload()) {
		set_modprobe(before.modprobe);
		ksft_exit_skip("qsock.ko is in use\n");
	}
	ksft_set_plan(5);
	run(rounds);
	qsock_restore(&before);
	ksft_finished();
}
