// SPDX-License-Identifier: GPL-2.0
//! The family's numbers: include/uapi/linux/qsock.h in Rust.
//!
//! The library that qsock-run preloads has these too, and does without the standard library.

use core::ffi::c_int;

/// The family's number, unless the module was loaded with another.
pub const AF_QSOCK: c_int = 18;

/// The bytes of a name.
pub const QSOCK_NAME_MAX: usize = 108;

/// The level of the family's own socket options.
pub const SOL_QSOCK: c_int = 512;

/// The permission bits of the name that a socket bound: an int.
pub const QSOCK_NAME_MODE: c_int = 0x1000;

/// The owner of that name: a [`Owner`].
pub const QSOCK_NAME_OWNER: c_int = 0x1001;

/// struct qsock_owner: who owns a name. Setting either to [`Owner::SAME`] leaves it as it is.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

impl Owner {
    /// Leaves the user or the group as it is.
    pub const SAME: u32 = u32::MAX;
}
