// SPDX-License-Identifier: GPL-2.0

//! Policy: hooks that see every message before anybody else does.
//!
//! Owns: the hook interface ([`Hook`]), the chain of loaded hooks ([`chain`]) and
//! the built-in ones ([`builtin`]).
//!
//! Imports: the `kernel` crate. It knows no socket and no queue.
//!
//! Locks: none. The chain does not change once the module is loaded. Hooks run
//! in process context under the mutex of the queue's side that the message is
//! on; they may sleep, and must not send or receive.

pub(crate) mod builtin;
pub(crate) mod chain;

use kernel::prelude::*;

/// A message, as hooks see it: in kernel memory, where the sender cannot change
/// it any more and no receiver sees it yet.
pub(crate) struct Payload<'a>([&'a [u8]; 2]);

impl<'a> Payload<'a> {
    /// A message in up to two pieces.
    pub(crate) fn new(pieces: [&'a [u8]; 2]) -> Self {
        Self(pieces)
    }

    /// The bytes that a hook may look at.
    pub(crate) fn len(&self) -> usize {
        self.0[0].len() + self.0[1].len()
    }

    /// Whether the message begins with `prefix`.
    pub(crate) fn starts_with(&self, prefix: &[u8]) -> bool {
        let bytes = self.0.iter().flat_map(|piece| piece.iter());
        self.len() >= prefix.len() && bytes.zip(prefix).all(|(a, b)| a == b)
    }
}

/// What a hook says of an operation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Go on.
    Allow,
    /// Refuse with this error; nothing happens.
    Deny(Error),
}

/// A point of decision in every operation. A method that a hook does not have
/// allows.
pub(crate) trait Hook: Send + Sync {
    /// A message is about to become visible to the receiver.
    fn sendmsg(&self, _message: &Payload<'_>) -> Verdict {
        Verdict::Allow
    }

    /// What was received is about to be copied to the receiver. It stays in the
    /// queue if this refuses.
    fn recvmsg(&self, _message: &Payload<'_>) -> Verdict {
        Verdict::Allow
    }
}
