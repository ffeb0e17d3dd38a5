// SPDX-License-Identifier: GPL-2.0
//! Another family for a socket that the program has already: where AF_QSOCK does not have who it is
//! looking for, or the other way round.
//!
//! The new socket takes the descriptor's number, and gets what the program has set so far. It does
//! not get its place in an epoll instance, nor other descriptors of the old socket: a program that
//! has those before it connects keeps the old socket there.

use crate::config;
use crate::errno::{check, Errno};
use crate::real;
use crate::sockaddr::{Address, Kind};
use core::mem::{size_of, zeroed};
use libc::{c_int, c_void, socklen_t, SOL_SOCKET};

/// The options that are an int and go with the program's socket.
const NUMBERS: [c_int; 6] = [
    libc::SO_OOBINLINE,
    libc::SO_PASSCRED,
    libc::SO_PASSSEC,
    SO_PASSPIDFD,
    SO_PASSRIGHTS,
    libc::SO_RCVLOWAT,
];
/// Those that are a struct timeval.
const TIMES: [c_int; 2] = [libc::SO_RCVTIMEO, libc::SO_SNDTIMEO];
/// Those that the kernel doubles.
const SIZES: [c_int; 2] = [libc::SO_SNDBUF, libc::SO_RCVBUF];

/// Not in Debian 13's libc.
pub const SO_PASSPIDFD: c_int = 76;
pub const SO_PASSRIGHTS: c_int = 83;

/// An option that is an int, where the family has it.
pub fn number(fd: c_int, option: c_int) -> Result<c_int, Errno> {
    let get = |level| {
        let mut value: c_int = 0;
        let mut len = size_of::<c_int>() as socklen_t;
        let to = (&raw mut value).cast::<c_void>();
        // SAFETY: There is room for an int.
        check(unsafe { real::getsockopt(fd, level, option, to, &mut len) })?;
        Ok(value)
    };
    match get(SOL_SOCKET) {
        Err(Errno(libc::EOPNOTSUPP)) => get(crate::numbers::SOL_QSOCK),
        value => value,
    }
}

/// The family of a socket.
pub fn family(fd: c_int) -> Result<c_int, Errno> {
    number(fd, libc::SO_DOMAIN)
}

/// The address that a socket bound.
pub fn own_name(fd: c_int) -> Option<Address> {
    // SAFETY: There is that room.
    Address::returned(|addr, len| unsafe { real::getsockname(fd, addr, len) })
}

/// A socket that is to take another's place.
pub struct Successor {
    fd: c_int,
    of: c_int,
}

impl Successor {
    /// One of `family`, with the type and the options of `of`.
    pub fn new(of: c_int, family: c_int) -> Result<Successor, Errno> {
        let kind = number(of, libc::SO_TYPE)?;
        // SAFETY: It has no preconditions.
        let made = check(unsafe { real::socket(family, kind | libc::SOCK_CLOEXEC, 0) });
        let fd = made.map_err(|errno| match errno {
            // A family that is not there has nobody in it.
            Errno(libc::EAFNOSUPPORT) => Errno(libc::ECONNREFUSED),
            errno => errno,
        })?;
        let new = Successor { fd, of };
        new.copy_options();
        new.copy_flags();
        new.copy_mode();
        Ok(new)
    }

    pub fn fd(&self) -> c_int {
        self.fd
    }

    /// What one family does not have, the other need not have either.
    fn copy_options(&self) {
        for option in NUMBERS {
            if let (Ok(old), Ok(new)) = (number(self.of, option), number(self.fd, option)) {
                if old != new {
                    self.set(option, &old);
                }
            }
        }
        for option in SIZES {
            if let (Ok(old), Ok(new)) = (number(self.of, option), number(self.fd, option)) {
                if old != new {
                    self.set(option, &(old / 2));
                }
            }
        }
        for option in TIMES {
            let mut time = libc::timeval {
                tv_sec: 0,
                tv_usec: 0,
            };
            let mut len = size_of::<libc::timeval>() as socklen_t;
            let to = (&raw mut time).cast::<c_void>();
            // SAFETY: There is room for it.
            if unsafe { real::getsockopt(self.of, SOL_SOCKET, option, to, &mut len) } == 0 {
                self.set(option, &time);
            }
        }
    }

    fn set<T>(&self, option: c_int, value: &T) {
        let len = size_of::<T>() as socklen_t;
        let from = (&raw const *value).cast::<c_void>();
        // SAFETY: The value has that length.
        unsafe { real::setsockopt(self.fd, SOL_SOCKET, option, from, len) };
    }

    /// The mode and the owner that the program gave the socket: its name gets the mode.
    fn copy_mode(&self) {
        let told = |fd| {
            // SAFETY: All of its fields may be zero, and there is room for the answer.
            unsafe {
                let mut told: libc::stat = zeroed();
                (libc::fstat(fd, &mut told) == 0).then_some(told)
            }
        };
        let (Some(old), Some(new)) = (told(self.of), told(self.fd)) else {
            return;
        };
        // SAFETY: These have no preconditions.
        unsafe {
            if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid) {
                libc::fchown(self.fd, old.st_uid, old.st_gid);
            }
            if old.st_mode != new.st_mode {
                libc::fchmod(self.fd, old.st_mode & 0o7777);
            }
        }
    }

    /// O_NONBLOCK, O_ASYNC, and who gets the signals.
    fn copy_flags(&self) {
        // SAFETY: These have no preconditions.
        unsafe {
            let flags = libc::fcntl(self.of, libc::F_GETFL);
            let owner = libc::fcntl(self.of, libc::F_GETOWN);
            if owner != 0 {
                libc::fcntl(self.fd, libc::F_SETOWN, owner);
            }
            libc::fcntl(self.fd, libc::F_SETFL, flags);
        }
    }

    /// Takes the place: the name first, then the descriptor.
    pub fn install(self) -> Result<(), Errno> {
        if let Some(name) = own_name(self.of).filter(|name| name.kind() != Kind::Unnamed) {
            crate::bind::take_over(&self, &name)?;
        }
        // SAFETY: These have no preconditions.
        unsafe {
            let close = libc::fcntl(self.of, libc::F_GETFD) & libc::FD_CLOEXEC;
            let flag = if close != 0 { libc::O_CLOEXEC } else { 0 };
            check(libc::dup3(self.fd, self.of, flag))?;
        }
        Ok(())
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        let saved = Errno::last();
        // SAFETY: The descriptor is ours.
        unsafe { libc::close(self.fd) };
        saved.leave();
    }
}

/// Puts a socket into another family, where it has the same name.
pub fn replace(fd: c_int, family: c_int) -> Result<(), Errno> {
    Successor::new(fd, family)?.install()
}

/// The other of the two families.
pub fn other(family: c_int) -> c_int {
    if family == libc::AF_UNIX {
        config::family()
    } else {
        libc::AF_UNIX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(fd: c_int) -> libc::mode_t {
        // SAFETY: All of its fields may be zero, and there is room for the answer.
        unsafe {
            let mut told: libc::stat = zeroed();
            assert_eq!(libc::fstat(fd, &mut told), 0);
            told.st_mode & 0o7777
        }
    }

    #[test]
    fn the_mode_goes_with_the_socket() {
        // SAFETY: These have no preconditions.
        let fd = unsafe { real::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0) };
        // SAFETY: As above.
        assert_eq!(unsafe { libc::fchmod(fd, 0o640) }, 0);
        let successor = Successor::new(fd, libc::AF_UNIX).unwrap();
        assert_eq!(mode(successor.fd()), 0o640);
        // SAFETY: The descriptor is ours.
        unsafe { libc::close(fd) };
    }
}
