// SPDX-License-Identifier: GPL-2.0
//! The family's numbers, and the one that it has on this system.

pub use crate::numbers::*;
use std::ffi::c_int;
use std::sync::atomic::{AtomicI32, Ordering};

/// Where the module says which number it has.
const PARAMETER: &str = "/sys/module/qsock/parameters/family";

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
