// SPDX-License-Identifier: GPL-2.0

//! Copying bytes into a ring and out of it.

use super::mem::{Front, Head, Room, Tail};
use kernel::{
    error::code::*,
    iov::{IovIterDest, IovIterSource},
    prelude::*, //
};

/// Bytes that a decision is to be made on, where they lie.
pub(crate) struct Window<'a>(Place<'a>);

enum Place<'a> {
    Written(&'a Room<'a, u8>),
    Queued(&'a Front<'a, u8>),
}

impl<'a> Window<'a> {
    /// The bytes, in two pieces.
    #[inline(always)]
    pub(crate) fn pieces(&self) -> [&'a [u8]; 2] {
        match self.0 {
            Place::Written(room) => room.pieces(),
            Place::Queued(front) => front.pieces(),
        }
    }
}

/// Fills `room` from `from`; whether all of it could be read. May fault, and so
/// sleep.
#[inline(always)]
pub(super) fn fill(room: &mut Room<'_, u8>, from: &mut IovIterSource<'_>) -> bool {
    let [a, b] = room.pieces_mut();
    from.copy_from_iter(a) == a.len() && (b.is_empty() || from.copy_from_iter(b) == b.len())
}

/// Fills the room with `bytes`; whether there is so much.
pub(super) fn fill_with(tail: &mut Tail<u8>, bytes: &[u8]) -> bool {
    let Some(mut room) = tail.room(bytes.len()) else {
        return false;
    };
    let [a, b] = room.pieces_mut();
    let (first, rest) = bytes.split_at(a.len());
    a.copy_from_slice(first);
    b.copy_from_slice(rest);
    true
}

/// What lies in the room for `len` bytes, in two pieces; nothing if there is not so
/// much.
pub(super) fn look(tail: &mut Tail<u8>, len: usize) -> [&[u8]; 2] {
    tail.room(len).map_or([&[], &[]], Room::into_pieces)
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
    let mut room = tail.room(len)?;
    if !fill(&mut room, from) {
        return Some(Err(EFAULT));
    }
    if let Err(error) = allow(&Window(Place::Written(&room))) {
        return Some(Err(error));
    }
    room.commit();
    Some(Ok(()))
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
    let front = head.front(len);
    let found = front.len();
    if found < len && (found == 0 || front.is_left() || !enough(found)) {
        return None;
    }
    if let Err(error) = allow(&Window(Place::Queued(&front))) {
        return Some(Err(error));
    }
    let [a, b] = front.pieces();
    if to.copy_to_iter(a) < a.len() || !b.is_empty() && to.copy_to_iter(b) < b.len() {
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
