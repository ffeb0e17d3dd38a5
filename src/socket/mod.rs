// SPDX-License-Identifier: GPL-2.0

//! The sockets of AF_QSOCK: what the system calls do.
//!
//! Owns: the family ([`Qsock`]), a socket's data ([`QueueSocket`]) and its states,
//! one file each: [`unconnected`], [`listening`], [`connected`]; and the
//! operations that cut across: [`send`], [`recv`], [`poll`].
//!
//! Imports: `net`, `transport`, `policy`, `names`.
//!
//! Locks, in this order:
//! 1. `QueueSocket::transition`: one state changes to another.
//! 2. `listening::Backlog::inner`: the queue of a listening socket.
//! 3. `names::Names::table`.
//!
//! A queue's mutexes are taken without any of these.
//!
//! # States
//!
//! A socket is unconnected until it listens or is connected, and stays what it
//! became until it is released. So the state is written once, and an operation
//! that reads it takes no lock.

mod connected;
mod listening;
mod poll;
mod recv;
mod send;
mod unconnected;

use crate::{
    names::{Entry, Names},
    net::{
        addr::{Address, AddressBuf},
        errno::{ENOTCONN, EPROTONOSUPPORT, ESOCKTNOSUPPORT},
        family::{Family, SocketFamily},
        msg::{RecvMsg, SendMsg},
        ops::SocketOps,
        poll::{Events, PollWait},
        sock::Sock,
        socket::{AcceptSocket, Socket},
        uapi::{NameOf, Shutdown, SIOCINQ, SIOCOUTQ, SOCK_STREAM}, //
    },
};
use connected::Connected;
use core::pin::Pin;
use kernel::{
    new_mutex,
    prelude::*,
    sync::{Arc, Mutex, SetOnce},
    uaccess::{UserPtr, UserSlice}, //
};
use listening::{Backlog, Listening};
use unconnected::Unconnected;

/// The protocol that means whatever the family has.
const PROTOCOL_ANY: c_int = 0;

/// The family.
pub(crate) struct Qsock;

/// Its operations.
static QSOCK: Family<Qsock> = Family::new();

impl SocketFamily for Qsock {
    const NAME: &'static CStr = c"QSOCK";
    type Socket = QueueSocket;
    type NetNs = Names<Arc<Backlog>>;

    fn family() -> &'static Family<Self> {
        &QSOCK
    }

    fn netns() -> impl PinInit<Self::NetNs, Error> {
        Names::new()
    }

    fn create(kind: u16, protocol: c_int) -> Result<impl PinInit<QueueSocket, Error>> {
        if protocol != PROTOCOL_ANY && protocol != c_int::from(QSOCK.number()) {
            return Err(EPROTONOSUPPORT.into());
        }
        if kind != SOCK_STREAM {
            return Err(ESOCKTNOSUPPORT.into());
        }
        Ok(QueueSocket::new())
    }
}

/// A name in the table, and the backlog that it leads to.
type Bound = Arc<Entry<Arc<Backlog>>>;

/// What a socket became.
enum State {
    Listening(Listening),
    Connected(Connected),
}

/// The name that a socket has.
enum Naming {
    /// It bound the name itself.
    Own(Bound),
    /// It was accepted by a socket that did.
    Inherited(Bound),
}

impl Naming {
    fn entry(&self) -> &Bound {
        match self {
            Self::Own(entry) | Self::Inherited(entry) => entry,
        }
    }
}

/// The data of a socket.
#[pin_data]
pub(crate) struct QueueSocket {
    /// Held while `state` or `name` is written.
    #[pin]
    transition: Mutex<Unconnected>,
    state: SetOnce<State>,
    name: SetOnce<Naming>,
}

impl QueueSocket {
    /// An unconnected socket without a name.
    fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            transition <- new_mutex!(Unconnected::default(), "socket::QueueSocket::transition"),
            state: SetOnce::new(),
            name: SetOnce::new(),
        }? Error)
    }

    fn connected(&self) -> Option<&Connected> {
        match self.state.as_ref() {
            Some(State::Connected(connected)) => Some(connected),
            _ => None,
        }
    }

    fn listening(&self) -> Option<&Listening> {
        match self.state.as_ref() {
            Some(State::Listening(listening)) => Some(listening),
            _ => None,
        }
    }
}

#[vtable]
impl SocketOps for QueueSocket {
    type Family = Qsock;

    fn release(self: Pin<&mut Self>, sk: &Sock) {
        if let Some(Naming::Own(entry)) = self.name.as_ref() {
            sk.net().data::<Qsock>().unbind(entry);
        }
        match self.state.as_ref() {
            Some(State::Listening(listening)) => listening.close(),
            Some(State::Connected(connected)) => connected.close(),
            None => {}
        }
    }

    fn bind(sock: &Socket<Self>, addr: Address<'_>) -> Result {
        unconnected::bind(sock, addr)
    }

    fn connect(sock: &Socket<Self>, addr: Address<'_>, nonblock: bool) -> Result {
        unconnected::connect(sock, addr, nonblock)
    }

    fn socketpair(a: &Socket<Self>, b: &Socket<Self>) -> Result {
        connected::socketpair(a, b)
    }

    fn accept(sock: &Socket<Self>, new: AcceptSocket<'_, Self>, nonblock: bool) -> Result {
        listening::accept(sock, new, nonblock)
    }

    fn getname(sock: &Socket<Self>, of: NameOf, name: &mut AddressBuf<'_>) -> Result {
        let entry = match of {
            NameOf::Own => sock.name.as_ref().map(Naming::entry),
            NameOf::Peer => sock.connected().ok_or(ENOTCONN)?.peer().name(),
        };
        let bytes = entry.map(|entry| entry.name().as_bytes());
        name.set(QSOCK.number(), bytes.unwrap_or_default());
        Ok(())
    }

    fn poll(sock: &Socket<Self>, wait: &PollWait<'_>) -> Events {
        poll::poll(sock, wait)
    }

    fn ioctl(sock: &Socket<Self>, cmd: u32, arg: usize) -> Result<c_int> {
        let bytes = match (cmd, sock.state.as_ref()) {
            (SIOCINQ, Some(State::Listening(_))) => return Err(EINVAL),
            (SIOCINQ, Some(State::Connected(connected))) => connected.inq(),
            (SIOCOUTQ, Some(State::Connected(connected))) => connected.outq(),
            (SIOCINQ | SIOCOUTQ, _) => 0,
            _ => return Err(ENOIOCTLCMD),
        };
        let bytes = c_int::try_from(bytes).unwrap_or(c_int::MAX);
        UserSlice::new(UserPtr::from_addr(arg), size_of::<c_int>())
            .writer()
            .write(&bytes)?;
        Ok(0)
    }

    fn listen(sock: &Socket<Self>, backlog: u32) -> Result {
        unconnected::listen(sock, backlog)
    }

    fn shutdown(sock: &Socket<Self>, how: Shutdown) -> Result {
        unconnected::shutdown(sock, how)
    }

    fn sendmsg(sock: &Socket<Self>, msg: SendMsg<'_>) -> Result<usize> {
        send::sendmsg(sock, msg)
    }

    fn recvmsg(sock: &Socket<Self>, msg: RecvMsg<'_>) -> Result<usize> {
        recv::recvmsg(sock, msg)
    }
}
