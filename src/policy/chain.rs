// SPDX-License-Identifier: GPL-2.0

//! The chain of hooks: asked in order, the first refusal wins.

use super::{Hook, Payload, Verdict};
use crate::net::once::Once;
use kernel::prelude::*;

/// The loaded hooks.
///
/// Set before the family is registered, if at all, so that the operations read
/// one word when there is none.
static CHAIN: Once<Chain> = Once::new();

/// Hooks, in the order in which they are asked.
///
/// They are statics: nothing is dropped that a static owns, so that memory of
/// theirs would outlive the module.
pub(crate) struct Chain(&'static [&'static dyn Hook]);

impl Chain {
    /// A chain of `hooks`.
    pub(crate) const fn new(hooks: &'static [&'static dyn Hook]) -> Self {
        Self(hooks)
    }

    /// Makes this the chain that every operation asks. Only the first call has
    /// an effect.
    pub(crate) fn load(self) {
        CHAIN.populate(self);
    }

    fn ask(&self, mut question: impl FnMut(&dyn Hook) -> Verdict) -> Result {
        for hook in self.0 {
            if let Verdict::Deny(error) = question(*hook) {
                return Err(error);
            }
        }
        Ok(())
    }
}

/// Asks the loaded hooks about a message that is sent.
///
/// # Errors
///
/// The error of the first hook that refuses.
#[inline(always)]
pub(crate) fn sendmsg<'a>(pieces: impl FnOnce() -> [&'a [u8]; 2]) -> Result {
    match CHAIN.as_ref() {
        None => Ok(()),
        Some(chain) => {
            let message = Payload::new(pieces());
            chain.ask(|hook| hook.sendmsg(&message))
        }
    }
}

/// Asks the loaded hooks about a message that is received.
///
/// # Errors
///
/// The error of the first hook that refuses.
#[inline(always)]
pub(crate) fn recvmsg<'a>(pieces: impl FnOnce() -> [&'a [u8]; 2]) -> Result {
    match CHAIN.as_ref() {
        None => Ok(()),
        Some(chain) => {
            let message = Payload::new(pieces());
            chain.ask(|hook| hook.recvmsg(&message))
        }
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[kunit_tests(qsock_policy_chain)]
mod tests {
    use super::*;

    struct Refuse(Error);

    impl Hook for Refuse {
        fn sendmsg(&self, _message: &Payload<'_>) -> Verdict {
            Verdict::Deny(self.0)
        }
    }

    struct Allow;

    impl Hook for Allow {}

    static ALLOW: Allow = Allow;
    static PERM: Refuse = Refuse(EPERM);
    static ACCES: Refuse = Refuse(EACCES);

    static ALLOWS: [&dyn Hook; 2] = [&ALLOW, &ALLOW];
    static ACCES_FIRST: [&dyn Hook; 3] = [&ALLOW, &ACCES, &PERM];
    static PERM_FIRST: [&dyn Hook; 2] = [&PERM, &ACCES];

    #[test]
    fn the_first_refusal_wins() {
        let message = Payload::new([b"abc", b"def"]);
        let ask = |hooks| Chain::new(hooks).ask(|hook| hook.sendmsg(&message));

        assert_eq!(ask(&[]), Ok(()));
        assert_eq!(ask(&ALLOWS), Ok(()));
        assert_eq!(ask(&ACCES_FIRST), Err(EACCES));
        assert_eq!(ask(&PERM_FIRST), Err(EPERM));
    }

    #[test]
    fn a_hook_allows_what_it_does_not_know() {
        let message = Payload::new([b"abc", b""]);

        assert_eq!(
            Chain::new(&PERM_FIRST).ask(|hook| hook.recvmsg(&message)),
            Ok(())
        );
    }

    #[test]
    fn a_prefix_is_found_across_the_pieces() {
        for split in 0..=6 {
            let (a, b) = b"abcdef".split_at(split);
            let message = Payload::new([a, b]);
            assert!(message.starts_with(b""));
            assert!(message.starts_with(b"abcd"));
            assert!(message.starts_with(b"abcdef"));
            assert!(!message.starts_with(b"abd"));
            assert!(!message.starts_with(b"abcdefg"));
        }
    }
}
