// SPDX-License-Identifier: GPL-2.0

//! The connection that two sockets share.

use super::{
    ancillary::Ancillary,
    envelope::Envelope,
    Bound,
    Kind,
    Target, //
};
use crate::{
    names::{Entry, Name},
    net::{
        errno::ECONNRESET,
        file::FileRef,
        once::{Once, OnceArc},
        sock::Sock,
        sockopt::Wants, //
    },
    queue::{record::Records, stream::Stream},
    trace,
    transport::{local::Local, Side, Transport}, //
};
use core::sync::atomic::{fence, Ordering::SeqCst};
use kernel::{
    prelude::*,
    sync::{aref::ARef, Arc},
};

/// What one end shows to the other.
pub(super) struct End {
    /// The socket, once there is one. It outlives the socket's file, and then
    /// waking it does nothing.
    sk: Once<ARef<Sock>>,
    name: OnceArc<Entry<Target>>,
    /// What the socket will want that accepts this end.
    wants: Once<Wants>,
}

impl End {
    fn new() -> Self {
        Self {
            sk: Once::new(),
            name: OnceArc::new(),
            wants: Once::new(),
        }
    }

    /// Makes `wants` what a socket will want that is accepted at this end.
    pub(super) fn set_wants(&self, wants: Wants) {
        self.wants.populate(wants);
    }

    /// What the socket at this end wants; of one that is not there yet, the
    /// senders are recorded, as AF_UNIX does.
    pub(super) fn wants(&self) -> Wants {
        match (self.sk(), self.wants.as_ref()) {
            (Some(sk), _) => sk.wants(),
            (None, Some(wants)) => Wants {
                cred: true,
                sec: true,
                ..*wants
            },
            (None, None) => Wants::all(),
        }
    }

    /// Makes `sk` the socket at this end.
    pub(super) fn set_sk(&self, sk: &Sock) {
        self.sk.populate(sk.into());
    }

    /// Makes `name` the name of this end.
    pub(super) fn set_name(&self, name: Bound) {
        self.name.populate(name);
    }

    /// The socket at this end, unless nobody accepted the connection yet.
    pub(super) fn sk(&self) -> Option<&Sock> {
        self.sk.as_ref().map(|sk| &**sk)
    }

    /// As [`Self::sk`], for who has changed what the socket may wait for: one that
    /// is being accepted is found here, or finds the change.
    pub(super) fn sk_after(&self) -> Option<&Sock> {
        // It is there before it waits, and looks behind a full barrier then.
        self.sk().or_else(|| {
            fence(SeqCst);
            self.sk()
        })
    }

    /// The name of this end.
    pub(super) fn name(&self) -> Option<&Name> {
        self.name.as_ref().map(Entry::name)
    }
}

/// What carries the bytes of a connection, with its two ends.
pub(super) type Bytes = Local<Stream<Ancillary>, End>;

/// As [`Bytes`], of records.
pub(super) type Packets = Local<Records<Envelope>, End>;

/// A connection, as one of its ends has it.
///
/// With these numbers it takes one comparison to find that a socket's state is the
/// first of them, where 0 and 1 take two.
#[repr(u8)]
pub(super) enum Pair {
    Bytes(Side, Arc<Bytes>) = 0,
    Packets(Side, Arc<Packets>) = 2,
}

impl Pair {
    /// A connection for sockets of type `kind`, as its first end has it and as its
    /// second. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn new(kind: Kind) -> Result<(Self, Self)> {
        let (a, b) = (End::new(), End::new());
        fn both<L>(link: Arc<L>, end: fn(Side, Arc<L>) -> Pair) -> (Pair, Pair) {
            (end(Side::A, link.clone()), end(Side::B, link))
        }
        let flags = GFP_KERNEL_ACCOUNT;
        Ok(match kind {
            Kind::Stream => both(Arc::pin_init(Local::new(a, b), flags)?, Self::Bytes),
            _ => both(Arc::pin_init(Local::new(a, b), flags)?, Self::Packets),
        })
    }

    /// Which end this is.
    #[inline(always)]
    pub(super) fn side(&self) -> Side {
        match self {
            Self::Bytes(side, _) | Self::Packets(side, _) => *side,
        }
    }

    /// What carries the messages, whatever they are.
    pub(super) fn any(&self) -> &dyn Transport<To = Side> {
        match self {
            Self::Bytes(_, link) => &**link,
            Self::Packets(_, link) => &**link,
        }
    }

    /// One end.
    pub(super) fn end(&self, side: Side) -> &End {
        match self {
            Self::Bytes(_, link) => link.end(side),
            Self::Packets(_, link) => link.end(side),
        }
    }

    /// Whether both are the same connection.
    #[cfg(CONFIG_KUNIT = "y")]
    pub(super) fn is(&self, other: &Self) -> bool {
        core::ptr::eq(self.end(Side::A), other.end(Side::A))
    }

    /// Shows `see` each file that is on its way to this end. Sleeps.
    pub(super) fn for_each_file(&self, see: &mut dyn FnMut(&FileRef)) {
        match self {
            Self::Bytes(side, link) => {
                let queue = link.to(*side);
                queue.for_each(|aux| aux.for_each_file(see))
            }
            Self::Packets(side, link) => {
                let queue = link.to(*side);
                queue.for_each(|envelope| envelope.for_each_file(see))
            }
        }
    }

    /// Drops all that is on its way to this end; that is told of `sk`. Sleeps.
    pub(super) fn drop_queued(&self, sk: Option<&Sock>, reason: trace::Drop) {
        trace::drop(sk, || self.any().queued(self.side()), reason);
        self.any().abandon(self.side());
    }

    /// Ends the connection for the end `side`, because the other is gone.
    pub(super) fn hang_up(&self, side: Side, error: Option<Error>) {
        let end = self.end(side);
        // The error first: who sees the end of the data must see it too. A socket
        // that is not there yet has sent nothing that could be lost.
        if let (Some(sk), Some(error)) = (end.sk(), error) {
            sk.set_error(error);
        }
        self.any().shut(Side::A);
        self.any().shut(Side::B);
        if let Some(sk) = end.sk_after() {
            sk.state_change();
            sk.async_hup();
        }
    }

    /// Ends a connection that nobody accepted, for the end that would have. Sleeps.
    pub(super) fn reset(&self) {
        self.hang_up(Side::A, Some(ECONNRESET.into()));
        // Nobody will read what was sent already.
        self.drop_queued(self.end(Side::A).sk(), trace::Drop::Reset);
    }
}

/// The bytes that may be on their way between two sockets.
#[inline(always)]
pub(super) fn limit(sender: Option<&Sock>, receiver: Option<&Sock>) -> usize {
    let sndbuf = sender.map_or(0, Sock::sndbuf);
    match receiver.map(Sock::rcvbuf) {
        Some((rcvbuf, true)) => rcvbuf.min(sndbuf),
        _ => sndbuf,
    }
}
