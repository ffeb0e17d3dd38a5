// SPDX-License-Identifier: GPL-2.0

//! Work that is done later, in a kernel thread, and never after it is dropped.
//!
//! The kernel crate's own work items hold a reference on what they work on;
//! nothing there waits for one that is running, as the end of a module must.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)

use crate::bindings;
use core::{marker::PhantomPinned, mem::offset_of, pin::Pin};
use kernel::{prelude::*, types::Opaque};

/// A function to call later.
#[pin_data(PinnedDrop)]
pub(crate) struct Work {
    #[pin]
    work: Opaque<bindings::work_struct>,
    run: fn(),
    #[pin]
    _pin: PhantomPinned,
}

// SAFETY: Queueing and cancelling may be done by any task.
unsafe impl Send for Work {}
// SAFETY: As above.
unsafe impl Sync for Work {}

impl Work {
    /// Work that calls `run`, which may sleep.
    pub(crate) fn new(run: fn()) -> impl PinInit<Self> {
        pin_init!(Self {
            // SAFETY: The helper initialises all of it, and the entry stays in
            // place until it is dropped.
            work <- Opaque::ffi_init(|slot| unsafe { bindings::init_work(slot, Some(call)) }),
            run,
            _pin: PhantomPinned,
        })
    }

    /// Sees to it that the function is called once from now on. Does not sleep.
    pub(crate) fn queue(&self) {
        // SAFETY: The work is initialised, and cancelled before it is dropped.
        unsafe { bindings::queue_unbound_work(self.work.get()) };
    }
}

#[pinned_drop]
impl PinnedDrop for Work {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: The work is initialised; this waits for the end of a call.
        unsafe { bindings::cancel_work_sync(self.work.get()) };
    }
}

/// # Safety
///
/// Called by the work queue with the field of a [`Work`].
unsafe extern "C" fn call(work: *mut bindings::work_struct) {
    // SAFETY: The caller guarantees it; dropping the `Work` waits for this.
    let run = unsafe { (*work.byte_sub(offset_of!(Work, work)).cast::<Work>()).run };
    run();
}
