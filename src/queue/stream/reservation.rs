// SPDX-License-Identifier: GPL-2.0

//! The writers' side of [`Stream`], where it takes more than one step.

use super::{
    super::{
        bytes,
        marks::{Merge, Tag},
        mem::Tail,
        Queue, //
    },
    Stream,
    ABANDONED, //
};
use core::sync::atomic::{
    fence,
    Ordering::{Relaxed, Release, SeqCst}, //
};
use kernel::{
    error::code::*,
    iov::IovIterSource,
    prelude::*,
    sync::lock::{mutex::MutexBackend, Guard}, //
};

/// Room in a queue. What was filled in is forgotten unless it is committed.
pub(crate) struct Reservation<'a, A: Send + Unpin + Merge> {
    stream: &'a Stream<A>,
    tx: Guard<'a, Option<Tail<u8>>, MutexBackend>,
    len: usize,
    filled: bool,
}

impl<'a, A: Send + Unpin + Merge> Reservation<'a, A> {
    /// Room for `len` bytes, which the newest ring has.
    pub(super) fn new(
        stream: &'a Stream<A>,
        tx: Guard<'a, Option<Tail<u8>>, MutexBackend>,
        len: usize,
    ) -> Self {
        Self {
            stream,
            tx,
            len,
            filled: false,
        }
    }

    /// How much there is.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Fills the room from `from`. May fault, and so sleep.
    ///
    /// # Errors
    ///
    /// `EFAULT` if not all of it can be read.
    pub(crate) fn fill(&mut self, from: &mut IovIterSource<'_>) -> Result {
        let tail = (*self.tx).as_mut().ok_or(EFAULT)?;
        let mut room = tail.room(self.len).ok_or(EFAULT)?;
        self.filled = bytes::fill(&mut room, from);
        self.filled.then_some(()).ok_or(EFAULT)
    }

    /// Leaves in the room what is there. Who reads these bytes must know by their tag
    /// where they lie instead: what was in the queue before is in their place.
    pub(crate) fn leave(&mut self) {
        // Who sees the bytes sees this.
        self.stream.lends.store(true, Relaxed);
        self.filled = true;
    }

    /// Fills the room with `bytes`, of which there must be as many.
    #[cfg(CONFIG_KUNIT = "y")]
    pub(super) fn fill_with(&mut self, bytes: &[u8]) {
        if let Some(tail) = &mut *self.tx {
            self.filled = bytes.len() == self.len && bytes::fill_with(tail, bytes);
        }
    }

    /// What was filled in, in two pieces.
    pub(crate) fn bytes(&mut self) -> [&[u8]; 2] {
        match &mut *self.tx {
            Some(tail) if self.filled => bytes::look(tail, self.len),
            _ => [&[], &[]],
        }
    }

    /// Makes what was filled in visible to readers, with a mark if there is a
    /// tag, which is taken; returns how much it is. Sleeps if there is a tag.
    ///
    /// # Errors
    ///
    /// `EPIPE` if the queue was shut while the room was filled; `ENOMEM` if there is no
    /// memory for the mark. The tag stays.
    pub(crate) fn commit(mut self, tag: &mut Option<Tag<A>>) -> Result<usize> {
        if let Some(tag) = tag {
            // Before the look at the end: it may sleep.
            let marked = self.stream.marked.load(Relaxed);
            tag.reserve(marked, || self.stream.marks.lock().take_spare())?;
        }
        if self.stream.is_shut() {
            return Err(EPIPE);
        }
        let len = if self.filled { self.len } else { 0 };
        let sent = &self.stream.sent;
        let start = sent.load(Relaxed);
        let end = start.wrapping_add(len);
        let tag = tag.take();
        let marks = tag.is_some();
        if let Some(tag) = tag {
            // Before the bytes: who sees them must see it.
            let left_over = self.stream.with_marks(|marks| marks.push(tag, start, end));
            drop(left_over);
        }
        if let Some(room) = (*self.tx).as_mut().and_then(|tail| tail.room(len)) {
            room.commit();
        }
        sent.store(end, Release);
        if marks {
            fence(SeqCst);
            if self.stream.flags.load(Relaxed) & ABANDONED != 0 {
                // Who went may have looked before there was anything.
                drop(self.tx);
                self.stream.discard();
            }
        }
        Ok(len)
    }
}
