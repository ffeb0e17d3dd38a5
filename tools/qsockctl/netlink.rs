// SPDX-License-Identifier: GPL-2.0

//! Netlink sockets, which the standard library does not have.

use libc::{c_int, nlmsghdr, sockaddr_nl};
use std::io::{Error, ErrorKind, Result};
use std::mem::zeroed;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

const HEADER: usize = size_of::<nlmsghdr>();
const ERROR: u16 = libc::NLMSG_ERROR as u16;
const DONE: u16 = libc::NLMSG_DONE as u16;

/// A netlink socket.
pub struct Netlink(OwnedFd);

impl Netlink {
    /// One of `protocol` that hears `groups`.
    pub fn open(protocol: c_int, groups: u32) -> Result<Self> {
        // SAFETY: It has no preconditions.
        let fd = unsafe {
            libc::socket(
                libc::AF_NETLINK,
                libc::SOCK_RAW | libc::SOCK_CLOEXEC,
                protocol,
            )
        };
        if fd < 0 {
            return Err(Error::last_os_error());
        }
        // SAFETY: The descriptor is ours.
        let this = Self(unsafe { OwnedFd::from_raw_fd(fd) });
        // SAFETY: All of its fields may be zero.
        let mut address: sockaddr_nl = unsafe { zeroed() };
        address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
        address.nl_groups = groups;
        let len = size_of::<sockaddr_nl>() as libc::socklen_t;
        // SAFETY: The address is valid, and has that length.
        if unsafe { libc::bind(fd, (&raw const address).cast(), len) } < 0 {
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
            libc::send(
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
            libc::recv(
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
                DONE => return Ok(false),
                ERROR => match word(body, 0) as i32 {
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
