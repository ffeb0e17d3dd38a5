// SPDX-License-Identifier: GPL-2.0

//! SCM_PIDFD: a file descriptor of the process that sent a message.
//!
//! The core makes them (`pidfd_prepare()`), but exports that to no module. What
//! it does export is the way to a socket's options, and SO_PEERPIDFD makes one
//! of the peer of an AF_UNIX socket. So there is one such socket, connected to
//! nobody, whose peer each sender is in turn.

use super::{msg::RecvMsg, msg_cred::MsgCred};
use crate::bindings;
use core::ptr::{self, NonNull};
use kernel::{error::to_result, new_mutex, prelude::*, sync::Mutex};

/// A socket that the kernel has for itself.
///
/// # Invariants
///
/// Owns the socket.
struct KernelSocket(NonNull<bindings::socket>);

// SAFETY: A socket may be used and released by any task.
unsafe impl Send for KernelSocket {}

impl KernelSocket {
    /// A datagram socket of AF_UNIX. Sleeps.
    fn new() -> Result<Self> {
        let mut sock = ptr::null_mut();
        // SAFETY: The namespace is a static, the pointer ours.
        to_result(unsafe {
            bindings::sock_create_kern(
                &raw mut bindings::init_net,
                bindings::AF_UNIX as c_int,
                bindings::sock_type_SOCK_DGRAM as c_int,
                0,
                &mut sock,
            )
        })?;
        NonNull::new(sock).map(Self).ok_or(ENOMEM)
    }
}

impl Drop for KernelSocket {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::sock_release(self.0.as_ptr()) }
    }
}

/// What makes the descriptors.
#[pin_data]
pub(crate) struct Pidfds {
    /// Made when it is first needed.
    #[pin]
    scratch: Mutex<Option<KernelSocket>>,
}

impl Pidfds {
    /// Without a socket yet.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            scratch <- new_mutex!(None, "net::Pidfds::scratch"),
        })
    }

    /// Installs a descriptor of the process of `cred` in the current task. Sleeps.
    ///
    /// # Errors
    ///
    /// `ESRCH` if the process was reaped before the core took note of it,
    /// `EMFILE`, `ENOMEM`; what a security module says that looks at options.
    fn install(&self, cred: &MsgCred) -> Result<c_int> {
        let mut scratch = self.scratch.lock();
        if scratch.is_none() {
            *scratch = Some(KernelSocket::new()?);
        }
        let sock = scratch.as_ref().ok_or(ENOMEM)?.0.as_ptr();
        let mut fd: c_int = -1;
        let mut len = size_of::<c_int>() as c_int;
        let mut pid = cred.pid_ref();
        let mut none = ptr::null();
        // SAFETY: The socket is ours, and the mutex keeps others off. Its sock
        // takes the reference on the process, and gives it back. The pointers
        // are to the kernel's memory, and said to be.
        let result = unsafe {
            let sk = (*sock).sk;
            bindings::sk_swap_peer_cred(sk, &mut pid, &mut none);
            let result = bindings::do_sock_getsockopt(
                sock,
                true,
                bindings::SOL_SOCKET as c_int,
                bindings::SO_PEERPIDFD as c_int,
                bindings::kernel_sockptr((&raw mut fd).cast()),
                bindings::kernel_sockptr((&raw mut len).cast()),
            );
            bindings::sk_swap_peer_cred(sk, &mut pid, &mut none);
            bindings::put_pid(pid);
            result
        };
        to_result(result)?;
        Ok(fd)
    }

    /// Adds SCM_PIDFD to `msg`. Sleeps.
    ///
    /// C function: `scm_pidfd_recv()`
    pub(super) fn deliver(&self, cred: Option<&MsgCred>, msg: &mut RecvMsg<'_>) {
        if !msg.has_control_room(size_of::<c_int>()) {
            msg.set_flag(bindings::MSG_CTRUNC);
            return;
        }
        let Some(cred) = cred else {
            return;
        };
        // As AF_UNIX: what is in the place of a descriptor says why there is
        // none.
        let fd = self.install(cred).unwrap_or_else(Error::to_errno);
        let put = msg.try_put_cmsg(bindings::SCM_PIDFD, &fd.to_ne_bytes());
        if let (Err(_), Ok(fd)) = (put, u32::try_from(fd)) {
            // SAFETY: The descriptor is the current task's, and nobody was told.
            unsafe { bindings::close_fd(fd) };
        }
    }
}
