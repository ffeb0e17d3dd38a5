// SPDX-License-Identifier: GPL-2.0

//! What is asked of a message on the short ways, where it lies.
//!
//! There is as little in hand as can be while nobody asks: what these hold is held
//! by those who use them anyway.

use super::{ask_recv_datagram, ask_recvmsg, ask_send_datagram, ask_sendmsg};
use crate::{
    net::{
        msg::MsgFlags,
        socket::Socket, //
    },
    policy::{chain::is_asked, context::Message, Operation},
    queue::Check,
    socket::{envelope::Envelope, inbox::Inbox, QueueSocket},
};
use kernel::prelude::*;

/// A message that is sent on a connection.
#[derive(Clone, Copy)]
pub(in crate::socket) struct Sent<'a>(
    pub(in crate::socket) &'a Socket<QueueSocket>,
    pub(in crate::socket) MsgFlags,
);

impl Check for Sent<'_> {
    #[inline(always)]
    fn is_asked(&self) -> bool {
        is_asked(Operation::Sendmsg)
    }

    #[inline(always)]
    fn check(self, pieces: [&[u8]; 2], (): &()) -> Result {
        ask_sendmsg(self.0, &Message::new(pieces, self.1, 0))
    }
}

/// A message that is received on a connection.
#[derive(Clone, Copy)]
pub(in crate::socket) struct Received<'a>(
    pub(in crate::socket) &'a Socket<QueueSocket>,
    pub(in crate::socket) MsgFlags,
);

impl<A> Check<A> for Received<'_> {
    #[inline(always)]
    fn is_asked(&self) -> bool {
        is_asked(Operation::Recvmsg)
    }

    #[inline(always)]
    fn check(self, pieces: [&[u8]; 2], _: &A) -> Result {
        ask_recvmsg(self.0, &Message::new(pieces, self.1, 0))
    }
}

/// A datagram that is sent to somebody.
#[derive(Clone, Copy)]
pub(in crate::socket) struct SentTo<'a>(
    pub(in crate::socket) &'a Socket<QueueSocket>,
    pub(in crate::socket) &'a Inbox,
    pub(in crate::socket) MsgFlags,
);

impl Check for SentTo<'_> {
    #[inline(always)]
    fn is_asked(&self) -> bool {
        is_asked(Operation::Sendmsg)
    }

    #[inline(always)]
    fn check(self, pieces: [&[u8]; 2], (): &()) -> Result {
        let message = Message::new(pieces, self.2, 0);
        ask_send_datagram(self.0, Some(self.1), &message)
    }
}

/// A datagram that is received, from whom its envelope says.
#[derive(Clone, Copy)]
pub(in crate::socket) struct ReceivedFrom<'a>(
    pub(in crate::socket) &'a Socket<QueueSocket>,
    pub(in crate::socket) MsgFlags,
);

impl Check<Envelope> for ReceivedFrom<'_> {
    #[inline(always)]
    fn is_asked(&self) -> bool {
        is_asked(Operation::Recvmsg)
    }

    #[inline(always)]
    fn check(self, pieces: [&[u8]; 2], envelope: &Envelope) -> Result {
        let peer = envelope.credit.as_ref().map(|credit| &*credit.from);
        let message = Message::new(pieces, self.1, 0);
        ask_recv_datagram(self.0, peer, &message)
    }
}
