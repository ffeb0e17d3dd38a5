// SPDX-License-Identifier: GPL-2.0

//! The transport between the two ends of a connection: a queue for each direction.

use super::{Side, Transport};
use crate::queue::Queue;
use kernel::prelude::*;

/// What belongs to one end. It lies together, because each message looks at both.
#[pin_data]
pub(crate) struct Way<Q, E> {
    /// The queue of what is on its way to it.
    #[pin]
    pub(crate) queue: Q,
    /// What the other end sees of it.
    pub(crate) end: E,
}

impl<Q: Queue, E> Way<Q, E> {
    fn new(end: E) -> impl PinInit<Self> {
        pin_init!(Self {
            queue <- Q::new(),
            end,
        })
    }
}

/// Two queues, and two ends of which the transport knows nothing.
#[pin_data]
pub(crate) struct Local<Q, E = ()> {
    #[pin]
    a: Way<Q, E>,
    #[pin]
    b: Way<Q, E>,
}

impl<Q: Queue, E> Local<Q, E> {
    /// A connection of two ends with nothing on its way.
    pub(crate) fn new(a: E, b: E) -> impl PinInit<Self> {
        pin_init!(Self {
            a <- Way::new(a),
            b <- Way::new(b),
        })
    }

    /// The way to `side`.
    #[inline(always)]
    pub(crate) fn way(&self, side: Side) -> &Way<Q, E> {
        match side {
            Side::A => &self.a,
            Side::B => &self.b,
        }
    }

    /// The way to `side`, and the one back.
    #[inline(always)]
    pub(crate) fn ways(&self, side: Side) -> [&Way<Q, E>; 2] {
        match side {
            Side::A => [&self.a, &self.b],
            Side::B => [&self.b, &self.a],
        }
    }

    /// The queue of what is on its way to `side`.
    #[inline(always)]
    pub(crate) fn to(&self, side: Side) -> &Q {
        &self.way(side).queue
    }

    /// One end.
    #[inline(always)]
    pub(crate) fn end(&self, side: Side) -> &E {
        &self.way(side).end
    }
}

impl<Q: Queue, E: Send + Sync> Transport for Local<Q, E> {
    type To = Side;

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

    fn abandon(&self, to: Side) {
        self.to(to).abandon()
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
        let link = Arc::pin_init(Local::<Stream<Nothing>>::new((), ()), GFP_KERNEL)?;

        link.shut(Side::A);
        assert!(link.is_shut(Side::A));
        assert!(!link.is_shut(Side::B));
        assert!(link.to(Side::A).try_reserve(1, 1, false, || {}).err() == Some(NoRoom::Shut));
        assert!(link.to(Side::B).try_reserve(1, 1, false, || {}).is_ok());
        assert_eq!(link.queued(Side::A) + link.queued(Side::B), 0);
        Ok(())
    }
}
