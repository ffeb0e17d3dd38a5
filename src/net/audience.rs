// SPDX-License-Identifier: GPL-2.0

//! Who waits for a sock's events: what a waker looks at first, because mostly
//! nobody does.
//!
//! A look at the wait queue itself needs RCU, and two calls into C. The counters
//! are Rust's own atomics: the kernel crate's are calls too, and nothing but
//! this file touches these.
//!
//! Who waits says so here, then has a full barrier (joining the queue has one),
//! then looks whether it need wait. Who wakes writes what is waited for, then has a
//! full barrier here, then looks: so one of the two sees the other.

use super::{
    poll::Events,
    sock::{audience, audience_ptr, Sock},
    wait::write_space, //
};
use crate::bindings;
use core::sync::atomic::{
    fence,
    AtomicU32,
    AtomicUsize,
    Ordering::{Acquire, Relaxed, Release, SeqCst}, //
};
use kernel::prelude::*;

/// Somebody polls, for good: who leaves a poll is not seen.
const POLLED: u32 = 1 << 31;

/// Those who wait for one kind of event.
struct Seats(AtomicU32);

impl Seats {
    fn poll(&self) {
        self.0.fetch_or(POLLED, Relaxed);
    }

    fn are_empty(&self) -> bool {
        self.0.load(Relaxed) == 0
    }
}

/// Those who wait for what there is to receive, and for room to send.
///
/// The seats are zeroes where there is nobody, as `sk_alloc()` leaves them.
#[repr(C)]
pub(super) struct Audience {
    readers: Seats,
    writers: Seats,
    /// The events that nobody was seen to poll for, in one word.
    unpolled: AtomicU32,
}

/// The callback that the core gives each sock, `sock_def_readable()`, which is not
/// exported.
static DATA_READY: AtomicUsize = AtomicUsize::new(0);

impl Audience {
    fn of(&self, events: Events) -> &Seats {
        if events.intersects(Events::OUT.bits()) {
            &self.writers
        } else {
            &self.readers
        }
    }
}

/// Makes what `sk` has an audience of nobody, and notes the callback that
/// `sock_init_data()` gave it.
///
/// # Safety
///
/// `sk` must be a sock of this framework that nobody else knows yet.
pub(super) unsafe fn init(sk: *mut bindings::sock) {
    // SAFETY: The caller guarantees it.
    unsafe {
        let audience = audience_ptr(sk);
        let data_ready = address((*sk).sk_data_ready);
        // Written once: every sender reads it.
        if DATA_READY.load(Relaxed) != data_ready {
            DATA_READY.store(data_ready, Relaxed);
        }
        (*audience).unpolled = AtomicU32::new(u32::MAX);
    }
}

type Callback = Option<unsafe extern "C" fn(*mut bindings::sock)>;

fn address(callback: Callback) -> usize {
    callback.map_or(0, |callback| callback as usize)
}

/// A task that sleeps for events of a sock, until this is dropped.
pub(super) struct Seat<'a>(&'a Seats);

impl<'a> Seat<'a> {
    pub(super) fn take(sk: &'a Sock, events: Events) -> Self {
        let seats = audience(sk).of(events);
        // OVERFLOW: There are fewer than 2^31 tasks.
        seats.0.fetch_add(1, Relaxed);
        Self(seats)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0 .0.fetch_sub(1, Relaxed);
    }
}

impl Sock {
    /// Whether somebody was seen to poll for each of `events`, those of poll(2).
    #[inline(always)]
    pub(super) fn is_polled(&self, events: u32) -> bool {
        events & audience(self).unpolled.load(Acquire) == 0
    }

    /// Somebody polls for `events`, those of poll(2).
    pub(super) fn set_polled(&self, events: u32) {
        if self.is_polled(events) {
            return;
        }
        let audience = audience(self);
        if Events::OUT.intersects(events) {
            audience.writers.poll();
        }
        if events & !Events::OUT.bits() != 0 {
            audience.readers.poll();
        }
        // A poller that joins no queue has no other barrier before it looks; and who
        // finds these gone has nothing to say, and none at all.
        fence(SeqCst);
        audience.unpolled.fetch_and(!events, Release);
    }

    /// Whether somebody may wait for what there is to receive; what was written
    /// before this is seen by who comes later.
    #[inline(always)]
    pub(crate) fn has_readers(&self) -> bool {
        fence(SeqCst);
        let audience = audience(self);
        // SAFETY: By the type invariant; volatile, because others may write it.
        let callback = unsafe { (&raw const (*self.as_raw()).sk_data_ready).read_volatile() };
        !audience.readers.are_empty()
            || self.has_listener(address(callback), DATA_READY.load(Relaxed))
    }

    /// As [`Self::has_readers`], of room to send.
    #[inline(always)]
    pub(crate) fn has_writers(&self) -> bool {
        fence(SeqCst);
        // SAFETY: By the type invariant; volatile, because others may write it.
        let callback = unsafe { (&raw const (*self.as_raw()).sk_write_space).read_volatile() };
        !audience(self).writers.are_empty()
            || self.has_listener(address(callback), address(Some(write_space)))
    }

    /// `sk_flags`, a bit for each of `enum sock_flags`.
    #[inline(always)]
    pub(super) fn flag_bits(&self) -> c_ulong {
        // SAFETY: By the type invariant; volatile, because the core changes them.
        unsafe {
            self.as_raw()
                .byte_add(bindings::NET_OFFSET_SK_FLAGS)
                .cast::<c_ulong>()
                .read_volatile()
        }
    }

    /// Whether somebody asked for SIGIO, or has taken over what is called when
    /// there is something to receive, as users within the kernel do.
    #[inline(always)]
    fn has_listener(&self, callback: usize, own: usize) -> bool {
        const FASYNC: c_ulong = 1 << bindings::sock_flags_SOCK_FASYNC;
        callback != own || self.flag_bits() & FASYNC != 0
    }
}
