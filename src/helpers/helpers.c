// SPDX-License-Identifier: GPL-2.0
/*
 * C's static inline functions and macros, as functions that Rust can call.
 *
 * One file per header family. No logic: whatever decides anything is in Rust.
 * The prefix keeps the names apart from the kernel's own rust_helper_*; the
 * bindings strip it.
 */

#include "audit.c"
#include "cred.c"
#include "diag.c"
#include "file.c"
#include "filter.c"
#include "net_namespace.c"
#include "page.c"
#include "pipe.c"
#include "procfs.c"
#include "scm.c"
#include "securityfs.c"
#include "sock.c"
#include "sockopt.c"
#include "task.c"
#include "uaccess.c"
#include "wait.c"
#include "work.c"
