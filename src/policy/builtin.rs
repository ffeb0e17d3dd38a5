// SPDX-License-Identifier: GPL-2.0

//! The built-in hook: it counts messages, and refuses those that ask for it.
//!
//! Loaded with the module parameter `selftest_hook`, it shows that a hook sees
//! each message, and that one that is refused has no effect.

use super::{Hook, Payload, Verdict};
use kernel::{
    prelude::*,
    sync::atomic::{Atomic, Relaxed}, //
};

/// What a message that is to be refused begins with.
const REFUSE: &[u8] = b"QSOCK-REFUSE";

/// Counts messages that are sent; refuses with `EACCES` those that begin with
/// `QSOCK-REFUSE`.
pub(crate) struct Selftest {
    seen: fn() -> &'static Atomic<u64>,
    refused: fn() -> &'static Atomic<u64>,
}

impl Selftest {
    /// A hook that counts in `seen` what it lets pass, in `refused` the rest.
    pub(crate) const fn new(
        seen: fn() -> &'static Atomic<u64>,
        refused: fn() -> &'static Atomic<u64>,
    ) -> Self {
        Self { seen, refused }
    }
}

impl Hook for Selftest {
    fn sendmsg(&self, message: &Payload<'_>) -> Verdict {
        if message.starts_with(REFUSE) {
            (self.refused)().add(1, Relaxed);
            Verdict::Deny(EACCES)
        } else {
            (self.seen)().add(1, Relaxed);
            Verdict::Allow
        }
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[kunit_tests(qsock_policy_builtin)]
mod tests {
    use super::*;

    #[test]
    fn it_refuses_what_begins_with_its_word() {
        static SEEN: Atomic<u64> = Atomic::new(0);
        static REFUSED: Atomic<u64> = Atomic::new(0);
        let hook = Selftest::new(|| &SEEN, || &REFUSED);
        let cases: [(&[u8], &[u8], Verdict); 4] = [
            (b"hello", b"", Verdict::Allow),
            (b"QSOCK-REFUSE", b"", Verdict::Deny(EACCES)),
            (b"QSOCK-", b"REFUSE this", Verdict::Deny(EACCES)),
            (b"QSOCK-REFUS", b"", Verdict::Allow),
        ];

        for (a, b, verdict) in cases {
            assert!(hook.sendmsg(&Payload::new([a, b])) == verdict);
        }
        assert_eq!(SEEN.load(Relaxed), 2);
        assert_eq!(REFUSED.load(Relaxed), 2);
    }
}
