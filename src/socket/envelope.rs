// SPDX-License-Identifier: GPL-2.0

//! What goes with a packet or datagram beside its bytes.

use super::{ancillary::Ancillary, datagram::no_buffers, inbox::Inbox};
use crate::{
    names::Name,
    net::{file::FileRef, sock::Sock}, //
};
use kernel::{prelude::*, sync::Arc};

/// What goes with a message beside its bytes.
///
/// Mostly that is little: the rest is elsewhere, so that many of these wait in
/// little memory.
pub(super) struct Envelope {
    /// Who sent it, for a datagram, and what it counts there.
    pub(super) credit: Option<Credit>,
    rest: Option<KBox<Rest>>,
}

struct Rest {
    ancillary: Ancillary,
    /// When it was sent, in nanoseconds since the epoch, if the receiver wanted
    /// that.
    stamp: Option<i64>,
}

impl Envelope {
    /// That of a message of bytes alone.
    #[inline(always)]
    pub(super) fn plain(credit: Option<Credit>) -> Self {
        Self { credit, rest: None }
    }

    /// As [`Self::plain`], with more. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOBUFS`.
    pub(super) fn with(mut self, ancillary: Ancillary, stamp: Option<i64>) -> Result<Self> {
        if !ancillary.is_empty() || stamp.is_some() {
            let rest = Rest { ancillary, stamp };
            let flags = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
            self.rest = Some(KBox::new(rest, flags).map_err(|error| no_buffers(error.into()))?);
        }
        Ok(self)
    }

    /// Whether there is nothing that a receive must look at.
    #[inline(always)]
    pub(super) fn is_plain(&self) -> bool {
        self.rest.is_none()
    }

    /// Who sent a message that [`Self::is_plain`], and what it counts there.
    #[inline(always)]
    pub(super) fn into_credit(self) -> Option<Credit> {
        match self.rest {
            None => self.credit,
            Some(rest) => {
                drop(rest);
                self.credit
            }
        }
    }

    /// Takes what was added back out.
    pub(super) fn into_ancillary(self) -> Ancillary {
        self.rest
            .map(|rest| KBox::into_inner(rest).ancillary)
            .unwrap_or_default()
    }

    /// The ancillary data, if there is any.
    pub(super) fn ancillary(&mut self) -> Option<&mut Ancillary> {
        self.rest.as_mut().map(|rest| &mut rest.ancillary)
    }

    /// When the message was sent.
    pub(super) fn stamp(&self) -> Option<i64> {
        self.rest.as_ref()?.stamp
    }

    /// Shows `see` each file. Sleeps.
    pub(super) fn for_each_file(&self, see: &mut dyn FnMut(&FileRef)) {
        if let Some(rest) = &self.rest {
            rest.ancillary.for_each_file(see);
        }
    }
}

/// Bytes that count against the limit of who sent them.
pub(super) struct Credit {
    pub(super) from: Arc<Inbox>,
    len: usize,
}

impl Credit {
    /// Counts `len` bytes of a message that `from` sends; `None` if so much waits
    /// already that its SO_SNDBUF is in use.
    #[inline(always)]
    pub(super) fn new(from: &Arc<Inbox>, sk: &Sock, len: usize) -> Option<Self> {
        if !from.sent.try_charge(len, sk.sndbuf()) {
            return None;
        }
        let from = from.clone();
        Some(Self { from, len })
    }

    /// The name of who sent.
    pub(super) fn name(&self) -> Option<&Name> {
        self.from.name()
    }
}

impl Drop for Credit {
    #[inline(always)]
    fn drop(&mut self) {
        self.from.sent.uncharge(self.len);
        if let Some(sk) = self.from.sk() {
            if sk.has_writers() {
                self.from.tell_writer(sk);
            }
        }
    }
}
