// SPDX-License-Identifier: GPL-2.0

//! Credentials: who asks, and who stands at the other end.

use crate::{bindings, net::sock::Sock};
use kernel::{prelude::*, task::Kuid};

/// The process and credentials that SO_PEERCRED shows for a socket's peer.
///
/// # Invariants
///
/// Owns a reference on each.
pub(crate) struct PeerCred {
    pid: *mut bindings::pid,
    cred: *const bindings::cred,
}

// SAFETY: References on a pid and on credentials may be used on any task.
unsafe impl Send for PeerCred {}
// SAFETY: What is reached through a shared reference is never changed.
unsafe impl Sync for PeerCred {}

impl PeerCred {
    /// Those of the current task.
    pub(crate) fn current() -> Self {
        // INVARIANT: Both functions return a reference that the caller owns.
        // SAFETY: There is always a current task.
        unsafe {
            Self {
                pid: bindings::get_current_tgid(),
                cred: bindings::get_current_cred(),
            }
        }
    }

    /// The effective user and group, in the initial user namespace.
    pub(crate) fn ids(&self) -> (u32, u32) {
        // SAFETY: By the type invariant.
        unsafe {
            (
                bindings::cred_euid(self.cred).val,
                bindings::cred_egid(self.cred).val,
            )
        }
    }

    /// Gives up both references to the caller.
    pub(super) fn into_raw(self) -> (*mut bindings::pid, *const bindings::cred) {
        let this = core::mem::ManuallyDrop::new(self);
        (this.pid, this.cred)
    }

    /// # Safety
    ///
    /// The caller owns a reference on each (or it is null) and gives it up.
    pub(super) unsafe fn from_raw(pid: *mut bindings::pid, cred: *const bindings::cred) -> Self {
        // INVARIANT: The caller gives its references up.
        Self { pid, cred }
    }
}

impl Clone for PeerCred {
    fn clone(&self) -> Self {
        // INVARIANT: Both functions return a new reference.
        // SAFETY: By the type invariant both are valid.
        unsafe {
            Self {
                pid: bindings::get_pid(self.pid),
                cred: bindings::get_cred(self.cred),
            }
        }
    }
}

impl Sock {
    /// The user and group that SO_PEERCRED shows, in the initial user namespace.
    pub(crate) fn peer_ids(&self) -> Option<(u32, u32)> {
        let (mut uid, mut gid) = (0, 0);
        // SAFETY: By the type invariant; the helper reads under sk_peer_lock.
        unsafe { bindings::sk_peer_ids(self.as_raw(), &mut uid, &mut gid) }.then_some((uid, gid))
    }
}

impl Drop for PeerCred {
    fn drop(&mut self) {
        // SAFETY: By the type invariant; both functions take null.
        unsafe {
            bindings::put_pid(self.pid);
            bindings::put_cred(self.cred);
        }
    }
}

/// A group id as the kernel sees it, in no user namespace.
#[derive(Clone, Copy)]
pub(crate) struct Kgid(bindings::kgid_t);

impl PartialEq for Kgid {
    fn eq(&self, other: &Self) -> bool {
        self.0.val == other.0.val
    }
}

impl Eq for Kgid {}

impl Kgid {
    /// The group that the current task's user namespace calls `gid`.
    pub(crate) fn new(gid: u32) -> Option<Self> {
        // SAFETY: There is always a current task.
        let gid = unsafe { bindings::make_current_kgid(gid) };
        (gid.val != u32::MAX).then_some(Self(gid))
    }

    pub(super) fn from_raw(gid: bindings::kgid_t) -> Self {
        Self(gid)
    }

    /// What the current task's user namespace calls this group.
    pub(crate) fn into_gid_in_current_ns(self) -> u32 {
        // SAFETY: There is always a current task.
        unsafe { bindings::from_current_kgid(self.0) }
    }

    /// The group that the current task makes things for.
    pub(crate) fn current_fsgid() -> Self {
        // SAFETY: There is always a current task.
        Self(unsafe { bindings::current_fsgid() })
    }

    /// Whether the current task is in this group.
    pub(crate) fn has_current(self) -> bool {
        // SAFETY: There is always a current task.
        unsafe { bindings::in_group_p(self.0) != 0 }
    }
}

/// The user that the current task's user namespace calls `uid`.
pub(crate) fn kuid(uid: u32) -> Option<Kuid> {
    // SAFETY: There is always a current task.
    let uid = unsafe { bindings::make_current_kuid(uid) };
    (uid.val != u32::MAX).then(|| Kuid::from_raw(uid))
}

/// The user that the current task makes things for, and is checked as.
pub(crate) fn current_fsuid() -> Kuid {
    // SAFETY: There is always a current task.
    Kuid::from_raw(unsafe { bindings::current_fsuid() })
}

/// The user whose limits the current task is under.
pub(crate) fn current_uid() -> u32 {
    // SAFETY: There is always a current task.
    unsafe { bindings::current_uid() }.val
}

/// The number that the security modules have for the current task's label.
///
/// C function: `security_cred_getsecid()`
pub(crate) fn current_secid() -> u32 {
    let mut secid = 0;
    // SAFETY: There is always a current task; the number is ours.
    unsafe { bindings::current_getsecid(&mut secid) };
    secid
}

/// RLIMIT_NOFILE of the current task.
pub(crate) fn nofile_limit() -> usize {
    // SAFETY: There is always a current task.
    unsafe { bindings::rlimit_nofile() }
}

/// Whether the current task may have more files in flight than that.
pub(crate) fn may_exceed_nofile() -> bool {
    // SAFETY: There is always a current task.
    unsafe {
        bindings::capable(bindings::CAP_SYS_RESOURCE as c_int)
            || bindings::capable(bindings::CAP_SYS_ADMIN as c_int)
    }
}

/// The mode bits that the current task takes away from what it makes.
pub(crate) fn current_umask() -> u16 {
    // SAFETY: There is always a current task.
    unsafe { bindings::current_umask() }
}

/// Sends the current task SIGPIPE, as a write to a closed connection does.
pub(crate) fn send_sigpipe() {
    // SAFETY: There is always a current task.
    unsafe { bindings::send_sigpipe() }
}
