// SPDX-License-Identifier: GPL-2.0

//! A connected socket.

use super::{
    pair::{limit, Bytes, End, Packets, Pair},
    unconnected::EarlyShut,
    QueueSocket,
    State, //
};
use crate::{
    names::Name,
    net::{
        cred::PeerCred,
        errno::ECONNRESET,
        sock::{SkState, Sock},
        socket::Socket,
        uapi::Shutdown, //
    },
    trace,
    transport::{Side, Transport}, //
};
use kernel::prelude::*;

/// The state of a connected socket.
pub(super) struct Connected {
    pair: Pair,
}

impl Connected {
    /// An end of the connection `pair`.
    pub(super) fn new(pair: Pair) -> Self {
        Self { pair }
    }

    /// The connection, if it is one of bytes.
    #[inline(always)]
    pub(super) fn bytes(&self) -> Option<&Bytes> {
        match &self.pair {
            Pair::Bytes(_, link) => Some(link),
            Pair::Packets(..) => None,
        }
    }

    /// The connection, if it is one of packets.
    #[inline(always)]
    pub(super) fn packets(&self) -> Option<&Packets> {
        match &self.pair {
            Pair::Packets(_, link) => Some(link),
            Pair::Bytes(..) => None,
        }
    }

    fn any(&self) -> &dyn Transport<To = Side> {
        self.pair.any()
    }

    /// The connection.
    pub(super) fn pair(&self) -> &Pair {
        &self.pair
    }

    /// Which end this is.
    #[inline(always)]
    pub(super) fn side(&self) -> Side {
        self.pair.side()
    }

    /// This end.
    pub(super) fn own(&self) -> &End {
        self.pair.end(self.side())
    }

    /// The other end.
    pub(super) fn peer(&self) -> &End {
        self.pair.end(self.side().peer())
    }

    /// The name of the peer.
    #[inline(always)]
    pub(super) fn peer_name(&self) -> Option<&Name> {
        self.peer().name()
    }

    /// The bytes that a receive would find.
    pub(super) fn inq(&self) -> usize {
        self.any().queued(self.side())
    }

    /// The bytes that the peer has not received yet.
    pub(super) fn outq(&self) -> usize {
        self.any().queued(self.side().peer())
    }

    /// Whether nothing more will be received.
    pub(super) fn is_read_shut(&self) -> bool {
        self.any().is_shut(self.side())
    }

    /// Whether nothing more may be sent.
    pub(super) fn is_write_shut(&self) -> bool {
        self.any().is_shut(self.side().peer())
    }

    /// The bytes that may be on their way to `to`: SO_SNDBUF of the sender, or
    /// SO_RCVBUF of the receiver if that was chosen and is less. A socket that
    /// is not there has no say.
    fn limit_to(&self, to: Side) -> usize {
        let sender = self.pair.end(to.peer()).sk();
        let receiver = self.pair.end(to).sk();
        limit(sender.or(receiver), receiver)
    }

    /// The bytes that may wait for the peer.
    pub(super) fn limit(&self) -> usize {
        self.limit_to(self.side().peer())
    }

    /// Whether a writer should go on: a quarter of the limit is in use at most,
    /// as AF_UNIX has it.
    pub(super) fn is_writable(&self) -> bool {
        self.any().is_writable(self.side().peer(), self.limit())
    }

    /// Whether there is nothing to receive.
    pub(super) fn is_empty(&self) -> bool {
        self.any().is_empty(self.side())
    }

    /// Whether there is enough to receive: SO_RCVLOWAT bytes of a stream, or so
    /// many that the peer might wait for room, or a record.
    pub(super) fn is_readable(&self) -> bool {
        self.is_readable_at(self.side())
    }

    fn is_readable_at(&self, side: Side) -> bool {
        if self.any().is_empty(side) {
            // As AF_UNIX: the read that finds nothing takes the hole away.
            return self
                .bytes()
                .is_some_and(|link| link.to(side).has_holes_only());
        }
        match (self.bytes(), self.pair.end(side).sk()) {
            (Some(link), Some(sk)) => {
                let lowat = sk.lowat();
                let queued = link.queued(side);
                queued >= lowat || queued > self.limit_to(side) / 4
            }
            _ => true,
        }
    }

    /// Whether there is a byte out of band to receive.
    pub(super) fn is_urgent(&self) -> bool {
        self.bytes()
            .is_some_and(|link| link.to(self.side()).is_urgent())
    }

    /// Tells the peer that there is more to receive. Does not sleep.
    pub(super) fn wake_reader(&self) {
        if let Some(peer) = self.peer().sk_after() {
            self.wake_reader_at(peer);
        }
    }

    /// As [`Self::wake_reader`], of the peer's socket.
    #[inline(always)]
    pub(super) fn wake_reader_at(&self, peer: &Sock) {
        if peer.has_readers() {
            self.tell_reader(peer);
        }
    }

    #[cold]
    fn tell_reader(&self, peer: &Sock) {
        if peer.lowat() == 1 || self.is_readable_at(self.side().peer()) {
            peer.tell_readers();
        } else {
            peer.more_ready();
        }
    }

    /// Tells the peer that there is room, if there is enough. Does not sleep.
    pub(super) fn wake_writer(&self) {
        if let Some(peer) = self.peer().sk() {
            self.wake_writer_at(peer);
        }
    }

    /// As [`Self::wake_writer`], of the peer's socket.
    #[inline(always)]
    pub(super) fn wake_writer_at(&self, peer: &Sock) {
        if peer.has_writers() {
            self.tell_writer(peer);
        }
    }

    #[cold]
    fn tell_writer(&self, peer: &Sock) {
        if self
            .any()
            .is_writable(self.side(), self.limit_to(self.side()))
        {
            peer.write_space();
        }
    }

    /// Shuts what shutdown(2) shut before there was a connection.
    pub(super) fn shut_early(&self, early: &EarlyShut) {
        if early.is_read() {
            self.any().shut(self.side());
        }
        if early.is_write() {
            self.any().shut(self.side().peer());
        }
    }

    /// shutdown(2), as far as the peer sees it. Does not sleep.
    pub(super) fn shutdown(&self, how: Shutdown) {
        if how.reads() {
            self.any().shut(self.side());
        }
        if how.writes() {
            self.any().shut(self.side().peer());
        }
        let Some(peer) = self.peer().sk_after() else {
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
        // First: nothing may come after the look.
        self.any().shut(self.side());
        let unread = match self.packets() {
            None => !self.is_empty(),
            // As AF_UNIX: one empty packet is none.
            Some(link) => link.to(self.side()).has_payload(),
        };
        self.pair
            .hang_up(self.side().peer(), unread.then(|| ECONNRESET.into()));
        self.discard(trace::Drop::Close);
    }

    /// Gives memory back: see [`Queue::trim`](crate::queue::Queue::trim).
    pub(super) fn trim(&self) -> bool {
        self.any().trim(self.side())
    }

    /// Drops all that waits to be received, because nobody will. Sleeps.
    pub(super) fn discard(&self, reason: trace::Drop) {
        self.pair.drop_queued(self.own().sk(), reason);
    }
}

/// socketpair(2). Sleeps.
///
/// # Errors
///
/// `ENOMEM`.
pub(super) fn socketpair(a: &Socket<QueueSocket>, b: &Socket<QueueSocket>) -> Result {
    let (first, second) = Pair::new(a.small().kind)?;
    for (sock, pair) in [(a, first), (b, second)] {
        pair.end(pair.side()).set_sk(sock.sk());
        sock.sk().set_peer_cred(PeerCred::current());
        sock.sk().set_state(SkState::Established);
        sock.set_connected();
        sock.state.populate(State::Connected(Connected::new(pair)));
    }
    Ok(())
}
