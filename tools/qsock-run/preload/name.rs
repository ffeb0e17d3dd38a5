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

/// An inode: device, number, birth, with a point between two. Each has 11 digits at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Inode {
    bytes: [u8; 36],
    first: usize,
}

impl Inode {
    /// The inode with these numbers.
    pub fn new(numbers: [u64; 3]) -> Inode {
        let (mut bytes, mut first) = ([b'.'; 36], 36);
        // From the last digit of the last one.
        for (at, mut rest) in numbers.into_iter().enumerate().rev() {
            loop {
                first -= 1;
                bytes[first] = DIGITS[rest as usize % 64];
                rest /= 64;
                if rest == 0 {
                    break;
                }
            }
            // The point before it is there.
            first -= usize::from(at > 0);
        }
        Inode { bytes, first }
    }

    pub fn get(&self) -> &[u8] {
        &self.bytes[self.first..]
    }
}

/// The name for a path and its inode, in pieces.
pub fn compose<'a>(path: &'a [u8], inode: &'a Inode) -> [&'a [u8]; 4] {
    let room = ROOM - WHOLE.len() - 1 - inode.get().len();
    let (kind, path) = match path.get(..room) {
        Some(part) if path.len() > room => (PART, part),
        _ => (WHOLE, path),
    };
    [kind, path, b":", inode.get()]
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
        let inode = Inode::new([0x801, 77, 1]);
        assert_eq!(inode.get(), b"W1.1D.1");
        let name = compose(b"/run/a:b", &inode).concat();
        assert_eq!(&name, b"file:/run/a:b:W1.1D.1");
        assert_eq!(path(&name), Some(&b"/run/a:b"[..]));
        assert!(is_of(&name, &inode));
    }

    #[test]
    fn the_inode_counts_whatever_the_path() {
        let one = Inode::new([1, 2, 3]);
        assert!(is_of(&compose(b"x", &one).concat(), &one));
        for other in [[1, 2, 4], [1, 22, 3], [0, 2, 3]] {
            assert!(!is_of(&compose(b"x", &one).concat(), &Inode::new(other)));
        }
        assert!(!is_of(b"file:x1.2.3", &one));
        assert!(!is_of(b"x:1.2.3", &one));
    }

    #[test]
    fn the_largest_numbers_fit() {
        let inode = Inode::new([u64::MAX; 3]);
        assert_eq!(inode.get().len(), 35);
        let name = compose(&[b'x'; 108], &inode).concat();
        assert_eq!(name.len(), ROOM);
        assert!(is_of(&name, &inode) && is_cut(&name));
        assert_eq!(path(&name), None);
        let fits = compose(&[b'x'; 67], &inode).concat();
        assert_eq!(path(&fits).map(<[u8]>::len), Some(67));
    }
}
