// SPDX-License-Identifier: GPL-2.0

//! Numbers that nobody can guess.

use crate::bindings;

/// One of them.
///
/// C function: `get_random_u64()`
pub(crate) fn number() -> u64 {
    // SAFETY: It has no preconditions.
    unsafe { bindings::get_random_u64() }
}
