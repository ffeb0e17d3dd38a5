// SPDX-License-Identifier: GPL-2.0

//! Socket control messages: what sendmsg(2) carries beside the bytes.
//!
//! The core parses and delivers them ([`include/net/scm.h`]), but keeps
//! SCM_RIGHTS for AF_UNIX, whose sockets it can find in queues. Here the files
//! are taken in by this room, as the list that the core delivers from.
//!
//! [`include/net/scm.h`]: srctree/include/net/scm.h

use super::{
    errno::ELOOP,
    file::FileRef,
    msg::{RecvMsg, SendMsg},
    msg_cred::MsgCred,
    ops::SocketOps,
    pidfd::Pidfds,
    socket::Socket,
    sockopt::Pass, //
};
use crate::bindings;
use core::{ptr::NonNull, slice};
use kernel::{error::to_result, prelude::*};

/// The most files that one message carries.
const FILES_MAX: usize = bindings::SCM_MAX_FD as usize;

/// What SOL_SOCKET becomes while the core must not look at a header.
const HIDDEN: c_int = -1;

/// Files that a message carries.
///
/// # Invariants
///
/// Owns the list, which came from `kmalloc()`, and a reference on each of its
/// `count` files and on its user.
pub(crate) struct Files(NonNull<bindings::scm_fp_list>);

// SAFETY: References on files may be used and dropped on any task.
unsafe impl Send for Files {}
// SAFETY: Through a shared reference the list is only read.
unsafe impl Sync for Files {}

impl Files {
    /// An empty list with room for `max` files. Sleeps.
    fn new(max: usize) -> Result<Self> {
        // SAFETY: The helper allocates, zeroed.
        let list = unsafe { bindings::scm_fp_list_alloc(max as c_int) };
        let list = NonNull::new(list).ok_or(ENOMEM)?;
        // INVARIANT: The list is empty, and gets its user.
        // SAFETY: The list is ours.
        unsafe { bindings::scm_fp_list_init(list.as_ptr(), max as c_int) };
        Ok(Self(list))
    }

    /// Adds the file that the current task knows as `fd`.
    fn add(&mut self, fd: c_int) -> Result {
        let fd = u32::try_from(fd).map_err(|_| EBADF)?;
        let file = FileRef::get(fd)?;
        refuse_what_may_hold_sockets(&file)?;
        let list = self.0.as_ptr();
        // SAFETY: The list has room: the caller counted what it was made for.
        // It takes the reference.
        unsafe {
            (&raw mut (*list).fp)
                .cast::<*mut bindings::file>()
                .add((*list).count as usize)
                .write(file.into_raw());
            (*list).count += 1;
        }
        Ok(())
    }

    /// The files.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &FileRef> {
        let list = self.0.as_ptr();
        // SAFETY: By the type invariant there are `count` references on files,
        // and `FileRef` is a transparent one.
        let files: &[FileRef] = unsafe {
            slice::from_raw_parts((&raw const (*list).fp).cast(), (*list).count as usize)
        };
        files.iter()
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        // SAFETY: By the type invariant.
        unsafe { (*self.0.as_ptr()).count as usize }
    }

    /// The same files once more. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    ///
    /// C function: `scm_fp_dup()`
    pub(crate) fn dup(&self) -> Result<Self> {
        // SAFETY: By the type invariant.
        let list = unsafe { bindings::scm_fp_dup(self.0.as_ptr()) };
        Ok(Self(NonNull::new(list).ok_or(ENOMEM)?))
    }

    /// Gives the list up to the caller.
    fn into_raw(self) -> *mut bindings::scm_fp_list {
        core::mem::ManuallyDrop::new(self).0.as_ptr()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let mut cookie = bindings::scm_cookie {
            fp: self.0.as_ptr(),
            ..Default::default()
        };
        // SAFETY: By the type invariant; the cookie takes what it drops.
        unsafe { bindings::scm_destroy(&mut cookie) };
    }
}

/// Refuses files that may hold sockets where no family can find them: a cycle
/// through one would never be freed.
///
/// # Errors
///
/// `EINVAL` for an io_uring instance, as AF_UNIX; `ELOOP` for an AF_UNIX
/// socket.
fn refuse_what_may_hold_sockets(file: &FileRef) -> Result {
    if file.family() == Some(bindings::AF_UNIX as c_int) {
        return Err(ELOOP.into());
    }
    // The core knows them by their operations, which it does not export.
    if file
        .anon_name()
        .is_some_and(|name| name.to_bytes() == b"[io_uring]")
    {
        return Err(EINVAL);
    }
    Ok(())
}

/// The control data of a message that is sent.
#[derive(Default)]
pub(crate) struct Control {
    /// SCM_RIGHTS.
    pub(crate) files: Option<Files>,
    /// SCM_CREDENTIALS.
    pub(crate) cred: Option<MsgCred>,
}

impl Control {
    /// Takes in the control data of `msg`, as the core does for AF_UNIX. Sleeps.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a header that is cut, for a type that SOL_SOCKET does not
    /// have, for more than 253 files and for an io_uring instance; `EBADF`;
    /// `ELOOP` for an AF_UNIX socket; `EPERM` and `ESRCH` for credentials that
    /// are not the sender's; `ENOMEM`.
    ///
    /// C function: `scm_send()`
    pub(crate) fn parse<T: SocketOps>(sock: &Socket<T>, msg: &SendMsg<'_>) -> Result<Self> {
        if !msg.has_control() {
            return Ok(Self::default());
        }
        let (files, others) = take_in_files(msg)?;
        if !others {
            return Ok(Self { files, cred: None });
        }
        let mut cookie = bindings::scm_cookie::default();
        set_level(msg, bindings::SOL_SOCKET as c_int, HIDDEN);
        // SAFETY: The socket and the message are valid; the cookie is ours.
        let sent = unsafe { bindings::scm_send(sock.as_raw(), msg.as_raw(), &mut cookie) };
        set_level(msg, HIDDEN, bindings::SOL_SOCKET as c_int);
        to_result(sent)?;
        // SAFETY: What the cookie holds is ours now.
        let cred = (!cookie.pid.is_null()).then(|| unsafe { MsgCred::from_cookie(&cookie) });
        Ok(Self { files, cred })
    }
}

/// Calls `visit` for each SCM_RIGHTS header of `msg` at `level`, up to one that
/// is cut; returns whether there was any other header.
fn for_each_rights(
    msg: &SendMsg<'_>,
    level: c_int,
    mut visit: impl FnMut(&mut bindings::cmsghdr, *const c_int, usize) -> Result,
) -> Result<bool> {
    let mut others = false;
    // SAFETY: The message's control data is a copy in kernel memory that this
    // call has to itself; a header lies in it whole where the helper says so.
    unsafe {
        let mut next = bindings::cmsg_firsthdr(msg.as_raw());
        // What has no header is for the core to refuse.
        others |= next.is_null();
        while let Some(header) = next.as_mut() {
            if !bindings::cmsg_ok(msg.as_raw(), header) {
                return Ok(true);
            }
            if header.cmsg_level == level && header.cmsg_type == bindings::SCM_RIGHTS as c_int {
                let data = (&raw const *header).add(1).cast();
                let bytes = header.cmsg_len - size_of::<bindings::cmsghdr>();
                visit(header, data, bytes / size_of::<c_int>())?;
            } else {
                others = true;
            }
            next = bindings::cmsg_nxthdr(msg.as_raw(), header);
        }
    }
    Ok(others)
}

/// Moves the SCM_RIGHTS headers from one level to another.
fn set_level(msg: &SendMsg<'_>, from: c_int, to: c_int) {
    // The visitor does not fail.
    let _ = for_each_rights(msg, from, |header, _, _| {
        header.cmsg_level = to;
        Ok(())
    });
}

/// Takes references on the files of all SCM_RIGHTS headers; returns whether there
/// are other headers too.
fn take_in_files(msg: &SendMsg<'_>) -> Result<(Option<Files>, bool)> {
    let level = bindings::SOL_SOCKET as c_int;
    let mut count = 0;
    let others = for_each_rights(msg, level, |_, _, n| {
        count = if n > FILES_MAX { n } else { count + n };
        if count > FILES_MAX {
            return Err(EINVAL);
        }
        Ok(())
    })?;
    if count == 0 {
        return Ok((None, others));
    }
    let mut files = Files::new(count)?;
    for_each_rights(msg, level, |_, data, n| {
        for i in 0..n {
            // SAFETY: `n` descriptors lie in the header.
            files.add(unsafe { data.add(i).read_unaligned() })?;
        }
        Ok(())
    })?;
    Ok((Some(files), others))
}

/// What goes to a receiver beside the bytes, as far as it asked for it.
#[derive(Default)]
pub(crate) struct Delivery<'a> {
    /// Who sent the message, if that was recorded.
    pub(crate) cred: Option<&'a MsgCred>,
    /// The security modules' number for the sender's label.
    pub(crate) secid: u32,
    /// Files, which become the receiver's.
    pub(crate) files: Option<Files>,
}

impl Delivery<'_> {
    /// Writes who sent the message.
    ///
    /// C function: `scm_recv()`
    fn deliver_sender<T: SocketOps>(&self, sock: &Socket<T>, msg: &mut RecvMsg<'_>) {
        let mut cookie = bindings::scm_cookie::default();
        cookie.creds.uid.val = u32::MAX;
        cookie.creds.gid.val = u32::MAX;
        #[cfg(CONFIG_SECURITY_NETWORK)]
        {
            cookie.secid = self.secid;
        }
        if let Some(cred) = self.cred {
            cred.fill(&mut cookie);
        }
        // No files: the core delivers those only in 7.2, and later for AF_UNIX alone.
        // SAFETY: The socket and the message are valid; the function takes what
        // the cookie holds.
        unsafe {
            bindings::scm_recv(
                sock.as_raw(),
                msg.as_raw(),
                &mut cookie,
                msg.flags().bits() as c_int,
            )
        }
    }

    /// Writes the control data of `msg`. Sleeps.
    ///
    /// What does not fit is dropped, and MSG_CTRUNC set.
    ///
    /// C function: `scm_detach_fds()`
    pub(crate) fn deliver<T: SocketOps>(
        self,
        sock: &Socket<T>,
        pidfds: &Pidfds,
        msg: &mut RecvMsg<'_>,
    ) {
        let wants = sock.sk().wants();
        if wants.cred || wants.sec {
            self.deliver_sender(sock, msg);
        }
        match self.files {
            // The core installs descriptors for tasks alone, and would warn.
            Some(_) if !msg.is_from_user() || !msg.has_control() => {
                msg.set_flag(bindings::MSG_CTRUNC);
            }
            Some(files) => {
                let mut cookie = bindings::scm_cookie {
                    fp: files.into_raw(),
                    ..Default::default()
                };
                // SAFETY: The message is valid and a task's; the function takes
                // the files.
                unsafe { bindings::scm_detach_fds(msg.as_raw(), &mut cookie) }
            }
            None => {}
        }
        if msg.has_control() && sock.sk().passes(Pass::Pidfd) {
            pidfds.deliver(self.cred, msg);
        }
    }
}
