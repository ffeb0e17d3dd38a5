// SPDX-License-Identifier: GPL-2.0
//! `lab deb`, which is `make deb`: the Debian packages of tools/debian, built from a copy of the checkout.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{bail, ensure, Context, Result};

use crate::check::tree::Tree;
use crate::{artifacts, cache, progress};

/// Builds the packages and prints their paths. What lintian says is an error.
pub fn main() -> Result<ExitCode> {
    for path in build()? {
        println!("{}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// The packages, in build/deb.
pub fn build() -> Result<Vec<PathBuf>> {
    let top = artifacts::top()?;
    let out = top.join("build/deb");
    fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    let _lock = cache::lock(&out.join("lock"), "the packages")?;
    for path in products(&out)? {
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    let source = out.join("source");
    cache::wipe(&source)?;
    copy(&Tree::open(&top)?, &source)?;
    fs::rename(source.join("tools/debian"), source.join("debian"))
        .context("the checkout has no tools/debian")?;

    let mut build = Command::new("dpkg-buildpackage");
    build
        .args(["--no-sign", "--build=binary"])
        .current_dir(&source)
        .env("CARGO_TARGET_DIR", artifacts::cache()?.join("lab-deb"));
    // What a make that runs lab hands down is not for theirs.
    for name in ["MAKEFLAGS", "MFLAGS", "MAKELEVEL", "ARCH", "DESTDIR"] {
        build.env_remove(name);
    }
    let log = cache::log("deb.log")?;
    progress::run("building the packages", &mut build, &log, 120)?;
    let products = products(&out)?;
    let of = |kind: &str| -> Vec<PathBuf> {
        let is = |path: &&PathBuf| path.extension().is_some_and(|end| end == kind);
        products.iter().filter(is).cloned().collect()
    };
    let packages = of("deb");
    ensure!(!packages.is_empty(), "dpkg-buildpackage left no package");
    lintian(&of("changes"))?;
    Ok(packages)
}

/// What a build leaves beside its source.
fn products(out: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(out)? {
        let path = entry?.path();
        let kinds = ["deb", "changes", "buildinfo"];
        if kinds
            .iter()
            .any(|k| path.extension().is_some_and(|end| end == *k))
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The checkout's files, with their times: cargo looks at these.
pub fn copy(tree: &Tree, to: &Path) -> Result<()> {
    let names: Vec<&str> = tree.files().collect();
    let mut rsync = Command::new("rsync");
    rsync.args(["-a", "--files-from=-"]).arg(&tree.root).arg(to);
    let mut child = rsync
        .stdin(Stdio::piped())
        .spawn()
        .context("cannot run rsync")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(names.join("\n").as_bytes())?;
    }
    ensure!(child.wait()?.success(), "cannot copy the checkout");
    Ok(())
}

/// Everything that lintian shows by itself, warnings included, refuses the packages.
fn lintian(changes: &[PathBuf]) -> Result<()> {
    let mut lintian = Command::new("lintian");
    let root = nix::unistd::Uid::effective().is_root();
    let words = ["--fail-on=error,warning", "--no-cfg"].map(OsString::from);
    lintian.args(words).args(changes);
    if root {
        lintian.arg("--allow-root");
    }
    let out = lintian.output().context("cannot run lintian")?;
    let told = String::from_utf8_lossy(&out.stdout).into_owned();
    if !out.status.success() || !told.trim().is_empty() {
        let errors = String::from_utf8_lossy(&out.stderr);
        bail!("lintian does not like the packages:\n{told}{errors}");
    }
    eprintln!("qsock: lintian has nothing to say");
    Ok(())
}
