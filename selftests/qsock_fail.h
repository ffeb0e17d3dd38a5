/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Chances to fail, which a kernel takes that injects faults: CONFIG=debug.
 */
#ifndef QSOCK_FAIL_H
#define QSOCK_FAIL_H

#include "qsock_test.h"

static inline bool set_knob(const char *fault, const char *knob, const char *value)
{
	char path[128];
	int fd;
	bool ok;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", fault, knob);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ok = fd >= 0 && write(fd, value, strlen(value)) > 0;
	close(fd);
	return ok;
}

/* From now on the @n-th chance to fail in a system call is taken. */
static inline bool arm(int nth, unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	return write(nth, text, len) == len;
}

/* Was it taken? Nothing fails any more afterwards. */
static inline bool disarm(int nth)
{
	int error = errno;
	char text[16] = "1";
	bool taken;

	/* A failure here is the one that was left over. */
	taken = pread(nth, text, sizeof(text) - 1, 0) > 0 && text[0] == '0';
	while (!arm(nth, 0))
		;
	errno = error;
	return taken;
}

/*
 * In a FIXTURE_SETUP: open /proc/thread-self/fail-nth as @nth, or leave it.
 * Allocations that may sleep fail too, and none fills the log.
 */
#define REQUIRE_FAULTS(nth) do {					\
	(nth) = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);	\
	if ((nth) < 0)							\
		SKIP(return, "the kernel injects no faults");		\
	if (!set_knob("failslab", "ignore-gfp-wait", "N") ||		\
	    !set_knob("failslab", "verbose", "0") ||			\
	    !set_knob("fail_page_alloc", "verbose", "0") ||		\
	    !set_knob("fail_usercopy", "verbose", "0"))			\
		SKIP(return, "faults are not set up below debugfs");	\
} while (0)

#endif /* QSOCK_FAIL_H */
