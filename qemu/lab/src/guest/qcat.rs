// SPDX-License-Identifier: GPL-2.0
//! Builds the transfer program (qemu/guest/qcat.rs) for a guest.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{ensure, Context, Result};

use crate::artifacts::{self, Arch};

/// The program's path; it is built when its source is newer. Static: the guest has no C library.
pub fn build(arch: Arch) -> Result<PathBuf> {
    let top = artifacts::top()?;
    let source = top.join("qemu/guest/qcat.rs");
    let dir = top.join("build").join(arch.name());
    let program = dir.join("qcat");
    if fresh(&program, &source) {
        return Ok(program);
    }
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let new = dir.join(format!("qcat.{}", std::process::id()));
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

fn fresh(program: &Path, source: &Path) -> bool {
    let time = |path: &Path| fs::metadata(path).and_then(|m| m.modified()).ok();
    matches!((time(program), time(source)), (Some(p), Some(s)) if p > s)
}
