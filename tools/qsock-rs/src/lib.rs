// SPDX-License-Identifier: GPL-2.0
//! Sockets of AF_QSOCK, with the shapes that [`std::os::unix::net`] has for those of AF_UNIX.
//!
//! [`QsockStream`], [`QsockListener`] and [`QsockDatagram`] have the methods of `UnixStream` and its kin, with
//! the same errors; qsock(7) says where the families differ. Beyond them there is what AF_QSOCK has more of: the mode
//! and the owner of a name ([`NameOptions`], [`QsockListener::set_name_mode`]); and what the standard library has not
//! made stable: ancillary data ([`SocketAncillary`]) and the peer's credentials ([`UCred`]).
//!
//! A name is no file. It is bytes, up to [`family::QSOCK_NAME_MAX`] of them, given as anything that is bytes: one
//! that begins with NUL counts to its end, any other must hold no NUL.
//!
//! ```no_run
//! use qsock::{QsockListener, QsockStream};
//! use std::io::{Read, Write};
//!
//! # fn main() -> std::io::Result<()> {
//! let listener = QsockListener::bind("example/echo")?;
//! QsockStream::connect("example/echo")?.write_all(b"hello")?;
//! let (mut stream, _) = listener.accept()?;
//! let mut text = String::new();
//! stream.read_to_string(&mut text)?;
//! # Ok(())
//! # }
//! ```
//!
//! All calls may sleep unless the socket is non-blocking. The family's number is asked of the system once
//! ([`family()`]); where the module is not loaded, the first socket loads it, or is `EAFNOSUPPORT`.

#![warn(missing_docs)]

mod addr;
mod ancillary;
mod datagram;
pub mod family;
mod listener;
mod message;
mod name;
mod numbers;
mod socket;
mod stream;

pub use addr::SocketAddr;
pub use ancillary::{AncillaryData, Messages, SocketAncillary, UCred};
pub use datagram::QsockDatagram;
pub use family::{family, Owner};
pub use listener::{Incoming, QsockListener};
pub use name::NameOptions;
pub use stream::QsockStream;
