// SPDX-License-Identifier: GPL-2.0

//! `struct sock`: what a socket is to the rest of the network code.
//!
//! C header: [`include/net/sock.h`](srctree/include/net/sock.h)
//!
//! # Life cycle
//!
//! A sock is allocated by [`NewSock::new`] as the *shell* (`struct sock`, counted
//! by `sk_refcnt`) with the family's data behind it, in one object. The data
//! lives from then until the file's last reference goes and the core calls
//! `release`. Only operations on the socket's own file reach the data, and who
//! holds the namespace's table, which `release` takes the sock out of: so
//! `release` has it to itself and may sleep while it is dropped. The shell lives
//! until the last counted reference on the [`Sock`] is gone: that is what other
//! sockets hold to wake this one or to leave an error with it.

use super::{
    audience::{self, Audience},
    compat::init_in_place,
    cred::PeerCred,
    family::SocketFamily,
    netns::Net,
    ops::SocketOps,
    socket::AcceptSocket, //
};
use crate::bindings;
use core::{
    cell::UnsafeCell,
    mem::{ManuallyDrop, MaybeUninit},
    pin::Pin,
    ptr::{self, NonNull}, //
};
use kernel::{
    prelude::*,
    sync::aref::AlwaysRefCounted,
    types::Opaque, //
};
use pin_init::PinInit;

/// The connection state that other parts of the kernel read, `sk_state`.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum SkState {
    /// Connected to a peer, for good.
    Established = bindings::TCP_ESTABLISHED as u8,
    /// Listening: SO_ACCEPTCONN says so.
    Listen = bindings::TCP_LISTEN as u8,
    /// Neither.
    Close = bindings::TCP_CLOSE as u8,
}

/// A `struct sock` of whatever family of this framework.
///
/// # Invariants
///
/// Always counted by `sk_refcnt`, set up by `sock_init_data()`; the first field
/// of a [`FamilySock`].
#[repr(transparent)]
pub(crate) struct Sock(Opaque<bindings::sock>);

// SAFETY: A sock is shared by every task that holds its file; what is not read
// and written with single accesses is behind the sock's own locks.
unsafe impl Sync for Sock {}
// SAFETY: The last reference may be dropped by any task.
unsafe impl Send for Sock {}

// SAFETY: By the type invariant; `sock_hold()` keeps the sock in memory until
// the matching `sock_put()`.
unsafe impl AlwaysRefCounted for Sock {
    fn inc_ref(&self) {
        // SAFETY: A shared reference means that there is a counted one.
        unsafe { bindings::sock_hold(self.as_raw()) }
    }

    unsafe fn dec_ref(obj: NonNull<Self>) {
        // SAFETY: The caller owns the reference that is dropped.
        unsafe { bindings::sock_put(obj.as_ptr().cast()) }
    }
}

impl Sock {
    /// # Safety
    ///
    /// `sk` must be valid and counted for `'a`.
    pub(super) unsafe fn from_raw<'a>(sk: *mut bindings::sock) -> &'a Self {
        // SAFETY: The type is transparent; the caller guarantees the rest.
        unsafe { &*sk.cast() }
    }

    pub(super) fn as_raw(&self) -> *mut bindings::sock {
        self.0.get()
    }

    /// The network namespace that the socket was created in.
    pub(crate) fn net(&self) -> &Net {
        // SAFETY: A socket of this framework holds its namespace.
        unsafe { Net::from_raw(bindings::sock_net(self.as_raw())) }
    }

    /// The number of the socket's inode; 0 before it has one, and when it is
    /// closed.
    pub(crate) fn inode(&self) -> u64 {
        // SAFETY: By the type invariant.
        unsafe { bindings::sock_i_ino(self.as_raw()) }
    }

    /// SO_COOKIE: no other socket ever has the same. Does not sleep.
    pub(crate) fn cookie(&self) -> u64 {
        let mut words = [0u32; 2];
        // SAFETY: By the type invariant; a cookie has two words.
        unsafe { bindings::sock_diag_save_cookie(self.as_raw(), words.as_mut_ptr()) };
        u64::from(words[0]) | u64::from(words[1]) << 32
    }

    /// SO_SNDBUF as getsockopt(2) shows it, in bytes.
    pub(crate) fn sndbuf(&self) -> usize {
        // SAFETY: By the type invariant; volatile, because the core may change it.
        let bytes = unsafe { (&raw const (*self.as_raw()).sk_sndbuf).read_volatile() };
        // BOUNDS: The core keeps it above 0.
        bytes as u32 as usize
    }

    /// How long a receive may wait, in jiffies; 0 if it must not.
    pub(crate) fn rcvtimeo(&self, nonblock: bool) -> c_long {
        // SAFETY: By the type invariant.
        unsafe { bindings::sock_rcvtimeo(self.as_raw(), nonblock) }
    }

    /// How long a send or connect may wait, in jiffies; 0 if it must not.
    pub(crate) fn sndtimeo(&self, nonblock: bool) -> c_long {
        // SAFETY: By the type invariant.
        unsafe { bindings::sock_sndtimeo(self.as_raw(), nonblock) }
    }

    /// The least number of bytes that a receive of `len` waits for (SO_RCVLOWAT,
    /// MSG_WAITALL); never 0.
    pub(crate) fn rcvlowat(&self, wait_all: bool, len: usize) -> usize {
        let len = c_int::try_from(len).unwrap_or(c_int::MAX);
        // SAFETY: By the type invariant.
        let target = unsafe { bindings::sock_rcvlowat(self.as_raw(), wait_all.into(), len) };
        usize::try_from(target).unwrap_or(1)
    }

    /// Takes the pending error, as SO_ERROR does.
    #[inline]
    pub(crate) fn take_error(&self) -> Result {
        if !self.has_error() {
            return Ok(());
        }
        // SAFETY: By the type invariant.
        kernel::error::to_result(unsafe { bindings::sock_error(self.as_raw()) })
    }

    /// Whether an error is pending.
    #[inline]
    pub(crate) fn has_error(&self) -> bool {
        // SAFETY: By the type invariant; volatile, because others may set it.
        unsafe { (&raw const (*self.as_raw()).sk_err).read_volatile() != 0 }
    }

    /// Leaves `error` for the socket's next receive or SO_ERROR.
    pub(crate) fn set_error(&self, error: Error) {
        // SAFETY: By the type invariant; the core stores errors as positive.
        unsafe { bindings::sk_set_err(self.as_raw(), -error.to_errno()) }
    }

    /// The connection state, one of [`SkState`].
    pub(super) fn state(&self) -> u32 {
        // SAFETY: By the type invariant.
        unsafe { bindings::sk_state(self.as_raw()) }.into()
    }

    /// The socket's type, `SOCK_STREAM` and so on.
    pub(crate) fn kind(&self) -> u16 {
        // SAFETY: By the type invariant; the type never changes.
        unsafe { (*self.as_raw()).sk_type }
    }

    /// Publishes the connection state.
    pub(crate) fn set_state(&self, state: SkState) {
        // SAFETY: By the type invariant.
        unsafe { bindings::sk_set_state(self.as_raw(), state as u8) }
    }

    /// SO_RCVLOWAT, at least 1.
    #[inline(always)]
    pub(crate) fn lowat(&self) -> usize {
        // SAFETY: As for SO_SNDBUF.
        let bytes = unsafe { (&raw const (*self.as_raw()).sk_rcvlowat).read_volatile() };
        // BOUNDS: The core keeps it above 0.
        bytes as u32 as usize
    }

    /// Makes `cred` what SO_PEERCRED and SO_PEERPIDFD show.
    pub(crate) fn set_peer_cred(&self, cred: PeerCred) {
        let (pid, cred) = cred.into_raw();
        let (mut old_pid, mut old_cred) = (pid, cred);
        // SAFETY: By the type invariant; the helper swaps under sk_peer_lock.
        unsafe { bindings::sk_swap_peer_cred(self.as_raw(), &mut old_pid, &mut old_cred) };
        // SAFETY: What the sock held is ours now.
        drop(unsafe { PeerCred::from_raw(old_pid, old_cred) });
    }

    /// Labels this sock for the security modules as a child of `parent`, before
    /// anybody else can see it.
    pub(crate) fn inherit_label(&self, parent: &Sock) {
        // SAFETY: Both are valid, and the caller made this one.
        unsafe { bindings::security_sk_clone(parent.as_raw(), self.as_raw()) }
    }
}

/// The shell and the family's data, as one object of the family's slab.
#[repr(C)]
pub(super) struct FamilySock<T> {
    sk: Opaque<bindings::sock>,
    audience: Audience,
    /// The sock's number in its table, which guards it.
    number: UnsafeCell<i64>,
    data: UnsafeCell<MaybeUninit<T>>,
}

/// Who waits on `sk`, of whatever family of this framework.
pub(super) fn audience_ptr(sk: *mut bindings::sock) -> *mut Audience {
    // The offset is the same whatever the data is.
    let this: *mut FamilySock<()> = sk.cast();
    // A projection only: nothing is read.
    // SAFETY: Every sock of the framework is the start of a `FamilySock`.
    unsafe { &raw mut (*this).audience }
}

/// As [`audience_ptr`].
#[inline]
pub(super) fn audience(sk: &Sock) -> &Audience {
    // SAFETY: It is initialised before there is a `Sock`. It lives as long.
    unsafe { &*audience_ptr(sk.as_raw()) }
}

/// The number of `sk` in its table.
pub(super) fn number_ptr<T>(sk: *mut bindings::sock) -> *mut i64 {
    let this: *mut FamilySock<T> = sk.cast();
    // A projection only: nothing is read.
    // SAFETY: Every sock of the family is a `FamilySock<T>`.
    unsafe { (&raw mut (*this).number).cast() }
}

/// The family's data of `sk`.
pub(super) fn data_ptr<T>(sk: *mut bindings::sock) -> *mut T {
    let this: *mut FamilySock<T> = sk.cast();
    // A projection only: nothing is read.
    // SAFETY: Every sock of the family is a `FamilySock<T>`.
    unsafe { (&raw mut (*this).data).cast() }
}

/// A sock that no socket owns yet.
///
/// # Invariants
///
/// Owns the initial reference; the data is initialised.
pub(crate) struct NewSock<T: SocketOps>(NonNull<bindings::sock>, core::marker::PhantomData<T>);

impl<T: SocketOps> NewSock<T> {
    /// Allocates a sock of type `kind` in `net` with `data`. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, and what the initialiser returns.
    ///
    /// C function: `sk_alloc()`
    pub(crate) fn new(net: &Net, kind: u16, data: impl PinInit<T, Error>) -> Result<Self> {
        Self::alloc(net, ptr::null_mut(), kind, false, data)
    }

    pub(super) fn alloc(
        net: &Net,
        sock: *mut bindings::socket,
        kind: u16,
        kern: bool,
        data: impl PinInit<T, Error>,
    ) -> Result<Self> {
        let family = T::Family::family();
        // SAFETY: `net` is valid, the protocol is registered: the core called
        // through its operations.
        let sk = unsafe {
            bindings::sk_alloc(
                net.as_raw(),
                c_int::from(family.number()),
                bindings::GFP_KERNEL,
                family.proto(),
                kern.into(),
            )
        };
        let sk = NonNull::new(sk).ok_or(ENOMEM)?;

        // SAFETY: The object has the size of `FamilySock<T>` and is ours alone.
        if let Err(e) = unsafe { init_in_place(data_ptr(sk.as_ptr()), data) } {
            // SAFETY: Ours alone, and never initialised as a sock.
            unsafe { bindings::sk_free(sk.as_ptr()) };
            return Err(e);
        }

        // SAFETY: `sock` is null or the socket that is being created; the sock
        // is ours alone, so that plain stores do.
        unsafe {
            bindings::sock_init_data(sock, sk.as_ptr());
            let sk = sk.as_ptr();
            (*sk).sk_type = kind;
            (*sk).sk_allocation = bindings::GFP_KERNEL_ACCOUNT;
            (*sk).sk_write_space = Some(super::wait::write_space);
            audience::init(sk);
            bindings::sk_set_scm_rights(sk, true);
            (*sk).sk_destruct = Some(destruct::<T>);
            bindings::sock_prot_inuse_add(net.as_raw(), family.proto(), 1);
            // From here on, others look at the data.
            net.socks::<T::Family>().insert(sk);
        }
        // INVARIANT: `sk_alloc()` returned one reference; the data is there.
        Ok(Self(sk, core::marker::PhantomData))
    }

    /// The sock's shell.
    pub(crate) fn sk(&self) -> &Sock {
        // SAFETY: By the type invariant.
        unsafe { Sock::from_raw(self.0.as_ptr()) }
    }

    /// Makes this the sock of `socket`, which accept(2) is about to return.
    ///
    /// C function: `sock_graft()`
    pub(crate) fn graft(self, socket: &AcceptSocket<'_, T>) {
        let this = ManuallyDrop::new(self);
        let socket = socket.socket();
        // SAFETY: The socket has no sock yet; it takes our reference, which its
        // release drops.
        unsafe {
            bindings::sock_graft(this.0.as_ptr(), socket.as_raw());
            (*socket.as_raw()).state = bindings::socket_state_SS_CONNECTED;
        }
        super::proto_ops::set_custom_sockopt::<T>(socket.as_raw());
    }

    /// Gives the reference and the data up to the socket that was passed to
    /// [`Self::alloc`].
    pub(super) fn into_socket(self) {
        let _ = ManuallyDrop::new(self);
    }
}

impl<T: SocketOps> core::ops::Deref for NewSock<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: By the type invariant.
        unsafe { &*data_ptr(self.0.as_ptr()) }
    }
}

impl<T: SocketOps> Drop for NewSock<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant; no file has the sock.
        unsafe { release::<T>(self.0.as_ptr()) }
    }
}

/// Ends the data's life, and drops the owner's reference on the shell. Sleeps.
///
/// # Safety
///
/// The caller is the owner, and nothing uses the data any more.
pub(super) unsafe fn release<T: SocketOps>(sk: *mut bindings::sock) {
    // Who looks at the namespace's sockets is done with the data from here on.
    // SAFETY: The caller owns a reference, and the sock holds its namespace.
    unsafe {
        let net = Net::from_raw(bindings::sock_net(sk));
        net.socks::<T::Family>().remove(sk);
    }
    // Wakers find no wait queue from here on.
    // SAFETY: The caller owns a reference.
    unsafe { bindings::sock_orphan(sk) };
    let data = data_ptr::<T>(sk);
    // SAFETY: As above, and the data is the caller's; it never moved.
    unsafe { Pin::new_unchecked(&mut *data) }.release(
        // SAFETY: As above.
        unsafe { Sock::from_raw(sk) },
    );
    // SAFETY: The data is initialised, and nobody reaches it after this.
    unsafe { ptr::drop_in_place(data) };
    // SAFETY: The caller gives its reference up.
    unsafe { bindings::sock_put(sk) };
}

/// # Safety
///
/// Called by the core when the last reference on a sock of this framework goes.
unsafe extern "C" fn destruct<T: SocketOps>(sk: *mut bindings::sock) {
    // SAFETY: The sock still holds its namespace and protocol.
    unsafe {
        bindings::sock_prot_inuse_add(bindings::sock_net(sk), T::Family::family().proto(), -1)
    }
}
