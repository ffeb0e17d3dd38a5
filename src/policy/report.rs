// SPDX-License-Identifier: GPL-2.0

//! Records of what the rules decide, and of who changes them, for auditd and the
//! kernel's log.
//!
//! ```text
//! type=KERNEL_OTHER msg=audit(...): qsock=denied op=sendmsg line=3 permissive=0
//!     errno=13 type=1 netns=4026531840 name="a" peer="b" len=5 files=0
//!     peer-uid=0 peer-gid=0 pid=42 uid=1000 gid=1000 exe="/usr/bin/x" subj=unconfined
//! type=KERNEL_OTHER msg=audit(...): qsock=config op="policy_load" rules=3 old-rules=0
//!     ppid=1 pid=42 auid=1000 uid=0 ... comm="qsockctl" exe=... subj=... res=1
//! ```
//!
//! Of the types that the audit subsystem has, KERNEL_OTHER is the one for modules;
//! those of policies and their state, `MAC_POLICY_LOAD` and `MAC_STATUS`, are of
//! security modules, whose names stand in them.

use super::{
    context::{Context, Subject},
    rules::{Decision, Verdict},
    Operation, //
};
use crate::{bindings::hook, net::audit::Record};
use kernel::prelude::*;

/// Starts a record that anybody can cause, unless too many were written just now.
/// Sleeps.
fn start_limited() -> Option<Record> {
    hook::may_tell().then(Record::start)?
}

/// Writes how many of those records were not, since that was written last.
fn write_untold(record: &mut Record) {
    let untold = hook::take_untold();
    if untold != 0 {
        record.word(c" suppressed=");
        record.number(untold.into());
    }
}

/// Starts a record of the change `what`.
fn start_config(mut record: Record, what: &CStr) -> Record {
    record.word(c"qsock=config op=");
    record.untrusted(what.to_bytes());
    record
}

/// Tells that the current task made the change `what`, with fields that say which.
/// Sleeps.
pub(super) fn changed(what: &CStr, values: [(&CStr, i64); 2]) {
    let Some(record) = Record::start() else {
        return;
    };
    let mut record = start_config(record, what);
    for (name, value) in values {
        record.word(name);
        record.number(value);
    }
    record.task();
    record.word(c" res=1");
}

/// Tells that the current task did not make the change `what`. Sleeps.
pub(super) fn refused(what: &CStr, why: Error) {
    // Who may make it cannot keep others' attempts from the log, and who may not,
    // not fill it.
    let is_limited = why == EPERM;
    let started = match is_limited {
        true => start_limited(),
        false => Record::start(),
    };
    let Some(record) = started else {
        return;
    };
    let mut record = start_config(record, what);
    record.word(c" errno=");
    record.number((-why.to_errno()).into());
    if is_limited {
        write_untold(&mut record);
    }
    record.task();
    record.word(c" res=0");
}

/// Tells of `decision`, unless too many were told of just now. Sleeps.
#[cold]
pub(super) fn tell(
    operation: Operation,
    cx: &Context<'_>,
    subject: &Subject,
    decision: &Decision,
    enforced: bool,
) {
    let Some(mut record) = start_limited() else {
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
    write_untold(&mut record);
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
