// SPDX-License-Identifier: GPL-2.0

//! Files below /sys/kernel/security.
//!
//! A file's text is made when it is opened, so that what is read is of one
//! moment; what is written comes in one write(2), from its beginning.
//!
//! C header: [`include/linux/security.h`](srctree/include/linux/security.h)

use crate::bindings;
use core::marker::PhantomData;
use kernel::{
    alloc::{flags::*, AllocError},
    error::{from_err_ptr, from_result},
    prelude::*,
    types::ForeignOwnable,
    uaccess::{UserPtr, UserSlice}, //
};

/// A text that grows.
pub(crate) struct Text(KVVec<u8>);

impl Text {
    /// Adds bytes. Sleeps.
    ///
    /// # Errors
    ///
    /// There is no memory.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), AllocError> {
        self.0.extend_from_slice(bytes, GFP_KERNEL)
    }
}

impl core::fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.push(text.as_bytes()).map_err(|_| core::fmt::Error)
    }
}

/// What a file shows and takes.
pub(crate) trait ControlFile {
    /// The name in its directory.
    const NAME: &'static CStr;

    /// The most bytes that are written; 0 if the file cannot be.
    const WRITE_MAX: usize;

    /// Writes what is read. Sleeps.
    fn show(to: &mut Text) -> Result;

    /// Takes what was written, by a task with CAP_MAC_ADMIN in the initial user
    /// namespace, that opened the file so as well. Sleeps.
    fn store(_text: KVVec<u8>) -> Result {
        Err(EACCES)
    }

    /// Is told why an attempt to write failed: what [`store`](Self::store) returned,
    /// or `EPERM` of a task that may not, or what was wrong before. Sleeps.
    fn refused(_why: Error) {}
}

/// A directory or file; dropping it removes it.
///
/// # Invariants
///
/// Valid, and ours.
pub(crate) struct Entry(*mut bindings::dentry);

// SAFETY: Any task may remove it.
unsafe impl Send for Entry {}
// SAFETY: Through a shared reference nothing happens.
unsafe impl Sync for Entry {}

impl Entry {
    /// Makes a directory. Sleeps.
    ///
    /// # Errors
    ///
    /// `EEXIST`, `ENOMEM`, `ENODEV` of a kernel without securityfs.
    pub(crate) fn directory(name: &CStr) -> Result<Self> {
        // INVARIANT: The function makes it, or says why not.
        // SAFETY: It has no preconditions.
        from_err_ptr(unsafe { bindings::securityfs_dir(name.as_char_ptr()) }).map(Self)
    }

    /// Makes the file `F` in this directory, which must be dropped after it.
    /// Sleeps.
    ///
    /// # Errors
    ///
    /// `EEXIST`, `ENOMEM`.
    pub(crate) fn file<F: ControlFile>(&self) -> Result<Self> {
        let mode = if F::WRITE_MAX > 0 { 0o600 } else { 0o400 };
        let name = F::NAME.as_char_ptr();
        // INVARIANT: As above.
        // SAFETY: The directory is valid; the operations are in a static, whose
        // module they hold while the file is open.
        from_err_ptr(unsafe { bindings::securityfs_file(name, mode, self.0, &Shims::<F>::OPS) })
            .map(Self)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::securityfs_remove(self.0) }
    }
}

/// Whether the current task may write.
fn may_write() -> bool {
    // SAFETY: There is always a current task.
    unsafe { bindings::capable(bindings::CAP_MAC_ADMIN as c_int) }
}

/// # Safety
///
/// The functions are called by the core only, as `struct file_operations` has
/// them.
struct Shims<F>(PhantomData<F>);

impl<F: ControlFile> Shims<F> {
    const OPS: bindings::file_operations = bindings::file_operations {
        owner: &raw mut bindings::__this_module,
        open: Some(Self::open),
        read: Some(Self::read),
        write: Some(Self::write),
        llseek: Some(bindings::default_llseek),
        release: Some(Self::release),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// As [`Shims`] says.
    unsafe extern "C" fn open(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        from_result(|| {
            // SAFETY: The file is being opened, by us alone.
            let mode = unsafe { (*file).f_mode };
            if mode & bindings::NET_FMODE_WRITE != 0 && !may_write() {
                F::refused(EPERM);
                return Err(EPERM);
            }
            let mut text = Text(KVVec::new());
            if mode & bindings::NET_FMODE_READ != 0 {
                F::show(&mut text)?;
            }
            let text = KBox::new(text, GFP_KERNEL)?;
            // SAFETY: As above.
            unsafe { (*file).private_data = text.into_foreign().cast() };
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// As [`Shims`] says.
    unsafe extern "C" fn read(
        file: *mut bindings::file,
        to: *mut c_char,
        len: usize,
        pos: *mut bindings::loff_t,
    ) -> isize {
        // SAFETY: `open` put it there, and nobody changes it.
        let text = unsafe { KBox::<Text>::borrow((*file).private_data.cast()) };
        // SAFETY: The text is as long; the rest is as the core has it.
        unsafe {
            bindings::simple_read_from_buffer(
                to.cast(),
                len,
                pos,
                text.0.as_ptr().cast(),
                text.0.len(),
            )
        }
    }

    /// # Safety
    ///
    /// As [`Shims`] says.
    unsafe extern "C" fn write(
        _file: *mut bindings::file,
        from: *const c_char,
        len: usize,
        pos: *mut bindings::loff_t,
    ) -> isize {
        // SAFETY: The core's own.
        let is_start = unsafe { *pos } == 0;
        let written = Self::take(from, len, is_start).and_then(F::store);
        if let Err(why) = written {
            F::refused(why);
        }
        // CAST: It is limited.
        from_result(|| written.map(|()| len as isize))
    }

    /// What is to be written, if the current task may.
    fn take(from: *const c_char, len: usize, is_start: bool) -> Result<KVVec<u8>> {
        if !is_start {
            return Err(EINVAL);
        }
        if !may_write() {
            return Err(EPERM);
        }
        if len > F::WRITE_MAX {
            return Err(EFBIG);
        }
        let mut text = KVVec::new();
        let from = UserPtr::from_ptr(from.cast_mut().cast());
        UserSlice::new(from, len).read_all(&mut text, GFP_KERNEL)?;
        Ok(text)
    }

    /// # Safety
    ///
    /// As [`Shims`] says.
    unsafe extern "C" fn release(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: `open` put it there, and nobody uses it any more.
        drop(unsafe { KBox::<Text>::from_foreign((*file).private_data.cast()) });
        0
    }
}
