// SPDX-License-Identifier: GPL-2.0

//! The acting task, as a policy sees it: ids in the initial namespaces, the
//! program that it executes, and its cgroup.

use crate::{bindings, net::errno::ENAMETOOLONG};
use kernel::prelude::*;

/// The room for a path that is found, with its NUL.
const PATH_MAX: usize = bindings::PATH_MAX as usize;

fn room() -> Result<KVec<u8>> {
    Ok(KVec::from_elem(0u8, PATH_MAX, GFP_KERNEL | __GFP_NOWARN)?)
}

/// The effective user.
pub(crate) fn euid() -> u32 {
    // SAFETY: There is always a current task.
    unsafe { bindings::current_euid() }.val
}

/// The effective group.
pub(crate) fn egid() -> u32 {
    // SAFETY: There is always a current task.
    unsafe { bindings::current_egid() }.val
}

/// The process.
pub(crate) fn tgid() -> i32 {
    // SAFETY: There is always a current task.
    unsafe { bindings::current_tgid() }
}

/// The path of the file that is executed, as /proc/self/exe shows it; empty if
/// there is none. Sleeps.
///
/// # Errors
///
/// `ENOMEM`; `ENAMETOOLONG` of a path that is longer than any that a call takes.
///
/// C function: `file_path()`
pub(crate) fn exe_path() -> Result<KVec<u8>> {
    let mut path = room()?;
    // SAFETY: There is always a current task; the helper returns a reference.
    let file = unsafe { bindings::current_exe_file() };
    if file.is_null() {
        return Ok(KVec::new());
    }
    let buffer: *mut c_char = path.as_mut_ptr().cast();
    // SAFETY: The file is valid, and the buffer has that size.
    let found = unsafe { bindings::file_path(file, buffer, PATH_MAX as c_int) };
    // SAFETY: The reference is ours.
    unsafe { bindings::fput(file) };
    let found = kernel::error::from_err_ptr(found)?;
    let at = (found as usize).wrapping_sub(buffer as usize);
    let len = path
        .get(at..)
        .and_then(|rest| rest.iter().position(|byte| *byte == 0))
        .ok_or(ENAMETOOLONG)?;
    path.copy_within(at..at + len, 0);
    path.truncate(len);
    Ok(path)
}

/// The path of the cgroup, in the unified hierarchy. Sleeps.
///
/// # Errors
///
/// `ENOMEM`; `ENAMETOOLONG` of a path that is longer than any that a call takes.
///
/// C function: `cgroup_path()`
pub(crate) fn cgroup_path() -> Result<KVec<u8>> {
    let mut path = room()?;
    // SAFETY: There is always a current task, and the buffer has that size.
    let len = unsafe { bindings::current_cgroup_path(path.as_mut_ptr().cast(), PATH_MAX) };
    // One that does not fit is cut, and its length is then that of what is left.
    match usize::try_from(len) {
        Ok(len) if len < PATH_MAX - 1 => path.truncate(len),
        _ => return Err(ENAMETOOLONG.into()),
    }
    Ok(path)
}
