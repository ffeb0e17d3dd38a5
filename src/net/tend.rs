// SPDX-License-Identifier: GPL-2.0

//! Looking after the sockets of a network namespace: what one of them needs no
//! more goes a while after its last use, so that no operation pays for it.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)

use super::{
    family::SocketFamily,
    netns::FamilyNet, //
};
use crate::bindings;
use core::{
    marker::{PhantomData, PhantomPinned},
    pin::Pin, //
};
use kernel::{prelude::*, types::Opaque};

/// The work that looks after the sockets of family `F` in one namespace, once a
/// second while there is something to give back.
///
/// # Invariants
///
/// `work` is initialised, and runs on the `FamilyNet` that this is a field of.
#[pin_data(PinnedDrop)]
pub(super) struct Tender<F: SocketFamily> {
    #[pin]
    work: Opaque<bindings::delayed_work>,
    #[pin]
    _pin: PhantomPinned,
    _family: PhantomData<fn() -> F>,
}

// SAFETY: Queueing and cancelling may be done by any task.
unsafe impl<F: SocketFamily> Send for Tender<F> {}
// SAFETY: As above.
unsafe impl<F: SocketFamily> Sync for Tender<F> {}

impl<F: SocketFamily> Tender<F> {
    /// Work that is not queued.
    ///
    /// # Safety
    ///
    /// Only for the field of a `FamilyNet`, whose other fields outlive it.
    pub(super) unsafe fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            // SAFETY: The helper initialises all of it, and the entry stays in
            // place until it is dropped.
            work <- Opaque::ffi_init(|slot| unsafe {
                bindings::init_delayed_work(slot, Some(call::<F>))
            }),
            _pin: PhantomPinned,
            _family: PhantomData,
        })
    }

    /// Sees to it that somebody looks in a second. Does not sleep.
    pub(super) fn queue(&self) {
        // SAFETY: The work is initialised, and cancelled before it is dropped.
        unsafe { bindings::queue_unbound_delayed_work(self.work.get()) };
    }
}

#[pinned_drop]
impl<F: SocketFamily> PinnedDrop for Tender<F> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: The work is initialised; this waits for the end of a call.
        unsafe { bindings::cancel_delayed_work_sync(self.work.get()) };
    }
}

/// # Safety
///
/// Called by the work queue with the field of a [`Tender`].
unsafe extern "C" fn call<F: SocketFamily>(work: *mut bindings::work_struct) {
    // SAFETY: By the type invariant; dropping the `Tender`, before the rest of
    // the namespace's data, waits for this.
    let net = unsafe { FamilyNet::<F>::of_tender(work.cast()) };
    net.tend();
}
