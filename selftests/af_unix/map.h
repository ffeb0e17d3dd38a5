/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Makes a program for AF_UNIX one for AF_QSOCK, given to the compiler with
 * -include and changing no line of the program.
 *
 * The addresses have one layout and the options one level, so that the
 * family's number is nearly all; the other thing is a name in a file of /proc.
 * The headers that define what is exchanged here come first: those that the
 * program includes again are empty then.
 */
#ifndef QSOCK_AF_UNIX_MAP_H
#define QSOCK_AF_UNIX_MAP_H

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <linux/qsock.h>

static_assert(sizeof(struct sockaddr_qs) == sizeof(struct sockaddr_un) &&
	      offsetof(struct sockaddr_qs, sqs_name) ==
	      offsetof(struct sockaddr_un, sun_path), "one layout");

#undef AF_UNIX
#undef PF_UNIX
#undef AF_LOCAL
#undef PF_LOCAL
#define AF_UNIX		AF_QSOCK
#define PF_UNIX		AF_QSOCK
#define AF_LOCAL	AF_QSOCK
#define PF_LOCAL	AF_QSOCK

/*
 * AF_UNIX counts its stream sockets under a name of their own in
 * /proc/net/protocols, AF_QSOCK has one name for all of them. A program that
 * reads the file sees the lines that it knows, with the counts of AF_QSOCK.
 */
static inline FILE *map_fopen(const char *path, const char *mode)
{
	static const char ours[] = "QSOCK ", theirs[] = "UNIX";
	FILE *from = fopen(path, mode), *to;
	char line[512];

	if (!from || strcmp(path, "/proc/net/protocols"))
		return from;
	to = tmpfile();
	while (to && fgets(line, sizeof(line), from)) {
		if (!strncmp(line, ours, strlen(ours))) {
			const char *rest = line + strlen(ours);

			fprintf(to, "UNIX %s", rest);
			fprintf(to, "UNIX-STREAM %s", rest);
		} else if (strncmp(line, theirs, strlen(theirs))) {
			fputs(line, to);
		}
	}
	fclose(from);
	if (to)
		rewind(to);
	return to;
}

#define fopen(path, mode) map_fopen(path, mode)

#endif /* QSOCK_AF_UNIX_MAP_H */
