// SPDX-License-Identifier: GPL-2.0

//! What goes with a packet or datagram beside its bytes.

use super::{ancillary::Ancillary, inbox::Inbox};
use crate::{names::Name, net::sock::Sock, queue::record::Parcel, trace};
use kernel::{prelude::*, sync::Arc};

/// What goes with a message beside its bytes.
pub(super) struct Envelope {
    pub(super) ancillary: Ancillary,
    /// Who sent it, for a datagram, and what it counts there.
    pub(super) credit: Option<Credit>,
    /// MSG_EOR was given.
    pub(super) end_of_record: bool,
    /// When it was sent, in nanoseconds since the epoch, if the receiver wanted
    /// that.
    pub(super) stamp: Option<i64>,
}

/// Bytes that count against the limit of who sent them.
pub(super) struct Credit {
    pub(super) from: Arc<Inbox>,
    len: usize,
}

impl Credit {
    /// Counts `len` bytes of a message that `from` sends.
    ///
    /// # Errors
    ///
    /// `EAGAIN` if so much waits already that its SO_SNDBUF is in use.
    pub(super) fn new(from: &Arc<Inbox>, sk: &Sock, len: usize) -> Result<Self> {
        if !from.sent.try_charge(len, sk.sndbuf()) {
            sk.set_nospace();
            return Err(EAGAIN);
        }
        let from = from.clone();
        Ok(Self { from, len })
    }

    /// The name of who sent.
    pub(super) fn name(&self) -> Option<&Name> {
        self.from.name()
    }
}

impl Drop for Credit {
    fn drop(&mut self) {
        self.from.sent.uncharge(self.len);
        if let Some(sk) = self.from.sk() {
            if self.from.sent.is_writable(sk.sndbuf()) {
                sk.write_space();
            }
        }
    }
}

/// Asks the program of the receiver `sk`, if it has one, what it may receive of a
/// message: cuts the rest off. Returns whether that is anything at all. Sleeps.
///
/// # Errors
///
/// `ENOBUFS`.
pub(super) fn filter(sk: &Sock, parcel: &mut Parcel<Envelope>) -> Result<bool> {
    if !sk.has_filter() {
        return Ok(true);
    }
    let rest = sk.filter(parcel.message().bytes())?;
    match rest {
        Some(len) => parcel.message_mut().truncate(len),
        None => trace::drop(Some(sk), || parcel.message().len(), trace::Drop::Filter),
    }
    Ok(rest.is_some())
}
