// SPDX-License-Identifier: GPL-2.0
/*
 * The tracepoints themselves; apart from the helpers, because another module
 * that is built on the framework has none.
 */

#define CREATE_TRACE_POINTS
#define CREATE_RUST_TRACE_POINTS
#include "trace.h"
