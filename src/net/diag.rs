// SPDX-License-Identifier: GPL-2.0

//! sock_diag(7): lists a family's sockets, or looks one up by its inode, with
//! the requests and replies that local sockets have.
//!
//! A part of a list, and a reply, is made while the namespace's table of sockets
//! is locked.
//!
//! C headers: [`include/linux/sock_diag.h`](srctree/include/linux/sock_diag.h),
//! [`include/uapi/linux/unix_diag.h`](srctree/include/uapi/linux/unix_diag.h)

use super::{
    family::SocketFamily,
    netns::Net,
    ops::SocketOps,
    sight::Sight,
    sock::Sock, //
};
use crate::bindings;
use core::{marker::PhantomData, ptr::NonNull};
use kernel::{
    error::{from_result, to_result},
    page::PAGE_SIZE,
    prelude::*,
    types::Opaque, //
};

/// What a reply has room for beside its head, at first and more each time.
const ROOM: usize = 256;

/// A registered handler, taken back when dropped.
///
/// # Invariants
///
/// The handler is registered.
pub(super) struct DiagRegistration(*const bindings::sock_diag_handler);

// SAFETY: Unregistering may be done by any task.
unsafe impl Send for DiagRegistration {}
// SAFETY: A shared reference gives access to nothing.
unsafe impl Sync for DiagRegistration {}

impl DiagRegistration {
    /// Has `F` answer for family `number`.
    ///
    /// # Safety
    ///
    /// The namespaces' data of `F` must be there for as long as the value; the
    /// slot must be the caller's, and stay in place and untouched as long.
    ///
    /// # Errors
    ///
    /// `EBUSY` if another module answers for that number.
    pub(super) unsafe fn new<F: SocketFamily>(
        slot: &'static Opaque<bindings::sock_diag_handler>,
        owner: *mut bindings::module,
        number: c_int,
    ) -> Result<Self> {
        // SAFETY: The caller guarantees that the slot is free.
        to_result(unsafe {
            slot.get().write(bindings::sock_diag_handler {
                owner,
                family: number as u8,
                dump: Some(Answers::<F>::answer),
                ..Default::default()
            });
            bindings::sock_diag_register(slot.get())
        })?;
        // INVARIANT: The registration succeeded.
        Ok(Self(slot.get()))
    }
}

impl Drop for DiagRegistration {
    fn drop(&mut self) {
        // SAFETY: By the type invariant. A call that runs holds the module.
        unsafe { bindings::sock_diag_unregister(self.0) }
    }
}

/// The C side of the handler of `F`.
///
/// # Safety
///
/// Each function is called by the core only: with messages of a netlink socket
/// of sock_diag that asks, and in its context.
struct Answers<F>(PhantomData<F>);

impl<F: SocketFamily> Answers<F> {
    /// # Safety
    ///
    /// As [`Answers`] says.
    unsafe extern "C" fn answer(
        skb: *mut bindings::sk_buff,
        nlh: *mut bindings::nlmsghdr,
    ) -> c_int {
        from_result(|| {
            // SAFETY: As above.
            let (len, flags) = unsafe { (bindings::nlmsg_len(nlh), (*nlh).nlmsg_flags) };
            if usize::try_from(len).unwrap_or(0) < size_of::<bindings::unix_diag_req>() {
                return Err(EINVAL);
            }
            if u32::from(flags) & bindings::NET_NLM_F_DUMP != 0 {
                // SAFETY: As above; the dump holds the module.
                return Ok(unsafe { bindings::diag_dump_start(skb, nlh, Some(Self::dump)) });
            }
            // SAFETY: As above; the request was found to be whole.
            unsafe { Self::one(skb, nlh) }.map(|()| 0)
        })
    }

    /// Fills `skb` with the next part of the list; returns its bytes, 0 at the
    /// end.
    ///
    /// # Safety
    ///
    /// As [`Answers`] says; `answer` found the request to be whole.
    unsafe extern "C" fn dump(
        skb: *mut bindings::sk_buff,
        cb: *mut bindings::netlink_callback,
    ) -> c_int {
        // SAFETY: As above: the callback keeps the request, and a position that
        // is 0 at first; the message is made for the socket that asks.
        let (request, position, asker, net, to) = unsafe {
            let nlh = (*cb).nlh;
            let asker = bindings::skb_sk(skb);
            (
                request(nlh),
                &mut *bindings::netlink_dump_position(cb),
                asker,
                Net::from_raw(bindings::sock_net(asker)),
                To {
                    port: bindings::netlink_portid((*cb).skb),
                    sequence: (*nlh).nlmsg_seq,
                    flags: bindings::NET_NLM_F_MULTI,
                },
            )
        };
        let locked = net.socks::<F>().lock();
        let number = |position: c_long| i64::try_from(position).unwrap_or(i64::MAX);
        let mut reply = Reply { skb, asker };
        let mut last = i64::MAX;
        for (sk, data) in locked.iter_from(number(*position)) {
            let state = 1u32.checked_shl(sk.state()).unwrap_or(0);
            if request.udiag_states & state == 0 {
                continue;
            }
            if let Err(error) = reply.add::<F>(&to, &request, sk, data) {
                // SAFETY: The message is valid.
                if unsafe { bindings::skb_len(skb) } == 0 {
                    // It will not fit in the next either.
                    return error.to_errno();
                }
                last = locked.number(sk);
                break;
            }
        }
        *position = last as c_long;
        // SAFETY: The message is valid.
        unsafe { bindings::skb_len(skb) as c_int }
    }

    /// Looks one socket up.
    ///
    /// # Safety
    ///
    /// As [`Answers`] says; `nlh` must have a whole request.
    unsafe fn one(skb: *mut bindings::sk_buff, nlh: *mut bindings::nlmsghdr) -> Result {
        // SAFETY: The caller guarantees it.
        let (request, asker, net, to) = unsafe {
            (
                request(nlh),
                bindings::netlink_asker(skb),
                Net::from_raw(bindings::sock_net(bindings::skb_sk(skb))),
                To {
                    port: bindings::netlink_portid(skb),
                    sequence: (*nlh).nlmsg_seq,
                    flags: 0,
                },
            )
        };
        if request.udiag_ino == 0 {
            return Err(EINVAL);
        }
        let locked = net.socks::<F>().lock();
        let wanted = |(sk, _): &(&Sock, _)| sk.inode() == u64::from(request.udiag_ino);
        let (sk, data) = locked.iter().find(wanted).ok_or(ENOENT)?;
        // SAFETY: The sock is valid while the table is locked; a cookie has two
        // words.
        to_result(unsafe {
            bindings::sock_diag_check_cookie(sk.as_raw(), request.udiag_cookie.as_ptr())
        })?;
        let mut room = ROOM;
        let reply = loop {
            let mut reply = NewReply::new(room, asker)?;
            match reply.0.add::<F>(&to, &request, sk, data) {
                Ok(()) => break reply,
                Err(error) if error != EMSGSIZE || room + ROOM >= PAGE_SIZE => return Err(error),
                Err(_) => room += ROOM,
            }
        };
        drop(locked);
        reply.send(net, to.port)
    }
}

/// What is asked for.
///
/// # Safety
///
/// `nlh` must have a whole request.
unsafe fn request(nlh: *const bindings::nlmsghdr) -> bindings::unix_diag_req {
    // SAFETY: The caller guarantees it; messages are aligned for 32 bits.
    unsafe {
        bindings::nlmsg_data(nlh)
            .cast::<bindings::unix_diag_req>()
            .read()
    }
}

/// Whom a reply is for.
struct To {
    port: u32,
    sequence: u32,
    flags: u32,
}

/// A message of replies for the socket `asker`.
///
/// # Invariants
///
/// Both are valid.
struct Reply {
    skb: *mut bindings::sk_buff,
    asker: *mut bindings::sock,
}

impl Reply {
    /// Adds what `request` wants to know of a socket. Sleeps.
    ///
    /// # Errors
    ///
    /// `EMSGSIZE` if there is no room, and then the message is as it was;
    /// `ENOMEM`.
    fn add<F: SocketFamily>(
        &mut self,
        to: &To,
        request: &bindings::unix_diag_req,
        sk: &Sock,
        data: &F::Socket,
    ) -> Result {
        // SAFETY: By the type invariant.
        let nlh = NonNull::new(unsafe {
            bindings::nlmsg_put(
                self.skb,
                to.port,
                to.sequence,
                bindings::SOCK_DIAG_BY_FAMILY as c_int,
                const { size_of::<bindings::unix_diag_msg>() as c_int },
                to.flags as c_int,
            )
        })
        .ok_or(EMSGSIZE)?
        .as_ptr();
        // SAFETY: The function made room for the head; a cookie has two words.
        unsafe {
            let head: *mut bindings::unix_diag_msg = bindings::nlmsg_data(nlh).cast();
            head.write(bindings::unix_diag_msg {
                udiag_family: F::family().number() as u8,
                udiag_type: sk.kind() as u8,
                udiag_state: sk.state() as u8,
                pad: 0,
                // BOUNDS: As for AF_UNIX, the layout has no more.
                udiag_ino: sk.inode() as u32,
                udiag_cookie: [0; 2],
            });
            bindings::sock_diag_save_cookie(sk.as_raw(), (&raw mut (*head).udiag_cookie).cast());
        }
        let result = self.attributes(request.udiag_show, sk, data);
        // SAFETY: The head was put into this message.
        unsafe {
            match result {
                Ok(()) => bindings::nlmsg_end(self.skb, nlh),
                Err(_) => bindings::nlmsg_cancel(self.skb, nlh),
            }
        }
        result
    }

    fn attributes<T: SocketOps>(&mut self, show: u32, sk: &Sock, data: &T) -> Result {
        let shows = |what: u32| show & what != 0;
        let sight = data.sight(sk);
        if shows(bindings::UDIAG_SHOW_NAME) && !sight.name.is_empty() {
            self.put(bindings::NET_UNIX_DIAG_NAME, sight.name)?;
        }
        if let (true, Some(peer)) = (shows(bindings::UDIAG_SHOW_PEER), sight.peer) {
            self.put(bindings::NET_UNIX_DIAG_PEER, &(peer as u32).to_ne_bytes())?;
        }
        if shows(bindings::UDIAG_SHOW_ICONS) && sk.state() == bindings::TCP_LISTEN {
            self.put(bindings::NET_UNIX_DIAG_ICONS, &pending(data)?)?;
        }
        if shows(bindings::UDIAG_SHOW_RQLEN) {
            let lens = [sight.received, sight.sent].map(Sight::number);
            self.put(
                bindings::NET_UNIX_DIAG_RQLEN,
                lens.map(u32::to_ne_bytes).as_flattened(),
            )?;
        }
        if shows(bindings::UDIAG_SHOW_MEMINFO) {
            // SAFETY: Both are valid.
            to_result(unsafe {
                bindings::sock_diag_put_meminfo(
                    sk.as_raw(),
                    self.skb,
                    bindings::NET_UNIX_DIAG_MEMINFO as c_int,
                )
            })?;
        }
        let mut shut = 0;
        if sight.read_shut {
            shut |= bindings::RCV_SHUTDOWN;
        }
        if sight.write_shut {
            shut |= bindings::SEND_SHUTDOWN;
        }
        self.put(bindings::NET_UNIX_DIAG_SHUTDOWN, &[shut as u8])?;
        if shows(bindings::UDIAG_SHOW_UID) {
            // SAFETY: Both are valid, and the one that asks has a file.
            let uid = unsafe { bindings::diag_uid(self.asker, sk.as_raw()) };
            self.put(bindings::NET_UNIX_DIAG_UID, &uid.to_ne_bytes())?;
        }
        Ok(())
    }

    fn put(&mut self, attribute: u32, bytes: &[u8]) -> Result {
        let len = c_int::try_from(bytes.len()).map_err(|_| EMSGSIZE)?;
        if bytes.len() > usize::from(u16::MAX) / 2 {
            return Err(EMSGSIZE);
        }
        // SAFETY: The message is valid, and so are the bytes.
        to_result(unsafe {
            bindings::nla_put(self.skb, attribute as c_int, len, bytes.as_ptr().cast())
        })
    }
}

/// The inodes of the sockets that wait to be accepted, as an attribute has them.
fn pending<T: SocketOps>(data: &T) -> Result<KVec<u8>> {
    let mut inodes = KVec::new();
    let mut result = Ok(());
    data.for_each_pending(&mut |sk| {
        let inode = (sk.inode() as u32).to_ne_bytes();
        if let Err(error) = inodes.extend_from_slice(&inode, GFP_KERNEL) {
            result = Err(error);
        }
    });
    result?;
    Ok(inodes)
}

/// A reply that was not sent yet.
///
/// # Invariants
///
/// Owns the message.
struct NewReply(Reply);

impl NewReply {
    fn new(room: usize, asker: *mut bindings::sock) -> Result<Self> {
        // SAFETY: The function has no preconditions.
        let skb = unsafe { bindings::nlmsg_new(size_of::<bindings::unix_diag_msg>() + room) };
        let skb = NonNull::new(skb).ok_or(ENOMEM)?.as_ptr();
        // INVARIANT: The message was made here; the caller's socket asks.
        Ok(Self(Reply { skb, asker }))
    }

    /// Sends it to `port`.
    fn send(self, net: &Net, port: u32) -> Result {
        let this = core::mem::ManuallyDrop::new(self);
        // SAFETY: By the type invariant; the function takes the message.
        to_result(unsafe { bindings::diag_unicast(net.as_raw(), this.0.skb, port) })
    }
}

impl Drop for NewReply {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::nlmsg_free(self.0.skb) }
    }
}
