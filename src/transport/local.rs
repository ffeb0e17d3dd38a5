// SPDX-License-Identifier: GPL-2.0

//! The transport within one machine: a queue for each direction.

use super::{Side, Transport};
use crate::queue::Queue;
use kernel::prelude::*;

/// Two queues.
#[pin_data]
pub(crate) struct Local<Q> {
    #[pin]
    to_a: Q,
    #[pin]
    to_b: Q,
}

impl<Q: Queue> Local<Q> {
    /// A connection with nothing on its way.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            to_a <- Q::new(),
            to_b <- Q::new(),
        })
    }

    /// The queue of what is on its way to `side`.
    pub(crate) fn to(&self, side: Side) -> &Q {
        match side {
            Side::A => &self.to_a,
            Side::B => &self.to_b,
        }
    }
}

impl<Q: Queue> Transport for Local<Q> {
    fn queued(&self, to: Side) -> usize {
        self.to(to).bytes()
    }

    fn is_empty(&self, to: Side) -> bool {
        self.to(to).is_empty()
    }

    fn is_writable(&self, to: Side, limit: usize) -> bool {
        self.to(to).is_writable(limit)
    }

    fn is_shut(&self, to: Side) -> bool {
        self.to(to).is_shut()
    }

    fn shut(&self, to: Side) {
        self.to(to).shut()
    }

    fn discard(&self, to: Side) {
        self.to(to).discard()
    }

    fn trim(&self, to: Side) -> bool {
        self.to(to).trim()
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[kunit_tests(qsock_transport_local)]
mod tests {
    use super::*;
    use crate::queue::{marks::Merge, stream::Stream, NoRoom};
    use kernel::sync::Arc;

    struct Nothing;

    impl Merge for Nothing {
        fn merges(&self, _other: &Self) -> bool {
            true
        }
    }

    #[test]
    fn the_directions_are_apart() -> Result {
        let link = Arc::pin_init(Local::<Stream<Nothing>>::new(), GFP_KERNEL)?;

        link.shut(Side::A);
        assert!(link.is_shut(Side::A));
        assert!(!link.is_shut(Side::B));
        assert!(link.to(Side::A).try_reserve(1, 1, || {}).err() == Some(NoRoom::Shut));
        assert!(link.to(Side::B).try_reserve(1, 1, || {}).is_ok());
        assert_eq!(link.queued(Side::A) + link.queued(Side::B), 0);
        Ok(())
    }
}
