// SPDX-License-Identifier: GPL-2.0
//! Sockets, and the addresses that they have.

use crate::config;
use crate::errno::Errno;
use crate::real;
use crate::say::say;
use crate::sockaddr::Whole;
use libc::{c_int, sockaddr, socklen_t};

/// What AF_UNIX takes for its own protocol.
fn protocol_of(protocol: c_int) -> c_int {
    if protocol == libc::PF_UNIX {
        0
    } else {
        protocol
    }
}

/// Whether the family is not there any more, which is no reason to fail.
fn is_gone(result: c_int) -> bool {
    let gone = result < 0 && Errno::last() == Errno(libc::EAFNOSUPPORT);
    if gone {
        say(format_args!("AF_QSOCK is not there any more: AF_UNIX"));
    }
    gone
}

/// # Safety
///
/// As socket(2).
#[no_mangle]
pub unsafe extern "C" fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int {
    if domain == libc::AF_UNIX {
        // SAFETY: It has no preconditions.
        let fd = unsafe { real::socket(config::family(), kind, protocol_of(protocol)) };
        if !is_gone(fd) {
            return fd;
        }
    }
    // SAFETY: As above.
    unsafe { real::socket(domain, kind, protocol) }
}

/// # Safety
///
/// As socketpair(2).
#[no_mangle]
pub unsafe extern "C" fn socketpair(
    domain: c_int,
    kind: c_int,
    protocol: c_int,
    pair: *mut c_int,
) -> c_int {
    // A pair's name is empty.
    if domain == libc::AF_UNIX && config::wanted(c"") {
        // SAFETY: The caller has room for two descriptors.
        let result =
            unsafe { real::socketpair(config::family(), kind, protocol_of(protocol), pair) };
        if !is_gone(result) {
            return result;
        }
    }
    // SAFETY: As above.
    unsafe { real::socketpair(domain, kind, protocol, pair) }
}

/// Makes a call that returns an address, and puts that into AF_UNIX.
///
/// # Safety
///
/// `addr` is null or points to as many bytes as `len` says.
pub unsafe fn returning<T: PartialOrd + From<i8>>(
    addr: *mut sockaddr,
    len: *mut socklen_t,
    call: impl FnOnce(*mut sockaddr, *mut socklen_t) -> T,
) -> T {
    // A length below zero is for the kernel to refuse.
    // SAFETY: The caller says so.
    if addr.is_null() || len.is_null() || unsafe { *len } > c_int::MAX as socklen_t {
        return call(addr, len);
    }
    let mut whole = Whole::new();
    let result = call(whole.pointer(), &mut whole.len);
    if result >= T::from(0) {
        // SAFETY: As above.
        unsafe { *len = whole.put_back(addr, *len) };
    }
    result
}

/// # Safety
///
/// As accept(2).
#[no_mangle]
pub unsafe extern "C" fn accept(fd: c_int, addr: *mut sockaddr, len: *mut socklen_t) -> c_int {
    // SAFETY: The caller keeps the call's contract.
    unsafe { returning(addr, len, |addr, len| real::accept(fd, addr, len)) }
}

/// # Safety
///
/// As accept4(2).
#[no_mangle]
pub unsafe extern "C" fn accept4(
    fd: c_int,
    addr: *mut sockaddr,
    len: *mut socklen_t,
    flags: c_int,
) -> c_int {
    // SAFETY: The caller keeps the call's contract.
    unsafe { returning(addr, len, |addr, len| real::accept4(fd, addr, len, flags)) }
}

/// # Safety
///
/// As getsockname(2).
#[no_mangle]
pub unsafe extern "C" fn getsockname(fd: c_int, addr: *mut sockaddr, len: *mut socklen_t) -> c_int {
    // SAFETY: The caller keeps the call's contract.
    unsafe { returning(addr, len, |addr, len| real::getsockname(fd, addr, len)) }
}

/// # Safety
///
/// As getpeername(2).
#[no_mangle]
pub unsafe extern "C" fn getpeername(fd: c_int, addr: *mut sockaddr, len: *mut socklen_t) -> c_int {
    // SAFETY: The caller keeps the call's contract.
    unsafe { returning(addr, len, |addr, len| real::getpeername(fd, addr, len)) }
}
