// SPDX-License-Identifier: GPL-2.0
//! The mode and the owner of a name: who may connect and send to it.

use crate::family::{QSOCK_NAME_MODE, QSOCK_NAME_OWNER, SOL_QSOCK};
use crate::socket::{check, Socket};
use crate::{Owner, QsockDatagram, QsockListener, SocketAddr};
use libc::c_int;
use std::io::Result;

/// What a name has from the moment on that it is bound, so that nobody gets in before a mode is set.
///
/// ```no_run
/// # use qsock::{NameOptions, SocketAddr};
/// # fn main() -> std::io::Result<()> {
/// let listener = NameOptions::new()
///     .mode(0o600)
///     .listen(&SocketAddr::new("example/mine")?)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct NameOptions {
    mode: Option<u32>,
    owner: Option<Owner>,
}

impl NameOptions {
    /// A name as bind(2) makes it: all may connect, less the umask unless it begins with NUL.
    pub fn new() -> NameOptions {
        NameOptions::default()
    }

    /// The permission bits; the umask is taken away from them unless the name begins with NUL.
    pub fn mode(&mut self, mode: u32) -> &mut NameOptions {
        self.mode = Some(mode);
        self
    }

    /// Who owns the name, where the caller may give files to others.
    pub fn owner(&mut self, owner: Owner) -> &mut NameOptions {
        self.owner = Some(owner);
        self
    }

    /// Binds the name, and listens for connections.
    pub fn listen(&self, addr: &SocketAddr) -> Result<QsockListener> {
        QsockListener::over(self.bind(libc::SOCK_STREAM, addr)?)
    }

    /// Binds the name, for datagrams.
    pub fn datagram(&self, addr: &SocketAddr) -> Result<QsockDatagram> {
        self.bind(libc::SOCK_DGRAM, addr).map(QsockDatagram)
    }

    fn bind(&self, kind: c_int, addr: &SocketAddr) -> Result<Socket> {
        let socket = Socket::new(kind)?;
        // A socket's mode and owner before the bind are what its name gets.
        if let Some(mode) = self.mode {
            // SAFETY: It has no preconditions.
            check(unsafe { libc::fchmod(socket.fd(), mode) })?;
        }
        if let Some(Owner { uid, gid }) = self.owner {
            // SAFETY: It has no preconditions.
            check(unsafe { libc::fchown(socket.fd(), uid, gid) })?;
        }
        socket.bind(addr)?;
        Ok(socket)
    }
}

impl Socket {
    pub fn name_mode(&self) -> Result<u32> {
        self.option(SOL_QSOCK, QSOCK_NAME_MODE)
            .map(|mode: c_int| mode as u32)
    }

    pub fn set_name_mode(&self, mode: u32) -> Result<()> {
        self.set_option(SOL_QSOCK, QSOCK_NAME_MODE, mode as c_int)
    }

    pub fn name_owner(&self) -> Result<Owner> {
        self.option(SOL_QSOCK, QSOCK_NAME_OWNER)
    }

    pub fn set_name_owner(&self, owner: Owner) -> Result<()> {
        self.set_option(SOL_QSOCK, QSOCK_NAME_OWNER, owner)
    }
}
