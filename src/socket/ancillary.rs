// SPDX-License-Identifier: GPL-2.0

//! What goes with a message beside its bytes, from sendmsg(2) to recvmsg(2).

use super::{inflight::InFlight, PerNet, Qsock, QueueSocket};
use crate::net::{
    cred::current_secid,
    file::FileRef,
    msg::RecvMsg,
    msg_cred::MsgCred,
    netns::Net,
    pages::Pages,
    scm::{Control, Delivery},
    socket::Socket,
    sockopt::Wants, //
};
use crate::queue::marks::Merge;
use kernel::{prelude::*, sync::Arc};

/// Ancillary data in a queue.
#[derive(Default)]
pub(super) struct Ancillary {
    files: Option<Arc<InFlight>>,
    /// Who sent it, if either end wanted that known.
    cred: Option<MsgCred>,
    /// The number of the sender's label, if the receiver wanted it.
    secid: u32,
    /// Where the bytes lie, if not in the queue.
    pages: Option<Arc<Pages>>,
}

impl Ancillary {
    /// What `control` gives. Sleeps.
    ///
    /// # Errors
    ///
    /// `ETOOMANYREFS` if the user has too many files in flight, `ENOMEM`.
    pub(super) fn new(control: Control) -> Result<Self> {
        Ok(Self {
            files: match control.files {
                Some(files) => Some(InFlight::new(files)?),
                None => None,
            },
            cred: control.cred,
            secid: 0,
            pages: None,
        })
    }

    /// Adds what the sender `sock` and the receiver want to be known.
    ///
    /// # Errors
    ///
    /// `EPERM` if there are files that the receiver does not take.
    pub(super) fn address(&mut self, sock: &Socket<QueueSocket>, receiver: Wants) -> Result {
        if self.files.is_some() && !receiver.rights {
            return Err(EPERM);
        }
        if self.cred.is_none() && (receiver.cred || sock.sk().passes_cred()) {
            self.cred = Some(MsgCred::current(sock));
        }
        if receiver.sec {
            self.secid = current_secid();
        }
        Ok(())
    }

    /// Takes what goes with the next part of a message; later parts have no
    /// files.
    pub(super) fn next_part(&mut self) -> Self {
        let rest = Self {
            files: None,
            cred: self.cred.clone(),
            secid: self.secid,
            pages: None,
        };
        core::mem::replace(self, rest)
    }

    /// Whether there is nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_none() && self.cred.is_none() && self.secid == 0
    }

    /// The bytes lie in `pages`. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn lend(&mut self, pages: Pages) -> Result {
        self.pages = Some(Arc::new(pages, GFP_KERNEL_ACCOUNT | __GFP_NOWARN)?);
        Ok(())
    }

    /// Where the bytes lie, if not in the queue.
    pub(super) fn lent(&self) -> Option<Arc<Pages>> {
        self.pages.clone()
    }

    /// How many files there are. Sleeps.
    pub(super) fn files(&self) -> usize {
        let mut count = 0;
        self.for_each_file(&mut |_| count += 1);
        count
    }

    /// Shows `see` each file. Sleeps.
    pub(super) fn for_each_file(&self, see: &mut dyn FnMut(&FileRef)) {
        if let Some(files) = &self.files {
            files.for_each(see);
        }
    }
}

impl Merge for Ancillary {
    fn merges(&self, other: &Self) -> bool {
        self.files.is_none()
            && other.files.is_none()
            && self.pages.is_none()
            && other.pages.is_none()
            && self.cred == other.cred
            && self.secid == other.secid
    }
}

/// Ancillary data on its way to a receiver.
#[derive(Default)]
pub(super) struct Received {
    files: Option<Arc<InFlight>>,
    peek: bool,
    cred: Option<MsgCred>,
    secid: u32,
}

impl Received {
    /// Takes what `ancillary` says of its sender.
    pub(super) fn add_sender(&mut self, ancillary: &Ancillary) {
        self.cred = ancillary.cred.clone();
        self.secid = ancillary.secid;
    }

    /// Takes the files; a receive that peeks leaves them too.
    pub(super) fn add_files(&mut self, ancillary: &mut Ancillary, peek: bool) {
        self.peek = peek;
        if peek {
            self.files = ancillary.files.clone();
        } else {
            self.files = ancillary.files.take();
        }
    }

    /// Whether `ancillary` says the same of its sender.
    pub(super) fn is_from_same(&self, ancillary: Option<&Ancillary>) -> bool {
        let (cred, secid) = match ancillary {
            Some(ancillary) => (ancillary.cred.as_ref(), ancillary.secid),
            None => (None, 0),
        };
        self.cred.as_ref() == cred && self.secid == secid
    }

    /// Whether there are files.
    pub(super) fn has_files(&self) -> bool {
        self.files.is_some()
    }

    /// Writes the control data of `msg`. Sleeps.
    pub(super) fn deliver(self, sock: &Socket<QueueSocket>, msg: &mut RecvMsg<'_>) {
        let wants = sock.sk().wants();
        if self.files.is_none() && !wants.cred && !wants.sec {
            return;
        }
        let files = self.files.and_then(|files| {
            if self.peek {
                // As AF_UNIX: without memory, a peek shows none.
                files.dup().ok()
            } else {
                files.take()
            }
        });
        Delivery {
            cred: self.cred.as_ref(),
            secid: self.secid,
            files,
        }
        .deliver(sock, &initial().pidfds, msg);
    }
}

/// What the family has once, for all namespaces.
pub(super) fn initial() -> &'static PerNet {
    Net::initial().data::<Qsock>()
}
