// SPDX-License-Identifier: GPL-2.0
//! Which kernels there are: the supported series, and the Debian packages of a release.

use std::fs;

use anyhow::{bail, Context, Result};
use regex::Regex;
use serde_json::{json, Value};

use crate::artifacts::{self, Arch, Config};
use crate::{cache, deb};

/// The series that qsock supports, the stock one first. When the archive drops one, the next takes its place.
pub const SERIES: [&str; 2] = ["7.2", "7.3"];

/// A kernel as `make kdir KERNEL=` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kernel {
    Series(usize),
    Release(String),
}

impl Kernel {
    pub fn parse(name: &str) -> Result<Kernel> {
        if name == "stock" {
            return Ok(Kernel::Series(0));
        }
        if let Some(index) = SERIES.iter().position(|series| *series == name) {
            return Ok(Kernel::Series(index));
        }
        if name == "running" {
            let uname =
                nix::sys::utsname::uname().context("cannot read the running kernel's release")?;
            return Ok(Kernel::Release(
                uname.release().to_string_lossy().into_owned(),
            ));
        }
        if name.contains('+') || name.contains('-') {
            return Ok(Kernel::Release(name.to_owned()));
        }
        bail!(
            "KERNEL={name} is none of running, stock, {}, and no release such as uname -r prints",
            SERIES.join(", ")
        )
    }

    /// The Debian kernel of a configuration; the configurations that are built here take their source from it.
    pub fn of(config: Config) -> Kernel {
        match config {
            Config::Next => Kernel::Series(1),
            Config::Stock | Config::Debug | Config::Kcsan => Kernel::Series(0),
        }
    }
}

impl std::fmt::Display for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kernel::Series(index) => SERIES[*index],
            Kernel::Release(release) => release,
        })
    }
}

/// A Debian kernel: the packages of one release for one architecture, all of one version.
#[derive(Clone, Debug)]
pub struct Debian {
    pub arch: Arch,
    /// What `uname -r` prints on it.
    pub release: String,
    pub version: String,
    pub headers: deb::Package,
    pub binary: deb::Package,
    pub source: deb::Package,
}

impl Debian {
    /// What follows the upstream version in the release.
    pub fn local_version(&self) -> &str {
        let start = self.release.find(['+', '-']).unwrap_or(self.release.len());
        &self.release[start..]
    }
}

/// The Debian packages of `kernel`.
///
/// What was found is remembered for as long as the package lists stay the same.
pub fn find(kernel: &Kernel, arch: Arch) -> Result<Debian> {
    let name = kernel.to_string();
    let key = cache::key(&[&name, arch.name(), &deb::lists_stamp()?]);
    let memory = artifacts::cache()?.join(format!("apt/found-{name}-{}-{key}.json", arch.name()));
    if let Some(found) = fs::read_to_string(&memory)
        .ok()
        .and_then(|text| recall(&text, arch))
    {
        return Ok(found);
    }
    let found = look_up(kernel, arch)?;
    if let Some(parent) = memory.parent() {
        fs::create_dir_all(parent)?;
    }
    let half = cache::beside(&memory, &format!(".{}", std::process::id()));
    fs::write(&half, remember(&found))
        .and_then(|()| fs::rename(&half, &memory))
        .context("cannot write the cache")?;
    Ok(found)
}

/// Does something with the packages of `kernel`; once more, with those of today, when one cannot be fetched any more.
pub fn with_packages<T>(
    kernel: &Kernel,
    arch: Arch,
    act: impl Fn(&Debian) -> Result<T>,
) -> Result<T> {
    match act(&find(kernel, arch)?) {
        Err(error) if error.downcast_ref::<deb::NotFetched>().is_some() && deb::refresh()? => {
            act(&find(kernel, arch)?)
        }
        result => result,
    }
}

fn look_up(kernel: &Kernel, arch: Arch) -> Result<Debian> {
    match kernel {
        Kernel::Series(first) => {
            for series in &SERIES[*first..] {
                if let Some(found) = newest(series, arch)? {
                    if *series != SERIES[*first] {
                        eprintln!(
                            "qsock: the archive has no kernel {} any more: taking {series}",
                            SERIES[*first]
                        );
                    }
                    return Ok(found);
                }
            }
            if deb::refresh()? {
                return look_up(kernel, arch);
            }
            bail!(
                "the archive has no {} kernel {} with headers and source of one version: look for newer work on qsock, or name a release with KERNEL=",
                arch.debian(),
                SERIES[*first..].join(" or ")
            )
        }
        Kernel::Release(release) => {
            if !release.ends_with(arch.debian()) && !release.contains("deb") {
                bail!("{release} is not a Debian kernel: give its built tree with KDIR=, or take KERNEL=stock");
            }
            match complete(release, arch)? {
                Some(found) => Ok(found),
                None if deb::refresh()? => look_up(kernel, arch),
                None => bail!(
                    "the archive has no headers, image and source of one version for the {} kernel {release}: upgrade to a kernel that it has, or give a built tree with KDIR=",
                    arch.debian()
                ),
            }
        }
    }
}

/// The newest complete release of a series, of the flavour without a name.
fn newest(series: &str, arch: Arch) -> Result<Option<Debian>> {
    let prefix = format!("linux-headers-{series}");
    let pattern = format!(
        r"^linux-headers-({}(?:\.\d+)?\+deb\d+-{})$",
        regex::escape(series),
        arch.debian()
    );
    let pattern = Regex::new(&pattern)?;
    let names = deb::names(&prefix)?;
    let mut releases: Vec<&str> = names
        .iter()
        .filter_map(|name| pattern.captures(name)?.get(1))
        .map(|found| found.as_str())
        .collect();
    releases.sort_by_key(|release| std::cmp::Reverse(numbers(release)));
    for release in releases {
        if let Some(found) = complete(release, arch)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The numbers in a release, which order releases as versions.
fn numbers(release: &str) -> Vec<u64> {
    release
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|part| part.parse().ok())
        .collect()
}

/// The packages of a release, when headers, image and source of one version are all there.
fn complete(release: &str, arch: Arch) -> Result<Option<Debian>> {
    let mut upstream = release
        .split(['+', '-'])
        .next()
        .unwrap_or(release)
        .split('.');
    let series = format!(
        "{}.{}",
        upstream.next().unwrap_or_default(),
        upstream.next().unwrap_or_default()
    );
    let headers = format!("linux-headers-{release}");
    // The signed image first: it is the one that users have. The unsigned one has the same content.
    let binaries = [
        format!("linux-binary-{release}"),
        format!("linux-binary-unsigned-{release}"),
    ];
    let source = format!("linux-source-{series}");
    let mut names = vec![format!("{headers}:{}", arch.debian()), source.clone()];
    names.extend(
        binaries
            .iter()
            .map(|name| format!("{name}:{}", arch.debian())),
    );
    let all = deb::versions(&names)?;
    let with = |name: &str, version: &str| {
        all.iter()
            .find(|package| package.name == name && package.version == version)
            .cloned()
    };
    for headers in all.iter().filter(|package| package.name == headers) {
        let version = headers.version.as_str();
        let binary = binaries.iter().find_map(|name| with(name, version));
        if let (Some(binary), Some(source)) = (binary, with(&source, version)) {
            return Ok(Some(Debian {
                arch,
                release: release.to_owned(),
                version: version.to_owned(),
                headers: headers.clone(),
                binary,
                source,
            }));
        }
    }
    Ok(None)
}

fn remember(found: &Debian) -> String {
    let package = |p: &deb::Package| json!([p.name, p.version, p.arch, p.size]);
    json!({
        "release": found.release,
        "version": found.version,
        "headers": package(&found.headers),
        "binary": package(&found.binary),
        "source": package(&found.source),
    })
    .to_string()
}

fn recall(text: &str, arch: Arch) -> Option<Debian> {
    let value: Value = serde_json::from_str(text).ok()?;
    let string = |value: &Value| value.as_str().map(str::to_owned);
    let package = |value: &Value| {
        Some(deb::Package {
            name: string(value.get(0)?)?,
            version: string(value.get(1)?)?,
            arch: string(value.get(2)?)?,
            size: value.get(3)?.as_u64()?,
        })
    };
    Some(Debian {
        arch,
        release: string(value.get("release")?)?,
        version: string(value.get("version")?)?,
        headers: package(value.get("headers")?)?,
        binary: package(value.get("binary")?)?,
        source: package(value.get("source")?)?,
    })
}
