// SPDX-License-Identifier: GPL-2.0

//! SCM_CREDENTIALS: who a message comes from.
//!
//! C header: [`include/net/scm.h`](srctree/include/net/scm.h)

use super::{ops::SocketOps, socket::Socket};
use crate::bindings;
use kernel::{error::to_result, prelude::*};

/// The process, user and group that a message is said to come from.
///
/// # Invariants
///
/// Owns a reference on `pid`.
pub(crate) struct MsgCred {
    pid: *mut bindings::pid,
    uid: bindings::kuid_t,
    gid: bindings::kgid_t,
}

// SAFETY: References on a pid may be used on any task.
unsafe impl Send for MsgCred {}
// SAFETY: Nothing changes through a shared reference.
unsafe impl Sync for MsgCred {}

impl MsgCred {
    /// Those of the current task, which the core takes note of for SCM_PIDFD, if
    /// it can: a descriptor of a process may be made after its end then. Sleeps.
    pub(crate) fn current<T: SocketOps>(sock: &Socket<T>) -> Self {
        Self::registered(sock).unwrap_or_else(|_| Self::unregistered())
    }

    /// Has the core read the current task's own credentials from a message: the
    /// one way that it exports to make it take note of a process.
    fn registered<T: SocketOps>(sock: &Socket<T>) -> Result<Self> {
        #[repr(C)]
        struct Message {
            header: bindings::cmsghdr,
            cred: bindings::ucred,
        }
        // SAFETY: There is always a current task.
        let (pid, uid, gid) = unsafe {
            (
                bindings::current_tgid_vnr(),
                bindings::from_current_kuid(bindings::current_uid()),
                bindings::from_current_kgid(bindings::current_gid()),
            )
        };
        let mut control = Message {
            header: bindings::cmsghdr {
                cmsg_len: size_of::<bindings::cmsghdr>() + size_of::<bindings::ucred>(),
                cmsg_level: bindings::SOL_SOCKET as c_int,
                cmsg_type: bindings::SCM_CREDENTIALS as c_int,
            },
            cred: bindings::ucred {
                pid: pid as u32,
                uid,
                gid,
            },
        };
        let mut msg = bindings::msghdr::default();
        msg.__bindgen_anon_1.msg_control = (&raw mut control).cast();
        msg.msg_controllen = size_of::<Message>();
        let mut cookie = bindings::scm_cookie::default();
        // SAFETY: The message and what it points to are ours.
        to_result(unsafe { bindings::scm_send(sock.as_raw(), &mut msg, &mut cookie) })?;
        // SAFETY: What the cookie holds is ours now.
        Ok(unsafe { Self::from_cookie(&cookie) })
    }

    /// Those that the core read from a message.
    ///
    /// # Safety
    ///
    /// The caller gives up the reference that the cookie has on a process.
    pub(super) unsafe fn from_cookie(cookie: &bindings::scm_cookie) -> Self {
        // INVARIANT: The caller gives the reference up.
        Self {
            pid: cookie.pid,
            uid: cookie.creds.uid,
            gid: cookie.creds.gid,
        }
    }

    /// Gives the core what it delivers, in terms of the current task.
    ///
    /// C function: `scm_set_cred()`
    pub(super) fn fill(&self, cookie: &mut bindings::scm_cookie) {
        // SAFETY: By the type invariant; the cookie gets a reference.
        unsafe { bindings::scm_set_cred(cookie, self.pid, self.uid, self.gid) }
    }

    /// A reference on the process, for the caller.
    pub(super) fn pid_ref(&self) -> *mut bindings::pid {
        // SAFETY: By the type invariant.
        unsafe { bindings::get_pid(self.pid) }
    }

    fn unregistered() -> Self {
        // INVARIANT: The function returns a reference.
        // SAFETY: There is always a current task.
        unsafe {
            Self {
                pid: bindings::get_current_tgid(),
                uid: bindings::current_uid(),
                gid: bindings::current_gid(),
            }
        }
    }
}

impl Clone for MsgCred {
    fn clone(&self) -> Self {
        // INVARIANT: The function returns a new reference.
        Self {
            // SAFETY: By the type invariant.
            pid: unsafe { bindings::get_pid(self.pid) },
            uid: self.uid,
            gid: self.gid,
        }
    }
}

impl PartialEq for MsgCred {
    fn eq(&self, other: &Self) -> bool {
        self.pid == other.pid && self.uid.val == other.uid.val && self.gid.val == other.gid.val
    }
}

impl Drop for MsgCred {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::put_pid(self.pid) }
    }
}
