// SPDX-License-Identifier: GPL-2.0

//! The queue of [`super`]: its limit, and its order.

use kernel::macros::kunit_tests;

#[kunit_tests(qsock_socket_listening)]
mod cases {
    use super::super::{super::Kind, *};

    fn inner(limit: u32) -> Inner {
        Inner {
            listener: None,
            queue: RBTree::new(),
            queued: 0,
            spare: None,
            next: 0,
            limit,
            shut: false,
            cred: PeerCred::current(),
        }
    }

    #[test]
    fn one_more_than_the_limit_may_wait() -> Result {
        let mut inner = inner(1);

        for full in [false, true] {
            let (_, accepted) = Pair::new(Kind::Stream)?;
            let node = Node::new(GFP_KERNEL)?;
            inner.push(node, Embryo::new(accepted));
            assert_eq!(inner.is_full(), full);
        }
        Ok(())
    }

    #[test]
    fn embryos_leave_in_the_order_in_which_they_came() -> Result {
        let mut inner = inner(2);
        let pairs = [
            Pair::new(Kind::Stream)?,
            Pair::new(Kind::Stream)?,
            Pair::new(Kind::Stream)?,
        ];

        let mut connected = KVec::new();
        for (pair, accepted) in pairs {
            let node = Node::new(GFP_KERNEL)?;
            inner.push(node, Embryo::new(accepted));
            connected.push(pair, GFP_KERNEL)?;
        }
        for pair in &connected {
            assert!(inner.pop().ok_or(EINVAL)?.pair.is(pair));
            assert!(inner.spare.is_some());
        }
        assert!(inner.pop().is_none());
        assert_eq!(inner.queued, 0);
        Ok(())
    }
}
