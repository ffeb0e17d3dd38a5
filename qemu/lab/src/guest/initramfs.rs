// SPDX-License-Identifier: GPL-2.0
//! What a guest's root file system holds: busybox, the init, the modules, the transfer program, qsockctl, the overlays.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

use super::cpio::Archive;
use super::job::Job;
use super::qcat;
use crate::artifacts::{self, Arch, Config};

/// The built files that guests of one kind are made of.
#[derive(Clone)]
pub struct Parts {
    pub image: PathBuf,
    module: PathBuf,
    busybox: PathBuf,
    qcat: PathBuf,
    qsockctl: PathBuf,
}

/// Makes them, once in a run of the lab: each is a look at a build that may be stale.
pub fn parts(arch: Arch, config: Config) -> Result<Parts> {
    static MADE: Mutex<Vec<(Arch, Config, Parts)>> = Mutex::new(Vec::new());
    let made = || MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, _, parts)) = made().iter().find(|m| (m.0, m.1) == (arch, config)) {
        return Ok(parts.clone());
    }
    let parts = Parts {
        image: artifacts::image(arch, config)?,
        module: artifacts::module(arch, config)?,
        busybox: artifacts::busybox(arch)?,
        qcat: qcat::build(arch)?,
        qsockctl: qcat::qsockctl(arch)?,
    };
    made().push((arch, config, parts.clone()));
    Ok(parts)
}

/// The initramfs of a job: its files, then the job itself.
pub fn build(job: &Job, nonce: &str) -> Result<Vec<u8>> {
    let mut image = root(job)?.bytes();
    image.extend(job.archive(nonce).bytes());
    Ok(image)
}

/// The part that is the same for every run of one build with the same overlays.
pub fn root(job: &Job) -> Result<Archive> {
    let parts = parts(job.arch, job.config)?;
    let mut archive = Archive::default();
    for dir in [
        "bin", "sbin", "usr/bin", "usr/sbin", "dev", "proc", "sys", "tmp", "run", "root", "mnt",
    ] {
        archive.dir(dir);
    }
    let guest = artifacts::top()?.join("qemu/guest");
    archive.file("init", &guest.join("init"))?;
    archive.tree("", &guest.join("root"))?;
    archive.file("bin/busybox", &parts.busybox)?;
    archive.link("bin/sh", "busybox");
    if job.modules {
        archive.file("bin/qcat", &parts.qcat)?;
        archive.file("bin/qsockctl", &parts.qsockctl)?;
        modules(&mut archive, &parts.module)?;
    }
    for overlay in &job.overlays {
        archive.tree("", overlay)?;
    }
    Ok(archive)
}

/// qsock.ko, the test modules beside it, and what modprobe needs to find qsock.ko by its aliases: the
/// kernel runs it when a program asks for a family that is not there.
fn modules(archive: &mut Archive, qsock: &Path) -> Result<()> {
    archive.file("lib/modules/qsock.ko", qsock)?;
    let tests = qsock.with_file_name("modules");
    for entry in fs::read_dir(&tests).into_iter().flatten() {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "ko") {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            archive.file(&format!("lib/modules/{name}"), &path)?;
        }
    }
    let info = modinfo(&fs::read(qsock)?);
    let release = info
        .iter()
        .find(|(k, _)| k == "vermagic")
        .and_then(|(_, v)| v.split(' ').next());
    let release = release.with_context(|| format!("{} has no vermagic", qsock.display()))?;
    let place = format!("lib/modules/{release}");
    archive.link(&format!("{place}/qsock.ko"), "../qsock.ko");
    archive.data(&format!("{place}/modules.dep"), "qsock.ko:\n", false);
    let aliases = info.iter().filter(|(k, _)| k == "alias");
    let aliases: Vec<String> = aliases
        .map(|(_, alias)| format!("alias {alias} qsock\n"))
        .collect();
    archive.data(&format!("{place}/modules.alias"), aliases.concat(), false);
    archive.data(&format!("{place}/modules.symbols"), "", false);
    Ok(())
}

/// The `key=value` strings of a module. Its .modinfo section is the only place where NUL-terminated
/// strings of that form with these keys stand.
fn modinfo(module: &[u8]) -> Vec<(String, String)> {
    let strings = module
        .split(|b| *b == 0)
        .filter_map(|s| std::str::from_utf8(s).ok());
    let pairs = strings.filter_map(|s| s.split_once('='));
    let known = pairs.filter(|(k, _)| ["vermagic", "alias"].contains(k));
    known.map(|(k, v)| (k.to_string(), v.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modinfo_is_found_among_other_strings() {
        let module = b"\x7fELF\0alias=net-pf-18\0x=y\0\xff\xfe=\0vermagic=7.2.12+deb13-amd64 SMP mod_unload \0alias=a\0";
        let expected = [
            ("alias", "net-pf-18"),
            ("vermagic", "7.2.12+deb13-amd64 SMP mod_unload "),
            ("alias", "a"),
        ];
        assert_eq!(
            modinfo(module),
            expected.map(|(k, v)| (k.to_string(), v.to_string()))
        );
    }

    #[test]
    fn modules_get_their_place_and_aliases() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(
            dir.path().join("qsock.ko"),
            "\0vermagic=1.2 SMP\0alias=net-pf-18\0",
        )
        .unwrap();
        fs::create_dir(dir.path().join("modules")).unwrap();
        fs::write(dir.path().join("modules/warn.ko"), "w").unwrap();
        fs::write(dir.path().join("modules/warn.o"), "no").unwrap();
        let mut archive = Archive::default();
        modules(&mut archive, &dir.path().join("qsock.ko")).unwrap();
        let bytes = archive.bytes();
        let has = |text: &str| bytes.windows(text.len()).any(|w| w == text.as_bytes());
        assert!(
            has("lib/modules/warn.ko")
                && has("lib/modules/1.2/qsock.ko")
                && has("alias net-pf-18 qsock\n")
        );
        assert!(!has("warn.o\0"));
    }
}
