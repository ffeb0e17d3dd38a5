// SPDX-License-Identifier: GPL-2.0
//! The family's numbers: include/uapi/linux/qsock.h in Rust.

use std::ffi::c_int;
use std::sync::atomic::{AtomicI32, Ordering};

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

/// Where the module says which number it has.
const PARAMETER: &str = "/sys/module/qsock/parameters/family";

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

/// The number of the family on this system: the loaded module's, and the default one if none is
/// loaded or /sys is not there.
pub fn family() -> c_int {
    static KNOWN: AtomicI32 = AtomicI32::new(0);
    let known = KNOWN.load(Ordering::Relaxed);
    if known != 0 {
        return known;
    }
    let text = std::fs::read_to_string(PARAMETER).ok();
    match text.and_then(|text| text.trim().parse().ok()) {
        Some(number) => {
            KNOWN.store(number, Ordering::Relaxed);
            number
        }
        // The module may yet be loaded.
        None => AF_QSOCK,
    }
}
