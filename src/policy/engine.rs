// SPDX-License-Identifier: GPL-2.0

//! The rules as a hook.

use super::{
    context::{Context, Subject},
    report,
    rules::{self, Decision, Facts, Number, Policy, Refusal, Text, Unknown},
    Hook,
    Operation,
    Verdict, //
};
use crate::net::{errno::ENAMETOOLONG, file::FileRef, random, securityfs};
use core::fmt::Write as _;
use kernel::{
    alloc::flags::*,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc, //
    }, //
};

/// Whether what the rules refuse is refused, or told only.
static ENFORCE: Atomic<bool> = Atomic::new(true);

/// Whether the rules are enforced.
pub(super) fn is_enforcing() -> bool {
    ENFORCE.load(Relaxed)
}

/// Enforces the rules, or not; returns whether they were enforced before.
pub(super) fn set_enforcing(enforce: bool) -> bool {
    ENFORCE.xchg(enforce, Relaxed)
}

/// A loaded policy.
pub(crate) struct Engine {
    policy: Policy,
    text: KVVec<u8>,
    /// For each rule how often it decided; the last is for the defaults.
    hits: KVVec<Atomic<u64>>,
}

impl Engine {
    /// Compiles `text`; `None` if it says nothing. Sleeps.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub(super) fn new(text: KVVec<u8>) -> Result<Option<Arc<Self>>, Refusal> {
        let policy = Policy::compile(&text, [random::number(), random::number()])?;
        if policy.is_empty() {
            return Ok(None);
        }
        let mut hits = KVVec::new();
        for _ in 0..=policy.lines().count() {
            hits.push(Atomic::new(0u64), GFP_KERNEL_ACCOUNT)?;
        }
        let engine = Arc::new(Self { policy, text, hits }, GFP_KERNEL_ACCOUNT)?;
        Ok(Some(engine))
    }

    /// The text that was loaded.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// How many rules and defaults there are.
    pub(super) fn size(&self) -> usize {
        self.policy.size()
    }

    /// How often each rule decided, by its line. Sleeps.
    pub(super) fn show_hits(&self, to: &mut securityfs::Text) -> core::fmt::Result {
        for (line, hits) in self.policy.lines().zip(self.hits.iter()) {
            writeln!(to, "{line} {}", hits.load(Relaxed))?;
        }
        let defaults = self.hits.last().map_or(0, |hits| hits.load(Relaxed));
        writeln!(to, "default {defaults}")
    }

    fn count(&self, decision: &Decision) {
        let last = self.hits.len().saturating_sub(1);
        if let Some(hits) = self.hits.get(decision.rule.unwrap_or(last)) {
            hits.add(1, Relaxed);
        }
    }
}

impl Hook for Engine {
    fn operations(&self) -> u32 {
        self.policy.operations().into()
    }

    fn any(&self, operation: Operation, cx: &Context<'_>, _file: Option<&FileRef>) -> Verdict {
        let told = Told {
            cx,
            subject: cx.subject(),
        };
        let enforced = is_enforcing();
        let decision = match self.policy.decide(operation, &told) {
            Ok(decision) => {
                self.count(&decision);
                decision
            }
            // No rule decided, and it is none's to count.
            Err(why) => unjudged(why),
        };
        let verdict = match decision.verdict {
            rules::Verdict::Allow => Verdict::Allow,
            rules::Verdict::Deny(errno) => Verdict::Deny(Error::from_errno(-errno)),
            rules::Verdict::Drop => Verdict::Drop,
        };
        if decision.audit || verdict != Verdict::Allow {
            report::tell(operation, cx, &told.subject, &decision, enforced);
        }
        if enforced {
            verdict
        } else {
            Verdict::Allow
        }
    }
}

/// What is done with what cannot be judged: it does not happen, unless nothing is
/// refused at all, and is told.
#[cold]
fn unjudged(why: Unknown) -> Decision {
    let why = match why {
        Unknown::NoMemory => ENOMEM,
        Unknown::TooLong => ENAMETOOLONG.into(),
    };
    Decision {
        verdict: rules::Verdict::Deny(-why.to_errno()),
        audit: true,
        rule: None,
        line: 0,
    }
}

/// What the rules are told.
struct Told<'a> {
    cx: &'a Context<'a>,
    subject: Subject,
}

impl Facts for Told<'_> {
    fn number(&self, key: Number) -> u64 {
        let (object, message) = (self.cx.object(), self.cx.message());
        match key {
            Number::Uid => self.subject.uid().into(),
            Number::Gid => self.subject.gid().into(),
            Number::PeerUid => object.peer_ids().map_or(u64::MAX, |ids| ids.0.into()),
            Number::PeerGid => object.peer_ids().map_or(u64::MAX, |ids| ids.1.into()),
            Number::Len => message.map_or(0, |message| message.len() as u64),
            Number::Files => message.map_or(0, |message| message.files() as u64),
            Number::Type => object.kind().into(),
        }
    }

    fn text(&self, key: Text) -> Result<&[u8], Unknown> {
        let found = match key {
            Text::Exe => self.subject.exe(),
            Text::Cgroup => self.subject.cgroup(),
            Text::Name => Ok(self.cx.name()),
            Text::Peer => Ok(self.cx.peer_name()),
        };
        found.map_err(|error| match error == ENOMEM {
            true => Unknown::NoMemory,
            false => Unknown::TooLong,
        })
    }
}
