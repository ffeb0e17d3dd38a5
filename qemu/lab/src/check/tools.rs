// SPDX-License-Identifier: GPL-2.0
//! The checks that other programs make: rustfmt, checkpatch, clippy, sparse, cargo.
//!
//! Each is run on the whole, its messages are turned into findings with paths of the checkout,
//! and what could not be turned is shown as it came.

use super::tree::{Finding, Tree};
use super::Outcome;
use crate::artifacts::{self, Arch, Config};
use anyhow::{bail, Context, Result};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Output};

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

// What checkpatch says about programs that only holds for the kernel itself: u64, BIT() and
// strscpy() exist there alone, and kselftest_harness.h's macros define functions and leave them.
const CHECKPATCH_NOT_FOR_PROGRAMS: [&str; 6] = [
    "BIT_MACRO",
    "MACRO_ARG_REUSE",
    "MACRO_WITH_FLOW_CONTROL",
    "MULTISTATEMENT_MACRO_USE_DO_WHILE",
    "PREFER_KERNEL_TYPES",
    "STRCPY",
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
    checkpatch_files(tree, &kernel, &[], &mut outcome)?;
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
    let mut perl = Command::new("perl");
    perl.arg(script).args([
        "--no-tree",
        "--strict",
        "--terse",
        "--no-summary",
        "--show-types",
    ]);
    if !ignored.is_empty() {
        let types = elsewhere.path().join("types");
        std::fs::write(&types, CHECKPATCH_TYPES)?;
        perl.arg("--typedefsfile").arg(types);
        perl.arg(format!("--ignore={}", ignored.join(",")));
    }
    perl.arg("--file")
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

// sparse 0.6.4 does not know the operator, and the kernel refuses it for that; for what sparse
// looks at (address spaces, locks, endianness) the qualifiers that stay do not matter.
// Rust declares what C defines in src/helpers.
const SPARSE: &str = "CHECK=sparse -D__typeof_unqual__=__typeof__ -Wno-decl";

/// Clippy over the module's Rust and sparse over its C, both with warnings as errors.
pub fn clippy(tree: &Tree) -> Result<Outcome> {
    let folder = artifacts::build_dir(Arch::X86_64, Config::Stock)?.join("clippy");
    std::fs::create_dir_all(&folder)?;
    let mut make = artifacts::make_cmd(Arch::X86_64, Config::Stock)?;
    make.arg("-C")
        .arg(artifacts::kdir(Arch::X86_64, Config::Stock)?)
        .arg(format!("M={}", tree.root.display()))
        .arg(format!("MO={}", folder.display()))
        // C=2: sparse reads every C file, also one that needs no compilation.
        .args(["CLIPPY=1", "W=e", "C=2", SPARSE, "--keep-going", "modules"]);
    let out = run(&mut make)?;
    let mut outcome = Outcome::new("the module for x86_64, warnings as errors; sparse");
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    outcome.findings = compiler_messages(tree, &folder, &text);
    // kbuild goes on without a sparse that it finds unfit.
    let unread = text.contains("is not available or not up to date");
    if unread || (!out.status.success() && outcome.findings.is_empty()) {
        outcome.raw(&out);
    }
    Ok(outcome)
}

/// Clippy and the unit tests of the lab itself, these checks included.
pub fn lab(tree: &Tree) -> Result<Outcome> {
    let folder = lab_folder(tree)?;
    let mut outcome = Outcome::new("");
    let mut clippy = cargo("clippy", &folder);
    clippy.args(["--all-targets", "--", "-Dwarnings"]);
    let out = run(&mut clippy)?;
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    outcome.findings = compiler_messages(tree, &folder, &text);
    if !out.status.success() && outcome.findings.is_empty() {
        outcome.raw(&out);
    }
    let out = run(&mut cargo("test", &folder))?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let passed = text.lines().find(|line| line.starts_with("test result:"));
    outcome.note = format!("clippy; {}", passed.unwrap_or("no test result"));
    let none = passed.is_none_or(|line| line.contains(" 0 passed"));
    if !out.status.success() || none {
        outcome.raw(&out);
    }
    Ok(outcome)
}

/// A folder below build/ in which cargo may write its lock file: the checkout's sources stand in
/// it as a link.
fn lab_folder(tree: &Tree) -> Result<PathBuf> {
    let folder = tree.root.join("build/lab");
    std::fs::create_dir_all(&folder)?;
    std::fs::copy(
        tree.root.join("qemu/lab/Cargo.toml"),
        folder.join("Cargo.toml"),
    )?;
    let link = folder.join("src");
    if link.symlink_metadata().is_err() {
        std::os::unix::fs::symlink("../../qemu/lab/src", &link)
            .context("link the lab's sources")?;
    }
    Ok(folder)
}

fn cargo(verb: &str, folder: &Path) -> Command {
    // In the checkout: cargo takes one path's work for another's when they share a target folder.
    let mut cargo = Command::new("cargo");
    cargo
        .args([verb, "--offline", "--quiet", "--color=never"])
        .arg("--config=source.crates-io.replace-with=\"debian\"")
        .arg("--config=source.debian.directory=\"/usr/share/cargo/registry\"")
        .env("CARGO_HOME", folder.join("home"))
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .current_dir(folder);
    cargo
}

/// The places that rustc, gcc or sparse speak of: `  --> file:1:2` under a message, or
/// `file:1:2: error: text`. Paths are relative to `folder`.
fn compiler_messages(tree: &Tree, folder: &Path, text: &str) -> Vec<Finding> {
    let mut found = BTreeSet::new();
    let mut message = "";
    for line in text.lines() {
        let start = line.trim_start();
        if is_message(start) {
            message = start;
        } else if let Some(place) = start.strip_prefix("--> ") {
            let mut parts = place.rsplitn(3, ':').skip(1);
            let number = parts.next().and_then(|n| n.parse().ok());
            if let (Some(number), Some(path)) = (number, parts.next()) {
                found.insert(Finding::new(&relative(tree, folder, path), number, message));
            }
        } else if let Some(finding) = c_message(tree, folder, line) {
            found.insert(finding);
        }
    }
    found.into_iter().collect()
}

fn is_message(line: &str) -> bool {
    let head = line.split([':', '[']).next().unwrap_or("");
    matches!(head, "error" | "warning")
}

fn c_message(tree: &Tree, folder: &Path, line: &str) -> Option<Finding> {
    let mut parts = line.splitn(4, ':');
    let path = parts.next()?;
    let number = parts.next()?.parse().ok()?;
    let _column: usize = parts.next()?.parse().ok()?;
    let text = parts.next()?.trim();
    is_message(text).then(|| Finding::new(&relative(tree, folder, path), number, text))
}

/// A path that a tool printed while it worked in `folder`, relative to the checkout.
fn relative(tree: &Tree, folder: &Path, path: &str) -> String {
    let mut full = PathBuf::new();
    for part in folder.join(path).components() {
        match part {
            Component::ParentDir => {
                full.pop();
            }
            Component::CurDir => {}
            part => full.push(part),
        }
    }
    // The lab is compiled through a link.
    let full = match full.strip_prefix(tree.root.join("build/lab")) {
        Ok(rest) => Path::new("qemu/lab").join(rest),
        Err(_) => full,
    };
    let inside = full.strip_prefix(&tree.root).unwrap_or(&full);
    inside.to_string_lossy().into_owned()
}

fn run(command: &mut Command) -> Result<Output> {
    let program = command.get_program().to_string_lossy().into_owned();
    match command.output() {
        Ok(out) => Ok(out),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            bail!("{program} is not in the build root: is it in qemu/packages?")
        }
        Err(e) => Err(e).with_context(|| format!("run {program}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkout() -> (tempfile::TempDir, Tree) {
        let dir = tempfile::tempdir().unwrap();
        let tree = Tree::open(dir.path()).unwrap();
        (dir, tree)
    }

    #[test]
    fn compilers_are_understood() {
        let (dir, tree) = checkout();
        let text = "\
error: unneeded `return` statement
  --> ../../../src/net/sock.rs:14:9
   |
../../../src/helpers/sock.c:3:1: warning: symbol 'x' was not declared
make: *** [Makefile:1: x] Error 2
";
        let folder = dir.path().join("build/x86_64-stock/clippy");
        let found = compiler_messages(&tree, &folder, text);
        let shown: Vec<_> = found.iter().map(Finding::to_string).collect();
        let expected = [
            "src/helpers/sock.c:3: warning: symbol 'x' was not declared",
            "src/net/sock.rs:14: error: unneeded `return` statement",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_lab_is_found_through_its_link() {
        let (dir, tree) = checkout();
        let text = "warning: unused\n --> src/check.rs:1:5\n";
        let found = compiler_messages(&tree, &dir.path().join("build/lab"), text);
        assert_eq!(
            found,
            [Finding::new("qemu/lab/src/check.rs", 1, "warning: unused")]
        );
    }

    #[test]
    fn rustfmt_and_checkpatch_are_understood() {
        let (dir, tree) = checkout();
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
}
