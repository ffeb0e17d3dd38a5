// SPDX-License-Identifier: GPL-2.0

//! The memory of a queue: rings, each with one writer and one reader that never
//! wait for each other.
//!
//! A [`Tail`] writes what a [`Head`] reads. They are made as a pair over one
//! ring, neither can be copied, and every method that moves an end takes it
//! `&mut`: so there is one writer and one reader, and a range of the ring
//! belongs to exactly one of them. That is what makes the code below sound.
//!
//! A ring never changes its size. A writer that needs more links a new ring
//! behind the one it leaves, and the reader goes over when it has emptied the
//! old one. Memory is zeroed when it is made: all bytes of it may be looked at.
//!
//! The counters are Rust's own atomics and not the kernel crate's: each access
//! of those is a call, of which a message would make twenty. Rust alone reads and
//! writes these: its memory model holds for them.

use core::{
    cmp,
    convert::Infallible,
    mem::ManuallyDrop,
    ptr,
    ptr::NonNull,
    slice,
    sync::atomic::{
        AtomicPtr,
        AtomicUsize,
        Ordering::{Acquire, Relaxed, Release}, //
    }, //
};
use kernel::{
    alloc::{flags::*, AllocError, KVVec},
    prelude::*,
    sync::Arc, //
};

/// A ring of `T`.
///
/// # Invariants
///
/// - `base` is the start of `mem`'s allocation of at least `mask + 1` values;
///   `mask + 1` is a power of two. If `T` is `u8`, all of it is initialised.
/// - `head` and `tail` count values, modulo 2^64; `tail - head <= mask + 1`.
/// - The values `head..tail` are initialised and the ring's [`Head`]'s; the
///   places `tail..head + mask + 1` are its [`Tail`]'s alone.
/// - `next` is null or owns a reference on the ring that the writer went over
///   to; it is written once.
struct Ring<T> {
    base: *mut T,
    mask: usize,
    head: AtomicUsize,
    tail: AtomicUsize,
    next: AtomicPtr<Ring<T>>,
    /// Frees the memory; its length stays 0.
    _mem: KVVec<T>,
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
        let mut mem = KVVec::with_capacity(size, flags | __GFP_ZERO)?;
        // INVARIANT: There is room for `size` values, zeroed, and none is there.
        Arc::new(
            Self {
                base: mem.as_mut_ptr(),
                mask: size - 1,
                head: AtomicUsize::new(0),
                tail: AtomicUsize::new(0),
                next: AtomicPtr::new(ptr::null_mut()),
                _mem: mem,
            },
            flags,
        )
    }

    #[inline(always)]
    fn size(&self) -> usize {
        // OVERFLOW: No allocation is as large.
        self.mask.wrapping_add(1)
    }

    /// Where the value number `at` is.
    #[inline(always)]
    fn place(&self, at: usize) -> *mut T {
        // SAFETY: The offset is less than the size of the allocation.
        unsafe { self.base.add(at & self.mask) }
    }

    /// How many of `len` values from number `at` on lie before the memory's end, and
    /// how many at its beginning.
    #[inline(always)]
    fn split(&self, at: usize, len: usize) -> (usize, usize) {
        // OVERFLOW: The offset is at most `mask`, and the piece no longer than all.
        let before_end = self.mask.wrapping_sub(at & self.mask).wrapping_add(1);
        let first = cmp::min(len, before_end);
        (first, len.wrapping_sub(first))
    }

    /// The `len` values from number `at` on, in two pieces.
    ///
    /// # Safety
    ///
    /// `len` must not exceed the size. The values must be initialised, and not be
    /// written to for `'a`.
    #[inline(always)]
    unsafe fn slices<'a>(&self, at: usize, len: usize) -> [&'a [T]; 2] {
        let (first, rest) = self.split(at, len);
        // SAFETY: The caller guarantees it.
        unsafe {
            [
                slice::from_raw_parts(self.place(at), first),
                slice::from_raw_parts(self.base, rest),
            ]
        }
    }

    /// The ring that the writer went over to.
    #[inline(always)]
    fn next(&self) -> Option<&Ring<T>> {
        // SAFETY: By the type invariant; this ring holds a reference on it.
        unsafe { self.next.load(Acquire).as_ref() }
    }

    /// As [`Self::next`], with a reference of its own.
    fn next_arc(&self) -> Option<Arc<Ring<T>>> {
        let next = NonNull::new(self.next.load(Acquire))?;
        // SAFETY: It is from `Arc::into_raw()`, and the reference stays the
        // field's: what is cloned is never dropped.
        let next = ManuallyDrop::new(unsafe { Arc::from_raw(next.as_ptr()) });
        Some(Arc::clone(&next))
    }
}

impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        let (mut at, tail) = (*self.head.get_mut(), *self.tail.get_mut());
        while core::mem::needs_drop::<T>() && at != tail {
            // SAFETY: By the type invariants the value is initialised; both ends
            // are gone.
            unsafe { ptr::drop_in_place(self.place(at)) };
            at = at.wrapping_add(1);
        }
        if let Some(next) = NonNull::new(*self.next.get_mut()) {
            // SAFETY: By the type invariant the field owns the reference.
            drop(unsafe { Arc::from_raw(next.as_ptr()) });
        }
    }
}

/// Makes a ring of `size` values, a power of two, and its two ends. Sleeps.
pub(super) fn ring<T>(size: usize) -> Result<(Tail<T>, Head<T>), AllocError> {
    let ring = Ring::new(size)?;
    Ok((Tail(ring.clone()), Head(ring)))
}

/// The end that writes: the only one of its ring, which is the newest.
pub(super) struct Tail<T>(Arc<Ring<T>>);

impl<T> Tail<T> {
    /// The values that fit behind what was committed.
    #[inline(always)]
    pub(super) fn free(&self) -> usize {
        // Acquire: the reader is done with what it consumed.
        let head = self.0.head.load(Acquire);
        let used = self.0.tail.load(Relaxed).wrapping_sub(head);
        // OVERFLOW: By the ring's invariants they fit in it.
        self.0.size().wrapping_sub(used)
    }

    /// The size of the ring.
    pub(super) fn size(&self) -> usize {
        self.0.size()
    }

    /// A place for one value, if there is room.
    #[inline(always)]
    pub(super) fn place(&mut self) -> Option<Place<'_, T>> {
        // INVARIANT: There is room, and the borrow of `self` keeps others off.
        (self.free() > 0).then(|| Place(&self.0))
    }

    /// Goes over to a new ring of `size` values, a power of two. Sleeps.
    pub(super) fn extend(&mut self, size: usize) -> Result<(), AllocError> {
        let next = Ring::new(size)?;
        // This end is the only one that links, and does so once per ring.
        let linked = Arc::into_raw(next.clone()).cast_mut();
        self.0.next.store(linked, Release);
        self.0 = next;
        Ok(())
    }
}

/// A free place behind what was committed.
///
/// # Invariants
///
/// It is this value's alone.
pub(super) struct Place<'a, T>(&'a Ring<T>);

impl<T> Place<'_, T> {
    /// Writes `value`, and makes it visible to the reader.
    #[inline(always)]
    pub(super) fn fill(self, value: T) {
        let tail = self.0.tail.load(Relaxed);
        // SAFETY: By the type invariant.
        unsafe { self.0.place(tail).write(value) };
        // Release: the value before the count.
        self.0.tail.store(tail.wrapping_add(1), Release);
    }
}

impl Tail<u8> {
    /// Room for `len` bytes behind what was committed, in two pieces, if there is
    /// so much.
    #[inline(always)]
    pub(super) fn room(&mut self, len: usize) -> Option<[&mut [u8]; 2]> {
        if len > self.free() {
            return None;
        }
        let tail = self.0.tail.load(Relaxed);
        let (first, rest) = self.0.split(tail, len);
        // SAFETY: The places are free and initialised, the two do not overlap, and
        // the borrow of `self` keeps others off while the slices live.
        Some(unsafe {
            [
                slice::from_raw_parts_mut(self.0.place(tail), first),
                slice::from_raw_parts_mut(self.0.base, rest),
            ]
        })
    }

    /// What lies in the room for `len` bytes; nothing if there is not so much.
    #[inline(always)]
    pub(super) fn look(&self, len: usize) -> [&[u8]; 2] {
        let len = if len > self.free() { 0 } else { len };
        // SAFETY: The places are free and initialised; writing takes `&mut self`.
        unsafe { self.0.slices(self.0.tail.load(Relaxed), len) }
    }

    /// Makes the first `len` bytes of the room visible to the reader; there must be
    /// so much.
    #[inline(always)]
    pub(super) fn commit(&mut self, len: usize) {
        let len = cmp::min(len, self.free());
        let tail = self.0.tail.load(Relaxed).wrapping_add(len);
        // Release: the bytes before the count.
        self.0.tail.store(tail, Release);
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
            // SAFETY: By the ring's invariants the committed values are
            // initialised; only consuming, which needs the `Head` that is
            // borrowed, hands them to the writer.
            let [first, last] = unsafe { ring.slices(head, len) };
            rest = last;
            if !first.is_empty() {
                return Some(first);
            }
        })
    }

    /// The `len` oldest values or all that there are, in two pieces; nothing if
    /// they do not lie in one ring.
    #[inline(always)]
    pub(super) fn front(&self, len: usize) -> [&[T]; 2] {
        let (head, here) = self.here();
        let mut found = cmp::min(len, here);
        if found < len && self.0.next().is_some() {
            found = 0;
        }
        // SAFETY: As in `pieces()`.
        unsafe { self.0.slices(head, found) }
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
                return Some(unsafe { &mut *ring.place(head.wrapping_add(n)) });
            }
            n -= here;
            ring = next?;
        }
    }

    /// Takes the oldest value, unless `look`, which sees it first, fails.
    #[inline(always)]
    pub(super) fn take_first<E>(
        &mut self,
        look: impl FnOnce(&mut T) -> Result<(), E>,
    ) -> Option<Result<T, E>> {
        let (mut head, mut here) = self.here();
        while here == 0 {
            if !self.advance() {
                return None;
            }
            (head, here) = self.here();
        }
        let place = self.0.place(head);
        // SAFETY: As in `pieces()`; the borrow is unique.
        if let Err(error) = look(unsafe { &mut *place }) {
            return Some(Err(error));
        }
        // SAFETY: As above; nobody uses it after the count below says that it is
        // gone.
        let value = unsafe { place.read() };
        self.0.head.store(head.wrapping_add(1), Release);
        Some(Ok(value))
    }

    /// Takes the oldest value.
    pub(super) fn pop(&mut self) -> Option<T> {
        self.take_first(|_| Ok::<(), Infallible>(()))?.ok()
    }

    /// Goes over to the next ring if this one is empty; whether there is one.
    #[cold]
    fn advance(&mut self) -> bool {
        let Some(next) = self.0.next_arc() else {
            return false;
        };
        // In this order: see `pieces()`.
        if self.here().1 == 0 {
            self.0 = next;
        }
        true
    }
}

impl<T: Copy> Head<T> {
    /// Gives back `len` values of what [`Self::pieces`] showed, oldest first;
    /// returns how many there were.
    #[inline(always)]
    pub(super) fn consume(&mut self, len: usize) -> usize {
        let mut left = len;
        loop {
            let (head, here) = self.here();
            let n = cmp::min(left, here);
            // Release: the reads of the values before the writer reuses them.
            self.0.head.store(head.wrapping_add(n), Release);
            // OVERFLOW: Both are no more than was asked for.
            left = left.wrapping_sub(n);
            if left == 0 || !self.advance() {
                return len.wrapping_sub(left);
            }
        }
    }
}

impl<T> Drop for Head<T> {
    fn drop(&mut self) {
        // One ring at a time: letting the first go would drop the chain by
        // recursion, as deep as it is long.
        while let Some(next) = self.0.next_arc() {
            self.0 = next;
        }
    }
}

#[cfg(CONFIG_KUNIT = "y")]
mod tests;
