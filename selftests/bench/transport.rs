// SPDX-License-Identifier: GPL-2.0
//! The transports that are compared, and how each makes two ends that are connected.

use std::io::{Error, ErrorKind, Result};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::raw::c_int;

use crate::sys;

/// Blocks above this size need larger buffers than each transport has by default.
pub const DEFAULT_ROOM: usize = 1 << 16;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A local family, with names in the layout of sockaddr_un.
    Local(c_int),
    Pipe,
    Vsock,
    Tcp,
    /// Two empty system calls and two copies: what no transport can go below. Between processes, two of the
    /// cheapest wake-ups that the kernel offers.
    Limit,
}

#[derive(Clone, Copy)]
pub struct Transport {
    pub name: &'static str,
    pub kind: Kind,
}

/// Two connected ends: what is sent on the first is received on the second. Of sockets the second can answer.
pub struct Pair {
    pub send: OwnedFd,
    pub recv: OwnedFd,
    socket: bool,
}

impl Pair {
    /// Two sockets that are connected.
    pub fn of_sockets([send, recv]: [OwnedFd; 2]) -> Pair {
        Pair {
            send,
            recv,
            socket: true,
        }
    }

    #[inline]
    pub fn send(&self, bytes: &[u8], flags: c_int) -> Result<usize> {
        let fd = self.send.as_raw_fd();
        if self.socket {
            sys::send_to_peer(fd, bytes, flags)
        } else {
            sys::write_to(fd, bytes)
        }
    }

    #[inline]
    pub fn recv(&self, bytes: &mut [u8]) -> Result<usize> {
        let fd = self.recv.as_raw_fd();
        if self.socket {
            sys::recv_from_peer(fd, bytes)
        } else {
            sys::read_from(fd, bytes)
        }
    }

    /// Moves the whole of `bytes` through, in one piece if that fits.
    pub fn turn(&self, bytes: &mut [u8]) -> Result<()> {
        if bytes.len() > DEFAULT_ROOM {
            return self.pieces(bytes);
        }
        let sent = self.send(bytes, 0)?;
        let mut got = self.recv(bytes)?;
        // A stream may come in parts.
        while got < sent {
            got += self.recv(&mut bytes[got..])?;
        }
        Ok(())
    }

    /// The same for what may not fit: it must not wait for the reader, which is this process.
    fn pieces(&self, bytes: &mut [u8]) -> Result<()> {
        let (mut sent, mut got) = (0, 0);
        while got < bytes.len() {
            if sent < bytes.len() {
                match self.send(&bytes[sent..], sys::MSG_DONTWAIT) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    result => sent += result?,
                }
            }
            if got < sent {
                got += self.recv(&mut bytes[got..sent])?;
            }
        }
        Ok(())
    }
}

impl Transport {
    /// A pair whose ends have room for `size` bytes.
    pub fn pair(&self, kind: c_int, size: usize) -> Result<Pair> {
        let room = (size > DEFAULT_ROOM).then_some(4 * size);
        let (ends, socket) = match self.kind {
            Kind::Local(family) => (sys::new_pair(family, kind)?, true),
            Kind::Pipe => {
                let [read, write] = sys::new_pipe()?;
                // A pipe of the usual size holds exactly 64 KiB.
                sys::set_pipe_size(&write, (2 * size).max(1 << 17))?;
                if room.is_some() {
                    sys::set_nonblocking(&write)?;
                }
                ([write, read], false)
            }
            Kind::Vsock | Kind::Tcp => {
                let listener = Listener::new(self, kind, Some((4 * size).max(1 << 18)))?;
                let [client, server] = listener.connection()?;
                ([client, server], true)
            }
            Kind::Limit => return Err(Error::other("the limit is no transport")),
        };
        let [send, recv] = ends;
        if let (Kind::Local(_), Some(room)) = (self.kind, room) {
            force_room(&send, room)?;
            force_room(&recv, room)?;
        }
        Ok(Pair { send, recv, socket })
    }
}

fn force_room(fd: &OwnedFd, room: usize) -> Result<()> {
    let value = (room as c_int).to_ne_bytes();
    sys::set_option(fd, sys::SOL_SOCKET, sys::SO_SNDBUFFORCE, &value)?;
    sys::set_option(fd, sys::SOL_SOCKET, sys::SO_RCVBUFFORCE, &value)
}

/// An address of a local family that begins with NUL.
pub fn local_name(family: c_int, name: &str) -> Vec<u8> {
    let mut addr = (family as u16).to_ne_bytes().to_vec();
    addr.push(0);
    addr.extend(name.bytes());
    addr
}

/// A socket to connect to.
pub struct Listener {
    socket: OwnedFd,
    addr: Vec<u8>,
    family: c_int,
    kind: c_int,
    room: Option<usize>,
}

impl Listener {
    pub fn new(transport: &Transport, kind: c_int, room: Option<usize>) -> Result<Listener> {
        let (family, any) = match transport.kind {
            Kind::Local(family) => (family, local_name(family, "qbench-listener")),
            // struct sockaddr_in: any port of 127.0.0.1
            Kind::Tcp => (
                sys::AF_INET,
                [&2_u16.to_ne_bytes()[..], &[0, 0, 127, 0, 0, 1], &[0; 8]].concat(),
            ),
            // struct sockaddr_vm: any port of VMADDR_CID_LOCAL
            Kind::Vsock => (
                sys::AF_VSOCK,
                [
                    &40_u16.to_ne_bytes()[..],
                    &[0; 2],
                    &u32::MAX.to_ne_bytes(),
                    &1_u32.to_ne_bytes(),
                    &[0; 4],
                ]
                .concat(),
            ),
            Kind::Pipe | Kind::Limit => return Err(Error::other("nothing to connect to")),
        };
        Listener::at(family, kind, any, room)
    }

    /// One at an address of the family.
    pub fn at(family: c_int, kind: c_int, addr: Vec<u8>, room: Option<usize>) -> Result<Listener> {
        let socket = sys::new_socket(family, kind)?;
        let mut listener = Listener {
            socket,
            addr,
            family,
            kind,
            room,
        };
        listener.prepare(&listener.socket)?;
        sys::bind_to(&listener.socket, &listener.addr)?;
        sys::listen_on(&listener.socket)?;
        listener.addr = sys::name_of(&listener.socket)?;
        Ok(listener)
    }

    /// What must be set before a connection is made.
    fn prepare(&self, socket: &OwnedFd) -> Result<()> {
        if self.family == sys::AF_INET {
            sys::set_option(
                socket,
                sys::IPPROTO_TCP,
                sys::TCP_NODELAY,
                &1_i32.to_ne_bytes(),
            )?;
        }
        match (self.family, self.room) {
            (sys::AF_VSOCK, Some(room)) => {
                // SO_VM_SOCKETS_BUFFER_MAX_SIZE, SO_VM_SOCKETS_BUFFER_SIZE
                let value = (room as u64).to_ne_bytes();
                sys::set_option(socket, sys::AF_VSOCK, 2, &value)?;
                sys::set_option(socket, sys::AF_VSOCK, 0, &value)
            }
            (_, Some(room)) => force_room(socket, room),
            _ => Ok(()),
        }
    }

    /// A new connection: its client and what accept(2) gave.
    pub fn connection(&self) -> Result<[OwnedFd; 2]> {
        let client = sys::new_socket(self.family, self.kind)?;
        self.prepare(&client)?;
        sys::connect_to(&client, &self.addr)?;
        Ok([client, sys::accept_from(&self.socket)?])
    }
}
