// SPDX-License-Identifier: GPL-2.0

//! The memory of a queue: rings, each with one writer and one reader that never
//! wait for each other.
//!
//! A [`Tail`] writes what a [`Head`] reads. They are made as a pair over one ring, neither can be
//! copied, and every method that moves an end takes it `&mut`: so there is one writer and one
//! reader, and a range of the ring belongs to exactly one of them, which makes the code sound.
//!
//! A ring never changes its size. A writer that needs more links a new ring
//! behind the one it leaves, and the reader goes over when it has emptied the
//! old one. New memory is zeroed: all bytes of it may be looked at. A small ring is one
//! allocation, a larger one two.
//!
//! The counters are Rust's own atomics: each access of the kernel crate's is a call.
//! Rust alone reads and writes them, so that its memory model holds.

use core::cell::UnsafeCell;
use core::marker::PhantomPinned;
use core::mem::offset_of;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::*};
use kernel::alloc::{flags::*, AllocError, KVVec};
use kernel::prelude::*;
use kernel::sync::{Arc, ArcBorrow};

/// What a ring has room for in itself, in bytes: with the rest of it, it is as large as
/// kmalloc() gives it room.
const WITHIN: usize = 128;

/// How many values a small ring has, which is one allocation.
pub(super) const fn small<T>() -> usize {
    const { assert!(size_of::<T>() <= WITHIN && align_of::<T>() <= align_of::<u64>()) };
    1 << (WITHIN / size_of::<T>()).ilog2()
}

/// A ring of `T`.
///
/// # Invariants
///
/// - `base` is `within`, or the start of a [`KVVec`]'s allocation that is the ring's;
///   there is room for `mask + 1` values, a power of two. If `T` is `u8`, all of it is initialised.
/// - `head` and `tail` count values, modulo 2^64; `tail - head <= mask + 1`.
/// - The values `head..tail` are initialised and the ring's [`Head`]'s; the
///   places `tail..head + mask + 1` are its [`Tail`]'s alone.
/// - `next` is null or owns a reference on the ring that the writer went to; it is written once.
struct Ring<T> {
    base: NonNull<T>,
    mask: usize,
    head: AtomicUsize,
    tail: AtomicUsize,
    next: AtomicPtr<Ring<T>>,
    within: UnsafeCell<[u64; WITHIN / 8]>,
    /// `base` may point into the ring, also while it is dropped.
    _pin: PhantomPinned,
}

// SAFETY: By the type invariants, no value is accessed by two sides.
unsafe impl<T: Send> Send for Ring<T> {}
// SAFETY: As above; the counters are atomic.
unsafe impl<T: Send> Sync for Ring<T> {}

impl<T> Ring<T> {
    /// Allocates a ring of `size` values, a power of two, charged to the memory
    /// cgroup of the current task. Sleeps.
    fn new(size: usize) -> Result<Arc<Self>, AllocError> {
        let flags = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
        let capacity = if size > small::<T>() { size } else { 0 };
        let mut mem = KVVec::<T>::with_capacity(capacity, flags | __GFP_ZERO)?;
        let base = NonNull::new(mem.as_mut_ptr()).filter(|_| capacity > 0);
        // INVARIANT: There is room for `size` values, zeroed, and none is there.
        let ring = Arc::try_init(
            try_init!(&this in Self {
                base: match base {
                    Some(base) => base,
                    // SAFETY: It stays in the ring that `this` points to.
                    None => unsafe { this.byte_add(offset_of!(Self, within)) }.cast(),
                },
                mask: size - 1,
                head: AtomicUsize::new(0),
                tail: AtomicUsize::new(0),
                next: AtomicPtr::default(),
                within: UnsafeCell::new([0; WITHIN / 8]),
                _pin: PhantomPinned,
            }? AllocError),
            flags,
        )?;
        // The ring has it.
        let _ = mem.into_raw_parts();
        Ok(ring)
    }

    /// Where the value number `at` is.
    #[inline(always)]
    fn place(&self, at: usize) -> NonNull<T> {
        // SAFETY: The offset is less than the size of the allocation.
        unsafe { self.base.add(at & self.mask) }
    }

    /// Where `len` values from number `at` on are, in two pieces; the ring has so many.
    #[inline(always)]
    fn places(&self, at: usize, len: usize) -> [NonNull<[T]>; 2] {
        // OVERFLOW: The offset is at most `mask`, and the piece no longer than all.
        let first = len.min(self.mask.wrapping_sub(at & self.mask).wrapping_add(1));
        [
            NonNull::slice_from_raw_parts(self.place(at), first),
            NonNull::slice_from_raw_parts(self.base, len.wrapping_sub(first)),
        ]
    }

    /// Shows `see` these pieces, most often one, while it is content; whether it always was.
    #[inline(always)]
    fn each(&self, at: usize, len: usize, mut see: impl FnMut(NonNull<[T]>) -> bool) -> bool {
        // OVERFLOW: Of none, the last is the one before.
        let last = (at & self.mask).wrapping_add(len).wrapping_sub(1);
        if last <= self.mask {
            return see(NonNull::slice_from_raw_parts(self.place(at), len));
        }
        self.places(at, len).into_iter().all(see)
    }

    /// The ring that the writer went over to.
    #[inline(always)]
    fn next(&self) -> Option<&Ring<T>> {
        // SAFETY: By the type invariant; this ring holds a reference on it.
        unsafe { self.next.load(Acquire).as_ref() }
    }

    /// As [`Self::next`], with a reference of its own.
    fn next_arc(&self) -> Option<Arc<Ring<T>>> {
        // SAFETY: It is from `Arc::into_raw()`, and the reference stays the field's.
        Some(unsafe { ArcBorrow::from_raw(self.next()?) }.into())
    }
}

impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        let (mut at, tail) = (*self.head.get_mut(), *self.tail.get_mut());
        while core::mem::needs_drop::<T>() && at != tail {
            // SAFETY: By the type invariants it is initialised; both ends are gone.
            unsafe { self.place(at).drop_in_place() };
            at = at.wrapping_add(1);
        }
        if self.base.as_ptr().cast() != self.within.get() {
            // SAFETY: By the type invariant, and nobody uses it after this.
            drop(unsafe { KVVec::from_raw_parts(self.base.as_ptr(), 0, self.mask + 1) });
        }
        if let Some(next) = NonNull::new(*self.next.get_mut()) {
            // SAFETY: By the type invariant the field owns the reference.
            drop(unsafe { Arc::from_raw(next.as_ptr()) });
        }
    }
}

/// Makes a ring of `size` values, a power of two, and its two ends. Sleeps.
pub(super) fn ring<T>(size: usize) -> Result<(Tail<T>, Head<T>), AllocError> {
    Ring::new(size).map(|ring| (Tail(ring.clone()), Head(ring)))
}

/// The end that writes: the only one of its ring, which is the newest.
pub(super) struct Tail<T>(Arc<Ring<T>>);

impl<T> Tail<T> {
    /// The number of the first place behind what was committed, and how many there are.
    #[inline(always)]
    fn here(&self) -> (usize, usize) {
        let tail = self.0.tail.load(Relaxed);
        // Acquire: the reader is done with what it consumed.
        let used = tail.wrapping_sub(self.0.head.load(Acquire));
        // OVERFLOW: By the ring's invariants they fit in it.
        (tail, self.0.mask.wrapping_sub(used).wrapping_add(1))
    }

    /// The values that fit behind what was committed.
    pub(super) fn free(&self) -> usize {
        self.here().1
    }

    /// The size of the ring.
    pub(super) fn size(&self) -> usize {
        self.0.mask + 1
    }

    /// Room for `len` values behind what was committed, if there is so much.
    #[inline(always)]
    pub(super) fn room(&mut self, len: usize) -> Option<Room<'_, T>> {
        let (ring, (at, free)) = (&*self.0, self.here());
        // INVARIANT: There is room, and the borrow of `self` keeps others off.
        (len <= free).then_some(Room { ring, at, len })
    }
}

/// Free places behind what was committed.
///
/// # Invariants
///
/// The `len` places from number `at` on are this value's alone.
pub(super) struct Room<'a, T> {
    ring: &'a Ring<T>,
    at: usize,
    len: usize,
}

impl<T> Room<'_, T> {
    /// Writes `value` to the first place, and makes it visible to the reader.
    #[inline(always)]
    pub(super) fn put(self, value: T) {
        if self.len > 0 {
            // SAFETY: By the type invariant.
            unsafe { self.ring.place(self.at).write(value) };
            // Release: the value before the count.
            self.ring.tail.store(self.at.wrapping_add(1), Release);
        }
    }
}

impl<'a> Room<'a, u8> {
    /// Has `fill` fill each piece, as long as it says that it did; whether all are.
    #[inline(always)]
    pub(super) fn fill(&mut self, mut fill: impl FnMut(&mut [u8]) -> bool) -> bool {
        let ring = self.ring;
        // SAFETY: By the type invariant; they are initialised.
        ring.each(self.at, self.len, |mut to| fill(unsafe { to.as_mut() }))
    }

    /// The bytes, in two pieces.
    pub(super) fn pieces(&self) -> [&[u8]; 2] {
        let pieces = self.ring.places(self.at, self.len);
        // SAFETY: By the type invariant; they are initialised.
        pieces.map(|piece| unsafe { piece.as_ref() })
    }

    /// As [`Self::pieces`], for as long as nobody writes to the ring.
    pub(super) fn into_pieces(self) -> [&'a [u8]; 2] {
        let pieces = self.ring.places(self.at, self.len);
        // SAFETY: As above; the borrow of the end goes on.
        pieces.map(|piece| unsafe { piece.as_ref() })
    }

    /// Makes them visible to the reader.
    #[inline(always)]
    pub(super) fn commit(self) {
        // Release: the bytes before the count.
        self.ring
            .tail
            .store(self.at.wrapping_add(self.len), Release);
    }
}

/// The end that reads: the only one of its ring, which is the oldest.
pub(super) struct Head<T>(Arc<Ring<T>>);

impl<T> Head<T> {
    /// The number of the oldest value in this ring, and how many there are.
    #[inline(always)]
    fn here(&self) -> (usize, usize) {
        let head = self.0.head.load(Relaxed);
        // Acquire: the values that the writer committed.
        (head, self.0.tail.load(Acquire).wrapping_sub(head))
    }

    /// What was committed and is not consumed, oldest first, in contiguous pieces.
    pub(super) fn pieces(&self) -> impl Iterator<Item = &[T]> {
        let (mut next, mut rest): (_, &[T]) = (Some(&*self.0), &[]);
        core::iter::from_fn(move || loop {
            if !rest.is_empty() {
                return Some(core::mem::take(&mut rest));
            }
            // The next ring first: if there is one, the writer has left this one,
            // and its last values show in `tail`.
            let ring = next?;
            next = ring.next();
            let head = ring.head.load(Relaxed);
            let len = ring.tail.load(Acquire).wrapping_sub(head);
            let pieces = ring.places(head, len);
            // SAFETY: By the ring's invariants they are initialised; only consuming,
            // which needs the `Head` that is borrowed, hands them to the writer.
            let [first, last] = pieces.map(|piece| unsafe { piece.as_ref() });
            rest = last;
            if !first.is_empty() {
                return Some(first);
            }
        })
    }

    /// The `len` oldest values of this ring, or all that it has.
    #[inline(always)]
    pub(super) fn front(&mut self, len: usize) -> Front<'_, T> {
        let (at, here) = self.here();
        let (ring, len) = (&*self.0, len.min(here));
        // INVARIANT: They are committed, and the borrow of `self` keeps others off.
        Front { ring, at, len }
    }

    /// The oldest value.
    #[inline(always)]
    pub(super) fn first(&mut self) -> Option<Front<'_, T>> {
        while self.here().1 == 0 {
            if !self.advance() {
                return None;
            }
        }
        let (ring, at) = (&*self.0, self.here().0);
        // INVARIANT: As in `front()`; there is one.
        Some(Front { ring, at, len: 1 })
    }

    /// The value that `n` others are before.
    pub(super) fn nth(&mut self, mut n: usize) -> Option<&mut T> {
        let mut ring: &Ring<T> = &self.0;
        loop {
            // In this order: see `pieces()`.
            let next = ring.next();
            let head = ring.head.load(Relaxed);
            let here = ring.tail.load(Acquire).wrapping_sub(head);
            if n < here {
                // SAFETY: As in `pieces()`; the borrow is unique.
                return Some(unsafe { ring.place(head.wrapping_add(n)).as_mut() });
            }
            n -= here;
            ring = next?;
        }
    }
}

/// The oldest values.
///
/// # Invariants
///
/// They are the `len` from number `at` on, and this value's alone.
pub(super) struct Front<'a, T> {
    ring: &'a Ring<T>,
    at: usize,
    len: usize,
}

impl<T> Front<'_, T> {
    /// How many.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The values, in two pieces.
    #[inline(always)]
    pub(super) fn pieces(&self) -> [&[T]; 2] {
        let pieces = self.ring.places(self.at, self.len);
        // SAFETY: By the type invariant.
        pieces.map(|piece| unsafe { piece.as_ref() })
    }

    /// Shows `see` each piece, as long as it says that it saw it; whether it saw all.
    #[inline(always)]
    pub(super) fn see(&self, mut see: impl FnMut(&[T]) -> bool) -> bool {
        let ring = self.ring;
        // SAFETY: By the type invariant.
        ring.each(self.at, self.len, |piece| see(unsafe { piece.as_ref() }))
    }

    /// Whether the writer has left this ring: what comes is in the next.
    pub(super) fn is_left(&self) -> bool {
        self.ring.next().is_some()
    }

    /// The first.
    #[inline(always)]
    pub(super) fn get(&self) -> Option<&T> {
        // SAFETY: By the type invariant.
        (self.len > 0).then(|| unsafe { self.ring.place(self.at).as_ref() })
    }

    /// Takes the first.
    #[inline(always)]
    pub(super) fn take(self) -> Option<T> {
        // SAFETY: It is initialised, and nobody uses it after the count below.
        let value = unsafe { NonNull::from(self.get()?).read() };
        self.ring.head.store(self.at.wrapping_add(1), Release);
        Some(value)
    }

    /// Gives them back.
    #[inline(always)]
    pub(super) fn consume(self)
    where
        T: Copy,
    {
        // Release: the reads of the values before the writer reuses them.
        self.ring
            .head
            .store(self.at.wrapping_add(self.len), Release);
    }
}

mod chain;
pub(super) use chain::size_for;
#[cfg(CONFIG_KUNIT = "y")]
mod tests;
