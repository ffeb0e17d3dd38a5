// SPDX-License-Identifier: GPL-2.0

//! Transports: what carries bytes from one end of a connection to the other.
//!
//! Owns: the interface between sockets and queues ([`Transport`]) and the
//! transport within one machine ([`local`]).
//!
//! Imports: `queue`. It knows no socket and no policy.
//!
//! Locks: none of its own; a [`Reservation`] and an [`Incoming`] hold those of the
//! queue that they are for.
//!
//! No method waits for the other end: what cannot be done now is refused, with
//! the reason, and the caller decides whether to wait. They may sleep for
//! memory, and for another call that is copying on the same side.

pub(crate) mod local;

use crate::queue::stream::{Empty, Incoming, NoRoom, Reservation};

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

/// What carries bytes between the two ends of one connection.
pub(crate) trait Transport: Send + Sync {
    /// Reserves room for up to `len` bytes from `from`, at least one, so that no
    /// more than `limit` are on their way. A write of at most 4096 bytes is not
    /// split.
    fn try_send(&self, from: Side, len: usize, limit: usize) -> Result<Reservation<'_>, NoRoom>;

    /// Looks at what has come in at `to`.
    fn try_recv(&self, to: Side) -> Result<Incoming<'_>, Empty>;

    /// The bytes on their way to `to`.
    fn queued(&self, to: Side) -> usize;

    /// Whether nothing will be sent to `to` any more.
    fn is_shut(&self, to: Side) -> bool;

    /// Ends what is sent to `to`; what is on its way stays.
    fn shut(&self, to: Side);

    /// Lets everything go that is on its way to `to`.
    fn discard(&self, to: Side);
}
