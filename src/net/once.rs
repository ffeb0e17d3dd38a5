// SPDX-License-Identifier: GPL-2.0

//! A place that is filled once, for what every message looks at.
//!
//! As `kernel::sync::SetOnce`, whose look is a call into C: there are four of
//! them on the way of a message, which here are four loads. Nothing else is
//! different.

use core::{
    cell::UnsafeCell,
    marker::PhantomData,
    mem::MaybeUninit,
    ptr,
    sync::atomic::{
        AtomicPtr,
        AtomicU8,
        Ordering::{Acquire, Relaxed, Release}, //
    }, //
};
use kernel::sync::{Arc, ArcBorrow};

const EMPTY: u8 = 0;
const CLAIMED: u8 = 1;
const FULL: u8 = 2;

/// A place that is filled once.
///
/// # Invariants
///
/// The state only grows. Who takes it from `EMPTY` to `CLAIMED` has the value to
/// itself until it is `FULL`; from then on it is initialised, and shared.
pub(crate) struct Once<T, B = ()> {
    state: AtomicU8,
    /// Filled from the beginning: what is smaller than a word takes no more room
    /// here, because the value is aligned.
    beside: B,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: The value moves to the task that drops this.
unsafe impl<T: Send, B: Send> Send for Once<T, B> {}
// SAFETY: As above, and by the type invariants it is shared once it is there.
unsafe impl<T: Send + Sync, B: Sync> Sync for Once<T, B> {}

impl<T> Once<T> {
    /// An empty place.
    pub(crate) const fn new() -> Self {
        Self::with(())
    }
}

impl<T, B> Once<T, B> {
    /// An empty place, and something beside it.
    pub(crate) const fn with(beside: B) -> Self {
        // INVARIANT: There is no value.
        Self {
            state: AtomicU8::new(EMPTY),
            beside,
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// What is beside the place.
    #[inline(always)]
    pub(crate) fn beside(&self) -> &B {
        &self.beside
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

impl<T, B> Drop for Once<T, B> {
    fn drop(&mut self) {
        if *self.state.get_mut() == FULL {
            // SAFETY: By the type invariants it is there, and nobody uses it any
            // more.
            unsafe { self.value.get_mut().assume_init_drop() }
        }
    }
}

/// As [`Once`], of a counted pointer: it takes no more room than that.
///
/// # Invariants
///
/// The pointer is null, or owns a count of an [`Arc`]; it changes once.
pub(crate) struct OnceArc<T> {
    ptr: AtomicPtr<T>,
    _owns: PhantomData<Arc<T>>,
}

impl<T> OnceArc<T> {
    /// An empty place.
    pub(crate) const fn new() -> Self {
        // INVARIANT: It is null.
        Self {
            ptr: AtomicPtr::new(ptr::null_mut()),
            _owns: PhantomData,
        }
    }

    /// A place that is empty or full for good.
    pub(crate) fn of(value: Option<Arc<T>>) -> Self {
        let this = Self::new();
        if let Some(value) = value {
            this.populate(value);
        }
        this
    }

    /// What is there.
    #[inline(always)]
    pub(crate) fn as_ref(&self) -> Option<&T> {
        // SAFETY: By the type invariants; the count goes when this is dropped.
        unsafe { self.ptr.load(Acquire).as_ref() }
    }

    /// Another count of what is there.
    pub(crate) fn get(&self) -> Option<Arc<T>> {
        let value = self.ptr.load(Acquire);
        if value.is_null() {
            return None;
        }
        // SAFETY: By the type invariants it came from `Arc::into_raw()`, and has a
        // count for as long as the borrow.
        Some(unsafe { ArcBorrow::from_raw(value) }.into())
    }

    /// Fills the place, unless somebody did.
    pub(crate) fn populate(&self, value: Arc<T>) -> bool {
        let value = Arc::into_raw(value).cast_mut();
        let filled = self
            .ptr
            .compare_exchange(ptr::null_mut(), value, Release, Relaxed)
            .is_ok();
        if !filled {
            // SAFETY: The count is still this call's.
            drop(unsafe { Arc::from_raw(value) });
        }
        // INVARIANT: The count is the place's if the pointer is in it.
        filled
    }
}

impl<T> Drop for OnceArc<T> {
    fn drop(&mut self) {
        let value = *self.ptr.get_mut();
        if !value.is_null() {
            // SAFETY: By the type invariants.
            drop(unsafe { Arc::from_raw(value) });
        }
    }
}
