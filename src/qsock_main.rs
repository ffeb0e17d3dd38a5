// SPDX-License-Identifier: GPL-2.0

//! AF_QSOCK: local sockets over queues.
//!
//! A family of sockets with the semantics of AF_UNIX, whose messages wait in
//! queues that exist before the message does, behind a chain of hooks that
//! decide on each of them. include/uapi/linux/qsock.h is what programs see.
//!
//! # Rooms
//!
//! Lower rooms know nothing of those above:
//!
//! ```text
//! bindings, helpers <- net, queue <- transport, policy <- socket, names <- this
//! ```
//!
//! # The path of a message
//!
//! ```text
//! send(2): net::proto_ops -> socket::send -> transport, queue: reserve, copy
//!          -> policy::chain -> queue: commit -> wake the reader
//! recv(2): net::proto_ops -> socket::recv -> transport, queue: look
//!          -> policy::chain -> copy -> queue: consume -> wake the writer
//! ```

#![deny(unsafe_code)]

#[allow(unsafe_code)]
mod bindings;
mod names;
#[allow(unsafe_code)]
mod net;
mod policy;
mod queue;
mod socket;
mod trace;
mod transport;

use bindings::params;
use core::sync::atomic::AtomicU64;
use kernel::prelude::*;
use net::family::{Registration, SocketFamily};
use policy::{
    builtin::{Counters, Selftest},
    chain,
    control,
    Hook, //
};
use socket::{option, Qsock};

module! {
    type: QsockModule,
    name: "qsock",
    authors: ["The qsock developers"],
    description: "Queue sockets (AF_QSOCK)",
    license: "GPL",
    alias: ["net-pf-18", "net-pf-16-proto-4-type-18"],
}

const _: () = {
    assert!(option::SOL_QSOCK == params::SOL_QSOCK);
    assert!(option::QSOCK_NAME_MODE == params::QSOCK_NAME_MODE);
    assert!(option::QSOCK_NAME_OWNER == params::QSOCK_NAME_OWNER);
};

/// What the selftest hook counts shows in the module's parameters.
struct InParams;

impl Counters for InParams {
    fn seen() -> &'static AtomicU64 {
        params::hook_seen()
    }

    fn refused() -> &'static AtomicU64 {
        params::hook_refused()
    }
}

static HOOKS: [&dyn Hook; 1] = [&Selftest::<InParams>::new()];

/// The loaded module: dropping it takes the family back.
struct QsockModule {
    _family: Registration<Qsock>,
    _files: Option<control::Files>,
    _hooks: chain::Opened,
}

impl kernel::Module for QsockModule {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let hooks = chain::Opened::new();
        if params::selftest_hook() {
            chain::load(&HOOKS)?;
        }
        Ok(Self {
            _files: control::Files::new()?,
            _family: Qsock::family().register(module, params::family())?,
            _hooks: hooks,
        })
    }
}
