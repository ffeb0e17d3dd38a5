// SPDX-License-Identifier: GPL-2.0

//! What the supported kernels (7.2, 7.3) call by different names.

use crate::bindings;
use core::mem::MaybeUninit;
use pin_init::{InPlaceWrite, PinInit};

/// Initialises the memory at `slot`.
///
/// The trait's own method was renamed in 7.3.
///
/// # Safety
///
/// `slot` must be valid for writes and aligned. If this succeeds, the value
/// must stay in place until it is dropped there; if not, the memory is
/// uninitialised.
pub(super) unsafe fn init_in_place<T: 'static, E>(
    slot: *mut T,
    init: impl PinInit<T, E>,
) -> Result<(), E> {
    // The lifetime is a promise not to move the value; the reference is gone
    // when this returns.
    // SAFETY: The caller guarantees validity, and makes that promise.
    let slot: &'static mut MaybeUninit<T> = unsafe { &mut *slot.cast() };
    slot.write_pin_init(init).map(|_| ())
}

/// A full barrier between processors.
///
/// The kernel crate's own takes an argument from 7.3 on.
pub(super) fn smp_mb() {
    // SAFETY: A barrier has no preconditions.
    unsafe { bindings::smp_mb() }
}
