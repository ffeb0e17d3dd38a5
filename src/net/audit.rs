// SPDX-License-Identifier: GPL-2.0

//! Records of the kernel's audit subsystem.
//!
//! C header: [`include/linux/audit.h`](srctree/include/linux/audit.h)

use crate::bindings;
use core::ptr::NonNull;
use kernel::{prelude::*, str::CStr};

/// A record that is being written, of type `AUDIT_KERNEL_OTHER`; dropping it
/// hands it in.
///
/// # Invariants
///
/// A record that was started and not ended.
pub(crate) struct Record(NonNull<bindings::audit_buffer>);

impl Record {
    /// Starts a record, with the context of the current system call; `None` if
    /// auditing is off, or there is no memory. Sleeps.
    ///
    /// C function: `audit_log_start()`
    pub(crate) fn start() -> Option<Self> {
        // INVARIANT: The function starts a record, or returns null.
        // SAFETY: It has no preconditions.
        NonNull::new(unsafe { bindings::audit_start(bindings::AUDIT_KERNEL_OTHER as c_int) })
            .map(Self)
    }

    /// Writes `text` as it stands: a field's name, or a word that needs no quotes.
    pub(crate) fn word(&mut self, text: &CStr) {
        // SAFETY: By the type invariant.
        unsafe { bindings::audit_word(self.0.as_ptr(), text.as_char_ptr()) }
    }

    /// Writes a number.
    pub(crate) fn number(&mut self, number: i64) {
        // SAFETY: By the type invariant.
        unsafe { bindings::audit_number(self.0.as_ptr(), number) }
    }

    /// Writes bytes of whatever origin: in quotes, or in hexadecimal digits if
    /// there is anything in them that could pass for another field.
    pub(crate) fn untrusted(&mut self, text: &[u8]) {
        let is_plain = |byte: &u8| byte.is_ascii_graphic() && *byte != b'"';
        if text.iter().all(is_plain) {
            // CAST: Names and paths are short.
            // SAFETY: By the type invariant; the helper reads so many bytes.
            unsafe {
                bindings::audit_quoted(self.0.as_ptr(), text.as_ptr().cast(), text.len() as c_int)
            }
            return;
        }
        for byte in text {
            // SAFETY: By the type invariant.
            unsafe { bindings::audit_byte(self.0.as_ptr(), *byte) }
        }
    }

    /// Writes the current task's label, as ` subj=`.
    ///
    /// C function: `audit_log_task_context()`
    pub(crate) fn task_label(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::audit_task(self.0.as_ptr()) }
    }

    /// Writes who the current task is, for whom it works, and what it executes: the
    /// fields ` ppid=`, ` pid=`, ` auid=` and so on to ` subj=`. Sleeps.
    ///
    /// C function: `audit_log_task_info()`
    pub(crate) fn task(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::audit_task_info(self.0.as_ptr()) }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::audit_end(self.0.as_ptr()) }
    }
}
