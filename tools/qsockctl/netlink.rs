// SPDX-License-Identifier: GPL-2.0

//! Netlink sockets, which the standard library does not have.

use std::ffi::{c_int, c_void};
use std::io::{Error, ErrorKind, Result};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

pub const SOCK_DIAG: c_int = 4;
pub const AUDIT: c_int = 9;

const AF_NETLINK: c_int = 16;
const SOCK_RAW: c_int = 3;
const SOCK_CLOEXEC: c_int = 0o2000000;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const HEADER: usize = 16;

#[repr(C)]
struct Address {
    family: u16,
    pad: u16,
    pid: u32,
    groups: u32,
}

extern "C" {
    fn socket(family: c_int, kind: c_int, protocol: c_int) -> c_int;
    fn bind(fd: c_int, address: *const Address, len: u32) -> c_int;
    fn send(fd: c_int, data: *const c_void, len: usize, flags: c_int) -> isize;
    fn recv(fd: c_int, data: *mut c_void, len: usize, flags: c_int) -> isize;
}

/// A netlink socket.
pub struct Netlink(OwnedFd);

impl Netlink {
    /// One of `protocol` that hears `groups`.
    pub fn open(protocol: c_int, groups: u32) -> Result<Self> {
        // SAFETY: It has no preconditions.
        let fd = unsafe { socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol) };
        if fd < 0 {
            return Err(Error::last_os_error());
        }
        // SAFETY: The descriptor is ours.
        let this = Self(unsafe { OwnedFd::from_raw_fd(fd) });
        let address = Address {
            family: AF_NETLINK as u16,
            pad: 0,
            pid: 0,
            groups,
        };
        // SAFETY: The address is valid, and has that length.
        if unsafe { bind(fd, &address, size_of::<Address>() as u32) } < 0 {
            return Err(Error::last_os_error());
        }
        Ok(this)
    }

    /// Sends a request.
    pub fn ask(&self, kind: u16, flags: u16, body: &[u8]) -> Result<()> {
        let mut message = Vec::new();
        message.extend(((HEADER + body.len()) as u32).to_ne_bytes());
        message.extend(kind.to_ne_bytes());
        message.extend(flags.to_ne_bytes());
        message.extend([0; 8]);
        message.extend(body);
        // SAFETY: The message is valid, and has that length.
        let sent = unsafe {
            send(
                self.0.as_raw_fd(),
                message.as_ptr().cast(),
                message.len(),
                0,
            )
        };
        match sent {
            ..0 => Err(Error::last_os_error()),
            _ => Ok(()),
        }
    }

    /// Shows `see` the messages of one datagram; false at the end of a reply.
    pub fn hear(&self, mut see: impl FnMut(u16, &[u8]) -> Result<()>) -> Result<bool> {
        let mut buffer = vec![0u8; 1 << 16];
        // SAFETY: The buffer has that length.
        let got = unsafe {
            recv(
                self.0.as_raw_fd(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                0,
            )
        };
        let got = usize::try_from(got).map_err(|_| Error::last_os_error())?;
        let mut rest = &buffer[..got];
        while let Some(head) = rest.get(..HEADER) {
            let len = word(head, 0) as usize;
            let kind = u16::from_ne_bytes([head[4], head[5]]);
            let body = rest.get(HEADER..len).ok_or(ErrorKind::InvalidData)?;
            match kind {
                NLMSG_DONE => return Ok(false),
                NLMSG_ERROR => match word(body, 0) as i32 {
                    0 => {}
                    error => return Err(Error::from_raw_os_error(-error)),
                },
                _ => see(kind, body)?,
            }
            rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        }
        Ok(true)
    }
}

/// The 32-bit word at byte `at`; 0 if there is none.
pub fn word(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    four.map_or(0, u32::from_ne_bytes)
}
