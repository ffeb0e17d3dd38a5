// SPDX-License-Identifier: GPL-2.0

//! A datagram socket: it sends to whom it likes, or to a peer alone.

use super::{
    ancillary::Ancillary,
    deliver::{Letter, Refusal},
    envelope::Credit,
    hooks,
    inbox::{id, Inbox},
    payload::Payload,
    unconnected::{autobind_for_cred, find, resolve},
    QueueSocket, //
};
use crate::{
    names::{Name, NameRef},
    net::{
        addr::Address,
        cred::PeerCred,
        errno::{ECONNREFUSED, ECONNRESET, ENOBUFS, ENOTCONN, EOPNOTSUPP},
        msg::{MsgFlags, SendMsg},
        poll::Events,
        scm::{Control, Files},
        sock::SkState,
        socket::Socket,
        uapi::{Shutdown, AF_UNSPEC},
        wait::{block_on, Timeo}, //
    },
    policy::chain::DROPPED,
    trace,
    transport::Transport, //
};
use kernel::{prelude::*, sync::Arc};

/// connect(2). Sleeps.
///
/// # Errors
///
/// `EINVAL` for a bad address, `ECONNREFUSED` if nobody has the name, `EACCES`
/// without write permission on it, `EPROTOTYPE` for a name of another type,
/// `EPERM` if the other socket is connected to a third, `ENOMEM`; what
/// [`autobind_for_cred`] and the policy return.
pub(super) fn connect(sock: &Socket<QueueSocket>, own: &Arc<Inbox>, addr: Address<'_>) -> Result {
    let peer = if addr.family() == Some(AF_UNSPEC) {
        None
    } else {
        let name = Name::from(resolve(addr)?);
        autobind_for_cred(sock)?;
        let peer = find_inbox(sock, NameRef::from(&name))?;
        hooks::connect(sock, &name, || peer.maker)?;
        if !peer.mail.hears(id(own)) {
            return Err(EPERM);
        }
        Some(peer)
    };
    own.set_sk(sock.sk());
    sock.sk().set_state(match peer {
        Some(_) => SkState::Established,
        None => SkState::Close,
    });
    let same = |old: &Arc<Inbox>| peer.as_ref().is_some_and(|peer| Arc::ptr_eq(peer, old));
    let new = peer.clone();
    let old = own.set_peer(new);
    if let Some(old) = old.filter(|old| !same(old)) {
        disconnected(own, &old);
    }
    sock.sk().state_change();
    Ok(())
}

/// The socket has another peer than `old` now: what `old` sent is lost, and it
/// is told so if it is still connected.
fn disconnected(own: &Arc<Inbox>, old: &Arc<Inbox>) {
    if own.mail.is_empty(()) {
        return;
    }
    own.discard(trace::Drop::Disconnect);
    own.wake_waiting();
    if let (false, true, Some(sk)) = (old.is_dead(), old.is_peer_of(own), old.sk()) {
        sk.set_error(ECONNRESET.into());
        sk.error_report();
    }
}

/// The inbox that `name` leads to.
fn find_inbox(sock: &Socket<QueueSocket>, name: NameRef<'_>) -> Result<Arc<Inbox>> {
    let entry = find(sock, name)?;
    let inbox = entry.target().and_then(|target| target.inbox());
    // A socket that is being closed has no name soon.
    let inbox = inbox.filter(|inbox| !inbox.is_dead()).ok_or(ECONNREFUSED)?;
    Ok(inbox.clone())
}

/// socketpair(2). Sleeps.
pub(super) fn socketpair(
    (a, inbox_a): (&Socket<QueueSocket>, &Arc<Inbox>),
    (b, inbox_b): (&Socket<QueueSocket>, &Arc<Inbox>),
) {
    for (sock, own, peer) in [(a, inbox_a, inbox_b), (b, inbox_b, inbox_a)] {
        own.set_sk(sock.sk());
        sock.sk().set_peer_cred(PeerCred::current());
        sock.sk().set_state(SkState::Established);
        sock.set_connected();
        own.set_peer(Some(peer.clone()));
    }
}

/// shutdown(2): of this socket alone, as AF_UNIX. Sleeps.
pub(super) fn shutdown(own: &Inbox, how: Shutdown) {
    if how.reads() {
        own.shut_read();
    }
    if how.writes() {
        own.shut_write();
    }
}

/// poll(2). Sleeps for locks only.
pub(super) fn poll(sock: &Socket<QueueSocket>, own: &Inbox) -> Events {
    let sk = sock.sk();
    let (read_shut, write_shut) = (own.mail.is_shut(()), own.is_write_shut());
    own.set_sk(sk);
    let writable = own.sent.is_writable(sk.sndbuf()) && own.poll_room(sk);
    if !writable {
        sk.set_nospace();
    }
    Events::HUP.when(read_shut && write_shut)
        | (Events::RDHUP | Events::IN).when(read_shut)
        | Events::IN.when(!own.mail.is_empty(()))
        | Events::OUT.when(writable)
}

/// sendmsg(2). Sleeps.
///
/// # Errors
///
/// What [`Control::parse`] returns; `EOPNOTSUPP` for MSG_OOB; what [`connect`]
/// returns for the destination, `ENOTCONN` if there is none; `EMSGSIZE` if the
/// message is longer than SO_SNDBUF; the socket's pending error; `EPIPE` if
/// sending was shut or the receiver shut its side; `ECONNREFUSED` if the peer
/// is gone, and then there is none any more; `EPERM` if the receiver is
/// connected to another socket or takes no files; `EAGAIN` if there is no room
/// (for longer than SO_SNDTIMEO); `EINTR`; `EFAULT`; `ENOBUFS`;
/// `ETOOMANYREFS`; what the policy returns.
pub(super) fn sendmsg(
    sock: &Socket<QueueSocket>,
    own: &Arc<Inbox>,
    mut msg: SendMsg<'_>,
) -> Result<usize> {
    let control = Control::parse(sock, &msg)?;
    let flags = msg.flags();
    if flags.has(MsgFlags::OOB) {
        return Err(EOPNOTSUPP.into());
    }
    let name = match msg.name() {
        Some(addr) => Some(Name::from(resolve(addr)?)),
        None => None,
    };
    autobind_for_cred(sock)?;
    let sk = sock.sk();
    let len = msg.len();
    if len > sk.sndbuf() {
        return Err(EMSGSIZE);
    }
    own.set_sk(sk);
    let nonblock = flags.has(MsgFlags::DONTWAIT);
    let credit = block_on(
        sk,
        Events::OUT,
        &mut Timeo::send(sk, nonblock),
        || {
            sk.take_error()?;
            if own.is_write_shut() {
                return Err(EPIPE);
            }
            let credit = Credit::new(own, sk, len);
            match target(sock, own, name.as_ref()) {
                // No room will come of waiting.
                Ok(to) if credit.is_none() && to.is_shut() => Err(EPIPE),
                _ => credit.ok_or_else(|| {
                    sk.set_nospace();
                    EAGAIN
                }),
            }
        },
        || own.sent.is_writable(sk.sndbuf()),
    )?;
    let letter = Letter {
        flags,
        files: control.files.as_ref().map_or(0, Files::len),
        ancillary: Ancillary::new(control)?,
        credit: Some(credit),
    };
    let mut payload = Payload::new(sock, &mut msg);
    match deliver(sock, own, name.as_ref(), &mut payload, letter, nonblock) {
        Ok(()) => Ok(len),
        Err(error) => Err(payload.fail(error)),
    }
}

/// The short way of [`sendmsg`], for messages of bytes alone: sends one to the
/// peer, or to who has the name, if there is room. Returns `None` where it is
/// not as easy as that, and then nothing has happened. Sleeps.
///
/// # Errors
///
/// What the policy returns.
#[inline(always)]
pub(super) fn send_plain(
    sock: &Socket<QueueSocket>,
    msg: &mut SendMsg<'_>,
) -> Option<Result<usize>> {
    let own = sock.inbox()?;
    let (sk, len) = (sock.sk(), msg.len());
    if sk.has_error() || sk.passes_cred() || own.is_write_shut() || len > sk.sndbuf() {
        return None;
    }
    let sent = if msg.has_name() {
        own.set_sk(sk);
        let name = resolve(msg.name()?).ok()?;
        find_inbox(sock, name)
            .ok()?
            .deliver_plain(own, sock, msg, len)
    } else {
        let peer = own.lock_peer();
        (*peer).as_ref()?.deliver_plain(own, sock, msg, len)
    };
    Some(sent?.map(|()| len))
}

/// What a send returns that found no memory.
pub(super) fn no_buffers(error: Error) -> Error {
    if error == ENOMEM {
        ENOBUFS.into()
    } else {
        error
    }
}

/// Who has `name`, or the peer.
fn target(sock: &Socket<QueueSocket>, own: &Inbox, name: Option<&Name>) -> Result<Arc<Inbox>> {
    match name {
        Some(name) => find_inbox(sock, name.into()),
        None => Ok(own.peer().ok_or(ENOTCONN)?),
    }
}

/// Delivers to who has `name`, or to the peer.
fn deliver(
    sock: &Socket<QueueSocket>,
    own: &Arc<Inbox>,
    name: Option<&Name>,
    payload: &mut Payload<'_, '_>,
    mut letter: Letter,
    nonblock: bool,
) -> Result {
    let sk = sock.sk();
    let mut timeo = sk.sndtimeo(nonblock);
    let mut receiver = None;
    loop {
        let to = match receiver.take() {
            Some(to) => to,
            None => {
                let to = target(sock, own, name)?;
                let about = hooks::Datagram {
                    sock,
                    peer: Some(&to),
                    flags: letter.flags,
                    files: letter.files,
                };
                about.pass_files(&letter.ancillary)?;
                to
            }
        };
        if let Some(receiver) = to.sk() {
            if !payload.filter(receiver)? {
                // As AF_UNIX: the sender is not told.
                return Ok(());
            }
        }
        let Err(why) = to.try_deliver(own, sock, payload, &mut letter) else {
            return Ok(());
        };
        match why {
            Refusal::NotPeer | Refusal::Files => return Err(EPERM),
            Refusal::Shut => return Err(EPIPE),
            Refusal::Error(error) if error == DROPPED => return Ok(()),
            Refusal::Error(error) => return Err(error),
            Refusal::Dead if own.leave(&to) => {
                sk.set_state(SkState::Close);
                disconnected(own, &to);
                return Err(ECONNREFUSED.into());
            }
            Refusal::Dead if name.is_none() => return Err(ECONNRESET.into()),
            Refusal::Dead => {}
            Refusal::Full => {
                if timeo == 0 {
                    sk.set_nospace();
                    return Err(EAGAIN);
                }
                to.wait_for_room(sk.sndbuf(), &mut timeo)?;
                receiver = Some(to);
            }
        }
    }
}
