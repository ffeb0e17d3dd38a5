// SPDX-License-Identifier: GPL-2.0
//! What one message costs when it is there before somebody asks for it.

use std::fs::File;
use std::io::{Error, Read, Result, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::raw::{c_int, c_uint, c_void};
use std::os::unix::net::UnixStream;
use std::ptr;

use qsock::QsockStream;

use crate::clock::{copy, warm_cost};
use crate::raw::{nr, syscall};
use crate::sys;
use crate::transport::{local_name, Kind, Transport};

/// Messages of one sendmmsg(2).
const BATCH: usize = 32;

#[repr(C)]
struct Iovec {
    base: *mut u8,
    len: usize,
}

#[repr(C)]
struct Msghdr {
    name: *mut c_void,
    name_len: c_uint,
    iov: *mut Iovec,
    iov_len: usize,
    control: *mut c_void,
    control_len: usize,
    flags: c_int,
}

#[repr(C)]
struct Mmsghdr {
    header: Msghdr,
    len: c_uint,
}

/// A control message with one descriptor.
#[repr(C)]
struct Rights {
    len: usize,
    level: c_int,
    kind: c_int,
    fd: c_int,
    padding: c_int,
}

impl Msghdr {
    fn new(iov: &mut Iovec) -> Msghdr {
        Msghdr {
            name: ptr::null_mut(),
            name_len: 0,
            iov,
            iov_len: 1,
            control: ptr::null_mut(),
            control_len: 0,
            flags: 0,
        }
    }
}

/// How often to repeat something that moves `size` bytes.
fn times(size: usize) -> u32 {
    match size {
        0..=4096 => 1000,
        4097..=65536 => 200,
        _ => 40,
    }
}

/// One message of `size` bytes through a new pair of the type.
pub fn pair(transport: &Transport, kind: c_int, size: usize) -> Result<f64> {
    let mut bytes = vec![0x55; size];
    if transport.kind == Kind::Limit {
        let mut to = vec![0; size];
        return warm_cost(times(size), || {
            sys::null();
            copy(&bytes, &mut to);
            sys::null();
            copy(&to, &mut bytes);
            Ok(())
        });
    }
    let pair = transport.pair(kind, size)?;
    warm_cost(times(size), || pair.turn(&mut bytes))
}

/// What a Rust program has: the crate's stream, and the standard library's.
pub fn rust(transport: &Transport, size: usize) -> Result<f64> {
    fn cost(mut ends: (impl Write, impl Read), size: usize) -> Result<f64> {
        let mut bytes = vec![0x55; size];
        warm_cost(times(size), || {
            ends.0.write_all(&bytes)?;
            ends.1.read_exact(&mut bytes)
        })
    }
    match transport.kind {
        Kind::Local(sys::AF_UNIX) => cost(UnixStream::pair()?, size),
        _ => cost(QsockStream::pair()?, size),
    }
}

/// A datagram to the name of a socket.
pub fn to_name(transport: &Transport, size: usize) -> Result<f64> {
    let Kind::Local(family) = transport.kind else {
        return Err(Error::other("no names"));
    };
    let name = local_name(family, "qbench-receiver");
    let receiver = sys::new_socket(family, sys::SOCK_DGRAM)?;
    let sender = sys::new_socket(family, sys::SOCK_DGRAM)?;
    sys::bind_to(&receiver, &name)?;
    let mut bytes = vec![0x55; size];
    let (from, to) = (sender.as_raw_fd(), receiver.as_raw_fd());
    warm_cost(times(size), || {
        sys::send_to_name(from, &bytes, &name)?;
        sys::recv_from_peer(to, &mut bytes).map(drop)
    })
}

/// Messages that travel in batches, for each.
pub fn batch(transport: &Transport, kind: c_int, size: usize) -> Result<f64> {
    let pair = transport.pair(kind, size)?;
    let mut bytes = vec![0x55; size * BATCH];
    let mut iovecs: Vec<Iovec> = bytes
        .chunks_mut(size)
        .map(|chunk| Iovec {
            base: chunk.as_mut_ptr(),
            len: chunk.len(),
        })
        .collect();
    let mut messages: Vec<Mmsghdr> = iovecs
        .iter_mut()
        .map(|iov| Mmsghdr {
            header: Msghdr::new(iov),
            len: 0,
        })
        .collect();
    let (from, to) = (pair.send.as_raw_fd(), pair.recv.as_raw_fd());
    let cost = warm_cost(100, || {
        let at = messages.as_mut_ptr() as usize;
        // SAFETY: The headers, what they point to, and its lengths are valid.
        let moved = unsafe {
            syscall(nr::SENDMMSG, [from as usize, at, BATCH, 0, 0, 0])? == BATCH
                && syscall(nr::RECVMMSG, [to as usize, at, BATCH, 0, 0, 0])? == BATCH
        };
        moved
            .then_some(())
            .ok_or_else(|| Error::other("a part of the batch"))
    })?;
    Ok(cost / BATCH as f64)
}

/// An open file, with a byte; the receiver closes it.
pub fn rights(transport: &Transport) -> Result<f64> {
    const SCM_RIGHTS: c_int = 1;
    let pair = transport.pair(sys::SOCK_STREAM, 1)?;
    let file = File::open("/dev/null")?;
    let mut byte = 0_u8;
    let mut iov = Iovec {
        base: &mut byte,
        len: 1,
    };
    let mut message = Msghdr::new(&mut iov);
    let mut rights = Rights {
        len: 0,
        level: 0,
        kind: 0,
        fd: 0,
        padding: 0,
    };
    let (from, to) = (
        pair.send.as_raw_fd() as usize,
        pair.recv.as_raw_fd() as usize,
    );
    warm_cost(1000, || {
        rights.len = size_of::<Rights>() - size_of::<c_int>();
        rights.level = sys::SOL_SOCKET;
        rights.kind = SCM_RIGHTS;
        rights.fd = file.as_raw_fd();
        message.control = (&raw mut rights).cast();
        message.control_len = size_of::<Rights>();
        let at = &raw mut message as usize;
        // SAFETY: The header, what it points to, and its lengths are valid.
        unsafe {
            syscall(nr::SENDMSG, [from, at, 0, 0, 0, 0])?;
            syscall(nr::RECVMSG, [to, at, 0, 0, 0, 0])?;
        }
        // SAFETY: recvmsg has put it there for this process.
        drop(unsafe { OwnedFd::from_raw_fd(rights.fd) });
        Ok(())
    })
}
