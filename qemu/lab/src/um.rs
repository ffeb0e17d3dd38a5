// SPDX-License-Identifier: GPL-2.0
//! User Mode Linux: the stock kernel's code as a program, at the speed of the real processor.
//!
//! Its system calls are dear, so that only what happens inside it says something. It is built for one processor: built
//! for several, it jumped to nowhere in a kernel thread while the loop ran (7.2.12). The kernel's own
//! atomic operations then take no locked instruction, which AF_UNIX has more of.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{ensure, Context, Result};

use crate::artifacts::{self, Arch};
use crate::built::Recipe;
use crate::guest::cpio::Archive;
use crate::guest::process;
use crate::module::{self, Target};

/// What Debian's configuration has of what a message passes, and what a small program needs.
const FRAGMENT: &str = "\
CONFIG_64BIT=y
CONFIG_EXPERT=y
CONFIG_CC_OPTIMIZE_FOR_PERFORMANCE=y
CONFIG_SLUB_TINY=n
CONFIG_SLAB_FREELIST_HARDENED=y
CONFIG_SLAB_FREELIST_RANDOM=y
CONFIG_INIT_STACK_ALL_ZERO=y
CONFIG_INIT_ON_ALLOC_DEFAULT_ON=y
CONFIG_FORTIFY_SOURCE=y
CONFIG_HARDENED_USERCOPY=y
CONFIG_HIGH_RES_TIMERS=y
CONFIG_SMP=n
CONFIG_CGROUPS=y
CONFIG_MEMCG=y
CONFIG_NAMESPACES=y
CONFIG_USER_NS=y
CONFIG_PID_NS=y
CONFIG_NET_NS=y
CONFIG_BLK_DEV_INITRD=y
CONFIG_BINFMT_ELF=y
CONFIG_BINFMT_SCRIPT=y
CONFIG_PRINTK=y
CONFIG_MULTIUSER=y
CONFIG_POSIX_TIMERS=y
CONFIG_FUTEX=y
CONFIG_EPOLL=y
CONFIG_SHMEM=y
CONFIG_PROC_FS=y
CONFIG_SYSFS=y
CONFIG_TMPFS=y
CONFIG_SECURITY=y
CONFIG_SECURITY_NETWORK=y
CONFIG_NET=y
CONFIG_UNIX=y
CONFIG_INET=y
CONFIG_IPV6=n
CONFIG_MODULES=y
CONFIG_MODULE_UNLOAD=y
CONFIG_RUST=y
CONFIG_RUST_OVERFLOW_CHECKS=y
CONFIG_KALLSYMS=y
";

fn variables() -> Vec<String> {
    ["ARCH=um", "CC=clang"].map(str::to_owned).to_vec()
}

/// The built tree and the variables that modules for it are built with.
pub fn tree() -> Result<(PathBuf, Vec<String>)> {
    let recipe = Recipe {
        name: "um",
        fragment: FRAGMENT.to_owned(),
        variables: variables(),
    };
    Ok((recipe.tree()?, variables()))
}

/// Boots it with the modules of `target`, runs a script as its init, and returns what it wrote on its console.
pub fn run(target: &Target, script: &str, limit: Duration) -> Result<String> {
    let qsock = module::build(target, module::Voice::Quiet)?;
    let mut root = Archive::default();
    for dir in ["bin", "dev", "proc", "sys", "lib"] {
        root.dir(dir);
    }
    root.file("bin/busybox", &artifacts::busybox(Arch::X86_64)?)?;
    root.file("lib/qsock.ko", &qsock)?;
    let tests = qsock.with_file_name("modules");
    for entry in fs::read_dir(&tests)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        root.file(&format!("lib/{name}"), &entry.path())?;
    }
    let init = format!(
        "#!/bin/busybox sh\n/bin/busybox --install -s /bin\nexport PATH=/bin\n\
         mount -t proc proc /proc\nmount -t sysfs sys /sys\n{script}\npoweroff -f\n"
    );
    root.data("init", init, true);
    let dir = tempfile::tempdir().context("cannot make a temporary directory")?;
    let initramfs = dir.path().join("initramfs");
    fs::write(&initramfs, root.bytes()).context("cannot write the initramfs")?;

    let (tree, _) = tree()?;
    let mut linux = Command::new("timeout");
    linux
        .arg("--kill-after=5")
        .arg(limit.as_secs().to_string())
        .arg(tree.join("linux"))
        .arg(format!("initrd={}", initramfs.display()))
        .arg(format!("uml_dir={}", dir.path().display()))
        .args(["mem=512M", "rdinit=/init", "seccomp=auto", "panic=-1"])
        .args(["con=none", "ssl=none", "con0=fd:0,fd:1", "loglevel=7"])
        .env("TMPDIR", dir.path())
        .stdin(Stdio::null());
    let out = process::bound(&mut linux)
        .output()
        .context("cannot run User Mode Linux")?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    ensure!(
        out.status.success(),
        "User Mode Linux failed ({}):\n{text}{}",
        out.status,
        String::from_utf8_lossy(&out.stderr)
    );
    Ok(text)
}
