// SPDX-License-Identifier: GPL-2.0

//! From one ring to the next: a writer that needs more room goes over to a new one,
//! and the reader follows when it has emptied the old.

#![deny(unsafe_code)]

use super::{small, Head, Ring, Tail};
use core::{cmp, ops::RangeInclusive, sync::atomic::Ordering::Release};
use kernel::{alloc::AllocError, sync::Arc};

/// The size of a ring for `len` values, where one of `last`, 0 for none, was too small:
/// twice that, within `range`, or what `len` takes. The first is a small one if that is
/// enough.
pub(in crate::queue) fn size_for<T>(
    len: usize,
    last: usize,
    range: RangeInclusive<usize>,
) -> Result<usize, AllocError> {
    if last == 0 && len <= small::<T>() {
        return Ok(small::<T>());
    }
    let twice = last.saturating_mul(2).clamp(*range.start(), *range.end());
    let whole = len.checked_next_power_of_two().ok_or(AllocError)?;
    Ok(cmp::max(whole, twice))
}

impl<T> Tail<T> {
    /// Goes over to a new ring of `size` values, a power of two. Sleeps.
    pub(in crate::queue) fn extend(&mut self, size: usize) -> Result<(), AllocError> {
        let next = Ring::new(size)?;
        // This end is the only one that links, and does so once per ring.
        let linked = Arc::into_raw(next.clone()).cast_mut();
        self.0.next.store(linked, Release);
        self.0 = next;
        Ok(())
    }
}

impl<T> Head<T> {
    /// Goes over to the next ring if this one is empty; whether there is one.
    #[cold]
    pub(in crate::queue) fn advance(&mut self) -> bool {
        let Some(next) = self.0.next_arc() else {
            return false;
        };
        // In this order: see `Head::pieces()`.
        if self.here().1 == 0 {
            self.0 = next;
        }
        true
    }
}

impl<T> Drop for Head<T> {
    fn drop(&mut self) {
        // One ring at a time: the first would drop the others by recursion, however many.
        while let Some(next) = self.0.next_arc() {
            self.0 = next;
        }
    }
}
