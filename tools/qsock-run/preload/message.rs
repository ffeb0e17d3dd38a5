// SPDX-License-Identifier: GPL-2.0
//! Messages with an address: sendto(2), sendmsg(2), recvfrom(2), recvmsg(2).

use crate::config;
use crate::errno::{check, give, Errno};
use crate::path::reach;
use crate::real;
use crate::say::{say, Shown};
use crate::sockaddr::{put_back, Address, Kind, Whole};
use crate::socket::returning;
use crate::switch::{self, Successor};
use libc::{c_int, c_void, msghdr, size_t, sockaddr, socklen_t, ssize_t};

/// # Safety
///
/// As sendto(2).
#[no_mangle]
pub unsafe extern "C" fn sendto(
    fd: c_int,
    data: *const c_void,
    size: size_t,
    flags: c_int,
    addr: *const sockaddr,
    len: socklen_t,
) -> ssize_t {
    // SAFETY: The caller's address has that length.
    let Some(address) = (unsafe { given(addr, len) }) else {
        // SAFETY: The caller keeps the call's contract.
        return unsafe { real::sendto(fd, data, size, flags, addr, len) };
    };
    // SAFETY: As above; the kernel only reads the data.
    give(send(fd, &address, |fd, to| unsafe {
        real::sendto(fd, data, size, flags, to.pointer(), to.length())
    }))
}

/// # Safety
///
/// As sendmsg(2).
#[no_mangle]
pub unsafe extern "C" fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t {
    // SAFETY: The caller's message is one, and its address has that length.
    let address = unsafe {
        message
            .as_ref()
            .and_then(|m| given(m.msg_name.cast(), m.msg_namelen))
    };
    match address {
        // SAFETY: As above.
        Some(address) => give(unsafe { send_message(fd, &*message, &address, flags) }),
        // SAFETY: The caller keeps the call's contract.
        None => unsafe { real::sendmsg(fd, message, flags) },
    }
}

/// The address of a message, if it is one of AF_UNIX.
///
/// # Safety
///
/// `addr` is null or points to `len` bytes.
pub unsafe fn given(addr: *const sockaddr, len: socklen_t) -> Option<Address> {
    // SAFETY: The caller says so.
    let address = unsafe { Address::given(addr, len) };
    address.filter(|address| address.kind() != Kind::Unnamed)
}

/// Sends a message to its address.
///
/// # Safety
///
/// The message is one.
pub unsafe fn send_message(
    fd: c_int,
    message: &msghdr,
    address: &Address,
    flags: c_int,
) -> Result<ssize_t, Errno> {
    let mut copy = *message;
    send(fd, address, |fd, to| {
        copy.msg_name = to.pointer().cast::<c_void>().cast_mut();
        copy.msg_namelen = to.length();
        // SAFETY: The caller says so; the kernel only reads the address.
        unsafe { real::sendmsg(fd, &copy, flags) }
    })
}

/// Makes the call `go` for a socket and an address of its family.
fn send(
    fd: c_int,
    address: &Address,
    mut go: impl FnMut(c_int, &Address) -> ssize_t,
) -> Result<ssize_t, Errno> {
    let wanted = address.wanted();
    if wanted {
        // The family is asked for where this fails: most sockets are ours.
        match reach(address, |ours| go(fd, ours)) {
            Ok(sent) => return Ok(sent),
            // SIGPIPE has come, or the call may be made again: not twice.
            Err(errno) if [libc::EAGAIN, libc::EPIPE, libc::EINTR].contains(&errno.0) => {
                return Err(errno);
            }
            Err(errno) => {
                if switch::family(fd)? == config::family() {
                    return elsewhere(fd, address, errno, go);
                }
            }
        }
    }
    match switch::family(fd)? {
        libc::AF_UNIX => {}
        family if family == config::family() => {
            return elsewhere(fd, address, Errno(libc::ECONNREFUSED), go);
        }
        _ => return check(go(fd, address)),
    }
    match check(go(fd, address)) {
        // A socket of AF_UNIX, and who it looks for is in AF_QSOCK.
        Err(Errno(libc::ECONNREFUSED)) if wanted => through(fd, config::family(), |fd| {
            reach(address, |ours| go(fd, ours))
        }),
        result => result,
    }
}

/// What a socket of AF_QSOCK does with a message that failed there: it goes over AF_UNIX if nobody
/// had the name.
fn elsewhere(
    fd: c_int,
    address: &Address,
    errno: Errno,
    mut go: impl FnMut(c_int, &Address) -> ssize_t,
) -> Result<ssize_t, Errno> {
    if switch::number(fd, libc::SO_TYPE)? != libc::SOCK_DGRAM {
        // Who is there is not asked: a connection has one end.
        return check(go(fd, &Address::new(config::family(), address.name())));
    }
    if errno != Errno(libc::ECONNREFUSED) {
        return Err(errno);
    }
    let result = through(fd, libc::AF_UNIX, |fd| check(go(fd, address)));
    if result.is_ok() {
        let to = Shown(address.name());
        say(format_args!(
            "send {to}: AF_UNIX, because nobody bound it in AF_QSOCK"
        ));
    }
    result
}

/// Sends over a socket of the other family: one for this message if nobody can reply to it, otherwise
/// one that takes the socket's place.
fn through(
    fd: c_int,
    family: c_int,
    mut go: impl FnMut(c_int) -> Result<ssize_t, Errno>,
) -> Result<ssize_t, Errno> {
    let successor = Successor::new(fd, family)?;
    let unnamed = switch::own_name(fd).is_none_or(|name| name.kind() == Kind::Unnamed);
    if unnamed {
        return go(successor.fd());
    }
    successor.install()?;
    go(fd)
}

/// # Safety
///
/// As recvfrom(2).
#[no_mangle]
pub unsafe extern "C" fn recvfrom(
    fd: c_int,
    data: *mut c_void,
    size: size_t,
    flags: c_int,
    addr: *mut sockaddr,
    len: *mut socklen_t,
) -> ssize_t {
    // SAFETY: The caller keeps the call's contract.
    unsafe {
        returning(addr, len, |addr, len| {
            real::recvfrom(fd, data, size, flags, addr, len)
        })
    }
}

/// What recvfrom(2) is in programs that were built with _FORTIFY_SOURCE.
///
/// # Safety
///
/// As recvfrom(2).
#[no_mangle]
pub unsafe extern "C" fn __recvfrom_chk(
    fd: c_int,
    data: *mut c_void,
    size: size_t,
    room: size_t,
    flags: c_int,
    addr: *mut sockaddr,
    len: *mut socklen_t,
) -> ssize_t {
    let call = |addr, len| {
        // SAFETY: The caller keeps the call's contract.
        unsafe { real::recvfrom_chk(fd, data, size, room, flags, addr, len) }
    };
    // SAFETY: As above.
    unsafe { returning(addr, len, call) }
}

/// # Safety
///
/// As recvmsg(2).
#[no_mangle]
pub unsafe extern "C" fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t {
    // SAFETY: The caller's message is one, if it is not null.
    let named = unsafe { message.as_mut() }.filter(|message| has_room(message));
    let Some(message) = named else {
        // SAFETY: The caller keeps the call's contract.
        return unsafe { real::recvmsg(fd, message, flags) };
    };
    let mut whole = Whole::new();
    let mut copy = *message;
    copy.msg_name = whole.pointer().cast();
    copy.msg_namelen = whole.len;
    // SAFETY: As above, and the address has that room.
    let received = unsafe { real::recvmsg(fd, &mut copy, flags) };
    if received >= 0 {
        whole.len = copy.msg_namelen;
        // SAFETY: The caller's address has that room.
        message.msg_namelen =
            unsafe { whole.put_back(message.msg_name.cast(), message.msg_namelen) };
        message.msg_controllen = copy.msg_controllen;
        message.msg_flags = copy.msg_flags;
    }
    received
}

/// Whether a message is to be received with its address. A length below zero is for the kernel to refuse.
fn has_room(message: &msghdr) -> bool {
    !message.msg_name.is_null() && message.msg_namelen <= c_int::MAX as socklen_t
}

/// Puts a received message's address into AF_UNIX; its buffer has `room` bytes, which is all of one.
///
/// # Safety
///
/// The message was filled in by the kernel.
pub unsafe fn name_back(message: &mut msghdr, room: socklen_t) {
    let name = message.msg_name.cast();
    // SAFETY: The caller says so.
    message.msg_namelen = unsafe { put_back(name, room, message.msg_namelen) };
}
