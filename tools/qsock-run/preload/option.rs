// SPDX-License-Identifier: GPL-2.0
//! getsockopt(2): the family, and what the core reads for families that it knows alone.

use crate::config;
use crate::errno::Errno;
use crate::numbers::SOL_QSOCK;
use crate::real;
use crate::switch::{SO_PASSPIDFD, SO_PASSRIGHTS};
use core::mem::size_of;
use core::slice::from_raw_parts_mut;
use libc::{c_int, c_void, socklen_t, SOL_SOCKET};

/// # Safety
///
/// As getsockopt(2).
#[no_mangle]
pub unsafe extern "C" fn getsockopt(
    fd: c_int,
    level: c_int,
    option: c_int,
    value: *mut c_void,
    len: *mut socklen_t,
) -> c_int {
    // SAFETY: The caller keeps the call's contract.
    let get = |level| unsafe { real::getsockopt(fd, level, option, value, len) };
    let result = get(level);
    if level != SOL_SOCKET {
        return result;
    }
    match option {
        libc::SO_DOMAIN if result == 0 => {
            // SAFETY: It was filled in, as far as it goes.
            unsafe { put_back(value.cast(), *len) };
            result
        }
        libc::SO_PASSCRED | libc::SO_PASSSEC | SO_PASSPIDFD | SO_PASSRIGHTS
            if result < 0 && Errno::last() == Errno(libc::EOPNOTSUPP) =>
        {
            get(SOL_QSOCK)
        }
        _ => result,
    }
}

/// Says AF_UNIX where the socket says AF_QSOCK, in as many bytes as there is room for.
///
/// # Safety
///
/// `value` points to `len` bytes.
unsafe fn put_back(value: *mut u8, len: socklen_t) {
    let len = size_of::<c_int>().min(len as usize);
    // SAFETY: The caller says so.
    let value = unsafe { from_raw_parts_mut(value, len) };
    if *value == config::family().to_ne_bytes()[..len] {
        value.copy_from_slice(&libc::AF_UNIX.to_ne_bytes()[..len]);
    }
}
