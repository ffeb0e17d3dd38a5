// SPDX-License-Identifier: GPL-2.0
/* The framework's helpers, for this module. */
#include "../../../src/helpers/helpers.c"
