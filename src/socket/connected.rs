// SPDX-License-Identifier: GPL-2.0

//! A connected socket, and the connection that it shares with its peer.

use super::{
    ancillary::Ancillary,
    envelope::Envelope,
    unconnected::Unconnected,
    Bound,
    Kind,
    QueueSocket,
    State, //
};
use crate::{
    net::{
        cred::PeerCred,
        errno::ECONNRESET,
        file::FileRef,
        sock::{SkState, Sock},
        socket::Socket,
        sockopt::Wants,
        uapi::Shutdown, //
    },
    queue::{record::Records, stream::Stream},
    trace,
    transport::{local::Local, Side, Transport}, //
};
use core::pin::Pin;
use kernel::{
    prelude::*,
    sync::{aref::ARef, Arc, SetOnce},
};

/// What one end shows to the other.
pub(super) struct End {
    /// The socket, once there is one. It outlives the socket's file, and then
    /// waking it does nothing.
    sk: SetOnce<ARef<Sock>>,
    name: SetOnce<Bound>,
    /// What the socket will want that accepts this end.
    wants: SetOnce<Wants>,
}

impl End {
    fn new() -> Self {
        Self {
            sk: SetOnce::new(),
            name: SetOnce::new(),
            wants: SetOnce::new(),
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

    /// The name of this end.
    pub(super) fn name(&self) -> Option<&Bound> {
        self.name.as_ref()
    }
}

/// A pair of queues of bytes.
pub(super) type Bytes = Local<Stream<Ancillary>>;

/// A pair of queues of records.
pub(super) type Packets = Local<Records<Envelope>>;

/// What carries the messages of a connection.
pub(super) enum Link {
    Bytes(Pin<KBox<Bytes>>),
    Packets(Pin<KBox<Packets>>),
}

impl Link {
    fn any(&self) -> &dyn Transport {
        match self {
            Self::Bytes(link) => &**link,
            Self::Packets(link) => &**link,
        }
    }
}

/// A connection.
pub(super) struct Pair {
    link: Link,
    a: End,
    b: End,
}

impl Pair {
    /// A connection without ends, for sockets of type `kind`. Sleeps.
    pub(super) fn new(kind: Kind) -> Result<Arc<Self>> {
        let flags = GFP_KERNEL_ACCOUNT;
        let link = match kind {
            Kind::Stream => Link::Bytes(KBox::pin_init(Local::new(), flags)?),
            _ => Link::Packets(KBox::pin_init(Local::new(), flags)?),
        };
        let (a, b) = (End::new(), End::new());
        Ok(Arc::new(Self { link, a, b }, flags)?)
    }

    /// Shows `see` each file that is on its way to `side`. Sleeps.
    pub(super) fn for_each_file(&self, side: Side, see: &mut dyn FnMut(&FileRef)) {
        match &self.link {
            Link::Bytes(link) => link.to(side).for_each(|aux| aux.for_each_file(see)),
            Link::Packets(link) => link
                .to(side)
                .for_each(|envelope| envelope.ancillary.for_each_file(see)),
        }
    }

    /// Drops all that is on its way to `side`; that is told of `sk`. Sleeps.
    fn drop_queued(&self, side: Side, sk: Option<&Sock>, reason: trace::Drop) {
        trace::drop(sk, || self.link.any().queued(side), reason);
        self.link.any().discard(side);
    }

    /// One end.
    pub(super) fn end(&self, side: Side) -> &End {
        match side {
            Side::A => &self.a,
            Side::B => &self.b,
        }
    }

    /// Ends the connection for the end `side`, because the other is gone.
    fn hang_up(&self, side: Side, error: Option<Error>) {
        let sk = self.end(side).sk();
        // The error first: who sees the end of the data must see it too.
        if let (Some(sk), Some(error)) = (sk, error) {
            sk.set_error(error);
        }
        self.link.any().shut(Side::A);
        self.link.any().shut(Side::B);
        if let Some(sk) = sk {
            sk.state_change();
            sk.async_hup();
        }
    }

    /// Ends a connection that nobody accepted. Sleeps.
    pub(super) fn reset(&self) {
        self.hang_up(Side::A, Some(ECONNRESET.into()));
        // Nobody will read what was sent already.
        self.drop_queued(Side::B, self.a.sk(), trace::Drop::Reset);
    }
}

/// The state of a connected socket.
pub(super) struct Connected {
    pair: Arc<Pair>,
    side: Side,
}

impl Connected {
    /// One end of `pair`.
    pub(super) fn new(pair: Arc<Pair>, side: Side) -> Self {
        Self { pair, side }
    }

    /// What carries the messages.
    pub(super) fn link(&self) -> &Link {
        &self.pair.link
    }

    fn any(&self) -> &dyn Transport {
        self.pair.link.any()
    }

    /// The connection.
    pub(super) fn pair(&self) -> &Pair {
        &self.pair
    }

    /// Which end this is.
    pub(super) fn side(&self) -> Side {
        self.side
    }

    /// This end.
    pub(super) fn own(&self) -> &End {
        self.pair.end(self.side)
    }

    /// The other end.
    pub(super) fn peer(&self) -> &End {
        self.pair.end(self.side.peer())
    }

    /// The bytes that a receive would find.
    pub(super) fn inq(&self) -> usize {
        self.any().queued(self.side)
    }

    /// The bytes that the peer has not received yet.
    pub(super) fn outq(&self) -> usize {
        self.any().queued(self.side.peer())
    }

    /// Whether nothing more will be received.
    pub(super) fn is_read_shut(&self) -> bool {
        self.any().is_shut(self.side)
    }

    /// Whether nothing more may be sent.
    pub(super) fn is_write_shut(&self) -> bool {
        self.any().is_shut(self.side.peer())
    }

    /// The bytes that may be on their way to `to`: SO_SNDBUF of the sender, or
    /// SO_RCVBUF of the receiver if that was chosen and is less. A socket that
    /// is not there has no say.
    fn limit_to(&self, to: Side) -> usize {
        let sender = self.pair.end(to.peer()).sk();
        let receiver = self.pair.end(to).sk();
        let sndbuf = sender.or(receiver).map_or(0, Sock::sndbuf);
        match receiver.map(Sock::rcvbuf) {
            Some((rcvbuf, true)) => rcvbuf.min(sndbuf),
            _ => sndbuf,
        }
    }

    /// The bytes that may wait for the peer.
    pub(super) fn limit(&self) -> usize {
        self.limit_to(self.side.peer())
    }

    /// Whether a writer should go on: a quarter of the limit is in use at most,
    /// as AF_UNIX has it.
    pub(super) fn is_writable(&self) -> bool {
        self.any().is_writable(self.side.peer(), self.limit())
    }

    /// Whether there is nothing to receive.
    pub(super) fn is_empty(&self) -> bool {
        self.any().is_empty(self.side)
    }

    /// Whether there is enough to receive: SO_RCVLOWAT bytes of a stream, or so
    /// many that the peer might wait for room, or a record.
    pub(super) fn is_readable(&self) -> bool {
        self.is_readable_at(self.side)
    }

    fn is_readable_at(&self, side: Side) -> bool {
        if self.any().is_empty(side) {
            // As AF_UNIX: the read that finds nothing takes the hole away.
            return match &self.pair.link {
                Link::Bytes(link) => link.to(side).has_holes_only(),
                Link::Packets(_) => false,
            };
        }
        match (&self.pair.link, self.pair.end(side).sk()) {
            (Link::Bytes(link), Some(sk)) => {
                let lowat = sk.lowat();
                let queued = link.queued(side);
                queued >= lowat || queued > self.limit_to(side) / 4
            }
            _ => true,
        }
    }

    /// Whether there is a byte out of band to receive.
    pub(super) fn is_urgent(&self) -> bool {
        match &self.pair.link {
            Link::Bytes(link) => link.to(self.side).is_urgent(),
            Link::Packets(_) => false,
        }
    }

    /// Tells the peer that there is more to receive. Does not sleep.
    pub(super) fn wake_reader(&self) {
        if let Some(peer) = self.peer().sk() {
            if self.is_readable_at(self.side.peer()) {
                peer.data_ready();
            } else {
                peer.more_ready();
            }
        }
    }

    /// Tells the peer that there is room, if there is enough. Does not sleep.
    pub(super) fn wake_writer(&self) {
        if let Some(peer) = self.peer().sk() {
            if self.any().is_writable(self.side, self.limit_to(self.side)) {
                peer.write_space();
            }
        }
    }

    /// Shuts what shutdown(2) shut before there was a connection.
    pub(super) fn shut_early(&self, unconnected: &Unconnected) {
        if unconnected.is_read_shut() {
            self.any().shut(self.side);
        }
        if unconnected.is_write_shut() {
            self.any().shut(self.side.peer());
        }
    }

    /// shutdown(2), as far as the peer sees it. Does not sleep.
    pub(super) fn shutdown(&self, how: Shutdown) {
        if how.reads() {
            self.any().shut(self.side);
        }
        if how.writes() {
            self.any().shut(self.side.peer());
        }
        let Some(peer) = self.peer().sk() else {
            return;
        };
        peer.state_change();
        match how {
            Shutdown::Both => peer.async_hup(),
            Shutdown::Write => peer.async_in(),
            Shutdown::Read => {}
        }
    }

    /// The socket is closed. Sleeps.
    ///
    /// A peer whose bytes were not received gets `ECONNRESET`.
    pub(super) fn close(&self) {
        let unread = match &self.pair.link {
            Link::Bytes(_) => !self.is_empty(),
            // As AF_UNIX: one empty packet is none.
            Link::Packets(link) => link.to(self.side).has_payload(),
        };
        self.pair
            .hang_up(self.side.peer(), unread.then(|| ECONNRESET.into()));
        self.discard(trace::Drop::Close);
    }

    /// Drops all that waits to be received, because nobody will. Sleeps.
    pub(super) fn discard(&self, reason: trace::Drop) {
        self.pair.drop_queued(self.side, self.own().sk(), reason);
    }
}

/// socketpair(2). Sleeps.
///
/// # Errors
///
/// `ENOMEM`.
pub(super) fn socketpair(a: &Socket<QueueSocket>, b: &Socket<QueueSocket>) -> Result {
    let pair = Pair::new(a.kind)?;
    for (sock, side) in [(a, Side::A), (b, Side::B)] {
        pair.end(side).set_sk(sock.sk());
        sock.sk().set_peer_cred(PeerCred::current());
        sock.sk().set_state(SkState::Established);
        sock.set_connected();
        let connected = Connected::new(pair.clone(), side);
        sock.state.populate(State::Connected(connected));
    }
    Ok(())
}
