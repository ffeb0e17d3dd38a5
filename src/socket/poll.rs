// SPDX-License-Identifier: GPL-2.0

//! poll(2): what a socket is ready for, in each of its states.

use super::{datagram, QueueSocket, State};
use crate::net::{
    poll::{Events, PollWait},
    socket::Socket, //
};

/// What the socket is ready for. Sleeps for locks only.
///
/// What this calls writable of a connection, a send takes, at least a part of
/// it.
pub(super) fn poll(sock: &Socket<QueueSocket>, wait: &PollWait<'_>) -> Events {
    sock.poll_wait(wait);
    let sk = sock.sk();
    let (read_shut, write_shut, ready) = match sock.state.as_ref() {
        Some(State::Datagram(inbox)) => {
            return Events::ERR.when(sk.has_error()) | datagram::poll(sock, inbox);
        }
        Some(State::Connected(connected)) => (
            connected.is_read_shut(),
            connected.is_write_shut(),
            Events::IN.when(connected.is_readable())
                | Events::PRI.when(connected.is_urgent())
                | Events::OUT.when(connected.is_writable()),
        ),
        Some(State::Listening(listening)) => (
            listening.is_shut(),
            false,
            Events::IN.when(listening.is_acceptable()),
        ),
        None => {
            let unconnected = sock.transition.lock();
            (
                unconnected.is_read_shut(),
                unconnected.is_write_shut(),
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
