// SPDX-License-Identifier: GPL-2.0

//! A socket's data: its type, its name, and what it became.

use super::{
    connected::Connected,
    inbox::Inbox,
    listening::{Backlog, Listening},
    pair::{Bytes, Packets},
    unconnected::Unconnected, //
};
use crate::{
    names::Entry,
    net::{
        cred::{current_fsuid, Kgid},
        file::FileRef,
        once::Once, //
    },
    trace, //
};
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
    task::Kuid, //
};

/// The types of sockets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Stream,
    SeqPacket,
    Datagram,
}

/// What a name leads to.
pub(super) enum Target {
    /// Connections that wait to be accepted.
    Backlog(Arc<Backlog>),
    /// A datagram socket.
    Inbox(Arc<Inbox>),
}

impl Target {
    pub(super) fn backlog(&self) -> Option<&Arc<Backlog>> {
        match self {
            Self::Backlog(backlog) => Some(backlog),
            Self::Inbox(_) => None,
        }
    }

    pub(super) fn inbox(&self) -> Option<&Arc<Inbox>> {
        match self {
            Self::Inbox(inbox) => Some(inbox),
            Self::Backlog(_) => None,
        }
    }
}

/// A name in the table, and what it leads to.
pub(super) type Bound = Arc<Entry<Target>>;

/// What a socket became.
///
/// With a tag of its own: to tell it from what is inside takes longer.
#[repr(u8)]
pub(super) enum State {
    Listening(Listening),
    Connected(Connected),
    /// From the beginning, and for good.
    Datagram(Arc<Inbox>),
}

/// The name that a socket has.
pub(super) enum Naming {
    /// It bound the name itself.
    Own(Bound),
    /// It was accepted by a socket that did.
    Inherited(Bound),
}

impl Naming {
    pub(super) fn entry(&self) -> &Bound {
        match self {
            Self::Own(entry) | Self::Inherited(entry) => entry,
        }
    }
}

/// The data of a socket.
#[pin_data]
pub(crate) struct QueueSocket {
    /// Held while `state` or `name` is written, but for those of a socket that no
    /// other call knows yet.
    #[pin]
    pub(super) transition: Mutex<Unconnected>,
    pub(super) state: Once<State>,
    pub(super) name: Once<Naming>,
    pub(super) kind: Kind,
    /// Who made the socket: what fchown(2) changed is not theirs.
    pub(super) creator: (Kuid, Kgid),
    /// SO_INQ.
    pub(super) inq: AtomicBool,
}

impl QueueSocket {
    /// An unconnected socket without a name.
    pub(super) fn new(kind: Kind) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            transition <- new_mutex!(Unconnected::default(), "socket::QueueSocket::transition"),
            state: {
                let state = Once::new();
                if kind == Kind::Datagram {
                    state.populate(State::Datagram(Inbox::new()?));
                }
                state
            },
            name: Once::new(),
            kind,
            creator: (current_fsuid(), Kgid::current_fsgid()),
            inq: AtomicBool::new(false),
        }? Error)
    }

    /// Whether a receive tells how much is left.
    pub(super) fn wants_inq(&self) -> bool {
        self.inq.load(Relaxed)
    }

    /// The connection, if it is one of bytes.
    #[inline(always)]
    pub(super) fn bytes(&self) -> Option<(&Connected, &Bytes)> {
        let connected = self.connected()?;
        Some((connected, connected.bytes()?))
    }

    /// The connection, if it is one of packets.
    #[inline(always)]
    pub(super) fn packets(&self) -> Option<(&Connected, &Packets)> {
        let connected = self.connected()?;
        Some((connected, connected.packets()?))
    }

    /// The inbox, if it is a datagram socket.
    #[inline(always)]
    pub(super) fn inbox(&self) -> Option<&Arc<Inbox>> {
        match self.state.as_ref() {
            Some(State::Datagram(inbox)) => Some(inbox),
            _ => None,
        }
    }

    /// Shows `see` each file that waits to be received. Sleeps.
    pub(super) fn for_each_file(&self, see: &mut dyn FnMut(&FileRef)) {
        match self.state.as_ref() {
            Some(State::Listening(listening)) => listening.for_each_file(see),
            Some(State::Connected(connected)) => {
                connected.pair().for_each_file(connected.side(), see)
            }
            Some(State::Datagram(inbox)) => inbox
                .records()
                .for_each(|envelope| envelope.for_each_file(see)),
            None => {}
        }
    }

    /// Drops all that waits to be received, because nobody can. Sleeps.
    pub(super) fn purge(&self) {
        match self.state.as_ref() {
            Some(State::Listening(listening)) => listening.close(),
            Some(State::Connected(connected)) => connected.discard(trace::Drop::Cycle),
            Some(State::Datagram(inbox)) => inbox.discard(trace::Drop::Cycle),
            None => {}
        }
    }

    #[inline(always)]
    pub(super) fn connected(&self) -> Option<&Connected> {
        match self.state.as_ref() {
            Some(State::Connected(connected)) => Some(connected),
            _ => None,
        }
    }

    pub(super) fn listening(&self) -> Option<&Listening> {
        match self.state.as_ref() {
            Some(State::Listening(listening)) => Some(listening),
            _ => None,
        }
    }
}
