// SPDX-License-Identifier: GPL-2.0

//! `struct file`, as far as a socket family must look at one that it carries.
//!
//! [`kernel::fs::File`] promises things of `f_pos` that hold for a file that a
//! message carries only while nobody installs it; nothing here needs them.

use super::{family::SocketFamily, ops::SocketOps, socket::Socket};
use crate::bindings;
use core::ptr::NonNull;
use kernel::prelude::*;

/// A counted reference on a file.
///
/// # Invariants
///
/// Owns the reference.
#[repr(transparent)]
pub(crate) struct FileRef(NonNull<bindings::file>);

// SAFETY: A reference on a file may be used and dropped on any task.
unsafe impl Send for FileRef {}
// SAFETY: As above; nothing here changes the file.
unsafe impl Sync for FileRef {}

impl FileRef {
    /// The file that the current task knows as `fd`, whatever it was opened
    /// for.
    ///
    /// # Errors
    ///
    /// `EBADF`.
    ///
    /// C function: `fget_raw()`
    pub(super) fn get(fd: u32) -> Result<Self> {
        // INVARIANT: The function returns a reference.
        // SAFETY: It has no preconditions.
        NonNull::new(unsafe { bindings::fget_raw(fd) })
            .map(Self)
            .ok_or(EBADF)
    }

    /// Gives the reference up to the caller.
    pub(super) fn into_raw(self) -> *mut bindings::file {
        core::mem::ManuallyDrop::new(self).0.as_ptr()
    }

    /// The file, for who knows what to do with it.
    pub(crate) fn as_raw(&self) -> *mut bindings::file {
        self.0.as_ptr()
    }

    /// What tells this file from others for as long as there is a reference.
    pub(crate) fn id(&self) -> usize {
        self.0.as_ptr() as usize
    }

    /// How many references there are, this one included.
    pub(crate) fn references(&self) -> usize {
        // SAFETY: By the type invariant.
        unsafe { bindings::file_refs(self.as_raw()) }
    }

    fn raw_socket(&self) -> Option<NonNull<bindings::socket>> {
        // SAFETY: By the type invariant.
        NonNull::new(unsafe { bindings::sock_from_file(self.as_raw()) })
    }

    /// The family of the socket, if it is one.
    pub(super) fn family(&self) -> Option<c_int> {
        // SAFETY: A socket with a file has operations.
        Some(unsafe { (*(*self.raw_socket()?.as_ptr()).ops).family })
    }

    /// The socket, if it is one of the family whose data is `T`.
    pub(crate) fn socket<T: SocketOps>(&self) -> Option<&Socket<T>> {
        let sock = self.raw_socket()?.as_ptr();
        // SAFETY: As above.
        if !T::Family::family().has_ops(unsafe { (*sock).ops }) {
            return None;
        }
        // SAFETY: It has the family's operations, and is not released while
        // there is a reference on its file.
        Some(unsafe { Socket::from_raw(sock) })
    }

    /// The name of a file that lies in no file system, such as `[eventfd]`.
    pub(super) fn anon_name(&self) -> Option<&CStr> {
        // SAFETY: By the type invariant; what the helper reads never changes.
        let name = unsafe { bindings::file_anon_name(self.as_raw()) };
        // SAFETY: The name of such a file lives as long as the file.
        (!name.is_null()).then(|| unsafe { CStr::from_char_ptr(name) })
    }
}

impl Clone for FileRef {
    fn clone(&self) -> Self {
        // INVARIANT: The helper takes a reference.
        // SAFETY: By the type invariant.
        unsafe { bindings::get_file(self.as_raw()) };
        Self(self.0)
    }
}

impl Drop for FileRef {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::fput(self.as_raw()) }
    }
}
