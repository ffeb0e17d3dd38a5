// SPDX-License-Identifier: GPL-2.0

//! Copying bytes into a ring and out of it.

use super::mem::{Front, Head, Room, Tail};
use kernel::{
    error::code::*,
    iov::{IovIterDest, IovIterSource},
    prelude::*, //
};

/// Who sees bytes where they lie, in two pieces, and what goes beside them, before
/// they move on, and may refuse.
///
/// Not a closure: it would be called, where this is a branch that is patched out.
pub(crate) trait Check<A = ()> {
    /// Whether anybody wants to see them: else nothing is put together to be shown.
    fn is_asked(&self) -> bool;

    /// Whether they may.
    ///
    /// # Errors
    ///
    /// They may not; nothing happens then.
    fn check(self, pieces: [&[u8]; 2], aux: &A) -> Result;
}

/// Fills `room` from `from`; whether all of it could be read. May fault, and so
/// sleep.
#[inline(always)]
pub(super) fn fill(room: &mut Room<'_, u8>, from: &mut IovIterSource<'_>) -> bool {
    room.fill(|piece| from.copy_from_iter(piece) == piece.len())
}

/// Fills the room with `bytes`; whether there is so much.
pub(super) fn fill_with(tail: &mut Tail<u8>, bytes: &[u8]) -> bool {
    let Some(mut room) = tail.room(bytes.len()) else {
        return false;
    };
    let mut rest = bytes;
    room.fill(|piece| {
        let (first, others) = rest.split_at(piece.len());
        piece.copy_from_slice(first);
        rest = others;
        true
    })
}

/// What lies in the room for `len` bytes, in two pieces; nothing if there is not so
/// much.
pub(super) fn look(tail: &mut Tail<u8>, len: usize) -> [&[u8]; 2] {
    tail.room(len).map_or([&[], &[]], Room::into_pieces)
}

/// Why bytes that would fit were not written.
pub(super) enum Unwritten {
    /// Not all of them could be read.
    Fault,
    /// They were refused.
    Refused(Error),
}

impl From<Unwritten> for Error {
    fn from(why: Unwritten) -> Self {
        match why {
            Unwritten::Fault => EFAULT,
            Unwritten::Refused(error) => error,
        }
    }
}

/// Writes `len` bytes of `from` and makes them visible, unless `check`, which sees
/// them first, refuses, or the queue was shut meanwhile. Returns `None` if they do not
/// fit. May fault, and so sleep.
#[inline(always)]
pub(super) fn write(
    tail: &mut Tail<u8>,
    len: usize,
    from: &mut IovIterSource<'_>,
    check: impl Check,
    was_shut: impl FnOnce() -> bool,
) -> Option<Result<(), Unwritten>> {
    let mut room = tail.room(len)?;
    if !fill(&mut room, from) {
        return Some(Err(Unwritten::Fault));
    }
    if check.is_asked() {
        if let Err(error) = check.check(room.pieces(), &()) {
            return Some(Err(Unwritten::Refused(error)));
        }
    }
    if was_shut() {
        return Some(Err(Unwritten::Refused(EPIPE)));
    }
    room.commit();
    Some(Ok(()))
}

/// Copies the `len` oldest bytes to `to` and gives them back, or all that the oldest
/// ring has, if `takes` says so of them, unless `check`, which sees them first,
/// refuses. Returns `None` if it does not. May fault, and so sleep.
///
/// # Errors
///
/// `EFAULT` if not all of them can be written, and then none is given back; what
/// `check` returns.
#[inline(always)]
pub(super) fn read<A>(
    head: &mut Head<u8>,
    len: usize,
    takes: impl FnOnce(&Front<'_, u8>) -> bool,
    to: &mut IovIterDest<'_>,
    check: impl Check<A>,
    aux: &A,
) -> Option<Result<usize>> {
    let front = head.front(len);
    let found = front.len();
    if !takes(&front) {
        return None;
    }
    if check.is_asked() {
        if let Err(error) = check.check(front.pieces(), aux) {
            return Some(Err(error));
        }
    }
    if !front.see(|piece| to.copy_to_iter(piece) == piece.len()) {
        return Some(Err(EFAULT));
    }
    front.consume();
    Some(Ok(found))
}

/// Gives back the `len` oldest bytes, or all that there are; returns how many.
pub(super) fn consume(head: &mut Head<u8>, len: usize) -> usize {
    let mut left = len;
    loop {
        let front = head.front(left);
        // OVERFLOW: They are no more than was asked for.
        left = left.wrapping_sub(front.len());
        front.consume();
        if left == 0 || !head.advance() {
            return len.wrapping_sub(left);
        }
    }
}
