// SPDX-License-Identifier: GPL-2.0

//! The readers' side of [`Stream`].

use super::{
    super::{
        bytes,
        marks::{Found, Look, Marks, Merge},
        mem::Head,
        Empty, //
    },
    Stream,
    STEP, //
};
use core::{
    cmp,
    sync::atomic::Ordering::{Acquire, Relaxed}, //
};
use kernel::{
    error::code::*,
    iov::IovIterDest,
    prelude::*,
    sync::lock::{mutex::MutexBackend, Guard}, //
};

/// Bytes that a reader may take together: from a position, and how many.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    at: usize,
    len: usize,
}

impl Span {
    /// How many bytes.
    pub(crate) fn len(self) -> usize {
        self.len
    }

    /// The first `len` of them.
    pub(crate) fn first(self, len: usize) -> Self {
        let len = cmp::min(self.len, len);
        Self { len, ..self }
    }

    /// All but the first `len` of them.
    pub(crate) fn skip(self, len: usize) -> Self {
        let len = cmp::min(self.len, len);
        Self {
            at: self.at.wrapping_add(len),
            len: self.len - len,
        }
    }
}

/// What a reader finds next.
pub(crate) enum Next {
    /// Bytes.
    Bytes(Span),
    /// This call may receive no more.
    Stop,
    /// There is nothing.
    Empty(Empty),
}

/// What is queued, for one reader.
pub(crate) struct Incoming<'a, A: Send + Unpin + Merge> {
    pub(super) stream: &'a Stream<A>,
    pub(super) rx: Guard<'a, Option<Head<u8>>, MutexBackend>,
    /// What there is after the last byte.
    pub(super) empty: Empty,
}

impl<A: Send + Unpin + Merge> Incoming<'_, A> {
    /// The position of the first byte, and that after the last.
    fn bounds(&self) -> (usize, usize) {
        let at = self.stream.received.load(Relaxed);
        let pieces = self.rx.iter().flat_map(Head::pieces);
        (at, at.wrapping_add(pieces.map(<[u8]>::len).sum()))
    }

    /// Whether there is no byte, not even one that no read will return.
    pub(crate) fn is_empty(&self) -> bool {
        let (at, end) = self.bounds();
        at == end
    }

    /// What comes after `last`, or first in the queue. Takes the bytes from the
    /// queue that no reader gets, unless the reader peeks.
    pub(crate) fn next(&mut self, last: Option<Span>, look: Look) -> Next {
        let (first, end) = self.bounds();
        let mut at = last.map_or(first, |last| last.at.wrapping_add(last.len));
        while at != end {
            if self.stream.marked.load(Acquire) == 0 {
                // Who waits for room gets some after each step.
                let len = cmp::min(end.wrapping_sub(at), STEP);
                return Next::Bytes(Span { at, len });
            }
            let (found, removed) = self.stream.with_marks(|marks| marks.find(at, end, look));
            match found {
                Found::Until(until) => {
                    let len = until.wrapping_sub(at);
                    return Next::Bytes(Span { at, len });
                }
                Found::Stop => return Next::Stop,
                Found::Pass { consume } => {
                    if consume {
                        self.consume_bytes(1);
                    }
                    at = at.wrapping_add(1);
                }
            }
            drop(removed);
        }
        Next::Empty(self.empty)
    }

    /// Whether there may be bytes that lie elsewhere: see
    /// [`Reservation::leave`](super::Reservation::leave).
    pub(crate) fn lends(&self) -> bool {
        self.stream.lends.load(Relaxed)
    }

    /// Lets `see` look at what goes with the bytes that `span` begins with.
    pub(crate) fn aux<R>(&self, span: Span, see: impl FnOnce(Option<&mut A>) -> R) -> R {
        if self.stream.marked.load(Acquire) == 0 {
            return see(None);
        }
        see(self.stream.marks.lock().aux(span.at))
    }

    /// The bytes of `span`, in contiguous pieces.
    fn pieces(&self, span: Span) -> impl Iterator<Item = &[u8]> {
        let mut skip = span.at.wrapping_sub(self.stream.received.load(Relaxed));
        let mut left = span.len;
        self.rx.iter().flat_map(Head::pieces).map(move |piece| {
            let passed = cmp::min(skip, piece.len());
            skip -= passed;
            let piece = &piece[passed..];
            let piece = &piece[..cmp::min(left, piece.len())];
            left -= piece.len();
            piece
        })
    }

    /// The first bytes of `span`, in two pieces; there may be more.
    pub(crate) fn bytes(&self, span: Span) -> [&[u8]; 2] {
        let mut pieces = self.pieces(span).filter(|piece| !piece.is_empty());
        [(); 2].map(|()| pieces.next().unwrap_or_default())
    }

    /// Copies the bytes of `span` to `to`. May fault, and so sleep.
    ///
    /// # Errors
    ///
    /// `EFAULT` if not all of them can be written. Nothing is consumed.
    pub(crate) fn copy_to(&self, span: Span, to: &mut IovIterDest<'_>) -> Result {
        for piece in self.pieces(span) {
            if to.copy_to_iter(piece) < piece.len() {
                return Err(EFAULT);
            }
        }
        Ok(())
    }

    /// Takes `span`, which must be first, from the queue, and drops what went with it.
    pub(crate) fn consume(&mut self, span: Span) {
        if self.stream.marked.load(Acquire) > 0 {
            let until = span.at.wrapping_add(span.len);
            let consume = |marks: &mut Marks<A>| marks.consume(span.at, until);
            if let Some(removed) = self.stream.with_marks(consume) {
                // What went with the bytes is dropped before the marks are locked again.
                let place = removed.into_reservation();
                self.stream.marks.lock().keep(place);
            }
        }
        self.consume_bytes(span.len);
    }

    pub(super) fn consume_bytes(&mut self, len: usize) {
        let Some(head) = &mut *self.rx else {
            return;
        };
        self.stream.count_received(bytes::consume(head, len));
    }

    /// The byte that is out of band.
    pub(crate) fn urgent(&self) -> Option<Span> {
        let at = self.stream.marks.lock().urgent()?;
        // Its mark is there before it is.
        let (first, end) = self.bounds();
        let is_there = at.wrapping_sub(first) < end.wrapping_sub(first);
        is_there.then_some(Span { at, len: 1 })
    }

    /// Receives what [`Self::urgent`] returned: in its place is a hole.
    pub(crate) fn take_urgent(&mut self, byte: Span) {
        self.stream.with_marks(|marks| marks.take_urgent(byte.at));
    }

    /// Whether the next byte is where the one out of band is or was.
    pub(crate) fn is_at_mark(&self) -> bool {
        let (at, end) = self.bounds();
        at != end && self.stream.marks.lock().is_at_mark(at)
    }
}
