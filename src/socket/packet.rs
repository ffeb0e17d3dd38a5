// SPDX-License-Identifier: GPL-2.0

//! sendmsg(2) and recvmsg(2) on sockets that keep the boundaries of messages:
//! sequenced packets, and the receiving side of datagrams.

use super::{
    ancillary::{Ancillary, Received},
    connected::Connected,
    envelope::Envelope,
    hooks::{Datagram, OnConnection, Sent},
    inbox::Inbox,
    pair::{limit, Packets},
    payload::{queue_plain, Payload, Refused},
    set_name,
    unconnected::autobind_for_cred,
    QueueSocket, //
};
use crate::{
    names::Name,
    net::{
        errno::{ENOTCONN, EOPNOTSUPP},
        msg::{MsgFlags, RecvMsg, SendMsg},
        poll::Events,
        scm::{Control, Files},
        socket::Socket,
        wait::{block_on, Timeo}, //
    },
    policy::{
        chain::is_asked,
        Operation, //
    },
    queue::{
        record::{Incoming, Records, Slot},
        Empty,
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
    let about = OnConnection {
        sock,
        flags,
        files: control.files.as_ref().map_or(0, Files::len),
    };
    let mut ancillary = Ancillary::new(control)?;
    ancillary.address(sock, connected.peer().wants())?;
    about.pass_files(&ancillary)?;
    let stamp = connected.peer().sk().and_then(|peer| peer.stamp_now());
    let envelope = Envelope::plain(None).with(ancillary, stamp)?;

    let mut payload = Payload::new(sock, &mut msg);
    if let Some(peer) = connected.peer().sk() {
        if !payload.filter(peer)? {
            return Ok(len);
        }
    }
    let queue = link.to(connected.side().peer());
    let mut envelope = Some(envelope);
    let ask = |bytes: [&[u8]; 2]| about.sendmsg(|| bytes);
    let queued = block_on(
        sk,
        Events::OUT,
        &mut Timeo::send(sk, flags.has(MsgFlags::DONTWAIT)),
        || {
            sk.take_error()?;
            payload
                .try_queue(queue, connected.limit(), &mut envelope, ask)
                .map_err(|why| match why {
                    Refused::Full => {
                        sk.set_nospace();
                        EAGAIN
                    }
                    Refused::Shut => EPIPE,
                    Refused::Error(error) => error,
                })
        },
        || connected.is_writable(),
    );
    if let Err(error) = queued {
        return Err(payload.fail(error));
    }
    connected.wake_reader();
    Ok(len)
}

/// The short way of [`sendmsg`], for messages of bytes alone, if there is room.
/// Returns `None` where it is not as easy as that, and then nothing has
/// happened. Sleeps.
///
/// # Errors
///
/// What the policy returns.
#[inline(always)]
pub(super) fn send_plain(
    sock: &Socket<QueueSocket>,
    msg: &mut SendMsg<'_>,
) -> Option<Result<usize>> {
    // Before the first look: the compiler finds the one with the other.
    let (sk, len) = (sock.sk(), msg.len());
    let (connected, link) = sock.packets()?;
    let to = link.way(connected.side().peer());
    let peer = to.end.sk()?;
    if sk.has_error() || sk.passes_cred() || peer.wants_more_than_bytes() || len > sk.sndbuf() {
        return None;
    }
    let limit = limit(Some(sk), Some(peer));
    let check = Sent(sock, msg.flags());
    let end_of_record = msg.flags().has(MsgFlags::EOR);
    let queued = queue_plain(msg, len, &to.queue, limit, end_of_record, check, || {
        Envelope::plain(None)
    })?;
    if let Err(error) = queued {
        return Some(Err(error));
    }
    connected.wake_reader_at(peer);
    Some(Ok(len))
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
    #[inline(always)]
    pub(super) fn of(socket: &'a QueueSocket) -> Option<Self> {
        match socket.inbox() {
            Some(inbox) => Some(Self::Inbox(inbox)),
            None => {
                let (connected, link) = socket.packets()?;
                Some(Self::Peer(connected, link))
            }
        }
    }

    #[inline(always)]
    pub(super) fn queue(&self) -> &Records<Envelope> {
        match self {
            Self::Peer(connected, link) => link.to(connected.side()),
            Self::Inbox(inbox) => inbox.records(),
        }
    }

    /// The name of who sent what `envelope` goes with.
    #[inline(always)]
    fn name<'e>(&'e self, envelope: &'e Envelope) -> Option<&'e Name> {
        match self {
            Self::Peer(connected, _) => connected.peer_name(),
            Self::Inbox(_) => envelope.credit.as_ref()?.name(),
        }
    }

    /// Tells the caller who sent what `envelope` goes with, if the sender has a name
    /// and the caller asks for it.
    #[inline(always)]
    pub(super) fn set_name(&self, msg: &mut RecvMsg<'_>, envelope: &Envelope) {
        set_name(msg, self.name(envelope));
    }

    /// Asks the policy of what is received.
    fn ask_policy(
        &self,
        sock: &Socket<QueueSocket>,
        flags: MsgFlags,
        incoming: &mut Incoming<'_, Envelope>,
    ) -> Result {
        match self {
            Self::Peer(..) => {
                let about = OnConnection {
                    sock,
                    flags,
                    files: 0,
                };
                about.recvmsg(|| incoming.bytes())
            }
            Self::Inbox(_) if is_asked(Operation::Recvmsg) => {
                let credit = incoming.slot().and_then(|slot| slot.aux().credit.as_ref());
                let from = credit.map(|credit| credit.from.clone());
                let about = Datagram {
                    sock,
                    peer: from.as_deref(),
                    flags,
                    files: 0,
                };
                about.recvmsg(|| incoming.bytes())
            }
            Self::Inbox(_) => Ok(()),
        }
    }

    /// A message left: there may be room for the next.
    #[inline(always)]
    pub(super) fn wake_senders(&self) {
        match self {
            Self::Peer(connected, link) => {
                if let Some(peer) = link.end(connected.side().peer()).sk() {
                    connected.wake_writer_at(peer);
                }
            }
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
    let mut timeo = Timeo::recv(sk, nonblock);
    let queue = source.queue();
    let got = block_on(
        sk,
        Events::IN | Events::MORE,
        &mut timeo,
        || {
            sk.take_error()?;
            match (try_recv(sock, source, &mut msg), source) {
                (Err(Empty::Yet), _) => Err(EAGAIN),
                // As AF_UNIX: who does not wait is not told of the end of
                // datagrams, because there may be other senders.
                (Err(Empty::Shut), Source::Inbox(_)) if sk.rcvtimeo(nonblock) == 0 => Err(EAGAIN),
                (Err(Empty::Shut), _) => Ok(None),
                (Ok(got), _) => got.map(Some),
            }
        },
        || !queue.is_empty(),
    )?;
    let Some(got) = got else {
        return Ok(0);
    };
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
    mut incoming: Incoming<'_, Envelope>,
) -> Result<Got> {
    let flags = msg.flags();
    let peek = flags.has(MsgFlags::PEEK);
    source.ask_policy(sock, flags, &mut incoming)?;
    let (all, len) = copy(incoming.bytes(), msg)?;
    if len < all {
        msg.set_flag(MsgFlags::TRUNC);
    }
    let mut open = |slot: &mut Slot<Envelope>| {
        let mut beside = Received::default();
        if let Some(ancillary) = slot.aux_mut().ancillary() {
            beside.add_sender(ancillary);
            beside.add_files(ancillary, peek);
        }
        let end_of_record = slot.mark();
        source.set_name(msg, slot.aux());
        Got {
            len: if flags.has(MsgFlags::TRUNC) { all } else { len },
            beside,
            stamp: slot.aux().stamp(),
            end_of_record,
        }
    };
    if peek {
        incoming.set_peeked();
        let got = incoming.slot().map(open);
        sock.sk().peeked(len);
        return got.ok_or(EAGAIN);
    }
    let mut slot = incoming.take().ok_or(EAGAIN)?;
    let got = open(&mut slot);
    sock.sk().peek_consumed(slot.len());
    // The sender's limit is free before it is told.
    drop(slot);
    source.wake_senders();
    Ok(got)
}

/// Copies as much of a message as there is room for; returns its length, and how
/// much that is.
///
/// # Errors
///
/// `EFAULT`.
fn copy(pieces: [&[u8]; 2], msg: &mut RecvMsg<'_>) -> Result<(usize, usize)> {
    let mut left = msg.len();
    let mut all = 0usize;
    for piece in pieces {
        let now = piece.get(..left).unwrap_or(piece);
        if !now.is_empty() && msg.iter().copy_to_iter(now) < now.len() {
            return Err(EFAULT);
        }
        // OVERFLOW: It was the lesser one. The pieces are of one allocation.
        left = left.wrapping_sub(now.len());
        all = all.wrapping_add(piece.len());
    }
    Ok((all, msg.len().wrapping_sub(left)))
}
