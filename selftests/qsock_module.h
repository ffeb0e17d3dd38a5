/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Loading and unloading qsock.ko, and putting things back afterwards.
 */
#ifndef QSOCK_MODULE_H
#define QSOCK_MODULE_H

#include <sys/syscall.h>
#include <sys/utsname.h>

#include "qsock_test.h"

/* Where the module's file is; NULL when it is nowhere. */
static inline const char *qsock_file(void)
{
	static char installed[256];
	const char *file = getenv("QSOCK_KO");
	struct utsname name;

	if (file)
		return file;
	file = "/lib/modules/qsock.ko";
	if (!access(file, R_OK))
		return file;
	uname(&name);
	snprintf(installed, sizeof(installed),
		 "/lib/modules/%s/updates/qsock.ko", name.release);
	return access(installed, R_OK) ? NULL : installed;
}

/* Load it; 0 or the errno. */
static inline int qsock_load(const char *parameters)
{
	int error, fd = open(qsock_file(), O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	error = syscall(SYS_finit_module, fd, parameters, 0) ? errno : 0;
	close(fd);
	return error;
}

/* Unload it, unless it is in use; 0 or the errno. */
static inline int qsock_unload(void)
{
	return syscall(SYS_delete_module, "qsock", O_NONBLOCK) ? errno : 0;
}

/* How the module was loaded before a test. */
struct qsock_before {
	long family;
	long hook;
	char modprobe[256];
};

static inline bool set_modprobe(const char *path)
{
	int fd = open("/proc/sys/kernel/modprobe", O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = write(fd, path, strlen(path) + 1);
	close(fd);
	return n > 0;
}

/* A module parameter that is a truth value. */
static inline bool qsock_flag(const char *name)
{
	char path[128], text = 'N';
	int fd;

	snprintf(path, sizeof(path), QSOCK_SYSFS "/parameters/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, &text, 1) < 1)
		text = 'N';
	close(fd);
	return text == 'Y' || text == '1';
}

static inline void qsock_remember(struct qsock_before *before)
{
	int fd = open("/proc/sys/kernel/modprobe", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, before->modprobe,
				      sizeof(before->modprobe) - 1);

	close(fd);
	before->modprobe[n > 0 ? n - 1 : 0] = '\0';
	before->family = qsock_family();
	before->hook = qsock_flag("selftest_hook");
}

static inline int qsock_restore(const struct qsock_before *before)
{
	char parameters[64];

	if (!before->family)
		return 0;
	set_modprobe(before->modprobe);
	qsock_unload();
	snprintf(parameters, sizeof(parameters), "family=%ld selftest_hook=%ld",
		 before->family, before->hook);
	return qsock_load(parameters);
}

/* In a FIXTURE_SETUP: leave it when the module cannot be exchanged. */
#define REQUIRE_RELOAD(before) do {					\
	if (!qsock_loaded())						\
		SKIP(return, "qsock.ko is not loaded");			\
	if (!qsock_file())						\
		SKIP(return, "the file of qsock.ko is not here");	\
	qsock_remember(before);						\
	/* What asks for the family meanwhile must not load it. */	\
	set_modprobe("/nonexistent");					\
	if (qsock_unload()) {						\
		set_modprobe((before)->modprobe);			\
		(before)->family = 0;					\
		SKIP(return, "qsock.ko is in use");			\
	}								\
} while (0)

#endif /* QSOCK_MODULE_H */
