// SPDX-License-Identifier: GPL-2.0

//! How a datagram gets into an [`Inbox`].

use super::{
    ancillary::Ancillary,
    envelope::{Credit, Envelope},
    hooks::{Datagram, SentTo},
    inbox::{id, Inbox},
    payload::{queue_plain, Payload, Refused},
    QueueSocket, //
};
use crate::{
    net::{
        msg::{MsgFlags, SendMsg},
        sock::Sock,
        socket::Socket, //
    },
    policy::chain::DROPPED,
    transport::Transport, //
};
use kernel::{prelude::*, sync::Arc};

/// What goes with a datagram that is not delivered yet.
pub(super) struct Letter {
    pub(super) ancillary: Ancillary,
    pub(super) credit: Option<Credit>,
    /// The flags of the call, and how many files there are.
    pub(super) flags: MsgFlags,
    pub(super) files: usize,
}

/// Why a message was not taken in.
pub(super) enum Refusal {
    /// The receiver is closed.
    Dead,
    /// It is connected to another socket.
    NotPeer,
    /// It shut its receiving side.
    Shut,
    /// It does not take files.
    Files,
    /// Its limit is reached.
    Full,
    /// As the call returns it.
    Error(Error),
}

impl Inbox {
    /// Takes a message in that `from` sends; on failure the letter stays what it
    /// is, but for who is to know the sender. Sleeps for other senders, not for
    /// room.
    pub(super) fn try_deliver(
        &self,
        from: &Arc<Self>,
        sender: &Socket<QueueSocket>,
        payload: &mut Payload<'_, '_>,
        letter: &mut Letter,
    ) -> Result<(), Refusal> {
        if !self.mail.hears(id(from)) {
            return Err(Refusal::NotPeer);
        }
        if self.is_dead() {
            return Err(Refusal::Dead);
        }
        if self.mail.is_shut(()) {
            return Err(Refusal::Shut);
        }
        if let Some(sk) = self.sk() {
            let addressed = letter.ancillary.address(sender, sk.wants());
            addressed.map_err(|_| Refusal::Files)?;
        }
        let stamp = self.sk().and_then(Sock::stamp_now);
        let plain = Envelope::plain(letter.credit.take());
        let ancillary = core::mem::take(&mut letter.ancillary);
        let mut envelope = Some(plain.with(ancillary, stamp).map_err(Refusal::Error)?);
        let about = Datagram {
            sock: sender,
            peer: Some(self),
            flags: letter.flags,
            files: letter.files,
        };
        let ask = |bytes: [&[u8]; 2]| about.sendmsg(|| bytes);
        let limit = self.limit(sender.sk().sndbuf());
        let queued = payload.try_queue(self.records(), limit, &mut envelope, ask);
        if let Some(mut envelope) = envelope {
            letter.credit = envelope.credit.take();
            letter.ancillary = envelope.into_ancillary();
        }
        queued.map_err(|why| match why {
            Refused::Full => Refusal::Full,
            Refused::Shut if self.is_dead() => Refusal::Dead,
            Refused::Shut => Refusal::Shut,
            Refused::Error(error) => Refusal::Error(error),
        })?;
        if let Some(sk) = self.sk() {
            sk.data_ready();
        }
        Ok(())
    }

    /// The short way of [`Self::try_deliver`], for a message of bytes alone.
    /// Returns `None` where it is not as easy as that, and then nothing has
    /// happened.
    ///
    /// # Errors
    ///
    /// What the policy returns.
    #[inline(always)]
    pub(super) fn deliver_plain(
        &self,
        from: &Arc<Self>,
        sender: &Socket<QueueSocket>,
        msg: &mut SendMsg<'_>,
        len: usize,
    ) -> Option<Result> {
        let sk = sender.sk();
        let check = SentTo(sender, self, msg.flags());
        let receiver = self.sk()?;
        if !self.mail.hears(id(from)) || self.mail.is_closed() || receiver.wants_more_than_bytes() {
            return None;
        }
        let credit = Credit::new(from, sk, len)?;
        let limit = self.limit(sk.sndbuf());
        let queued = queue_plain(msg, len, self.records(), limit, false, check, || {
            Envelope::plain(Some(credit))
        })?;
        match queued {
            Ok(()) => receiver.data_ready(),
            Err(error) if error == DROPPED => return Some(Ok(())),
            Err(_) => {}
        }
        Some(queued)
    }
}
