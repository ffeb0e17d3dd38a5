// SPDX-License-Identifier: GPL-2.0

//! sendmsg(2) and recvmsg(2) on sockets that keep the boundaries of messages:
//! sequenced packets, and the receiving side of datagrams.

use super::{
    ancillary::{Ancillary, Received},
    connected::{Connected, Packets},
    datagram::no_buffers,
    envelope::{filter, Envelope},
    inbox::Inbox,
    unconnected::autobind_for_cred,
    QueueSocket,
    QSOCK, //
};
use crate::{
    names::Name,
    net::{
        errno::{ENOTCONN, EOPNOTSUPP},
        msg::{MsgFlags, RecvMsg, SendMsg},
        poll::Events,
        scm::Control,
        socket::Socket,
        wait, //
    },
    policy,
    queue::{
        record::{Parcel, Records},
        Empty,
        NoRoom,
        Queue, //
    },
};
use kernel::prelude::*;

/// sendmsg(2) on a connection of packets. A destination is ignored. Sleeps.
///
/// # Errors
///
/// The socket's pending error; `ENOTCONN`; what [`Control::parse`] returns;
/// `EOPNOTSUPP` for MSG_OOB; `EMSGSIZE` if the message is longer than
/// SO_SNDBUF; `EPIPE` if the connection is shut; `EAGAIN` if there is no room
/// (for longer than SO_SNDTIMEO); `EINTR`; `EFAULT`; `ENOBUFS`; `EPERM` if the
/// receiver takes no files; `ETOOMANYREFS`; what the policy returns.
pub(super) fn sendmsg(
    sock: &Socket<QueueSocket>,
    connection: Option<(&Connected, &Packets)>,
    mut msg: SendMsg<'_>,
) -> Result<usize> {
    let sk = sock.sk();
    sk.take_error()?;
    let (connected, link) = connection.ok_or(ENOTCONN)?;
    let control = Control::parse(sock, &msg)?;
    let flags = msg.flags();
    if flags.has(MsgFlags::OOB) {
        return Err(EOPNOTSUPP.into());
    }
    autobind_for_cred(sock)?;
    let len = msg.len();
    if len > sk.sndbuf() {
        return Err(EMSGSIZE);
    }
    if connected.is_write_shut() {
        return Err(EPIPE);
    }
    let mut ancillary = Ancillary::new(control)?;
    ancillary.address(sock, connected.peer().wants())?;
    let envelope = Envelope {
        ancillary,
        credit: None,
        end_of_record: flags.has(MsgFlags::EOR),
        stamp: connected.peer().sk().and_then(|peer| peer.stamp_now()),
    };
    let mut parcel = Parcel::new(msg.iter(), envelope).map_err(no_buffers)?;
    policy::chain::sendmsg(|| [parcel.message().bytes(), &[]])?;

    if let Some(peer) = connected.peer().sk() {
        if !filter(peer, &mut parcel)? {
            return Ok(len);
        }
    }
    let queue = link.to(connected.side().peer());
    let mut parcel = Some(parcel);
    let queued = wait::block_on(
        sk,
        Events::OUT,
        &mut sk.sndtimeo(flags.has(MsgFlags::DONTWAIT)),
        || {
            sk.take_error()?;
            let whole = parcel.take().ok_or(EINVAL)?;
            queue
                .try_push(whole, connected.limit())
                .map_err(|(why, back)| {
                    parcel = Some(back);
                    match why {
                        NoRoom::Full => {
                            sk.set_nospace();
                            EAGAIN
                        }
                        _ => EPIPE,
                    }
                })
        },
        || connected.is_writable(),
    );
    if let Err(error) = queued {
        msg.rewind();
        return Err(error);
    }
    connected.wake_reader();
    Ok(len)
}

/// Where packets come from.
pub(super) enum Source<'a> {
    /// A connection.
    Peer(&'a Connected, &'a Packets),
    /// Anybody.
    Inbox(&'a Inbox),
}

impl<'a> Source<'a> {
    /// Where those of `socket` come from, if there is anything.
    pub(super) fn of(socket: &'a QueueSocket) -> Option<Self> {
        match socket.inbox() {
            Some(inbox) => Some(Self::Inbox(inbox)),
            None => {
                let (connected, link) = socket.packets()?;
                Some(Self::Peer(connected, link))
            }
        }
    }
    fn queue(&self) -> &Records<Envelope> {
        match self {
            Self::Peer(connected, link) => link.to(connected.side()),
            Self::Inbox(inbox) => &inbox.records,
        }
    }

    /// The name of who sent what `envelope` goes with.
    fn name<'e>(&'e self, envelope: &'e Envelope) -> Option<&'e Name> {
        match self {
            Self::Peer(connected, _) => connected.peer().name().map(|entry| entry.name()),
            Self::Inbox(_) => envelope.credit.as_ref()?.name(),
        }
    }

    /// A message left: there may be room for the next.
    fn wake_senders(&self) {
        match self {
            Self::Peer(connected, _) => connected.wake_writer(),
            Self::Inbox(inbox) => inbox.wake_waiting(),
        }
    }
}

/// What a receive returns.
struct Got {
    len: usize,
    beside: Received,
    stamp: Option<i64>,
    end_of_record: bool,
    from: Option<Name>,
}

/// recvmsg(2): receives one message; returns its length as far as there was room
/// for it, or all of it with MSG_TRUNC; 0 at the end of a connection. Sleeps.
///
/// # Errors
///
/// `EOPNOTSUPP` for MSG_OOB; the socket's pending error; `EAGAIN` if there is
/// nothing (for longer than SO_RCVTIMEO); `EINTR`; `EFAULT`, and then the
/// message stays; what the policy returns.
pub(super) fn recvmsg(
    sock: &Socket<QueueSocket>,
    source: &Source<'_>,
    mut msg: RecvMsg<'_>,
) -> Result<usize> {
    let flags = msg.flags();
    if flags.has(MsgFlags::OOB) {
        return Err(EOPNOTSUPP.into());
    }
    let sk = sock.sk();
    let nonblock = flags.has(MsgFlags::DONTWAIT);
    let mut timeo = sk.rcvtimeo(nonblock);
    let may_wait = timeo != 0;
    let queue = source.queue();
    let got = wait::block_on(
        sk,
        Events::IN | Events::MORE,
        &mut timeo,
        || {
            sk.take_error()?;
            match (try_recv(sock, source, &mut msg), source) {
                (Err(Empty::Yet), _) => Err(EAGAIN),
                // As AF_UNIX: who does not wait is not told of the end of
                // datagrams, because there may be other senders.
                (Err(Empty::Shut), Source::Inbox(_)) if !may_wait => Err(EAGAIN),
                (Err(Empty::Shut), _) => Ok(None),
                (Ok(got), _) => got.map(Some),
            }
        },
        || !queue.is_empty(),
    )?;
    let Some(got) = got else {
        return Ok(0);
    };
    if let Some(from) = &got.from {
        msg.set_name(|buf| buf.set(QSOCK.number(), from.as_bytes()));
    }
    if got.end_of_record {
        msg.set_flag(MsgFlags::EOR);
    }
    if let Some(stamps) = sk.stamps() {
        // As AF_UNIX: a message that came before this was asked for has the
        // time of its receipt.
        if let Some(stamp) = got.stamp.or_else(|| sk.stamp_now()) {
            msg.put_stamp(stamps, stamp);
        }
    }
    got.beside.deliver(sock, &mut msg);
    Ok(got.len)
}

fn try_recv(
    sock: &Socket<QueueSocket>,
    source: &Source<'_>,
    msg: &mut RecvMsg<'_>,
) -> Result<Result<Got>, Empty> {
    let flags = msg.flags();
    let peek = flags.has(MsgFlags::PEEK);
    let skip = if peek { sock.sk().peek_offset() } else { None };
    let incoming = source.queue().try_read(skip)?;
    Ok(receive(sock, source, msg, incoming))
}

fn receive(
    sock: &Socket<QueueSocket>,
    source: &Source<'_>,
    msg: &mut RecvMsg<'_>,
    mut incoming: crate::queue::record::Incoming<'_, Envelope>,
) -> Result<Got> {
    let flags = msg.flags();
    let peek = flags.has(MsgFlags::PEEK);
    let bytes = incoming.bytes();
    policy::chain::recvmsg(|| [bytes, &[]])?;
    let (all, len) = (bytes.len(), bytes.len().min(msg.len()));
    if msg.iter().copy_to_iter(&bytes[..len]) < len {
        return Err(EFAULT);
    }
    if len < all {
        msg.set_flag(MsgFlags::TRUNC);
    }
    let open = |envelope: &mut Envelope| {
        let mut beside = Received::default();
        beside.add_sender(&envelope.ancillary);
        beside.add_files(&mut envelope.ancillary, peek);
        Got {
            len: if flags.has(MsgFlags::TRUNC) { all } else { len },
            beside,
            stamp: envelope.stamp,
            end_of_record: envelope.end_of_record,
            from: source.name(envelope).copied(),
        }
    };
    if peek {
        incoming.set_peeked();
        let got = incoming
            .message_mut()
            .map(|message| open(message.aux_mut()));
        sock.sk().peeked(len);
        return got.ok_or(EAGAIN);
    }
    let mut message = incoming.take().ok_or(EAGAIN)?;
    let got = open(message.aux_mut());
    sock.sk().peek_consumed(message.len());
    // The sender's limit is free before it is told.
    drop(message);
    source.wake_senders();
    Ok(got)
}
