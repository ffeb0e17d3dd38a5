// SPDX-License-Identifier: GPL-2.0
//! Datagrams.

use crate::ancillary::UCred;
use crate::message;
use crate::socket::{common, connected, Socket};
use crate::{NameOptions, Owner, SocketAddr, SocketAncillary};
use std::io::{Error, IoSlice, IoSliceMut, Result};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// A socket for datagrams, reliable and in order: [`std::os::unix::net::UnixDatagram`] in AF_QSOCK.
#[derive(Debug)]
pub struct QsockDatagram(pub(crate) Socket);

impl QsockDatagram {
    /// A socket with a name. `AddrInUse` if somebody has it.
    pub fn bind(name: impl AsRef<[u8]>) -> Result<QsockDatagram> {
        QsockDatagram::bind_addr(&SocketAddr::new(name)?)
    }

    /// The same by address.
    pub fn bind_addr(addr: &SocketAddr) -> Result<QsockDatagram> {
        NameOptions::new().datagram(addr)
    }

    /// A socket without a name.
    pub fn unbound() -> Result<QsockDatagram> {
        Socket::new(libc::SOCK_DGRAM).map(QsockDatagram)
    }

    /// Two sockets that are connected with each other.
    pub fn pair() -> Result<(QsockDatagram, QsockDatagram)> {
        let (one, two) = Socket::pair(libc::SOCK_DGRAM)?;
        Ok((QsockDatagram(one), QsockDatagram(two)))
    }

    /// Has [`send`](Self::send) send to a name, and takes datagrams from there alone.
    pub fn connect(&self, name: impl AsRef<[u8]>) -> Result<()> {
        self.connect_addr(&SocketAddr::new(name)?)
    }

    /// The same by address.
    pub fn connect_addr(&self, addr: &SocketAddr) -> Result<()> {
        self.0.connect(addr)
    }

    /// Receives a datagram. What does not fit the buffer is lost.
    pub fn recv(&self, buffer: &mut [u8]) -> Result<usize> {
        self.0.recv(buffer, 0)
    }

    /// The same, with who sent it.
    pub fn recv_from(&self, buffer: &mut [u8]) -> Result<(usize, SocketAddr)> {
        self.0.recv_from(buffer, 0)
    }

    /// The same, and the datagram stays where it is.
    pub fn peek_from(&self, buffer: &mut [u8]) -> Result<(usize, SocketAddr)> {
        self.0.recv_from(buffer, libc::MSG_PEEK)
    }

    /// Sends a datagram to the peer.
    pub fn send(&self, data: &[u8]) -> Result<usize> {
        self.0.send(data)
    }

    /// Sends a datagram to a name.
    pub fn send_to(&self, data: &[u8], name: impl AsRef<[u8]>) -> Result<usize> {
        self.send_to_addr(data, &SocketAddr::new(name)?)
    }

    /// The same by address.
    pub fn send_to_addr(&self, data: &[u8], addr: &SocketAddr) -> Result<usize> {
        self.0.send_to(data, addr)
    }

    /// Receives a datagram into buffers one after the other, and what comes beside it into `ancillary`. The
    /// second value says whether it was cut.
    pub fn recv_vectored_with_ancillary(
        &self,
        buffers: &mut [IoSliceMut<'_>],
        ancillary: &mut SocketAncillary,
    ) -> Result<(usize, bool)> {
        let received = message::recv(&self.0, buffers, ancillary)?;
        Ok((received.len, received.cut))
    }

    /// The same, with who sent it.
    pub fn recv_vectored_with_ancillary_from(
        &self,
        buffers: &mut [IoSliceMut<'_>],
        ancillary: &mut SocketAncillary,
    ) -> Result<(usize, bool, SocketAddr)> {
        let received = message::recv(&self.0, buffers, ancillary)?;
        Ok((received.len, received.cut, received.from))
    }

    /// Sends buffers as one datagram to the peer, with `ancillary`.
    pub fn send_vectored_with_ancillary(
        &self,
        buffers: &[IoSlice<'_>],
        ancillary: &SocketAncillary,
    ) -> Result<usize> {
        message::send(&self.0, buffers, ancillary, None)
    }

    /// The same to an address.
    pub fn send_vectored_with_ancillary_to(
        &self,
        buffers: &[IoSlice<'_>],
        ancillary: &SocketAncillary,
        addr: &SocketAddr,
    ) -> Result<usize> {
        message::send(&self.0, buffers, ancillary, Some(addr))
    }

    /// The permission bits of the name that it bound.
    pub fn name_mode(&self) -> Result<u32> {
        self.0.name_mode()
    }

    /// Changes them: the write bits say who may send. `PermissionDenied` if the name is another's.
    pub fn set_name_mode(&self, mode: u32) -> Result<()> {
        self.0.set_name_mode(mode)
    }

    /// The owner of the name that it bound.
    pub fn name_owner(&self) -> Result<Owner> {
        self.0.name_owner()
    }

    /// Gives the name to others: a group that the caller is in, or with CAP_CHOWN anybody.
    pub fn set_name_owner(&self, owner: Owner) -> Result<()> {
        self.0.set_name_owner(owner)
    }
}

common!(QsockDatagram);
connected!(QsockDatagram);
