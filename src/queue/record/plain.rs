// SPDX-License-Identifier: GPL-2.0

//! The short ways into [`Records`] and out, in one step each.

use super::{
    super::{
        bytes::{self, Unwritten},
        usage::messages_max,
        Check,
        Queue, //
    },
    Heads,
    Records,
    Slot,
    Tails, //
};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use kernel::{
    iov::{IovIterDest, IovIterSource},
    prelude::*, //
};

/// A message whose bytes were received.
pub(crate) struct Taken<A> {
    pub(crate) len: usize,
    pub(crate) mark: bool,
    pub(crate) aux: A,
}

impl<A: Send + Unpin> Records<A> {
    /// Queues a message of `len` bytes of `from` at once if there is room and memory
    /// for it, with what `aux` makes; `check` sees it first. Returns `None` if it
    /// is not as easy as that, or not all of it could be read: then nothing is
    /// queued. Sleeps for other senders; the caller sees to it that nothing faults
    /// that sleeps.
    ///
    /// # Errors
    ///
    /// What `check` returns.
    #[inline(always)]
    pub(crate) fn try_write(
        &self,
        from: &mut IovIterSource<'_>,
        len: usize,
        limit: usize,
        check: impl Check,
        mark: bool,
        aux: impl FnOnce() -> A,
    ) -> Option<Result> {
        let mut tx = self.tx.lock();
        let bytes = self.sent.bytes.load(Relaxed).wrapping_add(len);
        let messages = self.sent.messages.load(Relaxed);
        // Exact under the senders' mutex, as in `try_reserve()`.
        let queued_bytes = bytes.wrapping_sub(self.received.bytes.load(Acquire));
        let queued = messages.wrapping_sub(self.received.messages.load(Acquire));
        if queued_bytes > limit || queued >= messages_max(limit) || self.is_shut() {
            return None;
        }
        let Tails { bytes: to, slots } = (*tx).as_mut()?;
        let place = slots.room(1)?;
        // The bytes first: who sees the slot must see them.
        match bytes::write(to, len, from, check, || false)? {
            Ok(()) => {}
            Err(Unwritten::Fault) => return None,
            Err(Unwritten::Refused(error)) => return Some(Err(error)),
        }
        place.put(Slot {
            aux: aux(),
            // BOUNDS: Less than the limit.
            len: len as u32,
            peeked: false,
            mark,
        });
        self.sent.bytes.store(bytes, Release);
        self.sent.messages.store(messages.wrapping_add(1), Release);
        Some(Ok(()))
    }

    /// Receives the first message if it has at most `max` bytes and `is_plain` holds
    /// of what goes with it; `check` sees it first. Returns `None` if it is not as
    /// easy as that, and then nothing has happened. Sleeps for other readers, and
    /// may fault.
    ///
    /// # Errors
    ///
    /// `EFAULT` if not all of it can be written; what `check` returns. The message
    /// stays then.
    #[inline(always)]
    pub(crate) fn try_take(
        &self,
        to: &mut IovIterDest<'_>,
        max: usize,
        is_plain: impl FnOnce(&A) -> bool,
        check: impl Check<A>,
    ) -> Option<Result<Taken<A>>> {
        let mut rx = self.rx.lock();
        let Heads { bytes, slots } = (*rx).as_mut()?;
        let first = slots.first()?;
        let slot = first.get()?;
        let len = slot.len();
        if len > max || !is_plain(&slot.aux) {
            return None;
        }
        if let Err(error) =
            bytes::read(bytes, len, |front| front.len() == len, to, check, &slot.aux)?
        {
            return Some(Err(error));
        }
        let slot = first.take()?;
        self.received.add(len);
        Some(Ok(Taken {
            len,
            mark: slot.mark,
            aux: slot.aux,
        }))
    }
}
