// SPDX-License-Identifier: GPL-2.0
//! Several messages in a call: sendmmsg(2), recvmmsg(2).

use crate::errno::give;
use crate::message::{given, name_back, send_message};
use crate::real;
use core::slice::from_raw_parts_mut;
use libc::{c_int, c_uint, mmsghdr, socklen_t, timespec};

/// As many as the kernel looks at.
const MOST: usize = libc::UIO_MAXIOV as usize;

/// The messages of a call.
///
/// # Safety
///
/// `messages` is null or points to `count` of them.
unsafe fn all<'a>(messages: *mut mmsghdr, count: c_uint) -> &'a mut [mmsghdr] {
    if messages.is_null() {
        return &mut [];
    }
    // SAFETY: The caller says so.
    unsafe { from_raw_parts_mut(messages, MOST.min(count as usize)) }
}

/// # Safety
///
/// As sendmmsg(2).
#[no_mangle]
pub unsafe extern "C" fn sendmmsg(
    fd: c_int,
    messages: *mut mmsghdr,
    count: c_uint,
    flags: c_int,
) -> c_int {
    // SAFETY: The caller has that many.
    let all = unsafe { all(messages, count) };
    // SAFETY: The address has that length.
    let address = |m: &mmsghdr| unsafe { given(m.msg_hdr.msg_name.cast(), m.msg_hdr.msg_namelen) };
    if all.iter().all(|message| address(message).is_none()) {
        // SAFETY: The caller keeps the call's contract.
        return unsafe { real::sendmmsg(fd, messages, count, flags) };
    }
    for (at, message) in all.iter_mut().enumerate() {
        let header = &message.msg_hdr;
        let sent = match address(message) {
            // SAFETY: The message is one.
            Some(address) => give(unsafe { send_message(fd, header, &address, flags) }),
            // SAFETY: As above.
            None => unsafe { real::sendmsg(fd, header, flags) },
        };
        if sent < 0 {
            // The error of a later one is told by the next call.
            return if at == 0 { -1 } else { at as c_int };
        }
        message.msg_len = sent as c_uint;
    }
    all.len() as c_int
}

/// # Safety
///
/// As recvmmsg(2).
#[no_mangle]
pub unsafe extern "C" fn recvmmsg(
    fd: c_int,
    messages: *mut mmsghdr,
    count: c_uint,
    flags: c_int,
    timeout: *mut timespec,
) -> c_int {
    // SAFETY: The caller has that many.
    let all = unsafe { all(messages, count) };
    // The kernel writes the lengths over the rooms.
    let mut rooms: [socklen_t; MOST] = [0; MOST];
    let named = all.iter().any(|message| message.msg_hdr.msg_namelen > 0);
    if named {
        for (room, message) in rooms.iter_mut().zip(all.iter()) {
            *room = message.msg_hdr.msg_namelen;
        }
    }
    // SAFETY: The caller keeps the call's contract.
    let received = unsafe { real::recvmmsg(fd, messages, count, flags, timeout) };
    if named && received > 0 {
        for (room, message) in rooms.into_iter().zip(all).take(received as usize) {
            // SAFETY: The kernel filled it in.
            unsafe { name_back(&mut message.msg_hdr, room) };
        }
    }
    received
}
