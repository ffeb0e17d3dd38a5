// SPDX-License-Identifier: GPL-2.0

//! A place that is filled once, for what every message looks at.
//!
//! As `kernel::sync::SetOnce`, whose look is a call into C: there are four of
//! them on the way of a message, which here are four loads. Nothing else is
//! different.

use core::{
    cell::UnsafeCell,
    mem::MaybeUninit,
    sync::atomic::{
        AtomicU8,
        Ordering::{Acquire, Relaxed, Release}, //
    }, //
};

const EMPTY: u8 = 0;
const CLAIMED: u8 = 1;
const FULL: u8 = 2;

/// A place that is filled once.
///
/// # Invariants
///
/// The state only grows. Who takes it from `EMPTY` to `CLAIMED` has the value to
/// itself until it is `FULL`; from then on it is initialised, and shared.
pub(crate) struct Once<T> {
    state: AtomicU8,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: The value moves to the task that drops this.
unsafe impl<T: Send> Send for Once<T> {}
// SAFETY: As above, and by the type invariants it is shared once it is there.
unsafe impl<T: Send + Sync> Sync for Once<T> {}

impl<T> Once<T> {
    /// An empty place.
    pub(crate) const fn new() -> Self {
        // INVARIANT: There is no value.
        Self {
            state: AtomicU8::new(EMPTY),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// What is there.
    #[inline(always)]
    pub(crate) fn as_ref(&self) -> Option<&T> {
        if self.state.load(Acquire) != FULL {
            return None;
        }
        // SAFETY: By the type invariants.
        Some(unsafe { (*self.value.get()).assume_init_ref() })
    }

    /// Fills the place, unless somebody did.
    pub(crate) fn populate(&self, value: T) -> bool {
        let claim = self
            .state
            .compare_exchange(EMPTY, CLAIMED, Relaxed, Relaxed);
        if claim.is_err() {
            return false;
        }
        // SAFETY: By the type invariants the value is this call's.
        unsafe { (*self.value.get()).write(value) };
        // Release: the value before the state.
        self.state.store(FULL, Release);
        true
    }
}

impl<T> Drop for Once<T> {
    fn drop(&mut self) {
        if *self.state.get_mut() == FULL {
            // SAFETY: By the type invariants it is there, and nobody uses it any
            // more.
            unsafe { self.value.get_mut().assume_init_drop() }
        }
    }
}
