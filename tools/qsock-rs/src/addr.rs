// SPDX-License-Identifier: GPL-2.0
//! Addresses: struct sockaddr_qs, which has the layout of struct sockaddr_un.

use crate::family::{family, QSOCK_NAME_MAX};
use libc::{sa_family_t, sockaddr, sockaddr_un, socklen_t};
use std::fmt;
use std::io::{Error, ErrorKind, Result};
use std::mem::{offset_of, size_of, zeroed};

const NAME: usize = offset_of!(sockaddr_un, sun_path);

/// The address of a socket: a name, or none.
#[derive(Clone, Copy)]
pub struct SocketAddr {
    raw: sockaddr_un,
    len: socklen_t,
}

impl SocketAddr {
    /// The address with a name. `InvalidInput` if the name is empty or too long, or holds a NUL after another
    /// first byte.
    pub fn new(name: impl AsRef<[u8]>) -> Result<SocketAddr> {
        let name = name.as_ref();
        let wrong = match name {
            [] => Some("the name is empty"),
            [first, rest @ ..] if *first != 0 && rest.contains(&0) => Some("the name holds NUL"),
            _ if name.len() > QSOCK_NAME_MAX => Some("the name is longer than 108 bytes"),
            _ => None,
        };
        match wrong {
            Some(why) => Err(Error::new(ErrorKind::InvalidInput, why)),
            None => Ok(SocketAddr::of(name)),
        }
    }

    /// The address with NUL and these bytes for a name: AF_UNIX calls it abstract.
    pub fn from_abstract_name(name: impl AsRef<[u8]>) -> Result<SocketAddr> {
        SocketAddr::new([b"\0", name.as_ref()].concat())
    }

    /// The family alone: binding it has the kernel choose a name.
    pub fn unnamed() -> SocketAddr {
        SocketAddr::of(b"")
    }

    fn of(name: &[u8]) -> SocketAddr {
        // SAFETY: All of its fields may be zero.
        let mut raw: sockaddr_un = unsafe { zeroed() };
        raw.sun_family = family() as sa_family_t;
        for (to, from) in raw.sun_path.iter_mut().zip(name) {
            *to = *from as libc::c_char;
        }
        SocketAddr {
            raw,
            len: (NAME + name.len()) as socklen_t,
        }
    }

    /// What a call that fills an address in made of it.
    pub(crate) fn filled<T>(
        fill: impl FnOnce(*mut sockaddr, *mut socklen_t) -> Result<T>,
    ) -> Result<(T, SocketAddr)> {
        let mut addr = SocketAddr::unnamed();
        let mut len = size_of::<sockaddr_un>() as socklen_t;
        let result = fill((&raw mut addr.raw).cast(), &mut len)?;
        // The kernel says the whole length, and what has no sender has no family either.
        addr.len = len.clamp(NAME as socklen_t, size_of::<sockaddr_un>() as socklen_t);
        Ok((result, addr))
    }

    pub(crate) fn pointer(&self) -> *const sockaddr {
        (&raw const self.raw).cast()
    }

    pub(crate) fn length(&self) -> socklen_t {
        self.len
    }

    /// The name, if there is one: with the NUL that it begins with, but without one that ends it.
    pub fn name(&self) -> Option<&[u8]> {
        let len = self.len as usize - NAME;
        // SAFETY: The length is never beyond the array.
        let name = unsafe { std::slice::from_raw_parts(self.raw.sun_path.as_ptr().cast(), len) };
        match name {
            [] => None,
            [0, ..] => Some(name),
            _ => name.split(|byte| *byte == 0).next(),
        }
    }

    /// The name behind its first NUL, if it begins with one.
    pub fn as_abstract_name(&self) -> Option<&[u8]> {
        self.name()?.strip_prefix(b"\0")
    }

    /// Whether there is no name.
    pub fn is_unnamed(&self) -> bool {
        self.name().is_none()
    }
}

impl PartialEq for SocketAddr {
    fn eq(&self, other: &SocketAddr) -> bool {
        self.name() == other.name()
    }
}

impl Eq for SocketAddr {}

impl fmt::Debug for SocketAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            None => f.write_str("(unnamed)"),
            Some(name) => write!(f, "\"{}\"", name.escape_ascii()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bytes() {
        let name = |name: &[u8]| SocketAddr::new(name).unwrap().name().map(<[u8]>::to_vec);
        assert_eq!(name(b"a/b"), Some(b"a/b".to_vec()));
        assert_eq!(name(b"\0a\0"), Some(b"\0a\0".to_vec()));
        assert_eq!(name(&[b'x'; 108]).map(|name| name.len()), Some(108));
        let abstract_name = SocketAddr::from_abstract_name("a").unwrap();
        assert_eq!(abstract_name.as_abstract_name(), Some(&b"a"[..]));
        assert!(SocketAddr::unnamed().is_unnamed());
    }

    #[test]
    fn bad_names_are_refused() {
        for name in [&b""[..], b"a\0b", &[b'x'; 109]] {
            assert_eq!(
                SocketAddr::new(name).unwrap_err().kind(),
                ErrorKind::InvalidInput
            );
        }
    }

    #[test]
    fn they_are_shown_escaped() {
        assert_eq!(
            format!("{:?}", SocketAddr::new("\0a\"").unwrap()),
            r#""\x00a\"""#
        );
        assert_eq!(format!("{:?}", SocketAddr::unnamed()), "(unnamed)");
    }
}
