// SPDX-License-Identifier: GPL-2.0

//! Patterns of texts: `*` for any bytes, `?` for one.

use super::Span;

/// The most bytes of a pattern, as it is kept.
pub(super) const PATTERN_MAX: usize = 256;

/// What stands before a byte that means itself. Only those that would mean
/// something else have it.
pub(super) const QUOTE: u8 = b'\\';

/// Whether a byte of a pattern needs that.
pub(super) fn is_special(byte: u8) -> bool {
    matches!(byte, b'*' | b'?' | QUOTE)
}

/// A pattern.
#[derive(Clone, Copy)]
pub(super) struct Pattern {
    /// In `Policy::bytes`. What means itself has been unescaped, but for
    /// [`QUOTE`].
    pub(super) span: Span,
}

/// One piece of a pattern.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    Byte(u8),
    One,
    Any,
}

/// The piece that `pattern` has at `at`, and where the next begins.
fn piece(pattern: &[u8], at: usize) -> Option<(Piece, usize)> {
    Some(match *pattern.get(at)? {
        b'*' => (Piece::Any, at + 1),
        b'?' => (Piece::One, at + 1),
        QUOTE => (Piece::Byte(*pattern.get(at + 1)?), at + 2),
        byte => (Piece::Byte(byte), at + 1),
    })
}

impl Pattern {
    /// Whether `text` is what the pattern says.
    ///
    /// Takes at most the product of both lengths: a `*` is only ever given more
    /// bytes while none came after it.
    pub(super) fn matches(&self, bytes: &[u8], text: &[u8]) -> bool {
        let pattern = self.span.of(bytes);
        let (mut at, mut seen) = (0, 0);
        // Behind the last `*`, and what it may take yet.
        let mut retry: Option<(usize, usize)> = None;
        loop {
            match piece(pattern, at) {
                Some((Piece::Any, next)) => {
                    at = next;
                    retry = Some((next, seen));
                    continue;
                }
                Some((what, next)) => {
                    let fits = match (what, text.get(seen)) {
                        (_, None) => return false,
                        (Piece::Byte(byte), Some(given)) => byte == *given,
                        _ => true,
                    };
                    if fits {
                        (at, seen) = (next, seen + 1);
                        continue;
                    }
                }
                None if seen == text.len() => return true,
                None => {}
            }
            let Some((behind, from)) = retry else {
                return false;
            };
            // The text is not over: one more byte is there to take.
            (at, seen) = (behind, from + 1);
            retry = Some((behind, from + 1));
        }
    }

    /// The bytes that a text must begin with, in `to`; returns how many there
    /// are, and whether they are the whole text.
    pub(super) fn prefix(&self, bytes: &[u8], to: &mut [u8; PATTERN_MAX]) -> (usize, bool) {
        let pattern = self.span.of(bytes);
        let (mut at, mut len) = (0, 0);
        loop {
            match piece(pattern, at) {
                None => return (len, true),
                Some((Piece::Byte(byte), next)) => {
                    let Some(place) = to.get_mut(len) else {
                        return (len, false);
                    };
                    *place = byte;
                    (at, len) = (next, len + 1);
                }
                Some(_) => return (len, false),
            }
        }
    }
}
