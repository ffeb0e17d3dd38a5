// SPDX-License-Identifier: GPL-2.0

//! How much of a limit is in use by messages that wait.

use core::{
    cmp,
    sync::atomic::{
        AtomicUsize,
        Ordering::Relaxed, //
    }, //
};

/// A limit of so many bytes stands for one message: messages without a payload
/// take memory too.
const BYTES_PER_MESSAGE: usize = 128;

/// So many messages may wait under any limit.
const MESSAGES_MIN: usize = 16;

/// The messages that may wait under a limit of `limit` bytes.
pub(super) fn messages_max(limit: usize) -> usize {
    cmp::max(limit / BYTES_PER_MESSAGE, MESSAGES_MIN)
}

/// The payload bytes and the messages that are in use.
pub(crate) struct Usage {
    bytes: AtomicUsize,
    messages: AtomicUsize,
}

impl Usage {
    /// Nothing in use.
    pub(crate) const fn new() -> Self {
        Self {
            bytes: AtomicUsize::new(0),
            messages: AtomicUsize::new(0),
        }
    }

    /// The payload bytes in use.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    /// The messages in use.
    pub(crate) fn messages(&self) -> usize {
        self.messages.load(Relaxed)
    }

    /// Counts one more message of `len` bytes if the limit of `limit` bytes
    /// allows: always while [`Self::is_writable`] holds.
    #[inline(always)]
    pub(crate) fn try_charge(&self, len: usize, limit: usize) -> bool {
        let mut bytes = self.bytes();
        loop {
            let fits = bytes <= limit / 4 || bytes.saturating_add(len) <= limit;
            if !fits || self.messages() >= messages_max(limit) {
                return false;
            }
            let more = bytes.wrapping_add(len);
            match self
                .bytes
                .compare_exchange_weak(bytes, more, Relaxed, Relaxed)
            {
                Ok(_) => break,
                Err(now) => bytes = now,
            }
        }
        // Senders that race for the last place may all get one.
        self.messages.fetch_add(1, Relaxed);
        true
    }

    /// Takes back what [`Self::try_charge`] counted.
    #[inline(always)]
    pub(crate) fn uncharge(&self, len: usize) {
        // Who looks for waiting senders next has a barrier before that.
        self.bytes.fetch_sub(len, Relaxed);
        self.messages.fetch_sub(1, Relaxed);
    }

    /// Whether a quarter of the limit is in use at most, where poll(2) says
    /// writable.
    pub(crate) fn is_writable(&self, limit: usize) -> bool {
        self.bytes() <= limit / 4 && self.messages() <= messages_max(limit) / 4
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[kernel::macros::kunit_tests(qsock_queue_usage)]
mod tests {
    use super::*;

    #[test]
    fn a_message_fits_or_finds_three_quarters_free() {
        let usage = Usage::new();

        assert!(usage.try_charge(25, 100));
        assert!(usage.is_writable(100));
        assert!(usage.try_charge(1000, 100));
        assert!(!usage.try_charge(0, 100));
        usage.uncharge(1000);
        assert!(usage.try_charge(1, 100));
        assert!(!usage.is_writable(100));
        assert!(!usage.try_charge(75, 100));
        assert!(usage.try_charge(74, 100));
        assert_eq!(usage.bytes(), 100);
    }

    #[test]
    fn empty_messages_are_limited_too() {
        let usage = Usage::new();

        for _ in 0..16 {
            assert!(usage.try_charge(0, 1));
        }
        assert!(!usage.try_charge(0, 1));
        assert!(!usage.is_writable(1));
        usage.uncharge(0);
        assert!(usage.try_charge(0, 1));
    }
}
