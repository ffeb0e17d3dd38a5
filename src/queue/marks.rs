// SPDX-License-Identifier: GPL-2.0

//! What goes with certain bytes of a stream: ancillary data, and the byte that
//! is out of band.
//!
//! A mark covers the bytes of one write. Positions count bytes since the
//! beginning of the stream. The front mark never begins before the first byte
//! that is queued.

use core::mem;
use kernel::{
    alloc::flags::*,
    prelude::*,
    rbtree::{RBTree, RBTreeNode, RBTreeNodeReservation}, //
};

/// What can go with bytes.
pub(crate) trait Merge {
    /// Whether `other` says no more than this, so that bytes of both may be under
    /// one mark.
    fn merges(&self, other: &Self) -> bool;
}

/// What is special about the byte under a mark.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Byte {
    /// Nothing: it is read in its turn.
    Plain,
    /// It was received out of band. Readers skip it, but stop before it.
    Hole,
    /// As a hole, but nobody stops before it any more.
    Gone,
}

/// One mark.
pub(crate) struct Mark<A> {
    end: usize,
    byte: Byte,
    aux: Option<A>,
}

/// The memory of a mark.
type Place<A> = RBTreeNodeReservation<usize, Mark<A>>;

/// A mark that a write will leave, and the memory for it.
pub(crate) struct Tag<A> {
    aux: Option<A>,
    urgent: bool,
    place: Option<Place<A>>,
}

impl<A> Tag<A> {
    /// A mark with `aux`; `urgent` if the (one) byte is out of band.
    pub(crate) fn new(aux: Option<A>, urgent: bool) -> Self {
        Self {
            aux,
            urgent,
            place: None,
        }
    }

    /// Gets the memory that it needs behind `marked` others, from `spare` if there is
    /// any. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn reserve(
        &mut self,
        marked: usize,
        spare: impl FnOnce() -> Option<Place<A>>,
    ) -> Result {
        if marked > 0 || self.aux.is_some() || !self.urgent {
            self.place = match spare() {
                None => Some(Place::new(GFP_KERNEL_ACCOUNT | __GFP_NOWARN)?),
                place => place,
            };
        }
        Ok(())
    }

    /// What will go with the bytes.
    pub(crate) fn aux_mut(&mut self) -> &mut Option<A> {
        &mut self.aux
    }
}

/// How a reader comes along.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    /// It has received bytes in this call already.
    pub(crate) has_bytes: bool,
    /// It leaves them in the queue.
    pub(crate) peek: bool,
    /// The byte that is out of band stays in line (SO_OOBINLINE).
    pub(crate) inline: bool,
}

/// What a reader finds at a position.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Bytes that belong together, up to a position.
    Until(usize),
    /// A byte to pass over; one that is to be consumed if this says so.
    Pass { consume: bool },
    /// The end of what this call may receive.
    Stop,
}

/// The marks of a stream.
pub(super) struct Marks<A> {
    tree: RBTree<usize, Mark<A>>,
    /// A byte out of band that nothing goes with, if it came when there was no mark:
    /// it needs no memory. It lies before all that is in the tree.
    first: Option<(usize, Byte)>,
    /// The memory of one that was consumed, for the next: who passes files one by one
    /// allocates none.
    spare: Option<Place<A>>,
    count: usize,
    /// The position of the byte that is out of band and was not received.
    urgent: Option<usize>,
    holes: usize,
}

/// A mark that was taken out, to be dropped where the marks are not locked.
pub(super) type Removed<A> = Option<RBTreeNode<usize, Mark<A>>>;

impl<A> Marks<A> {
    pub(super) fn new() -> Self {
        Self {
            tree: RBTree::new(),
            first: None,
            spare: None,
            count: 0,
            urgent: None,
            holes: 0,
        }
    }

    /// Keeps the memory of one that was consumed, unless there is some already.
    pub(super) fn keep(&mut self, place: Place<A>) {
        self.spare.get_or_insert(place);
    }

    /// Takes what [`Self::keep`] kept.
    pub(super) fn take_spare(&mut self) -> Option<Place<A>> {
        self.spare.take()
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The bytes in the queue that no read will return.
    pub(super) fn holes(&self) -> usize {
        self.holes
    }

    /// The position of the byte that is out of band.
    pub(super) fn urgent(&self) -> Option<usize> {
        self.urgent
    }

    /// Marks the bytes from `start` to `end`. A mark that says the same of the
    /// bytes before them becomes longer; the memory that is left over then is
    /// returned.
    pub(super) fn push(&mut self, tag: Tag<A>, start: usize, end: usize) -> Option<Tag<A>>
    where
        A: Merge,
    {
        let urgent = self.urgent;
        if let (false, Some(mut last)) = (tag.urgent, self.tree.cursor_back_mut()) {
            let (at, mark) = last.current_mut();
            let is_plain = mark.byte == Byte::Plain && urgent != Some(*at);
            let same = match (&mark.aux, &tag.aux) {
                (Some(a), Some(b)) => a.merges(b),
                _ => false,
            };
            if is_plain && same && mark.end == start {
                mark.end = end;
                return Some(tag);
            }
        }
        self.count += 1;
        if tag.urgent {
            // The one before becomes a byte as any other.
            self.urgent = Some(start);
        }
        let byte = Byte::Plain;
        match tag.place {
            None => self.first = Some((start, byte)),
            Some(place) => {
                let aux = tag.aux;
                self.tree
                    .insert(place.into_node(start, Mark { end, byte, aux }));
            }
        }
        None
    }

    /// What is special about the byte at `at`, if that has a mark.
    fn byte(&self, at: usize) -> Option<Byte> {
        match self.first {
            Some((first, byte)) if first == at => Some(byte),
            _ => self.tree.get(&at).map(|mark| mark.byte),
        }
    }

    /// As [`Self::byte`], to be changed.
    fn byte_mut(&mut self, at: usize) -> Option<&mut Byte> {
        match &mut self.first {
            Some((first, byte)) if *first == at => Some(byte),
            _ => self.tree.get_mut(&at).map(|mark| &mut mark.byte),
        }
    }

    /// Where the mark at `at` ends, or else the next one begins.
    fn bound(&self, at: usize) -> Option<usize> {
        match self.first {
            Some((first, _)) if first == at => Some(first + 1),
            Some((first, _)) if first > at => Some(first),
            _ => {
                let cursor = self.tree.cursor_lower_bound(&at)?;
                let (start, mark) = cursor.current();
                Some(if *start == at { mark.end } else { *start })
            }
        }
    }

    /// Takes the one without memory out, if it is at `at`.
    fn take_first(&mut self, at: usize) -> bool {
        self.first.take_if(|(first, _)| *first == at).is_some()
    }

    /// What is at `at`, before `end`, the end of what is queued.
    pub(super) fn find(&mut self, at: usize, end: usize, look: Look) -> (Found, Removed<A>) {
        let consume = !look.peek;
        match self.byte(at) {
            Some(Byte::Hole) if look.has_bytes && self.urgent.is_none() => {
                return (Found::Stop, None)
            }
            Some(Byte::Hole | Byte::Gone) => {
                let removed = if consume { self.remove(at) } else { None };
                return (Found::Pass { consume }, removed);
            }
            Some(Byte::Plain) | None => {}
        }
        if self.urgent == Some(at) {
            if look.has_bytes {
                return (Found::Stop, None);
            }
            if consume {
                self.urgent = None;
            }
            if !look.inline {
                let removed = if consume { self.remove(at) } else { None };
                return (Found::Pass { consume }, removed);
            }
        }
        let until = self.bound(at).unwrap_or(end);
        (Found::Until(until.min(end)), None)
    }

    fn remove(&mut self, at: usize) -> Removed<A> {
        if self.byte(at)? != Byte::Plain {
            self.holes -= 1;
        }
        self.count -= 1;
        if self.take_first(at) {
            return None;
        }
        self.tree.remove_node(&at)
    }

    /// What goes with the byte at `at`.
    pub(super) fn aux(&mut self, at: usize) -> Option<&mut A> {
        self.tree.get_mut(&at)?.aux.as_mut()
    }

    /// The bytes from `at` to `until` were consumed.
    pub(super) fn consume(&mut self, at: usize, until: usize) -> Removed<A> {
        if self.take_first(at) {
            self.count -= 1;
            return None;
        }
        let mark = self.tree.get_mut(&at)?;
        if mark.end <= until {
            self.count -= 1;
            return self.tree.remove_node(&at);
        }
        // The rest of the write keeps what goes with it.
        let nothing = Mark {
            end: until,
            byte: Byte::Plain,
            aux: None,
        };
        let mark = mem::replace(mark, nothing);
        let place = self.tree.remove_node(&at)?.into_reservation();
        self.tree.insert(place.into_node(until, mark));
        None
    }

    /// The byte at `at` was received out of band.
    pub(super) fn take_urgent(&mut self, at: usize) {
        // Unless there is a newer one meanwhile.
        if self.urgent == Some(at) {
            self.urgent = None;
        }
        // A hole right before this one is none any more.
        if let Some(before) = at.checked_sub(1).and_then(|p| self.byte_mut(p)) {
            if *before == Byte::Hole {
                *before = Byte::Gone;
            }
        }
        if let Some(byte) = self.byte_mut(at) {
            *byte = Byte::Hole;
            self.holes += 1;
        }
    }

    /// Whether the next byte to read, `at`, is where the one out of band is or
    /// was.
    pub(super) fn is_at_mark(&self, mut at: usize) -> bool {
        loop {
            match self.byte(at) {
                Some(Byte::Gone) => at += 1,
                Some(Byte::Hole) => {
                    return self.urgent.is_none_or(|urgent| urgent == at + 1);
                }
                _ => return self.urgent == Some(at),
            }
        }
    }

    /// Forgets all marks.
    pub(super) fn clear(&mut self) -> Self {
        mem::replace(self, Self::new())
    }

    /// Shows `see` what goes with each mark.
    pub(super) fn for_each(&self, mut see: impl FnMut(&A)) {
        for mark in self.tree.values() {
            if let Some(aux) = &mark.aux {
                see(aux);
            }
        }
    }
}
