// SPDX-License-Identifier: GPL-2.0
//! What goes beside the bytes: descriptors and credentials.

use libc::{c_int, cmsghdr, msghdr, SOL_SOCKET};
use std::mem::{size_of, take};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

/// Not in every libc.
const SCM_PIDFD: c_int = 4;

/// A process and its user and group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UCred {
    /// The process.
    pub pid: i32,
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

/// Room for ancillary data, to be sent or received. Descriptors that came and were not looked at are closed with it.
#[derive(Debug, Default)]
pub struct SocketAncillary {
    /// Of a type that is aligned as the headers are.
    room: Vec<u64>,
    /// How many bytes of it hold headers.
    len: usize,
    truncated: bool,
    /// What came, and was not taken yet.
    came: Vec<AncillaryData>,
}

/// One piece of ancillary data that came.
#[derive(Debug)]
#[non_exhaustive]
pub enum AncillaryData {
    /// Descriptors of the sender's files.
    ScmRights(Vec<OwnedFd>),
    /// Who sent the message.
    ScmCredentials(UCred),
    /// A descriptor of the process that sent it.
    ScmPidfd(OwnedFd),
}

/// What came, piece by piece; see [`SocketAncillary::messages`].
#[derive(Debug)]
pub struct Messages(std::vec::IntoIter<AncillaryData>);

impl Iterator for Messages {
    type Item = AncillaryData;

    fn next(&mut self) -> Option<AncillaryData> {
        self.0.next()
    }
}

impl SocketAncillary {
    /// Room for so many bytes, headers included: see [`room_for_fds`](Self::room_for_fds).
    pub fn new(bytes: usize) -> SocketAncillary {
        SocketAncillary {
            room: vec![0; bytes.div_ceil(size_of::<u64>())],
            ..SocketAncillary::default()
        }
    }

    /// The bytes that `count` descriptors of one message take; `usize::MAX` for more than a message may have.
    pub fn room_for_fds(count: usize) -> usize {
        space(count.saturating_mul(size_of::<RawFd>()))
    }

    /// The bytes that credentials take.
    pub fn room_for_creds() -> usize {
        space(size_of::<libc::ucred>())
    }

    /// The room, in bytes.
    pub fn capacity(&self) -> usize {
        self.room.len() * size_of::<u64>()
    }

    /// How much of it is to be sent.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is to be sent.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether something that came did not fit, and is lost.
    pub fn truncated(&self) -> bool {
        self.truncated
    }

    /// Takes what came.
    pub fn messages(&mut self) -> Messages {
        Messages(take(&mut self.came).into_iter())
    }

    /// Forgets all that is in it.
    pub fn clear(&mut self) {
        self.len = 0;
        self.truncated = false;
        self.came.clear();
    }

    /// Adds descriptors to what is to be sent; false if there is no room for them.
    pub fn add_fds(&mut self, fds: &[BorrowedFd<'_>]) -> bool {
        let numbers: Vec<RawFd> = fds.iter().map(|fd| fd.as_raw_fd()).collect();
        self.add(libc::SCM_RIGHTS, &numbers)
    }

    /// Adds credentials; false if there is no room for them. The kernel checks that they are the sender's, or that it
    /// may say so.
    pub fn add_creds(&mut self, cred: UCred) -> bool {
        let UCred { pid, uid, gid } = cred;
        self.add(libc::SCM_CREDENTIALS, &[libc::ucred { pid, uid, gid }])
    }

    fn add<T: Copy>(&mut self, kind: c_int, data: &[T]) -> bool {
        let size = size_of_val(data);
        let end = self.len.saturating_add(space(size));
        if end > self.capacity() {
            return false;
        }
        // SAFETY: There is room for the header and the data, and the place is aligned.
        unsafe {
            let header = self
                .room
                .as_mut_ptr()
                .cast::<u8>()
                .add(self.len)
                .cast::<cmsghdr>();
            (*header).cmsg_len = libc::CMSG_LEN(size as u32) as _;
            (*header).cmsg_level = SOL_SOCKET;
            (*header).cmsg_type = kind;
            let to = libc::CMSG_DATA(header);
            ptr::copy_nonoverlapping(data.as_ptr().cast::<u8>(), to, size);
        }
        self.len = end;
        true
    }

    pub(crate) fn send(&self, message: &mut msghdr) {
        message.msg_control = self.room.as_ptr().cast_mut().cast();
        message.msg_controllen = self.len as _;
    }

    pub(crate) fn receive(&mut self, message: &mut msghdr) {
        message.msg_control = self.room.as_mut_ptr().cast();
        message.msg_controllen = self.capacity() as _;
    }

    /// Takes charge of what a receive left.
    pub(crate) fn received(&mut self, message: &msghdr) {
        self.truncated = message.msg_flags & libc::MSG_CTRUNC != 0;
        // SAFETY: The kernel filled the message in, and its control data is in our room.
        let mut next = unsafe { libc::CMSG_FIRSTHDR(message) };
        while !next.is_null() {
            // SAFETY: As above.
            let header = unsafe { &*next };
            self.came.extend(Self::read(header));
            // SAFETY: As above.
            next = unsafe { libc::CMSG_NXTHDR(message, next) };
        }
    }

    fn read(header: &cmsghdr) -> Option<AncillaryData> {
        if header.cmsg_level != SOL_SOCKET {
            return None;
        }
        // SAFETY: The data stands behind its header.
        let data = unsafe { libc::CMSG_DATA(header) };
        let size = header
            .cmsg_len
            .saturating_sub(data as usize - ptr::from_ref(header) as usize);
        let numbers = || {
            (0..size / size_of::<RawFd>()).map(|at| {
                // SAFETY: There are so many.
                unsafe { data.cast::<RawFd>().add(at).read_unaligned() }
            })
        };
        match header.cmsg_type {
            libc::SCM_RIGHTS => {
                // SAFETY: The kernel made the descriptors for us.
                let owned = numbers().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
                Some(AncillaryData::ScmRights(owned.collect()))
            }
            libc::SCM_CREDENTIALS if size >= size_of::<libc::ucred>() => {
                // SAFETY: There is one.
                let cred = unsafe { data.cast::<libc::ucred>().read_unaligned() };
                Some(AncillaryData::ScmCredentials(UCred {
                    pid: cred.pid,
                    uid: cred.uid,
                    gid: cred.gid,
                }))
            }
            // An error may stand there in its place.
            SCM_PIDFD => numbers().next().filter(|fd| *fd >= 0).map(|fd| {
                // SAFETY: As above.
                AncillaryData::ScmPidfd(unsafe { OwnedFd::from_raw_fd(fd) })
            }),
            _ => None,
        }
    }
}

/// The bytes that data of a size takes with its header; no buffer has as many where they cannot be told.
fn space(size: usize) -> usize {
    match u32::try_from(size) {
        // The kernel's limit for all of a message; below it the sums of the C library do not wrap.
        Ok(size) if size <= i32::MAX as u32 => {
            // SAFETY: It only reckons.
            unsafe { libc::CMSG_SPACE(size) as usize }
        }
        _ => usize::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut ancillary = SocketAncillary::new(SocketAncillary::room_for_fds(2));
        let file = std::fs::File::open("/dev/null").unwrap();
        let fds = [file.as_fd(); 3];
        assert!(!ancillary.add_fds(&fds) && ancillary.is_empty());
        assert!(ancillary.add_fds(&fds[..2]));
        assert_eq!(ancillary.len(), SocketAncillary::room_for_fds(2));
        assert!(!ancillary.add_fds(&fds[..1]));
        ancillary.clear();
        assert!(ancillary.is_empty());
    }

    #[test]
    fn sizes_do_not_wrap() {
        let room = SocketAncillary::room_for_fds;
        assert!(room(1 << 28) > 1 << 30);
        for count in [1 << 30, 1 << 32, usize::MAX / 4 + 2, usize::MAX] {
            assert_eq!(room(count), usize::MAX, "{count}");
        }
    }
}
