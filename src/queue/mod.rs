// SPDX-License-Identifier: GPL-2.0

//! The queues: memory and order of what is sent.
//!
//! Owns: the memory that bytes wait in ([`mem`], the only file here that may say
//! `unsafe`) and how they are copied ([`bytes`]), the order in which they come out
//! ([`stream`], with its [`marks`]; [`record`]) and how much of a limit they use
//! ([`usage`]). What goes with a message is the caller's type, which no queue looks
//! into.
//!
//! Imports: the `kernel` crate. It knows no socket and no policy.
//!
//! Locks: [`stream::Stream`] has one mutex for its writers, one for its readers
//! and one for its marks, in that order; [`record::Records`] one for its senders
//! and one for its readers, in that order. Under those of readers and
//! marks the caller's type is shown or dropped, which may take its locks;
//! nothing else is taken but what a page fault takes.

mod bytes;
pub(crate) mod marks;
#[allow(unsafe_code)]
mod mem;
pub(crate) mod record;
pub(crate) mod stream;
pub(crate) mod usage;

pub(crate) use bytes::Check;

use pin_init::PinInit;

/// What every queue has, whatever it carries.
pub(crate) trait Queue: Send + Sync + Sized {
    /// An empty queue.
    fn new() -> impl PinInit<Self>;

    /// The payload bytes that wait.
    fn bytes(&self) -> usize;

    /// Whether nothing waits that a receive would return.
    fn is_empty(&self) -> bool;

    /// Whether a quarter of a limit of `limit` bytes is in use at most.
    fn is_writable(&self, limit: usize) -> bool;

    /// Whether the queue was shut.
    fn is_shut(&self) -> bool;

    /// Shuts the queue: nothing is taken in any more, and what is there is the
    /// last. Does not sleep.
    fn shut(&self);

    /// Lets everything go that waits. Sleeps for readers.
    fn discard(&self);

    /// As [`Self::discard`], because nobody will receive any more: what has ancillary
    /// data and is just being committed goes too. The queue was shut before.
    fn abandon(&self);

    /// Gives back memory that an empty queue need not keep, if nothing went
    /// through it since the last call. Returns whether there may be some to give
    /// back later. Does not sleep.
    fn trim(&self) -> bool;
}

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
