// SPDX-License-Identifier: GPL-2.0
//! The examples of tools/qsock.7, taken out of the page as a reader would, and built with what is installed; and what
//! the launcher runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{ensure, Context, Result};

use crate::artifacts::{self, Arch};
use crate::guest;
use crate::{cache, deb};

/// Where they are in the guest.
pub const GUEST: &str = "/examples";

/// What the launcher runs: it says what a program sees of its sockets.
pub const SCRIPT: &str = "unix_sockets.py";

/// The directory whose content goes over a guest's root: the programs and the script.
pub fn overlay(arch: Arch, build: &Path, installed: &Path) -> Result<PathBuf> {
    let top = artifacts::top()?;
    let page = fs::read_to_string(top.join("tools/qsock.7")).context("cannot read qsock.7")?;
    let overlay = build.join("overlay-examples");
    let place = overlay.join(GUEST.trim_start_matches('/'));
    cache::wipe(&overlay)?;
    fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    let sources = build.join("examples");
    fs::create_dir_all(&sources).with_context(|| format!("cannot make {}", sources.display()))?;
    for (title, name) in [("C", "c.c"), ("Rust", "rust.rs")] {
        fs::write(sources.join(name), example(&page, title)?)?;
    }
    fs::write(place.join("python.py"), example(&page, "Python")?)?;
    let script = top.join("selftests/programs").join(SCRIPT);
    fs::copy(script, place.join(SCRIPT)).context("cannot copy the launcher's script")?;

    let mut gcc = Command::new(artifacts::cross(arch).cc);
    gcc.args(["-Wall", "-Wextra", "-Werror", "-O2", "-static", "-isystem"])
        .arg(installed.join("usr/local/include"))
        .arg("-o")
        .arg(place.join("c"))
        .arg(sources.join("c.c"));
    let out = gcc.output().context("cannot run gcc")?;
    let errors = String::from_utf8_lossy(&out.stderr);
    ensure!(
        out.status.success(),
        "the C example does not compile:\n{errors}"
    );
    let rust = guest::program(arch, &sources.join("rust.rs").to_string_lossy())?;
    fs::copy(rust, place.join("rust")).context("cannot copy the Rust example")?;
    Ok(overlay)
}

/// The code below a title of the section EXAMPLES, as troff shows it.
pub fn example(page: &str, title: &str) -> Result<String> {
    let code = page
        .split_once("\n.SH EXAMPLES\n")
        .and_then(|(_, section)| section.split_once(&format!(".SS {title}\n")))
        .and_then(|(_, rest)| rest.split_once("\n.EX\n"))
        .and_then(|(_, rest)| rest.split_once("\n.EE\n"))
        .map(|(code, _)| code)
        .with_context(|| format!("qsock.7 has no example in {title}"))?;
    let plain = code.replace("\\&", "").replace("\\-", "-");
    // The last of the escapes: what it makes is none.
    Ok(plain.replace("\\e", "\\") + "\n")
}

/// What a Python program needs that uses socket and ctypes, and the launcher, by Debian's packages, for initramfs.
pub fn python(arch: Arch) -> Result<PathBuf> {
    let version = fs::read_link("/usr/bin/python3").context("the build root has no python3")?;
    let version = version.to_string_lossy().into_owned();
    let names: Vec<String> = [
        format!("{version}-minimal"),
        format!("lib{version}-minimal"),
        format!("lib{version}-stdlib"),
        "libc6".into(),
        "libexpat1".into(),
        "libffi8".into(),
        "libgcc-s1".into(),
        "zlib1g".into(),
    ]
    .map(|name| format!("{name}:{}", arch.debian()))
    .to_vec();
    let get = || -> Result<PathBuf> {
        let all = deb::versions(&names)?;
        let mut packages = Vec::new();
        for name in &names {
            let plain = name.split(':').next().unwrap_or(name);
            let package = all.iter().find(|package| package.name == plain);
            packages.push(package.with_context(|| format!("the archive has no package {name}"))?);
        }
        let stamp: Vec<String> = packages.iter().map(|p| p.version.clone()).collect();
        let key = cache::key(&["1", arch.name(), &stamp.join(" ")]);
        let what = format!("Python for {} guests", arch.name());
        cache::folder(&format!("python/{}-{key}", arch.name()), &what, |dir| {
            for package in &packages {
                copy(&deb::unpack(package)?, dir, "", &version)?;
            }
            let triple = arch.triple();
            let loader = match arch {
                Arch::X86_64 => "lib64/ld-linux-x86-64.so.2",
                Arch::Arm64 => "lib/ld-linux-aarch64.so.1",
            };
            let place = dir.join(loader);
            fs::create_dir_all(place.with_file_name(""))?;
            let name = loader.rsplit('/').next().unwrap_or(loader);
            symlink(format!("/usr/lib/{triple}/{name}"), place)?;
            symlink(&version, dir.join("usr/bin/python3")).context("cannot link python3")
        })
    };
    match get() {
        Err(_) if deb::refresh()? => get(),
        result => result,
    }
}

/// Copies a package's programs and libraries, `at` being the path inside it.
fn copy(from: &Path, to: &Path, at: &str, version: &str) -> Result<()> {
    let modules = format!("usr/lib/{version}/");
    for entry in fs::read_dir(from.join(at))? {
        let entry = entry?;
        let inner = match at {
            "" => entry.file_name().to_string_lossy().into_owned(),
            at => format!("{at}/{}", entry.file_name().to_string_lossy()),
        };
        // Nothing of documentation or configuration, and no second Python inside the first.
        let wanted = ["usr/bin", "usr/lib"]
            .iter()
            .any(|d| d.starts_with(&inner) || inner.starts_with(d));
        let bulky = ["gconv", "/audit", "ensurepip", "/pydoc_data", "/idlelib"];
        if !wanted || bulky.iter().any(|b| inner.contains(b)) {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            fs::create_dir_all(to.join(&inner))?;
            copy(from, to, &inner, version)?;
        } else if kind.is_symlink() {
            let place = to.join(&inner);
            if place.symlink_metadata().is_err() {
                symlink(fs::read_link(entry.path())?, place)?;
            }
        } else if inner.contains(".so") || inner.starts_with(&modules) || inner.contains("/python")
        {
            fs::copy(entry.path(), to.join(&inner))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_what_the_page_shows() {
        let page = ".SH X\n.EX\nno\n.EE\n.SH EXAMPLES\n.SS C\nText:\n.EX\n\
                    a\\->b(\"\\en\");\n\\&.c\n.EE\n.SS Rust\nText:\n.EX\nfn\n.EE\n";
        assert_eq!(example(page, "C").unwrap(), "a->b(\"\\n\");\n.c\n");
        assert_eq!(example(page, "Rust").unwrap(), "fn\n");
        assert!(example(page, "Python").is_err());
    }
}
