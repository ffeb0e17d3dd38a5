// SPDX-License-Identifier: GPL-2.0
//! Builds the Rust programs of guests: the one that transfers a file (qemu/guest/qcat.rs), and qsockctl.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{ensure, Context, Result};

use crate::artifacts::{self, Arch};
use crate::{cache, tools};

/// The path of qsockctl.
pub fn qsockctl(arch: Arch) -> Result<PathBuf> {
    let dir = folder(arch)?;
    let program = dir.join("qsockctl");
    let _lock = cache::lock(&dir.join("programs.lock"), "the guests' programs")?;
    tools::program(arch, "qsockctl", &program)?;
    Ok(program)
}

/// Where programs for an architecture are.
fn folder(arch: Arch) -> Result<PathBuf> {
    let dir = artifacts::top()?.join("build").join(arch.name());
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    Ok(dir)
}

/// The transfer program's path.
pub fn build(arch: Arch) -> Result<PathBuf> {
    program(arch, "qemu/guest/qcat.rs")
}

/// The path of the program whose root in the checkout is `source`, without dependencies; it is built when a source
/// beside that is newer. Static: the guest has no C library.
pub fn program(arch: Arch, source: &str) -> Result<PathBuf> {
    let source = artifacts::top()?.join(source);
    let name = source.file_stem().unwrap_or_default().to_string_lossy();
    let dir = folder(arch)?;
    let program = dir.join(&*name);
    let _lock = cache::lock(&dir.join("programs.lock"), "the guests' programs")?;
    if source
        .parent()
        .is_some_and(|beside| fresh(&program, beside))
    {
        return Ok(program);
    }
    let new = dir.join(format!("{name}.{}", std::process::id()));
    let cross = artifacts::cross(arch);
    let target = cross.triple.replacen("-linux", "-unknown-linux", 1);
    let linker = format!("linker={}", cross.cc);
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition=2021", "-O", "-Dwarnings", "--target", &target]);
    for option in [
        &linker,
        "target-feature=+crt-static",
        "strip=symbols",
        "panic=abort",
        "codegen-units=1",
    ] {
        rustc.args(["-C", option]);
    }
    let out = rustc
        .arg("-o")
        .arg(&new)
        .arg(&source)
        .output()
        .context("cannot run rustc")?;
    let errors = String::from_utf8_lossy(&out.stderr);
    ensure!(
        out.status.success(),
        "rustc cannot build {}:\n{errors}",
        source.display()
    );
    fs::rename(&new, &program)?;
    Ok(program)
}

/// Whether the program is newer than all sources in a folder.
fn fresh(program: &Path, folder: &Path) -> bool {
    let time = |path: &Path| fs::metadata(path).and_then(|m| m.modified()).ok();
    let Some(built) = time(program) else {
        return false;
    };
    let mut sources = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path());
    sources.all(|s| s.extension().is_none_or(|e| e != "rs") || time(&s).is_some_and(|t| t < built))
}
