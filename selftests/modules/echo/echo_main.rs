// SPDX-License-Identifier: GPL-2.0

//! A second family on the framework of src/net: a socket receives what it sent.
//!
//! It shows that the framework knows nothing of qsock, and how little a family
//! needs. selftests/echo_family.c drives it.

#![deny(unsafe_code)]

#[allow(unsafe_code)]
#[path = "../../../src/bindings/mod.rs"]
mod bindings;
#[allow(unsafe_code)]
#[path = "../../../src/net/mod.rs"]
mod net;

use core::{cmp, pin::Pin};
use kernel::{new_mutex, prelude::*, sync::Mutex};
use net::{
    errno::{ENOBUFS, EPROTONOSUPPORT, ESOCKTNOSUPPORT},
    family::{Family, Registration, SocketFamily},
    msg::{MsgFlags, RecvMsg, SendMsg},
    netns::Net,
    ops::SocketOps,
    poll::{Events, PollWait},
    sock::Sock,
    socket::Socket,
    uapi::SOCK_STREAM,
    wait, //
};

module! {
    type: EchoModule,
    name: "echo",
    authors: ["The qsock developers"],
    description: "Test family: a socket receives what it sent",
    license: "GPL",
}

/// AF_WANPIPE: no kernel that has Rust has code for it.
const NUMBER: c_int = 25;

struct Echo;

static ECHO: Family<Echo> = Family::new();

impl SocketFamily for Echo {
    const NAME: &'static CStr = c"ECHO";
    type Socket = EchoSocket;
    type NetNs = ();

    fn family() -> &'static Family<Self> {
        &ECHO
    }

    fn netns() -> impl PinInit<(), Error> {
        Ok(())
    }

    fn create(_net: &Net, kind: u16, protocol: c_int) -> Result<impl PinInit<EchoSocket, Error>> {
        match (kind, protocol) {
            (SOCK_STREAM, 0) => Ok(try_pin_init!(EchoSocket {
                bytes <- new_mutex!(KVec::new()),
            }? Error)),
            (SOCK_STREAM, _) => Err(EPROTONOSUPPORT.into()),
            _ => Err(ESOCKTNOSUPPORT.into()),
        }
    }
}

#[pin_data]
struct EchoSocket {
    #[pin]
    bytes: Mutex<KVec<u8>>,
}

#[vtable]
impl SocketOps for EchoSocket {
    type Family = Echo;

    fn release(self: Pin<&mut Self>, _sk: &Sock) {}

    fn poll(sock: &Socket<Self>, wait: PollWait<'_>) -> Events {
        sock.poll_wait(&wait);
        Events::OUT | Events::IN.when(!sock.bytes.lock().is_empty())
    }

    fn sendmsg<const KIND: u16>(sock: &Socket<Self>, mut msg: SendMsg<'_>) -> Result<usize> {
        let mut bytes = sock.bytes.lock();
        if msg.len() > sock.sk().sndbuf().saturating_sub(bytes.len()) {
            return Err(ENOBUFS.into());
        }
        let sent = msg.iter().copy_from_iter_vec(&mut bytes, GFP_KERNEL)?;
        drop(bytes);
        sock.sk().data_ready();
        Ok(sent)
    }

    fn recvmsg<const KIND: u16>(sock: &Socket<Self>, mut msg: RecvMsg<'_>) -> Result<usize> {
        let sk = sock.sk();
        let mut timeo = wait::Timeo::recv(sk, msg.flags().has(MsgFlags::DONTWAIT));
        wait::block_on(
            sk,
            Events::IN,
            &mut timeo,
            || {
                let mut bytes = sock.bytes.lock();
                if bytes.is_empty() {
                    return Err(EAGAIN);
                }
                let len = cmp::min(bytes.len(), msg.len());
                let n = msg.iter().copy_to_iter(&bytes[..len]);
                if n < len {
                    return Err(EFAULT);
                }
                bytes.rotate_left(n);
                let left = bytes.len() - n;
                bytes.truncate(left);
                Ok(n)
            },
            || !sock.bytes.lock().is_empty(),
        )
    }
}

struct EchoModule {
    _family: Registration<Echo>,
}

impl kernel::Module for EchoModule {
    fn init(module: &'static ThisModule) -> Result<Self> {
        Ok(Self {
            _family: ECHO.register(module, NUMBER)?,
        })
    }
}
