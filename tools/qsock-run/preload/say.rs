// SPDX-License-Identifier: GPL-2.0
//! What --verbose has the library say, on the standard error, in one write a line.

use crate::config;
use core::fmt::{self, Write};

/// A line that ends where the room does.
struct Line {
    bytes: [u8; 256],
    len: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.bytes.len() - self.len;
        let fits = text.len().min(room);
        self.bytes[self.len..][..fits].copy_from_slice(&text.as_bytes()[..fits]);
        self.len += fits;
        Ok(())
    }
}

/// Says `what`, if the user wants to know.
pub fn say(what: fmt::Arguments<'_>) {
    if !config::verbose() {
        return;
    }
    let mut line = Line {
        bytes: [0; 256],
        len: 0,
    };
    // SAFETY: It has no preconditions.
    let process = unsafe { libc::getpid() };
    // The room is all that can be short.
    let _ = write!(line, "qsock-run[{process}]: {what}");
    let last = line.len.min(line.bytes.len() - 1);
    line.bytes[last] = b'\n';
    let saved = crate::errno::Errno::last();
    // SAFETY: The bytes are there.
    unsafe { libc::write(libc::STDERR_FILENO, line.bytes.as_ptr().cast(), last + 1) };
    saved.leave();
}

/// Bytes as text, with @ for NUL and ? for what is no text.
pub struct Shown<'a>(pub &'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            f.write_char(match *byte {
                0 => '@',
                byte if byte.is_ascii_graphic() || byte == b' ' => char::from(byte),
                _ => '?',
            })?;
        }
        Ok(())
    }
}
