// SPDX-License-Identifier: GPL-2.0

//! recvmsg(2) on a stream.

use super::{
    ancillary::Received,
    connected::Connected,
    hooks::{self, OnConnection},
    pair::Bytes,
    set_name,
    QueueSocket, //
};
use crate::{
    net::{
        msg::{MsgFlags, RecvMsg},
        pages::Pages,
        poll::Events,
        sock::Sock,
        socket::Socket,
        wait::{block_on, pass_on, wait_for, Timeo}, //
    },
    queue::{
        marks::Look,
        stream::{Next, Span},
        Empty,
        Queue, //
    },
};
use kernel::prelude::*;

/// Receives into `msg`; returns the bytes, 0 at the end of the stream. Sleeps.
///
/// A receive ends before the byte that is out of band, after bytes that came
/// with files, and, where the socket wants to know who sends, before those of
/// another sender.
///
/// # Errors
///
/// `EINVAL` if the socket is not connected, or for MSG_OOB if there is no byte
/// out of band; `EAGAIN` if there is nothing (for longer than SO_RCVTIMEO);
/// `EINTR`; `EFAULT`, and then nothing is lost; the socket's pending error, once
/// the queue is empty; what the policy returns. After a part was received, the
/// length of that is returned instead.
pub(super) fn recvmsg(
    sock: &Socket<QueueSocket>,
    connection: Option<(&Connected, &Bytes)>,
    mut msg: RecvMsg<'_>,
) -> Result<usize> {
    let (connected, link) = connection.ok_or(EINVAL)?;
    let flags = msg.flags();
    let sk = sock.sk();
    let len = msg.len();
    let peek = flags.has(MsgFlags::PEEK);
    let mut receiver = Receiver {
        sock,
        sk,
        connected,
        link,
        target: sk.rcvlowat(flags.has(MsgFlags::WAITALL), len),
        len,
        peek,
        copied: 0,
        beside: None,
        got: Received::default(),
    };
    if flags.has(MsgFlags::OOB) {
        return receiver.recv_urgent(&mut msg);
    }
    let mut timeo = Timeo::recv(sk, flags.has(MsgFlags::DONTWAIT));
    let result = loop {
        let step = block_on(
            sk,
            Events::IN | Events::MORE,
            &mut timeo,
            || receiver.try_recv(&mut msg),
            || !connected.is_empty(),
        );
        match step {
            // As AF_UNIX: a peek does not wait for more than there is.
            Ok(Step::More) if !receiver.is_done() && !peek => {}
            Ok(_) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    let copied = receiver.copied;
    match result {
        Err(error) if copied == 0 => return Err(error),
        _ => {}
    }
    if copied > 0 {
        set_name(&mut msg, connected.peer_name());
    }
    receiver.got.deliver(sock, &mut msg);
    let cmsg = sock.wants_inq();
    if cmsg || msg.wants_inq() {
        let left = c_int::try_from(connected.inq()).unwrap_or(c_int::MAX);
        msg.set_inq(left, cmsg);
    }
    Ok(copied)
}

/// The short way of [`recvmsg`], for plain calls: receives bytes that are there and
/// have nothing beside them. Returns `None` where it is not as easy as that, and
/// then nothing has happened. May fault, and so sleep.
///
/// # Errors
///
/// `EFAULT`; what the policy returns.
#[inline(always)]
pub(super) fn recv_plain(
    sock: &Socket<QueueSocket>,
    mut msg: RecvMsg<'_>,
) -> Option<Result<usize>> {
    // Both before the first look: the compiler finds the one with the other.
    let (sk, this): (_, &QueueSocket) = (sock.sk(), sock);
    let len = msg.len();
    let (connected, link) = this.bytes()?;
    let [from, back] = link.ways(connected.side());
    let peer = back.end.sk()?;
    if sk.wants_sender() || sk.peek_offset().is_some() || this.wants_inq() {
        return None;
    }
    let enough = |found| found >= sk.lowat();
    let check = hooks::Received(sock, msg.flags());
    let received = match from.queue.try_read(msg.iter(), len, enough, check)? {
        Ok(received) => received,
        Err(error) => return Some(Err(error)),
    };
    if msg.wants_name() {
        set_name(&mut msg.by_ref(), connected.peer_name());
    }
    connected.wake_writer_at(peer);
    Some(Ok(received))
}

/// As [`recv_plain`], where nothing is there: waits for it, unless the stream has ended
/// or the call must not wait, which event loops ask for often. Returns `None` too if it
/// must not wait for so little.
///
/// # Errors
///
/// As [`recvmsg`].
pub(super) fn wait_plain(sock: &Socket<QueueSocket>, msg: RecvMsg<'_>) -> Option<Result<usize>> {
    let (connected, link) = sock.bytes()?;
    let sk = sock.sk();
    let queue = link.to(connected.side());
    // First: who ends a connection with an error leaves that before.
    let is_shut = queue.is_shut();
    let has_bytes = || !queue.is_empty() || queue.has_holes_only();
    if has_bytes() || sk.has_error() {
        return None;
    }
    if is_shut {
        let is_plain = !sk.wants_sender() && !sock.wants_inq();
        return (is_plain && queue.has_ended()).then_some(Ok(0));
    }
    if msg.flags().has(MsgFlags::DONTWAIT) {
        return Some(Err(EAGAIN));
    }
    if sk.lowat() > 1 {
        return None;
    }
    let is_there = || has_bytes() || queue.is_shut();
    let mut timeo = Timeo::recv(sk, false);
    let events = Events::IN | Events::MORE;
    if let Err(error) = wait_for(sk, events, &mut timeo, || is_there() || sk.has_error()) {
        return Some(Err(error));
    }
    let received = recv_plain(sock, msg);
    // Also where the long way takes what is there: it does not know of the wait.
    if !queue.is_empty() {
        pass_on(sk, events);
    }
    received
}

/// How a call goes on that took what is there.
enum Step {
    /// It may receive more.
    More,
    /// It must not.
    Done,
}

/// One call's receiver.
struct Receiver<'a> {
    sock: &'a Socket<QueueSocket>,
    sk: &'a Sock,
    connected: &'a Connected,
    link: &'a Bytes,
    /// It does not wait for more than these.
    target: usize,
    len: usize,
    peek: bool,
    copied: usize,
    /// Bytes were received, and a sender must be the same, if this is there and
    /// true.
    beside: Option<bool>,
    got: Received,
}

impl Receiver<'_> {
    /// What the policy is told.
    fn about(&self, msg: &RecvMsg<'_>) -> OnConnection<'_> {
        OnConnection {
            sock: self.sock,
            flags: msg.flags(),
            files: 0,
        }
    }

    fn is_done(&self) -> bool {
        self.copied >= self.target || self.copied == self.len
    }

    /// Takes what is there.
    fn try_recv(&mut self, msg: &mut RecvMsg<'_>) -> Result<Step> {
        let mut incoming = self.link.to(self.connected.side()).read();
        let offset = if self.peek {
            self.sk.peek_offset()
        } else {
            None
        };
        let mut skip = offset.unwrap_or(0);
        let mut last: Option<Span> = None;
        let had_any = self.len == 0 && !incoming.is_empty();
        let start = self.copied;
        loop {
            let look = Look {
                has_bytes: self.copied > 0,
                peek: self.peek,
                inline: self.connected.is_urgent() && self.sk.is_urgent_inline(),
            };
            let whole = match incoming.next(last, look) {
                Next::Bytes(whole) => whole,
                Next::Stop => return Ok(Step::Done),
                Next::Empty(_) if self.copied > start => return Ok(Step::More),
                Next::Empty(_) if self.copied >= self.target => return Ok(Step::Done),
                // As AF_UNIX: a receive of nothing may pass over a byte out of band.
                Next::Empty(_) if had_any => return Ok(Step::Done),
                Next::Empty(why) => {
                    // POSIX has it in this order.
                    self.sk.take_error()?;
                    return match why {
                        Empty::Shut => Ok(Step::Done),
                        Empty::Yet => Err(EAGAIN),
                    };
                }
            };
            if skip > 0 && skip >= whole.len() {
                skip -= whole.len();
                last = Some(whole);
                continue;
            }
            if !self.is_same_sender(&incoming, whole) {
                return Ok(Step::Done);
            }
            let span = whole.skip(skip).first(self.len - self.copied);
            let lent = if incoming.lends() {
                incoming.aux(whole, |aux| aux.and_then(|aux| aux.lent()))
            } else {
                None
            };
            match lent {
                // `whole` ends where they do.
                Some(lent) => {
                    let at = lent.len().saturating_sub(whole.len()) + skip;
                    self.copy_lent(msg, &lent, at, span.len())?;
                }
                None => {
                    self.about(msg).recvmsg(|| incoming.bytes(span))?;
                    incoming.copy_to(span, msg.iter())?;
                }
            }
            self.copied += span.len();
            incoming.aux(whole, |aux| {
                if let Some(aux) = aux {
                    self.got.add_files(aux, self.peek);
                }
            });
            if self.peek {
                self.sk.peeked(span.len());
                last = Some(span);
                skip = 0;
            } else {
                self.sk.peek_consumed(span.len());
                incoming.consume(span);
                self.connected.wake_writer();
                last = None;
            }
            if self.got.has_files() {
                return Ok(Step::Done);
            }
            if self.copied == self.len {
                return Ok(Step::More);
            }
        }
    }

    /// Receives `len` bytes of what was lent, from the one at `at` on.
    fn copy_lent(&self, msg: &mut RecvMsg<'_>, lent: &Pages, at: usize, len: usize) -> Result {
        let about = self.about(msg);
        if !about.is_asked_to_receive() {
            return lent.copy_to(at, len, msg.iter());
        }
        // What is let through is what arrives.
        let copy = lent.to_vec(at, len)?;
        about.recvmsg(|| [&copy, &[]])?;
        if msg.iter().copy_to_iter(&copy) < copy.len() {
            return Err(EFAULT);
        }
        Ok(())
    }

    /// Whether what `span` begins with may be received with what was received
    /// before.
    fn is_same_sender(
        &mut self,
        incoming: &crate::queue::stream::Incoming<'_, super::ancillary::Ancillary>,
        span: Span,
    ) -> bool {
        match self.beside {
            Some(true) => incoming.aux(span, |aux| self.got.is_from_same(aux.as_deref())),
            Some(false) => true,
            None => {
                let wants = self.sk.wants();
                let wants = wants.cred || wants.sec;
                self.beside = Some(wants);
                if wants {
                    incoming.aux(span, |aux| {
                        if let Some(aux) = aux {
                            self.got.add_sender(aux);
                        }
                    });
                }
                true
            }
        }
    }

    /// MSG_OOB: the byte that is out of band.
    fn recv_urgent(&mut self, msg: &mut RecvMsg<'_>) -> Result<usize> {
        if self.sk.is_urgent_inline() {
            return Err(EINVAL);
        }
        let mut incoming = self.link.to(self.connected.side()).read();
        // Looked at first, so that a fault loses nothing.
        let byte = incoming.urgent().ok_or(EINVAL)?;
        if self.len == 0 {
            return Err(EFAULT);
        }
        self.about(msg).recvmsg(|| incoming.bytes(byte))?;
        incoming.copy_to(byte, msg.iter())?;
        if !self.peek {
            incoming.take_urgent(byte);
            drop(incoming);
            self.connected.wake_writer();
        }
        msg.set_flag(MsgFlags::OOB);
        Ok(1)
    }
}
