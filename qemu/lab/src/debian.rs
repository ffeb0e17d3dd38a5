// SPDX-License-Identifier: GPL-2.0
//! A Debian 13 machine for guests: a root file system that runs Debian's kernel, with the packages that a machine must have
//! to build the module for it by itself, and DKMS; and a user, who has a checkout. Unlike a user land
//! ([`crate::userland`]) it is configured, by mmdebstrap, which needs root's rights for that.
//!
//! Guests have no network. What `make kdir` fetches from the archive is in a folder of the machine, which is the only
//! archive that its apt knows. Their processors are emulated, and compilers take many times as long there: so the machine
//! compiles the lab and prepares the tree before it is a guest, by its own tools as its user, in a chroot.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{ensure, Context, Result};

use crate::artifacts::{self, Arch, Config};
use crate::check::tree::Tree;
use crate::kernel::{self, Debian, Kernel};
use crate::{cache, deb, package, progress};

const RECIPE: &str = "1";

/// Where the machine has its archive.
const ARCHIVE: &str = "srv/archive";

/// DKMS, and what makes a user who may be root.
const MORE: [&str; 3] = ["dkms", "sudo", "passwd"];

/// The user, and the archive; the kernel's packages are there already.
const SETTLE: &str = "\
useradd --create-home --shell /bin/bash user
echo 'user ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/user
rm -rf /etc/apt/sources.list* /var/lib/apt/lists/*
echo 'deb [trusted=yes lang=none] file:/srv/archive ./' >/etc/apt/sources.list
apt-get update";

/// What the user does before the machine is a guest, with the kernel's release as $1. The choice of a kernel is one of
/// what is done again there.
const PREPARE: &str = "\
chown -R user: /home/user
su - user -c \"cd qsock && QSOCK_HOST=1 make kdir KERNEL=$1 && rm -r build\"";

/// A machine that nobody else changes.
pub struct Machine {
    /// What guests share: its system in the folder `root`, its user's home in `user/home`.
    pub share: PathBuf,
    _lock: cache::Lock,
}

/// The machine, with the tree of its kernel prepared by its user, in whose home the checkout is.
pub fn prepared() -> Result<Machine> {
    kernel::with_packages(&Kernel::of(Config::Stock), Arch::X86_64, |debian| {
        let share = make(debian)?;
        let _lock = cache::lock(&cache::beside(&share, ".use"), "use of that machine")?;
        let home = share.join("user/home/user");
        let checkout = home.join("qsock");
        cache::wipe(&checkout)?;
        fs::create_dir_all(&checkout)
            .with_context(|| format!("cannot make {}", checkout.display()))?;
        package::copy(&Tree::open(&artifacts::top()?)?, &checkout)?;
        let (log, what) = (
            cache::log("debian-kdir.log")?,
            "having the machine prepare its kernel's tree",
        );
        progress::need_space(&home, 4000, what)?;
        let words = ["sh", "-euc", PREPARE, "sh", &debian.release];
        progress::run(what, &mut chrooted(&share, &words), &log, 50)?;
        Ok(Machine { share, _lock })
    })
}

fn make(debian: &Debian) -> Result<PathBuf> {
    let mut names = tools()?;
    names.extend(MORE.map(str::to_owned));
    // No boot loader starts it: it needs the modules of an image, and no initramfs, which takes a minute to make.
    for part in ["binary", "modules", "headers"] {
        let release = &debian.release;
        names.push(format!("linux-{part}-{release}={}", debian.version));
    }
    let names = names.join(",");
    let key = cache::key(&[RECIPE, &names, &debian.source.to_string()]);
    let what = "a Debian 13 machine for guests";
    cache::folder(&format!("debian/{key}"), what, |dir| {
        progress::need_space(dir, 3500, what)?;
        ensure!(
            nix::unistd::Uid::effective().is_root(),
            "{what} has files of several users: run this as root, or where user namespaces are allowed"
        );
        let root = dir.join("root");
        for folder in [&root, &dir.join("user/home")] {
            fs::create_dir_all(folder)?;
        }
        mmdebstrap(&root, &names)?;
        archive(debian, &root.join(ARCHIVE))?;
        let log = cache::log("debian-settle.log")?;
        let mut settle = chrooted(dir, &["sh", "-euc", SETTLE]);
        progress::run("settling in there", &mut settle, &log, 10)
    })
}

/// The packages without which `make kdir KERNEL=running` does not use the machine's own tools: from the function that
/// looks for them.
fn tools() -> Result<Vec<String>> {
    let script = ". qemu/common.sh; top=.; packages 'Building a kernel' 'Rust as' 'qemu\\/lab'";
    let mut shell = Command::new("sh");
    let out = shell
        .args(["-c", script])
        .current_dir(artifacts::top()?)
        .output()
        .context("cannot run sh")?;
    let names = String::from_utf8_lossy(&out.stdout);
    let names: Vec<String> = names.lines().map(str::to_owned).collect();
    ensure!(!names.is_empty(), "qemu/packages names no package");
    Ok(names)
}

/// Fills a folder with packages of the build root's own archive, and all that they depend on.
fn mmdebstrap(dir: &Path, names: &str) -> Result<()> {
    // Its mounts end with it.
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "unchanged", "--", "mmdebstrap"]);
    command.args(["--mode=root", "--variant=minbase", "--format=directory"]);
    command.arg(format!("--include={names}"));
    for folder in ["doc", "man", "info", "locale"] {
        command.arg(format!("--dpkgopt=path-exclude=/usr/share/{folder}/*"));
    }
    command.arg("--dpkgopt=force-unsafe-io");
    if let Some(config) = std::env::var_os("APT_CONFIG") {
        command.arg(format!("--aptopt={}", config.to_string_lossy()));
    }
    // What holds for this run alone.
    command.arg("--customize-hook=rm -f \"$1\"/etc/*/*.d/99mmdebstrap");
    for file in ["/etc/apt/auth.conf", "/etc/apt/auth.conf.d"] {
        if Path::new(file).exists() {
            command.arg(format!(
                "--setup-hook=mkdir -p \"$1/etc/apt\" && cp -a {file} \"$1/etc/apt/\""
            ));
            command.arg(format!("--customize-hook=rm -rf \"$1{file}\""));
        }
    }
    command.arg("").arg(dir).arg("/etc/apt/sources.list");
    let log = cache::log("debian.log")?;
    progress::run("making a Debian 13 machine", &mut command, &log, 30).context(deb::NotFetched)
}

/// An archive of the packages from which a tree is prepared.
fn archive(debian: &Debian, place: &Path) -> Result<()> {
    fs::create_dir_all(place).with_context(|| format!("cannot make {}", place.display()))?;
    let packages = [&debian.headers, &debian.binary, &debian.source].map(Clone::clone);
    deb::download_all(&packages, place)?;
    let mut scan = Command::new("dpkg-scanpackages");
    let out = scan.arg(".").current_dir(place).output();
    let out = out.context("cannot run dpkg-scanpackages")?;
    ensure!(out.status.success(), "dpkg-scanpackages failed");
    fs::write(place.join("Packages"), out.stdout).context("cannot write Packages")
}

/// A command on the machine in `dir` by the kernel here.
fn chrooted(dir: &Path, words: &[&str]) -> Command {
    // Its mounts end with it.
    const ENTER: &str = "\
        set -e; root=$1/root; mount --bind \"$1/user/home\" \"$root/home\"; shift; \
        mount -t proc proc \"$root/proc\"; mount --rbind /dev \"$root/dev\"; mount -t tmpfs tmpfs \"$root/tmp\"; \
        exec chroot \"$root\" \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "unchanged", "--", "sh", "-c"]);
    command.args([ENTER, "sh"]).arg(dir).args(words).env_clear();
    command
        .env("PATH", "/usr/sbin:/usr/bin")
        .env("HOME", "/root");
    command
}
