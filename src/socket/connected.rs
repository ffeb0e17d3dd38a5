// SPDX-License-Identifier: GPL-2.0

//! A connected socket, and the connection that it shares with its peer.

use super::{unconnected::Unconnected, Bound, QueueSocket, State};
use crate::{
    net::{
        cred::PeerCred,
        errno::ECONNRESET,
        sock::{SkState, Sock},
        socket::Socket,
        uapi::Shutdown, //
    },
    transport::{local::Local, Side, Transport},
};
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
}

impl End {
    fn new() -> Self {
        Self {
            sk: SetOnce::new(),
            name: SetOnce::new(),
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

/// A connection.
#[pin_data]
pub(super) struct Pair {
    #[pin]
    link: Local,
    a: End,
    b: End,
}

impl Pair {
    /// A connection without ends. Sleeps.
    pub(super) fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                link <- Local::new(),
                a: End::new(),
                b: End::new(),
            }),
            GFP_KERNEL_ACCOUNT,
        )
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
        self.link.shut(Side::A);
        self.link.shut(Side::B);
        if let Some(sk) = sk {
            sk.state_change();
            sk.async_hup();
        }
    }

    /// Ends a connection that nobody accepted. Does not sleep.
    pub(super) fn reset(&self) {
        self.hang_up(Side::A, Some(ECONNRESET.into()));
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

    /// What carries the bytes.
    pub(super) fn link(&self) -> &impl Transport {
        &self.pair.link
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
        self.link().queued(self.side)
    }

    /// The bytes that the peer has not received yet.
    pub(super) fn outq(&self) -> usize {
        self.link().queued(self.side.peer())
    }

    /// Whether nothing more will be received.
    pub(super) fn is_read_shut(&self) -> bool {
        self.link().is_shut(self.side)
    }

    /// Whether nothing more may be sent.
    pub(super) fn is_write_shut(&self) -> bool {
        self.link().is_shut(self.side.peer())
    }

    /// Whether a writer with the given SO_SNDBUF should go on: a quarter of it
    /// is in use at most, as AF_UNIX has it.
    pub(super) fn is_writable(&self, sndbuf: usize) -> bool {
        self.outq() <= sndbuf / 4
    }

    /// Shuts what shutdown(2) shut before there was a connection.
    pub(super) fn shut_early(&self, unconnected: &Unconnected) {
        if unconnected.is_read_shut() {
            self.link().shut(self.side);
        }
        if unconnected.is_write_shut() {
            self.link().shut(self.side.peer());
        }
    }

    /// shutdown(2), as far as the peer sees it. Does not sleep.
    pub(super) fn shutdown(&self, how: Shutdown) {
        if how.reads() {
            self.link().shut(self.side);
        }
        if how.writes() {
            self.link().shut(self.side.peer());
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
        let unread = self.inq() > 0;
        self.pair
            .hang_up(self.side.peer(), unread.then(|| ECONNRESET.into()));
        // Nobody will read them.
        self.link().discard(self.side);
    }
}

/// socketpair(2). Sleeps.
///
/// # Errors
///
/// `ENOMEM`.
pub(super) fn socketpair(a: &Socket<QueueSocket>, b: &Socket<QueueSocket>) -> Result {
    let pair = Pair::new()?;
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
