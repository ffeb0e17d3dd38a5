// SPDX-License-Identifier: GPL-2.0

//! Copies that must not wait for a page.
//!
//! C header: [`include/linux/uaccess.h`](srctree/include/linux/uaccess.h)

use crate::bindings;

/// Page faults are off for the current task, until this is dropped: what is copied
/// from or to user memory ends before a page that is not there, instead of sleeping
/// for it.
pub(crate) struct NoFaults(());

impl NoFaults {
    /// Switches them off.
    ///
    /// C function: `pagefault_disable()`
    #[inline(always)]
    pub(crate) fn new() -> Self {
        // SAFETY: It has no preconditions; the guard takes it back.
        unsafe { bindings::pagefault_disable() };
        Self(())
    }
}

impl Drop for NoFaults {
    /// C function: `pagefault_enable()`
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: They were switched off by this task.
        unsafe { bindings::pagefault_enable() }
    }
}
