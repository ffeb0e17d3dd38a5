// SPDX-License-Identifier: GPL-2.0

//! Numbers of the socket interface, with the types that the framework uses.

use crate::bindings;

/// Bytes in both directions, in order: `SOCK_STREAM`.
pub(crate) const SOCK_STREAM: u16 = bindings::sock_type_SOCK_STREAM as u16;

/// ioctl(2): the bytes that a receive would find.
pub(crate) const SIOCINQ: u32 = bindings::NET_SIOCINQ;

/// ioctl(2): the bytes that were sent and not received.
pub(crate) const SIOCOUTQ: u32 = bindings::NET_SIOCOUTQ;

/// capabilities(7): overrides permission bits.
pub(crate) const CAP_DAC_OVERRIDE: u32 = bindings::CAP_DAC_OVERRIDE;
