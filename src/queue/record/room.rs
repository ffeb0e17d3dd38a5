// SPDX-License-Identifier: GPL-2.0

//! The senders' side of [`Records`], where it takes more than one step.

use super::{
    super::{bytes, Queue},
    Records,
    Slot,
    Tails, //
};
use core::sync::atomic::{
    fence,
    Ordering::{Relaxed, SeqCst}, //
};
use kernel::{
    iov::IovIterSource,
    sync::lock::{mutex::MutexBackend, Guard}, //
};

/// Room for a message. What was filled in is forgotten unless it is committed.
pub(crate) struct Room<'a, A: Send + Unpin> {
    records: &'a Records<A>,
    tx: Guard<'a, Option<Tails<A>>, MutexBackend>,
    len: usize,
    filled: bool,
}

impl<'a, A: Send + Unpin> Room<'a, A> {
    /// Room for `len` bytes and a slot, which the newest rings have.
    pub(super) fn new(
        records: &'a Records<A>,
        tx: Guard<'a, Option<Tails<A>>, MutexBackend>,
        len: usize,
    ) -> Self {
        Self {
            records,
            tx,
            len,
            filled: false,
        }
    }

    /// Fills the room from `from`; whether all of it could be read. The caller
    /// sees to it that nothing faults that sleeps.
    pub(crate) fn fill(&mut self, from: &mut IovIterSource<'_>) -> bool {
        let tails = (*self.tx).as_mut();
        if let Some(mut room) = tails.and_then(|tails| tails.bytes.room(self.len)) {
            self.filled = bytes::fill(&mut room, from);
        }
        self.filled
    }

    /// Fills the room with `bytes`, of which there must be as many.
    pub(crate) fn fill_with(&mut self, bytes: &[u8]) -> bool {
        if let Some(tails) = &mut *self.tx {
            self.filled = bytes.len() == self.len && bytes::fill_with(&mut tails.bytes, bytes);
        }
        self.filled
    }

    /// What was filled in, in two pieces.
    pub(crate) fn bytes(&mut self) -> [&[u8]; 2] {
        match &mut *self.tx {
            Some(tails) if self.filled => bytes::look(&mut tails.bytes, self.len),
            _ => [&[], &[]],
        }
    }

    /// Makes the message visible to readers, if it was filled in, with `aux` and
    /// the bit `mark`. Sleeps for readers if those have gone.
    pub(crate) fn commit(mut self, aux: A, mark: bool) {
        let Some(Tails { bytes, slots }) = &mut *self.tx else {
            return;
        };
        let room = bytes.room(self.len);
        if let (Some(place), Some(room), true) = (slots.room(1), room, self.filled) {
            // The bytes first: who sees the slot must see them.
            room.commit();
            place.put(Slot {
                aux,
                // BOUNDS: It was reserved under a limit that is less.
                len: self.len as u32,
                peeked: false,
                mark,
            });
            self.records.sent.add(self.len);
            fence(SeqCst);
            if self.records.abandoned.load(Relaxed) {
                // Who went may have looked before there was anything.
                drop(self.tx);
                self.records.discard();
            }
        }
    }
}
