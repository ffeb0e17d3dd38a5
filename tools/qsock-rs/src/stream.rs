// SPDX-License-Identifier: GPL-2.0
//! Streams of bytes.

use crate::ancillary::UCred;
use crate::message;
use crate::socket::{common, connected, Socket};
use crate::{SocketAddr, SocketAncillary};
use std::io::{Error, IoSlice, IoSliceMut, Read, Result, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// As many buffers as the kernel takes in a call. Of more a stream's read or write does the first, as std's.
const MOST: usize = libc::UIO_MAXIOV as usize;

/// A stream of bytes to and from another socket: [`std::os::unix::net::UnixStream`] in AF_QSOCK.
#[derive(Debug)]
pub struct QsockStream(pub(crate) Socket);

impl QsockStream {
    /// Connects to whoever listens at a name. `ConnectionRefused` if nobody does, `PermissionDenied` if the name's mode
    /// does not let the caller.
    pub fn connect(name: impl AsRef<[u8]>) -> Result<QsockStream> {
        QsockStream::connect_addr(&SocketAddr::new(name)?)
    }

    /// The same by address.
    pub fn connect_addr(addr: &SocketAddr) -> Result<QsockStream> {
        let socket = Socket::new(libc::SOCK_STREAM)?;
        socket.connect(addr)?;
        Ok(QsockStream(socket))
    }

    /// Two streams that are connected with each other.
    pub fn pair() -> Result<(QsockStream, QsockStream)> {
        let (one, two) = Socket::pair(libc::SOCK_STREAM)?;
        Ok((QsockStream(one), QsockStream(two)))
    }

    /// Receives into buffers one after the other, and what comes beside the bytes into `ancillary`.
    pub fn recv_vectored_with_ancillary(
        &self,
        buffers: &mut [IoSliceMut<'_>],
        ancillary: &mut SocketAncillary,
    ) -> Result<usize> {
        Ok(message::recv(&self.0, buffers, ancillary)?.len)
    }

    /// Sends buffers one after the other, and `ancillary` with their first byte.
    pub fn send_vectored_with_ancillary(
        &self,
        buffers: &[IoSlice<'_>],
        ancillary: &SocketAncillary,
    ) -> Result<usize> {
        message::send(&self.0, buffers, ancillary, None)
    }
}

common!(QsockStream);
connected!(QsockStream);

impl Read for &QsockStream {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.0.recv(buffer, 0)
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> Result<usize> {
        let most = buffers.len().min(MOST);
        let buffers = &mut buffers[..most];
        Ok(message::recv(&self.0, buffers, &mut SocketAncillary::new(0))?.len)
    }
}

impl Write for &QsockStream {
    fn write(&mut self, data: &[u8]) -> Result<usize> {
        self.0.send(data)
    }

    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> Result<usize> {
        let buffers = &buffers[..buffers.len().min(MOST)];
        message::send(&self.0, buffers, &SocketAncillary::new(0), None)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Read for QsockStream {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        (&*self).read(buffer)
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> Result<usize> {
        (&*self).read_vectored(buffers)
    }
}

impl Write for QsockStream {
    fn write(&mut self, data: &[u8]) -> Result<usize> {
        (&*self).write(data)
    }

    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> Result<usize> {
        (&*self).write_vectored(buffers)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    /// What is tested is the crate's part, so that the sockets may be of AF_UNIX.
    #[test]
    fn more_buffers_than_a_call_takes() {
        let (one, two) = UnixStream::pair().unwrap();
        let [mut one, mut two] = [one, two].map(|end| QsockStream::from(OwnedFd::from(end)));
        let many = vec![IoSlice::new(b"x"); MOST + 1];
        assert_eq!(one.write_vectored(&many).unwrap(), MOST);
        let mut bytes = vec![0; MOST + 1];
        let mut rooms: Vec<_> = bytes.chunks_mut(1).map(IoSliceMut::new).collect();
        assert_eq!(two.read_vectored(&mut rooms).unwrap(), MOST);
        assert_eq!(bytes, [vec![b'x'; MOST], vec![0]].concat());
    }
}
