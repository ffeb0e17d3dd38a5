// SPDX-License-Identifier: GPL-2.0

//! /sys/kernel/security/qsock: the files that policies come by.

use super::{
    chain::{self, Loaded},
    engine::{self, Engine},
    report,
    rules::{self, Refusal}, //
};
use crate::net::securityfs::{ControlFile, Entry, Text};
use core::cell::Cell;
use kernel::{prelude::*, sync::Arc};

/// What the audit subsystem calls it when the policy is replaced.
const LOAD: &CStr = c"policy_load";

/// And when its enforcement changes.
const ENFORCE: &CStr = c"policy_enforce";

/// What is told of the rules, which is nothing if there are none.
fn size(rules: &Option<Arc<Engine>>) -> i64 {
    rules.as_ref().map_or(0, |rules| rules.size() as i64)
}

/// The policy: read it back, or write another, which replaces it.
struct PolicyFile;

impl ControlFile for PolicyFile {
    const NAME: &'static CStr = c"policy";
    const WRITE_MAX: usize = rules::TEXT_MAX;

    fn show(to: &mut Text) -> Result {
        chain::with_rules(|rules| match rules {
            Some(rules) => Ok(to.push(rules.text())?),
            None => Ok(()),
        })
    }

    /// # Errors
    ///
    /// `EINVAL` for a mistake, which the kernel's log shows; `ENOMEM`. What is
    /// loaded stays then.
    fn store(text: KVVec<u8>) -> Result {
        let rules = Engine::new(text).map_err(|refusal| match refusal {
            Refusal::NoMemory => ENOMEM,
            Refusal::Mistake(mistake) => {
                pr_notice!(
                    "policy:{}:{}: {}\n",
                    mistake.line,
                    mistake.column,
                    mistake.what
                );
                EINVAL
            }
        })?;
        let (new, old) = (size(&rules), Cell::new(0));
        let replace = |loaded: &mut Loaded| {
            old.set(size(&loaded.rules));
            loaded.rules = rules;
            Ok(())
        };
        chain::change(replace, || {
            report::changed(LOAD, [(c" rules=", new), (c" old-rules=", old.get())]);
        })
    }

    fn refused(why: Error) {
        report::refused(LOAD, why);
    }
}

/// Whether what the policy refuses is refused (1), or told only (0).
struct EnforceFile;

impl ControlFile for EnforceFile {
    const NAME: &'static CStr = c"enforce";
    const WRITE_MAX: usize = 2;

    fn show(to: &mut Text) -> Result {
        Ok(to.push(match engine::is_enforcing() {
            true => b"1\n",
            false => b"0\n",
        })?)
    }

    /// # Errors
    ///
    /// `EINVAL` for what is neither 0 nor 1.
    fn store(text: KVVec<u8>) -> Result {
        let new = match &text[..] {
            b"0" | b"0\n" => false,
            b"1" | b"1\n" => true,
            _ => return Err(EINVAL),
        };
        let old = engine::set_enforcing(new);
        if new != old {
            let values = [(c" enforce=", new.into()), (c" old-enforce=", old.into())];
            report::changed(ENFORCE, values);
        }
        Ok(())
    }

    fn refused(why: Error) {
        report::refused(ENFORCE, why);
    }
}

/// How often each rule decided: its line and a number.
struct StatsFile;

impl ControlFile for StatsFile {
    const NAME: &'static CStr = c"stats";
    const WRITE_MAX: usize = 0;

    fn show(to: &mut Text) -> Result {
        chain::with_rules(|rules| match rules {
            Some(rules) => rules.show_hits(to).map_err(|_| ENOMEM),
            None => Ok(()),
        })
    }
}

/// The files; dropping this removes them.
pub(crate) struct Files {
    _files: [Entry; 3],
    // After what is in it.
    _directory: Entry,
}

impl Files {
    /// Makes them; none where the kernel has no securityfs. Sleeps.
    ///
    /// # Errors
    ///
    /// `EEXIST`, `ENOMEM`.
    pub(crate) fn new() -> Result<Option<Self>> {
        let directory = match Entry::directory(c"qsock") {
            Err(error) if error == ENODEV => return Ok(None),
            result => result?,
        };
        Ok(Some(Self {
            _files: [
                directory.file::<PolicyFile>()?,
                directory.file::<EnforceFile>()?,
                directory.file::<StatsFile>()?,
            ],
            _directory: directory,
        }))
    }
}
