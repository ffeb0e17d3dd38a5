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

use super::mem::{self, Head, Pieces, Tail};
use core::cmp;
use kernel::{
    error::code::*,
    iov::{IovIterDest, IovIterSource},
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Relaxed, Release},
        lock::{mutex::MutexBackend, Guard},
        Mutex, //
    }, //
};

/// The smallest ring, and the largest that an empty queue keeps, in bytes.
const KEEP: usize = 1 << 10;

/// The largest ring, and so the most that is reserved at once, in bytes.
const LARGEST: usize = 1 << 16;

/// Writes of at most so many bytes are never split, as PIPE_BUF for pipes, unless
/// three quarters of the limit are less.
const ATOMIC: usize = 1 << 12;

/// Why there is nothing to read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Empty {
    /// Nothing yet.
    Yet,
    /// Nothing any more: the queue was shut.
    Shut,
}

/// Why there is no room.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoRoom {
    /// The limit is reached.
    Full,
    /// The queue was shut.
    Shut,
    /// There is no memory.
    NoMemory,
}

/// A queue of bytes, with any number of writers and readers.
///
/// `tx.is_none() == rx.is_none()`: both change under both mutexes.
#[pin_data]
pub(crate) struct Stream {
    // Lock order: `tx`, then `rx`. Copies from and to user memory happen under
    // either. A reader that wants `tx` only tries.
    #[pin]
    tx: Mutex<Option<Tail>>,
    #[pin]
    rx: Mutex<Option<Head>>,
    /// Bytes committed and consumed since the beginning, modulo 2^64; each has
    /// one writer, under its side's mutex.
    sent: Atomic<usize>,
    received: Atomic<usize>,
    shut: Atomic<bool>,
}

impl Stream {
    /// An empty queue, which has no memory yet.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            tx <- new_mutex!(None, "queue::Stream::tx"),
            rx <- new_mutex!(None, "queue::Stream::rx"),
            sent: Atomic::new(0),
            received: Atomic::new(0),
            shut: Atomic::new(false),
        })
    }

    /// The bytes that are committed and not consumed.
    pub(crate) fn len(&self) -> usize {
        let received = self.received.load(Acquire);
        let queued = self.sent.load(Acquire).wrapping_sub(received);
        // A reader may be quicker than the writer's count.
        if queued > isize::MAX as usize {
            0
        } else {
            queued
        }
    }

    /// Whether the queue was shut.
    pub(crate) fn is_shut(&self) -> bool {
        self.shut.load(Acquire)
    }

    /// Shuts the queue: nothing is reserved any more, and what is there is the
    /// last. Does not sleep.
    pub(crate) fn shut(&self) {
        self.shut.store(true, Release);
    }

    /// Reserves room for up to `len` bytes, at least 1, so that no more than
    /// `limit` are queued. Sleeps for other writers and for memory, not for
    /// room.
    pub(crate) fn try_reserve(&self, len: usize, limit: usize) -> Result<Reservation<'_>, NoRoom> {
        let mut tx = self.tx.lock();
        if self.is_shut() {
            return Err(NoRoom::Shut);
        }
        let room = limit.saturating_sub(self.len());
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
    pub(crate) fn try_read(&self) -> Result<Incoming<'_>, Empty> {
        let rx = self.rx.lock();
        // In this order: what was committed before the queue was shut counts.
        let empty = if self.is_shut() {
            Empty::Shut
        } else {
            Empty::Yet
        };
        match &*rx {
            Some(head) if head.pieces().next().is_some() => Ok(Incoming { stream: self, rx }),
            _ => Err(empty),
        }
    }

    /// Lets everything go that is queued. Sleeps for other readers.
    pub(crate) fn discard(&self) {
        while let Ok(incoming) = self.try_read() {
            incoming.consume(usize::MAX);
        }
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

/// Room in a queue. What was filled is forgotten unless it is committed.
pub(crate) struct Reservation<'a> {
    stream: &'a Stream,
    tx: Guard<'a, Option<Tail>, MutexBackend>,
    len: usize,
}

impl Reservation<'_> {
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

    /// Makes what was filled in visible to readers; returns how much it is.
    pub(crate) fn commit(mut self) -> usize {
        let len = (*self.tx).as_mut().map_or(0, Tail::commit);
        let sent = &self.stream.sent;
        sent.store(sent.load(Relaxed).wrapping_add(len), Release);
        len
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if let Some(tail) = &mut *self.tx {
            tail.abort();
        }
    }
}

/// What is queued, for one reader.
pub(crate) struct Incoming<'a> {
    stream: &'a Stream,
    rx: Guard<'a, Option<Head>, MutexBackend>,
}

impl Incoming<'_> {
    fn pieces(&self) -> Option<Pieces<'_>> {
        self.rx.as_ref().map(Head::pieces)
    }

    /// The first bytes, in two pieces; there may be more.
    pub(crate) fn bytes(&self) -> [&[u8]; 2] {
        let mut pieces = self.pieces().into_iter().flatten();
        [(); 2].map(|()| pieces.next().unwrap_or_default())
    }

    /// Copies up to `len` bytes to `to`. May fault, and so sleep.
    ///
    /// # Errors
    ///
    /// `EFAULT` if not all that is there can be written. Nothing is consumed.
    pub(crate) fn copy_to(&self, len: usize, to: &mut IovIterDest<'_>) -> Result<usize> {
        let Some(pieces) = self.pieces() else {
            return Ok(0);
        };
        let (there, copied) = mem::copy_to_iter(pieces, len, to);
        if copied < there {
            return Err(EFAULT);
        }
        Ok(copied)
    }

    /// Takes the first `len` bytes from the queue.
    pub(crate) fn consume(mut self, len: usize) {
        let Some(head) = &mut *self.rx else {
            return;
        };
        let len = head.consume(len);
        let empty = head.pieces().next().is_none();
        let received = &self.stream.received;
        received.store(received.load(Relaxed).wrapping_add(len), Release);
        if empty {
            self.stream.shrink(&mut self.rx);
        }
    }
}

#[cfg(CONFIG_KUNIT = "y")]
mod tests;
