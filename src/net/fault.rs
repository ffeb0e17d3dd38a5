// SPDX-License-Identifier: GPL-2.0

//! Copies that must not wait for a page.
//!
//! C header: [`include/linux/uaccess.h`](srctree/include/linux/uaccess.h)

use crate::bindings;

/// Page faults are off for the current task, until this is dropped.
struct NoFaults;

impl Drop for NoFaults {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: They were switched off by this task.
        unsafe { bindings::pagefault_enable() }
    }
}

/// Runs `copy`, in which what is copied from or to user memory ends before a page
/// that is not there, instead of sleeping for it.
///
/// C functions: `pagefault_disable()`, `pagefault_enable()`
#[inline(always)]
pub(crate) fn without_faults<R>(copy: impl FnOnce() -> R) -> R {
    // SAFETY: It has no preconditions; the guard takes it back.
    unsafe { bindings::pagefault_disable() };
    let _faults = NoFaults;
    copy()
}
