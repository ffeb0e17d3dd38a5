// SPDX-License-Identifier: GPL-2.0

//! sendmsg(2) on a stream.

use super::{connected::Connected, QueueSocket};
use crate::{
    net::{
        cred::send_sigpipe,
        errno::{EISCONN, ENOBUFS, ENOTCONN, EOPNOTSUPP},
        msg::{MsgFlags, SendMsg},
        poll::Events,
        scm::check_control,
        sock::Sock,
        socket::Socket,
        wait, //
    },
    policy,
    queue::stream::NoRoom,
    transport::Transport,
};
use kernel::prelude::*;

/// Sends `msg`; returns how much of it was taken. Sleeps.
///
/// # Errors
///
/// `ENOTCONN`; `EPIPE`, with SIGPIPE unless MSG_NOSIGNAL, if the connection is
/// shut; `EISCONN` or `EOPNOTSUPP` if the message names a destination;
/// `EOPNOTSUPP` for MSG_OOB; `EAGAIN` if there is no room (for longer than
/// SO_SNDTIMEO); `EINTR`; `EFAULT`; `ENOBUFS` without memory; the socket's
/// pending error; what [`check_control`] and the policy return. After a part
/// was taken, the length of that is returned instead.
pub(super) fn sendmsg(sock: &Socket<QueueSocket>, mut msg: SendMsg<'_>) -> Result<usize> {
    check_control(sock, &msg)?;
    let flags = msg.flags();
    if flags.has(MsgFlags::OOB) {
        return Err(EOPNOTSUPP.into());
    }
    let connected = sock.connected();
    if msg.has_name() {
        return Err(match connected {
            Some(_) => EISCONN.into(),
            None => EOPNOTSUPP.into(),
        });
    }
    let connected = connected.ok_or(ENOTCONN)?;

    let mut sent = 0;
    let result = send_all(sock.sk(), connected, &mut msg, &mut sent);
    match result {
        Err(error) if sent == 0 => {
            if error == EPIPE && !flags.has(MsgFlags::NOSIGNAL) {
                send_sigpipe();
            }
            Err(error)
        }
        _ => Ok(sent),
    }
}

/// Sends all of `msg`, counting in `sent` what was taken.
fn send_all(sk: &Sock, connected: &Connected, msg: &mut SendMsg<'_>, sent: &mut usize) -> Result {
    if connected.is_write_shut() {
        return Err(EPIPE);
    }
    let nonblock = msg.flags().has(MsgFlags::DONTWAIT);
    while *sent < msg.len() {
        let left = msg.len() - *sent;
        *sent += wait::block_on(
            sk,
            Events::OUT,
            &mut sk.sndtimeo(nonblock),
            || try_send(sk, connected, msg, left),
            || connected.is_writable(sk.sndbuf()),
        )?;
    }
    Ok(())
}

/// Sends up to `len` bytes of `msg`: reserve, copy, ask the policy, commit.
fn try_send(sk: &Sock, connected: &Connected, msg: &mut SendMsg<'_>, len: usize) -> Result<usize> {
    sk.take_error()?;
    let reserved = connected
        .link()
        .try_send(connected.side(), len, sk.sndbuf());
    let mut room = reserved.map_err(|why| match why {
        NoRoom::Full => {
            sk.set_nospace();
            EAGAIN
        }
        NoRoom::Shut => EPIPE,
        NoRoom::NoMemory => ENOBUFS.into(),
    })?;
    room.fill(msg.iter())?;
    policy::chain::sendmsg(|| room.bytes())?;
    let sent = room.commit();
    if let Some(peer) = connected.peer().sk() {
        peer.data_ready();
    }
    Ok(sent)
}
