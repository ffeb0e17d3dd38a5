// SPDX-License-Identifier: GPL-2.0
//! sendmsg(2) and recvmsg(2).

use crate::socket::{check, Socket};
use crate::{SocketAddr, SocketAncillary};
use libc::msghdr;
use std::io::{IoSlice, IoSliceMut, Result};
use std::mem::zeroed;

/// A message that came.
pub struct Received {
    pub len: usize,
    /// The buffers were too small.
    pub cut: bool,
    pub from: SocketAddr,
}

fn message() -> msghdr {
    // SAFETY: All of its fields may be zero.
    unsafe { zeroed() }
}

/// Receives a message.
pub fn recv(
    socket: &Socket,
    buffers: &mut [IoSliceMut<'_>],
    ancillary: &mut SocketAncillary,
) -> Result<Received> {
    ancillary.clear();
    let mut message = message();
    // An IoSliceMut is a struct iovec.
    message.msg_iov = buffers.as_mut_ptr().cast();
    message.msg_iovlen = buffers.len() as _;
    ancillary.receive(&mut message);
    let (len, from) = SocketAddr::filled(|addr, room| {
        message.msg_name = addr.cast();
        // SAFETY: It is valid, and says how much room the address has.
        message.msg_namelen = unsafe { *room };
        let flags = libc::MSG_CMSG_CLOEXEC;
        // SAFETY: The message's buffers are there.
        let len = check(unsafe { libc::recvmsg(socket.fd(), &mut message, flags) })?;
        // SAFETY: It is valid.
        unsafe { *room = message.msg_namelen };
        Ok(len)
    })?;
    ancillary.received(&message);
    Ok(Received {
        len: len as usize,
        cut: message.msg_flags & libc::MSG_TRUNC != 0,
        from,
    })
}

/// Sends a message.
pub fn send(
    socket: &Socket,
    buffers: &[IoSlice<'_>],
    ancillary: &SocketAncillary,
    to: Option<&SocketAddr>,
) -> Result<usize> {
    let mut message = message();
    // An IoSlice is a struct iovec, and the kernel only reads it.
    message.msg_iov = buffers.as_ptr().cast_mut().cast();
    message.msg_iovlen = buffers.len() as _;
    ancillary.send(&mut message);
    if let Some(addr) = to {
        message.msg_name = addr.pointer().cast_mut().cast();
        message.msg_namelen = addr.length();
    }
    // SAFETY: The message's buffers and its address are there.
    let sent = unsafe { libc::sendmsg(socket.fd(), &message, libc::MSG_NOSIGNAL) };
    check(sent).map(|len| len as usize)
}
