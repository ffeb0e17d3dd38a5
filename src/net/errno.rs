// SPDX-License-Identifier: GPL-2.0

//! Names for the errno values of the socket layer that [`kernel::error::code`]
//! lacks. errno(3) says what each means.
//!
//! [`Error`] has no constructor for constants, so that these are of a type of
//! their own, which converts: `Err(ENOTCONN.into())`.

use crate::bindings;
use kernel::prelude::*;

/// An errno value.
#[derive(Clone, Copy)]
pub(crate) struct Errno(u32);

impl From<Errno> for Error {
    fn from(errno: Errno) -> Self {
        Error::from_errno(-(errno.0 as c_int))
    }
}

macro_rules! errno {
    ($($name:ident: $doc:literal,)*) => { $(
        #[doc = $doc]
        pub(crate) const $name: Errno = Errno(bindings::$name);
    )* };
}

errno! {
    EADDRINUSE: "Address already in use.",
    ECONNREFUSED: "Connection refused.",
    ECONNRESET: "Connection reset by peer.",
    EISCONN: "Transport endpoint is already connected.",
    ELOOP: "Too many levels of symbolic links.",
    ENAMETOOLONG: "File name too long.",
    ENOBUFS: "No buffer space available.",
    ENOTCONN: "Transport endpoint is not connected.",
    ENOPROTOOPT: "Protocol not available.",
    EOPNOTSUPP: "Operation not supported on transport endpoint.",
    EPROTONOSUPPORT: "Protocol not supported.",
    EPROTOTYPE: "Protocol wrong type for socket.",
    ESOCKTNOSUPPORT: "Socket type not supported.",
    ETOOMANYREFS: "Too many references: cannot splice.",
}
