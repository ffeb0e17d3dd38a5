/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Makes a program for either family wait longer where it waits, given to the
 * compiler with -include and changing no line of the program.
 *
 * so_peek_off has a child send a millisecond after the parent begins to
 * receive. On a machine with other work the parent may lose that race, and
 * the case fails for AF_UNIX itself.
 */
#ifndef QSOCK_AF_UNIX_PATIENCE_H
#define QSOCK_AF_UNIX_PATIENCE_H

#include <unistd.h>

#define usleep(microseconds) usleep(300 * (microseconds))

#endif /* QSOCK_AF_UNIX_PATIENCE_H */
