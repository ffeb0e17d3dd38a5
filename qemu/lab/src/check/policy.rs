// SPDX-License-Identifier: GPL-2.0
//! The policy language on this machine: the tests of qsockctl, which is built from the kernel's own
//! source of it, with the fuzzer's corpus among them.

use super::tools::{compiler_messages, run};
use super::tree::Tree;
use super::Outcome;
use crate::guest;
use anyhow::Result;
use std::process::Command;

/// Builds qsockctl as clippy likes it, and its tests; runs them.
pub fn language(tree: &Tree) -> Result<Outcome> {
    let folder = tree.root.join("build/qsockctl");
    std::fs::create_dir_all(&folder)?;
    let source = tree.root.join(guest::QSOCKCTL[0]);
    let tests = folder.join("tests");
    let mut outcome = Outcome::new("");
    for (program, more) in [
        ("clippy-driver", ["--emit=metadata", "-Dclippy::all"]),
        ("rustc", ["--test", "-O"]),
    ] {
        let mut rustc = Command::new(program);
        rustc
            .args(["--edition=2021", "-Dwarnings"])
            .args(more)
            .env("QSOCKCTL_SOURCE", &source)
            .arg("-o")
            .arg(&tests)
            .arg(source.join("main.rs"))
            .current_dir(&tree.root);
        let out = run(&mut rustc)?;
        let text = String::from_utf8_lossy(&out.stderr);
        outcome
            .findings
            .extend(compiler_messages(tree, &tree.root, &text));
        if !out.status.success() && outcome.findings.is_empty() {
            outcome.raw(&out);
        }
    }
    if !outcome.is_clean() {
        return Ok(outcome);
    }
    let out = run(&mut Command::new(&tests))?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let passed = text.lines().find(|line| line.starts_with("test result:"));
    outcome.note = format!("qsockctl; {}", passed.unwrap_or("no test result"));
    let none = passed.is_none_or(|line| line.contains(" 0 passed"));
    if !out.status.success() || none {
        outcome.raw(&out);
    }
    Ok(outcome)
}
