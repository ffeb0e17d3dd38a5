// SPDX-License-Identifier: GPL-2.0
//! What all types of sockets have in common.

use crate::ancillary::UCred;
use crate::family::{family, SOL_QSOCK};
use crate::SocketAddr;
use libc::{c_int, c_void, socklen_t, timeval, SOL_SOCKET};
use std::io::{Error, ErrorKind, Result};
use std::mem::{size_of, zeroed};
use std::net::Shutdown;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// What a system call returned, or its error. A signal has it made again.
pub fn retry<T: PartialOrd + From<i8>>(mut call: impl FnMut() -> T) -> Result<T> {
    loop {
        match check(call()) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// What a system call returned, or its error.
pub fn check<T: PartialOrd + From<i8>>(returned: T) -> Result<T> {
    if returned < T::from(0) {
        Err(Error::last_os_error())
    } else {
        Ok(returned)
    }
}

/// A socket of any type.
#[derive(Debug)]
pub struct Socket(pub OwnedFd);

impl Socket {
    pub fn new(kind: c_int) -> Result<Socket> {
        // SAFETY: It has no preconditions.
        let fd = check(unsafe { libc::socket(family(), kind | libc::SOCK_CLOEXEC, 0) })?;
        // SAFETY: The descriptor is ours.
        Ok(Socket(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    pub fn pair(kind: c_int) -> Result<(Socket, Socket)> {
        let mut pair = [0; 2];
        let kind = kind | libc::SOCK_CLOEXEC;
        // SAFETY: There is room for two descriptors.
        check(unsafe { libc::socketpair(family(), kind, 0, pair.as_mut_ptr()) })?;
        // SAFETY: The descriptors are ours.
        let [one, two] = pair.map(|fd| Socket(unsafe { OwnedFd::from_raw_fd(fd) }));
        Ok((one, two))
    }

    pub fn fd(&self) -> c_int {
        self.0.as_raw_fd()
    }

    pub fn try_clone(&self) -> Result<Socket> {
        self.0.try_clone().map(Socket)
    }

    pub fn bind(&self, addr: &SocketAddr) -> Result<()> {
        // SAFETY: The address has that length.
        check(unsafe { libc::bind(self.fd(), addr.pointer(), addr.length()) }).map(|_| ())
    }

    pub fn connect(&self, addr: &SocketAddr) -> Result<()> {
        // SAFETY: The address has that length.
        retry(|| unsafe { libc::connect(self.fd(), addr.pointer(), addr.length()) }).map(|_| ())
    }

    pub fn local_addr(&self) -> Result<SocketAddr> {
        // SAFETY: There is room for an address.
        let get = |addr, len| check(unsafe { libc::getsockname(self.fd(), addr, len) });
        SocketAddr::filled(get).map(|(_, addr)| addr)
    }

    pub fn peer_addr(&self) -> Result<SocketAddr> {
        // SAFETY: There is room for an address.
        let get = |addr, len| check(unsafe { libc::getpeername(self.fd(), addr, len) });
        SocketAddr::filled(get).map(|(_, addr)| addr)
    }

    pub fn shutdown(&self, how: Shutdown) -> Result<()> {
        let how = match how {
            Shutdown::Read => libc::SHUT_RD,
            Shutdown::Write => libc::SHUT_WR,
            Shutdown::Both => libc::SHUT_RDWR,
        };
        // SAFETY: It has no preconditions.
        check(unsafe { libc::shutdown(self.fd(), how) }).map(|_| ())
    }

    pub fn set_nonblocking(&self, nonblocking: bool) -> Result<()> {
        let mut on = c_int::from(nonblocking);
        // SAFETY: It is an int.
        check(unsafe { libc::ioctl(self.fd(), libc::FIONBIO, &raw mut on) }).map(|_| ())
    }

    pub fn take_error(&self) -> Result<Option<Error>> {
        let error: c_int = self.option(SOL_SOCKET, libc::SO_ERROR)?;
        Ok((error != 0).then(|| Error::from_raw_os_error(error)))
    }

    pub fn peer_cred(&self) -> Result<UCred> {
        let cred: libc::ucred = self.option(SOL_SOCKET, libc::SO_PEERCRED)?;
        Ok(UCred {
            pid: cred.pid,
            uid: cred.uid,
            gid: cred.gid,
        })
    }

    pub fn set_passcred(&self, on: bool) -> Result<()> {
        self.set_option(SOL_QSOCK, libc::SO_PASSCRED, c_int::from(on))
    }

    pub fn passcred(&self) -> Result<bool> {
        self.option(SOL_QSOCK, libc::SO_PASSCRED)
            .map(|on: c_int| on != 0)
    }

    /// `InvalidInput` for a time of nothing, as std has it.
    pub fn set_timeout(&self, option: c_int, time: Option<Duration>) -> Result<()> {
        if time == Some(Duration::ZERO) {
            let why = "a timeout of nothing is none";
            return Err(Error::new(ErrorKind::InvalidInput, why));
        }
        let time = time.unwrap_or_default();
        let mut value = timeval {
            tv_sec: libc::time_t::try_from(time.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_usec: time.subsec_micros().into(),
        };
        if value.tv_sec == 0 && value.tv_usec == 0 && !time.is_zero() {
            value.tv_usec = 1;
        }
        self.set_option(SOL_SOCKET, option, value)
    }

    pub fn timeout(&self, option: c_int) -> Result<Option<Duration>> {
        let value: timeval = self.option(SOL_SOCKET, option)?;
        let micros = Duration::from_micros(value.tv_usec as u64);
        let time = Duration::from_secs(value.tv_sec as u64) + micros;
        Ok((!time.is_zero()).then_some(time))
    }

    pub fn option<T: Plain>(&self, level: c_int, option: c_int) -> Result<T> {
        // SAFETY: A plain value may be zero.
        let mut value: T = unsafe { zeroed() };
        let mut len = size_of::<T>() as socklen_t;
        let to = (&raw mut value).cast::<c_void>();
        // SAFETY: There is room for the value, and all that the kernel writes there is one.
        check(unsafe { libc::getsockopt(self.fd(), level, option, to, &mut len) })?;
        Ok(value)
    }

    pub fn set_option<T: Plain>(&self, level: c_int, option: c_int, value: T) -> Result<()> {
        let len = size_of::<T>() as socklen_t;
        let from = (&raw const value).cast::<c_void>();
        // SAFETY: The value has that length.
        check(unsafe { libc::setsockopt(self.fd(), level, option, from, len) }).map(|_| ())
    }

    /// Receives with these flags; what is longer than the buffer is lost, but for a stream.
    pub fn recv(&self, buffer: &mut [u8], flags: c_int) -> Result<usize> {
        let (to, len) = (buffer.as_mut_ptr().cast(), buffer.len());
        // SAFETY: The buffer has that room.
        check(unsafe { libc::recv(self.fd(), to, len, flags) }).map(|len| len as usize)
    }

    pub fn recv_from(&self, buffer: &mut [u8], flags: c_int) -> Result<(usize, SocketAddr)> {
        let (to, room) = (buffer.as_mut_ptr().cast(), buffer.len());
        let (len, addr) = SocketAddr::filled(|addr, len| {
            // SAFETY: The buffer has that room, and so has the address.
            check(unsafe { libc::recvfrom(self.fd(), to, room, flags, addr, len) })
        })?;
        Ok((len as usize, addr))
    }

    /// Sends without a SIGPIPE.
    pub fn send(&self, data: &[u8]) -> Result<usize> {
        let (from, len) = (data.as_ptr().cast(), data.len());
        // SAFETY: The data has that length.
        let sent = unsafe { libc::send(self.fd(), from, len, libc::MSG_NOSIGNAL) };
        check(sent).map(|len| len as usize)
    }

    pub fn send_to(&self, data: &[u8], addr: &SocketAddr) -> Result<usize> {
        let (from, len) = (data.as_ptr().cast(), data.len());
        let (to, size) = (addr.pointer(), addr.length());
        // SAFETY: The data has that length, and so has the address.
        let sent = unsafe { libc::sendto(self.fd(), from, len, libc::MSG_NOSIGNAL, to, size) };
        check(sent).map(|len| len as usize)
    }
}

/// Values of options: any bytes are one, and zeroes too.
pub trait Plain: Copy {}

impl Plain for c_int {}
impl Plain for timeval {}
impl Plain for libc::ucred {}
impl Plain for crate::Owner {}

/// The methods that every type has alike, and its descriptor.
macro_rules! common {
    ($kind:ident) => {
        impl $kind {
            /// Another descriptor of the same socket.
            pub fn try_clone(&self) -> Result<$kind> {
                self.0.try_clone().map($kind)
            }

            /// The address that it is bound to.
            pub fn local_addr(&self) -> Result<SocketAddr> {
                self.0.local_addr()
            }

            /// Whether calls that would wait are `WouldBlock` instead.
            pub fn set_nonblocking(&self, nonblocking: bool) -> Result<()> {
                self.0.set_nonblocking(nonblocking)
            }

            /// The error that waits (SO_ERROR), which is gone then.
            pub fn take_error(&self) -> Result<Option<Error>> {
                self.0.take_error()
            }

            /// Has the sender's credentials come with messages (SO_PASSCRED). A listener's go to those that it
            /// accepts.
            pub fn set_passcred(&self, passcred: bool) -> Result<()> {
                self.0.set_passcred(passcred)
            }

            /// Whether they do.
            pub fn passcred(&self) -> Result<bool> {
                self.0.passcred()
            }
        }

        impl AsFd for $kind {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.0 .0.as_fd()
            }
        }

        impl AsRawFd for $kind {
            fn as_raw_fd(&self) -> RawFd {
                self.0.fd()
            }
        }

        impl IntoRawFd for $kind {
            fn into_raw_fd(self) -> RawFd {
                self.0 .0.into_raw_fd()
            }
        }

        impl FromRawFd for $kind {
            unsafe fn from_raw_fd(fd: RawFd) -> $kind {
                // SAFETY: The caller gives the descriptor away.
                $kind(Socket(unsafe { OwnedFd::from_raw_fd(fd) }))
            }
        }

        impl From<OwnedFd> for $kind {
            fn from(fd: OwnedFd) -> $kind {
                $kind(Socket(fd))
            }
        }

        impl From<$kind> for OwnedFd {
            fn from(socket: $kind) -> OwnedFd {
                socket.0 .0
            }
        }
    };
}
pub(crate) use common;

/// The methods of those that send and receive.
macro_rules! connected {
    ($kind:ident) => {
        impl $kind {
            /// The address of the other end.
            pub fn peer_addr(&self) -> Result<SocketAddr> {
                self.0.peer_addr()
            }

            /// Who made the other end (SO_PEERCRED).
            pub fn peer_cred(&self) -> Result<UCred> {
                self.0.peer_cred()
            }

            /// How long a receive waits; for ever if `None`.
            pub fn set_read_timeout(&self, timeout: Option<Duration>) -> Result<()> {
                self.0.set_timeout(libc::SO_RCVTIMEO, timeout)
            }

            /// How long a send waits; for ever if `None`.
            pub fn set_write_timeout(&self, timeout: Option<Duration>) -> Result<()> {
                self.0.set_timeout(libc::SO_SNDTIMEO, timeout)
            }

            /// How long a receive waits.
            pub fn read_timeout(&self) -> Result<Option<Duration>> {
                self.0.timeout(libc::SO_RCVTIMEO)
            }

            /// How long a send waits.
            pub fn write_timeout(&self) -> Result<Option<Duration>> {
                self.0.timeout(libc::SO_SNDTIMEO)
            }

            /// Ends receiving, sending, or both.
            pub fn shutdown(&self, how: Shutdown) -> Result<()> {
                self.0.shutdown(how)
            }

            /// Receives, and leaves what came where it is.
            pub fn peek(&self, buffer: &mut [u8]) -> Result<usize> {
                self.0.recv(buffer, libc::MSG_PEEK)
            }
        }
    };
}
pub(crate) use connected;
