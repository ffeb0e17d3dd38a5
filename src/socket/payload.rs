// SPDX-License-Identifier: GPL-2.0

//! The bytes of a packet or datagram, on their way into a queue.
//!
//! They are copied straight into the queue while nothing else can be queued, and
//! so without page faults: one that waits for a disk, or for another program,
//! would hold up all senders. Where a page is not there, the bytes are first
//! copied to memory of their own.

use super::{datagram::no_buffers, envelope::Envelope, tend_later, Kind, QueueSocket};
use crate::{
    net::{
        fault::NoFaults,
        msg::{MsgFlags, SendMsg},
        sock::Sock,
        socket::Socket, //
    },
    queue::{
        record::Records,
        Check,
        NoRoom, //
    },
    trace,
};
use kernel::prelude::*;

/// The bytes of one message.
pub(super) struct Payload<'a, 'm> {
    sock: &'a Socket<QueueSocket>,
    msg: &'a mut SendMsg<'m>,
    copy: Option<KVVec<u8>>,
}

/// Why a message was not queued.
pub(super) enum Refused {
    /// The limit is reached.
    Full,
    /// The queue was shut.
    Shut,
    /// As the call returns it.
    Error(Error),
}

impl<'a, 'm> Payload<'a, 'm> {
    /// All of `msg`, which `sock` sends.
    pub(super) fn new(sock: &'a Socket<QueueSocket>, msg: &'a mut SendMsg<'m>) -> Self {
        let copy = None;
        Self { sock, msg, copy }
    }

    /// How many bytes there are.
    pub(super) fn len(&self) -> usize {
        self.copy
            .as_ref()
            .map_or_else(|| self.msg.len(), |copy| copy.len())
    }

    /// The bytes, in memory of their own. Sleeps.
    ///
    /// # Errors
    ///
    /// `EFAULT` if not all of them can be read, `ENOBUFS`.
    fn copy(&mut self) -> Result<&mut KVVec<u8>> {
        if self.copy.is_none() {
            let mut copy = KVVec::new();
            let flags = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
            self.msg.rewind();
            let read = self.msg.iter().copy_from_iter_vec(&mut copy, flags);
            if read.map_err(no_buffers)? < self.msg.len() {
                return Err(EFAULT);
            }
            self.copy = Some(copy);
        }
        self.copy.as_mut().ok_or(EFAULT)
    }

    /// Asks the program of the receiver `sk`, if it has one, what it may receive:
    /// cuts the rest off. Returns whether that is anything at all. Sleeps.
    ///
    /// # Errors
    ///
    /// As [`Self::copy`].
    pub(super) fn filter(&mut self, sk: &Sock) -> Result<bool> {
        if !sk.has_filter() {
            return Ok(true);
        }
        let copy = self.copy()?;
        let rest = sk.filter(copy)?;
        match rest {
            Some(len) => copy.truncate(len),
            None => trace::drop(Some(sk), || copy.len(), trace::Drop::Filter),
        }
        Ok(rest.is_some())
    }

    /// Queues the message with the envelope that is there, so that no more than
    /// `limit` bytes wait, unless the policy, which is asked by `ask`, refuses; on
    /// failure the envelope stays. Sleeps, not for room.
    pub(super) fn try_queue(
        &mut self,
        queue: &Records<Envelope>,
        limit: usize,
        envelope: &mut Option<Envelope>,
        ask: impl Fn([&[u8]; 2]) -> Result,
    ) -> Result<(), Refused> {
        let records = self.sock.small().kind == Kind::SeqPacket;
        let end_of_record = records && self.msg.flags().has(MsgFlags::EOR);
        loop {
            let mut room = queue
                .try_reserve(self.len(), limit, || tend_later(self.sock))
                .map_err(|why| match why {
                    NoRoom::Full => Refused::Full,
                    NoRoom::Shut => Refused::Shut,
                    NoRoom::NoMemory => Refused::Error(no_buffers(ENOMEM)),
                })?;
            let filled = match &self.copy {
                Some(copy) => room.fill_with(copy),
                None => {
                    let _faults = NoFaults::new();
                    room.fill(self.msg.iter())
                }
            };
            if filled {
                ask(room.bytes()).map_err(Refused::Error)?;
                let envelope = envelope.take().ok_or(Refused::Error(EINVAL))?;
                room.commit(envelope, end_of_record);
                return Ok(());
            }
            drop(room);
            self.copy().map_err(Refused::Error)?;
        }
    }

    /// The call fails: who calls again, as io_uring does after `EAGAIN`, sends
    /// the whole message.
    pub(super) fn fail(self, error: Error) -> Error {
        self.msg.rewind();
        error
    }
}

/// The short way: queues a message of `len` bytes and nothing beside them but what
/// `envelope` makes, unless the policy, which `check` asks, refuses. Returns
/// `None` where it is not as easy as that, and then nothing has happened.
///
/// # Errors
///
/// What the policy returns.
#[inline(always)]
pub(super) fn queue_plain(
    msg: &mut SendMsg<'_>,
    len: usize,
    queue: &Records<Envelope>,
    limit: usize,
    end_of_record: bool,
    check: impl Check,
    envelope: impl FnOnce() -> Envelope,
) -> Option<Result> {
    let faults = NoFaults::new();
    let queued = queue.try_write(msg.iter(), len, limit, check, end_of_record, envelope);
    drop(faults);
    if queued.is_none() {
        msg.rewind();
    }
    queued
}
