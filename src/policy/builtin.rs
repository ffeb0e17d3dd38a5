// SPDX-License-Identifier: GPL-2.0

//! The hook of the tests: it counts messages, and refuses those that ask for it.
//!
//! Loaded with the module parameter `selftest_hook`, it shows that a hook sees
//! each message, and that one that is refused has no effect.

use super::{
    context::{Context, Message},
    Hook,
    Operation,
    Verdict, //
};
use core::{
    marker::PhantomData,
    sync::atomic::{AtomicU64, Ordering::Relaxed}, //
};
use kernel::prelude::*;

/// What a message that is to be refused begins with.
const REFUSE: &[u8; 12] = b"QSOCK-REFUSE";

/// Where it counts.
pub(crate) trait Counters: Send + Sync {
    /// What it lets pass.
    fn seen() -> &'static AtomicU64;

    /// The rest.
    fn refused() -> &'static AtomicU64;
}

/// Counts messages that are sent; refuses with `EACCES` those that begin with
/// `QSOCK-REFUSE`.
pub(crate) struct Selftest<C>(PhantomData<C>);

impl<C: Counters> Selftest<C> {
    /// The hook.
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<C: Counters> Hook for Selftest<C> {
    fn operations(&self) -> u32 {
        Operation::Sendmsg.bit().into()
    }

    fn sendmsg(&self, _cx: &Context<'_>, message: &Message<'_>) -> Verdict {
        if message.starts_with(REFUSE) {
            C::refused().fetch_add(1, Relaxed);
            Verdict::Deny(EACCES)
        } else {
            C::seen().fetch_add(1, Relaxed);
            Verdict::Allow
        }
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[kunit_tests(qsock_policy_builtin)]
mod tests {
    use super::*;
    use crate::{net::msg::MsgFlags, policy::context::tests::Nothing};

    #[test]
    fn it_refuses_what_begins_with_its_word() {
        static SEEN: AtomicU64 = AtomicU64::new(0);
        static REFUSED: AtomicU64 = AtomicU64::new(0);
        struct Here;
        impl Counters for Here {
            fn seen() -> &'static AtomicU64 {
                &SEEN
            }
            fn refused() -> &'static AtomicU64 {
                &REFUSED
            }
        }
        let hook = Selftest::<Here>::new();
        let cases: [(&[u8], &[u8], Verdict); 4] = [
            (b"hello", b"", Verdict::Allow),
            (b"QSOCK-REFUSE", b"", Verdict::Deny(EACCES)),
            (b"QSOCK-", b"REFUSE this", Verdict::Deny(EACCES)),
            (b"QSOCK-REFUS", b"", Verdict::Allow),
        ];

        for (a, b, verdict) in cases {
            let message = Message::new([a, b], MsgFlags::default(), 0);
            let cx = Context::new(&Nothing, Some(&message));
            assert!(hook.sendmsg(&cx, &message) == verdict);
        }
        assert_eq!(SEEN.load(Relaxed), 2);
        assert_eq!(REFUSED.load(Relaxed), 2);
    }
}
