// SPDX-License-Identifier: GPL-2.0

//! /sys/kernel/security/qsock: the files that policies come by.

use super::{chain, engine, engine::Engine, rules, rules::Refusal};
use crate::net::securityfs::{ControlFile, Entry, Text};
use kernel::prelude::*;

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
        chain::change(|loaded| {
            loaded.rules = rules;
            Ok(())
        })
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
        match &text[..] {
            b"0" | b"0\n" => engine::set_enforcing(false),
            b"1" | b"1\n" => engine::set_enforcing(true),
            _ => return Err(EINVAL),
        }
        Ok(())
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
