// SPDX-License-Identifier: GPL-2.0
//! A directory of the host in the guest: virtiofsd beside QEMU.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};

use super::process;

/// Where Debian installs it, outside PATH.
const PROGRAM: &str = "/usr/libexec/virtiofsd";

/// A running virtiofsd. It ends when QEMU closes the connection, or with this.
pub struct Share {
    child: Child,
    pub socket: PathBuf,
}

impl Share {
    pub fn start(dir: &Path, socket: PathBuf) -> Result<Share> {
        let dir = dir
            .canonicalize()
            .with_context(|| format!("cannot share {}", dir.display()))?;
        // Its usual sandbox pivots the root, which nothing may do inside a chroot.
        let root = std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0);
        let sandbox = if root { "chroot" } else { "none" };
        let mut command = Command::new(PROGRAM);
        command
            .args([
                "--log-level",
                "error",
                "--sandbox",
                sandbox,
                "--socket-path",
            ])
            .arg(&socket);
        command.arg("--shared-dir").arg(&dir).stdin(Stdio::null());
        let mut child = process::bound(&mut command)
            .spawn()
            .with_context(|| format!("cannot run {PROGRAM}"))?;
        let start = Instant::now();
        while !socket.exists() {
            if let Some(status) = child.try_wait()? {
                bail!("virtiofsd did not start ({status})");
            }
            if start.elapsed() > Duration::from_secs(10) {
                let _ = child.kill();
                bail!("virtiofsd did not open its socket within 10 s");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(Share { child, socket })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // It may have ended already; either way it is waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
