// SPDX-License-Identifier: GPL-2.0

//! Copying bytes into a ring and out of it.

use super::mem::{Head, Tail};
use kernel::{
    error::code::*,
    iov::{IovIterDest, IovIterSource},
    prelude::*, //
};

/// Bytes that a decision is to be made on, where they lie.
pub(crate) struct Window<'a>(Place<'a>);

enum Place<'a> {
    Written(&'a Tail<u8>, usize),
    Queued(&'a Head<u8>, usize),
}

impl<'a> Window<'a> {
    /// The bytes, in two pieces.
    #[inline(always)]
    pub(crate) fn pieces(&self) -> [&'a [u8]; 2] {
        match self.0 {
            Place::Written(tail, len) => tail.look(len),
            Place::Queued(head, len) => head.front(len),
        }
    }
}

/// Fills the room for `len` bytes from `from`; whether there is so much, and all of
/// it could be read. May fault, and so sleep.
#[inline(always)]
pub(super) fn fill(tail: &mut Tail<u8>, len: usize, from: &mut IovIterSource<'_>) -> Option<bool> {
    let [a, b] = tail.room(len)?;
    let first = a.len();
    let mut read = from.copy_from_iter(a);
    if first < len && read == first {
        // OVERFLOW: The two lie in one ring.
        read = read.wrapping_add(from.copy_from_iter(b));
    }
    Some(read == len)
}

/// Fills the room with `bytes`; whether there is so much.
pub(super) fn fill_with(tail: &mut Tail<u8>, bytes: &[u8]) -> bool {
    let Some([a, b]) = tail.room(bytes.len()) else {
        return false;
    };
    let (first, rest) = bytes.split_at(a.len());
    a.copy_from_slice(first);
    b.copy_from_slice(rest);
    true
}

/// Writes `len` bytes of `from` and makes them visible, unless `allow`, which sees
/// them first, refuses. Returns `None` if they do not fit. May fault, and so sleep.
///
/// # Errors
///
/// `EFAULT` if not all of them can be read; what `allow` returns.
#[inline(always)]
pub(super) fn write(
    tail: &mut Tail<u8>,
    len: usize,
    from: &mut IovIterSource<'_>,
    allow: impl FnOnce(&Window<'_>) -> Result,
) -> Option<Result> {
    if !fill(tail, len, from)? {
        return Some(Err(EFAULT));
    }
    let allowed = allow(&Window(Place::Written(tail, len)));
    if allowed.is_ok() {
        tail.commit(len);
    }
    Some(allowed)
}

/// Copies the `len` oldest bytes to `to` and gives them back, or all that there are
/// if that is `enough`, unless `allow`, which sees them first, refuses. Returns
/// `None` if there are fewer, or they do not lie in one ring. May fault, and so
/// sleep.
///
/// # Errors
///
/// `EFAULT` if not all of them can be written, and then none is given back; what
/// `allow` returns.
#[inline(always)]
pub(super) fn read(
    head: &mut Head<u8>,
    len: usize,
    enough: impl FnOnce(usize) -> bool,
    to: &mut IovIterDest<'_>,
    allow: impl FnOnce(&Window<'_>) -> Result,
) -> Option<Result<usize>> {
    let [a, b] = head.front(len);
    // OVERFLOW: The two lie in one ring.
    let found = a.len().wrapping_add(b.len());
    if found < len && (found == 0 || !enough(found)) {
        return None;
    }
    if let Err(error) = allow(&Window(Place::Queued(head, found))) {
        return Some(Err(error));
    }
    if to.copy_to_iter(a) < a.len() || !b.is_empty() && to.copy_to_iter(b) < b.len() {
        return Some(Err(EFAULT));
    }
    head.consume(found);
    Some(Ok(found))
}
