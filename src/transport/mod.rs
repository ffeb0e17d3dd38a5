// SPDX-License-Identifier: GPL-2.0

//! Transports: what carries messages from who sends to who receives.
//!
//! Owns: the interface between sockets and queues ([`Transport`]) and the
//! transports within one machine: between the two ends of a connection ([`local`]),
//! and from many senders to one receiver ([`mailbox`]).
//!
//! Imports: `queue`. It knows no socket and no policy.
//!
//! Locks: none of its own; what is reserved and looked at holds those of the
//! queue that it is in.
//!
//! No method waits for the other end: what cannot be done now is refused, with
//! the reason, and the caller decides whether to wait. They may sleep for
//! memory, and for another call that is copying on the same side.

pub(crate) mod local;
pub(crate) mod mailbox;

/// One of the two ends of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The one that connected, or the first of a pair.
    A,
    /// The one that accepted, or the second of a pair.
    B,
}

impl Side {
    /// The other end.
    pub(crate) fn peer(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// What carries messages, whatever kind of messages they are.
pub(crate) trait Transport: Send + Sync {
    /// What says to whom: an end of a connection, or nothing where there is one
    /// receiver.
    type To: Copy;

    /// The payload bytes on their way to `to`.
    fn queued(&self, to: Self::To) -> usize;

    /// Whether nothing that a receive would return is on its way to `to`.
    fn is_empty(&self, to: Self::To) -> bool;

    /// Whether so little is on its way to `to`, under a limit of `limit` bytes,
    /// that poll(2) says writable at the other end.
    fn is_writable(&self, to: Self::To, limit: usize) -> bool;

    /// Whether nothing will be sent to `to` any more.
    fn is_shut(&self, to: Self::To) -> bool;

    /// Ends what is sent to `to`; what is on its way stays.
    fn shut(&self, to: Self::To);

    /// Lets everything go that is on its way to `to`, who is there no more: see
    /// [`Queue::abandon`](crate::queue::Queue::abandon).
    fn abandon(&self, to: Self::To);

    /// Gives back memory for what is on its way to `to`: see
    /// [`Queue::trim`](crate::queue::Queue::trim).
    fn trim(&self, to: Self::To) -> bool;
}
