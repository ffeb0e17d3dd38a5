// SPDX-License-Identifier: GPL-2.0
//! Prepared trees for Debian's kernels: what a module needs to be built and loaded on an image that Debian built.
//!
//! Debian's headers packages carry no Rust metadata. The same source, configuration and toolchain give it again, in
//! about a minute and without compiling a kernel; three checks make sure that they are the same indeed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{bail, Context, Result};

use crate::artifacts::{self, Arch, Config};
use crate::kernel::{self, Debian, Kernel};
use crate::{cache, deb, kconfig, progress};

/// Changes when the recipe below does, so that trees made by an older one are made anew.
const RECIPE: &str = "1";

/// What may differ between Debian's configuration and the prepared one, and why it does no harm.
const MAY_DIFFER: [&str; 4] = [
    // The 32-bit vDSO needs a 32-bit Arm compiler. It is part of the image; no header that a module sees has it.
    "CONFIG_COMPAT_VDSO",
    "CONFIG_THUMB2_COMPAT_VDSO",
    // Of the tools on the machine, for user-space programs in the tree; none is built here.
    "CONFIG_CC_CAN_LINK_STATIC",
    // Of the openssl(1) on the machine, if there is one: the keys it could make, which sign modules. It makes none here.
    "CONFIG_OPENSSL_SUPPORTS_ML_DSA",
];

/// Tools whose versions shape a tree.
pub const TOOLS: [&str; 7] = [
    "gcc-14",
    "gcc-14-aarch64-linux-gnu",
    "rustc",
    "rust-src",
    "bindgen",
    "libclang-19-dev",
    "binutils",
];

#[derive(clap::Args)]
pub struct Args {
    #[arg(long, value_enum, default_value = "x86_64")]
    arch: Arch,
    /// stock, 7.2, 7.3, running, or a release as uname -r prints it
    #[arg(long, default_value = "stock", conflicts_with = "config")]
    kernel: String,
    /// The tree of a configuration instead
    #[arg(long, value_enum)]
    config: Option<Config>,
    /// Make this kernel the one that `make` builds the module for
    #[arg(long)]
    choose: bool,
}

/// `lab kdir`: prepares a tree and prints its path.
pub fn main(args: Args) -> Result<ExitCode> {
    let path = match args.config {
        Some(config) => artifacts::kdir(args.arch, config)?,
        None => {
            let kernel = Kernel::parse(&args.kernel)?;
            let path = tree(&kernel, args.arch)?;
            if args.choose {
                choose(args.arch, &kernel)?;
            }
            path
        }
    };
    println!("{}", path.display());
    Ok(ExitCode::SUCCESS)
}

/// Where the checkout remembers the kernel that its user prepared a tree for.
fn choice(arch: Arch) -> Result<PathBuf> {
    Ok(artifacts::top()?
        .join("build")
        .join(format!("kernel-{}", arch.name())))
}

fn choose(arch: Arch, kernel: &Kernel) -> Result<()> {
    let path = choice(arch)?;
    fs::create_dir_all(path.with_file_name(""))
        .and_then(|()| fs::write(&path, kernel.to_string()))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// The kernel that the last `make kdir` in this checkout was for.
pub fn chosen(arch: Arch) -> Result<Kernel> {
    match fs::read_to_string(choice(arch)?) {
        Ok(name) => Kernel::parse(&name),
        Err(_) => Ok(Kernel::Series(0)),
    }
}

/// The prepared tree of a Debian kernel.
pub fn tree(kernel: &Kernel, arch: Arch) -> Result<PathBuf> {
    kernel::with_packages(kernel, arch, prepared)
}

/// The unpacked source of a Debian kernel.
pub fn source(debian: &Debian) -> Result<PathBuf> {
    let package = &debian.source;
    let relative = format!(
        "source/{}_{}",
        package.name,
        package.version.replace([':', '~'], "-")
    );
    cache::folder(&relative, "the kernel source", |dir| {
        progress::need_space(dir, 2500, "the kernel source")?;
        let unpacked = deb::unpack(package)?;
        let tarball = unpacked.join(format!("usr/src/{}.tar.xz", package.name));
        let mut tar = Command::new("tar");
        tar.env("XZ_DEFAULTS", "-T0").args([
            "--extract",
            "--strip-components=1",
            "--no-same-owner",
            "--checkpoint=1000",
            "--file",
        ]);
        tar.arg(&tarball).arg("--directory").arg(dir);
        // One line per 10 MB of tar's records; the source has about 1.6 GB.
        progress::run(
            "unpacking the kernel source",
            &mut tar,
            &cache::log("source.log")?,
            165,
        )?;
        // 150 MB that nothing needs again.
        cache::wipe(&unpacked)
    })
}

/// What a Debian kernel's source installs for programs of `arch`, as kbuild calls it: newer than the build root's, as the
/// kernel's own tests need it.
pub fn headers(debian: &Debian, arch: &str) -> Result<PathBuf> {
    let version = debian.version.replace([':', '~'], "-");
    let what = format!("the {arch} headers of {version}");
    let dir = cache::folder(&format!("headers/{arch}-{version}"), &what, |dir| {
        progress::need_space(dir, 50, &what)?;
        let mut make = artifacts::bare_make();
        make.args(variables(debian)?)
            .arg("-C")
            .arg(source(debian)?)
            .args([format!("O={}", dir.display()), format!("ARCH={arch}")])
            .arg("headers");
        let log = cache::log(&format!("headers-{arch}.log"))?;
        progress::run(&format!("making {what}"), &mut make, &log, 1000)
    })?;
    Ok(dir.join("usr/include"))
}

/// The variables that a Debian kernel's tree is prepared and used with.
pub fn variables(debian: &Debian) -> Result<Vec<String>> {
    let mut variables = artifacts::cross(debian.arch).make_args;
    variables.push(format!("LOCALVERSION={}", debian.local_version()));
    if artifacts::on_host() {
        // The last word counts.
        variables.push(format!("CC={}", compiler(debian)?));
    }
    Ok(variables)
}

/// The compiler that built a kernel, by the name that its configuration begins with.
fn compiler(debian: &Debian) -> Result<String> {
    let config = kconfig::read(&headers_of(debian)?.join(".config"))?;
    config
        .get("CONFIG_CC_VERSION_TEXT")
        .and_then(|text| text.trim_matches('"').split(' ').next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .context("the kernel's configuration names no compiler")
}

/// What the headers package of a kernel holds.
fn headers_of(debian: &Debian) -> Result<PathBuf> {
    let unpacked = deb::unpack(&debian.headers)?;
    Ok(unpacked.join(format!("usr/src/linux-headers-{}", debian.release)))
}

/// What the tools are that would prepare a tree: part of its key.
fn toolchain(debian: &Debian) -> Result<String> {
    if !artifacts::on_host() {
        return deb::installed(&TOOLS);
    }
    let cc = compiler(debian)?;
    let out = Command::new(&cc).arg("--version").output();
    let out = out.with_context(|| {
        format!("{cc}, which built this kernel, is not here: install the kernel's headers package")
    })?;
    let version = String::from_utf8_lossy(&out.stdout).into_owned();
    Ok(version + &deb::installed(&["rustc", "rust-src", "bindgen", "binutils"])?)
}

fn prepared(debian: &Debian) -> Result<PathBuf> {
    let arch = debian.arch;
    let key = cache::key(&[RECIPE, &debian.version, &toolchain(debian)?]);
    let what = format!("the {} tree of {}", arch.name(), debian.release);
    cache::folder(
        &format!("kdir/{}-{}-{key}", arch.name(), debian.release),
        &what,
        |dir| {
            progress::need_space(dir, 500, &what)?;
            let source = source(debian)?;
            let headers = headers_of(debian)?;
            for file in [".config", "Module.symvers"] {
                fs::copy(headers.join(file), dir.join(file))
                    .with_context(|| format!("package {} has no {file}", debian.headers.name))?;
            }
            let theirs = kconfig::read(&dir.join(".config"))?;
            if theirs.get("CONFIG_RUST").map(String::as_str) != Some("y") {
                bail!(
                    "Debian's kernel {} was built without Rust (CONFIG_RUST): take KERNEL=stock",
                    debian.release
                );
            }
            let step = |what: &str, targets: &[&str], lines: usize| {
                let mut command = artifacts::bare_make();
                command
                    .args(variables(debian)?)
                    .arg("-C")
                    .arg(&source)
                    .arg(format!("O={}", dir.display()))
                    .args(targets);
                let log = cache::log(&format!(
                    "kdir-{}-{}-{}.log",
                    arch.name(),
                    debian.release,
                    targets[0]
                ))?;
                progress::run(
                    &format!("{what} {} {}", arch.name(), debian.release),
                    &mut command,
                    &log,
                    lines,
                )
            };
            step("configuring", &["olddefconfig"], 17)?;
            same_configuration(&theirs, &kconfig::read(&dir.join(".config"))?)?;
            step("preparing", &["prepare", "modules_prepare"], 370)?;
            same_release(dir, debian)?;
            same_symbols(dir)
        },
    )
}

/// First check: the toolchain here makes the configuration that Debian's made.
fn same_configuration(theirs: &kconfig::Options, ours: &kconfig::Options) -> Result<()> {
    let differing: Vec<String> = kconfig::differences(theirs, ours)
        .into_iter()
        .filter(|name| !MAY_DIFFER.contains(&name.as_str()))
        .map(|name| {
            let value = |options: &kconfig::Options| {
                options
                    .get(&name)
                    .map_or("unset", String::as_str)
                    .to_owned()
            };
            format!("{name}: {} there, {} here", value(theirs), value(ours))
        })
        .collect();
    if !differing.is_empty() {
        let (who, cure) = if artifacts::on_host() {
            ("this machine", "upgrade both")
        } else {
            ("the build root", "remove the root from the cache")
        };
        bail!(
            "{who} would not build this kernel as Debian did ({}): its packages and the kernel are of different times; {cure} and run this again",
            differing.join("; ")
        );
    }
    Ok(())
}

/// Second check: a module built here is one for the image's release.
fn same_release(dir: &Path, debian: &Debian) -> Result<()> {
    let path = dir.join("include/config/kernel.release");
    let release =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    if release.trim() != debian.release {
        bail!(
            "the prepared tree is of {} and the image of {}",
            release.trim(),
            debian.release
        );
    }
    Ok(())
}

/// Third check: the Rust symbols of the prepared tree are those that the image exports.
fn same_symbols(dir: &Path) -> Result<()> {
    let symvers =
        fs::read_to_string(dir.join("Module.symvers")).context("cannot read Module.symvers")?;
    let theirs: BTreeSet<&str> = symvers
        .lines()
        .filter_map(|line| line.split('\t').nth(1))
        .filter(|name| name.starts_with("_R"))
        .collect();
    let mut text = String::new();
    for entry in fs::read_dir(dir.join("rust"))? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.starts_with("exports_") && name.ends_with("_generated.h") {
            text += &fs::read_to_string(&path)?;
        }
    }
    let ours: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| {
            line.strip_prefix("EXPORT_SYMBOL_RUST_GPL(")?
                .strip_suffix(");")
        })
        .filter(|name| name.starts_with("_R"))
        .collect();
    if ours.is_empty() || ours != theirs {
        bail!(
            "the prepared tree exports other Rust symbols than the image ({} here, {} there, {} in both), so that no module would load",
            ours.len(),
            theirs.len(),
            ours.intersection(&theirs).count()
        );
    }
    eprintln!(
        "qsock: the tree's {} Rust symbols are the image's",
        ours.len()
    );
    Ok(())
}
