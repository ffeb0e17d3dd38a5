// SPDX-License-Identifier: GPL-2.0

//! A socket that is neither connected nor listening yet, and how it becomes
//! what it will be: bind(2), listen(2), connect(2). shutdown(2) is here too,
//! because it is remembered before there is anything to shut.

use super::{
    connected::{Connected, Pair},
    listening::{Backlog, Listening, Pending, Room},
    Naming,
    Qsock,
    QueueSocket,
    State,
    QSOCK, //
};
use crate::{
    names::Name,
    net::{
        addr::Address,
        cred::PeerCred,
        errno::{ECONNREFUSED, EISCONN},
        sock::SkState,
        socket::Socket,
        uapi::Shutdown, //
    },
    transport::Side,
};
use kernel::prelude::*;

/// What an unconnected socket holds.
#[derive(Default)]
pub(super) struct Unconnected {
    /// shutdown(2) came before the connection: it will have this direction
    /// shut from the start.
    shut_read: bool,
    shut_write: bool,
}

impl Unconnected {
    /// Whether receiving was shut.
    pub(super) fn is_read_shut(&self) -> bool {
        self.shut_read
    }

    /// Whether sending was shut.
    pub(super) fn is_write_shut(&self) -> bool {
        self.shut_write
    }

    fn shut(&mut self, how: Shutdown) {
        self.shut_read |= how.reads();
        self.shut_write |= how.writes();
    }
}

/// bind(2). Sleeps.
///
/// # Errors
///
/// `EINVAL` for a bad address or if the socket has a name (but autobind is
/// content with the one that it has), `EADDRINUSE`, `ENOSPC` if no name is left
/// to choose, `ENOMEM`.
pub(super) fn bind(sock: &Socket<QueueSocket>, addr: Address<'_>) -> Result {
    let name = Name::parse(addr, QSOCK.number())?;
    let _transition = sock.transition.lock();
    if sock.name.as_ref().is_some() {
        return match name {
            Some(_) => Err(EINVAL),
            None => Ok(()),
        };
    }
    let names = sock.sk().net().data::<Qsock>();
    let entry = match name {
        Some(name) => names.bind(sock.kind(), name)?,
        None => names.autobind(sock.kind())?,
    };
    if let Some(connected) = sock.connected() {
        connected.own().set_name(entry.clone());
    }
    sock.name.populate(Naming::Own(entry));
    Ok(())
}

/// listen(2). Sleeps.
///
/// # Errors
///
/// `EINVAL` if the socket has no name or is connected, `ENOMEM`.
pub(super) fn listen(sock: &Socket<QueueSocket>, backlog: u32) -> Result {
    let Some(Naming::Own(entry)) = sock.name.as_ref() else {
        return Err(EINVAL);
    };
    let unconnected = sock.transition.lock();
    match sock.state.as_ref() {
        Some(State::Listening(listening)) => listening.relisten(backlog),
        Some(State::Connected(_)) => return Err(EINVAL),
        None => {
            let queue = Backlog::new(sock.sk().into(), backlog)?;
            if unconnected.is_read_shut() {
                queue.shut();
            }
            sock.state
                .populate(State::Listening(Listening::new(queue.clone())));
            sock.sk().set_state(SkState::Listen);
            // From here on, connect(2) finds it.
            entry.set_target(queue);
        }
    }
    // As AF_UNIX: a listening socket is its own peer.
    sock.sk().set_peer_cred(PeerCred::current());
    Ok(())
}

/// connect(2). Sleeps.
///
/// The connection is there when this returns; whether it is accepted is seen
/// later.
///
/// # Errors
///
/// `EINVAL` for a bad address or a listening socket, `EISCONN`, `ECONNREFUSED`
/// if nobody listens, `EACCES` without write permission on the name,
/// `EPROTOTYPE` for a name of another type, `EAGAIN` if the backlog is full
/// (for longer than SO_SNDTIMEO), `EINTR`, `ENOMEM`.
pub(super) fn connect(sock: &Socket<QueueSocket>, addr: Address<'_>, nonblock: bool) -> Result {
    let name = Name::parse(addr, QSOCK.number())?.ok_or(EINVAL)?;
    let mut timeo = sock.sk().sndtimeo(nonblock);
    let net = sock.sk().net();
    let names = net.data::<Qsock>();

    let pair = Pair::new()?;
    let pending = Pending::new(pair.clone(), PeerCred::current())?;
    loop {
        let entry = names.find(net, sock.kind(), &name)?;
        let backlog = entry.target().ok_or(ECONNREFUSED)?;

        let unconnected = sock.transition.lock();
        let room = match backlog.room()? {
            Room::There(room) => room,
            Room::Full => {
                drop(unconnected);
                backlog.wait_for_room(&mut timeo)?;
                continue;
            }
        };
        match sock.state.as_ref() {
            None => {}
            Some(State::Connected(_)) => return Err(EISCONN.into()),
            Some(State::Listening(_)) => return Err(EINVAL),
        }

        pair.end(Side::B).set_name(entry.clone());
        if let Some(own) = sock.name.as_ref() {
            pair.end(Side::A).set_name(own.entry().clone());
        }
        pair.end(Side::A).set_sk(sock.sk());
        let connected = Connected::new(pair, Side::A);
        connected.shut_early(&unconnected);

        sock.sk().set_peer_cred(room.cred());
        sock.sk().set_state(SkState::Established);
        sock.set_connected();
        sock.state.populate(State::Connected(connected));
        let listener = room.push(pending);
        drop(unconnected);
        if let Some(listener) = listener {
            listener.data_ready();
        }
        return Ok(());
    }
}

/// shutdown(2). Sleeps.
pub(super) fn shutdown(sock: &Socket<QueueSocket>, how: Shutdown) -> Result {
    let mut unconnected = sock.transition.lock();
    match sock.state.as_ref() {
        None => unconnected.shut(how),
        Some(State::Listening(listening)) if how.reads() => listening.shut(),
        Some(State::Listening(_)) => {}
        Some(State::Connected(connected)) => connected.shutdown(how),
    }
    drop(unconnected);
    sock.sk().state_change();
    Ok(())
}
