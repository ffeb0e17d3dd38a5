// SPDX-License-Identifier: GPL-2.0

//! The readers' side of [`Records`], where it takes more than one step.

use super::{
    super::bytes,
    Heads,
    Records,
    Slot, //
};
use core::cmp;
use kernel::sync::lock::{mutex::MutexBackend, Guard};

/// Where a message is in the queue.
#[derive(Default)]
pub(super) struct Place {
    /// So many messages, with so many bytes, are before it.
    messages: usize,
    bytes: usize,
    /// So many of its own are to be passed over.
    skip: usize,
}

impl<A> Heads<A> {
    /// Where the payload byte `skip` from the beginning is.
    pub(super) fn find(&mut self, skip: usize) -> Option<Place> {
        let mut place = Place {
            skip,
            ..Place::default()
        };
        for slot in self.slots.pieces().flatten() {
            let passed = place.skip >= slot.len() && (place.skip > 0 || slot.peeked);
            if !passed {
                return Some(place);
            }
            place.messages += 1;
            place.bytes += slot.len();
            place.skip -= slot.len();
        }
        None
    }
}

/// One queued message, for one reader.
pub(crate) struct Incoming<'a, A> {
    records: &'a Records<A>,
    rx: Guard<'a, Option<Heads<A>>, MutexBackend>,
    place: Place,
}

impl<'a, A: Send + Unpin> Incoming<'a, A> {
    pub(super) fn new(
        records: &'a Records<A>,
        rx: Guard<'a, Option<Heads<A>>, MutexBackend>,
        place: Place,
    ) -> Self {
        Self { records, rx, place }
    }

    /// What is known of the message.
    pub(crate) fn slot(&mut self) -> Option<&mut Slot<A>> {
        (*self.rx).as_mut()?.slots.nth(self.place.messages)
    }

    /// The payload from the offset on that the reader asked for, in two pieces:
    /// no message lies in more.
    pub(crate) fn bytes(&mut self) -> [&[u8]; 2] {
        let (before, skip) = (self.place.bytes, self.place.skip);
        let (skip, len) = match self.slot() {
            Some(slot) => (cmp::min(skip, slot.len()), slot.len()),
            None => (0, 0),
        };
        let (mut pass, mut left) = (before + skip, len - skip);
        let mut found: [&[u8]; 2] = [&[], &[]];
        let mut at = 0;
        for piece in self.rx.iter().flat_map(|heads| heads.bytes.pieces()) {
            let here = &piece[cmp::min(pass, piece.len())..];
            pass -= piece.len() - here.len();
            let here = &here[..cmp::min(left, here.len())];
            left -= here.len();
            if let (false, Some(slot)) = (here.is_empty(), found.get_mut(at)) {
                *slot = here;
                at += 1;
            }
        }
        found
    }

    /// Remembers that a peek has seen the message.
    pub(crate) fn set_peeked(&mut self) {
        if let Some(slot) = self.slot() {
            slot.peeked = true;
        }
    }

    /// Takes the message, which must be the first, from the queue.
    pub(crate) fn take(mut self) -> Option<Slot<A>> {
        let heads = (*self.rx).as_mut()?;
        let slot = heads.slots.first()?.take()?;
        bytes::consume(&mut heads.bytes, slot.len());
        self.records.received.add(slot.len());
        Some(slot)
    }
}
