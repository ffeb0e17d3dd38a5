// SPDX-License-Identifier: GPL-2.0
//! Who listens for connections.

use crate::socket::{common, retry, Socket};
use crate::{NameOptions, Owner, QsockStream, SocketAddr};
use std::io::{Error, Result};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

/// How many connections wait to be accepted, if the system's limit is not less: as std has it.
const BACKLOG: libc::c_int = 128;

/// A socket that waits for connections: [`std::os::unix::net::UnixListener`] in AF_QSOCK.
#[derive(Debug)]
pub struct QsockListener(pub(crate) Socket);

impl QsockListener {
    /// Binds a name and listens. `AddrInUse` if somebody has it. The name is there until the listener is closed.
    pub fn bind(name: impl AsRef<[u8]>) -> Result<QsockListener> {
        QsockListener::bind_addr(&SocketAddr::new(name)?)
    }

    /// The same by address.
    pub fn bind_addr(addr: &SocketAddr) -> Result<QsockListener> {
        NameOptions::new().listen(addr)
    }

    pub(crate) fn over(socket: Socket) -> Result<QsockListener> {
        // SAFETY: It has no preconditions.
        crate::socket::check(unsafe { libc::listen(socket.fd(), BACKLOG) })?;
        Ok(QsockListener(socket))
    }

    /// Waits for a connection; it comes with the name of who connected, which mostly has none.
    pub fn accept(&self) -> Result<(QsockStream, SocketAddr)> {
        let (fd, addr) = SocketAddr::filled(|addr, len| {
            // SAFETY: There is room for an address.
            retry(|| unsafe { libc::accept4(self.0.fd(), addr, len, libc::SOCK_CLOEXEC) })
        })?;
        // SAFETY: The descriptor is ours.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok((QsockStream(Socket(fd)), addr))
    }

    /// Connections without end.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming(self)
    }

    /// The permission bits of the name.
    pub fn name_mode(&self) -> Result<u32> {
        self.0.name_mode()
    }

    /// Changes the permission bits of the name: its write bits say who may connect. `PermissionDenied` if it is
    /// another's.
    pub fn set_name_mode(&self, mode: u32) -> Result<()> {
        self.0.set_name_mode(mode)
    }

    /// The owner of the name.
    pub fn name_owner(&self) -> Result<Owner> {
        self.0.name_owner()
    }

    /// Gives the name to others: a group that the caller is in, or with CAP_CHOWN anybody.
    pub fn set_name_owner(&self, owner: Owner) -> Result<()> {
        self.0.set_name_owner(owner)
    }
}

common!(QsockListener);

/// The connections of [`QsockListener::incoming`].
#[derive(Debug)]
pub struct Incoming<'a>(&'a QsockListener);

impl Iterator for Incoming<'_> {
    type Item = Result<QsockStream>;

    fn next(&mut self) -> Option<Result<QsockStream>> {
        Some(self.0.accept().map(|(stream, _)| stream))
    }
}

impl<'a> IntoIterator for &'a QsockListener {
    type Item = Result<QsockStream>;
    type IntoIter = Incoming<'a>;

    fn into_iter(self) -> Incoming<'a> {
        self.incoming()
    }
}
