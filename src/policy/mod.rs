// SPDX-License-Identifier: GPL-2.0

//! Policy: hooks that are asked before a socket does anything, and that see every
//! message before anybody else does.
//!
//! Owns: the hook interface ([`Hook`]) and what hooks are told ([`context`]); the
//! chain of loaded hooks ([`chain`]); the rules ([`engine`]), in the language of
//! [`rules`], with the files that they come by ([`control`]) and the records of
//! what they refuse ([`report`]); and the hook of the tests ([`builtin`]).
//!
//! Imports: `net`, for who acts, for records and files, and of the bindings what
//! guards the hooks. It knows no socket and no queue.
//!
//! Locks: a mutex of who loads and unloads hooks, which is taken under nothing of
//! the family's. Who asks takes none: the chain is one value, which is replaced
//! as a whole, so that an operation sees it before or after a change.
//!
//! Hooks run in process context, those of a message under the mutex of the
//! queue's side that it is on; they may sleep, and must not use a socket.

pub(crate) mod builtin;
pub(crate) mod chain;
pub(crate) mod context;
pub(crate) mod control;
mod engine;
mod foreign;
mod memory;
mod report;
mod rules;

pub(crate) use rules::Operation;

use crate::net::file::FileRef;
use context::{Context, Message};
use kernel::prelude::*;

/// A bit for each operation.
const ALL_OPERATIONS: u32 = (1 << rules::OPERATIONS.len()) - 1;

/// What a hook says of an operation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Go on.
    Allow,
    /// Refuse with this error; nothing happens.
    Deny(Error),
    /// Of a datagram that is sent: say that it was. Of anything else, as a
    /// refusal with `EACCES`.
    Drop,
}

/// A point of decision in every operation. A method that a hook does not have
/// allows.
pub(crate) trait Hook: Send + Sync {
    /// The operations that it wants to be asked about, a bit for each: it may be
    /// asked about others too.
    fn operations(&self) -> u32 {
        ALL_OPERATIONS
    }

    /// Any operation whose method the hook does not have.
    fn any(&self, _operation: Operation, _cx: &Context<'_>, _file: Option<&FileRef>) -> Verdict {
        Verdict::Allow
    }

    /// A socket is about to be made; accept(2) has an operation of its own.
    fn create(&self, cx: &Context<'_>) -> Verdict {
        self.any(Operation::Create, cx, None)
    }

    /// A socket is about to get a name.
    fn bind(&self, cx: &Context<'_>) -> Verdict {
        self.any(Operation::Bind, cx, None)
    }

    /// A socket is about to listen.
    fn listen(&self, cx: &Context<'_>) -> Verdict {
        self.any(Operation::Listen, cx, None)
    }

    /// A socket is about to be connected; the peer is who listens.
    fn connect(&self, cx: &Context<'_>) -> Verdict {
        self.any(Operation::Connect, cx, None)
    }

    /// A connection is about to be accepted; the peer is who connected.
    fn accept(&self, cx: &Context<'_>) -> Verdict {
        self.any(Operation::Accept, cx, None)
    }

    /// A message is about to become visible to the receiver.
    fn sendmsg(&self, cx: &Context<'_>, _message: &Message<'_>) -> Verdict {
        self.any(Operation::Sendmsg, cx, None)
    }

    /// What was received is about to be copied to the receiver. It stays in the
    /// queue if this refuses.
    fn recvmsg(&self, cx: &Context<'_>, _message: &Message<'_>) -> Verdict {
        self.any(Operation::Recvmsg, cx, None)
    }

    /// A file is about to be sent with a message.
    fn pass_file(&self, cx: &Context<'_>, file: &FileRef) -> Verdict {
        self.any(Operation::PassFile, cx, Some(file))
    }

    /// A connection is about to be shut.
    fn shutdown(&self, cx: &Context<'_>) -> Verdict {
        self.any(Operation::Shutdown, cx, None)
    }
}

/// Asks the one method of `hook` that is for `operation`.
#[inline(always)]
fn ask(
    hook: &dyn Hook,
    operation: Operation,
    cx: &Context<'_>,
    message: Option<&Message<'_>>,
    file: Option<&FileRef>,
) -> Verdict {
    match (operation, message, file) {
        (Operation::Create, ..) => hook.create(cx),
        (Operation::Bind, ..) => hook.bind(cx),
        (Operation::Listen, ..) => hook.listen(cx),
        (Operation::Connect, ..) => hook.connect(cx),
        (Operation::Accept, ..) => hook.accept(cx),
        (Operation::Sendmsg, Some(message), _) => hook.sendmsg(cx, message),
        (Operation::Recvmsg, Some(message), _) => hook.recvmsg(cx, message),
        (Operation::PassFile, _, Some(file)) => hook.pass_file(cx, file),
        (Operation::Shutdown, ..) => hook.shutdown(cx),
        (Operation::Sendmsg | Operation::Recvmsg | Operation::PassFile, ..) => {
            hook.any(operation, cx, file)
        }
    }
}
