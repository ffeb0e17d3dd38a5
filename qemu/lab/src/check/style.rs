// SPDX-License-Identifier: GPL-2.0
//! How sources are written: rustfmt and checkpatch, with the kernel's own settings.

use super::tools::{relative, run};
use super::tree::{Finding, Tree};
use super::Outcome;
use crate::artifacts::{self, Config};
use anyhow::Result;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

/// rustfmt, with the kernel's settings for kernel code and its own for programs.
pub fn format(tree: &Tree) -> Result<Outcome> {
    rustfmt(tree, &["--check"])
}

/// The same, but it rewrites the files.
pub fn reformat(tree: &Tree) -> Result<Outcome> {
    rustfmt(tree, &[])
}

fn rustfmt(tree: &Tree, mode: &[&str]) -> Result<Outcome> {
    let rust = tree.under("", &["rs"]);
    let (kernel, programs): (Vec<_>, Vec<_>) = rust.partition(|name| is_kernel_code(name));
    let settings = artifacts::ksrc(Config::Stock)?.join(".rustfmt.toml");
    let mut outcome = Outcome::new(format!(
        "{} kernel and {} program files",
        kernel.len(),
        programs.len()
    ));
    for (names, config) in [(kernel, settings), (programs, PathBuf::from("/dev/null"))] {
        if names.is_empty() {
            continue;
        }
        let mut rustfmt = Command::new("rustfmt");
        rustfmt
            .args(["--edition=2021", "--color=never", "--config-path"])
            .arg(config)
            .args(mode)
            .args(&names)
            .current_dir(&tree.root);
        let out = run(&mut rustfmt)?;
        let text = String::from_utf8_lossy(&out.stdout);
        // Once per place, although rustfmt also follows `mod`.
        let places: BTreeSet<_> = text.lines().filter_map(|l| difference(tree, l)).collect();
        if places.is_empty() && !out.status.success() {
            outcome.raw(&out);
        }
        outcome.findings.extend(places);
    }
    Ok(outcome)
}

/// Whether a file is part of a kernel module or its interface.
fn is_kernel_code(name: &str) -> bool {
    let folders = ["src/", "include/", "selftests/modules/"];
    folders.iter().any(|folder| name.starts_with(folder))
}

/// `Diff in /path/file.rs:12:`.
fn difference(tree: &Tree, line: &str) -> Option<Finding> {
    let place = line.strip_prefix("Diff in ")?.trim_end_matches(':');
    let (path, number) = place.rsplit_once(':')?;
    let path = relative(tree, &tree.root, path);
    Some(Finding::new(
        &path,
        number.parse().ok()?,
        "not as rustfmt writes it",
    ))
}

// checkpatch takes `READ_ONCE(sk->sk_data_ready)(sk)`, as net/ipv4 writes it, for a call through
// a parenthesised pointer.
const CHECKPATCH_NOT_FOR_KERNEL_CODE: [&str; 1] = ["UNNECESSARY_PARENTHESES"];

// The macros of tracepoints are written in a way of their own everywhere in the kernel.
const TRACEPOINTS: [&str; 2] = [
    "src/helpers/trace.h",
    "selftests/modules/qprobe/qprobe_trace.h",
];
const CHECKPATCH_NOT_FOR_TRACEPOINTS: [&str; 2] = ["OPEN_ENDED_LINE", "PARENTHESIS_ALIGNMENT"];

// What checkpatch says about programs that only holds for the kernel itself: u64, BIT() and
// strscpy() exist there alone, a signal handler's flag is volatile, a number that is no system call's
// is ENOSYS, and kselftest_harness.h's macros define functions and leave them.
const CHECKPATCH_NOT_FOR_PROGRAMS: [&str; 8] = [
    "BIT_MACRO",
    "ENOSYS",
    "MACRO_ARG_REUSE",
    "MACRO_WITH_FLOW_CONTROL",
    "MULTISTATEMENT_MACRO_USE_DO_WHILE",
    "PREFER_KERNEL_TYPES",
    "STRCPY",
    "VOLATILE",
];

// The types that kselftest_harness.h makes, up to the name that a pointer to one has: checkpatch
// takes `const FIXTURE_DATA(x) *self` for a product.
const CHECKPATCH_TYPES: &str = r"FIXTURE_(?:DATA|VARIANT)\(\w+\)\x20\*";

/// The kernel's checkpatch over everything it can read.
pub fn checkpatch(tree: &Tree) -> Result<Outcome> {
    let readable = tree.under("", &["c", "h", "rs"]);
    let (kernel, programs): (Vec<_>, Vec<_>) = readable
        .filter(|name| is_kernel_code(name) || !name.ends_with(".rs"))
        .partition(|name| is_kernel_code(name));
    let mut outcome = Outcome::new(format!(
        "{} kernel and {} program files",
        kernel.len(),
        programs.len()
    ));
    let (tracepoints, kernel): (Vec<_>, Vec<_>) = kernel
        .into_iter()
        .partition(|name| TRACEPOINTS.contains(name));
    checkpatch_files(tree, &kernel, &CHECKPATCH_NOT_FOR_KERNEL_CODE, &mut outcome)?;
    checkpatch_files(
        tree,
        &tracepoints,
        &CHECKPATCH_NOT_FOR_TRACEPOINTS,
        &mut outcome,
    )?;
    checkpatch_files(tree, &programs, &CHECKPATCH_NOT_FOR_PROGRAMS, &mut outcome)?;
    Ok(outcome)
}

fn checkpatch_files(
    tree: &Tree,
    names: &[&str],
    ignored: &[&str],
    outcome: &mut Outcome,
) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let script = artifacts::ksrc(Config::Stock)?.join("scripts/checkpatch.pl");
    // It leaves a cache file where it runs.
    let elsewhere = tempfile::tempdir()?;
    let types = elsewhere.path().join("types");
    std::fs::write(&types, CHECKPATCH_TYPES)?;
    let mut perl = Command::new("perl");
    perl.arg(script).args([
        "--no-tree",
        "--strict",
        "--terse",
        "--no-summary",
        "--show-types",
    ]);
    perl.arg("--typedefsfile")
        .arg(types)
        .arg(format!("--ignore={}", ignored.join(",")))
        .arg("--file")
        .args(names.iter().map(|name| tree.root.join(name)))
        .current_dir(elsewhere.path());
    let out = run(&mut perl)?;
    let text = String::from_utf8_lossy(&out.stdout);
    let found = text.lines().filter_map(|line| file_line(tree, line));
    let before = outcome.findings.len();
    outcome.findings.extend(found);
    if outcome.findings.len() == before && !out.status.success() {
        outcome.raw(&out);
    }
    Ok(())
}

/// `file:line: message`.
fn file_line(tree: &Tree, line: &str) -> Option<Finding> {
    let (path, rest) = line.split_once(':')?;
    let (number, text) = rest.split_once(':')?;
    let path = relative(tree, &tree.root, path);
    Some(Finding::new(&path, number.parse().ok()?, text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rustfmt_and_checkpatch_are_understood() {
        let dir = tempfile::tempdir().unwrap();
        let tree = Tree::open(dir.path()).unwrap();
        let line = format!("Diff in {}/src/a.rs:12:", dir.path().display());
        let expected = Finding::new("src/a.rs", 12, "not as rustfmt writes it");
        assert_eq!(difference(&tree, &line), Some(expected));
        let line = format!(
            "{}/src/helpers/a.c:3: ERROR:SPACING: spaces required",
            dir.path().display()
        );
        let found = file_line(&tree, &line);
        let expected = Finding::new("src/helpers/a.c", 3, "ERROR:SPACING: spaces required");
        assert_eq!(found, Some(expected));
    }

    #[test]
    fn kernel_code_has_the_kernels_style() {
        assert!(is_kernel_code("src/names.rs") && is_kernel_code("selftests/modules/leak/leak.rs"));
        assert!(!is_kernel_code("qemu/lab/src/main.rs") && !is_kernel_code("selftests/stream.c"));
    }
}
