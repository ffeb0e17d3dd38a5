// SPDX-License-Identifier: GPL-2.0
/*
 * The other side of compat.c, as a program of another ABI: peer FD PID. It
 * takes what the test gives, and gives the same back. 0, or the line that
 * failed.
 */
#include <stdlib.h>

#include "exchange.h"

#if defined(__x86_64__)
#define ENTRY	entry_syscall
#elif defined(__i386__)
#define ENTRY	entry_int80
#else
#define ENTRY	entry_svc
#endif

int main(int argc, char **argv)
{
	const struct how h = { .entry = &ENTRY };
	int fd, error;

	if (argc != 3)
		return 255;
	fd = atoi(argv[1]);
	error = take(&h, fd, "there", atoi(argv[2]));
	if (!error)
		error = give(&h, fd, "and back");
	if (error)
		fprintf(stderr, "# peer: line %d\n", error);
	return error ? 1 : 0;
}
