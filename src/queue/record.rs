// SPDX-License-Identifier: GPL-2.0

//! A queue of records: messages whose boundaries are kept.
//!
//! A sender fills a message in memory of its own and then gives it to the
//! queue, so that one that faults while it copies holds up nobody. A reader
//! holds the readers' mutex while it looks at the first message, and takes it
//! only when it has copied all that it wants.

use super::{usage::Usage, Empty, NoRoom, Queue};
use kernel::{
    alloc::flags::*,
    iov::IovIterSource,
    new_mutex,
    prelude::*,
    rbtree::{RBTree, RBTreeNodeReservation},
    sync::{
        atomic::{Acquire, Atomic, Release},
        lock::{mutex::MutexBackend, Guard},
        Mutex, //
    }, //
};

/// A message: its payload, and what goes with it.
pub(crate) struct Message<A> {
    bytes: KVVec<u8>,
    aux: A,
    /// A peek has seen it.
    peeked: bool,
}

impl<A> Message<A> {
    /// The payload.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes of the payload.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Cuts the payload off behind `len` bytes.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
    }

    /// What goes with the payload.
    pub(crate) fn aux_mut(&mut self) -> &mut A {
        &mut self.aux
    }
}

/// A message that is no queue's yet, and the memory for its place in one.
pub(crate) struct Parcel<A> {
    message: Message<A>,
    place: RBTreeNodeReservation<u64, Message<A>>,
}

impl<A> Parcel<A> {
    /// Fills a message with all of `from`. May fault, and so sleep.
    ///
    /// The memory is charged to the current task's memory cgroup.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EFAULT` if not all of it can be read.
    pub(crate) fn new(from: &mut IovIterSource<'_>, aux: A) -> Result<Self> {
        let flags = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
        let place = RBTreeNodeReservation::new(flags)?;
        let mut bytes = KVVec::new();
        let len = from.len();
        if from.copy_from_iter_vec(&mut bytes, flags)? < len {
            return Err(EFAULT);
        }
        let peeked = false;
        Ok(Self {
            message: Message { bytes, aux, peeked },
            place,
        })
    }

    /// The message.
    pub(crate) fn message(&self) -> &Message<A> {
        &self.message
    }

    /// The message.
    pub(crate) fn message_mut(&mut self) -> &mut Message<A> {
        &mut self.message
    }
}

type Tree<A> = RBTree<u64, Message<A>>;

/// The messages that senders left, in the order of their numbers.
struct Inbound<A> {
    tree: Tree<A>,
    next: u64,
}

/// A queue of messages, with any number of senders and readers.
#[pin_data]
pub(crate) struct Records<A> {
    // Lock order: `rx`, then `inbound`. User memory is copied to under `rx`.
    /// What readers took over from the senders, all older than `inbound`'s.
    #[pin]
    rx: Mutex<Tree<A>>,
    #[pin]
    inbound: Mutex<Inbound<A>>,
    usage: Usage,
    shut: Atomic<bool>,
}

impl<A: Send + Unpin> Records<A> {
    /// Whether there is more than one empty message.
    pub(crate) fn has_payload(&self) -> bool {
        self.usage.bytes() > 0 || self.usage.messages() > 1
    }

    /// Queues a message, so that no more than `limit` bytes are; on failure
    /// gives it back. Sleeps for other senders, not for room.
    pub(crate) fn try_push(
        &self,
        parcel: Parcel<A>,
        limit: usize,
    ) -> Result<(), (NoRoom, Parcel<A>)> {
        let mut inbound = self.inbound.lock();
        if self.is_shut() {
            return Err((NoRoom::Shut, parcel));
        }
        if !self.usage.try_charge(parcel.message.len(), limit) {
            return Err((NoRoom::Full, parcel));
        }
        let node = parcel.place.into_node(inbound.next, parcel.message);
        inbound.tree.insert(node);
        // OVERFLOW: It takes centuries to count so far.
        inbound.next += 1;
        Ok(())
    }

    /// Takes over what senders left.
    fn pull(&self, rx: &mut Tree<A>) {
        let mut inbound = self.inbound.lock();
        if rx.is_empty() {
            core::mem::swap(rx, &mut inbound.tree);
            return;
        }
        while let Some(front) = inbound.tree.cursor_front_mut() {
            let (_, node) = front.remove_current();
            rx.insert(node);
        }
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
        if rx.is_empty() || skip.is_some() {
            self.pull(&mut rx);
        }
        let mut skip_left = skip.unwrap_or(0);
        let mut found = None;
        for (number, message) in &*rx {
            let passed = skip_left >= message.len() && (skip_left > 0 || message.peeked);
            if skip.is_some() && passed {
                skip_left -= message.len();
                continue;
            }
            found = Some(*number);
            break;
        }
        match found {
            Some(number) => Ok(Incoming {
                records: self,
                rx,
                number,
                skip: skip_left,
            }),
            None => Err(empty),
        }
    }

    /// The bytes of the first message; 0 if there is none. Sleeps for readers.
    pub(crate) fn first_len(&self) -> usize {
        let first = self.try_read(None);
        first.map_or(0, |first| first.message().map_or(0, Message::len))
    }

    /// Shows `see` what goes with each message. Sleeps for readers.
    pub(crate) fn for_each(&self, mut see: impl FnMut(&A)) {
        let rx = self.rx.lock();
        let inbound = self.inbound.lock();
        for tree in [&*rx, &inbound.tree] {
            tree.values().for_each(|message| see(&message.aux));
        }
    }
}

impl<A: Send + Unpin> Queue for Records<A> {
    fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            rx <- new_mutex!(RBTree::new(), "queue::Records::rx"),
            inbound <- new_mutex!(
                Inbound {
                    tree: RBTree::new(),
                    next: 0,
                },
                "queue::Records::inbound"
            ),
            usage: Usage::new(),
            shut: Atomic::new(false),
        })
    }

    fn bytes(&self) -> usize {
        self.usage.bytes()
    }

    fn is_empty(&self) -> bool {
        self.usage.messages() == 0
    }

    fn is_writable(&self, limit: usize) -> bool {
        self.usage.is_writable(limit)
    }

    fn is_shut(&self) -> bool {
        self.shut.load(Acquire)
    }

    fn shut(&self) {
        self.shut.store(true, Release);
    }

    fn discard(&self) {
        let mut rx = self.rx.lock();
        self.pull(&mut rx);
        let gone = core::mem::replace(&mut *rx, RBTree::new());
        for message in gone.values() {
            self.usage.uncharge(message.len());
        }
        drop(rx);
        // What the messages hold may take any lock when it is dropped.
        drop(gone);
    }
}

/// One queued message, for one reader.
pub(crate) struct Incoming<'a, A> {
    records: &'a Records<A>,
    rx: Guard<'a, Tree<A>, MutexBackend>,
    number: u64,
    skip: usize,
}

impl<A: Send + Unpin> Incoming<'_, A> {
    /// The message.
    pub(crate) fn message(&self) -> Option<&Message<A>> {
        self.rx.get(&self.number)
    }

    /// The message.
    pub(crate) fn message_mut(&mut self) -> Option<&mut Message<A>> {
        self.rx.get_mut(&self.number)
    }

    /// The payload from the offset on that the reader asked for.
    pub(crate) fn bytes(&self) -> &[u8] {
        let bytes = self.message().map(Message::bytes).unwrap_or_default();
        bytes.get(self.skip..).unwrap_or_default()
    }

    /// Remembers that a peek has seen the message.
    pub(crate) fn set_peeked(&mut self) {
        if let Some(message) = self.rx.get_mut(&self.number) {
            message.peeked = true;
        }
    }

    /// Takes the message from the queue.
    pub(crate) fn take(mut self) -> Option<Message<A>> {
        let node = self.rx.remove_node(&self.number)?;
        let (_, message) = node.to_key_value();
        // What it holds is dropped by the caller, not under the mutex.
        self.records.usage.uncharge(message.len());
        Some(message)
    }
}

#[cfg(CONFIG_KUNIT = "y")]
mod tests;
