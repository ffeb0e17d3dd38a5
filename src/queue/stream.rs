// SPDX-License-Identifier: GPL-2.0

//! A queue of bytes in one direction.
//!
//! A writer reserves room, fills it and commits; until then no reader sees
//! anything of it. A reader looks at what is there, and consumes what it took.
//! Each side holds its own mutex meanwhile, so that what one call writes is
//! contiguous; the sides never wait for each other.
//!
//! There is no memory before the first byte. It grows in rings of doubling
//! size; a ring larger than [`KEEP`] goes when the queue is empty.

use super::{
    marks::{Marks, Merge, Tag},
    mem::{self, Head, Tail},
    usage::messages_max,
    Empty,
    NoRoom,
    Queue, //
};
use core::cmp;
use kernel::{
    error::code::*,
    iov::IovIterSource,
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Relaxed, Release},
        lock::{mutex::MutexBackend, Guard},
        Mutex, //
    }, //
};

mod incoming;

pub(crate) use incoming::{Incoming, Next, Span};

/// The smallest ring, and the largest that an empty queue keeps, in bytes.
const KEEP: usize = 1 << 10;

/// The largest ring, and so the most that is reserved at once, in bytes.
const LARGEST: usize = 1 << 16;

/// Writes of at most so many bytes are never split, as PIPE_BUF for pipes, unless
/// three quarters of the limit are less.
const ATOMIC: usize = 1 << 12;

/// A queue of bytes, with any number of writers and readers.
///
/// `tx.is_none() == rx.is_none()`: both change under both mutexes.
#[pin_data]
pub(crate) struct Stream<A> {
    // Lock order: `tx`, then `rx`, then `marks`. Copies from and to user memory
    // happen under either of the first two. A reader that wants `tx` only tries.
    #[pin]
    tx: Mutex<Option<Tail>>,
    #[pin]
    rx: Mutex<Option<Head>>,
    /// Bytes committed and consumed since the beginning, modulo 2^64; each has
    /// one writer, under its side's mutex.
    sent: Atomic<usize>,
    received: Atomic<usize>,
    shut: Atomic<bool>,
    #[pin]
    marks: Mutex<Marks<A>>,
    /// How many marks there are; written under their mutex.
    marked: Atomic<usize>,
    /// The bytes that no read will return, and whether one is out of band;
    /// written under the marks' mutex.
    holes: Atomic<usize>,
    urgent: Atomic<bool>,
}

impl<A: Send + Unpin + Merge> Stream<A> {
    /// Whether there is a byte out of band that was not received.
    pub(crate) fn is_urgent(&self) -> bool {
        self.urgent.load(Acquire)
    }

    /// Whether no byte is there but those that no read will return.
    pub(crate) fn has_holes_only(&self) -> bool {
        self.is_empty() && self.used() > 0
    }

    /// The bytes that are committed and not consumed.
    fn used(&self) -> usize {
        let received = self.received.load(Acquire);
        let queued = self.sent.load(Acquire).wrapping_sub(received);
        // A reader may be quicker than the writer's count.
        if queued > isize::MAX as usize {
            0
        } else {
            queued
        }
    }

    /// Reserves room for up to `len` bytes, at least 1, so that no more than
    /// `limit` are queued. Sleeps for other writers and for memory, not for
    /// room.
    pub(crate) fn try_reserve(
        &self,
        len: usize,
        limit: usize,
    ) -> Result<Reservation<'_, A>, NoRoom> {
        let mut tx = self.tx.lock();
        if self.is_shut() {
            return Err(NoRoom::Shut);
        }
        // Marks take memory too.
        if self.marked.load(Relaxed) >= messages_max(limit) {
            return Err(NoRoom::Full);
        }
        let room = limit.saturating_sub(self.bytes());
        // Three quarters of the limit are free where poll(2) says writable.
        let whole = cmp::min(ATOMIC, limit - limit / 4);
        if room < cmp::min(len, whole) || room == 0 {
            return Err(NoRoom::Full);
        }
        let len = cmp::min(cmp::min(len, room), LARGEST);
        let len = self.make_room(&mut tx, len).ok_or(NoRoom::NoMemory)?;
        Ok(Reservation {
            stream: self,
            tx,
            len,
        })
    }

    /// Sees to it that the newest ring has room for `len` bytes, or for as many
    /// as memory allows.
    fn make_room(&self, tx: &mut Option<Tail>, len: usize) -> Option<usize> {
        let Some(tail) = tx else {
            let size = cmp::max(len.next_power_of_two(), KEEP);
            let (tail, head) = mem::ring(size).ok()?;
            *self.rx.lock() = Some(head);
            *tx = Some(tail);
            return Some(len);
        };
        if tail.free() < len {
            let size = cmp::max(len.next_power_of_two(), tail.size().saturating_mul(2));
            if tail.extend(cmp::min(size, LARGEST)).is_err() {
                let free = tail.free();
                return (free > 0).then_some(free);
            }
        }
        Some(len)
    }

    /// Looks at what is queued. Sleeps for other readers, not for bytes.
    pub(crate) fn read(&self) -> Incoming<'_, A> {
        let rx = self.rx.lock();
        // In this order: what was committed before the queue was shut counts.
        let empty = if self.is_shut() {
            Empty::Shut
        } else {
            Empty::Yet
        };
        Incoming {
            stream: self,
            rx,
            empty,
        }
    }

    /// Changes the marks, and what is read of them without their mutex.
    fn with_marks<R>(&self, change: impl FnOnce(&mut Marks<A>) -> R) -> R {
        let mut marks = self.marks.lock();
        let result = change(&mut marks);
        self.marked.store(marks.count(), Release);
        self.holes.store(marks.holes(), Relaxed);
        self.urgent.store(marks.urgent().is_some(), Release);
        result
    }

    /// Shows `see` what goes with each mark. Sleeps for readers.
    pub(crate) fn for_each(&self, see: impl FnMut(&A)) {
        self.marks.lock().for_each(see)
    }

    /// Lets memory go that an empty queue need not keep.
    fn shrink(&self, rx: &mut Option<Head>) {
        if !matches!(rx, Some(head) if head.size() > KEEP) {
            return;
        }
        // A writer that is at work will need the memory.
        if let Some(mut tx) = self.tx.try_lock() {
            if matches!(&*tx, Some(tail) if tail.used() == 0) {
                *tx = None;
                *rx = None;
            }
        }
    }
}

impl<A: Send + Unpin + Merge> Queue for Stream<A> {
    // There is no memory before the first byte.
    fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            tx <- new_mutex!(None, "queue::Stream::tx"),
            rx <- new_mutex!(None, "queue::Stream::rx"),
            sent: Atomic::new(0),
            received: Atomic::new(0),
            shut: Atomic::new(false),
            marks <- new_mutex!(Marks::new(), "queue::Stream::marks"),
            marked: Atomic::new(0),
            holes: Atomic::new(0),
            urgent: Atomic::new(false),
        })
    }

    // But for the bytes that were received out of band.
    fn bytes(&self) -> usize {
        self.used().saturating_sub(self.holes.load(Relaxed))
    }

    fn is_empty(&self) -> bool {
        self.bytes() == 0
    }

    fn is_writable(&self, limit: usize) -> bool {
        let marked = self.marked.load(Relaxed);
        self.bytes() <= limit / 4 && marked <= messages_max(limit) / 4
    }

    fn is_shut(&self) -> bool {
        self.shut.load(Acquire)
    }

    fn shut(&self) {
        self.shut.store(true, Release);
    }

    fn discard(&self) {
        let mut incoming = self.read();
        incoming.consume_bytes(usize::MAX);
        let gone = self.with_marks(Marks::clear);
        drop(incoming);
        // What the marks hold may take any lock when it is dropped.
        drop(gone);
    }
}

/// Room in a queue. What was filled is forgotten unless it is committed.
pub(crate) struct Reservation<'a, A: Send + Unpin + Merge> {
    stream: &'a Stream<A>,
    tx: Guard<'a, Option<Tail>, MutexBackend>,
    len: usize,
}

impl<A: Send + Unpin + Merge> Reservation<'_, A> {
    /// Fills the room from `from`. May fault, and so sleep.
    ///
    /// # Errors
    ///
    /// `EFAULT` if not all of it can be read.
    pub(crate) fn fill(&mut self, from: &mut IovIterSource<'_>) -> Result {
        let tail = (*self.tx).as_mut().ok_or(EFAULT)?;
        if tail.write_iter(self.len, from) < self.len {
            return Err(EFAULT);
        }
        Ok(())
    }

    /// What was filled in, in two pieces.
    pub(crate) fn bytes(&self) -> [&[u8]; 2] {
        self.tx.as_ref().map(Tail::written).unwrap_or_default()
    }

    /// Makes what was filled in visible to readers, with a mark if there is a
    /// tag; returns how much it is.
    pub(crate) fn commit(mut self, tag: Option<Tag<A>>) -> usize {
        let sent = &self.stream.sent;
        let start = sent.load(Relaxed);
        if let Some(tag) = tag {
            // Before the bytes: who sees them must see it.
            let end = start.wrapping_add(self.bytes().iter().map(|piece| piece.len()).sum());
            let left_over = self.stream.with_marks(|marks| marks.push(tag, start, end));
            drop(left_over);
        }
        let len = (*self.tx).as_mut().map_or(0, Tail::commit);
        sent.store(start.wrapping_add(len), Release);
        len
    }
}

impl<A: Send + Unpin + Merge> Drop for Reservation<'_, A> {
    fn drop(&mut self) {
        if let Some(tail) = &mut *self.tx {
            tail.abort();
        }
    }
}

#[cfg(CONFIG_KUNIT = "y")]
mod tests;
