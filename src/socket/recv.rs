// SPDX-License-Identifier: GPL-2.0

//! recvmsg(2) on a stream.

use super::{connected::Connected, QueueSocket, QSOCK};
use crate::{
    net::{
        errno::EOPNOTSUPP,
        msg::{MsgFlags, RecvMsg},
        poll::Events,
        sock::Sock,
        socket::Socket,
        wait, //
    },
    policy,
    queue::stream::Empty,
    transport::Transport,
};
use kernel::prelude::*;

/// How a receive leaves the queue.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// What is received is gone.
    Take,
    /// What is received stays: MSG_PEEK.
    Peek,
}

/// Receives into `msg`; returns the bytes, 0 at the end of the stream. Sleeps.
///
/// # Errors
///
/// `EINVAL` if the socket is not connected; `EOPNOTSUPP` for MSG_OOB; `EAGAIN`
/// if there is nothing (for longer than SO_RCVTIMEO); `EINTR`; `EFAULT`, and
/// then nothing is lost; the socket's pending error, once the queue is empty;
/// what the policy returns. After a part was received, the length of that is
/// returned instead.
pub(super) fn recvmsg(sock: &Socket<QueueSocket>, mut msg: RecvMsg<'_>) -> Result<usize> {
    let connected = sock.connected().ok_or(EINVAL)?;
    let flags = msg.flags();
    if flags.has(MsgFlags::OOB) {
        return Err(EOPNOTSUPP.into());
    }
    let sk = sock.sk();
    let len = msg.len();
    let target = sk.rcvlowat(flags.has(MsgFlags::WAITALL), len);
    let mut timeo = sk.rcvtimeo(flags.has(MsgFlags::DONTWAIT));
    let mode = if flags.has(MsgFlags::PEEK) {
        Mode::Peek
    } else {
        Mode::Take
    };

    let mut copied = 0;
    let result = loop {
        let received = wait::block_on(
            sk,
            Events::IN,
            &mut timeo,
            || try_recv(sk, connected, &mut msg, len - copied, mode),
            || connected.inq() > 0,
        );
        match received {
            Ok(Some(n)) => copied += n,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
        // As AF_UNIX: a peek does not wait for more than there is.
        if copied >= target || copied == len || mode == Mode::Peek {
            break Ok(());
        }
    };
    match result {
        Err(error) if copied == 0 => Err(error),
        _ => {
            if let (1.., Some(name)) = (copied, connected.peer().name()) {
                msg.set_name(|buf| buf.set(QSOCK.number(), name.name().as_bytes()));
            }
            Ok(copied)
        }
    }
}

/// Receives up to `len` bytes; `None` at the end of the stream.
fn try_recv(
    sk: &Sock,
    connected: &Connected,
    msg: &mut RecvMsg<'_>,
    len: usize,
    mode: Mode,
) -> Result<Option<usize>> {
    let link = connected.link();
    let side = connected.side();
    let incoming = match link.try_recv(side) {
        Ok(incoming) => incoming,
        Err(empty) => {
            // POSIX has it in this order.
            sk.take_error()?;
            return match empty {
                Empty::Shut => Ok(None),
                Empty::Yet => Err(EAGAIN),
            };
        }
    };
    policy::chain::recvmsg(|| incoming.bytes())?;
    let n = incoming.copy_to(len, msg.iter())?;
    if mode == Mode::Take {
        incoming.consume(n);
        wake_writer(connected);
    }
    Ok(Some(n))
}

/// Tells the peer that there is room, if there is enough.
fn wake_writer(connected: &Connected) {
    if let Some(peer) = connected.peer().sk() {
        if connected.inq() <= peer.sndbuf() / 4 {
            peer.write_space();
        }
    }
}
