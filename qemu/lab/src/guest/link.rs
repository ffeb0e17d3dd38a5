// SPDX-License-Identifier: GPL-2.0
//! What the guest's init tells the host, beside the command's output.
//!
//! Each line starts with a nonce of this run. The init drops it before it starts the command, so nothing that a
//! command prints, or writes into the port, passes for a message of the init.

use std::fs::File;
use std::io::Read;

use anyhow::{Context, Result};

/// One message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Message {
    /// The module, if any, is loaded and the command starts.
    Start,
    /// insmod failed with this status; the command does not run.
    LoadFailed(i32),
    /// The command ended.
    Exit(i32),
    /// rmmod failed: something still holds the module.
    UnloadFailed(i32),
    /// A sign of life.
    Beat,
    /// All is done; the guest powers off.
    Done,
}

/// The message in a line of the control port, if it is one of this run.
pub fn parse(nonce: &str, line: &str) -> Option<Message> {
    let mut words = line.strip_prefix(nonce)?.strip_prefix(' ')?.split(' ');
    let (name, status) = (words.next()?, words.next());
    if words.next().is_some() {
        return None;
    }
    let status = match status {
        Some(text) => Some(text.parse().ok()?),
        None => None,
    };
    match (name, status) {
        ("start", None) => Some(Message::Start),
        ("load-failed", Some(n)) => Some(Message::LoadFailed(n)),
        ("exit", Some(n)) => Some(Message::Exit(n)),
        ("unload-failed", Some(n)) => Some(Message::UnloadFailed(n)),
        ("beat", None) => Some(Message::Beat),
        ("done", None) => Some(Message::Done),
        _ => None,
    }
}

/// 128 random bits as text.
pub fn nonce() -> Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")
        .and_then(|mut f| f.read_exact(&mut bytes))
        .context("cannot read /dev/urandom")?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_runs_nonce_counts() {
        assert_eq!(parse("abc", "abc exit 7"), Some(Message::Exit(7)));
        assert_eq!(parse("abc", "abc start"), Some(Message::Start));
        assert_eq!(parse("abc", "abd exit 7"), None);
        assert_eq!(parse("abc", "exit 7"), None);
        assert_eq!(parse("abc", "abcexit 7"), None);
        assert_eq!(parse("abc", " abc exit 7"), None);
    }

    #[test]
    fn half_messages_are_none() {
        for line in [
            "abc",
            "abc ",
            "abc exit",
            "abc exit x",
            "abc exit 7 8",
            "abc start 1",
            "abc bye",
        ] {
            assert_eq!(parse("abc", line), None, "{line}");
        }
    }

    #[test]
    fn nonces_differ() {
        let (a, b) = (nonce().unwrap(), nonce().unwrap());
        assert_eq!(a.len(), 32);
        assert_ne!(a, b);
    }
}
