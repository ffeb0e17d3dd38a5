// SPDX-License-Identifier: GPL-2.0

//! The module's tracepoints, which are C's (src/helpers/trace.h): for each, a
//! branch that is patched out until somebody traces, and the call.
//!
//! `kernel::tracepoint` declares those of the kernel's own bindings only.

use super::raw;
use kernel::ffi::c_long;

macro_rules! tracepoints {
    ($($enabled:ident, $call:ident: $point:ident, $raw:ident($($arg:ident: $type:ty),*);)*) => { $(
        /// Whether somebody traces this.
        #[inline(always)]
        pub(crate) fn $enabled() -> bool {
            #[cfg(CONFIG_TRACEPOINTS)]
            // SAFETY: The key is of a tracepoint that C defines.
            return unsafe {
                kernel::jump_label::static_branch_unlikely!(raw::$point, raw::tracepoint, key)
            };
            #[cfg(not(CONFIG_TRACEPOINTS))]
            false
        }

        /// Tells who traces.
        #[cold]
        pub(crate) fn $call($($arg: $type),*) {
            #[cfg(CONFIG_TRACEPOINTS)]
            // SAFETY: The tracepoint takes numbers, and whoever traces is called
            // where the callers are, in process context.
            unsafe { raw::$raw($($arg),*) };
            #[cfg(not(CONFIG_TRACEPOINTS))]
            { $( let _ = $arg; )* }
        }
    )* };
}

tracepoints! {
    send_enabled, send: __tracepoint_qsock_send, rust_do_trace_qsock_send(
        cookie: u64, kind: u16, len: usize, flags: u32, result: c_long
    );
    recv_enabled, recv: __tracepoint_qsock_recv, rust_do_trace_qsock_recv(
        cookie: u64, kind: u16, len: usize, flags: u32, result: c_long
    );
    drop_enabled, drop: __tracepoint_qsock_drop, rust_do_trace_qsock_drop(
        cookie: u64, kind: u16, len: usize, reason: u32
    );
    connect_enabled, connect: __tracepoint_qsock_connect, rust_do_trace_qsock_connect(
        cookie: u64, kind: u16, nonblock: bool, result: c_long
    );
    accept_enabled, accept: __tracepoint_qsock_accept, rust_do_trace_qsock_accept(
        cookie: u64, kind: u16, child: u64, nonblock: bool, result: c_long
    );
}

/// Why nobody will receive what waits.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum Drop {
    /// The receiver was closed.
    Close = raw::qsock_drop_QSOCK_DROP_CLOSE,
    /// Nobody accepted the connection.
    Reset = raw::qsock_drop_QSOCK_DROP_RESET,
    /// The receiver has another peer now.
    Disconnect = raw::qsock_drop_QSOCK_DROP_DISCONNECT,
    /// The receiver's program refused it.
    Filter = raw::qsock_drop_QSOCK_DROP_FILTER,
    /// The receiver was only held by itself.
    Cycle = raw::qsock_drop_QSOCK_DROP_CYCLE,
}
