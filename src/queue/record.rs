// SPDX-License-Identifier: GPL-2.0

//! A queue of records: messages whose boundaries are kept.
//!
//! The bytes of the messages wait in one ring, and for each message a slot in
//! another says how many are its own and what goes with it. A sender reserves
//! room, fills it and commits; until then no reader sees anything of it. A
//! reader looks at the first message, and takes it only when it has copied all
//! that it wants. Each side holds its own mutex meanwhile; the sides never wait
//! for each other.
//!
//! There is no memory before the first message. It grows from small rings, of one
//! allocation each, to rings of doubling size, each message whole in one; more than an
//! empty queue keeps goes when the queue was not used for a while.

use super::{
    mem::{self, Head, Tail},
    usage::messages_max,
    Empty,
    NoRoom,
    Queue, //
};
use core::sync::atomic::{
    fence,
    AtomicBool,
    AtomicUsize,
    Ordering::{Acquire, Relaxed, Release, SeqCst}, //
};
use kernel::{
    alloc::AllocError,
    new_mutex,
    prelude::*,
    sync::Mutex, //
};

mod incoming;
mod plain;
mod room;

pub(crate) use incoming::Incoming;
use incoming::Place;
pub(crate) use room::Room;

/// The smallest rings but for small ones, and the largest that an empty queue keeps, in
/// bytes and in messages.
const BYTES_MIN: usize = 1 << 10;
const SLOTS_MIN: usize = 1 << 3;

/// The largest rings that are made to hold more than one message.
const BYTES_MAX: usize = 1 << 16;
const SLOTS_MAX: usize = 1 << 12;

/// What is known of a queued message.
pub(crate) struct Slot<A> {
    aux: A,
    /// No limit is larger.
    len: u32,
    /// A peek has seen it.
    peeked: bool,
    /// What the sender says of the message in one bit.
    mark: bool,
}

impl<A> Slot<A> {
    /// The bytes of the payload.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    /// What the sender said of the message.
    pub(crate) fn mark(&self) -> bool {
        self.mark
    }

    /// What goes with the payload.
    pub(crate) fn aux(&self) -> &A {
        &self.aux
    }

    /// What goes with the payload.
    pub(crate) fn aux_mut(&mut self) -> &mut A {
        &mut self.aux
    }
}

/// The ends of the two rings that senders write.
struct Tails<A> {
    bytes: Tail<u8>,
    slots: Tail<Slot<A>>,
}

impl<A> Tails<A> {
    /// Whether it is more than an empty queue is to keep for long.
    fn is_spare(&self) -> bool {
        self.bytes.size() > BYTES_MIN || self.slots.size() > SLOTS_MIN
    }
}

/// Those that readers read.
struct Heads<A> {
    bytes: Head<u8>,
    slots: Head<Slot<A>>,
}

/// What went in and came out since the beginning, modulo 2^64; each has one
/// writer, under its side's mutex.
struct Counts {
    bytes: AtomicUsize,
    messages: AtomicUsize,
}

impl Counts {
    const fn new() -> Self {
        Self {
            bytes: AtomicUsize::new(0),
            messages: AtomicUsize::new(0),
        }
    }

    #[inline(always)]
    fn add(&self, bytes: usize) {
        let add = |to: &AtomicUsize, n| to.store(to.load(Relaxed).wrapping_add(n), Release);
        add(&self.bytes, bytes);
        add(&self.messages, 1);
    }
}

/// A queue of messages, with any number of senders and readers.
///
/// `tx.is_none() == rx.is_none()`: both change under both mutexes.
#[pin_data]
pub(crate) struct Records<A> {
    // Lock order: `tx`, then `rx`. User memory is copied from and to under them,
    // under `tx` without page faults.
    #[pin]
    tx: Mutex<Option<Tails<A>>>,
    #[pin]
    rx: Mutex<Option<Heads<A>>>,
    sent: Counts,
    received: Counts,
    /// What was sent when somebody last looked whether memory may go.
    trimmed: AtomicUsize,
    shut: AtomicBool,
    /// Nobody receives any more. Who sets it looks for messages after it, who commits
    /// one looks for it after that, with a full barrier between: so one of them finds
    /// the other's.
    abandoned: AtomicBool,
}

impl<A: Send + Unpin> Records<A> {
    /// Whether there is more than one empty message.
    pub(crate) fn has_payload(&self) -> bool {
        self.bytes() > 0 || self.messages() > 1
    }

    /// The messages that wait.
    fn messages(&self) -> usize {
        let received = self.received.messages.load(Acquire);
        queued(self.sent.messages.load(Acquire), received)
    }

    /// Reserves room for a message of `len` bytes, so that no more than `limit`
    /// are queued. `grown` is called when there is more memory than an empty queue
    /// is to keep for long. Sleeps for other senders and for memory, not for room.
    pub(crate) fn try_reserve(
        &self,
        len: usize,
        limit: usize,
        grown: impl FnOnce(),
    ) -> Result<Room<'_, A>, NoRoom> {
        let mut tx = self.tx.lock();
        if self.is_shut() {
            return Err(NoRoom::Shut);
        }
        // Under the senders' mutex what was sent is exact, and no less than what
        // was received.
        let used = |sent: &AtomicUsize, received: &AtomicUsize| {
            sent.load(Relaxed).wrapping_sub(received.load(Acquire))
        };
        let bytes = used(&self.sent.bytes, &self.received.bytes);
        let messages = used(&self.sent.messages, &self.received.messages);
        // Always where three quarters are free, as poll(2) says.
        let fits = bytes.saturating_add(len) <= limit || bytes <= limit / 4;
        if !fits || messages >= messages_max(limit) {
            return Err(NoRoom::Full);
        }
        let ready = match &*tx {
            Some(tails) => tails.bytes.free() >= len && tails.slots.free() > 0,
            None => false,
        };
        if !ready {
            self.make_room(&mut tx, len).map_err(|_| NoRoom::NoMemory)?;
            if matches!(&*tx, Some(tails) if tails.is_spare()) {
                grown();
            }
        }
        Ok(Room::new(self, tx, len))
    }

    /// Sees to it that the newest rings have room for a message of `len` bytes.
    #[cold]
    fn make_room(&self, tx: &mut Option<Tails<A>>, len: usize) -> Result<(), AllocError> {
        let bytes_for = |last| mem::size_for::<u8>(len, last, BYTES_MIN..=BYTES_MAX);
        let slots_for = |last| mem::size_for::<Slot<A>>(1, last, SLOTS_MIN..=SLOTS_MAX);
        let Some(tails) = tx else {
            let (bytes, bytes_head) = mem::ring(bytes_for(0)?)?;
            let (slots, slots_head) = mem::ring(slots_for(0)?)?;
            *self.rx.lock() = Some(Heads {
                bytes: bytes_head,
                slots: slots_head,
            });
            *tx = Some(Tails { bytes, slots });
            return Ok(());
        };
        if tails.bytes.free() < len {
            tails.bytes.extend(bytes_for(tails.bytes.size())?)?;
        }
        if tails.slots.free() == 0 {
            tails.slots.extend(slots_for(tails.slots.size())?)?;
        }
        Ok(())
    }

    /// Looks at the first message, or, with an offset, at the one that the
    /// payload byte `skip` from the beginning is in. Sleeps for other readers,
    /// not for messages.
    pub(crate) fn try_read(&self, skip: Option<usize>) -> Result<Incoming<'_, A>, Empty> {
        let mut rx = self.rx.lock();
        // In this order: what was queued before the queue was shut counts.
        let empty = if self.is_shut() {
            Empty::Shut
        } else {
            Empty::Yet
        };
        let heads = (*rx).as_mut().ok_or(empty)?;
        let place = match skip {
            None => heads.slots.nth(0).map(|_| Place::default()),
            Some(skip) => heads.find(skip),
        };
        let place = place.ok_or(empty)?;
        Ok(Incoming::new(self, rx, place))
    }

    /// Whether there is no message, and none will come. Sleeps for readers.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.try_read(None), Err(Empty::Shut))
    }

    /// The bytes of the first message; 0 if there is none. Sleeps for readers.
    pub(crate) fn first_len(&self) -> usize {
        let first = self.try_read(None);
        first.map_or(0, |mut first| first.slot().map_or(0, |slot| slot.len()))
    }

    /// Shows `see` what goes with each message. Sleeps for readers.
    pub(crate) fn for_each(&self, mut see: impl FnMut(&A)) {
        if let Some(heads) = &*self.rx.lock() {
            let slots = heads.slots.pieces().flatten();
            slots.for_each(|slot| see(&slot.aux));
        }
    }

    /// Takes the first message, whatever it is. Sleeps for readers.
    fn pop(&self) -> Option<Slot<A>> {
        self.try_read(None).ok()?.take()
    }
}

/// What is queued of what was `sent`; a reader may be quicker than the writer's
/// count.
fn queued(sent: usize, received: usize) -> usize {
    let queued = sent.wrapping_sub(received);
    if queued > isize::MAX as usize {
        0
    } else {
        queued
    }
}

impl<A: Send + Unpin> Queue for Records<A> {
    // There is no memory before the first message.
    fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            tx <- new_mutex!(None, "queue::Records::tx"),
            rx <- new_mutex!(None, "queue::Records::rx"),
            sent: Counts::new(),
            received: Counts::new(),
            trimmed: AtomicUsize::new(0),
            shut: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
        })
    }

    fn bytes(&self) -> usize {
        let received = self.received.bytes.load(Acquire);
        queued(self.sent.bytes.load(Acquire), received)
    }

    fn is_empty(&self) -> bool {
        self.messages() == 0
    }

    fn is_writable(&self, limit: usize) -> bool {
        self.bytes() <= limit / 4 && self.messages() <= messages_max(limit) / 4
    }

    #[inline(always)]
    fn is_shut(&self) -> bool {
        self.shut.load(Acquire)
    }

    fn shut(&self) {
        self.shut.store(true, Release);
    }

    fn trim(&self) -> bool {
        // Who is at work needs the memory.
        let Some(mut tx) = self.tx.try_lock() else {
            return true;
        };
        if !matches!(&*tx, Some(tails) if tails.is_spare()) {
            return false;
        }
        let sent = self.sent.messages.load(Relaxed);
        if self.trimmed.swap(sent, Relaxed) != sent || self.messages() > 0 {
            return true;
        }
        let Some(mut rx) = self.rx.try_lock() else {
            return true;
        };
        *tx = None;
        *rx = None;
        false
    }

    fn discard(&self) {
        // One at a time: what a message holds may take any lock when it is
        // dropped.
        while let Some(slot) = self.pop() {
            drop(slot);
        }
        if let Some(mut tx) = self.tx.try_lock() {
            if tx.is_some() && self.messages() == 0 {
                *tx = None;
                *self.rx.lock() = None;
            }
        }
    }

    fn abandon(&self) {
        self.abandoned.store(true, Relaxed);
        fence(SeqCst);
        self.discard();
    }
}

#[cfg(CONFIG_KUNIT = "y")]
mod tests;
