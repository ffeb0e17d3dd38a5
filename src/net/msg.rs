// SPDX-License-Identifier: GPL-2.0

//! `struct msghdr`: a message on its way in or out.
//!
//! C header: [`include/linux/socket.h`](srctree/include/linux/socket.h)

use super::addr::{AddressBuf, ADDRESS_MAX};
use crate::bindings;
use core::marker::PhantomData;
use kernel::{
    iov::{IovIterDest, IovIterSource},
    prelude::*, //
};

/// The `MSG_*` flags of a call; recv(2) and send(2) say what each means.
#[derive(Clone, Copy)]
pub(crate) struct MsgFlags(u32);

impl MsgFlags {
    /// Do not wait.
    pub(crate) const DONTWAIT: u32 = bindings::MSG_DONTWAIT;
    /// No SIGPIPE.
    pub(crate) const NOSIGNAL: u32 = bindings::MSG_NOSIGNAL;
    /// Out-of-band data.
    pub(crate) const OOB: u32 = bindings::MSG_OOB;
    /// Look, but leave it in the queue.
    pub(crate) const PEEK: u32 = bindings::MSG_PEEK;
    /// Wait until the whole length is there.
    pub(crate) const WAITALL: u32 = bindings::MSG_WAITALL;

    /// Whether `flag` is set.
    pub(crate) const fn has(self, flag: u32) -> bool {
        self.0 & flag != 0
    }
}

/// A message that a task sends.
///
/// # Invariants
///
/// `msg` is a valid message whose iterator is a source, for `'a`, and nothing
/// else uses it.
pub(crate) struct SendMsg<'a> {
    msg: *mut bindings::msghdr,
    len: usize,
    lifetime: PhantomData<&'a mut bindings::msghdr>,
}

impl SendMsg<'_> {
    /// # Safety
    ///
    /// `msg` must be what the core passed to `sendmsg`, with the length `len`.
    pub(super) unsafe fn new(msg: *mut bindings::msghdr, len: usize) -> Self {
        // INVARIANT: The caller guarantees it.
        Self {
            msg,
            len,
            lifetime: PhantomData,
        }
    }

    pub(super) fn as_raw(&self) -> *mut bindings::msghdr {
        self.msg
    }

    /// The bytes that the message has.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The call's flags.
    pub(crate) fn flags(&self) -> MsgFlags {
        // SAFETY: By the type invariant.
        MsgFlags(unsafe { (*self.msg).msg_flags })
    }

    /// Whether the call names a destination.
    pub(crate) fn has_name(&self) -> bool {
        // SAFETY: By the type invariant.
        unsafe { (*self.msg).msg_namelen != 0 }
    }

    /// Whether the message has control data.
    pub(crate) fn has_control(&self) -> bool {
        // SAFETY: By the type invariant.
        unsafe { (*self.msg).msg_controllen != 0 }
    }

    /// Where the bytes come from. Reading may fault, and so sleep.
    pub(crate) fn iter(&mut self) -> &mut IovIterSource<'_> {
        // SAFETY: By the type invariant; the borrow excludes other users.
        unsafe { IovIterSource::from_raw(&raw mut (*self.msg).msg_iter) }
    }
}

/// A message that a task receives.
///
/// # Invariants
///
/// `msg` is a valid message whose iterator is a destination, for `'a`, and
/// nothing else uses it. Its name is null or has room for any address.
pub(crate) struct RecvMsg<'a> {
    msg: *mut bindings::msghdr,
    len: usize,
    flags: MsgFlags,
    lifetime: PhantomData<&'a mut bindings::msghdr>,
}

impl RecvMsg<'_> {
    /// # Safety
    ///
    /// `msg` must be what the core passed to `recvmsg`, with the length `len`.
    pub(super) unsafe fn new(msg: *mut bindings::msghdr, len: usize, flags: c_int) -> Self {
        // INVARIANT: The caller guarantees it.
        Self {
            msg,
            len,
            flags: MsgFlags(flags as u32),
            lifetime: PhantomData,
        }
    }

    /// The bytes that the caller has room for.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The call's flags.
    pub(crate) fn flags(&self) -> MsgFlags {
        self.flags
    }

    /// Tells the caller who sent the message, if it asked.
    pub(crate) fn set_name(&mut self, fill: impl FnOnce(&mut AddressBuf<'_>)) {
        // SAFETY: By the type invariant.
        let name: *mut [u8; ADDRESS_MAX] = unsafe { (*self.msg).msg_name }.cast();
        // SAFETY: By the type invariant; the core owns the buffer and lends it.
        if let Some(name) = unsafe { name.as_mut() } {
            let mut buf = AddressBuf::new(name);
            fill(&mut buf);
            // SAFETY: By the type invariant.
            unsafe { (*self.msg).msg_namelen = buf.len() as c_int };
        }
    }

    /// Where the bytes go. Writing may fault, and so sleep.
    pub(crate) fn iter(&mut self) -> &mut IovIterDest<'_> {
        // SAFETY: By the type invariant; the borrow excludes other users.
        unsafe { IovIterDest::from_raw(&raw mut (*self.msg).msg_iter) }
    }
}
