// SPDX-License-Identifier: GPL-2.0

//! `struct msghdr`: a message on its way in or out.
//!
//! C header: [`include/linux/socket.h`](srctree/include/linux/socket.h)

use super::{
    addr::{Address, AddressBuf, ADDRESS_MAX},
    pages::Pages,
    sockopt::Stamps, //
};
use crate::bindings;
use core::{marker::PhantomData, slice};
use kernel::{
    error::to_result,
    iov::{IovIterDest, IovIterSource},
    prelude::*, //
};

/// The `MSG_*` flags of a call; recv(2) and send(2) say what each means.
#[derive(Clone, Copy, Default)]
pub(crate) struct MsgFlags(u32);

impl MsgFlags {
    /// Do not wait.
    pub(crate) const DONTWAIT: u32 = bindings::MSG_DONTWAIT;
    /// No SIGPIPE.
    pub(crate) const NOSIGNAL: u32 = bindings::MSG_NOSIGNAL;
    /// Out-of-band data.
    pub(crate) const OOB: u32 = bindings::MSG_OOB;
    /// The pages that the bytes lie in may be kept, instead of copies. Not of user space.
    pub(super) const SPLICE_PAGES: u32 = bindings::MSG_SPLICE_PAGES;
    /// Look, but leave it in the queue.
    pub(crate) const PEEK: u32 = bindings::MSG_PEEK;
    /// Wait until the whole length is there.
    pub(crate) const WAITALL: u32 = bindings::MSG_WAITALL;

    /// A message ends here.
    pub(crate) const EOR: u32 = bindings::MSG_EOR;
    /// More was there than the caller had room for.
    pub(crate) const TRUNC: u32 = bindings::MSG_TRUNC;

    pub(super) const fn bits(self) -> u32 {
        self.0
    }

    /// The bits that the caller gave: without the one by which the core remembers
    /// a 32-bit caller.
    pub(crate) const fn of_caller(self) -> u32 {
        self.0 & !bindings::MSG_CMSG_COMPAT
    }

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

    /// The destination that the call names.
    pub(crate) fn name(&self) -> Option<Address<'_>> {
        // SAFETY: By the type invariant; the core copied the name, and checked
        // its length.
        unsafe {
            let len = usize::try_from((*self.msg).msg_namelen).ok()?;
            let name: *const u8 = (*self.msg).msg_name.cast();
            (len > 0 && !name.is_null())
                .then(|| Address::new(slice::from_raw_parts(name, len.min(ADDRESS_MAX))))
        }
    }

    /// Whether the message is bytes, at least one, and nothing beside them: no
    /// control data, nothing out of band, no pages worth keeping.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        let flags = self.flags();
        self.len > 0
            && !self.has_control()
            && (!flags.has(MsgFlags::OOB | MsgFlags::SPLICE_PAGES)
                || !flags.has(MsgFlags::OOB) && self.len < Pages::LEAST)
    }

    /// Whether the message has control data.
    pub(crate) fn has_control(&self) -> bool {
        // SAFETY: By the type invariant.
        unsafe { (*self.msg).msg_controllen != 0 }
    }

    /// Goes back to the first byte: who calls again after `EAGAIN`, as io_uring
    /// does, sends the whole message.
    pub(crate) fn rewind(&mut self) {
        let len = self.len;
        let iter = self.iter();
        let read = len.saturating_sub(iter.len());
        // SAFETY: The core passes an iterator over `len` bytes, of which so many
        // were read.
        unsafe { iter.revert(read) };
    }

    /// Where the bytes come from. Reading may fault, and so sleep.
    #[inline(always)]
    pub(crate) fn iter(&mut self) -> &mut IovIterSource<'_> {
        // As `IovIterSource::from_raw()`, without its test of what the copy tests again.
        // SAFETY: By the type invariant; the type is transparent, and the borrow
        // excludes other users.
        unsafe { &mut *(&raw mut (*self.msg).msg_iter).cast() }
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

    /// The same, for a while. Who hands on this, and not itself, keeps what is in it
    /// in registers.
    #[inline(always)]
    pub(crate) fn by_ref(&mut self) -> RecvMsg<'_> {
        // INVARIANT: The borrow excludes other users.
        RecvMsg { ..*self }
    }

    /// The bytes that the caller has room for.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The call's flags.
    pub(crate) fn flags(&self) -> MsgFlags {
        self.flags
    }

    /// Whether the call is for bytes alone, or for those and who sends: it does not
    /// peek, wait for all of its length, or ask what is left.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        const LONG_WAY: u32 =
            MsgFlags::OOB | MsgFlags::PEEK | MsgFlags::WAITALL | bindings::MSG_ERRQUEUE;
        self.len > 0 && !self.flags.has(LONG_WAY) && !self.wants_inq()
    }

    /// Whether the caller takes the name of who sends. recvmsg(2) always does, for
    /// its own caller, who may not.
    #[inline(always)]
    pub(crate) fn wants_name(&self) -> bool {
        // SAFETY: By the type invariant.
        unsafe { !(*self.msg).msg_name.is_null() }
    }

    pub(super) fn as_raw(&self) -> *mut bindings::msghdr {
        self.msg
    }

    /// Whether what is written goes to a task, or there is no room for control
    /// data at all.
    pub(super) fn is_from_user(&self) -> bool {
        // SAFETY: By the type invariant; the bit says which of the two pointers
        // is there.
        unsafe {
            (*self.msg).msg_control_is_user() || (*self.msg).__bindgen_anon_1.msg_control.is_null()
        }
    }

    /// Sets a flag that recvmsg(2) returns.
    pub(crate) fn set_flag(&mut self, flag: u32) {
        // SAFETY: By the type invariant.
        unsafe { (*self.msg).msg_flags |= flag }
    }

    /// Whether an in-kernel caller asks how much is left in the queue.
    pub(crate) fn wants_inq(&self) -> bool {
        // SAFETY: By the type invariant.
        unsafe { (*self.msg).msg_get_inq() }
    }

    /// Tells how much is left in the queue; with a control message if `cmsg`.
    pub(crate) fn set_inq(&mut self, bytes: c_int, cmsg: bool) {
        // SAFETY: By the type invariant.
        unsafe { (*self.msg).msg_inq = bytes };
        if cmsg {
            self.put_cmsg(bindings::SCM_INQ, &bytes.to_ne_bytes());
        }
    }

    /// Tells when the message was sent, in nanoseconds since the epoch.
    pub(crate) fn put_stamp(&mut self, stamps: Stamps, nanoseconds: i64) {
        let [seconds, rest] = stamps.split(nanoseconds).map(i64::to_ne_bytes);
        let mut data = [0; 16];
        data[..8].copy_from_slice(&seconds);
        data[8..].copy_from_slice(&rest);
        self.put_cmsg(stamps.cmsg_type(), &data);
        stamps.put_all(self.msg, nanoseconds);
    }

    /// Adds a control message; sets MSG_CTRUNC if it does not fit. May fault,
    /// and so sleep.
    ///
    /// # Errors
    ///
    /// `EFAULT`.
    pub(super) fn try_put_cmsg(&mut self, kind: u32, data: &[u8]) -> Result {
        // SAFETY: By the type invariant; the data is only read.
        to_result(unsafe {
            bindings::put_cmsg(
                self.msg,
                bindings::SOL_SOCKET as c_int,
                kind as c_int,
                data.len() as c_int,
                data.as_ptr().cast_mut().cast(),
            )
        })
    }

    fn put_cmsg(&mut self, kind: u32, data: &[u8]) {
        // No receive reports a fault here.
        let _ = self.try_put_cmsg(kind, data);
    }

    /// Whether there is room for a control message of `len` bytes of data.
    pub(super) fn has_control_room(&self, len: usize) -> bool {
        // A header of a 32-bit task has three words of four bytes.
        const COMPAT_HEADER: usize = 12;
        // SAFETY: By the type invariant.
        let (room, flags) = unsafe { ((*self.msg).msg_controllen, (*self.msg).msg_flags) };
        let header = if flags & bindings::MSG_CMSG_COMPAT != 0 {
            COMPAT_HEADER
        } else {
            size_of::<bindings::cmsghdr>()
        };
        room >= header + len
    }

    /// Whether the caller takes control data.
    pub(super) fn has_control(&self) -> bool {
        // SAFETY: By the type invariant; a null pointer is one in either form.
        unsafe { !(*self.msg).__bindgen_anon_1.msg_control.is_null() }
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
    #[inline(always)]
    pub(crate) fn iter(&mut self) -> &mut IovIterDest<'_> {
        // As in `SendMsg::iter()`.
        // SAFETY: By the type invariant; the type is transparent, and the borrow
        // excludes other users.
        unsafe { &mut *(&raw mut (*self.msg).msg_iter).cast() }
    }
}
