// SPDX-License-Identifier: GPL-2.0

//! `struct proto_ops`: the operations of a family, in safe Rust.
//!
//! C header: [`include/linux/net.h`](srctree/include/linux/net.h)

use super::{
    addr::{Address, AddressBuf},
    family::SocketFamily,
    msg::{RecvMsg, SendMsg},
    poll::{Events, PollWait},
    sight::Sight,
    sock::Sock,
    socket::{AcceptSocket, Socket},
    sockopt::{OptIn, OptOut},
    uapi::{NameOf, Shutdown}, //
};
use core::pin::Pin;
use kernel::{
    build_error,
    error::VTABLE_DEFAULT_ERROR,
    prelude::*,
    seq_file::SeqFile, //
};

/// What the sockets of a family do.
///
/// The methods are called in process context, may sleep, and run concurrently
/// on one socket, but for [`SocketOps::release`].
#[vtable]
pub(crate) trait SocketOps: Sized + Send + Sync + 'static {
    /// The family.
    type Family: SocketFamily<Socket = Self>;

    /// The last file of the socket is gone. The data is dropped after this.
    fn release(self: Pin<&mut Self>, sk: &Sock);

    /// bind(2).
    fn bind(_sock: &Socket<Self>, _addr: Address<'_>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// connect(2).
    fn connect(_sock: &Socket<Self>, _addr: Address<'_>, _nonblock: bool) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// socketpair(2): connects two new sockets.
    fn socketpair(_a: &Socket<Self>, _b: &Socket<Self>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// accept(2): grafts a new sock to `new`.
    fn accept(_sock: &Socket<Self>, _new: AcceptSocket<'_, Self>, _nonblock: bool) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// getsockname(2), getpeername(2).
    fn getname(_sock: &Socket<Self>, _of: NameOf, _name: &mut AddressBuf<'_>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// poll(2). May sleep for locks.
    fn poll(_sock: &Socket<Self>, _wait: PollWait<'_>) -> Events {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// ioctl(2): the integer that the command asks for.
    fn ioctl(_sock: &Socket<Self>, _cmd: u32) -> Result<c_int> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// listen(2). The core has limited `backlog` to net.core.somaxconn.
    fn listen(_sock: &Socket<Self>, _backlog: u32) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// shutdown(2).
    fn shutdown(_sock: &Socket<Self>, _how: Shutdown) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// setsockopt(2), of the core's level too.
    fn setsockopt(_sock: &Socket<Self>, _level: c_int, _name: c_int, _value: &OptIn) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// getsockopt(2), but for the core's level.
    fn getsockopt(_sock: &Socket<Self>, _level: c_int, _name: c_int) -> Result<OptOut> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// What is shown of the socket to who administers the machine. Sleeps for
    /// locks, but not for what copies from or to user memory.
    fn sight(&self, _sk: &Sock) -> Sight<'_> {
        Sight::default()
    }

    /// Shows `see` each socket whose connection waits to be accepted. As
    /// [`SocketOps::sight`].
    fn for_each_pending(&self, _see: &mut dyn FnMut(&Sock)) {}

    /// Gives memory back that the socket needs no more, a while after it asked with
    /// [`Net::tend_later`](super::netns::Net::tend_later); returns whether there may
    /// be more later. Sleeps.
    fn tend(&self) -> bool {
        false
    }

    /// Adds to what /proc/PID/fdinfo shows of the socket's file.
    fn show_fdinfo(_sock: &Socket<Self>, _to: &SeqFile) {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Whether SO_PEEK_OFF has an effect on what [`SocketOps::recvmsg`] peeks.
    const HAS_PEEK_OFFSET: bool = false;

    /// sendmsg(2), and every other way to send, on a socket of type `KIND`: each
    /// type has its own copy. Returns the bytes taken.
    fn sendmsg<const KIND: u16>(_sock: &Socket<Self>, _msg: SendMsg<'_>) -> Result<usize> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// recvmsg(2), and every other way to receive, as [`SocketOps::sendmsg`].
    /// Returns the bytes given.
    fn recvmsg<const KIND: u16>(_sock: &Socket<Self>, _msg: RecvMsg<'_>) -> Result<usize> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}
