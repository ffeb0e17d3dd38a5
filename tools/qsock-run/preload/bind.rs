// SPDX-License-Identifier: GPL-2.0
//! bind(2): a path gets its socket inode, and the name in AF_QSOCK that says which.

use crate::config;
use crate::errno::{check, give, Errno};
use crate::name;
use crate::path::{self, Found};
use crate::real;
use crate::say::{say, Shown};
use crate::sockaddr::{Address, Kind};
use crate::switch::{self, Successor};
use core::ffi::CStr;
use core::mem::zeroed;
use libc::{c_int, mode_t, sockaddr, socklen_t, AT_FDCWD};

/// # Safety
///
/// As bind(2).
#[no_mangle]
pub unsafe extern "C" fn bind(fd: c_int, addr: *const sockaddr, len: socklen_t) -> c_int {
    // SAFETY: The caller's address has that length.
    match unsafe { Address::given(addr, len) } {
        Some(address) => give(to(fd, &address)),
        // SAFETY: The caller keeps the call's contract.
        None => unsafe { real::bind(fd, addr, len) },
    }
}

fn to(fd: c_int, address: &Address) -> Result<c_int, Errno> {
    if switch::family(fd)? != config::family() {
        return call(fd, address);
    }
    if address.kind() != Kind::Unnamed && !address.wanted() {
        switch::replace(fd, libc::AF_UNIX)?;
        tell(address, "AF_UNIX, as --only says");
        return call(fd, address);
    }
    let result = match address.kind() {
        Kind::Path => to_path(fd, address),
        _ => call(fd, &address.ours()),
    };
    if result.is_ok() {
        tell(address, "AF_QSOCK");
    }
    result
}

fn call(fd: c_int, address: &Address) -> Result<c_int, Errno> {
    // SAFETY: The address has that length.
    check(unsafe { real::bind(fd, address.pointer(), address.length()) })
}

fn tell(address: &Address, what: &str) {
    say(format_args!("bind {}: {what}", Shown(address.name())));
}

/// Makes the inode, then binds its name. That has the inode's mode and owner.
fn to_path(fd: c_int, address: &Address) -> Result<c_int, Errno> {
    let mode = mode_of(fd)?;
    let path = address.path();
    make(path, mode)?;
    // A second name is refused after the path was looked at: what is wrong with that is told first.
    let result = match switch::own_name(fd) {
        Some(name) if name.kind() != Kind::Unnamed => Err(Errno(libc::EINVAL)),
        _ => with_inode(fd, address, path, mode),
    };
    if result.is_err() {
        // SAFETY: The path is a string.
        unsafe { libc::unlink(path.as_ptr()) };
    }
    result
}

fn make(path: &CStr, mode: mode_t) -> Result<(), Errno> {
    // SAFETY: The path is a string.
    match check(unsafe { libc::mknod(path.as_ptr(), libc::S_IFSOCK | mode, 0) }) {
        Err(Errno(libc::EEXIST)) => Err(Errno(libc::EADDRINUSE)),
        result => result.map(|_| ()),
    }
}

/// The permission bits that the program gave the socket: a path's are these less the umask.
fn mode_of(fd: c_int) -> Result<mode_t, Errno> {
    // SAFETY: All of its fields may be zero, and there is room for the answer.
    let told = unsafe {
        let mut told: libc::stat = zeroed();
        check(libc::fstat(fd, &mut told))?;
        told
    };
    Ok(told.st_mode & 0o777)
}

fn with_inode(fd: c_int, address: &Address, path: &CStr, mode: mode_t) -> Result<c_int, Errno> {
    let found = path::find(AT_FDCWD, path, libc::AT_SYMLINK_NOFOLLOW)?;
    // The name gets the mode from the socket, when it is bound and never after.
    // SAFETY: These have no preconditions.
    unsafe { libc::fchmod(fd, found.mode & 0o777) };
    let result = call(fd, &path::of(address.name(), &found.inode));
    // SAFETY: As above.
    unsafe { libc::fchmod(fd, mode) };
    if result.is_ok() {
        give_owner(fd, &found);
    }
    result
}

/// The name's owner is who binds it; a path's group may be that of its directory.
fn give_owner(fd: c_int, found: &Found) {
    let (uid, gid) = found.owner;
    let _ = crate::mode::set_owner(fd, uid, gid);
}

/// Binds what takes another socket's place to the name that this has.
pub fn take_over(successor: &Successor, name: &Address) -> Result<(), Errno> {
    let ours = name.family() == config::family();
    let path = if ours {
        name::path(name.name())
    } else {
        (name.kind() == Kind::Path).then(|| name.name())
    };
    let Some(path) = path else {
        let family = switch::other(name.family());
        return call(successor.fd(), &Address::new(family, name.name())).map(|_| ());
    };
    let address = Address::new(libc::AF_UNIX, path).terminated();
    let path = address.path();
    let found = path::find(AT_FDCWD, path, libc::AT_SYMLINK_NOFOLLOW)?;
    if !found.is_socket || ours && !name::is_of(name.name(), &found.inode) {
        // The file has gone, or is another's.
        return Err(Errno(libc::ECONNREFUSED));
    }
    // SAFETY: The path is a string.
    unsafe { libc::unlink(path.as_ptr()) };
    let bound = if ours {
        call(successor.fd(), &address)
    } else {
        to_path(successor.fd(), &address)
    };
    // SAFETY: As above.
    unsafe { libc::chmod(path.as_ptr(), found.mode & 0o777) };
    bound.map(|_| ())
}
