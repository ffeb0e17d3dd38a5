// SPDX-License-Identifier: GPL-2.0
//! getsockopt(2): the family, and what the core reads for families that it knows alone.

use crate::config;
use crate::errno::Errno;
use crate::numbers::SOL_QSOCK;
use crate::real;
use crate::switch::{SO_PASSPIDFD, SO_PASSRIGHTS};
use core::mem::size_of;
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

/// Says AF_UNIX where the socket says AF_QSOCK.
///
/// # Safety
///
/// `value` points to `len` bytes.
unsafe fn put_back(value: *mut c_int, len: socklen_t) {
    // SAFETY: The caller says so; the program need not have aligned it.
    unsafe {
        if len as usize == size_of::<c_int>() && value.read_unaligned() == config::family() {
            value.write_unaligned(libc::AF_UNIX);
        }
    }
}
