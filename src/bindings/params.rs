// SPDX-License-Identifier: GPL-2.0

//! What is qsock's own in the bindings: the module's parameters, which are C
//! variables (src/helpers/param.c), and the numbers of its header.

use super::raw;
use core::sync::atomic::AtomicU64;
use kernel::ffi::c_int;

/// The number to register the family with.
pub(crate) fn family() -> c_int {
    // SAFETY: Written while the module's arguments are parsed, before its init.
    unsafe { raw::qsock_param_family }
}

/// Whether to load the selftest hook.
pub(crate) fn selftest_hook() -> bool {
    // SAFETY: As above.
    unsafe { raw::qsock_param_selftest_hook }
}

/// Messages that the selftest hook let pass.
#[inline(always)]
pub(crate) fn hook_seen() -> &'static AtomicU64 {
    // SAFETY: The variable is aligned, lives as long as the module, and is only
    // accessed through this, but for what sysfs reads of it.
    unsafe { AtomicU64::from_ptr(&raw mut raw::qsock_param_hook_seen) }
}

/// Messages that the selftest hook refused.
pub(crate) fn hook_refused() -> &'static AtomicU64 {
    // SAFETY: As above.
    unsafe { AtomicU64::from_ptr(&raw mut raw::qsock_param_hook_refused) }
}

/// The family's level of options.
pub(crate) const SOL_QSOCK: c_int = raw::SOL_QSOCK as c_int;

/// Options of that level: permissions and owner of a name.
pub(crate) const QSOCK_NAME_MODE: c_int = raw::QSOCK_NAME_MODE as c_int;
pub(crate) const QSOCK_NAME_OWNER: c_int = raw::QSOCK_NAME_OWNER as c_int;
