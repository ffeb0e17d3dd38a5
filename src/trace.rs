// SPDX-License-Identifier: GPL-2.0

//! The tracepoints, qsock:qsock_*: what happens to messages and connections.
//!
//! Owns: what a tracepoint is given. What each shows is in src/helpers/trace.h.
//!
//! Imports: `net`, and of the bindings the tracepoints.
//!
//! Locks: none; a tracepoint may be passed under those of the family.
//!
//! Where nobody traces, each is a branch that is patched out.

pub(crate) use crate::bindings::tracepoint::Drop;

use crate::{
    bindings::tracepoint,
    net::{
        msg::MsgFlags,
        ops::SocketOps,
        sock::Sock,
        socket::AcceptSocket, //
    },
};
use kernel::prelude::*;

/// What a call returned, as C has it.
fn code(result: &Result<usize>) -> c_long {
    match result {
        Ok(bytes) => c_long::try_from(*bytes).unwrap_or(c_long::MAX),
        Err(error) => error.to_errno() as c_long,
    }
}

/// As [`code`], for a call that returns nothing.
fn errno(result: &Result) -> c_long {
    code(&result.map(|()| 0))
}

pub(crate) use crate::bindings::tracepoint::{recv_enabled, send_enabled};

/// `sk` was given `len` bytes to send.
#[inline(always)]
pub(crate) fn send(sk: &Sock, len: usize, flags: MsgFlags, result: &Result<usize>) {
    if tracepoint::send_enabled() {
        tracepoint::send(sk.cookie(), sk.kind(), len, flags.of_caller(), code(result));
    }
}

/// `sk` was asked for `len` bytes.
#[inline(always)]
pub(crate) fn recv(sk: &Sock, len: usize, flags: MsgFlags, result: &Result<usize>) {
    if tracepoint::recv_enabled() {
        tracepoint::recv(sk.cookie(), sk.kind(), len, flags.of_caller(), code(result));
    }
}

/// Nobody will receive the bytes that waited for `sk`.
#[inline(always)]
pub(crate) fn drop(sk: Option<&Sock>, len: impl FnOnce() -> usize, reason: Drop) {
    if tracepoint::drop_enabled() {
        if let (Some(sk), len @ 1..) = (sk, len()) {
            tracepoint::drop(sk.cookie(), sk.kind(), len, reason as u32);
        }
    }
}

/// `sk` was to connect.
#[inline(always)]
pub(crate) fn connect(sk: &Sock, nonblock: bool, result: &Result) {
    if tracepoint::connect_enabled() {
        tracepoint::connect(sk.cookie(), sk.kind(), nonblock, errno(result));
    }
}

/// `sk` was to give `new` a connection.
#[inline(always)]
pub(crate) fn accept<T: SocketOps>(
    sk: &Sock,
    new: AcceptSocket<'_, T>,
    nonblock: bool,
    result: &Result,
) {
    if tracepoint::accept_enabled() {
        let child = new.sk().map_or(0, Sock::cookie);
        tracepoint::accept(sk.cookie(), sk.kind(), child, nonblock, errno(result));
    }
}
