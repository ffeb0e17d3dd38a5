// SPDX-License-Identifier: GPL-2.0

//! Who waits for room in a full backlog by poll(2).

use super::Backlog;
use crate::net::sock::Sock;
use kernel::{prelude::*, sync::Arc};

/// The place of a socket whose non-blocking connect(2) found a backlog full, and
/// that may poll for room; it leaves when this is dropped.
pub(in crate::socket) struct AwaitedRoom {
    backlog: Arc<Backlog>,
    number: u64,
}

impl AwaitedRoom {
    /// Has `sk` told when there is room. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(in crate::socket) fn new(backlog: &Arc<Backlog>, sk: &Sock) -> Result<Self> {
        let number = backlog.pollers.join(sk)?;
        let backlog = backlog.clone();
        Ok(Self { backlog, number })
    }

    /// Whether connect(2) would find room now, or learn that it never will.
    /// Sleeps.
    pub(in crate::socket) fn has_room(&self) -> bool {
        let inner = self.backlog.inner.lock();
        !inner.is_open() || !inner.is_full()
    }
}

impl Drop for AwaitedRoom {
    fn drop(&mut self) {
        self.backlog.pollers.leave(self.number);
    }
}
