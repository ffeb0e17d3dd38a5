// SPDX-License-Identifier: GPL-2.0

//! One line of a text, from left to right.

use super::{pattern, List, Mistake, Refusal};

/// What is left of a line.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    number: usize,
    all: &'a [u8],
    at: usize,
}

impl<'a> Line<'a> {
    /// The line `number`, which is `all` without its end.
    ///
    /// # Errors
    ///
    /// A control character.
    pub(super) fn new(number: usize, all: &'a [u8]) -> Result<Self, Refusal> {
        let line = Self { number, all, at: 0 };
        let bad = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
        match all.iter().position(bad) {
            Some(at) => Err(line.mistake_at(at, "a control character")),
            None => Ok(line),
        }
    }

    /// The number of the line.
    pub(super) fn number(&self) -> u32 {
        // CAST: There are fewer lines than bytes, and those are limited.
        self.number as u32
    }

    /// Where the line is read.
    pub(super) fn place(&self) -> usize {
        self.at
    }

    /// `what` is wrong with what begins at `place`.
    pub(super) fn mistake_at(&self, place: usize, what: &'static str) -> Refusal {
        Refusal::Mistake(Mistake {
            line: self.number,
            column: place + 1,
            what,
        })
    }

    /// `what` is wrong here.
    pub(super) fn mistake(&self, what: &'static str) -> Refusal {
        self.mistake_at(self.at, what)
    }

    fn peek(&self) -> Option<u8> {
        self.all.get(self.at).copied()
    }

    /// Takes `byte`, if that is next.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let is = self.peek() == Some(byte);
        self.at += usize::from(is);
        is
    }

    /// Passes over blanks.
    pub(super) fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    /// Whether nothing but a comment follows.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.peek(), None | Some(b'#'))
    }

    /// Whether a word ends here.
    pub(super) fn is_word_over(&self) -> bool {
        matches!(self.peek(), None | Some(b' ' | b'\t' | b'#'))
    }

    /// Takes a word of letters, digits, `-` and `_`; it may be empty.
    pub(super) fn word(&mut self) -> &'a [u8] {
        let start = self.at;
        let part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        while self.peek().is_some_and(part) {
            self.at += 1;
        }
        &self.all[start..self.at]
    }

    /// Takes a number.
    ///
    /// # Errors
    ///
    /// There is none, or one greater than `most`.
    pub(super) fn number_up_to(&mut self, most: u64) -> Result<u64, Refusal> {
        let start = self.at;
        let mut number: u64 = 0;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            let more = number.checked_mul(10);
            let more = more.and_then(|ten| ten.checked_add(u64::from(digit - b'0')));
            number = more
                .filter(|number| *number <= most)
                .ok_or_else(|| self.mistake_at(start, "the number is too large"))?;
            self.at += 1;
        }
        if self.at == start {
            return Err(self.mistake("a number was expected"));
        }
        Ok(number)
    }

    /// Takes a pattern, and adds what it consists of to `bytes`.
    ///
    /// # Errors
    ///
    /// It is not one, or too long.
    pub(super) fn pattern(&mut self, bytes: &mut List<u8>) -> Result<usize, Refusal> {
        let (start, before) = (self.at, bytes.len());
        let quoted = self.take(b'"');
        // As /proc/net/qsock shows it.
        if self.take(b'@') {
            bytes.push(0)?;
        }
        loop {
            let byte = match self.peek() {
                None if quoted => return Err(self.mistake("the quotes do not end")),
                None => break,
                Some(b'"') if quoted => {
                    self.at += 1;
                    break;
                }
                Some(b'"') => return Err(self.mistake("quotes in the middle of a value")),
                Some(b',' | b' ' | b'\t' | b'#') if !quoted => break,
                Some(b'\\') => {
                    let byte = self.escaped()?;
                    if pattern::is_special(byte) {
                        bytes.push(pattern::QUOTE)?;
                    }
                    byte
                }
                Some(byte) => {
                    self.at += 1;
                    byte
                }
            };
            bytes.push(byte)?;
            if bytes.len() - before > pattern::PATTERN_MAX {
                return Err(self.mistake_at(start, "the value is too long"));
            }
        }
        if self.at == start {
            return Err(self.mistake("a value was expected"));
        }
        Ok(bytes.len() - before)
    }

    /// Takes what stands for a byte that means itself.
    fn escaped(&mut self) -> Result<u8, Refusal> {
        const WHAT: &str = "not an escape: \\xHH, or \\ and what is no letter or digit";
        let start = self.at;
        let rest = &self.all[self.at + 1..];
        let (byte, len) = match *rest {
            [b'x', high, low, ..] => match (digit(high), digit(low)) {
                (Some(high), Some(low)) => ((high << 4) | low, 4),
                _ => return Err(self.mistake_at(start, WHAT)),
            },
            [byte, ..] if !byte.is_ascii_alphanumeric() => (byte, 2),
            _ => return Err(self.mistake_at(start, WHAT)),
        };
        self.at += len;
        Ok(byte)
    }
}

/// The value of a hexadecimal digit.
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}
