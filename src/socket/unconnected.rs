// SPDX-License-Identifier: GPL-2.0

//! A socket that is neither connected nor listening yet, and how it becomes
//! what it will be: bind(2), listen(2), connect(2). shutdown(2) is here too,
//! because it is remembered before there is anything to shut.

use super::{
    connected::Connected,
    datagram,
    hooks,
    listening::{AwaitedRoom, Backlog, Embryo, Listening, Room},
    names_of,
    option,
    pair::Pair,
    Bound,
    QueueSocket,
    State,
    Target,
    QSOCK, //
};
use crate::{
    names::{Name, NameRef},
    net::{
        addr::Address,
        cred::PeerCred,
        errno::{ECONNREFUSED, EISCONN, EOPNOTSUPP},
        sock::SkState,
        socket::Socket,
        uapi::Shutdown, //
    },
    transport::Side,
};
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use kernel::prelude::*;

/// What an unconnected socket holds.
#[derive(Default)]
pub(super) struct Unconnected {
    /// A non-blocking connect(2) found this backlog full.
    room: Option<KBox<AwaitedRoom>>,
}

impl Unconnected {
    /// The backlog that connect(2) found full, for poll(2).
    pub(super) fn awaits_room(&self) -> Option<&AwaitedRoom> {
        self.room.as_deref()
    }
}

/// What shutdown(2) shut before there was a connection, which will have it shut
/// from the start.
///
/// Written under [`QueueSocket::transition`].
#[derive(Default)]
pub(super) struct EarlyShut {
    read: AtomicBool,
    write: AtomicBool,
}

impl EarlyShut {
    /// Whether receiving was shut.
    pub(super) fn is_read(&self) -> bool {
        self.read.load(Relaxed)
    }

    /// Whether sending was shut.
    pub(super) fn is_write(&self) -> bool {
        self.write.load(Relaxed)
    }

    fn shut(&self, how: Shutdown) {
        if how.reads() {
            self.read.store(true, Relaxed);
        }
        if how.writes() {
            self.write.store(true, Relaxed);
        }
    }
}

/// bind(2). Sleeps.
///
/// # Errors
///
/// `EINVAL` for a bad address or if the socket has a name (but autobind is
/// content with the one that it has), `EADDRINUSE`, `ENOSPC` if no name is left
/// to choose, `ERESTARTSYS` for a signal while one is looked for, `ENOMEM`; what
/// the policy returns.
pub(super) fn bind(sock: &Socket<QueueSocket>, addr: Address<'_>) -> Result {
    let name = NameRef::parse(addr, QSOCK.number())?.map(Name::from);
    hooks::bind(sock, name.as_ref())?;
    let _transition = sock.transition.lock();
    if sock.name.as_ref().is_some() {
        return match name {
            Some(_) => Err(EINVAL),
            None => Ok(()),
        };
    }
    let names = names_of(sock);
    let access = |name: NameRef<'_>| option::first_access(sock, name);
    let entry = match name {
        Some(name) => names.bind(sock.kind(), name, access(NameRef::from(&name)))?,
        None => names.autobind(sock.kind(), access)?,
    };
    match sock.state.as_ref() {
        Some(State::Connected(connected)) => connected.own().set_name(entry.clone()),
        Some(State::Datagram(inbox)) => {
            inbox.set_sk(sock.sk());
            inbox.set_name(*entry.name());
            // From here on, others can send to it.
            entry.set_target(Target::Inbox(inbox.clone()));
        }
        _ => {}
    }
    sock.name.populate(entry);
    Ok(())
}

/// Gives the socket a name of our choice if it wants to know who sends, and has
/// none, as AF_UNIX does for the sake of the answer. Sleeps.
///
/// # Errors
///
/// As [`bind`] of the family alone.
pub(super) fn autobind_for_cred(sock: &Socket<QueueSocket>) -> Result {
    if !sock.sk().passes_cred() || sock.name.as_ref().is_some() {
        return Ok(());
    }
    bind(sock, Address::new(&QSOCK.number().to_ne_bytes()))
}

/// The name that connect(2) or sendto(2) gives.
///
/// # Errors
///
/// `EINVAL` for a bad address.
pub(super) fn resolve(addr: Address<'_>) -> Result<NameRef<'_>> {
    NameRef::parse(addr, QSOCK.number())?.ok_or(EINVAL)
}

/// Finds who has `name`. Sleeps.
///
/// # Errors
///
/// As [`crate::names::Names::find`].
pub(super) fn find(sock: &Socket<QueueSocket>, name: NameRef<'_>) -> Result<Bound> {
    names_of(sock).find(sock.sk().net(), sock.kind(), name)
}

/// listen(2). Sleeps.
///
/// # Errors
///
/// `EOPNOTSUPP` for a datagram socket, `EINVAL` if the socket has no name of its
/// own or is connected, `ENOMEM`; what the policy returns.
pub(super) fn listen(sock: &Socket<QueueSocket>, backlog: u32) -> Result {
    if matches!(sock.state.as_ref(), Some(State::Datagram(_))) {
        return Err(EOPNOTSUPP.into());
    }
    let Some(entry) = sock.own_name() else {
        return Err(EINVAL);
    };
    hooks::listen(sock)?;
    let _transition = sock.transition.lock();
    match sock.state.as_ref() {
        Some(State::Listening(listening)) => listening.relisten(backlog),
        Some(_) => return Err(EINVAL),
        None => {
            let queue = Backlog::new(sock.sk().into(), backlog)?;
            if sock.small().early.is_read() {
                queue.shut();
            }
            sock.state
                .populate(State::Listening(Listening::new(queue.clone())));
            sock.sk().set_state(SkState::Listen);
            // From here on, connect(2) finds it.
            entry.set_target(Target::Backlog(queue));
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
/// (for longer than SO_SNDTIMEO), `EINTR`, `ENOMEM`; what [`autobind_for_cred`]
/// and the policy return. For a datagram socket, what [`datagram::connect`] returns.
pub(super) fn connect(sock: &Socket<QueueSocket>, addr: Address<'_>, nonblock: bool) -> Result {
    if let Some(State::Datagram(inbox)) = sock.state.as_ref() {
        return datagram::connect(sock, inbox, addr);
    }
    let name = resolve(addr)?;
    autobind_for_cred(sock)?;
    let mut timeo = sock.sk().sndtimeo(nonblock);

    let (pair, accepted) = Pair::new(sock.small().kind)?;
    let embryo = Embryo::new(accepted);
    loop {
        let entry = find(sock, name)?;
        let backlog = entry.target().and_then(Target::backlog);
        let backlog = backlog.ok_or(ECONNREFUSED)?;
        hooks::connect(sock, entry.name(), || backlog.cred().ids())?;

        let mut unconnected = sock.transition.lock();
        let room = match backlog.room()? {
            Room::There(room) => room,
            Room::Full if timeo == 0 => {
                // poll(2) tells when there is room.
                let awaited = AwaitedRoom::new(backlog, sock.sk())?;
                if awaited.has_room() {
                    // It came before there was anybody to tell.
                    continue;
                }
                unconnected.room = Some(KBox::new(awaited, GFP_KERNEL_ACCOUNT)?);
                return Err(EAGAIN);
            }
            Room::Full => {
                drop(unconnected);
                backlog.wait_for_room(&mut timeo)?;
                continue;
            }
        };
        match sock.state.as_ref() {
            None => {}
            Some(State::Connected(_)) => return Err(EISCONN.into()),
            Some(_) => return Err(EINVAL),
        }

        pair.end(Side::B).set_name(entry.clone());
        if let Some(own) = sock.name.get() {
            pair.end(Side::A).set_name(own);
        }
        pair.end(Side::A).set_sk(sock.sk());
        pair.end(Side::B).set_wants(room.wants());
        let connected = Connected::new(pair);
        connected.shut_early(&sock.small().early);

        sock.sk().set_peer_cred(room.cred());
        sock.sk().set_state(SkState::Established);
        sock.set_connected();
        sock.state.populate(State::Connected(connected));
        let listener = room.push(embryo);
        let awaited = unconnected.room.take();
        drop(unconnected);
        drop(awaited);
        if let Some(listener) = listener {
            listener.data_ready();
        }
        return Ok(());
    }
}

/// shutdown(2). Sleeps.
///
/// # Errors
///
/// What the policy returns.
pub(super) fn shutdown(sock: &Socket<QueueSocket>, how: Shutdown) -> Result {
    hooks::shutdown(sock)?;
    let transition = sock.transition.lock();
    match sock.state.as_ref() {
        None => sock.small().early.shut(how),
        Some(State::Listening(listening)) if how.reads() => listening.shut(),
        Some(State::Listening(_)) => {}
        Some(State::Connected(connected)) => connected.shutdown(how),
        Some(State::Datagram(inbox)) => datagram::shutdown(inbox, how),
    }
    drop(transition);
    sock.sk().state_change();
    Ok(())
}
