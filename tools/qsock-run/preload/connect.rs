// SPDX-License-Identifier: GPL-2.0
//! connect(2): to who has the name in AF_QSOCK, else to who has it in AF_UNIX.

use crate::config;
use crate::errno::{check, give, Errno};
use crate::path::reach;
use crate::real;
use crate::say::{say, Shown};
use crate::sockaddr::{Address, Kind};
use crate::switch::{self, Successor};
use libc::{c_int, sockaddr, socklen_t};

/// # Safety
///
/// As connect(2).
#[no_mangle]
pub unsafe extern "C" fn connect(fd: c_int, addr: *const sockaddr, len: socklen_t) -> c_int {
    // SAFETY: The caller's address has that length.
    match unsafe { Address::given(addr, len) } {
        Some(address) if address.kind() != Kind::Unnamed => give(to(fd, &address)),
        // SAFETY: The caller keeps the call's contract.
        _ => unsafe { real::connect(fd, addr, len) },
    }
}

/// What a connect says that goes on, or may be made again.
const WAITING: [c_int; 3] = [libc::EAGAIN, libc::EINPROGRESS, libc::EINTR];

fn to(fd: c_int, address: &Address) -> Result<c_int, Errno> {
    // The family is asked for where this fails: most sockets are ours. One that is not takes no such
    // address, and nothing happens to it.
    if address.wanted() {
        match within(fd, config::family(), address) {
            Err(errno) if !WAITING.contains(&errno.0) => {}
            result => return result,
        }
    }
    let family = switch::family(fd)?;
    let ours = family == config::family();
    if !ours && family != libc::AF_UNIX {
        return call(fd, address);
    }
    if ours && !address.wanted() {
        switch::replace(fd, libc::AF_UNIX)?;
        tell(address, "AF_UNIX, as --only says");
        return call(fd, address);
    }
    match within(fd, family, address) {
        Err(Errno(libc::ECONNREFUSED)) if address.wanted() => {}
        result => return result,
    }
    // Nobody there: the other family may have who is looked for.
    let successor = Successor::new(fd, switch::other(family))?;
    let result = within(successor.fd(), switch::other(family), address);
    if result == Err(Errno(libc::ECONNREFUSED)) {
        return result;
    }
    successor.install()?;
    if ours {
        tell(address, "AF_UNIX, because nobody bound it in AF_QSOCK");
    }
    result
}

/// Connects within one family.
fn within(fd: c_int, family: c_int, address: &Address) -> Result<c_int, Errno> {
    if family == libc::AF_UNIX {
        call(fd, address)
    } else {
        // SAFETY: The address has that length.
        reach(address, |ours| unsafe {
            real::connect(fd, ours.pointer(), ours.length())
        })
    }
}

fn call(fd: c_int, address: &Address) -> Result<c_int, Errno> {
    // SAFETY: The address has that length.
    check(unsafe { real::connect(fd, address.pointer(), address.length()) })
}

fn tell(address: &Address, what: &str) {
    say(format_args!("connect {}: {what}", Shown(address.name())));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without the module too, to which a socket of AF_UNIX then looks in vain.
    #[test]
    fn nobody_refuses() {
        // SAFETY: It has no preconditions.
        let fd = unsafe { real::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0) };
        let address = Address::new(libc::AF_UNIX, b"\0qsock-run/nobody");
        assert_eq!(to(fd, &address), Err(Errno(libc::ECONNREFUSED)));
        // SAFETY: The descriptor is ours.
        unsafe { libc::close(fd) };
    }
}
