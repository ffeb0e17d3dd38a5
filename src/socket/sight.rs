// SPDX-License-Identifier: GPL-2.0

//! What /proc/net/qsock and sock_diag show of a socket, in each of its states.
//!
//! It is called under the mutex of the namespace's table of sockets, so that it
//! takes no lock under which user memory is copied.

use super::{Naming, QueueSocket, State};
use crate::{
    net::{sight::Sight, sock::Sock},
    queue::Queue, //
};

/// What is shown of `socket`. Sleeps.
pub(super) fn sight(socket: &QueueSocket) -> Sight<'_> {
    let name = socket.name.as_ref().map(Naming::entry);
    let name = name.map_or(&[][..], |entry| entry.name().as_bytes());
    let inode = |sk: Option<&Sock>| sk.map_or(0, Sock::inode);
    match socket.state.as_ref() {
        None => {
            let unconnected = socket.transition.lock();
            Sight {
                name,
                read_shut: unconnected.is_read_shut(),
                write_shut: unconnected.is_write_shut(),
                ..Sight::default()
            }
        }
        Some(State::Listening(listening)) => {
            let (received, sent) = listening.queue();
            Sight {
                name,
                received,
                sent,
                read_shut: listening.is_shut(),
                ..Sight::default()
            }
        }
        Some(State::Connected(connected)) => Sight {
            name,
            peer: Some(inode(connected.peer().sk())),
            received: connected.inq(),
            sent: connected.outq(),
            read_shut: connected.is_read_shut(),
            write_shut: connected.is_write_shut(),
        },
        Some(State::Datagram(inbox)) => Sight {
            name,
            peer: inbox.peer().map(|peer| inode(peer.sk())),
            received: inbox.records.bytes(),
            sent: inbox.sent.bytes(),
            read_shut: inbox.records.is_shut(),
            write_shut: inbox.is_write_shut(),
        },
    }
}
