// SPDX-License-Identifier: GPL-2.0

//! poll(2): what a socket is ready for, in each of its states.

use super::{QueueSocket, State};
use crate::net::{
    poll::{Events, PollWait},
    socket::Socket, //
};

/// What the socket is ready for. Sleeps for the state's lock only.
///
/// What this calls writable, a send takes, at least a part of it.
pub(super) fn poll(sock: &Socket<QueueSocket>, wait: &PollWait<'_>) -> Events {
    sock.poll_wait(wait);
    let sk = sock.sk();
    let (read_shut, write_shut, ready) = match sock.state.as_ref() {
        Some(State::Connected(connected)) => (
            connected.is_read_shut(),
            connected.is_write_shut(),
            Events::IN.when(connected.inq() > 0)
                | Events::OUT.when(connected.is_writable(sk.sndbuf())),
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
                // As AF_UNIX: there is room, and nobody to send to.
                Events::OUT | Events::HUP,
            )
        }
    };
    Events::ERR.when(sk.has_error())
        | Events::HUP.when(read_shut && write_shut)
        | (Events::RDHUP | Events::IN).when(read_shut)
        | ready
}
