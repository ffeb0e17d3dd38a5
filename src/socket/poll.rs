// SPDX-License-Identifier: GPL-2.0

//! poll(2): what a socket is ready for, in each of its states.

use super::{
    ancillary::Ancillary,
    connected::Connected,
    datagram,
    QueueSocket,
    State, //
};
use crate::{
    net::{
        poll::{Events, PollWait},
        sock::Sock,
        socket::Socket, //
    },
    queue::{stream::Stream, Queue},
};

/// What the socket is ready for. Sleeps for locks only.
///
/// What this calls writable of a connection, a send takes, at least a part of
/// it.
#[inline(always)]
pub(super) fn poll(sock: &Socket<QueueSocket>, wait: PollWait<'_>) -> Events {
    // Both before the first look: the compiler finds the one with the other.
    let (sk, this): (_, &QueueSocket) = (sock.sk(), sock);
    if sock.knows(&wait) {
        if let Some(events) = plain(sk, this, |_, _| None) {
            return events;
        }
    }
    joined(sock, wait)
}

/// [`poll`] of a connection of bytes that is as most are: each look is a load. Where
/// the peer has not received all yet, `has_room` says whether there is room.
#[inline(always)]
fn plain(
    sk: &Sock,
    this: &QueueSocket,
    has_room: impl FnOnce(&Connected, &Stream<Ancillary>) -> Option<bool>,
) -> Option<Events> {
    let (connected, link) = this.bytes()?;
    let [here, there] = link.ways(connected.side()).map(|way| &way.queue);
    // All of it is looked at: mostly it is so, and one jump is less than three.
    if !here.is_plain() | !there.is_plain() | sk.has_error() {
        return None;
    }
    let queued = here.plain_bytes();
    let readable = queued > 0;
    // Fewer may be enough, if the peer has no room for more.
    if readable && queued < sk.lowat() as isize {
        return None;
    }
    let writable = there.is_unused() || has_room(connected, there)?;
    Some(Events::IN.when(readable) | Events::OUT.when(writable))
}

/// [`poll`] for who may wait.
#[inline(never)]
fn joined(sock: &Socket<QueueSocket>, wait: PollWait<'_>) -> Events {
    sock.poll_wait(&wait);
    let has_room = |connected: &Connected, there: &Stream<Ancillary>| {
        Some(there.plain_bytes() <= (connected.limit() / 4) as isize)
    };
    plain(sock.sk(), sock, has_room).unwrap_or_else(|| any(sock))
}

/// [`poll`] of any connection: of one of bytes, without the calls through its transport
/// where most that are shut need none.
#[cold]
fn connection(sk: &Sock, connected: &Connected) -> Events {
    let (read_shut, write_shut, unused) = match connected.bytes() {
        Some(link) => {
            let [here, there] = link.ways(connected.side()).map(|way| &way.queue);
            (here.is_shut(), there.is_shut(), there.is_unused())
        }
        None => (connected.is_read_shut(), connected.is_write_shut(), false),
    };
    Events::ERR.when(sk.has_error())
        | Events::PRI.when(connected.is_urgent())
        | Events::HUP.when(read_shut && write_shut)
        | Events::RDHUP.when(read_shut)
        | Events::IN.when(read_shut || connected.is_readable())
        | Events::OUT.when(unused || connected.is_writable())
}

/// [`poll`] of any socket.
#[cold]
fn any(sock: &Socket<QueueSocket>) -> Events {
    let sk = sock.sk();
    let (read_shut, write_shut, ready) = match sock.state.as_ref() {
        Some(State::Datagram(inbox)) => {
            return Events::ERR.when(sk.has_error()) | datagram::poll(sock, inbox);
        }
        Some(State::Connected(connected)) => return connection(sk, connected),
        Some(State::Listening(listening)) => {
            let (shut, acceptable) = listening.poll();
            (shut, false, Events::IN.when(acceptable))
        }
        None => {
            let unconnected = sock.transition.lock();
            (
                sock.small().early.is_read(),
                sock.small().early.is_write(),
                match unconnected.awaits_room() {
                    // As AF_UNIX: there is room, and nobody to send to.
                    None => Events::OUT | Events::HUP,
                    // connect(2) found a backlog full: would it still?
                    Some(place) => Events::OUT.when(place.has_room()),
                },
            )
        }
    };
    Events::ERR.when(sk.has_error())
        | Events::HUP.when(read_shut && write_shut)
        | (Events::RDHUP | Events::IN).when(read_shut)
        | ready
}
