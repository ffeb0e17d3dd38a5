// SPDX-License-Identifier: GPL-2.0

//! A queue of bytes in one direction.
//!
//! A writer reserves room, fills it and commits; until then no reader sees
//! anything of it. A reader looks at what is there, and consumes what it took.
//! Each side holds its own mutex meanwhile, so that what one call writes is
//! contiguous; the sides never wait for each other.
//!
//! There is no memory before the first byte ([`memory`] has where it comes from).

use super::{
    bytes,
    marks::{Marks, Merge},
    mem::{Front, Head, Tail},
    usage::messages_max,
    Check,
    Empty,
    NoRoom,
    Queue, //
};
use core::{
    cmp,
    sync::atomic::{
        fence,
        AtomicBool,
        AtomicU8,
        AtomicUsize,
        Ordering::{Acquire, Relaxed, Release, SeqCst}, //
    }, //
};
use kernel::{
    iov::{IovIterDest, IovIterSource},
    new_mutex,
    prelude::*,
    sync::Mutex, //
};

mod incoming;
mod memory;
mod reservation;

pub(crate) use incoming::{Incoming, Next, Span};
pub(crate) use reservation::Reservation;

/// The most that moves in one step, in bytes: the other side need not wait for more.
const STEP: usize = 1 << 16;

/// Writes of at most so many bytes are never split, as PIPE_BUF for pipes, unless
/// three quarters of the limit are less.
const ATOMIC: usize = 1 << 12;

/// Nothing is taken in any more.
const SHUT: u8 = 1;

/// There are marks. This and the next are written under their mutex.
const MARKED: u8 = 2;

/// A byte is out of band, and was not received.
const URGENT: u8 = 4;

/// The ring may hold more than a [`STEP`]. Written under the writers' mutex.
const LARGE: u8 = 8;

/// Nobody reads any more. Who sets it looks for marks after it, who leaves a mark looks
/// for it after that, with a full barrier between: so one of them finds the other's.
const ABANDONED: u8 = 16;

/// A queue of bytes, with any number of writers and readers.
///
/// `tx.is_none() == rx.is_none()`: both change under both mutexes.
#[pin_data]
pub(crate) struct Stream<A> {
    // Lock order: `tx`, then `rx`, then `marks`. Copies from and to user memory
    // happen under either of the first two. A reader that wants `tx` only tries.
    #[pin]
    tx: Mutex<Option<Tail<u8>>>,
    #[pin]
    rx: Mutex<Option<Head<u8>>>,
    /// Bytes committed and consumed since the beginning, modulo 2^64; each has
    /// one writer, under its side's mutex.
    sent: AtomicUsize,
    received: AtomicUsize,
    /// What was sent when somebody last looked whether memory may go.
    trimmed: AtomicUsize,
    /// [`SHUT`], [`MARKED`], [`URGENT`], [`LARGE`], [`ABANDONED`].
    flags: AtomicU8,
    /// Whether bytes ever lay elsewhere, so that who meets a mark need not ask each;
    /// written under the writers' mutex.
    lends: AtomicBool,
    #[pin]
    marks: Mutex<Marks<A>>,
    /// How many marks there are; written under their mutex.
    marked: AtomicUsize,
    /// The bytes that no read will return; written as `marked`.
    holes: AtomicUsize,
}

impl<A: Send + Unpin + Merge> Stream<A> {
    /// Whether there is a byte out of band that was not received.
    #[inline(always)]
    pub(crate) fn is_urgent(&self) -> bool {
        self.flags.load(Acquire) & URGENT != 0
    }

    // Relaxed, in these two: poll(2) alone asks, for a hint. No wake-up is lost by it, since
    // who polls has joined the queue, which is a barrier, was woken, or found with
    // Acquire that somebody else had joined it.

    /// Whether the queue is open, and all bytes in it are like any other.
    #[inline(always)]
    pub(crate) fn is_plain(&self) -> bool {
        self.flags.load(Relaxed) & !LARGE == 0
    }

    /// Whether all that was sent was received.
    #[inline(always)]
    pub(crate) fn is_unused(&self) -> bool {
        self.received.load(Relaxed) == self.sent.load(Relaxed)
    }

    /// The bytes in a queue that [`Self::is_plain`]; less than nothing while a reader
    /// is quicker than the writer's count.
    #[inline(always)]
    pub(crate) fn plain_bytes(&self) -> isize {
        let received = self.received.load(Acquire);
        self.sent.load(Acquire).wrapping_sub(received) as isize
    }

    /// Whether no byte is there but those that no read will return.
    pub(crate) fn has_holes_only(&self) -> bool {
        self.is_empty() && self.used() > 0
    }

    /// The bytes that are committed and not consumed.
    #[inline(always)]
    fn used(&self) -> usize {
        usize::try_from(self.plain_bytes()).unwrap_or(0)
    }

    /// Queues `len` bytes of `from` at once if there is room for them, and no byte
    /// that is queued has anything beside it: what most writes find. `check` sees
    /// them first; `grown` is as for [`Self::try_reserve`]. Returns `None` if it is
    /// not as easy as that, and then nothing has happened. Sleeps as that, and may
    /// fault.
    ///
    /// # Errors
    ///
    /// `EFAULT` if not all of them can be read; `EPIPE` if the queue was shut while
    /// they were; what `check` returns.
    #[inline(always)]
    pub(crate) fn try_write(
        &self,
        from: &mut IovIterSource<'_>,
        len: usize,
        limit: usize,
        check: impl Copy + Check,
        grown: impl FnOnce(),
    ) -> Option<Result> {
        let mut tx = self.tx.lock();
        // Under the writers' mutex what was sent is exact, and no less than what
        // was received.
        let sent = self.sent.load(Relaxed);
        let used = sent.wrapping_sub(self.received.load(Acquire));
        // OVERFLOW: Neither is as large as the address space.
        let flags = self.flags.load(Acquire);
        if flags != 0 && !memory::may_step(flags, len) || used.wrapping_add(len) > limit {
            return None;
        }
        let count = || self.sent.store(sent.wrapping_add(len), Release);
        let tail = (*tx).as_mut();
        let written = tail.and_then(|tail| bytes::write(tail, len, from, check, || self.is_shut()));
        let written = match written {
            // By itself: what may fail is not looked at twice.
            Some(Ok(())) => {
                count();
                return Some(Ok(()));
            }
            Some(failed) => failed,
            None => self.write_in_new_room(&mut tx, from, len, check, grown)?,
        };
        Some(written.map(|()| count()).map_err(Error::from))
    }

    /// Reserves room for up to `len` bytes, at least 1, so that no more than
    /// `limit` are queued. With `beyond` they need not all fit: where there is room for
    /// a part, as many are taken as go in one step. `grown` is called when there is more
    /// memory than an empty queue is to keep for long. Sleeps for other writers and
    /// for memory, not for room.
    pub(crate) fn try_reserve(
        &self,
        len: usize,
        limit: usize,
        beyond: bool,
        grown: impl FnOnce(),
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
        let most = if beyond { STEP } else { cmp::min(room, STEP) };
        let len = cmp::min(len, most);
        let len = self
            .make_room(&mut tx, len, grown)
            .ok_or(NoRoom::NoMemory)?;
        Ok(Reservation::new(self, tx, len))
    }

    /// Receives `len` bytes that are queued, or all that there are if that is
    /// `enough`, if they lie together and have nothing beside them: what most reads
    /// find. `check` sees them first. Returns `None` if it is not as easy as that,
    /// and then nothing has happened. Sleeps for other readers, and may fault.
    ///
    /// # Errors
    ///
    /// `EFAULT` if not all of them can be written, and then none is received;
    /// what `check` returns.
    #[inline(always)]
    pub(crate) fn try_read(
        &self,
        to: &mut IovIterDest<'_>,
        len: usize,
        enough: impl FnOnce(usize) -> bool,
        check: impl Check,
    ) -> Option<Result<usize>> {
        let mut rx = self.rx.lock();
        let is_easy = |front: &Front<'_, u8>| {
            // After the bytes: the mark of one that is seen is seen too.
            let flags = self.flags.load(Acquire);
            let (found, all) = (front.len(), front.len() == len);
            (flags & (MARKED | LARGE) == 0 || flags & MARKED == 0 && found <= STEP)
                && (all || found > 0 && !front.is_left() && enough(found))
        };
        let read = bytes::read((*rx).as_mut()?, len, is_easy, to, check, &())?;
        if let Ok(len) = read {
            self.count_received(len);
        }
        Some(read)
    }

    /// Looks at what is queued. Sleeps for other readers, not for bytes.
    #[inline]
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

    /// Whether there is no byte, not even one that no read will return, and none will
    /// come. Sleeps for readers.
    pub(crate) fn has_ended(&self) -> bool {
        let incoming = self.read();
        matches!(incoming.empty, Empty::Shut) && incoming.is_empty()
    }

    /// Counts bytes that the holder of the readers' mutex consumed.
    #[inline(always)]
    fn count_received(&self, len: usize) {
        let received = self.received.load(Relaxed);
        self.received.store(received.wrapping_add(len), Release);
    }

    /// Changes the marks, and what is read of them without their mutex.
    fn with_marks<R>(&self, change: impl FnOnce(&mut Marks<A>) -> R) -> R {
        let mut marks = self.marks.lock();
        let result = change(&mut marks);
        self.marked.store(marks.count(), Release);
        self.holes.store(marks.holes(), Relaxed);
        let marked = if marks.count() > 0 { MARKED } else { 0 };
        let urgent = marks.urgent().map_or(0, |_| URGENT);
        let changed = (self.flags.load(Relaxed) & (MARKED | URGENT)) ^ (marked | urgent);
        if changed != 0 {
            self.flags.fetch_xor(changed, Release);
        }
        result
    }

    /// Shows `see` what goes with each mark. Sleeps for readers.
    pub(crate) fn for_each(&self, see: impl FnMut(&A)) {
        self.marks.lock().for_each(see)
    }
}

impl<A: Send + Unpin + Merge> Queue for Stream<A> {
    // There is no memory before the first byte.
    fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            tx <- new_mutex!(None, "queue::Stream::tx"),
            rx <- new_mutex!(None, "queue::Stream::rx"),
            sent: AtomicUsize::new(0),
            received: AtomicUsize::new(0),
            trimmed: AtomicUsize::new(0),
            flags: AtomicU8::new(0),
            lends: AtomicBool::new(false),
            marks <- new_mutex!(Marks::new(), "queue::Stream::marks"),
            marked: AtomicUsize::new(0),
            holes: AtomicUsize::new(0),
        })
    }

    // But for the bytes that were received out of band.
    #[inline(always)]
    fn bytes(&self) -> usize {
        self.used().saturating_sub(self.holes.load(Relaxed))
    }

    fn is_empty(&self) -> bool {
        self.bytes() == 0
    }

    #[inline(always)]
    fn is_writable(&self, limit: usize) -> bool {
        let marked = self.marked.load(Relaxed);
        self.bytes() <= limit / 4 && (marked == 0 || marked <= messages_max(limit) / 4)
    }

    #[inline(always)]
    fn is_shut(&self) -> bool {
        self.flags.load(Acquire) & SHUT != 0
    }

    fn shut(&self) {
        self.flags.fetch_or(SHUT, Release);
    }

    fn trim(&self) -> bool {
        // Who is at work needs the memory.
        let Some(mut tx) = self.tx.try_lock() else {
            return true;
        };
        if !memory::is_spare(&tx) {
            return false;
        }
        let sent = self.sent.load(Relaxed);
        if self.trimmed.swap(sent, Relaxed) != sent || self.used() > 0 {
            return true;
        }
        let Some(mut rx) = self.rx.try_lock() else {
            return true;
        };
        self.let_go(&mut tx, &mut rx);
        false
    }

    fn discard(&self) {
        if self.used() > 0 {
            let mut incoming = self.read();
            incoming.consume_bytes(usize::MAX);
            let gone = self.with_marks(Marks::clear);
            drop(incoming);
            // What the marks hold may take any lock when it is dropped.
            drop(gone);
        }
        if let Some(mut tx) = self.tx.try_lock() {
            if tx.is_some() && self.used() == 0 {
                self.let_go(&mut tx, &mut self.rx.lock());
            }
        }
    }

    fn abandon(&self) {
        self.flags.fetch_or(ABANDONED, Relaxed);
        fence(SeqCst);
        self.discard();
    }
}

#[cfg(CONFIG_KUNIT = "y")]
mod tests;
