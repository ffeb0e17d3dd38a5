// SPDX-License-Identifier: GPL-2.0

//! From one ring to the next: a writer that needs more room goes over to a new one,
//! and the reader follows when it has emptied the old.

#![deny(unsafe_code)]

use super::{Head, Ring, Tail};
use core::sync::atomic::Ordering::Release;
use kernel::{alloc::AllocError, sync::Arc};

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
