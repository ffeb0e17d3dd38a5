// SPDX-License-Identifier: GPL-2.0
//! The crates of tools/, and those that drive the programs' suite and the bench: built for an architecture into
//! build/<arch>.
//!
//! cargo wants to write beside a manifest, so it works in build/tools, where the crates stand as links. Crates that
//! they use come from the build root's Debian packages, never from the network.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{ensure, Context, Result};

use crate::artifacts::{self, Arch, ArchArgs};
use crate::cache;

/// The crates, and where each is in the checkout.
const CRATES: [(&str, &str); 5] = [
    ("qsock-rs", "tools/qsock-rs"),
    ("qsock-run", "tools/qsock-run"),
    ("qsockctl", "tools/qsockctl"),
    ("programs", "selftests/programs"),
    ("qbench", "selftests/bench"),
];

/// What is built of them: programs, and the library that must stand beside the launcher or where PLACES of its source
/// says.
pub const LAUNCHER: [&str; 2] = ["qsock-run", "libqsock_run.so"];
/// What runs the programs' suite.
pub const DRIVER: &str = "programs";
/// The tests of crate qsock that need the module.
pub const TESTS: &str = "sockets";

/// What is built of which crate, and how it is linked: every program by the launcher begins with both. The launcher
/// needs no dynamic linker. The library's code and what it reads are one mapping; there are no objects of the C compiler
/// around it, whose symbols nothing has, which the dynamic linker would look for everywhere.
const BUILDS: [(&[&str], &[&str]); 3] = [
    (
        &["-p=qsock-run", "--bin=qsock-run"],
        &["-Ctarget-feature=+crt-static"],
    ),
    (
        &["-p=qsock-run", "--lib"],
        &[
            "-Clink-arg=-nostartfiles",
            "-Clink-arg=-Wl,-z,noseparate-code",
        ],
    ),
    (&["-p=programs", "--bin=programs"], &[]),
];

/// The folder with the built files.
pub fn build(arch: Arch) -> Result<PathBuf> {
    let folder = artifacts::top()?
        .join("build")
        .join(arch.name())
        .join("tools");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let _lock = cache::lock(&cache::beside(&folder, ".lock"), "the tools")?;
    for (words, how) in BUILDS {
        compile(arch, words, how)?;
    }
    for file in LAUNCHER.iter().chain(&[DRIVER]) {
        install(&built(arch, file)?, &folder.join(file))?;
    }
    Ok(folder)
}

/// Puts the program of a crate of its name at `program`, static: guests have no C library.
pub fn program(arch: Arch, name: &str, program: &Path) -> Result<()> {
    let words = [format!("-p={name}"), format!("--bin={name}")];
    let words = words.each_ref().map(String::as_str);
    compile(arch, &words, &["-Ctarget-feature=+crt-static"])?;
    install(&built(arch, name)?, program)
}

/// Builds something of a crate.
fn compile(arch: Arch, words: &[&str], how: &[&str]) -> Result<()> {
    let mut cargo = cross_cargo("rustc", arch)?;
    let out = cargo.args(words).arg("--").args(how).output();
    let out = out.context("cannot run cargo")?;
    let errors = String::from_utf8_lossy(&out.stderr);
    ensure!(
        out.status.success(),
        "the tools do not build:\n{}",
        errors.trim_end()
    );
    Ok(())
}

/// Where cargo leaves a file.
fn built(arch: Arch, file: &str) -> Result<PathBuf> {
    let folder = target_folder(arch)?.join(target(arch));
    Ok(folder.join("release").join(file))
}

/// The tests of the crate qsock that need the module, as one program.
pub fn tests(arch: Arch) -> Result<PathBuf> {
    let mut cargo = cross_cargo("test", arch)?;
    cargo.args(["--no-run", "--test", TESTS, "--message-format=json"]);
    let out = cargo.output().context("cannot run cargo")?;
    let text = String::from_utf8_lossy(&out.stdout);
    let mut messages = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let program = messages.find_map(|message: serde_json::Value| {
        let path = message["executable"].as_str()?;
        (message["target"]["name"] == TESTS).then(|| PathBuf::from(path))
    });
    let errors = String::from_utf8_lossy(&out.stderr);
    program.with_context(|| {
        format!(
            "the tests of crate qsock do not build:\n{}",
            errors.trim_end()
        )
    })
}

/// The triple that rustc has for an architecture.
fn target(arch: Arch) -> String {
    arch.triple().replacen("-linux", "-unknown-linux", 1)
}

/// cargo for an architecture, with its C compiler as linker.
fn cross_cargo(verb: &str, arch: Arch) -> Result<Command> {
    let target = target(arch);
    let linker = format!("target.{target}.linker=\"{}\"", artifacts::cross(arch).cc);
    let mut cargo = cargo(verb, arch)?;
    cargo
        .args(["--release", "--target", &target, "--config", &linker])
        .env("RUSTFLAGS", "-Dwarnings");
    Ok(cargo)
}

/// Copies a file unless it is there: what is new makes others build anew.
fn install(from: &Path, to: &Path) -> Result<()> {
    let new = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    if fs::read(to).is_ok_and(|old| old == new) {
        return Ok(());
    }
    let temporary = cache::beside(to, ".new");
    fs::copy(from, &temporary).with_context(|| format!("cannot write {}", to.display()))?;
    fs::rename(temporary, to).with_context(|| format!("cannot write {}", to.display()))
}

fn target_folder(arch: Arch) -> Result<PathBuf> {
    Ok(artifacts::top()?
        .join("build")
        .join(arch.name())
        .join("cargo"))
}

/// cargo over all of the crates.
pub fn cargo(verb: &str, arch: Arch) -> Result<Command> {
    let folder = workspace()?;
    let mut cargo = Command::new("cargo");
    cargo
        .args([verb, "--offline", "--quiet", "--color=never"])
        .arg("--config=source.crates-io.replace-with=\"debian\"")
        .arg("--config=source.debian.directory=\"/usr/share/cargo/registry\"")
        .env("CARGO_HOME", artifacts::cache()?.join("tools-home"))
        .env("CARGO_TARGET_DIR", target_folder(arch)?)
        .current_dir(folder);
    Ok(cargo)
}

/// The folder that cargo works in.
pub fn workspace() -> Result<PathBuf> {
    let top = artifacts::top()?;
    let folder = top.join("build/tools");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let _lock = cache::lock(&cache::beside(&folder, ".lock"), "the crates' folder")?;
    install(&top.join("tools/Cargo.toml"), &folder.join("Cargo.toml"))?;
    for (name, place) in CRATES {
        let link = folder.join(name);
        if link.symlink_metadata().is_err() {
            symlink(Path::new("../..").join(place), &link)
                .with_context(|| format!("cannot make {}", link.display()))?;
        }
    }
    Ok(folder)
}

/// `lab tools`: prints the folder with the built tools.
pub fn main(args: ArchArgs) -> Result<ExitCode> {
    println!("{}", build(args.arch)?.display());
    Ok(ExitCode::SUCCESS)
}
