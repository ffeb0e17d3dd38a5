// SPDX-License-Identifier: GPL-2.0

//! Programs that decide over what a socket receives: SO_ATTACH_FILTER and
//! SO_ATTACH_BPF.
//!
//! C header: [`include/linux/filter.h`](srctree/include/linux/filter.h)

use super::{errno::ENOBUFS, sock::Sock};
use crate::bindings;
use kernel::prelude::*;

impl Sock {
    /// Whether the socket has a program.
    pub(crate) fn has_filter(&self) -> bool {
        // SAFETY: By the type invariant; volatile, because others may write it.
        unsafe {
            !(&raw const (*self.as_raw()).sk_filter)
                .read_volatile()
                .is_null()
        }
    }

    /// Asks the socket's program how much of a message of `bytes` it may
    /// receive; `None` if nothing, not even its boundary. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOBUFS`.
    ///
    /// C function: `sk_filter_trim_cap()`
    pub(crate) fn filter(&self, bytes: &[u8]) -> Result<Option<usize>> {
        let len = u32::try_from(bytes.len()).map_err(|_| ENOBUFS)?;
        // The programs read packets. There is none, so make one for them.
        // SAFETY: The bytes are valid; by the type invariant the sock is.
        unsafe {
            let skb = bindings::skb_of_bytes(bytes.as_ptr().cast(), len);
            if skb.is_null() {
                return Err(ENOBUFS.into());
            }
            let dropped = bindings::sk_filter_trim_cap(self.as_raw(), skb, 1) != 0;
            let len = bindings::skb_len(skb) as usize;
            bindings::consume_skb(skb);
            Ok((!dropped).then_some(len.min(bytes.len())))
        }
    }
}
