// SPDX-License-Identifier: GPL-2.0

//! `struct proto_ops`: the operations of a family, for C.
//!
//! Each shim converts its arguments, calls the method of [`SocketOps`] and
//! converts the result. A slot whose operation a family does not implement gets
//! the core's `sock_no_*` twin; those that the core tests before it calls them
//! stay empty.
//!
//! C header: [`include/linux/net.h`](srctree/include/linux/net.h)

use super::{
    addr::{Address, AddressBuf, ADDRESS_MAX},
    msg::{RecvMsg, SendMsg},
    ops::SocketOps,
    poll::PollWait,
    sock::release,
    socket::{AcceptSocket, Socket},
    sockopt::OptIn,
    splice::splice_read,
    uapi::{nonblock, returned, NameOf, Shutdown, SOCK_STREAM}, //
};
use crate::bindings;
use kernel::{
    error::from_result,
    iov::IovIterDest,
    prelude::*,
    seq_file::SeqFile,
    uaccess::{UserPtr, UserSlice}, //
};

/// `T::OP` if the family implements it, else the core's refusal.
macro_rules! slot {
    ($has:expr, $shim:expr, $no:expr) => {
        if $has {
            Some($shim)
        } else {
            Some($no)
        }
    };
}

/// The operations of the sockets of type `KIND` of the family whose data is `T`.
pub(super) fn proto_ops<T: SocketOps, const KIND: u16>(
    owner: *mut bindings::module,
    family: c_int,
) -> bindings::proto_ops {
    bindings::proto_ops {
        family,
        owner,
        release: Some(Shim::<T>::release),
        bind: slot!(T::HAS_BIND, Shim::<T>::bind, bindings::sock_no_bind),
        connect: slot!(
            T::HAS_CONNECT,
            Shim::<T>::connect,
            bindings::sock_no_connect
        ),
        socketpair: slot!(
            T::HAS_SOCKETPAIR,
            Shim::<T>::socketpair,
            bindings::sock_no_socketpair
        ),
        accept: slot!(T::HAS_ACCEPT, Shim::<T>::accept, bindings::sock_no_accept),
        getname: slot!(
            T::HAS_GETNAME,
            Shim::<T>::getname,
            bindings::sock_no_getname
        ),
        poll: T::HAS_POLL.then_some(Shim::<T>::poll),
        ioctl: slot!(T::HAS_IOCTL, Shim::<T>::ioctl, bindings::sock_no_ioctl),
        #[cfg(CONFIG_COMPAT)]
        compat_ioctl: T::HAS_IOCTL.then_some(Shim::<T>::compat_ioctl),
        listen: slot!(T::HAS_LISTEN, Shim::<T>::listen, bindings::sock_no_listen),
        shutdown: slot!(
            T::HAS_SHUTDOWN,
            Shim::<T>::shutdown,
            bindings::sock_no_shutdown
        ),
        sendmsg: slot!(
            T::HAS_SENDMSG,
            Shim::<T>::sendmsg::<KIND>,
            bindings::sock_no_sendmsg
        ),
        recvmsg: slot!(
            T::HAS_RECVMSG,
            Shim::<T>::recvmsg::<KIND>,
            bindings::sock_no_recvmsg
        ),
        mmap: Some(bindings::sock_no_mmap),
        setsockopt: T::HAS_SETSOCKOPT.then_some(Shim::<T>::setsockopt),
        getsockopt_iter: T::HAS_GETSOCKOPT.then_some(Shim::<T>::getsockopt),
        show_fdinfo: T::HAS_SHOW_FDINFO.then_some(Shim::<T>::show_fdinfo),
        set_peek_off: T::HAS_PEEK_OFFSET.then_some(bindings::sk_set_peek_off),
        // Messages are not to be cut into pages, nor joined: the core's own way
        // copies one.
        splice_read: (T::HAS_RECVMSG && KIND == SOCK_STREAM).then_some(Shim::<T>::splice_read),
        // The core tests for these, or has a way of its own when they are empty:
        // gettstamp (ENOTTY, as AF_UNIX), splice_eof, peek_len,
        // read_sock, read_skb, sendmsg_locked, set_rcvlowat (stores),
        // set_rcvbuf.
        ..Default::default()
    }
}

/// The C side of the operations of `T`.
///
/// # Safety
///
/// Each function is called by the core through `proto_ops` only, that is with
/// a socket of the family that is not released, and with arguments as
/// `struct proto_ops` has them.
pub(super) struct Shim<T>(core::marker::PhantomData<T>);

impl<T: SocketOps> Shim<T> {
    /// # Safety
    ///
    /// As [`Shim`] says; `sock->sk` may be null.
    unsafe extern "C" fn release(sock: *mut bindings::socket) -> c_int {
        // SAFETY: The socket is valid.
        let sk = unsafe { (*sock).sk };
        if !sk.is_null() {
            // SAFETY: The file's last reference is gone, so that no operation
            // runs; the socket owned the sock and gives it up.
            unsafe {
                (*sock).sk = core::ptr::null_mut();
                release::<T>(sk);
            }
        }
        0
    }

    /// # Safety
    ///
    /// As [`Shim`] says.
    unsafe extern "C" fn bind(
        sock: *mut bindings::socket,
        addr: *mut bindings::sockaddr_unsized,
        len: c_int,
    ) -> c_int {
        // SAFETY: As above; the address is a copy that the core made.
        let (sock, addr) = unsafe { (Socket::<T>::from_raw(sock), Address::from_raw(addr, len)) };
        from_result(|| T::bind(sock, addr).map(|()| 0))
    }

    /// # Safety
    ///
    /// As [`Shim`] says.
    unsafe extern "C" fn connect(
        sock: *mut bindings::socket,
        addr: *mut bindings::sockaddr_unsized,
        len: c_int,
        flags: c_int,
    ) -> c_int {
        // SAFETY: As above; the address is a copy that the core made.
        let (sock, addr) = unsafe { (Socket::<T>::from_raw(sock), Address::from_raw(addr, len)) };
        from_result(|| T::connect(sock, addr, nonblock(flags)).map(|()| 0))
    }

    /// # Safety
    ///
    /// As [`Shim`] says.
    unsafe extern "C" fn socketpair(a: *mut bindings::socket, b: *mut bindings::socket) -> c_int {
        // SAFETY: As above.
        let (a, b) = unsafe { (Socket::<T>::from_raw(a), Socket::<T>::from_raw(b)) };
        from_result(|| T::socketpair(a, b).map(|()| 0))
    }

    /// # Safety
    ///
    /// As [`Shim`] says; `new` has no sock yet.
    unsafe extern "C" fn accept(
        sock: *mut bindings::socket,
        new: *mut bindings::socket,
        arg: *mut bindings::proto_accept_arg,
    ) -> c_int {
        // SAFETY: As above.
        let (sock, new, flags) = unsafe {
            (
                Socket::<T>::from_raw(sock),
                AcceptSocket::<T>::from_raw(new),
                (*arg).flags,
            )
        };
        from_result(|| T::accept(sock, new, nonblock(flags)).map(|()| 0))
    }

    /// # Safety
    ///
    /// As [`Shim`] says; `addr` has room for any address.
    unsafe extern "C" fn getname(
        sock: *mut bindings::socket,
        addr: *mut bindings::sockaddr,
        peer: c_int,
    ) -> c_int {
        // SAFETY: As above; the core passes a `struct sockaddr_storage`.
        let (sock, bytes) = unsafe {
            (
                Socket::<T>::from_raw(sock),
                &mut *addr.cast::<[u8; ADDRESS_MAX]>(),
            )
        };
        let of = if peer != 0 { NameOf::Peer } else { NameOf::Own };
        let mut name = AddressBuf::new(bytes);
        from_result(|| T::getname(sock, of, &mut name).map(|()| name.len() as c_int))
    }

    /// # Safety
    ///
    /// As [`Shim`] says; `wait` may be null.
    unsafe extern "C" fn poll(
        file: *mut bindings::file,
        sock: *mut bindings::socket,
        wait: *mut bindings::poll_table_struct,
    ) -> bindings::__poll_t {
        // SAFETY: As above; file and table are valid for the call.
        let (sock, wait) = unsafe { (Socket::<T>::from_raw(sock), PollWait::new(file, wait)) };
        T::poll(sock, wait).bits()
    }

    /// # Safety
    ///
    /// As [`Shim`] says.
    unsafe extern "C" fn ioctl(sock: *mut bindings::socket, cmd: c_uint, arg: usize) -> c_int {
        // SAFETY: As above.
        let sock = unsafe { Socket::<T>::from_raw(sock) };
        from_result(|| {
            let answer = T::ioctl(sock, cmd)?;
            UserSlice::new(UserPtr::from_addr(arg), size_of::<c_int>())
                .writer()
                .write(&answer)?;
            Ok(0)
        })
    }

    /// io_uring's way to the same.
    ///
    /// # Safety
    ///
    /// As [`Shim`] says, with the sock of a socket whose file is in use.
    pub(super) unsafe extern "C" fn proto_ioctl(
        sk: *mut bindings::sock,
        cmd: c_int,
        answer: *mut c_int,
    ) -> c_int {
        // SAFETY: As above.
        let sock = unsafe { Socket::<T>::from_raw((*sk).sk_socket) };
        from_result(|| {
            let value = T::ioctl(sock, cmd as u32)?;
            // SAFETY: The core passes room for the answer.
            unsafe { *answer = value };
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// As [`Shim`] says; `arg` is a pointer of a 32-bit task.
    #[cfg(CONFIG_COMPAT)]
    unsafe extern "C" fn compat_ioctl(
        sock: *mut bindings::socket,
        cmd: c_uint,
        arg: usize,
    ) -> c_int {
        // What the families answer has one layout: an int.
        // BOUNDS: A compat pointer has 32 bits.
        // SAFETY: As above.
        unsafe { Self::ioctl(sock, cmd, arg as u32 as usize) }
    }

    /// # Safety
    ///
    /// As [`Shim`] says.
    unsafe extern "C" fn listen(sock: *mut bindings::socket, backlog: c_int) -> c_int {
        // SAFETY: As above.
        let sock = unsafe { Socket::<T>::from_raw(sock) };
        // In-kernel callers may pass a negative backlog: it means none.
        from_result(|| T::listen(sock, u32::try_from(backlog).unwrap_or(0)).map(|()| 0))
    }

    /// # Safety
    ///
    /// As [`Shim`] says.
    unsafe extern "C" fn shutdown(sock: *mut bindings::socket, how: c_int) -> c_int {
        // SAFETY: As above.
        let sock = unsafe { Socket::<T>::from_raw(sock) };
        from_result(|| T::shutdown(sock, Shutdown::new(how)?).map(|()| 0))
    }

    /// # Safety
    ///
    /// As [`Shim`] says.
    unsafe extern "C" fn setsockopt(
        sock: *mut bindings::socket,
        level: c_int,
        name: c_int,
        value: bindings::sockptr_t,
        len: c_uint,
    ) -> c_int {
        // SAFETY: As above.
        let sock = unsafe { Socket::<T>::from_raw(sock) };
        from_result(|| T::setsockopt(sock, level, name, &OptIn::new(value, len)).map(|()| 0))
    }

    /// # Safety
    ///
    /// As [`Shim`] says.
    unsafe extern "C" fn getsockopt(
        sock: *mut bindings::socket,
        level: c_int,
        name: c_int,
        value: *mut bindings::sockopt_t,
    ) -> c_int {
        // SAFETY: As above.
        let sock = unsafe { Socket::<T>::from_raw(sock) };
        from_result(|| {
            let answer = T::getsockopt(sock, level, name)?;
            // SAFETY: The core passes an iterator over the caller's buffer, and
            // refused a length below 0.
            unsafe {
                let len = answer.as_bytes().len().min((*value).optlen as usize);
                let to = IovIterDest::from_raw(&raw mut (*value).iter_out);
                if to.copy_to_iter(&answer.as_bytes()[..len]) < len {
                    return Err(EFAULT);
                }
                (*value).optlen = len as c_int;
            }
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// As [`Shim`] says.
    unsafe extern "C" fn sendmsg<const KIND: u16>(
        sock: *mut bindings::socket,
        msg: *mut bindings::msghdr,
        len: usize,
    ) -> c_int {
        // SAFETY: As above.
        let (sock, msg) = unsafe { (Socket::<T>::from_raw(sock), SendMsg::new(msg, len)) };
        returned(T::sendmsg::<KIND>(sock, msg))
    }

    /// # Safety
    ///
    /// As [`Shim`] says.
    unsafe extern "C" fn recvmsg<const KIND: u16>(
        sock: *mut bindings::socket,
        msg: *mut bindings::msghdr,
        len: usize,
        flags: c_int,
    ) -> c_int {
        // SAFETY: As above.
        let (sock, msg) = unsafe { (Socket::<T>::from_raw(sock), RecvMsg::new(msg, len, flags)) };
        returned(T::recvmsg::<KIND>(sock, msg))
    }

    /// # Safety
    ///
    /// As [`Shim`] says; `seq` belongs to the current task.
    unsafe extern "C" fn show_fdinfo(seq: *mut bindings::seq_file, sock: *mut bindings::socket) {
        // SAFETY: As above; the core holds a reference on the socket's file.
        unsafe { T::show_fdinfo(Socket::<T>::from_raw(sock), SeqFile::from_raw(seq)) }
    }

    /// # Safety
    ///
    /// As [`Shim`] says; the pipe is locked.
    unsafe extern "C" fn splice_read(
        sock: *mut bindings::socket,
        _pos: *mut bindings::loff_t,
        pipe: *mut bindings::pipe_inode_info,
        len: usize,
        flags: c_uint,
    ) -> isize {
        // SAFETY: As above; a socket that is spliced has a file.
        let file_flags = unsafe { (*(*sock).file).f_flags };
        let nonblock = flags & bindings::SPLICE_F_NONBLOCK != 0 || nonblock(file_flags as c_int);
        // SAFETY: As above.
        match unsafe { splice_read(sock, pipe, len, nonblock) } {
            Ok(spliced) => spliced as isize,
            Err(error) => error.to_errno() as isize,
        }
    }
}

/// Has setsockopt(2) come to the family for every level, if it wants that.
pub(super) fn set_custom_sockopt<T: SocketOps>(sock: *mut bindings::socket) {
    if T::HAS_SETSOCKOPT {
        // SAFETY: The callers pass a socket that is being made.
        unsafe { bindings::sock_set_custom_sockopt(sock) }
    }
}
