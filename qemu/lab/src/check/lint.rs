// SPDX-License-Identifier: GPL-2.0
//! What compilers and linters say: clippy and sparse over the module, rustdoc of it, and clippy and
//! the unit tests of the lab and of the tools.

use super::tools::{compiler_messages, run};
use super::tree::Tree;
use super::Outcome;
use crate::artifacts::{self, Arch, Config};
use crate::{doc, tools};
use anyhow::{Context, Result};
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

// sparse 0.6.4 does not know the operator, and the kernel refuses it for that; for what sparse
// looks at (address spaces, locks, endianness) the qualifiers that stay do not matter.
// Rust declares what C defines in src/helpers.
const SPARSE: &str = "CHECK=sparse -D__typeof_unqual__=__typeof__ -Wno-decl";

/// Clippy over the modules' Rust and sparse over their C, both with warnings as errors.
pub fn clippy(tree: &Tree) -> Result<Outcome> {
    let mut outcome = Outcome::new("the modules for x86_64, warnings as errors; sparse");
    kbuild(tree, "", "clippy", &mut outcome)?;
    if tree.root.join("selftests/modules/Kbuild").is_file() {
        kbuild(tree, "selftests/modules", "clippy-selftests", &mut outcome)?;
    }
    // The test modules have the framework's sources in common with the module.
    outcome.findings.sort();
    outcome.findings.dedup();
    Ok(outcome)
}

/// One run of kbuild over the sources in `from`, with every linter it has.
fn kbuild(tree: &Tree, from: &str, to: &str, outcome: &mut Outcome) -> Result<()> {
    let kdir = artifacts::kdir(Arch::X86_64, Config::Stock)?;
    let folder = artifacts::build_dir(Arch::X86_64, Config::Stock)?.join(to);
    fresh_folder(&folder, &kdir)?;
    let mut make = artifacts::make_cmd(Arch::X86_64, Config::Stock)?;
    make.arg("-C")
        .arg(&kdir)
        .arg(format!("M={}", tree.root.join(from).display()))
        .arg(format!("MO={}", folder.display()))
        // C=2: sparse reads every C file, also one that needs no compilation.
        // The test modules may use what qsock.ko exports.
        .arg(format!(
            "KBUILD_EXTRA_SYMBOLS={}",
            match from {
                "" => String::new(),
                _ => folder
                    .with_file_name("clippy")
                    .join("Module.symvers")
                    .display()
                    .to_string(),
            }
        ))
        .args(["CLIPPY=1", "W=e", "C=2", SPARSE, "--keep-going", "modules"]);
    let out = run(&mut make)?;
    let text = String::from_utf8_lossy(&out.stderr);
    let mut found = compiler_messages(tree, &folder, &text);
    // sparse cannot count a string's length at compile time, as MODULE_INFO() does; gcc did it.
    let known = "error: bad constant expression";
    found.retain(|finding| finding.text != known);
    // kbuild goes on without a sparse that it finds unfit.
    let unread = text.contains("is not available or not up to date");
    if unread || (!out.status.success() && found.is_empty()) {
        outcome.raw(&out);
    }
    outcome.findings.extend(found);
    if !outcome.is_clean() {
        // objtool and modpost warn once, when the file is made: it is to be made again.
        std::fs::remove_dir_all(&folder)?;
    }
    Ok(())
}

/// Empties the folder unless it was used with this tree: kbuild does not notice all of a change.
fn fresh_folder(folder: &Path, kdir: &Path) -> Result<()> {
    let mark = folder.join(".kdir");
    let tree = kdir.to_string_lossy();
    if std::fs::read_to_string(&mark).ok().as_deref() != Some(&*tree) {
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        std::fs::create_dir_all(folder)?;
        std::fs::write(&mark, &*tree)?;
    }
    Ok(())
}

/// rustdoc of the module.
pub fn doc(tree: &Tree) -> Result<Outcome> {
    let pages = doc::build()?;
    let mut outcome = Outcome::new("rustdoc of the module, warnings as errors");
    outcome.findings = compiler_messages(tree, &pages.folder, &pages.messages);
    if pages.index.is_none() && outcome.findings.is_empty() {
        outcome.raw = pages.messages;
    }
    Ok(outcome)
}

/// Clippy and the unit tests of the lab itself, these checks included.
pub fn lab(tree: &Tree) -> Result<Outcome> {
    let folder = lab_folder(tree)?;
    clippy_and_tests(
        tree,
        &folder,
        cargo("clippy", &folder)?,
        cargo("test", &folder)?,
    )
}

/// The same of the crates of tools/. What needs the module runs in a guest: the suite `programs`.
pub fn tools(tree: &Tree) -> Result<Outcome> {
    let folder = tools::workspace()?;
    let mut test = tools::cargo("test", Arch::X86_64)?;
    test.args(["--workspace", "--exclude=qsockctl", "--lib", "--bins"]);
    clippy_and_tests(tree, &folder, tools::cargo("clippy", Arch::X86_64)?, test)
}

/// The policy language on this machine: qsockctl has the kernel's own source of it, and the fuzzer's corpus among its
/// tests.
pub fn policy(tree: &Tree) -> Result<Outcome> {
    let folder = tools::workspace()?;
    let of = |verb| -> Result<Command> {
        let mut cargo = tools::cargo(verb, Arch::X86_64)?;
        cargo.arg("--package=qsockctl");
        Ok(cargo)
    };
    clippy_and_tests(tree, &folder, of("clippy")?, of("test")?)
}

/// Clippy with warnings as errors, and tests of which there must be some.
fn clippy_and_tests(
    tree: &Tree,
    folder: &Path,
    mut clippy: Command,
    mut test: Command,
) -> Result<Outcome> {
    let mut outcome = Outcome::new("");
    clippy.args(["--all-targets", "--", "-Dwarnings"]);
    let out = run(&mut clippy)?;
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    outcome.findings = compiler_messages(tree, folder, &text);
    if !out.status.success() && outcome.findings.is_empty() {
        outcome.raw(&out);
    }
    let out = run(&mut test)?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let results = text
        .lines()
        .filter_map(|line| line.strip_prefix("test result: "));
    let passed: Vec<&str> = results.collect();
    outcome.note = format!("clippy; tests: {}", passed.join("; "));
    let none = passed.iter().all(|line| line.contains(" 0 passed"));
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
    let manifest = std::fs::read_to_string(tree.root.join("qemu/lab/Cargo.toml"))?;
    let manifest = manifest_of_checkout(&manifest, &tree.root);
    if std::fs::read_to_string(folder.join("Cargo.toml"))
        .ok()
        .as_ref()
        != Some(&manifest)
    {
        std::fs::write(folder.join("Cargo.toml"), manifest)?;
    }
    let link = folder.join("src");
    if link.symlink_metadata().is_err() {
        std::os::unix::fs::symlink("../../qemu/lab/src", &link)
            .context("link the lab's sources")?;
    }
    Ok(folder)
}

/// The manifest with the checkout in its version. All checkouts share the compiled crates in the
/// cache, and cargo would take the lab of one for the lab of another.
fn manifest_of_checkout(manifest: &str, root: &Path) -> String {
    let mut hasher = std::hash::DefaultHasher::new();
    root.hash(&mut hasher);
    let mark = format!("version = \"0.1.0+{:016x}\"", hasher.finish());
    manifest.replacen("version = \"0.1.0\"", &mark, 1)
}

fn cargo(verb: &str, folder: &Path) -> Result<Command> {
    let cache = artifacts::cache()?.join("lab-check");
    let mut cargo = Command::new("cargo");
    cargo
        .args([verb, "--offline", "--quiet", "--color=never"])
        .arg("--config=source.crates-io.replace-with=\"debian\"")
        .arg("--config=source.debian.directory=\"/usr/share/cargo/registry\"")
        .env("CARGO_HOME", cache.join("home"))
        .env("CARGO_TARGET_DIR", cache.join("target"))
        .current_dir(folder);
    Ok(cargo)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkouts_are_told_apart() {
        let manifest = include_str!("../../Cargo.toml");
        let of = |root| manifest_of_checkout(manifest, Path::new(root));
        assert_ne!(of("/a"), manifest);
        assert_ne!(of("/a"), of("/b"));
        assert_eq!(of("/a"), of("/a"));
    }
}
