// SPDX-License-Identifier: GPL-2.0
//! chmod(2), chown(2) and their kin: what a program changes of a socket inode that it bound, its
//! name in AF_QSOCK gets too.

use crate::config;
use crate::errno::{check, Errno};
use crate::name::{self, Inode};
use crate::numbers::{Owner, QSOCK_NAME_MODE, QSOCK_NAME_OWNER, SOL_QSOCK};
use crate::path;
use crate::real;
use crate::switch;
use core::ffi::CStr;
use core::mem::size_of;
use libc::{c_char, c_int, c_void, gid_t, mode_t, socklen_t, uid_t, AT_FDCWD};

/// # Safety
///
/// As chmod(2).
#[no_mangle]
pub unsafe extern "C" fn chmod(path: *const c_char, mode: mode_t) -> c_int {
    // SAFETY: The caller keeps the call's contract.
    let result = unsafe { real::chmod(path, mode) };
    // SAFETY: As above.
    unsafe { after(result, AT_FDCWD, path, 0, |fd| set_mode(fd, mode)) }
}

/// # Safety
///
/// As fchmodat(2).
#[no_mangle]
pub unsafe extern "C" fn fchmodat(
    dir: c_int,
    path: *const c_char,
    mode: mode_t,
    flags: c_int,
) -> c_int {
    // SAFETY: The caller keeps the call's contract.
    let result = unsafe { real::fchmodat(dir, path, mode, flags) };
    // SAFETY: As above.
    unsafe { after(result, dir, path, flags, |fd| set_mode(fd, mode)) }
}

/// # Safety
///
/// As chown(2).
#[no_mangle]
pub unsafe extern "C" fn chown(path: *const c_char, user: uid_t, group: gid_t) -> c_int {
    // SAFETY: The caller keeps the call's contract.
    let result = unsafe { real::chown(path, user, group) };
    // SAFETY: As above.
    unsafe { after(result, AT_FDCWD, path, 0, |fd| set_owner(fd, user, group)) }
}

/// # Safety
///
/// As lchown(2).
#[no_mangle]
pub unsafe extern "C" fn lchown(path: *const c_char, user: uid_t, group: gid_t) -> c_int {
    // SAFETY: The caller keeps the call's contract.
    let result = unsafe { real::lchown(path, user, group) };
    let flags = libc::AT_SYMLINK_NOFOLLOW;
    let set = |fd| set_owner(fd, user, group);
    // SAFETY: As above.
    unsafe { after(result, AT_FDCWD, path, flags, set) }
}

/// # Safety
///
/// As fchownat(2).
#[no_mangle]
pub unsafe extern "C" fn fchownat(
    dir: c_int,
    path: *const c_char,
    user: uid_t,
    group: gid_t,
    flags: c_int,
) -> c_int {
    // SAFETY: The caller keeps the call's contract.
    let result = unsafe { real::fchownat(dir, path, user, group, flags) };
    // SAFETY: As above.
    unsafe { after(result, dir, path, flags, |fd| set_owner(fd, user, group)) }
}

/// Does to the name what a call that went well did to the file.
///
/// # Safety
///
/// `path` was taken for a path by the kernel.
unsafe fn after(
    result: c_int,
    dir: c_int,
    path: *const c_char,
    flags: c_int,
    change: impl Fn(c_int) -> Result<c_int, Errno>,
) -> c_int {
    if result != 0 || path.is_null() {
        return result;
    }
    let saved = Errno::last();
    // SAFETY: It is a string, as the kernel took it.
    let path = unsafe { CStr::from_ptr(path) };
    if let Ok(found) = path::find(dir, path, flags & libc::AT_SYMLINK_NOFOLLOW) {
        if found.is_socket {
            each_bound(&found.inode, |fd| {
                // The file's part is done, and that is what the program asked for.
                let _ = change(fd);
            });
        }
    }
    saved.leave();
    result
}

/// The descriptors of this process that have the name of an inode.
fn each_bound(inode: &Inode, mut see: impl FnMut(c_int)) {
    // SAFETY: The limits are read into their place.
    let limit = unsafe {
        let mut limit = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
        limit.rlim_cur
    };
    // A server binds early: the first ones are enough of a limit that is without.
    for fd in 0..limit.min(4096) as c_int {
        let named = switch::own_name(fd).is_some_and(|name| {
            name.family() == config::family() && name::is_of(name.name(), inode)
        });
        if named {
            see(fd);
        }
    }
}

fn set_mode(fd: c_int, mode: mode_t) -> Result<c_int, Errno> {
    set(fd, QSOCK_NAME_MODE, &(mode as c_int & 0o777))
}

/// Gives the name that a socket bound to others.
pub fn set_owner(fd: c_int, uid: uid_t, gid: gid_t) -> Result<c_int, Errno> {
    set(fd, QSOCK_NAME_OWNER, &Owner { uid, gid })
}

fn set<T>(fd: c_int, option: c_int, value: &T) -> Result<c_int, Errno> {
    let len = size_of::<T>() as socklen_t;
    let from = (&raw const *value).cast::<c_void>();
    // SAFETY: The value has that length.
    check(unsafe { real::setsockopt(fd, SOL_QSOCK, option, from, len) })
}
