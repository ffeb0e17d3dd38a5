// SPDX-License-Identifier: GPL-2.0

//! poll(2): what a socket is ready for.

use crate::bindings;
use core::{marker::PhantomData, ops::BitOr, ops::BitOrAssign};

/// A set of poll events, `__poll_t`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Events(u32);

impl Events {
    /// No event.
    pub(crate) const NONE: Self = Self(0);
    /// There is something to receive, or to accept.
    pub(crate) const IN: Self = Self(bindings::NET_EPOLLIN | bindings::NET_EPOLLRDNORM);
    /// A send would not wait.
    pub(crate) const OUT: Self =
        Self(bindings::NET_EPOLLOUT | bindings::NET_EPOLLWRNORM | bindings::NET_EPOLLWRBAND);
    /// There is a byte out of band.
    pub(crate) const PRI: Self = Self(bindings::NET_EPOLLPRI);
    /// Bytes came, but fewer than SO_RCVLOWAT: who waits in a receive looks,
    /// who polls does not ask for this.
    pub(crate) const MORE: Self = Self(bindings::NET_EPOLLMSG);
    /// An error is pending.
    pub(crate) const ERR: Self = Self(bindings::NET_EPOLLERR);
    /// Neither direction will carry anything any more.
    pub(crate) const HUP: Self = Self(bindings::NET_EPOLLHUP);
    /// The peer sends nothing any more.
    pub(crate) const RDHUP: Self = Self(bindings::NET_EPOLLRDHUP);

    /// The bits, as the core takes them.
    pub(super) const fn bits(self) -> u32 {
        self.0
    }

    /// Whether the two sets have an event in common.
    pub(super) const fn intersects(self, bits: u32) -> bool {
        self.0 & bits != 0
    }

    /// These events if `condition` holds, none otherwise.
    pub(crate) fn when(self, condition: bool) -> Self {
        if condition {
            self
        } else {
            Self::NONE
        }
    }
}

impl BitOr for Events {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Events {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// The file that is polled and the table of who polls it.
///
/// # Invariants
///
/// `file` is valid; `table` is null or valid; both for `'a`.
pub(crate) struct PollWait<'a> {
    file: *mut bindings::file,
    table: *mut bindings::poll_table_struct,
    lifetime: PhantomData<&'a ()>,
}

impl PollWait<'_> {
    /// # Safety
    ///
    /// `file` must be valid, `table` null or valid, while the value lives.
    pub(super) unsafe fn new(
        file: *mut bindings::file,
        table: *mut bindings::poll_table_struct,
    ) -> Self {
        // INVARIANT: The caller guarantees it.
        Self {
            file,
            table,
            lifetime: PhantomData,
        }
    }

    /// The events that the poller asks for. One that joins no queue now may be in
    /// it already, and ask for others than it did then (`EPOLL_CTL_MOD`).
    #[inline(always)]
    pub(super) fn requested(&self) -> Option<u32> {
        // SAFETY: By the type invariant.
        let table = unsafe { self.table.as_ref() }?;
        Some(table._key)
    }

    /// Whether the poller wants to be told of what comes: it waits in no queue yet.
    #[inline(always)]
    pub(super) fn joins(&self) -> bool {
        // SAFETY: By the type invariant.
        unsafe { self.table.as_ref() }.is_some_and(|table| table._qproc.is_some())
    }

    pub(super) fn file(&self) -> *mut bindings::file {
        self.file
    }

    pub(super) fn table(&self) -> *mut bindings::poll_table_struct {
        self.table
    }
}
