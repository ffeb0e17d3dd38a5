// SPDX-License-Identifier: GPL-2.0
//! Debian packages: what the archive has, and their files unpacked into the cache. Nothing is installed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use anyhow::{bail, Context, Result};

use crate::{artifacts, cache, progress};

/// One version of a package for one architecture.
#[derive(Clone, Debug)]
pub struct Package {
    pub name: String,
    pub version: String,
    pub arch: String,
    pub size: u64,
}

impl std::fmt::Display for Package {
    /// As apt-get takes it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}={}", self.name, self.arch, self.version)
    }
}

/// A download failed: without network, or because the archive has moved on since its lists were fetched.
#[derive(Debug)]
pub struct NotFetched;

impl std::fmt::Display for NotFetched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cannot fetch a package: check the network and the machine's apt sources")
    }
}

/// apt with state of its own, so that it needs no privilege and leaves the build root as it is.
fn apt(tool: &str) -> Result<Command> {
    let home = artifacts::cache()?.join("apt");
    fs::create_dir_all(home.join("cache/archives/partial"))
        .with_context(|| format!("cannot make {}", home.display()))?;
    let mut command = Command::new(tool);
    command.env("LC_ALL", "C.UTF-8").args([
        "-q",
        "-o",
        "APT::Sandbox::User=root",
        "-o",
        "Acquire::Languages=none",
    ]);
    command.args(["-o", "Debug::NoLocking=true", "-o", "Acquire::Retries=2"]);
    command
        .arg("-o")
        .arg(format!("Dir::Cache={}", home.join("cache").display()));
    if let Some((lists, _)) = own_lists()? {
        command
            .arg("-o")
            .arg(format!("Dir::State::Lists={}", lists.display()));
    }
    Ok(command)
}

fn output(command: &mut Command) -> Result<String> {
    let out = command
        .output()
        .with_context(|| format!("cannot run {}", command.get_program().to_string_lossy()))?;
    // apt-cache exits non-zero when one of several names is unknown: the callers look at what came back.
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// Names of packages that begin with `prefix`.
pub fn names(prefix: &str) -> Result<Vec<String>> {
    Ok(output(apt("apt-cache")?.args(["pkgnames", prefix]))?
        .lines()
        .map(str::to_owned)
        .collect())
}

/// Every version that the archive has of some packages, named as apt names them (`name` or `name:arch`).
pub fn versions(names: &[String]) -> Result<Vec<Package>> {
    let text = output(
        apt("apt-cache")?
            .args(["show", "--all-versions"])
            .args(names),
    )?;
    let mut found = Vec::new();
    for stanza in text.split("\n\n") {
        let fields: BTreeMap<&str, &str> = stanza
            .lines()
            .filter_map(|line| line.split_once(": "))
            .collect();
        if let (Some(name), Some(version), Some(arch)) = (
            fields.get("Package"),
            fields.get("Version"),
            fields.get("Architecture"),
        ) {
            found.push(Package {
                name: name.to_string(),
                version: version.to_string(),
                arch: arch.to_string(),
                size: fields
                    .get("Size")
                    .and_then(|size| size.parse().ok())
                    .unwrap_or(0),
            });
        }
    }
    Ok(found)
}

/// The versions of tools in the build root, in one line: part of the key of what they build.
pub fn installed(packages: &[&str]) -> Result<String> {
    let mut command = Command::new("dpkg-query");
    let text = output(
        command
            .args(["-W", "-f", "${Package}=${Version} "])
            .args(packages),
    )?;
    if text.split_whitespace().count() != packages.len() {
        bail!(
            "one of {} is missing: if this is the build root, remove it from the cache and run this again",
            packages.join(", ")
        );
    }
    Ok(text)
}

static REFRESHED: AtomicBool = AtomicBool::new(false);

/// Fetches the archive's lists anew, once in a run; false when that has been done already.
pub fn refresh() -> Result<bool> {
    if REFRESHED.swap(true, Ordering::SeqCst) {
        return Ok(false);
    }
    let home = artifacts::cache()?.join("apt");
    fs::create_dir_all(&home).with_context(|| format!("cannot make {}", home.display()))?;
    let lists = home.join("lists");
    let _lock = cache::lock(&home.join("lists.lock"), "the package lists")?;
    fs::create_dir_all(lists.join("partial"))?;
    let mut update = apt("apt-get")?;
    update
        .arg("-o")
        .arg(format!("Dir::State::Lists={}", lists.display()))
        .args(["--error-on=any", "update"]);
    progress::run(
        "fetching the package lists",
        &mut update,
        &cache::log("apt-update.log")?,
        40,
    )
    .context("no current package lists: check the network and the machine's apt sources")?;
    fs::write(cache::beside(&lists, ".ok"), "the package lists\n")?;
    Ok(true)
}

/// The lists that `refresh` fetched and when, if that is later than the build root and its lists were made.
fn own_lists() -> Result<Option<(PathBuf, SystemTime)>> {
    let lists = artifacts::cache()?.join("apt/lists");
    let time = |path: &Path| fs::metadata(path).and_then(|meta| meta.modified()).ok();
    let own = time(&cache::beside(&lists, ".ok"));
    Ok(own
        .filter(|own| Some(*own) > time(Path::new(theirs())))
        .map(|own| (lists, own)))
}

/// What has the time of the lists that apt has by itself.
fn theirs() -> &'static str {
    if artifacts::on_host() {
        "/var/lib/apt/lists"
    } else {
        "/etc/qsock-root"
    }
}

/// What changes when the lists do: part of the key of what was looked up in them.
pub fn lists_stamp() -> Result<String> {
    let root = if artifacts::on_host() {
        let time = fs::metadata(theirs()).and_then(|meta| meta.modified());
        format!("{time:?}")
    } else {
        fs::read_to_string(theirs()).unwrap_or_default()
    };
    Ok(format!("{root} {:?}", own_lists()?.map(|(_, time)| time)))
}

/// The files of a package, unpacked in the cache.
pub fn unpack(package: &Package) -> Result<PathBuf> {
    let plain =
        format!("{}_{}_{}", package.name, package.version, package.arch).replace([':', '~'], "-");
    cache::folder(
        &format!("deb/{plain}"),
        &format!("package {}", package.name),
        |dir| {
            let mib = package.size / (1 << 20);
            progress::need_space(dir, 6 * mib + 50, &format!("package {}", package.name))?;
            let deb = download(package, dir)?;
            let mut extract = Command::new("dpkg-deb");
            extract.arg("--extract").arg(&deb).arg(dir);
            let log = cache::log("dpkg-deb.log")?;
            progress::run(
                &format!("unpacking {}", package.name),
                &mut extract,
                &log,
                1,
            )?;
            fs::remove_file(deb).context("cannot remove the downloaded package")
        },
    )
}

/// Packages for amd64 and all that they depend on, as if nothing was installed.
pub fn with_dependencies(names: &[&str]) -> Result<Vec<Package>> {
    let nothing = tempfile::NamedTempFile::new().context("cannot make a temporary file")?;
    let mut status = std::ffi::OsString::from("Dir::State::status=");
    status.push(nothing.path());
    let mut get = apt("apt-get")?;
    get.arg("-o").arg(status);
    get.args(["--no-install-recommends", "--simulate", "install"]);
    let out = get.args(names).output().context("cannot run apt-get")?;
    let found: Vec<Package> = String::from_utf8_lossy(&out.stdout)
        .lines()
        .filter_map(to_install)
        .collect();
    if !out.status.success() || found.is_empty() {
        let why = String::from_utf8_lossy(&out.stderr).into_owned();
        bail!(anyhow::anyhow!(why.trim_end().to_owned()).context(NotFetched));
    }
    Ok(found)
}

/// `Inst NAME (VERSION ORIGIN [ARCH])`, perhaps with more behind it.
fn to_install(line: &str) -> Option<Package> {
    let (name, rest) = line.strip_prefix("Inst ")?.split_once(" (")?;
    let version = rest.split(' ').next()?;
    let (arch, _) = rest.split_once('[')?.1.split_once(']')?;
    Some(Package {
        name: name.to_owned(),
        version: version.to_owned(),
        arch: arch.to_owned(),
        size: 0,
    })
}

/// Downloads packages into `dir`.
pub fn download_all(packages: &[Package], dir: &Path) -> Result<()> {
    let what = format!("downloading {} packages", packages.len());
    let mut get = apt("apt-get")?;
    get.current_dir(dir).arg("download");
    get.args(packages.iter().map(|p| p.to_string().replace(":all=", "=")));
    let log = cache::log("download.log")?;
    progress::run(&what, &mut get, &log, packages.len()).context(NotFetched)
}

fn download(package: &Package, dir: &Path) -> Result<PathBuf> {
    let what = format!(
        "downloading {} ({:.1} MB)",
        package.name,
        package.size as f64 / 1e6
    );
    let spec = package.to_string().replace(":all=", "=");
    let mut get = apt("apt-get")?;
    get.current_dir(dir).args(["download", &spec]);
    let log = cache::log(&format!("download-{}.log", package.name))?;
    progress::run_watching(&what, &mut get, &log, || {
        size_of(dir) as f64 / package.size.max(1) as f64
    })
    .context(NotFetched)?;
    fs::read_dir(dir)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|end| end == "deb"))
        .with_context(|| format!("apt-get download {spec} left no package"))
}

fn size_of(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.metadata().ok())
        .map(|meta| meta.len())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_apt_would_install_is_read() {
        let package =
            to_install("Inst a-b (1:2-3+b4 Debian:13.2/stable [amd64]) [c:amd64 ]").unwrap();
        assert_eq!(package.to_string(), "a-b:amd64=1:2-3+b4");
        assert!(to_install("Conf a-b (1:2-3+b4 Debian:13.2/stable [amd64])").is_none());
    }
}
