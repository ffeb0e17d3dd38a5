// SPDX-License-Identifier: GPL-2.0

//! The transport within one machine: a queue for each direction.

use super::{Side, Transport};
use crate::queue::stream::{Empty, Incoming, NoRoom, Reservation, Stream};
use kernel::prelude::*;

/// Two queues.
#[pin_data]
pub(crate) struct Local {
    #[pin]
    to_a: Stream,
    #[pin]
    to_b: Stream,
}

impl Local {
    /// A connection with nothing on its way.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            to_a <- Stream::new(),
            to_b <- Stream::new(),
        })
    }

    fn to(&self, side: Side) -> &Stream {
        match side {
            Side::A => &self.to_a,
            Side::B => &self.to_b,
        }
    }
}

impl Transport for Local {
    fn try_send(&self, from: Side, len: usize, limit: usize) -> Result<Reservation<'_>, NoRoom> {
        self.to(from.peer()).try_reserve(len, limit)
    }

    fn try_recv(&self, to: Side) -> Result<Incoming<'_>, Empty> {
        self.to(to).try_read()
    }

    fn queued(&self, to: Side) -> usize {
        self.to(to).len()
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
}

#[cfg(CONFIG_KUNIT = "y")]
#[kunit_tests(qsock_transport_local)]
mod tests {
    use super::*;
    use kernel::sync::Arc;

    #[test]
    fn the_directions_are_apart() -> Result {
        let link = Arc::pin_init(Local::new(), GFP_KERNEL)?;

        link.shut(Side::A);
        assert!(link.is_shut(Side::A));
        assert!(!link.is_shut(Side::B));
        assert!(link.try_send(Side::B, 1, 1).err() == Some(NoRoom::Shut));
        assert!(link.try_send(Side::A, 1, 1).is_ok());
        assert!(link.try_recv(Side::A).err() == Some(Empty::Shut));
        assert!(link.try_recv(Side::B).err() == Some(Empty::Yet));
        assert_eq!(link.queued(Side::A) + link.queued(Side::B), 0);
        Ok(())
    }
}
