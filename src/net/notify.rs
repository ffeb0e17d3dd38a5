// SPDX-License-Identifier: GPL-2.0

//! Telling those who wait on a sock, poll it, or asked for a signal.
//!
//! C header: [`include/net/sock.h`](srctree/include/net/sock.h)

use super::{poll::Events, sock::Sock, wait::wake_next};
use crate::bindings;
use kernel::prelude::*;

impl Sock {
    /// Tells one waiting reader, and whoever polls, that there is data.
    /// Does not sleep.
    #[inline]
    pub(crate) fn data_ready(&self) {
        if self.has_readers() {
            self.tell_readers();
        }
    }

    /// As [`Self::data_ready`], where somebody may wait.
    pub(crate) fn tell_readers(&self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::sk_data_ready(self.as_raw()) }
    }

    /// Tells those who wait in a receive that there is more, though less than
    /// SO_RCVLOWAT. Does not sleep.
    pub(crate) fn more_ready(&self) {
        wake_next(self, Events::MORE)
    }

    /// Raises SIGURG where it was asked for, and wakes who polls for what is out
    /// of band. Does not sleep.
    pub(crate) fn urgent_ready(&self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::sk_send_sigurg(self.as_raw()) }
    }

    /// Tells everybody who waits that there is an error. Does not sleep.
    pub(crate) fn error_report(&self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::sk_error_report(self.as_raw()) }
    }

    /// Asks for SIGIO, where that was asked for, when there is room again.
    pub(crate) fn set_nospace(&self) {
        // SAFETY: By the type invariant; the file is in use, so that there is
        // a wait queue to mark.
        unsafe { bindings::sk_set_nospace(self.as_raw()) }
    }

    /// Tells one waiting writer, and whoever polls, that there is room.
    /// Does not sleep.
    #[inline]
    pub(crate) fn write_space(&self) {
        if self.has_writers() {
            // SAFETY: By the type invariant.
            unsafe { bindings::sk_write_space(self.as_raw()) }
        }
    }

    /// Tells everybody who waits that the connection changed. Does not sleep.
    pub(crate) fn state_change(&self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::sk_state_change(self.as_raw()) }
    }

    /// Raises SIGIO with `POLL_HUP` where it was asked for. Does not sleep.
    pub(crate) fn async_hup(&self) {
        self.wake_async(bindings::POLL_HUP)
    }

    /// Raises SIGIO with `POLL_IN` where it was asked for. Does not sleep.
    pub(crate) fn async_in(&self) {
        self.wake_async(bindings::POLL_IN)
    }

    fn wake_async(&self, band: u32) {
        // SAFETY: By the type invariant.
        unsafe {
            bindings::sk_wake_async(
                self.as_raw(),
                bindings::SOCK_WAKE_WAITD as c_int,
                band as c_int,
            )
        }
    }
}
