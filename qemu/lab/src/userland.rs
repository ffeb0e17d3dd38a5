// SPDX-License-Identifier: GPL-2.0
//! A Debian 13 user land for guests: packages and all that they depend on, unpacked into one folder of the cache and
//! never configured, so that it needs no privilege and nothing of it runs here. It is an overlay: guests have it in
//! memory, as `/userland`. A guest that counts instructions must not wait for files of the host: its clock runs on.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{ensure, Context, Result};

use crate::{cache, deb, progress};

const RECIPE: &str = "2";

/// The programs that the suite `programs` runs, and what its scripts need.
const PACKAGES: [&str; 17] = [
    "coreutils",
    "curl",
    "dash",
    "dbus-bin",
    "dbus-daemon",
    "nginx",
    "openssh-client",
    "openssh-server",
    "postgresql-17",
    "postgresql-client-17",
    "python3",
    "python3-jeepney",
    "redis-server",
    "redis-tools",
    "rt-tests",
    "socat",
    "stress-ng",
];

/// What they depend on and never use there: packages that configure others, a compiler for queries, a graphics
/// stack, Perl, manuals in other languages.
const WITHOUT: [&str; 28] = [
    "adduser",
    "debconf",
    "dpkg",
    "iproute2",
    "libc-l10n",
    "libio-pty-perl",
    "libipc-run-perl",
    "libjson-perl",
    "libllvm19",
    "libperl5.40",
    "libsystemd-shared",
    "libtext-charwidth-perl",
    "libtext-wrapi18n-perl",
    "libx11-data",
    "libz3-4",
    "locales",
    "mesa-libgallium",
    "openssl",
    "passwd",
    "perl",
    "perl-base",
    "perl-modules-5.40",
    "postgresql-common",
    "postgresql-common-dev",
    "ssl-cert",
    "systemd",
    "tar",
    "ucf",
];

/// Users that the programs drop to.
const PASSWD: &str = "\
root:x:0:0:root:/root:/bin/sh
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
postgres:x:100:100:postgres:/tmp:/bin/sh
messagebus:x:101:101:messagebus:/nonexistent:/usr/sbin/nologin
sshd:x:102:65534:sshd:/run/sshd:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
";
const GROUP: &str = "\
root:x:0:
www-data:x:33:
postgres:x:100:
messagebus:x:101:
nogroup:x:65534:
";

/// The folder in the overlay.
const PLACE: &str = "userland";

/// What nothing there reads.
const UNREAD: [&str; 6] = [
    "usr/lib/postgresql/17/lib/bitcode",
    "usr/lib/x86_64-linux-gnu/gconv",
    "usr/share/doc",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/man",
];

/// Where a guest mounts something.
const PLACES: [&str; 8] = ["dev", "mnt", "opt", "proc", "root", "run", "sys", "tmp"];

/// The folder, made unless the cache has it.
pub fn root() -> Result<PathBuf> {
    match make() {
        Err(error) if error.is::<deb::NotFetched>() && deb::refresh()? => make(),
        result => result,
    }
}

/// `lab userland`: prints it.
pub fn main() -> Result<ExitCode> {
    println!("{}", root()?.display());
    Ok(ExitCode::SUCCESS)
}

fn make() -> Result<PathBuf> {
    let mut packages = deb::with_dependencies(&PACKAGES)?;
    packages.retain(|package| !WITHOUT.contains(&package.name.as_str()));
    let names: Vec<String> = packages.iter().map(|p| p.to_string()).collect();
    let key = cache::key(&[RECIPE, PASSWD, GROUP, &names.join(" ")]);
    let what = "the user land of guests";
    cache::folder(&format!("userland/{key}"), what, |dir| {
        progress::need_space(dir, 700, what)?;
        let debs = cache::beside(dir, ".debs");
        let _ = fs::remove_dir_all(&debs);
        fs::create_dir_all(&debs)?;
        deb::download_all(&packages, &debs)?;
        let place = dir.join(PLACE);
        skeleton(&place)?;
        unpack(&debs, &place, packages.len())?;
        for folder in UNREAD {
            cache::wipe(&place.join(folder))?;
        }
        fs::remove_dir_all(&debs)?;
        Ok(())
    })
}

/// What no package brings.
fn skeleton(dir: &Path) -> Result<()> {
    for place in PLACES.iter().chain(&["etc", "usr"]) {
        fs::create_dir_all(dir.join(place))?;
    }
    for name in ["bin", "lib", "lib64", "sbin"] {
        fs::create_dir(dir.join("usr").join(name))?;
        symlink(Path::new("usr").join(name), dir.join(name))?;
    }
    fs::write(dir.join("etc/passwd"), PASSWD)?;
    fs::write(dir.join("etc/group"), GROUP)?;
    fs::write(dir.join("etc/hosts"), "127.0.0.1 localhost\n")?;
    Ok(())
}

fn unpack(debs: &Path, dir: &Path, count: usize) -> Result<()> {
    let script = "for deb in \"$1\"/*.deb; do echo \"$deb\"; dpkg-deb --extract \"$deb\" \"$2\" || exit; done";
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(debs).arg(dir);
    let log = cache::log("userland.log")?;
    progress::run(
        "unpacking the user land of guests",
        &mut command,
        &log,
        count,
    )?;
    let there = dir.join("usr/bin/redis-server");
    ensure!(there.exists(), "{} is missing", there.display());
    // dpkg-deb keeps the modes of packages, whose folders the caller must be able to remove.
    fs::metadata(dir).context("the user land is not there")?;
    Ok(())
}
