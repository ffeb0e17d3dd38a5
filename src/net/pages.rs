// SPDX-License-Identifier: GPL-2.0

//! Pages that a message lends instead of bytes: what splice(2) and sendfile(2) send.
//!
//! C header: [`include/linux/uio.h`](srctree/include/linux/uio.h)

use super::msg::{MsgFlags, SendMsg};
use crate::bindings;
use core::{
    cmp,
    mem::{self, MaybeUninit},
    ptr, //
};
use kernel::{
    alloc::flags::*,
    error::code::*,
    iov::IovIterDest,
    page::PAGE_SIZE,
    prelude::*, //
};

/// How many pages the core is asked for in one call: as many as a pipe has by default.
const BATCH: usize = 16;

/// Bytes in a page.
///
/// # Invariants
///
/// They lie in `page`, and there is a reference of our own on it.
struct Part {
    page: *mut bindings::page,
    offset: usize,
    len: usize,
}

impl Part {
    /// Takes a reference on `page`, unless it has an owner that does not count them.
    ///
    /// # Safety
    ///
    /// `page` must be valid, and `len` bytes from `offset` on must lie in it.
    unsafe fn new(page: *mut bindings::page, offset: usize, len: usize) -> Option<Self> {
        // SAFETY: The caller guarantees that it is valid.
        unsafe {
            if !bindings::sendpage_ok(page) {
                return None;
            }
            bindings::get_page(page);
        }
        // INVARIANT: The reference is the one that was just taken.
        Some(Self { page, offset, len })
    }
}

// SAFETY: The reference may be dropped by any task.
unsafe impl Send for Part {}
// SAFETY: A shared reference only reads the fields.
unsafe impl Sync for Part {}

impl Drop for Part {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, and nobody uses it after this.
        unsafe { bindings::put_page(self.page) }
    }
}

/// Bytes in pages that are somebody else's too, who may write to them: they are read as
/// what they are then.
pub(crate) struct Pages {
    parts: KVec<Part>,
    len: usize,
}

impl Pages {
    /// Fewer bytes are copied than lent, in less time, and without what keeps a page.
    pub(crate) const LEAST: usize = 12288;

    /// The pages of the next `len` bytes of `msg`, which [`SendMsg::lends_pages`]; they are
    /// passed then. Returns `None` without memory, or if one of the pages may not be
    /// kept, and then nothing has happened. Sleeps.
    ///
    /// C function: `iov_iter_extract_pages()`
    pub(crate) fn lent(msg: &mut SendMsg<'_>, len: usize) -> Option<Self> {
        let parts = KVec::with_capacity(len.div_ceil(PAGE_SIZE), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
        let parts = parts.ok()?;
        let mut pages = Self { parts, len: 0 };
        while pages.len < len {
            if pages.take(msg, len - pages.len).is_none() {
                // SAFETY: So many bytes were passed, and more were not since.
                unsafe { msg.iter().revert(pages.len) };
                return None;
            }
        }
        Some(pages)
    }

    /// Takes the next pages of `msg`, for up to `len` bytes; on failure none.
    fn take(&mut self, msg: &mut SendMsg<'_>, len: usize) -> Option<()> {
        let mut array = [ptr::null_mut(); BATCH];
        let mut pages = array.as_mut_ptr();
        let mut offset = 0;
        let iter = msg.iter().as_raw();
        // SAFETY: The iterator is valid, and the array has room for so many pages. They
        // are the iterator's, who lends them: none is pinned.
        let found = unsafe {
            bindings::iov_iter_extract_pages(iter, &mut pages, len, BATCH as u32, 0, &mut offset)
        };
        let found = usize::try_from(found).ok().filter(|found| *found > 0)?;
        let before = self.parts.len();
        let mut left = found;
        for page in array {
            let len = cmp::min(left, PAGE_SIZE - offset);
            if len == 0 {
                break;
            }
            // SAFETY: It is one of the pages that were found, which outlive the call.
            let taken = unsafe { Part::new(page, offset, len) }.and_then(|part| {
                self.parts
                    .push(part, GFP_KERNEL_ACCOUNT | __GFP_NOWARN)
                    .ok()
            });
            if taken.is_none() {
                self.parts.truncate(before);
                // SAFETY: So many bytes were passed just now.
                unsafe { msg.iter().revert(found) };
                return None;
            }
            left -= len;
            offset = 0;
        }
        self.len += found;
        Some(())
    }

    /// How many bytes there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Copies `len` bytes to `to`, from the one at `at` on. May fault, and so sleep.
    ///
    /// # Errors
    ///
    /// `EFAULT` if not all of them can be written, or there are not so many.
    ///
    /// C function: `copy_page_to_iter()`
    pub(crate) fn copy_to(&self, at: usize, len: usize, to: &mut IovIterDest<'_>) -> Result {
        // SAFETY: It is a valid iterator that is written to.
        unsafe { self.copy(at, len, to.as_raw()) }
    }

    /// A copy of `len` bytes, from the one at `at` on. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EFAULT` if there are not so many.
    pub(crate) fn to_vec(&self, at: usize, len: usize) -> Result<KVVec<u8>> {
        let mut copy = KVVec::from_elem(0u8, len, GFP_KERNEL_ACCOUNT | __GFP_NOWARN)?;
        let kvec = bindings::kvec {
            iov_base: copy.as_mut_ptr().cast(),
            iov_len: len,
        };
        let mut iter = MaybeUninit::uninit();
        let dest = bindings::ITER_DEST;
        // SAFETY: The vector, and the memory, outlive the iterator; it is initialised
        // before it is used.
        unsafe {
            bindings::iov_iter_kvec(iter.as_mut_ptr(), dest, &kvec, 1, len);
            self.copy(at, len, iter.as_mut_ptr())?;
        }
        Ok(copy)
    }

    /// # Safety
    ///
    /// `to` must be a valid iterator that is written to.
    unsafe fn copy(&self, at: usize, len: usize, to: *mut bindings::iov_iter) -> Result {
        let (mut skip, mut left) = (at, len);
        for part in &self.parts {
            if skip >= part.len {
                skip -= part.len;
                continue;
            }
            if left == 0 {
                break;
            }
            let passed = mem::take(&mut skip);
            let len = cmp::min(left, part.len - passed);
            // SAFETY: By the type invariant; the caller guarantees the rest.
            let copied =
                unsafe { bindings::copy_page_to_iter(part.page, part.offset + passed, len, to) };
            if copied < len {
                return Err(EFAULT);
            }
            left -= len;
        }
        if left > 0 {
            return Err(EFAULT);
        }
        Ok(())
    }
}

impl SendMsg<'_> {
    /// Whether the pages that the bytes lie in may be kept.
    pub(crate) fn lends_pages(&mut self) -> bool {
        // Only the kernel's own callers have this flag.
        self.flags().has(MsgFlags::SPLICE_PAGES)
            // SAFETY: The iterator is valid.
            && unsafe { bindings::iov_iter_is_bvec(self.iter().as_raw()) }
    }
}
