// SPDX-License-Identifier: GPL-2.0

//! Records of what the rules decide, for auditd and the kernel's log.
//!
//! ```text
//! type=KERNEL_OTHER msg=audit(...): qsock=denied op=sendmsg line=3 permissive=0
//!     errno=13 type=1 netns=4026531840 name="a" peer="b" len=5 files=0
//!     peer-uid=0 peer-gid=0 pid=42 uid=1000 gid=1000 exe="/usr/bin/x" subj=unconfined
//! ```

use super::{
    context::{Context, Subject},
    rules::{Decision, Verdict},
    Operation, //
};
use crate::{bindings::hook, net::audit::Record};
use kernel::prelude::*;

/// Tells of `decision`, unless too many were told of just now. Sleeps.
#[cold]
pub(super) fn tell(
    operation: Operation,
    cx: &Context<'_>,
    subject: &Subject,
    decision: &Decision,
    enforced: bool,
) {
    if !hook::may_tell() {
        return;
    }
    let Some(mut record) = Record::start() else {
        return;
    };
    let object = cx.object();
    let (outcome, errno) = match decision.verdict {
        Verdict::Allow => (c"qsock=allowed", 0),
        Verdict::Deny(errno) => (c"qsock=denied", errno),
        Verdict::Drop => (c"qsock=dropped", 0),
    };
    record.word(outcome);
    record.word(c" op=");
    record.untrusted(operation.name().as_bytes());
    let mut number = |name: &CStr, number: i64| {
        record.word(name);
        record.number(number);
    };
    number(c" line=", decision.line.into());
    number(c" permissive=", (!enforced).into());
    number(c" errno=", errno.into());
    number(c" type=", object.kind().into());
    number(c" netns=", object.netns().into());
    if let Some(message) = cx.message() {
        number(c" len=", message.len() as i64);
        number(c" files=", message.files() as i64);
    }
    if let Some((uid, gid)) = object.peer_ids() {
        number(c" peer-uid=", uid.into());
        number(c" peer-gid=", gid.into());
    }
    number(c" pid=", subject.pid().into());
    number(c" uid=", subject.uid().into());
    number(c" gid=", subject.gid().into());
    for (name, text) in [
        (c" name=", cx.name()),
        (c" peer=", cx.peer_name()),
        (c" exe=", subject.exe().unwrap_or_default()),
    ] {
        record.word(name);
        record.untrusted(text);
    }
    record.task_label();
}
