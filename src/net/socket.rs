// SPDX-License-Identifier: GPL-2.0

//! `struct socket`: the file's side of a socket.
//!
//! C header: [`include/linux/net.h`](srctree/include/linux/net.h)

use super::{
    cred::Kgid,
    ops::SocketOps,
    poll::PollWait,
    sock::{data_ptr, Sock}, //
};
use crate::bindings;
use core::{marker::PhantomData, ops::Deref};
use kernel::{task::Kuid, types::Opaque};

/// A socket of the family whose data is `T`, for the time of one operation.
///
/// Dereferences to the family's data.
///
/// # Invariants
///
/// A valid socket, whose sock was allocated for `T` and is not released.
#[repr(transparent)]
pub(crate) struct Socket<T>(Opaque<bindings::socket>, PhantomData<T>);

impl<T: SocketOps> Socket<T> {
    /// # Safety
    ///
    /// For `'a`, `sock` must be valid, be of the family whose data is `T`, and
    /// not be released.
    pub(super) unsafe fn from_raw<'a>(sock: *mut bindings::socket) -> &'a Self {
        // INVARIANT: The caller guarantees it.
        // SAFETY: The type is transparent.
        unsafe { &*sock.cast() }
    }

    pub(super) fn as_raw(&self) -> *mut bindings::socket {
        self.0.get()
    }

    /// The sock of this socket.
    pub(crate) fn sk(&self) -> &Sock {
        // SAFETY: By the type invariant; `sock->sk` only changes in release.
        unsafe { Sock::from_raw((*self.as_raw()).sk) }
    }

    /// The socket's type, `SOCK_STREAM` and so on.
    pub(crate) fn kind(&self) -> u16 {
        // SAFETY: By the type invariant; the type never changes.
        unsafe { (*self.as_raw()).type_ as u16 }
    }

    /// The permission bits of the socket's file, which fchmod(2) changes.
    pub(crate) fn inode_mode(&self) -> u16 {
        // SAFETY: By the type invariant.
        unsafe { bindings::sock_mode(self.as_raw()) }
    }

    /// The owner of the socket's file, which fchown(2) changes.
    pub(crate) fn inode_owner(&self) -> (Kuid, Kgid) {
        // SAFETY: By the type invariant.
        unsafe {
            (
                Kuid::from_raw(bindings::sock_owner(self.as_raw())),
                Kgid::from_raw(bindings::sock_group(self.as_raw())),
            )
        }
    }

    /// Publishes that the socket is connected (`SS_CONNECTED`).
    pub(crate) fn set_connected(&self) {
        // SAFETY: By the type invariant. Only `connect` and `socketpair` write
        // the field, and the value is the same.
        unsafe { (*self.as_raw()).state = bindings::socket_state_SS_CONNECTED }
    }

    /// Registers the poller with the socket's wait queue, and what it waits for with
    /// the wakers. Every `poll` calls this before it looks, unless it
    /// [`Self::knows`] the poller.
    ///
    /// A barrier between that and what is read next pairs with the one that the
    /// wakers have between what they wrote and the look at the queue.
    pub(crate) fn poll_wait(&self, wait: &PollWait<'_>) {
        if let Some(events) = wait.requested() {
            self.sk().set_polled(events);
        }
        // SAFETY: The file and table are those that the core passed for this
        // socket.
        unsafe { bindings::sock_poll_wait(wait.file(), self.as_raw(), wait.table()) }
    }

    /// Whether there is nothing to register: the poller joins no queue now, and asks
    /// for no event that nobody asked for before.
    #[inline(always)]
    pub(crate) fn knows(&self, wait: &PollWait<'_>) -> bool {
        match wait.requested() {
            Some(events) => !wait.joins() && self.sk().is_polled(events),
            None => true,
        }
    }
}

impl<T: SocketOps> Deref for Socket<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: By the type invariant the data is initialised, and only
        // release, which excludes this, takes it away.
        unsafe { &*data_ptr((*self.as_raw()).sk) }
    }
}

/// The socket that accept(2) returns: it has no sock until one is grafted.
pub(crate) struct AcceptSocket<'a, T>(&'a Socket<T>);

impl<T> Clone for AcceptSocket<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for AcceptSocket<'_, T> {}

impl<'a, T: SocketOps> AcceptSocket<'a, T> {
    /// # Safety
    ///
    /// As [`Socket::from_raw`], but for the sock: there is none yet.
    pub(super) unsafe fn from_raw(sock: *mut bindings::socket) -> Self {
        // SAFETY: The type is transparent, and this type hands the reference
        // out to `NewSock::graft()` only, which reads no sock.
        Self(unsafe { &*sock.cast() })
    }

    /// The sock that was grafted to it, if one was.
    pub(crate) fn sk(&self) -> Option<&'a Sock> {
        // SAFETY: The socket is valid, and nobody else has it yet, so that its
        // sock stays.
        unsafe {
            let sk = (*self.0.as_raw()).sk;
            (!sk.is_null()).then(|| Sock::from_raw(sk))
        }
    }

    /// The socket, to graft a sock to.
    pub(super) fn socket(&self) -> &'a Socket<T> {
        self.0
    }
}
