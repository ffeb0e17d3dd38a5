// SPDX-License-Identifier: GPL-2.0
//! From a path to the names under which AF_QSOCK may know it.

use crate::config;
use crate::errno::{check, Errno};
use crate::name::{self, Inode};
use crate::sockaddr::{Address, Kind};
use core::ffi::CStr;
use core::mem::{size_of_val, zeroed};
use libc::{c_int, statx, AT_FDCWD};

/// The sockets of this thread's network namespace.
const SOCKETS: &CStr = c"/proc/thread-self/net/qsock";

/// What a path leads to.
pub struct Found {
    pub inode: Inode,
    pub mode: u32,
    pub owner: (u32, u32),
    pub is_socket: bool,
    /// Nothing has changed its mode or owner since it was made.
    is_as_made: bool,
}

/// Looks a path up, `dir` being where it begins. AT_SYMLINK_NOFOLLOW is the one flag.
pub fn find(dir: c_int, path: &CStr, flags: c_int) -> Result<Found, Errno> {
    // SAFETY: All of its fields may be zero.
    let mut told: statx = unsafe { zeroed() };
    let mask = libc::STATX_BASIC_STATS | libc::STATX_BTIME;
    // SAFETY: The path is a string, and there is room for the answer.
    check(unsafe { libc::statx(dir, path.as_ptr(), flags, mask, &mut told) })?;
    let born = match told.stx_mask & libc::STATX_BTIME {
        0 => None,
        _ => Some(nanoseconds(&told.stx_btime)),
    };
    let device = (u64::from(told.stx_dev_major) << 20) | u64::from(told.stx_dev_minor);
    Ok(Found {
        inode: Inode::new([device, told.stx_ino, born.unwrap_or(0)]),
        mode: told.stx_mode.into(),
        owner: (told.stx_uid, told.stx_gid),
        is_socket: u32::from(told.stx_mode) & libc::S_IFMT == libc::S_IFSOCK,
        is_as_made: born == Some(nanoseconds(&told.stx_ctime)),
    })
}

fn nanoseconds(time: &libc::statx_timestamp) -> u64 {
    (time.tv_sec as u64)
        .wrapping_mul(1_000_000_000)
        .wrapping_add(time.tv_nsec.into())
}

/// What user namespaces show of who is none of theirs.
const NOBODY: u32 = 65534;

impl Found {
    /// Whether who may write to the name that was bound may write to the inode: it got mode and
    /// owner from that.
    fn is_as_its_name(&self) -> bool {
        // Of a group's bits an access list makes something else. And who has a network namespace
        // may write to each name there, but not to inodes of whom its users do not know.
        self.is_as_made
            && self.mode & 0o020 == 0
            && self.owner.0 != NOBODY
            && self.owner.1 != NOBODY
    }
}

/// What a program that connects or sends to a path must be allowed, beside the way to it.
fn may_write(path: &CStr, found: &Found) -> Result<(), Errno> {
    // For the owner the first bits count and nothing else: no need to walk the path again.
    // SAFETY: It has no preconditions.
    let is_owner = || found.owner.0 == unsafe { libc::geteuid() };
    if found.mode & 0o222 == 0o222 || found.mode & 0o200 != 0 && is_owner() {
        return Ok(());
    }
    // SAFETY: The path is a string.
    check(unsafe { libc::faccessat(AT_FDCWD, path.as_ptr(), libc::W_OK, libc::AT_EACCESS) })?;
    Ok(())
}

const REFUSED: Errno = Errno(libc::ECONNREFUSED);

/// Makes the call `go` with what AF_QSOCK calls an address of the program. ECONNREFUSED says that
/// nobody there has it.
pub fn reach<T>(address: &Address, mut go: impl FnMut(&Address) -> T) -> Result<T, Errno>
where
    T: PartialOrd + From<i8>,
{
    if address.kind() != Kind::Path {
        return check(go(&address.ours()));
    }
    let path = address.path();
    let found = match find(AT_FDCWD, path, 0) {
        // It was given to the program as it is.
        Err(Errno(libc::ENOENT)) if name::is_cut(path.to_bytes()) => {
            return check(go(&address.ours()));
        }
        found => found?,
    };
    if !found.is_socket {
        return Err(REFUSED);
    }
    let named = found.is_as_its_name();
    if !named {
        may_write(path, &found)?;
    }
    // Most are asked for as they were bound.
    let guess = of(path.to_bytes(), &found.inode);
    match check(go(&guess)) {
        Err(REFUSED) => {}
        result => return result,
    }
    if named {
        // Nobody has that name: nobody was asked.
        may_write(path, &found)?;
    }
    match bound(&found.inode) {
        Some(name) if name.name() != guess.name() => check(go(&name)),
        _ => Err(REFUSED),
    }
}

/// The address in AF_QSOCK of a path that was bound with this inode.
pub fn of(path: &[u8], inode: &Inode) -> Address {
    Address::joined(config::family(), &name::compose(path, inode)).terminated()
}

/// The name that somebody bound for an inode, whatever path that had.
fn bound(inode: &Inode) -> Option<Address> {
    // SAFETY: The path is a string.
    let fd = unsafe { libc::open(SOCKETS.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
    if fd < 0 {
        return None;
    }
    let mut buffer = [0u8; 4096];
    let mut there = 0;
    let mut found = None;
    while found.is_none() {
        let room = &mut buffer[there..];
        // SAFETY: There is that room.
        let read = unsafe { libc::read(fd, room.as_mut_ptr().cast(), size_of_val(room)) };
        if read <= 0 {
            break;
        }
        there += read as usize;
        let mut done = 0;
        while let Some(end) = buffer[done..there].iter().position(|byte| *byte == b'\n') {
            found = found.or_else(|| named(&buffer[done..done + end], inode));
            done += end + 1;
        }
        // No line of a name that is ours is longer than the buffer.
        if done == 0 && there == buffer.len() {
            done = there;
        }
        buffer.copy_within(done..there, 0);
        there -= done;
    }
    // SAFETY: The descriptor is ours.
    unsafe { libc::close(fd) };
    found
}

/// The name at the end of a line of /proc/net/qsock, if it is of this inode.
fn named(line: &[u8], inode: &Inode) -> Option<Address> {
    // Nine columns, with digits in them alone, stand before it.
    let is_start = |six: &[u8]| six == b" file:" || six == b" part:";
    let start = line.windows(6).position(is_start)? + 1;
    let name = &line[start..];
    name::is_of(name, inode).then(|| Address::new(config::family(), name).terminated())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read() {
        let inode = Inode::new([1, 2, 3]);
        let line = |name: &str| {
            format!("0000000000000000: 00000002 00000000 00010000 0001 01 4711 0 5 {name}")
        };
        let named = |name: &str| named(line(name).as_bytes(), &inode);
        let found = named("file:/run/a file:1:1.2.3").unwrap();
        assert_eq!(found.name(), b"file:/run/a file:1:1.2.3");
        assert!(named("part:/run/a:1.2.3").is_some());
        assert!(named("file:/run/a:1.2.4").is_none());
        assert!(named("@file:/run/a:1.2.3").is_none());
        assert!(named("").is_none());
    }

    #[test]
    fn an_inode_is_told_from_others() {
        let one = find(AT_FDCWD, c"/proc/self/exe", 0).unwrap();
        let link = find(AT_FDCWD, c"/proc/self/exe", libc::AT_SYMLINK_NOFOLLOW).unwrap();
        assert_ne!(one.inode, link.inode);
        assert!(!one.is_socket);
        let gone = find(AT_FDCWD, c"/nowhere/at/all", 0).err();
        assert_eq!(gone, Some(Errno(libc::ENOENT)));
    }
}
