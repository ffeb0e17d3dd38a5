// SPDX-License-Identifier: GPL-2.0

//! A socket's data: its type, its name, and what it became.

use super::{
    connected::Connected,
    inbox::Inbox,
    listening::{Backlog, Listening},
    pair::{Bytes, Packets},
    unconnected::{EarlyShut, Unconnected}, //
};
use crate::{
    names::Entry,
    net::{
        cred::{current_fsuid, Kgid},
        file::FileRef,
        once::{Once, OnceArc}, //
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
/// The connected one first: it is told from the others by fewer instructions.
pub(super) enum State {
    Connected(Connected),
    Listening(Listening),
    /// From the beginning, and for good.
    Datagram(Arc<Inbox>),
}

/// The data of a socket. There are many of them, so that a word more counts.
#[pin_data]
pub(crate) struct QueueSocket {
    /// Held while `state`, `name` or `early` is written, but for those of a socket
    /// that no other call knows yet.
    #[pin]
    pub(super) transition: Mutex<Unconnected>,
    pub(super) state: Once<State, Small>,
    pub(super) name: OnceArc<Entry<Target>>,
    /// Who made the socket: what fchown(2) changed is not theirs.
    pub(super) creator: (Kuid, Kgid),
}

/// What takes a byte each.
pub(super) struct Small {
    pub(super) kind: Kind,
    /// The name is that of the socket that accepted this one.
    inherits_name: bool,
    /// SO_INQ.
    pub(super) inq: AtomicBool,
    pub(super) early: EarlyShut,
}

impl QueueSocket {
    /// An unconnected socket; `inherited` is the name of that which accepts it, if one
    /// does.
    pub(super) fn new(kind: Kind, inherited: Option<Bound>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            transition <- new_mutex!(Unconnected::default(), "socket::QueueSocket::transition"),
            state: {
                let state = Once::with(Small {
                    kind,
                    inherits_name: inherited.is_some(),
                    inq: AtomicBool::new(false),
                    early: EarlyShut::default(),
                });
                if kind == Kind::Datagram {
                    state.populate(State::Datagram(Inbox::new()?));
                }
                state
            },
            name: OnceArc::of(inherited),
            creator: (current_fsuid(), Kgid::current_fsgid()),
        }? Error)
    }

    #[inline(always)]
    pub(super) fn small(&self) -> &Small {
        self.state.beside()
    }

    /// The name that the socket bound itself.
    pub(super) fn own_name(&self) -> Option<&Entry<Target>> {
        self.name.as_ref().filter(|_| !self.small().inherits_name)
    }

    /// Whether a receive tells how much is left.
    pub(super) fn wants_inq(&self) -> bool {
        self.small().inq.load(Relaxed)
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
            Some(State::Connected(connected)) => connected.pair().for_each_file(see),
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
