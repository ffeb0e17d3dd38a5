// SPDX-License-Identifier: GPL-2.0
//! The name that AF_QSOCK has for a path: `file:PATH:INODE`.
//!
//! INODE is what counts: device, number and birth of the socket inode, so that a renamed or linked
//! file, another way to spell the path, and an inode number that the file system gave out again are
//! told apart as AF_UNIX does. PATH is as it was bound: that is what getsockname(2) and the like
//! have for the program, and a policy for its patterns. Where it does not fit, it is cut, and `part:`
//! stands in front.

use crate::sockaddr::ROOM;

const WHOLE: &[u8] = b"file:";
const PART: &[u8] = b"part:";

/// Where the path begins.
pub const START: usize = WHOLE.len();

/// Digits of an inode's numbers. A colon is none.
const DIGITS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+-";

/// Bytes up to some number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bytes<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Bytes<N> {
    pub const fn new() -> Self {
        Bytes {
            bytes: [0; N],
            len: 0,
        }
    }

    /// Adds what fits.
    pub fn push(&mut self, more: &[u8]) {
        let fits = more.len().min(N - self.len);
        self.bytes[self.len..][..fits].copy_from_slice(&more[..fits]);
        self.len += fits;
    }

    pub fn get(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// An inode: device, number, birth. Each number has 11 digits at most.
pub type Inode = Bytes<36>;

/// A name of AF_QSOCK.
pub type Name = Bytes<ROOM>;

/// The inode with these numbers.
pub fn inode(numbers: [u64; 3]) -> Inode {
    let mut inode = Inode::new();
    for (at, number) in numbers.into_iter().enumerate() {
        if at > 0 {
            inode.push(b".");
        }
        // From the last one: what is before the first is not written.
        let (mut digits, mut first, mut rest) = ([0; 11], 11, number);
        while first == 11 || rest > 0 {
            first -= 1;
            digits[first] = DIGITS[rest as usize % 64];
            rest /= 64;
        }
        inode.push(&digits[first..]);
    }
    inode
}

/// The name for a path and its inode.
pub fn compose(path: &[u8], inode: &Inode) -> Name {
    let room = ROOM - WHOLE.len() - 1 - inode.get().len();
    let mut name = Name::new();
    name.push(if path.len() > room { PART } else { WHOLE });
    name.push(&path[..path.len().min(room)]);
    name.push(b":");
    name.push(inode.get());
    name
}

/// The path in a name, unless it was cut or the name is none of these. Of a name whose end is missing,
/// what there is.
pub fn path(name: &[u8]) -> Option<&[u8]> {
    let rest = name.strip_prefix(WHOLE)?;
    let colon = rest.iter().rposition(|byte| *byte == b':');
    Some(&rest[..colon.unwrap_or(rest.len())])
}

/// Whether the name is one that stands for this inode, however the path was spelled.
pub fn is_of(name: &[u8], inode: &Inode) -> bool {
    let begins = name.starts_with(WHOLE) || name.starts_with(PART);
    let ends = name.strip_suffix(inode.get());
    begins && ends.is_some_and(|rest| rest.ends_with(b":"))
}

/// Whether it is one whose path was cut: programs see it as it is, and give it back so.
pub fn is_cut(name: &[u8]) -> bool {
    name.starts_with(PART)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_comes_back() {
        let inode = inode([0x801, 77, 1]);
        assert_eq!(inode.get(), b"W1.1D.1");
        let name = compose(b"/run/a:b", &inode);
        assert_eq!(name.get(), b"file:/run/a:b:W1.1D.1");
        assert_eq!(path(name.get()), Some(&b"/run/a:b"[..]));
        assert!(is_of(name.get(), &inode));
    }

    #[test]
    fn the_inode_counts_whatever_the_path() {
        let one = inode([1, 2, 3]);
        assert!(is_of(compose(b"x", &one).get(), &one));
        for other in [[1, 2, 4], [1, 22, 3], [0, 2, 3]] {
            assert!(!is_of(compose(b"x", &one).get(), &inode(other)));
        }
        assert!(!is_of(b"file:x1.2.3", &one));
        assert!(!is_of(b"x:1.2.3", &one));
    }

    #[test]
    fn the_largest_numbers_fit() {
        let inode = inode([u64::MAX; 3]);
        assert_eq!(inode.get().len(), 35);
        let name = compose(&[b'x'; 108], &inode);
        assert_eq!(name.get().len(), ROOM);
        assert!(is_of(name.get(), &inode) && is_cut(name.get()));
        assert_eq!(path(name.get()), None);
        let fits = compose(&[b'x'; 67], &inode);
        assert_eq!(path(fits.get()).map(<[u8]>::len), Some(67));
    }
}
