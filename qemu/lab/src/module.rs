// SPDX-License-Identifier: GPL-2.0
//! qsock.ko and the modules of selftests/modules, built by kbuild against a prepared or built tree.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{bail, Context, Result};

use crate::artifacts::{self, Arch, Config};
use crate::kernel::{self, Kernel};
use crate::{built, cache, kdir, um};

#[derive(clap::Args)]
pub struct Args {
    #[arg(long, value_enum, default_value = "x86_64")]
    arch: Arch,
    #[arg(long, value_enum, default_value = "stock")]
    config: Config,
    /// A Debian kernel instead of a configuration: running, 7.3, or a release as uname -r prints it
    #[arg(long, conflicts_with = "config")]
    kernel: Option<String>,
    /// The kernel that the last `lab kdir --choose` was for
    #[arg(long, conflicts_with_all = ["config", "kernel"])]
    chosen: bool,
    /// Only warnings and errors of the build
    #[arg(long)]
    quiet: bool,
}

/// `lab module`: builds the modules and prints the path of qsock.ko.
pub fn main(args: Args) -> Result<ExitCode> {
    let target = match args.kernel {
        Some(kernel) => Target::of_kernel(args.arch, &Kernel::parse(&kernel)?)?,
        None if args.chosen => Target::of_kernel(args.arch, &kdir::chosen(args.arch)?)?,
        None => Target::of(args.arch, args.config)?,
    };
    let voice = if args.quiet {
        Voice::Quiet
    } else {
        Voice::Kbuild
    };
    println!("{}", build(&target, voice)?.display());
    Ok(ExitCode::SUCCESS)
}

/// How much of kbuild's output is shown; warnings and errors always are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    Quiet,
    Kbuild,
}

/// What modules are built for.
pub struct Target {
    arch: Arch,
    tree: PathBuf,
    variables: Vec<String>,
    /// Where the results go.
    out: PathBuf,
}

impl Target {
    pub fn of(arch: Arch, config: Config) -> Result<Target> {
        let out = artifacts::build_dir(arch, config)?;
        if !built::is(config) {
            return Target::debian(arch, &Kernel::of(config), out);
        }
        Ok(Target {
            arch,
            tree: built::tree(arch, config)?,
            variables: built::variables(),
            out,
        })
    }

    /// User Mode Linux.
    pub fn um() -> Result<Target> {
        let (tree, variables) = um::tree()?;
        Ok(Target {
            arch: Arch::X86_64,
            tree,
            variables,
            out: artifacts::top()?.join("build/um"),
        })
    }

    pub fn of_kernel(arch: Arch, kernel: &Kernel) -> Result<Target> {
        match kernel {
            Kernel::Series(0) => Target::of(arch, Config::Stock),
            Kernel::Series(_) => Target::of(arch, Config::Next),
            Kernel::Release(release) => {
                let out = artifacts::top()?
                    .join("build")
                    .join(format!("{}-{release}", arch.name()));
                Target::debian(arch, kernel, out)
            }
        }
    }

    fn debian(arch: Arch, kernel: &Kernel, out: PathBuf) -> Result<Target> {
        let tree = kdir::tree(kernel, arch)?;
        Ok(Target {
            arch,
            tree,
            variables: kdir::variables(&kernel::find(kernel, arch)?)?,
            out,
        })
    }
}

/// Builds everything for a target and returns the path of qsock.ko.
pub fn build(target: &Target, voice: Voice) -> Result<PathBuf> {
    let top = artifacts::top()?;
    fs::create_dir_all(&target.out)
        .with_context(|| format!("cannot make {}", target.out.display()))?;
    let _lock = cache::lock(&target.out.join("lock"), "this module")?;
    let objects = target.out.join("module");
    kbuild(target, &top, &objects, &[], voice).context("the module does not build")?;
    let module = target.out.join("qsock.ko");
    strip(target, &objects.join("src/qsock.ko"), &module)?;

    let tests = top.join("selftests/modules");
    if tests.join("Kbuild").exists() {
        let objects = target.out.join("selftests-modules");
        // The modules there may use what qsock.ko exports.
        let symbols = format!(
            "KBUILD_EXTRA_SYMBOLS={}",
            target.out.join("module/Module.symvers").display()
        );
        kbuild(target, &tests, &objects, &[symbols], voice)
            .context("the modules of selftests/modules do not build")?;
        collect(target, &objects)?;
    }
    Ok(module)
}

/// A module of the kernel's own, built again: the package that has Debian's holds thousands, and is 160 MB.
pub fn of_kernel(arch: Arch, config: Config, folder: &str, name: &str) -> Result<PathBuf> {
    let mut built = some_of_kernel(arch, config, folder, &[name], &[])?;
    built.pop().context("no module was asked for")
}

/// Several modules of one folder, without those that variables for make take out.
pub fn some_of_kernel(
    arch: Arch,
    config: Config,
    folder: &str,
    names: &[&str],
    without: &[&str],
) -> Result<Vec<PathBuf>> {
    let target = Target::of(arch, config)?;
    let from = artifacts::ksrc(config)?.join(folder);
    let objects = target.out.join(names.first().copied().unwrap_or_default());
    fs::create_dir_all(&target.out)
        .with_context(|| format!("cannot make {}", target.out.display()))?;
    let _lock = cache::lock(&target.out.join("lock"), "this module")?;
    // BTF would need the kernel's own, which no prepared tree has.
    let mut more = vec!["CONFIG_DEBUG_INFO_BTF_MODULES=".to_string()];
    more.extend(without.iter().map(|variable| variable.to_string()));
    kbuild(&target, &from, &objects, &more, Voice::Quiet)
        .with_context(|| format!("the modules of the kernel's {folder} do not build"))?;
    let mut built = Vec::new();
    for name in names {
        let module = target.out.join(name).with_extension("ko");
        strip(&target, &objects.join(name).with_extension("ko"), &module)?;
        built.push(module);
    }
    Ok(built)
}

/// One run of kbuild over the sources in `from`.
fn kbuild(
    target: &Target,
    from: &Path,
    objects: &Path,
    more: &[String],
    voice: Voice,
) -> Result<()> {
    // Objects of another tree are no use, and kbuild would not notice all of them.
    let mark = objects.join(".kdir");
    let tree = target.tree.display().to_string();
    if fs::read_to_string(&mark).ok().as_deref() != Some(&tree) {
        cache::wipe(objects)?;
        fs::create_dir_all(objects)
            .with_context(|| format!("cannot make {}", objects.display()))?;
        fs::write(&mark, &tree)?;
    }
    let mut make = artifacts::bare_make();
    make.arg("-C")
        .arg(&target.tree)
        .args(&target.variables)
        .args(more);
    make.arg(format!("M={}", from.display()))
        .arg(format!("MO={}", objects.display()));
    if voice == Voice::Quiet {
        make.arg("-s");
    }
    // kbuild speaks on stderr, so that stdout holds the path alone.
    let log = std::io::stderr();
    let stdout = std::os::fd::AsFd::as_fd(&log).try_clone_to_owned()?;
    let status = make
        .arg("modules")
        .stdin(Stdio::null())
        .stdout(stdout)
        .status()
        .context("cannot run make")?;
    if !status.success() {
        bail!("kbuild's errors stand above");
    }
    Ok(())
}

/// Puts the test modules where guests take them from, and removes those whose source is gone.
fn collect(target: &Target, objects: &Path) -> Result<()> {
    let dir = target.out.join("modules");
    cache::wipe(&dir)?;
    fs::create_dir(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let order = fs::read_to_string(objects.join("modules.order"))
        .context("kbuild left no modules.order")?;
    for line in order.lines() {
        let object = objects.join(line).with_extension("ko");
        let name = object
            .file_name()
            .context("modules.order has an empty line")?;
        strip(target, &object, &dir.join(name))?;
    }
    Ok(())
}

/// Copies a module without its debugging information, which is most of it.
fn strip(target: &Target, from: &Path, to: &Path) -> Result<()> {
    let half = cache::beside(to, ".new");
    let status = Command::new(format!("{}-strip", target.arch.triple()))
        .arg("--strip-debug")
        .arg("-o")
        .arg(&half)
        .arg(from)
        .status()
        .context("cannot run strip")?;
    if !status.success() {
        bail!("cannot strip {}", from.display());
    }
    fs::rename(&half, to).with_context(|| format!("cannot write {}", to.display()))
}
