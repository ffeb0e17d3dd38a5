// SPDX-License-Identifier: GPL-2.0

//! Socket control messages: what sendmsg(2) carries beside the bytes.
//!
//! C header: [`include/net/scm.h`](srctree/include/net/scm.h)

use super::{
    msg::SendMsg,
    ops::SocketOps,
    socket::Socket, //
};
use crate::bindings;
use kernel::{error::to_result, prelude::*};

/// Checks the control data of `msg` as the core does for every family.
///
/// Sleeps. The family carries none of it: what the core would take in is
/// given back at once.
///
/// # Errors
///
/// `EINVAL` for a header that is cut, a type that SOL_SOCKET does not have, or
/// SCM_RIGHTS, which the core keeps for AF_UNIX; `EPERM` and `ESRCH` for
/// credentials that are not the sender's.
///
/// C function: `scm_send()`
pub(crate) fn check_control<T: SocketOps>(sock: &Socket<T>, msg: &SendMsg<'_>) -> Result {
    if !msg.has_control() {
        return Ok(());
    }
    let mut scm = bindings::scm_cookie::default();
    // SAFETY: The socket and the message are valid; the cookie is ours.
    to_result(unsafe { bindings::scm_send(sock.as_raw(), msg.as_raw(), &mut scm) })?;
    // SAFETY: `scm_send()` filled it in.
    unsafe { bindings::scm_destroy(&mut scm) };
    Ok(())
}
