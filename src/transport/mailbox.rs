// SPDX-License-Identifier: GPL-2.0

//! The transport from many to one: the queue of who receives, who is heard, and
//! whether anybody will receive at all.

use super::Transport;
use crate::queue::Queue;
use core::{
    num::NonZeroUsize,
    sync::atomic::{
        AtomicBool,
        AtomicUsize,
        Ordering::{Acquire, Relaxed, Release}, //
    }, //
};
use kernel::prelude::*;

/// Who is heard where everybody is: no sender has that number.
const ANYBODY: usize = 0;

/// A queue that many send to.
#[pin_data]
pub(crate) struct Mailbox<Q> {
    #[pin]
    queue: Q,
    /// The number of the only sender that is heard, or [`ANYBODY`].
    only: AtomicUsize,
    /// Nobody receives any more.
    closed: AtomicBool,
}

impl<Q: Queue> Mailbox<Q> {
    /// An empty one, open to all.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            queue <- Q::new(),
            only: AtomicUsize::new(ANYBODY),
            closed: AtomicBool::new(false),
        })
    }

    /// The queue.
    #[inline(always)]
    pub(crate) fn queue(&self) -> &Q {
        &self.queue
    }

    /// Hears the sender of this number alone from now on, or everybody. What is
    /// there already stays.
    pub(crate) fn hear_only(&self, sender: Option<NonZeroUsize>) {
        self.only
            .store(sender.map_or(ANYBODY, NonZeroUsize::get), Relaxed);
    }

    /// Whether the sender of this number is heard.
    #[inline(always)]
    pub(crate) fn hears(&self, sender: NonZeroUsize) -> bool {
        let only = self.only.load(Relaxed);
        only == ANYBODY || only == sender.get()
    }

    /// Nobody receives any more: ends what is sent; what is there stays. Does not
    /// sleep.
    pub(crate) fn close(&self) {
        // First: who finds the queue shut finds out why.
        self.closed.store(true, Release);
        self.queue.shut();
    }

    /// Whether nobody receives any more.
    #[inline(always)]
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Acquire)
    }
}

impl<Q: Queue> Transport for Mailbox<Q> {
    type To = ();

    fn queued(&self, (): ()) -> usize {
        self.queue.bytes()
    }

    fn is_empty(&self, (): ()) -> bool {
        self.queue.is_empty()
    }

    fn is_writable(&self, (): (), limit: usize) -> bool {
        self.queue.is_writable(limit)
    }

    fn is_shut(&self, (): ()) -> bool {
        self.queue.is_shut()
    }

    fn shut(&self, (): ()) {
        self.queue.shut()
    }

    fn abandon(&self, (): ()) {
        self.queue.abandon()
    }

    fn trim(&self, (): ()) -> bool {
        self.queue.trim()
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[kunit_tests(qsock_transport_mailbox)]
mod tests {
    use super::*;
    use crate::queue::record::Records;
    use kernel::sync::Arc;

    fn mailbox() -> Result<Arc<Mailbox<Records<()>>>> {
        Arc::pin_init(Mailbox::new(), GFP_KERNEL)
    }

    #[test]
    fn one_is_heard_or_all() -> Result {
        let (one, other) = (NonZeroUsize::MIN, NonZeroUsize::MAX);
        let mailbox = mailbox()?;

        assert!(mailbox.hears(one) && mailbox.hears(other));
        mailbox.hear_only(Some(one));
        assert!(mailbox.hears(one) && !mailbox.hears(other));
        mailbox.hear_only(None);
        assert!(mailbox.hears(one) && mailbox.hears(other));
        Ok(())
    }

    #[test]
    fn what_is_closed_is_shut() -> Result {
        let mailbox = mailbox()?;

        mailbox.shut(());
        assert!(mailbox.is_shut(()) && !mailbox.is_closed());
        mailbox.close();
        assert!(mailbox.is_shut(()) && mailbox.is_closed());
        Ok(())
    }
}
