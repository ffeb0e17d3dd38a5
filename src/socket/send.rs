// SPDX-License-Identifier: GPL-2.0

//! sendmsg(2) on a stream.

use super::{
    ancillary::Ancillary,
    connected::Connected,
    datagram::no_buffers,
    hooks::{OnConnection, Sent},
    pair::{limit, Bytes},
    tend_later,
    QueueSocket, //
};
use crate::{
    net::{
        cred::send_sigpipe,
        errno::{EISCONN, ENOBUFS, ENOTCONN, EOPNOTSUPP},
        msg::{MsgFlags, SendMsg},
        pages::Pages,
        poll::Events,
        scm::{Control, Files},
        sock::Sock,
        socket::Socket,
        wait::{block_on, Timeo}, //
    },
    queue::{marks::Tag, stream::Reservation, NoRoom},
};
use kernel::prelude::*;

/// Sends `msg`; returns how much of it was taken. Sleeps.
///
/// # Errors
///
/// What [`Control::parse`] returns; `ENOTCONN`; `EPIPE`, with SIGPIPE unless
/// MSG_NOSIGNAL, if the connection is shut; `EISCONN` or `EOPNOTSUPP` if the
/// message names a destination; `EOPNOTSUPP` for MSG_OOB without a byte;
/// `EAGAIN` if there is no room (for longer than SO_SNDTIMEO); `EINTR`;
/// `EFAULT`; `ENOBUFS` without memory; `EPERM` if the receiver takes no files;
/// `ETOOMANYREFS`; the socket's pending error; what the policy returns. After a
/// part was taken, the length of that is returned instead.
pub(super) fn sendmsg(
    sock: &Socket<QueueSocket>,
    connection: Option<(&Connected, &Bytes)>,
    mut msg: SendMsg<'_>,
) -> Result<usize> {
    let control = Control::parse(sock, &msg)?;
    let flags = msg.flags();
    if flags.has(MsgFlags::OOB) && msg.len() == 0 {
        return Err(EOPNOTSUPP.into());
    }
    if msg.has_name() {
        return Err(match connection {
            Some(_) => EISCONN.into(),
            None => EOPNOTSUPP.into(),
        });
    }
    let (connected, link) = connection.ok_or(ENOTCONN)?;
    let sender = Sender {
        sock,
        sk: sock.sk(),
        connected,
        link,
        about: OnConnection {
            sock,
            flags,
            files: control.files.as_ref().map_or(0, Files::len),
        },
    };
    let mut sent = 0;
    match sender.send_all(&mut msg, control, &mut sent) {
        Err(error) if sent == 0 => Err(failed(error, flags)),
        _ => Ok(sent),
    }
}

/// What a call returns that fails with `error`: who finds the pipe broken is told by
/// a signal too, also where a policy says so.
#[cold]
fn failed(error: Error, flags: MsgFlags) -> Error {
    if error == EPIPE && !flags.has(MsgFlags::NOSIGNAL) {
        send_sigpipe();
    }
    error
}

/// The short way of [`sendmsg`], for plain messages: sends all of one, if there is
/// room and the receiver is to get nothing but bytes. Returns `None` where it is
/// not as easy as that, and then nothing has happened. May fault, and so sleep.
///
/// # Errors
///
/// `EFAULT`; what the policy returns.
#[inline(always)]
pub(super) fn send_plain(
    sock: &Socket<QueueSocket>,
    msg: &mut SendMsg<'_>,
) -> Option<Result<usize>> {
    // Before the first look: the compiler finds the one with the other.
    let sk = sock.sk();
    let (connected, link) = sock.bytes()?;
    let to = link.way(connected.side().peer());
    let peer = to.end.sk()?;
    if msg.has_name() || sk.has_error() || sk.passes_cred() || peer.wants_sender() {
        return None;
    }
    let (len, limit) = (msg.len(), limit(Some(sk), Some(peer)));
    let check = Sent(sock, msg.flags());
    let grown = || tend_later(sock);
    let written = to.queue.try_write(msg.iter(), len, limit, check, grown)?;
    if let Err(error) = written {
        return Some(Err(failed(error, msg.flags())));
    }
    connected.wake_reader_at(peer);
    Some(Ok(len))
}

/// One call's sender.
struct Sender<'a> {
    sock: &'a Socket<QueueSocket>,
    sk: &'a Sock,
    connected: &'a Connected,
    link: &'a Bytes,
    /// What the policy is told.
    about: OnConnection<'a>,
}

impl Sender<'_> {
    /// Sends all of `msg`, counting in `sent` what was taken.
    fn send_all(&self, msg: &mut SendMsg<'_>, control: Control, sent: &mut usize) -> Result {
        if self.connected.is_write_shut() {
            return Err(EPIPE);
        }
        if msg.len() == 0 {
            // As AF_UNIX: what would go with no byte goes nowhere.
            return Ok(());
        }
        let mut ancillary = Ancillary::new(control)?;
        ancillary.address(self.sock, self.connected.peer().wants())?;
        self.about.pass_files(&ancillary)?;

        // The last byte alone is out of band.
        let urgent = msg.flags().has(MsgFlags::OOB);
        let plain = msg.len() - usize::from(urgent);
        while *sent < plain {
            *sent += self.send_part(msg, plain - *sent, &mut ancillary, false)?;
        }
        if urgent {
            *sent += self.send_part(msg, 1, &mut ancillary, true)?;
        }
        Ok(())
    }

    /// Sends up to `len` bytes, at least one; waits for room.
    fn send_part(
        &self,
        msg: &mut SendMsg<'_>,
        len: usize,
        ancillary: &mut Ancillary,
        urgent: bool,
    ) -> Result<usize> {
        let nonblock = msg.flags().has(MsgFlags::DONTWAIT);
        let mut tag = None;
        if urgent || !ancillary.is_empty() {
            let aux = (!ancillary.is_empty()).then(|| ancillary.next_part());
            tag = Some(Tag::new(aux, urgent));
        }
        let sent = block_on(
            self.sk,
            Events::OUT,
            &mut Timeo::send(self.sk, nonblock),
            || self.try_send(msg, len, &mut tag),
            || self.connected.is_writable(),
        )?;
        if let (true, Some(peer)) = (urgent, self.connected.peer().sk()) {
            peer.urgent_ready();
        }
        self.connected.wake_reader();
        Ok(sent)
    }

    /// Sends up to `len` bytes of `msg`: reserve, copy, ask the policy, commit.
    fn try_send(
        &self,
        msg: &mut SendMsg<'_>,
        len: usize,
        tag: &mut Option<Tag<Ancillary>>,
    ) -> Result<usize> {
        self.sk.take_error()?;
        let queue = self.link.to(self.connected.side().peer());
        // Pages go in one piece, as AF_UNIX fills a whole buffer.
        let lends = len >= Pages::LEAST && msg.lends_pages();
        let reserved =
            queue.try_reserve(len, self.connected.limit(), lends, || tend_later(self.sock));
        let mut room = reserved.map_err(|why| match why {
            NoRoom::Full => {
                self.sk.set_nospace();
                EAGAIN
            }
            NoRoom::Shut => EPIPE,
            NoRoom::NoMemory => ENOBUFS.into(),
        })?;
        // What a hook let through is what is to arrive: while any is asked, bytes that
        // somebody may write to are copied before. Only now: the above may have waited.
        let lends = lends && !self.about.is_asked_to_send();
        if !(lends && self.lend(msg, &mut room, tag).map_err(no_buffers)?) {
            room.fill(msg.iter())?;
            self.about.sendmsg(|| room.bytes())?;
        }
        room.commit(tag).map_err(no_buffers)
    }

    /// Sends the pages that the bytes of `msg` lie in, instead of copies: splice(2),
    /// sendfile(2). Returns whether it did. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    fn lend(
        &self,
        msg: &mut SendMsg<'_>,
        room: &mut Reservation<'_, Ancillary>,
        tag: &mut Option<Tag<Ancillary>>,
    ) -> Result<bool> {
        let Some(pages) = Pages::lent(msg, room.len()) else {
            return Ok(false);
        };
        let marked = match tag {
            Some(marked) => marked,
            None => tag.insert(Tag::new(None, false)),
        };
        marked.aux_mut().get_or_insert_default().lend(pages)?;
        room.leave();
        Ok(true)
    }
}
