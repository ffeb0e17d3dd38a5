// SPDX-License-Identifier: GPL-2.0

//! The short ways of recvmsg(2) on sockets that keep the boundaries of messages.

use super::{
    envelope::Envelope,
    hooks::{Received, ReceivedFrom},
    packet::Source,
    QueueSocket, //
};
use crate::{
    net::{
        msg::{MsgFlags, RecvMsg},
        poll::Events,
        socket::Socket,
        wait::{pass_on, wait_for, Timeo}, //
    },
    queue::{Check, Queue},
};
use kernel::prelude::*;

/// The short way of [`recvmsg`](super::packet::recvmsg), for plain calls: receives a
/// message that is there and has nothing beside it. Returns `None` where it is not
/// as easy as that, and then nothing has happened. May fault, and so sleep.
///
/// # Errors
///
/// `EFAULT`, and then the message stays; what the policy returns.
#[inline(always)]
fn recv_plain(
    sock: &Socket<QueueSocket>,
    source: &Source<'_>,
    mut msg: RecvMsg<'_>,
    check: impl Check<Envelope>,
) -> Option<Result<usize>> {
    let sk = sock.sk();
    if sk.has_error() || sk.wants_more_than_bytes() || sk.peek_offset().is_some() {
        return None;
    }
    let max = msg.len();
    let taken = source
        .queue()
        .try_take(msg.iter(), max, Envelope::is_plain, check)?;
    let taken = match taken {
        Ok(taken) => taken,
        Err(error) => return Some(Err(error)),
    };
    if taken.mark {
        msg.set_flag(MsgFlags::EOR);
    }
    if msg.wants_name() {
        source.set_name(&mut msg.by_ref(), &taken.aux);
    }
    // The sender's limit is free before it is told.
    if let Some(credit) = taken.aux.into_credit() {
        drop(credit);
    }
    source.wake_senders();
    Some(Ok(taken.len))
}

/// As [`recv_plain`], from a connection.
#[inline(always)]
pub(super) fn recv_packet(sock: &Socket<QueueSocket>, msg: RecvMsg<'_>) -> Option<Result<usize>> {
    let (connected, link) = sock.packets()?;
    let check = Received(sock, msg.flags());
    recv_plain(sock, &Source::Peer(connected, link), msg, check)
}

/// As [`recv_plain`], from anybody.
#[inline(always)]
pub(super) fn recv_datagram(sock: &Socket<QueueSocket>, msg: RecvMsg<'_>) -> Option<Result<usize>> {
    let inbox = sock.inbox()?;
    let check = ReceivedFrom(sock, msg.flags());
    recv_plain(sock, &Source::Inbox(inbox), msg, check)
}

/// As [`recv_plain`], where nothing is there: waits for it, unless the connection has
/// ended or the call must not wait, which event loops ask for often.
///
/// # Errors
///
/// As [`recvmsg`](super::packet::recvmsg).
pub(super) fn wait(sock: &Socket<QueueSocket>, msg: RecvMsg<'_>) -> Option<Result<usize>> {
    let (sk, source) = (sock.sk(), Source::of(sock)?);
    let queue = source.queue();
    // First: who ends a connection with an error leaves that before.
    let is_shut = queue.is_shut();
    let is_there = || !queue.is_empty() || sk.has_error();
    if is_there() {
        return None;
    }
    if is_shut {
        let is_peer = matches!(source, Source::Peer(..));
        return (is_peer && queue.has_ended()).then_some(Ok(0));
    }
    if msg.flags().has(MsgFlags::DONTWAIT) {
        return Some(Err(EAGAIN));
    }
    let is_there = || is_there() || queue.is_shut();
    let mut timeo = Timeo::recv(sk, false);
    let events = Events::IN | Events::MORE;
    if let Err(error) = wait_for(sk, events, &mut timeo, is_there) {
        return Some(Err(error));
    }
    let received = match &source {
        Source::Peer(..) => recv_packet(sock, msg),
        Source::Inbox(_) => recv_datagram(sock, msg),
    };
    // Also where the long way takes what is there: it does not know of the wait.
    if !queue.is_empty() {
        pass_on(sk, events);
    }
    received
}
