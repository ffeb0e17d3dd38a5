// SPDX-License-Identifier: GPL-2.0

//! The memory of a [`Stream`]: where it comes from, and where it goes.
//!
//! Few bytes get a small ring, of one allocation. More get rings of doubling size, as far
//! as what is queued at once needs it: then one ring goes round. One larger than [`KEEP`]
//! goes when the queue was not used for a while. Rings that end at 64 KiB, with a new one
//! behind each that is full, cost half as much again for blocks of 256 KiB: each had to be
//! got, cleared and charged.

use super::{
    super::{
        bytes::{self, Unwritten},
        marks::Merge,
        mem::{self, Head, Tail},
        Check,
        Queue, //
    },
    Stream,
    LARGE,
    STEP, //
};
use core::sync::atomic::Ordering::Release;
use kernel::{iov::IovIterSource, prelude::*};

/// The smallest ring but for a small one, and the largest that an empty queue keeps, in
/// bytes.
pub(super) const KEEP: usize = 1 << 10;

/// The largest ring, in bytes: where a limit is higher, one is linked behind the other.
const LARGEST: usize = 1 << 20;

/// Whether there is more than an empty queue keeps.
pub(super) fn is_spare(tx: &Option<Tail<u8>>) -> bool {
    tx.as_ref().is_some_and(|tail| tail.size() > KEEP)
}

/// Whether a queue with these flags, which are some, takes `len` bytes in one step.
#[cold]
pub(super) fn may_step(flags: u8, len: usize) -> bool {
    flags == LARGE && len <= STEP
}

impl<A: Send + Unpin + Merge> Stream<A> {
    /// As [`Self::try_write`], where more memory is needed.
    #[cold]
    pub(super) fn write_in_new_room(
        &self,
        tx: &mut Option<Tail<u8>>,
        from: &mut IovIterSource<'_>,
        len: usize,
        check: impl Check,
        grown: impl FnOnce(),
    ) -> Option<Result<(), Unwritten>> {
        if len > STEP || self.make_room(tx, len, grown)? < len {
            return None;
        }
        bytes::write(tx.as_mut()?, len, from, check, || self.is_shut())
    }

    /// Sees to it that the newest ring has room for `len` bytes, at most a [`STEP`], or
    /// for as many as memory allows; returns how many. `grown` is called when there is
    /// more memory than an empty queue is to keep for long. Sleeps.
    pub(super) fn make_room(
        &self,
        tx: &mut Option<Tail<u8>>,
        len: usize,
        grown: impl FnOnce(),
    ) -> Option<usize> {
        match tx {
            None => {
                let (tail, head) =
                    mem::ring(mem::size_for::<u8>(len, 0, KEEP..=LARGEST).ok()?).ok()?;
                *self.rx.lock() = Some(head);
                *tx = Some(tail);
            }
            Some(tail) if tail.free() < len => {
                let size = mem::size_for::<u8>(len, tail.size(), KEEP..=LARGEST).ok()?;
                if size > STEP {
                    // Before the ring: no reader of it takes more than a step.
                    self.flags.fetch_or(LARGE, Release);
                }
                if tail.extend(size).is_err() {
                    let free = tail.free();
                    return (free > 0).then_some(free);
                }
            }
            Some(_) => return Some(len),
        }
        if is_spare(tx) {
            grown();
        }
        Some(len)
    }

    /// Lets all memory go, of a queue that is empty.
    pub(super) fn let_go(&self, tx: &mut Option<Tail<u8>>, rx: &mut Option<Head<u8>>) {
        *tx = None;
        *rx = None;
        self.flags.fetch_and(!LARGE, Release);
    }
}
