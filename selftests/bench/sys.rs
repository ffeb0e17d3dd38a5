// SPDX-License-Identifier: GPL-2.0
//! The system calls that the standard library lacks, each as a function that is safe to call.

use std::io::{Error, Result};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::raw::{c_int, c_uint, c_void};
use std::ptr;

use crate::raw::{nr, syscall};

pub const AF_UNIX: c_int = 1;
pub const AF_INET: c_int = 2;
pub const AF_VSOCK: c_int = 40;
pub const SOCK_STREAM: c_int = 1;
pub const SOCK_DGRAM: c_int = 2;
pub const SOCK_SEQPACKET: c_int = 5;
pub const SOL_SOCKET: c_int = 1;
pub const SO_SNDBUFFORCE: c_int = 32;
pub const SO_RCVBUFFORCE: c_int = 33;
pub const IPPROTO_TCP: c_int = 6;
pub const TCP_NODELAY: c_int = 1;
pub const MSG_DONTWAIT: c_int = 0x40;

extern "C" {
    fn socket(family: c_int, kind: c_int, protocol: c_int) -> c_int;
    fn socketpair(family: c_int, kind: c_int, protocol: c_int, fds: *mut c_int) -> c_int;
    fn pipe(fds: *mut c_int) -> c_int;
    fn fcntl(fd: c_int, cmd: c_int, arg: c_int) -> c_int;
    fn bind(fd: c_int, addr: *const u8, len: c_uint) -> c_int;
    fn listen(fd: c_int, backlog: c_int) -> c_int;
    fn connect(fd: c_int, addr: *const u8, len: c_uint) -> c_int;
    fn accept(fd: c_int, addr: *mut u8, len: *mut c_uint) -> c_int;
    fn getsockname(fd: c_int, addr: *mut u8, len: *mut c_uint) -> c_int;
    fn setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_void, len: c_uint)
        -> c_int;
    fn eventfd(count: c_uint, flags: c_int) -> c_int;
    fn epoll_create1(flags: c_int) -> c_int;
    fn epoll_ctl(epoll: c_int, op: c_int, fd: c_int, event: *mut EpollEvent) -> c_int;
    fn close(fd: c_int) -> c_int;
    fn fork() -> c_int;
    fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn _exit(status: c_int) -> !;
    fn sched_setaffinity(pid: c_int, size: usize, mask: *const u64) -> c_int;
    fn setrlimit(resource: c_int, limit: *const [u64; 2]) -> c_int;
}

fn done(result: c_int) -> Result<()> {
    match result {
        0.. => Ok(()),
        _ => Err(Error::last_os_error()),
    }
}

fn owned(fd: c_int) -> Result<OwnedFd> {
    done(fd)?;
    // SAFETY: The kernel has just made this descriptor, for the caller.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn both(result: c_int, fds: [c_int; 2]) -> Result<[OwnedFd; 2]> {
    done(result)?;
    Ok([owned(fds[0])?, owned(fds[1])?])
}

/// An empty system call.
pub fn null() {
    // SAFETY: It takes no arguments.
    let _ = unsafe { syscall(nr::GETPPID, [0; 6]) };
}

pub fn new_socket(family: c_int, kind: c_int) -> Result<OwnedFd> {
    // SAFETY: No pointers.
    owned(unsafe { socket(family, kind, 0) })
}

pub fn new_pair(family: c_int, kind: c_int) -> Result<[OwnedFd; 2]> {
    let mut fds = [-1; 2];
    // SAFETY: There is room for two descriptors.
    let result = unsafe { socketpair(family, kind, 0, fds.as_mut_ptr()) };
    both(result, fds)
}

/// The end to read and the end to write.
pub fn new_pipe() -> Result<[OwnedFd; 2]> {
    let mut fds = [-1; 2];
    // SAFETY: There is room for two descriptors.
    let result = unsafe { pipe(fds.as_mut_ptr()) };
    both(result, fds)
}

/// A counter that read(2) takes, and waits for.
pub fn new_eventfd() -> Result<OwnedFd> {
    // SAFETY: No pointers.
    owned(unsafe { eventfd(0, 0) })
}

pub fn set_pipe_size(fd: &OwnedFd, size: usize) -> Result<()> {
    const F_SETPIPE_SZ: c_int = 1031;
    // SAFETY: No pointers.
    done(unsafe { fcntl(fd.as_raw_fd(), F_SETPIPE_SZ, size as c_int) })
}

pub fn set_nonblocking(fd: &OwnedFd) -> Result<()> {
    const F_SETFL: c_int = 4;
    const O_NONBLOCK: c_int = 0o4000;
    // SAFETY: No pointers.
    done(unsafe { fcntl(fd.as_raw_fd(), F_SETFL, O_NONBLOCK) })
}

pub fn set_option(fd: &OwnedFd, level: c_int, name: c_int, value: &[u8]) -> Result<()> {
    let (bytes, len) = (value.as_ptr().cast(), value.len() as c_uint);
    // SAFETY: The value is valid for its length.
    done(unsafe { setsockopt(fd.as_raw_fd(), level, name, bytes, len) })
}

pub fn bind_to(fd: &OwnedFd, addr: &[u8]) -> Result<()> {
    // SAFETY: The address is valid for its length.
    done(unsafe { bind(fd.as_raw_fd(), addr.as_ptr(), addr.len() as c_uint) })
}

pub fn listen_on(fd: &OwnedFd) -> Result<()> {
    // SAFETY: No pointers.
    done(unsafe { listen(fd.as_raw_fd(), 64) })
}

pub fn connect_to(fd: &OwnedFd, addr: &[u8]) -> Result<()> {
    // SAFETY: The address is valid for its length.
    done(unsafe { connect(fd.as_raw_fd(), addr.as_ptr(), addr.len() as c_uint) })
}

pub fn accept_from(fd: &OwnedFd) -> Result<OwnedFd> {
    // SAFETY: Without an address nothing is written.
    owned(unsafe { accept(fd.as_raw_fd(), ptr::null_mut(), ptr::null_mut()) })
}

/// The address that a socket is bound to.
pub fn name_of(fd: &OwnedFd) -> Result<Vec<u8>> {
    let mut addr = vec![0; 128];
    let mut len = addr.len() as c_uint;
    // SAFETY: There is room for as much as `len` says.
    done(unsafe { getsockname(fd.as_raw_fd(), addr.as_mut_ptr(), &mut len) })?;
    addr.truncate(len as usize);
    Ok(addr)
}

#[inline]
pub fn write_to(fd: c_int, bytes: &[u8]) -> Result<usize> {
    let (at, len) = (bytes.as_ptr() as usize, bytes.len());
    // SAFETY: The bytes are valid for their length.
    unsafe { syscall(nr::WRITE, [fd as usize, at, len, 0, 0, 0]) }
}

#[inline]
pub fn read_from(fd: c_int, bytes: &mut [u8]) -> Result<usize> {
    let (at, len) = (bytes.as_mut_ptr() as usize, bytes.len());
    // SAFETY: There is room for as many bytes.
    unsafe { syscall(nr::READ, [fd as usize, at, len, 0, 0, 0]) }
}

#[inline]
pub fn send_to_peer(fd: c_int, bytes: &[u8], flags: c_int) -> Result<usize> {
    let (at, len) = (bytes.as_ptr() as usize, bytes.len());
    // SAFETY: The bytes are valid for their length, and there is no address.
    unsafe { syscall(nr::SENDTO, [fd as usize, at, len, flags as usize, 0, 0]) }
}

#[inline]
pub fn recv_from_peer(fd: c_int, bytes: &mut [u8]) -> Result<usize> {
    let (at, len) = (bytes.as_mut_ptr() as usize, bytes.len());
    // SAFETY: There is room for as many bytes, and no address is wanted.
    unsafe { syscall(nr::RECVFROM, [fd as usize, at, len, 0, 0, 0]) }
}

#[inline]
pub fn send_to_name(fd: c_int, bytes: &[u8], addr: &[u8]) -> Result<usize> {
    let (at, len) = (bytes.as_ptr() as usize, bytes.len());
    let (name, name_len) = (addr.as_ptr() as usize, addr.len());
    // SAFETY: Bytes and address are valid for their lengths.
    unsafe { syscall(nr::SENDTO, [fd as usize, at, len, 0, name, name_len]) }
}

/// struct epoll_event: packed where 32-bit programs of the architecture need it so.
#[derive(Clone, Copy)]
#[cfg_attr(target_arch = "x86_64", repr(C, packed))]
#[cfg_attr(not(target_arch = "x86_64"), repr(C))]
pub struct EpollEvent {
    pub events: u32,
    pub data: u64,
}

pub fn new_epoll() -> Result<OwnedFd> {
    // SAFETY: No pointers.
    owned(unsafe { epoll_create1(0) })
}

/// Waits for input on `fd` too.
pub fn epoll_add(epoll: &OwnedFd, fd: &OwnedFd) -> Result<()> {
    const EPOLL_CTL_ADD: c_int = 1;
    let mut event = EpollEvent {
        events: 1,
        data: fd.as_raw_fd() as u64,
    };
    // SAFETY: The event is valid.
    done(unsafe { epoll_ctl(epoll.as_raw_fd(), EPOLL_CTL_ADD, fd.as_raw_fd(), &mut event) })
}

/// How many are ready, without waiting.
pub fn epoll_look(epoll: &OwnedFd, events: &mut [EpollEvent]) -> Result<usize> {
    let (at, max) = (events.as_mut_ptr() as usize, events.len());
    // SAFETY: There is room for as many events, and no signal mask.
    unsafe {
        syscall(
            nr::EPOLL_PWAIT,
            [epoll.as_raw_fd() as usize, at, max, 0, 0, 0],
        )
    }
}

/// A process that runs `work` and ends; it is waited for when this is dropped.
pub struct Child(c_int);

impl Child {
    pub fn start(work: impl FnOnce() -> Result<()>) -> Result<Child> {
        // SAFETY: This program has one thread, so that the child may go on as it is.
        let pid = unsafe { fork() };
        if pid == 0 {
            let status = match work() {
                Ok(()) => 0,
                Err(error) => {
                    eprintln!("qbench: a child: {error}");
                    1
                }
            };
            // SAFETY: Ends the process, at once.
            unsafe { _exit(status) }
        }
        done(pid)?;
        Ok(Child(pid))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // SAFETY: No status is wanted.
        unsafe { waitpid(self.0, ptr::null_mut(), 0) };
    }
}

/// Closes a child's copy of what its parent alone uses. A child ends without dropping anything.
pub fn close_in_child(fd: &OwnedFd) {
    // SAFETY: Nothing in this process uses the descriptor any more.
    unsafe { close(fd.as_raw_fd()) };
}

/// Keeps this process on the processors of `mask`.
pub fn run_on(mask: u64) -> Result<()> {
    // SAFETY: The mask has eight bytes.
    done(unsafe { sched_setaffinity(0, 8, &mask) })
}

/// Lets this process have so many descriptors.
pub fn allow_files(number: u64) -> Result<()> {
    const RLIMIT_NOFILE: c_int = 7;
    // SAFETY: The limit is valid.
    done(unsafe { setrlimit(RLIMIT_NOFILE, &[number, number]) })
}
