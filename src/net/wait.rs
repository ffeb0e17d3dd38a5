// SPDX-License-Identifier: GPL-2.0

//! Waiting: the one adapter that makes a blocking call of a non-blocking one.
//!
//! Every waiter sleeps on the socket's own wait queue (`sk_wq`), beside those
//! that poll it, as an exclusive waiter for certain events. A wake-up that
//! names events goes to one waiter for them; one that names none (a change of
//! the connection) goes to all.
//!
//! C header: [`include/linux/wait.h`](srctree/include/linux/wait.h)

use super::{audience::Seat, compat::smp_mb, poll::Events, sock::Sock};
use crate::bindings;
use core::{
    marker::PhantomPinned,
    mem::offset_of,
    pin::{pin, Pin}, //
};
use kernel::{
    error::Error,
    prelude::*,
    sync::rcu,
    types::Opaque, //
};

/// A place in a wait queue, and the events that it is woken for.
///
/// # Invariants
///
/// `entry` is initialised, for the current task.
struct Waiter<'a> {
    entry: Opaque<bindings::wait_queue_entry>,
    events: Events,
    sk: &'a Sock,
    _pin: PhantomPinned,
}

impl<'a> Waiter<'a> {
    /// Makes a waiter of the current task, in no queue yet.
    fn new(sk: &'a Sock, events: Events) -> Self {
        let entry = Opaque::uninit();
        // SAFETY: The memory is ours; the entry is in no list yet, so that it
        // may still move.
        unsafe {
            bindings::init_waitqueue_func_entry(entry.get(), Some(wake));
            (*entry.get()).private = kernel::task::Task::current_raw().cast();
        }
        // INVARIANT: Initialised above.
        Self {
            entry,
            events,
            sk,
            _pin: PhantomPinned,
        }
    }

    /// Joins the queue, behind those that wait already.
    fn join<'w>(self: Pin<&'w Self>) -> Joined<'w, 'a> {
        // SAFETY: The sock has a wait queue while its file is in use. The entry
        // is initialised and, being pinned, stays in place.
        unsafe {
            bindings::add_wait_queue_exclusive(
                bindings::sk_sleep(self.sk.as_raw()),
                self.entry.get(),
            )
        };
        // Either the waker sees this entry, or the caller what was written
        // before the waker looked: pairs with the barrier in skwq_has_sleeper().
        smp_mb();
        // INVARIANT: It joined above.
        Joined(self)
    }
}

/// A waiter that is in the queue, until this is dropped.
///
/// # Invariants
///
/// The waiter's entry is in its sock's queue.
struct Joined<'w, 'a>(Pin<&'w Waiter<'a>>);

impl Joined<'_, '_> {
    /// Sleeps until it is woken, a signal comes or `timeo` jiffies have passed;
    /// returns what is left of them.
    fn sleep(&self, timeo: c_long) -> c_long {
        // SAFETY: The entry is in a queue and its function is `wake`, which
        // ends in `woken_wake_function()`, as `wait_woken()` needs.
        unsafe { bindings::wait_woken(self.0.entry.get(), bindings::TASK_INTERRUPTIBLE, timeo) }
    }
}

impl Drop for Joined<'_, '_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, and the queue outlives the operation
        // that waits.
        unsafe {
            bindings::remove_wait_queue(bindings::sk_sleep(self.0.sk.as_raw()), self.0.entry.get())
        }
    }
}

/// Wakes the waiter if it waits for one of the events that `key` names.
///
/// # Safety
///
/// Called by the wake-up functions under the queue's lock, with the entry of a
/// [`Waiter`].
unsafe extern "C" fn wake(
    entry: *mut bindings::wait_queue_entry,
    mode: c_uint,
    flags: c_int,
    key: *mut c_void,
) -> c_int {
    // SAFETY: Every entry with this function is the field of a `Waiter`, which
    // stays in place while it is in the queue.
    let events = unsafe {
        (*entry
            .byte_sub(offset_of!(Waiter<'static>, entry))
            .cast::<Waiter<'static>>())
        .events
    };
    // SAFETY: Reads the bits of the key.
    let named = unsafe { bindings::key_to_poll(key) };
    if named != 0 && !events.intersects(named) {
        return 0;
    }
    // SAFETY: The arguments are those of the caller.
    unsafe { bindings::woken_wake_function(entry, mode, flags, key) }
}

/// Calls `try_op` until it returns something other than `EAGAIN`, and sleeps in
/// between for one of `events` on `sk`, for at most `timeo`, which it counts
/// down.
///
/// A wake-up goes to one waiter only. When the operation of a waiter that slept
/// leaves something over for the next (`leaves_over`), that one is woken.
///
/// Sleeps; `try_op` may sleep too.
///
/// # Errors
///
/// `EAGAIN` when the time is up; for a signal `ERESTARTSYS`, or `EINTR` where a
/// restarted call would wait anew; otherwise what `try_op` returns.
#[inline]
pub(crate) fn block_on<R>(
    sk: &Sock,
    events: Events,
    timeo: &mut Timeo<'_>,
    mut try_op: impl FnMut() -> Result<R>,
    leaves_over: impl Fn() -> bool,
) -> Result<R> {
    let first = try_op();
    if !matches!(first, Err(e) if e == EAGAIN) || timeo.left() == 0 {
        return first;
    }
    let mut result = first;
    // One instance serves every caller: who waits is not in a hurry.
    let waited = wait_until(
        sk,
        events,
        timeo.left_mut(),
        &mut || {
            result = try_op();
            !matches!(result, Err(e) if e == EAGAIN)
        },
        &leaves_over,
    );
    waited.and(result)
}

/// Sleeps for one of `events` on `sk` until `is_done`, for at most `timeo`, which it
/// counts down. Who returns from here and leaves something over for the next
/// calls [`pass_on`].
///
/// # Errors
///
/// `EAGAIN` when the time is up; as [`block_on`] for a signal.
// Most that wait come this way: by itself it was 45 instructions of each wait.
#[inline(always)]
pub(crate) fn wait_for(
    sk: &Sock,
    events: Events,
    timeo: &mut Timeo<'_>,
    mut is_done: impl FnMut() -> bool,
) -> Result {
    let mut done = false;
    wait_until(
        sk,
        events,
        timeo.left_mut(),
        &mut || {
            done = is_done();
            done
        },
        &|| false,
    )?;
    done.then_some(()).ok_or(EAGAIN)
}

/// Wakes the next who waits for `events` on `sk`. Does not sleep.
pub(crate) fn pass_on(sk: &Sock, events: Events) {
    wake_next(sk, events)
}

/// Sleeps until `is_done`.
#[cold]
fn wait_until(
    sk: &Sock,
    events: Events,
    timeo: &mut c_long,
    is_done: &mut dyn FnMut() -> bool,
    leaves_over: &dyn Fn() -> bool,
) -> Result {
    let _seat = Seat::take(sk, events);
    // An error ends every wait.
    let waiter = pin!(Waiter::new(sk, events | Events::ERR));
    let waiter = waiter.as_ref().join();
    loop {
        if is_done() {
            if leaves_over() {
                wake_next(sk, events);
            }
            return Ok(());
        }
        if kernel::current!().signal_pending() {
            return Err(interrupted(*timeo));
        }
        if *timeo == 0 {
            return Ok(());
        }
        *timeo = waiter.sleep(*timeo);
    }
}

/// How long a call may wait: what the socket says, looked up when it is needed.
pub(crate) struct Timeo<'a> {
    sk: &'a Sock,
    lookup: fn(&Sock, bool) -> c_long,
    nonblock: bool,
    left: Option<c_long>,
}

impl<'a> Timeo<'a> {
    /// SO_SNDTIMEO, or none if the call must not wait.
    #[inline]
    pub(crate) fn send(sk: &'a Sock, nonblock: bool) -> Self {
        Self {
            sk,
            lookup: Sock::sndtimeo,
            nonblock,
            left: None,
        }
    }

    /// SO_RCVTIMEO, or none if the call must not wait.
    #[inline]
    pub(crate) fn recv(sk: &'a Sock, nonblock: bool) -> Self {
        Self {
            lookup: Sock::rcvtimeo,
            ..Self::send(sk, nonblock)
        }
    }

    /// The jiffies that are left.
    pub(crate) fn left(&mut self) -> c_long {
        *self.left_mut()
    }

    /// As [`Self::left`], to count down.
    pub(crate) fn left_mut(&mut self) -> &mut c_long {
        self.left
            .get_or_insert_with(|| (self.lookup)(self.sk, self.nonblock))
    }
}

/// What a call returns that a signal interrupted with `timeo` jiffies left.
pub(crate) fn interrupted(timeo: c_long) -> Error {
    // SAFETY: Computes from its argument.
    Error::from_errno(unsafe { bindings::sock_intr_errno(timeo) })
}

/// Wakes one waiter for `events`, and whoever polls for them. Does not sleep.
pub(super) fn wake_next(sk: &Sock, events: Events) {
    let _rcu = rcu::read_lock();
    // SAFETY: Under the RCU read lock, which keeps the queue that is found.
    unsafe {
        let wq = bindings::sk_wq(sk.as_raw());
        if bindings::skwq_has_sleeper(wq) {
            bindings::wake_up_interruptible_sync_poll(&raw mut (*wq).wait, events.bits());
        }
    }
}

/// `sk_write_space` of every sock: there is room, wake a writer.
///
/// The families wake when there is room enough, and the core when SO_SNDBUF
/// changed; both look at what is free again afterwards.
///
/// # Safety
///
/// `sk` must be valid.
pub(super) unsafe extern "C" fn write_space(sk: *mut bindings::sock) {
    // SAFETY: The caller guarantees it.
    let sk = unsafe { Sock::from_raw(sk) };
    wake_next(sk, Events::OUT);
    let _rcu = rcu::read_lock();
    // SAFETY: Under the RCU read lock.
    unsafe {
        bindings::sk_wake_async_rcu(
            sk.as_raw(),
            bindings::SOCK_WAKE_SPACE as c_int,
            bindings::POLL_OUT as c_int,
        )
    }
}
