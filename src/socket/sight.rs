// SPDX-License-Identifier: GPL-2.0

//! What /proc/net/qsock and sock_diag show of a socket, in each of its states;
//! and /proc/PID/fdinfo.

use super::{QueueSocket, State};
use crate::{
    net::{sight::Sight, sock::Sock, socket::Socket},
    transport::Transport, //
};
use kernel::{seq_file::SeqFile, seq_print};

/// What is shown of `socket`. Sleeps.
///
/// It is called under the mutex of the namespace's table of sockets, so that it
/// takes no lock under which user memory is copied.
pub(super) fn sight(socket: &QueueSocket) -> Sight<'_> {
    let name = socket.name.as_ref();
    let name = name.map_or(&[][..], |entry| entry.name().as_bytes());
    let inode = |sk: Option<&Sock>| sk.map_or(0, Sock::inode);
    match socket.state.as_ref() {
        None => Sight {
            name,
            read_shut: socket.small().early.is_read(),
            write_shut: socket.small().early.is_write(),
            ..Sight::default()
        },
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
            received: inbox.mail.queued(()),
            sent: inbox.sent.bytes(),
            read_shut: inbox.mail.is_shut(()),
            write_shut: inbox.is_write_shut(),
        },
    }
}

/// What fdinfo shows: as AF_UNIX, the files that wait to be received. Sleeps for
/// readers.
pub(super) fn show_fdinfo(sock: &Socket<QueueSocket>, to: &SeqFile) {
    let mut files = 0u32;
    sock.for_each_file(&mut |_| files = files.saturating_add(1));
    seq_print!(to, "scm_fds: {files}\n");
}
