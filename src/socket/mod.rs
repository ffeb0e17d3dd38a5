// SPDX-License-Identifier: GPL-2.0

//! The sockets of AF_QSOCK: what the system calls do.
//!
//! Owns: the family ([`Qsock`]), a socket's data ([`QueueSocket`]) and its states,
//! one file each: [`unconnected`], [`listening`], [`connected`] with the [`pair`]
//! that two share, and [`inbox`] for a datagram socket; the operations that cut
//! across: [`send`] and [`recv`] of streams, [`packet`] and [`datagram`] of
//! messages that have boundaries, with their [`payload`], how they are received in
//! the [`plain`] case and how they [`deliver`] to an inbox; [`poll`] with its
//! [`pollers`], [`option`], [`sight`], and where all of them ask the policy,
//! [`hooks`]; what goes with a message beside its bytes: [`ancillary`], in an
//! [`envelope`] where it has boundaries, with the files in flight ([`inflight`])
//! and what frees the cycles among them ([`collect`]).
//!
//! A message of bytes alone, which most are, takes a short way: `send_plain`,
//! `recv_plain`. Each gives up, before anything has happened, where the message,
//! either socket or the queue is not that simple. The policy is asked on both.
//!
//! Imports: `net`, `queue`, `transport`, `policy`, `names`, `trace`.
//!
//! Locks, in this order, after that of `net`'s table of sockets:
//! 1. `QueueSocket::transition`: one state changes to another.
//! 2. `listening::Backlog::inner`, the queue of a listening socket, or
//!    `pollers::Pollers::list`, who polls for room in it.
//! 3. `names::Names::table`, `names::Entry::access`: each alone.
//!
//! Of files in flight, in this order:
//! 1. `inflight::InFlights::table`: only a stream's mutex of readers may be held
//!    already, because what the bytes that they pass over hold is dropped there.
//! 2. `listening::Backlog::inner`, and the mutexes of queues.
//! 3. `inflight::InFlight::files`.
//!
//! Of datagram sockets: `inbox::Inbox::polls`, then `pollers::Pollers::list` of
//! another inbox; `inbox::Inbox::peer`, then the mutexes of the peer's queue;
//! `inbox::Inbox::waiting` alone.
//!
//! # States
//!
//! A socket is unconnected until it listens or is connected, and stays what it
//! became until it is released; a datagram socket is one from the beginning. So
//! the state is written once, and an operation that reads it takes no lock.

mod ancillary;
mod collect;
mod connected;
mod datagram;
mod deliver;
mod envelope;
mod hooks;
mod inbox;
mod inflight;
mod listening;
pub(crate) mod option;
mod packet;
mod pair;
mod payload;
mod plain;
mod poll;
mod pollers;
mod recv;
mod send;
mod sight;
mod state;
mod unconnected;

use crate::{
    names::{Entry, Name, Names},
    net::{
        addr::{Address, AddressBuf},
        errno::{ENOTCONN, EOPNOTSUPP, EPROTONOSUPPORT, ESOCKTNOSUPPORT},
        family::{Family, SocketFamily},
        msg::{RecvMsg, SendMsg},
        netns::Net,
        ops::SocketOps,
        pidfd::Pidfds,
        poll::{Events, PollWait},
        sight::Sight,
        sock::Sock,
        socket::{AcceptSocket, Socket},
        sockopt::{OptIn, OptOut},
        uapi::{
            NameOf,
            Shutdown,
            SIOCATMARK,
            SIOCINQ,
            SIOCOUTQ,
            SOCK_DGRAM,
            SOCK_RAW,
            SOCK_SEQPACKET,
            SOCK_STREAM, //
        },
    },
    trace,
    transport::Transport, //
};
use core::pin::Pin;
use inflight::InFlights;
use kernel::{prelude::*, seq_file::SeqFile};
use packet::Source;
pub(crate) use state::QueueSocket;
use state::{Bound, Kind, State, Target};

/// The protocol that means whatever the family has.
const PROTOCOL_ANY: c_int = 0;

/// The family.
pub(crate) struct Qsock;

/// Its operations.
static QSOCK: Family<Qsock> = Family::new();

impl SocketFamily for Qsock {
    const NAME: &'static CStr = c"QSOCK";
    const PROC_NAME: Option<&'static CStr> = Some(c"qsock");
    const DIAG: bool = true;
    type Socket = QueueSocket;
    type NetNs = PerNet;

    fn family() -> &'static Family<Self> {
        &QSOCK
    }

    fn netns() -> impl PinInit<Self::NetNs, Error> {
        try_pin_init!(PerNet {
            names <- Names::new(),
            in_flight <- InFlights::new(),
            pidfds <- Pidfds::new(),
        }? Error)
    }

    fn kind(kind: u16) -> u16 {
        // As AF_UNIX.
        if kind == SOCK_RAW {
            SOCK_DGRAM
        } else {
            kind
        }
    }

    fn create(net: &Net, kind: u16, protocol: c_int) -> Result<impl PinInit<QueueSocket, Error>> {
        if protocol != PROTOCOL_ANY && protocol != c_int::from(QSOCK.number()) {
            return Err(EPROTONOSUPPORT.into());
        }
        let family_kind = match kind {
            SOCK_STREAM => Kind::Stream,
            SOCK_SEQPACKET => Kind::SeqPacket,
            SOCK_DGRAM => Kind::Datagram,
            _ => return Err(ESOCKTNOSUPPORT.into()),
        };
        hooks::create(net, kind)?;
        Ok(QueueSocket::new(family_kind, None))
    }
}

/// What the family keeps in each network namespace.
#[pin_data]
pub(crate) struct PerNet {
    #[pin]
    names: Names<Target>,
    /// That of the initial namespace is for all: sockets pass from one to the
    /// other.
    #[pin]
    in_flight: InFlights,
    /// As above.
    #[pin]
    pidfds: Pidfds,
}

/// The queue that `sock` sends to has more memory than it is to keep for long.
#[cold]
fn tend_later(sock: &Socket<QueueSocket>) {
    sock.sk().net().tend_later::<Qsock>();
}

/// The names of the namespace that `sock` is in.
fn names_of(sock: &Socket<QueueSocket>) -> &Names<Target> {
    &sock.sk().net().data::<Qsock>().names
}

/// Tells the caller who sent, if that has a name and the caller asks for it.
#[cold]
fn set_name(msg: &mut RecvMsg<'_>, name: Option<&Name>) {
    if let Some(name) = name {
        msg.set_name(|buf| buf.set(QSOCK.number(), name.as_bytes()));
    }
}

#[vtable]
impl SocketOps for QueueSocket {
    type Family = Qsock;

    fn release(self: Pin<&mut Self>, sk: &Sock) {
        if let Some(entry) = self.own_name() {
            sk.net().data::<Qsock>().names.unbind(entry);
        }
        match self.state.as_ref() {
            Some(State::Listening(listening)) => listening.close(),
            Some(State::Connected(connected)) => connected.close(),
            Some(State::Datagram(inbox)) => inbox.close(),
            None => {}
        }
        inflight::collect_later();
    }

    fn bind(sock: &Socket<Self>, addr: Address<'_>) -> Result {
        unconnected::bind(sock, addr)
    }

    fn connect(sock: &Socket<Self>, addr: Address<'_>, nonblock: bool) -> Result {
        let result = unconnected::connect(sock, addr, nonblock);
        trace::connect(sock.sk(), nonblock, &result);
        result
    }

    fn socketpair(a: &Socket<Self>, b: &Socket<Self>) -> Result {
        match (a.inbox(), b.inbox()) {
            (Some(inbox_a), Some(inbox_b)) => {
                datagram::socketpair((a, inbox_a), (b, inbox_b));
                Ok(())
            }
            _ => connected::socketpair(a, b),
        }
    }

    fn accept(sock: &Socket<Self>, new: AcceptSocket<'_, Self>, nonblock: bool) -> Result {
        if sock.small().kind == Kind::Datagram {
            return Err(EOPNOTSUPP.into());
        }
        let result = listening::accept(sock, new, nonblock);
        trace::accept(sock.sk(), new, nonblock, &result);
        result
    }

    fn getname(sock: &Socket<Self>, of: NameOf, name: &mut AddressBuf<'_>) -> Result {
        let peer;
        let found = match (of, sock.state.as_ref()) {
            (NameOf::Own, _) => sock.name.as_ref().map(Entry::name),
            (NameOf::Peer, Some(State::Connected(connected))) => connected.peer_name(),
            (NameOf::Peer, Some(State::Datagram(inbox))) => {
                peer = inbox.peer().ok_or(ENOTCONN)?;
                peer.name()
            }
            (NameOf::Peer, _) => return Err(ENOTCONN.into()),
        };
        let bytes = found.map(Name::as_bytes);
        name.set(QSOCK.number(), bytes.unwrap_or_default());
        Ok(())
    }

    #[inline(always)]
    fn poll(sock: &Socket<Self>, wait: PollWait<'_>) -> Events {
        poll::poll(sock, wait)
    }

    fn ioctl(sock: &Socket<Self>, cmd: u32) -> Result<c_int> {
        let bytes = match (cmd, sock.state.as_ref()) {
            (SIOCATMARK, _) if sock.small().kind != Kind::Stream => return Err(EOPNOTSUPP.into()),
            (SIOCATMARK, _) => sock.bytes().map_or(0, |(connected, link)| {
                link.to(connected.side()).read().is_at_mark().into()
            }),
            (SIOCINQ, Some(State::Datagram(inbox))) => inbox.records().first_len(),
            (SIOCOUTQ, Some(State::Datagram(inbox))) => inbox.sent.bytes(),
            (SIOCINQ, Some(State::Listening(_))) => return Err(EINVAL),
            (SIOCINQ, Some(State::Connected(connected))) => connected.inq(),
            (SIOCOUTQ, Some(State::Connected(connected))) => connected.outq(),
            (SIOCINQ | SIOCOUTQ, _) => 0,
            _ => return Err(ENOIOCTLCMD),
        };
        Ok(c_int::try_from(bytes).unwrap_or(c_int::MAX))
    }

    fn setsockopt(sock: &Socket<Self>, level: c_int, name: c_int, value: &OptIn) -> Result {
        option::set(sock, level, name, value)
    }

    fn getsockopt(sock: &Socket<Self>, level: c_int, name: c_int) -> Result<OptOut> {
        option::get(sock, level, name)
    }

    fn sight(&self, _sk: &Sock) -> Sight<'_> {
        sight::sight(self)
    }

    fn for_each_pending(&self, see: &mut dyn FnMut(&Sock)) {
        if let Some(listening) = self.listening() {
            listening.for_each_client(see);
        }
    }

    fn tend(&self) -> bool {
        match self.state.as_ref() {
            Some(State::Connected(connected)) => connected.trim(),
            Some(State::Datagram(inbox)) => inbox.mail.trim(()),
            _ => false,
        }
    }

    fn show_fdinfo(sock: &Socket<Self>, to: &SeqFile) {
        sight::show_fdinfo(sock, to)
    }

    const HAS_PEEK_OFFSET: bool = true;

    fn listen(sock: &Socket<Self>, backlog: u32) -> Result {
        unconnected::listen(sock, backlog)
    }

    fn shutdown(sock: &Socket<Self>, how: Shutdown) -> Result {
        unconnected::shutdown(sock, how)
    }

    #[inline(always)]
    fn sendmsg<const KIND: u16>(sock: &Socket<Self>, mut msg: SendMsg<'_>) -> Result<usize> {
        if msg.is_plain() && !trace::send_enabled() {
            let sent = match KIND {
                SOCK_STREAM => send::send_plain(sock, &mut msg),
                SOCK_SEQPACKET => packet::send_plain(sock, &mut msg),
                _ => datagram::send_plain(sock, &mut msg),
            };
            if let Some(sent) = sent {
                return sent;
            }
        }
        send_long(sock, msg)
    }

    #[inline(always)]
    fn recvmsg<const KIND: u16>(sock: &Socket<Self>, mut msg: RecvMsg<'_>) -> Result<usize> {
        if msg.is_plain() && !trace::recv_enabled() {
            let received = match KIND {
                SOCK_STREAM => recv::recv_plain(sock, msg.by_ref()),
                SOCK_SEQPACKET => plain::recv_packet(sock, msg.by_ref()),
                _ => plain::recv_datagram(sock, msg.by_ref()),
            };
            if let Some(received) = received {
                return received;
            }
        }
        recv_long::<KIND>(sock, msg.by_ref())
    }
}

/// sendmsg(2), whatever the message. Sleeps.
#[cold]
fn send_long(sock: &Socket<QueueSocket>, msg: SendMsg<'_>) -> Result<usize> {
    let (len, flags) = (msg.len(), msg.flags());
    let result = match (sock.small().kind, sock.inbox()) {
        (Kind::Stream, _) => send::sendmsg(sock, sock.bytes(), msg),
        (Kind::SeqPacket, _) => packet::sendmsg(sock, sock.packets(), msg),
        (Kind::Datagram, Some(inbox)) => datagram::sendmsg(sock, inbox, msg),
        (Kind::Datagram, None) => Err(ENOTCONN.into()),
    };
    trace::send(sock.sk(), len, flags, &result);
    result
}

/// recvmsg(2), whatever the call. Sleeps.
#[cold]
fn recv_long<const KIND: u16>(sock: &Socket<QueueSocket>, mut msg: RecvMsg<'_>) -> Result<usize> {
    if msg.is_plain() && !trace::recv_enabled() {
        let received = match KIND {
            SOCK_STREAM => recv::wait_plain(sock, msg.by_ref()),
            _ => plain::wait(sock, msg.by_ref()),
        };
        if let Some(received) = received {
            return received;
        }
    }
    let (len, flags) = (msg.len(), msg.flags());
    let result = match (sock.small().kind, Source::of(sock)) {
        (Kind::Stream, _) => recv::recvmsg(sock, sock.bytes(), msg),
        (_, Some(source)) => packet::recvmsg(sock, &source, msg),
        (_, None) => Err(ENOTCONN.into()),
    };
    trace::recv(sock.sk(), len, flags, &result);
    result
}
