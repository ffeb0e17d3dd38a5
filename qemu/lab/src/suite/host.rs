// SPDX-License-Identifier: GPL-2.0
//! Suites without a guest: what `lab check` finds, the lab's own unit tests among it.

use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::report::{Case, Outcome, Place, Ui};

/// Runs `lab check`, or only those of its checks that are named, and counts each.
pub fn run(suite: &'static str, names: &[&str], ui: &Ui) -> Result<()> {
    let place = Place(None);
    ui.note(place, suite, "running");
    let this = std::env::current_exe().context("cannot find the lab's own program")?;
    let mut check = Command::new(this);
    check.arg("check").args(names).stdin(Stdio::null());
    let out = check.output().context("cannot run lab check")?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let mut cases = parse(&text);
    let explained = cases.iter().any(|c| c.outcome == Outcome::Failed);
    if cases.is_empty() || !out.status.success() && !explained {
        let told = text + &String::from_utf8_lossy(&out.stderr);
        cases.push(Case::new("lab check", false, told));
    }
    ui.group(place, suite, "lab check", cases);
    Ok(())
}

/// The verdicts, "check NAME: ok (...)", each after what it has to say.
fn parse(text: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut told = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("check ").and_then(|l| l.split_once(": ")) {
            Some((name, verdict)) => {
                told.push(line);
                cases.push(Case::new(name, verdict.starts_with("ok"), told.join("\n")));
                told.clear();
            }
            None => told.push(line),
        }
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_keep_what_stands_before_them() {
        let text = "check fmt: ok (3 files; 0.1 s)\nsrc/a.rs:1: bad\n\
                    check rooms: FAILED, 1 found (x; 0.1 s)\nqsock check: FAILED: rooms";
        let cases = parse(text);
        assert_eq!(cases.len(), 2);
        assert_eq!(
            (cases[0].name.as_str(), &cases[0].outcome),
            ("fmt", &Outcome::Passed)
        );
        assert_eq!(
            (cases[1].name.as_str(), &cases[1].outcome),
            ("rooms", &Outcome::Failed)
        );
        assert_eq!(cases[1].diagnostics[0], "src/a.rs:1: bad");
        assert!(parse("qsock: no root").is_empty());
    }
}
