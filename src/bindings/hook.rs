// SPDX-License-Identifier: GPL-2.0

//! What guards the hooks, and what other modules call, which are C's
//! (src/helpers/hook.c): a branch that is patched out while nothing is loaded,
//! what readers hold, a mutex of writers, and the hooks of other modules.

use super::raw;
use core::{
    marker::PhantomData,
    ptr,
    sync::atomic::{
        AtomicPtr,
        AtomicUsize,
        Ordering::{Acquire, Relaxed, Release}, //
    }, //
};
use kernel::{prelude::*, types::NotThreadSafe};

pub(crate) use raw::qsock_hook_context as Context;

/// What [`Foreign::ask`] returns to drop.
pub(crate) const DROP: c_int = raw::QSOCK_HOOK_DROP as c_int;

/// How many operations there are.
pub(crate) const OPERATIONS: u32 = raw::qsock_hook_operation_QSOCK_HOOK_OPERATIONS;

macro_rules! branches {
    ($($(#[$doc:meta])* $name:ident: $key:ident;)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub(crate) fn $name() -> bool {
            // SAFETY: The key is one that C defines.
            unsafe {
                kernel::jump_label::static_branch_unlikely!(
                    raw::qsock_hook_branches,
                    raw::qsock_hook_branches,
                    $key
                )
            }
        }
    )*};
}

branches! {
    /// Whether hooks are to be asked about what is sent.
    are_asked_to_send: sendmsg;
    /// Whether hooks are to be asked about what is received.
    are_asked_to_receive: recvmsg;
    /// Whether hooks are to be asked about anything else.
    are_asked_otherwise: other;
}

/// Sets what those return. Sleeps.
pub(crate) fn set_asked(send: bool, receive: bool, otherwise: bool) {
    // SAFETY: The keys are C's.
    let [sendmsg, recvmsg, other] = unsafe {
        [
            &raw mut raw::qsock_hook_branches.sendmsg,
            &raw mut raw::qsock_hook_branches.recvmsg,
            &raw mut raw::qsock_hook_branches.other,
        ]
    };
    for (key, asked) in [(sendmsg, send), (recvmsg, receive), (other, otherwise)] {
        // SAFETY: As above; the functions have locks of their own.
        match asked {
            true => unsafe { raw::hook_enable(key) },
            false => unsafe { raw::hook_disable(key) },
        }
    }
}

/// Whether one more event may be told: they are limited to 50 in 5 s.
pub(crate) fn may_tell() -> bool {
    // SAFETY: It has no preconditions.
    unsafe { raw::hook_may_tell() }
}

/// How many were not told since this was asked last.
pub(crate) fn take_untold() -> u32 {
    // SAFETY: As above.
    unsafe { raw::hook_take_untold() }
}

/// What a [`Slot`] holds is not dropped while one of these is there. May sleep
/// meanwhile; must not change the slot.
///
/// # Invariants
///
/// The read side is held. The value came from a box, which is dropped when all
/// those are done that may have seen it.
pub(crate) struct Reading<'a, T> {
    value: *const T,
    counter: c_ulong,
    _slot: PhantomData<&'a T>,
    _not_send: NotThreadSafe,
}

impl<T> Reading<'_, T> {
    /// What is there.
    #[inline(always)]
    pub(crate) fn get(&self) -> Option<&T> {
        // SAFETY: By the type invariants.
        unsafe { self.value.as_ref() }
    }
}

impl<T> Drop for Reading<'_, T> {
    // Not compiled into what has no hooks.
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariant, with the counter that it was given.
        unsafe { raw::hook_read_unlock(self.counter) }
    }
}

/// A value that readers see whole, whatever writers do: they replace it, and drop
/// the old one when nobody reads it any more.
pub(crate) struct Slot<T: Send + Sync>(AtomicPtr<T>);

impl<T: Send + Sync> Slot<T> {
    /// An empty one.
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// Whether nothing is there.
    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.load(Acquire).is_null()
    }

    /// Looks at what is there.
    #[inline(always)]
    pub(crate) fn read(&self) -> Reading<'_, T> {
        // SAFETY: It has no preconditions.
        let counter = unsafe { raw::hook_read_lock() };
        // INVARIANT: Held from here; `change()` puts nothing else there.
        Reading {
            value: self.0.load(Acquire),
            counter,
            _slot: PhantomData,
            _not_send: NotThreadSafe,
        }
    }

    /// Puts there what `make` makes of what is there; `seen` is told when readers
    /// see it. Sleeps.
    ///
    /// # Errors
    ///
    /// What `make` returns; nothing is changed then.
    pub(crate) fn change(
        &self,
        make: impl FnOnce(Option<&T>) -> Result<Option<KBox<T>>>,
        seen: impl FnOnce(),
    ) -> Result {
        // SAFETY: It has no preconditions.
        unsafe { raw::hook_lock() };
        let old = self.0.load(Relaxed);
        // SAFETY: It came from a box, and only writers drop it, which the lock
        // keeps out.
        let result = make(unsafe { old.as_ref() }).map(|new| {
            self.0
                .store(new.map_or(ptr::null_mut(), KBox::into_raw), Release);
            seen();
        });
        // SAFETY: It is held.
        unsafe { raw::hook_unlock() };
        result?;
        if !old.is_null() {
            // SAFETY: It has no preconditions.
            unsafe { raw::hook_synchronize() };
            // SAFETY: It came from a box; it is in the slot no more, and nobody
            // who saw it there is left.
            drop(unsafe { KBox::from_raw(old) });
        }
        Ok(())
    }
}

/// A hook of another module, as it was registered: whatever becomes of what it was
/// registered with, that is not read again.
///
/// # Invariants
///
/// - Until `id` becomes 0, which it stays, this has the reference on `owner`, and
///   then whoever made it 0.
/// - The code of `ask` is there for readers that were there before `id` was 0.
pub(crate) struct Foreign {
    id: AtomicUsize,
    operations: u32,
    ask: unsafe extern "C" fn(*const Context) -> c_int,
    owner: *mut raw::module,
}

// SAFETY: What it was registered with is copied, and asked by any task; so is the
// owner put.
unsafe impl Send for Foreign {}
// SAFETY: As above.
unsafe impl Sync for Foreign {}

impl Foreign {
    /// What tells it from others; 0 if it is retired.
    pub(crate) fn id(&self) -> usize {
        self.id.load(Relaxed)
    }

    /// The operations that it wants to be asked about, a bit for each.
    pub(crate) fn wanted(&self) -> u32 {
        self.operations
    }

    /// Asks it; who is retired allows. May sleep.
    pub(crate) fn ask(&self, context: &Context) -> c_int {
        // SAFETY: It has no preconditions. The caller's own need not last as long.
        let counter = unsafe { raw::hook_read_lock() };
        let answer = match self.id.load(Acquire) {
            0 => 0,
            // SAFETY: The context is valid; by the type invariants, as the read side is
            // held, so is the function.
            _ => unsafe { (self.ask)(context) },
        };
        // SAFETY: It is held.
        unsafe { raw::hook_read_unlock(counter) };
        answer
    }

    /// Has it not asked any more, if it is yet.
    pub(crate) fn retire(&self) -> Option<Retired> {
        let id = self.id.swap(0, Relaxed);
        // INVARIANT: The reference is the new value's.
        (id != 0).then_some(Retired(self.owner))
    }
}

impl Drop for Foreign {
    // Not compiled into what has no hooks.
    #[inline]
    fn drop(&mut self) {
        if *self.id.get_mut() != 0 {
            // SAFETY: By the type invariant.
            unsafe { raw::hook_put(self.owner) }
        }
    }
}

/// A hook that was retired. Dropping this waits for those who ask it still, and lets
/// its module go: not where hooks are asked. Sleeps.
///
/// # Invariants
///
/// Has the reference on the module.
pub(crate) struct Retired(*mut raw::module);

impl Drop for Retired {
    // As above.
    #[inline]
    fn drop(&mut self) {
        // SAFETY: They have no preconditions but the type's invariant.
        unsafe {
            raw::hook_synchronize();
            raw::hook_put(self.0);
        }
    }
}

/// Who keeps the hooks of other modules.
pub(crate) trait Registry {
    /// Has `hook` asked. Sleeps.
    fn add(hook: Foreign) -> Result;

    /// Has the hook not asked any more that has this [`Foreign::id`]. Sleeps.
    fn remove(id: usize);
}

/// Makes `R` the one that other modules reach: before any of them can be loaded.
pub(crate) fn open<R: Registry>() {
    // SAFETY: Nobody calls yet: the module is not initialized.
    unsafe {
        raw::qsock_hook_add = Some(add::<R>);
        raw::qsock_hook_remove = Some(remove::<R>);
    }
}

/// # Safety
///
/// `hook` is valid, and what it asks is there while its module is.
unsafe extern "C" fn add<R: Registry>(hook: *const raw::qsock_hook) -> c_int {
    kernel::error::from_result(|| {
        // SAFETY: The caller guarantees it.
        let given = unsafe { &*hook };
        if given.version != raw::QSOCK_HOOK_VERSION || given.operations >> OPERATIONS != 0 {
            return Err(EINVAL);
        }
        let ask = given.ask.ok_or(EINVAL)?;
        // SAFETY: The caller guarantees it.
        if !unsafe { raw::hook_try_get(given.owner) } {
            return Err(EINVAL);
        }
        // INVARIANT: The module is held; what is unregistered is retired first.
        R::add(Foreign {
            id: AtomicUsize::new(hook.addr()),
            operations: given.operations,
            ask,
            owner: given.owner,
        })?;
        Ok(0)
    })
}

/// # Safety
///
/// None: the hook is only looked for.
unsafe extern "C" fn remove<R: Registry>(hook: *const raw::qsock_hook) {
    R::remove(hook as usize)
}
