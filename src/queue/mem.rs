// SPDX-License-Identifier: GPL-2.0

//! The memory of a byte queue: rings of bytes, each with one writer and one
//! reader that never wait for each other.
//!
//! A [`Tail`] writes what a [`Head`] reads. They are made as a pair over one
//! ring, neither can be copied, and every method that moves an end takes it
//! `&mut`: so there is one writer and one reader, and a range of the ring
//! belongs to exactly one of them. That is what makes the code below sound.
//!
//! A ring never changes its size. A writer that needs more links a new ring
//! behind the one it leaves, and the reader goes over when it has emptied the
//! old one.

use core::{
    cmp,
    mem::MaybeUninit,
    slice, //
};
use kernel::{
    alloc::{flags::*, AllocError, KVVec},
    iov::IovIterSource,
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Relaxed, Release},
        Arc,
        SetOnce, //
    }, //
};

/// A ring of bytes.
///
/// # Invariants
///
/// - `base` is the start of `mem`'s allocation of at least `mask + 1` bytes;
///   `mask + 1` is a power of two.
/// - `head` and `tail` count bytes, modulo 2^64; `tail - head <= mask + 1`.
/// - The bytes `head..tail` are initialised; the ring's [`Head`] may read them
///   and nobody writes them. The bytes `tail..head + mask + 1` are its
///   [`Tail`]'s alone.
struct Ring {
    base: *mut u8,
    mask: usize,
    head: Atomic<usize>,
    tail: Atomic<usize>,
    next: SetOnce<Arc<Ring>>,
    /// Frees the memory; its length stays 0.
    _mem: KVVec<u8>,
}

// SAFETY: By the type invariants, no byte is accessed by two sides.
unsafe impl Send for Ring {}
// SAFETY: As above; the counters are atomic.
unsafe impl Sync for Ring {}

impl Ring {
    /// Allocates a ring of `size` bytes, a power of two, charged to the memory
    /// cgroup of the current task. Sleeps.
    fn new(size: usize) -> Result<Arc<Self>, AllocError> {
        let flags = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
        let mut mem = KVVec::with_capacity(size, flags)?;
        // INVARIANT: `size` bytes are there, and none of them is in use.
        Arc::new(
            Self {
                base: mem.as_mut_ptr(),
                mask: size - 1,
                head: Atomic::new(0),
                tail: Atomic::new(0),
                next: SetOnce::new(),
                _mem: mem,
            },
            flags,
        )
    }

    fn size(&self) -> usize {
        self.mask + 1
    }

    /// Where the `len` bytes from the count `at` on are: at most two pieces, as
    /// offset and length.
    fn pieces(&self, at: usize, len: usize) -> [(usize, usize); 2] {
        let offset = at & self.mask;
        let first = cmp::min(len, self.size() - offset);
        [(offset, first), (0, len - first)]
    }

    /// # Safety
    ///
    /// The range must lie in the ring, be initialised, and not be written to
    /// for `'a`.
    unsafe fn slice<'a>(&self, (offset, len): (usize, usize)) -> &'a [u8] {
        // SAFETY: The caller guarantees it.
        unsafe { slice::from_raw_parts(self.base.add(offset), len) }
    }
}

/// Makes a ring of `size` bytes, a power of two, and its two ends. Sleeps.
pub(super) fn ring(size: usize) -> Result<(Tail, Head), AllocError> {
    let ring = Ring::new(size)?;
    Ok((
        Tail {
            ring: ring.clone(),
            written: 0,
        },
        Head { ring },
    ))
}

/// The end that writes: the only one of its ring, which is the newest.
///
/// # Invariants
///
/// The `written` bytes behind the ring's `tail` are initialised, and room for
/// them is free.
pub(super) struct Tail {
    ring: Arc<Ring>,
    written: usize,
}

impl Tail {
    /// The bytes that fit behind what is written.
    pub(super) fn free(&self) -> usize {
        self.ring.size() - self.used() - self.written
    }

    /// The bytes that were committed and are not consumed.
    pub(super) fn used(&self) -> usize {
        // Acquire: the reader is done with what it consumed.
        let head = self.ring.head.load(Acquire);
        self.ring.tail.load(Relaxed).wrapping_sub(head)
    }

    /// The size of the ring.
    pub(super) fn size(&self) -> usize {
        self.ring.size()
    }

    /// Writes up to `len` bytes behind what is written already, as many as
    /// `fill` says that it initialised; it is called for one contiguous piece at
    /// a time.
    ///
    /// # Safety
    ///
    /// `fill` must initialise as many bytes, from the first on, as it returns.
    unsafe fn write_with(
        &mut self,
        len: usize,
        mut fill: impl FnMut(&mut [MaybeUninit<u8>]) -> usize,
    ) -> usize {
        let at = self.ring.tail.load(Relaxed).wrapping_add(self.written);
        let mut done = 0;
        for (offset, len) in self.ring.pieces(at, cmp::min(len, self.free())) {
            // SAFETY: The piece is free, so that it is this end's alone, and
            // the borrow of `self` keeps others off while the slice lives.
            let piece =
                unsafe { slice::from_raw_parts_mut(self.ring.base.add(offset).cast(), len) };
            let filled = cmp::min(fill(piece), len);
            done += filled;
            if filled < len {
                break;
            }
        }
        // INVARIANT: The caller guarantees that `fill` initialised the start of
        // each piece, and only a full piece is followed by another.
        self.written += done;
        done
    }

    /// Writes up to `len` bytes of `from`; returns how many could be read. May
    /// fault, and so sleep.
    pub(super) fn write_iter(&mut self, len: usize, from: &mut IovIterSource<'_>) -> usize {
        // SAFETY: `copy_from_iter_raw()` returns what it initialised.
        unsafe { self.write_with(len, |piece| from.copy_from_iter_raw(piece).len()) }
    }

    /// Writes as much of `from` as fits; returns how much that is.
    #[cfg(CONFIG_KUNIT = "y")]
    pub(super) fn write_slice(&mut self, mut from: &[u8]) -> usize {
        // SAFETY: Each byte of the piece is written.
        unsafe {
            self.write_with(from.len(), |piece| {
                let (now, later) = from.split_at(piece.len());
                for (to, byte) in piece.iter_mut().zip(now) {
                    to.write(*byte);
                }
                from = later;
                now.len()
            })
        }
    }

    /// What is written and not committed.
    pub(super) fn written(&self) -> [&[u8]; 2] {
        let at = self.ring.tail.load(Relaxed);
        self.ring.pieces(at, self.written).map(|piece| {
            // SAFETY: By the type invariant; writing takes `&mut self`.
            unsafe { self.ring.slice(piece) }
        })
    }

    /// Makes what is written visible to the reader; returns how much it is.
    pub(super) fn commit(&mut self) -> usize {
        let len = core::mem::take(&mut self.written);
        let tail = self.ring.tail.load(Relaxed).wrapping_add(len);
        // Release: the bytes before the count.
        self.ring.tail.store(tail, Release);
        len
    }

    /// Forgets what is written.
    pub(super) fn abort(&mut self) {
        self.written = 0;
    }

    /// Goes over to a new ring of `size` bytes, a power of two; what was
    /// written and not committed is forgotten. Sleeps.
    pub(super) fn extend(&mut self, size: usize) -> Result<(), AllocError> {
        let next = Ring::new(size)?;
        self.abort();
        // This end is the only one that links, and does so once per ring.
        self.ring.next.populate(next.clone());
        self.ring = next;
        Ok(())
    }
}

/// The end that reads: the only one of its ring, which is the oldest.
pub(super) struct Head {
    ring: Arc<Ring>,
}

impl Head {
    /// What was committed and is not consumed, oldest first, in contiguous
    /// pieces, none of which is empty.
    pub(super) fn pieces(&self) -> Pieces<'_> {
        Pieces::new(&self.ring)
    }

    /// Gives back `len` bytes of what [`Self::pieces`] showed, oldest first;
    /// returns how many there were.
    pub(super) fn consume(&mut self, len: usize) -> usize {
        let mut left = len;
        loop {
            let head = self.ring.head.load(Relaxed);
            let here = self.ring.tail.load(Acquire).wrapping_sub(head);
            let n = cmp::min(left, here);
            // Release: the reads of the bytes before the writer reuses them.
            self.ring.head.store(head.wrapping_add(n), Release);
            left -= n;
            if n < here || !self.advance() {
                return len - left;
            }
        }
    }

    /// Goes over to the next ring if there is one and this one is empty.
    fn advance(&mut self) -> bool {
        let Some(next) = self.ring.next.as_ref() else {
            return false;
        };
        // The writer had left this ring when it linked the next: what it wrote
        // before that shows in `tail` now.
        if self.ring.tail.load(Acquire) != self.ring.head.load(Relaxed) {
            return false;
        }
        self.ring = next.clone();
        true
    }

    /// The size of the oldest ring.
    pub(super) fn size(&self) -> usize {
        self.ring.size()
    }
}

impl Drop for Head {
    fn drop(&mut self) {
        // One ring at a time: letting the first go would drop the chain by
        // recursion, as deep as it is long.
        while let Some(next) = self.ring.next.as_ref() {
            self.ring = next.clone();
        }
    }
}

/// The iterator of [`Head::pieces`].
pub(super) struct Pieces<'a> {
    ring: Option<&'a Arc<Ring>>,
    next: Option<&'a Arc<Ring>>,
    pieces: [(usize, usize); 2],
}

impl<'a> Pieces<'a> {
    fn new(ring: &'a Arc<Ring>) -> Self {
        // The next ring first: if there is one, the writer has left this one,
        // and its last bytes show in `tail`.
        let next = ring.next.as_ref();
        let head = ring.head.load(Relaxed);
        // Acquire: the bytes that the writer committed.
        let len = ring.tail.load(Acquire).wrapping_sub(head);
        Self {
            ring: Some(ring),
            next,
            pieces: ring.pieces(head, len),
        }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let ring = self.ring?;
            for piece in &mut self.pieces {
                if piece.1 > 0 {
                    // SAFETY: By the ring's invariants the committed bytes are
                    // initialised; only `consume`, which needs the `Head` that
                    // `'a` borrows, hands them to the writer.
                    let slice = unsafe { ring.slice(*piece) };
                    piece.1 = 0;
                    return Some(slice);
                }
            }
            match self.next {
                Some(next) => *self = Self::new(next),
                None => self.ring = None,
            }
        }
    }
}

#[cfg(CONFIG_KUNIT = "y")]
mod tests;
