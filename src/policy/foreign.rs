// SPDX-License-Identifier: GPL-2.0

//! Hooks of other modules: what include/linux/qsock_hook.h tells them.

use super::{
    context::{Context, HEAD_MAX},
    Hook,
    Operation,
    Verdict, //
};
use crate::{
    bindings::hook::{self, Foreign},
    net::file::FileRef, //
};
use core::ptr;
use kernel::prelude::*;

impl Hook for Foreign {
    fn operations(&self) -> u32 {
        self.wanted()
    }

    fn any(&self, operation: Operation, cx: &Context<'_>, file: Option<&FileRef>) -> Verdict {
        if self.wanted() & u32::from(operation.bit()) == 0 {
            return Verdict::Allow;
        }
        let (subject, object) = (cx.subject(), cx.object());
        let (peer_uid, peer_gid) = object.peer_ids().unwrap_or((u32::MAX, u32::MAX));
        let (name, peer_name) = (cx.name(), cx.peer_name());
        let mut space = [0; HEAD_MAX];
        let head = cx.message().map(|message| message.head(&mut space));
        let head = head.unwrap_or_default();
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let told = hook::Context {
            operation: operation as u32,
            type_: object.kind().into(),
            netns: object.netns(),
            uid: subject.uid(),
            gid: subject.gid(),
            pid: subject.pid(),
            peer_uid,
            peer_gid,
            flags: cx.message().map_or(0, |message| message.flags()),
            files: cx.message().map_or(0, |message| number(message.files())),
            len: cx.message().map_or(0, |message| message.len() as u64),
            name: name.as_ptr().cast(),
            peer_name: peer_name.as_ptr().cast(),
            head: head.as_ptr().cast(),
            name_len: number(name.len()),
            peer_name_len: number(peer_name.len()),
            head_len: number(head.len()),
            file: file.map_or(ptr::null_mut(), FileRef::as_raw),
        };
        match self.ask(&told) {
            0 => Verdict::Allow,
            hook::DROP => Verdict::Drop,
            error @ -4095..0 => Verdict::Deny(Error::from_errno(error)),
            _ => Verdict::Deny(EACCES),
        }
    }
}

/// The error that a refused call returns. One that means to wait or to repeat
/// would never end.
pub(super) fn final_error(error: Error) -> Error {
    let errno = error.to_errno();
    if error == EAGAIN || error == EINTR || errno <= -512 {
        EACCES
    } else {
        error
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[kunit_tests(qsock_policy_foreign)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_ends_the_call() {
        assert_eq!(final_error(EPERM), EPERM);
        for again in [EAGAIN, EINTR, ERESTARTSYS] {
            assert_eq!(final_error(again), EACCES);
        }
    }
}
