// SPDX-License-Identifier: GPL-2.0

//! Network namespaces, and what a family keeps in each of them.
//!
//! C header: [`include/net/net_namespace.h`](srctree/include/net/net_namespace.h)

use super::{
    compat::init_in_place,
    family::SocketFamily,
    ops::SocketOps,
    procfs,
    table::Table,
    tend::Tender, //
};
use crate::bindings;
use core::{mem::offset_of, ptr};
use kernel::{error::to_result, prelude::*, types::Opaque};
use pin_init::PinInit;

/// What the framework keeps in each network namespace for family `F`.
#[pin_data]
pub(super) struct FamilyNet<F: SocketFamily> {
    // Dropped first: it works on the sockets.
    #[pin]
    tender: Tender<F>,
    #[pin]
    socks: Table<F::Socket>,
    #[pin]
    data: F::NetNs,
}

impl<F: SocketFamily> FamilyNet<F> {
    fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            // SAFETY: It is the field that it must be, and the first to be dropped.
            tender <- unsafe { Tender::new() },
            socks <- Table::new(),
            data <- F::netns(),
        }? Error)
    }
}

impl<F: SocketFamily> FamilyNet<F> {
    /// # Safety
    ///
    /// `tender` must be that of a `FamilyNet`, which must live for `'a`.
    pub(super) unsafe fn of_tender<'a>(tender: *mut Tender<F>) -> &'a Self {
        // SAFETY: The caller guarantees it.
        unsafe { &*tender.byte_sub(offset_of!(Self, tender)).cast() }
    }

    /// Has each socket give back what it needs no more, and comes again as long
    /// as one may have more. Sleeps.
    pub(super) fn tend(&self) {
        let mut again = false;
        self.socks.for_each(|_, data| again |= data.tend());
        if again {
            self.tender.queue();
        }
    }
}

/// A network namespace, `struct net`.
#[repr(transparent)]
pub(crate) struct Net(Opaque<bindings::net>);

// SAFETY: What this type reads of a `struct net` may be read on any task.
unsafe impl Sync for Net {}

impl Net {
    /// # Safety
    ///
    /// `net` must be valid for `'a`.
    pub(super) unsafe fn from_raw<'a>(net: *mut bindings::net) -> &'a Self {
        // SAFETY: `Net` is transparent, and the caller guarantees validity.
        unsafe { &*net.cast() }
    }

    pub(super) fn as_raw(&self) -> *mut bindings::net {
        self.0.get()
    }

    /// The one that the machine starts with, which is always there.
    pub(crate) fn initial() -> &'static Self {
        // SAFETY: A static.
        unsafe { Self::from_raw(&raw mut bindings::init_net) }
    }

    /// The number that /proc/PID/ns/net shows.
    pub(crate) fn inode(&self) -> u32 {
        // SAFETY: By the type invariant.
        unsafe { bindings::net_inum(self.as_raw()) }
    }

    /// What family `F` keeps in this namespace.
    pub(crate) fn data<F: SocketFamily>(&self) -> &F::NetNs {
        &self.family::<F>().data
    }

    /// The sockets of family `F` in this namespace.
    pub(super) fn socks<F: SocketFamily>(&self) -> &Table<F::Socket> {
        &self.family::<F>().socks
    }

    /// Sees to it that [`SocketOps::tend`] is called for
    /// each socket of family `F` a second from now. Does not sleep.
    pub(crate) fn tend_later<F: SocketFamily>(&self) {
        self.family::<F>().tender.queue();
    }

    fn family<F: SocketFamily>(&self) -> &FamilyNet<F> {
        // SAFETY: The namespace is valid; the id is that of `F`'s registered
        // operations, because without them there is no socket, and so no `Net`
        // of `F`, to call this. `net_init` initialised the memory, `net_exit`
        // drops it after the namespace's last socket.
        unsafe { &*bindings::net_generic(self.as_raw(), F::family().net_id()).cast() }
    }

    /// Whether the current task has `capability` in the user namespace that
    /// owns this one. May set the task's `PF_SUPERPRIV`; does not sleep.
    pub(crate) fn capable(&self, capability: u32) -> bool {
        // SAFETY: A namespace holds its user namespace.
        unsafe { bindings::ns_capable(bindings::net_user_ns(self.as_raw()), capability as c_int) }
    }
}

/// Fills in `F`'s operations for `register_pernet_subsys()`.
pub(super) fn pernet_operations<F: SocketFamily>(id: *mut u32) -> bindings::pernet_operations {
    const {
        // The core allocates with kzalloc().
        assert!(align_of::<FamilyNet<F>>() <= 8);
    }
    bindings::pernet_operations {
        init: Some(net_init::<F>),
        exit: Some(net_exit::<F>),
        id,
        // Never 0, which would mean that there is nothing to allocate.
        size: size_of::<FamilyNet<F>>(),
        ..Default::default()
    }
}

/// # Safety
///
/// Called by the core for a namespace that comes to life.
unsafe extern "C" fn net_init<F: SocketFamily>(net: *mut bindings::net) -> c_int {
    // SAFETY: The core allocated the size that it was given before it calls this.
    let slot = unsafe { bindings::net_generic(net, F::family().net_id()) };
    let slot: *mut FamilyNet<F> = slot.cast();
    // SAFETY: The memory is unused, stays in place, and is dropped in
    // `net_exit` only.
    if let Err(e) = unsafe { init_in_place(slot, FamilyNet::<F>::new()) } {
        return e.to_errno();
    }
    // SAFETY: The core passes a namespace; the data is there.
    if let Err(e) = procfs::create::<F>(unsafe { Net::from_raw(net) }) {
        // SAFETY: Initialised above, and nobody has seen it.
        unsafe { ptr::drop_in_place(slot) };
        return e.to_errno();
    }
    0
}

/// # Safety
///
/// Called by the core for a namespace that `net_init` succeeded for, when
/// nothing uses it any more.
unsafe extern "C" fn net_exit<F: SocketFamily>(net: *mut bindings::net) {
    // SAFETY: The core passes a namespace.
    procfs::remove::<F>(unsafe { Net::from_raw(net) });
    // SAFETY: `net_init` initialised the value; no socket of the namespace is
    // left, and the core frees the memory after this.
    unsafe {
        let data = bindings::net_generic(net, F::family().net_id());
        ptr::drop_in_place(data.cast::<FamilyNet<F>>())
    }
}

/// Registered `pernet_operations`, undone when dropped.
///
/// # Invariants
///
/// `ops` is registered.
pub(super) struct PernetRegistration(*mut bindings::pernet_operations);

// SAFETY: Unregistering may be done by any task.
unsafe impl Send for PernetRegistration {}
// SAFETY: A shared reference gives access to nothing.
unsafe impl Sync for PernetRegistration {}

impl PernetRegistration {
    /// Sleeps.
    ///
    /// # Safety
    ///
    /// `ops` must be valid and stay in place until the value is dropped.
    pub(super) unsafe fn new(ops: *mut bindings::pernet_operations) -> Result<Self> {
        // SAFETY: The caller guarantees it.
        to_result(unsafe { bindings::register_pernet_subsys(ops) })?;
        // INVARIANT: The registration succeeded.
        Ok(Self(ops))
    }
}

impl Drop for PernetRegistration {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::unregister_pernet_subsys(self.0) }
    }
}
