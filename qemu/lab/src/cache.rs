// SPDX-License-Identifier: GPL-2.0
//! The cache: folders that are made once, whole or not at all, by one run at a time.
//!
//! A kernel tree holds its own path in many files, so it cannot be made elsewhere and renamed: a folder counts only
//! when the file `<folder>.ok` beside it exists, which is written last. A folder without it is wiped and made anew.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::fcntl::{Flock, FlockArg};
use sha2::{Digest, Sha256};

use crate::artifacts;

/// A lock that ends with the process that holds it.
pub type Lock = Flock<File>;

/// Takes the lock at `path`; says so when it has to wait for another run that makes `what`.
pub fn lock(path: &Path, what: &str) -> Result<Lock> {
    let open = || {
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .with_context(|| format!("cannot write {}", path.display()))
    };
    match Flock::lock(open()?, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(lock),
        Err(_) => {
            eprintln!("qsock: another run is making {what}: waiting for it");
            Flock::lock(open()?, FlockArg::LockExclusive).map_err(|(_, errno)| {
                anyhow::Error::new(errno).context(format!("cannot lock {}", path.display()))
            })
        }
    }
}

/// A path with something appended to its last component.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The folder `relative` of the cache, filled by `make` unless it is complete.
pub fn folder(
    relative: &str,
    what: &str,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let dir = artifacts::cache()?.join(relative);
    let ok = beside(&dir, ".ok");
    if ok.exists() {
        return Ok(dir);
    }
    if let Some(parent) = dir.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    let _lock = lock(&beside(&dir, ".lock"), what)?;
    if ok.exists() {
        return Ok(dir);
    }
    wipe(&dir)?;
    fs::create_dir(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    if let Err(error) = make(&dir) {
        wipe(&dir)?;
        return Err(error);
    }
    fs::write(&ok, format!("{what}\n"))
        .with_context(|| format!("cannot write {}", ok.display()))?;
    Ok(dir)
}

/// Removes a folder of the cache and its mark.
pub fn wipe(dir: &Path) -> Result<()> {
    for result in [fs::remove_file(beside(dir, ".ok")), fs::remove_dir_all(dir)] {
        match result {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", dir.display()))
            }
            _ => {}
        }
    }
    Ok(())
}

/// The first twelve hexadecimal digits of the SHA-256 of some texts: the key of what they shape.
pub fn key(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let digits: Vec<String> = digest
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    digits.concat()
}

/// Where a step's log goes.
pub fn log(name: &str) -> Result<PathBuf> {
    let dir = artifacts::cache()?.join("log");
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    Ok(dir.join(name))
}
