// SPDX-License-Identifier: GPL-2.0
//! Kernels that are built here, from the source of the stock one: `debug` and `kcsan`, small, for x86-64; and for others
//! ([`Recipe`]), as User Mode Linux is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{bail, Context, Result};

use crate::artifacts::{self, Arch, Config};
use crate::kernel::{self, Debian, Kernel};
use crate::{cache, deb, kconfig, kdir, progress};

const RECIPE: &str = "1";

/// What `debug` has beyond .config.fragment.
const DEBUG: &str = "\
CONFIG_KASAN=y
CONFIG_KASAN_GENERIC=y
CONFIG_KASAN_OUTLINE=y
CONFIG_KASAN_VMALLOC=y
CONFIG_SLUB_RCU_DEBUG=y
CONFIG_PROVE_LOCKING=y
CONFIG_PROVE_RCU=y
CONFIG_DEBUG_KMEMLEAK=y
CONFIG_UBSAN=y
CONFIG_UBSAN_TRAP=n
CONFIG_UBSAN_BOUNDS=y
CONFIG_UBSAN_SHIFT=y
CONFIG_UBSAN_BOOL=y
CONFIG_UBSAN_ENUM=y
CONFIG_FAULT_INJECTION=y
CONFIG_FAILSLAB=y
CONFIG_FAIL_PAGE_ALLOC=y
CONFIG_FAULT_INJECTION_USERCOPY=y
CONFIG_FAULT_INJECTION_DEBUG_FS=y
CONFIG_KCOV=y
CONFIG_DEBUG_OBJECTS=y
CONFIG_DEBUG_OBJECTS_FREE=y
CONFIG_DEBUG_OBJECTS_TIMERS=y
CONFIG_DEBUG_OBJECTS_WORK=y
CONFIG_DEBUG_OBJECTS_RCU_HEAD=y
CONFIG_DEBUG_VM=y
CONFIG_NET_NS_REFCNT_TRACKER=y
";

/// What `kcsan` has instead.
const KCSAN: &str = "\
CONFIG_KCSAN=y
CONFIG_KCSAN_EARLY_ENABLE=y
CONFIG_KCSAN_DELAY_RANDOMIZE=y
CONFIG_KCSAN_SKIP_WATCH_RANDOMIZE=y
CONFIG_KCSAN_REPORT_ONCE_IN_MS=3000
CONFIG_KCSAN_REPORT_RACE_UNKNOWN_ORIGIN=y
CONFIG_KCSAN_REPORT_VALUE_CHANGE_ONLY=y
CONFIG_KCSAN_ASSUME_PLAIN_WRITES_ATOMIC=y
CONFIG_DEBUG_SPINLOCK=y
";

fn part(config: Config) -> Option<&'static str> {
    match config {
        Config::Debug => Some(DEBUG),
        Config::Kcsan => Some(KCSAN),
        Config::Stock | Config::Next => None,
    }
}

/// Whether a configuration is built here.
pub fn is(config: Config) -> bool {
    part(config).is_some()
}

/// The built tree of a configuration.
pub fn tree(arch: Arch, config: Config) -> Result<PathBuf> {
    if arch != Arch::X86_64 {
        bail!(
            "CONFIG={} is built for x86_64 only: leave out ARCH={}",
            config.name(),
            arch.name()
        );
    }
    let Some(part) = part(config) else {
        bail!("CONFIG={} is not built here", config.name())
    };
    let common = artifacts::top()?.join(".config.fragment");
    let common =
        fs::read_to_string(&common).with_context(|| format!("cannot read {}", common.display()))?;
    Recipe {
        name: config.name(),
        fragment: format!("{common}{part}"),
        variables: variables(),
    }
    .tree()
}

/// The variables of such a tree. Rust with KASAN needs a kernel that clang builds; the other tools stay GNU's.
pub fn variables() -> Vec<String> {
    ["ARCH=x86_64", "CC=clang"].map(str::to_owned).to_vec()
}

/// How a kernel is built.
pub struct Recipe<'a> {
    pub name: &'a str,
    /// Options on top of allnoconfig. Every line must hold in the resulting .config.
    pub fragment: String,
    /// make's variables.
    pub variables: Vec<String>,
}

impl Recipe<'_> {
    /// The built tree, from the source of the stock kernel.
    pub fn tree(&self) -> Result<PathBuf> {
        let stock = Kernel::of(Config::Stock);
        kernel::with_packages(&stock, Arch::X86_64, |debian| self.build(debian))
    }

    fn make(&self, dir: &Path, source: &Path) -> Command {
        let mut make = artifacts::bare_make();
        make.args(&self.variables)
            .arg("-C")
            .arg(source)
            .arg(format!("O={}", dir.display()));
        make
    }

    fn build(&self, debian: &Debian) -> Result<PathBuf> {
        let name = self.name;
        let fragment = format!("{}CONFIG_LOCALVERSION=\"-qsock-{name}\"\n", self.fragment);
        // A comment is no reason to build a kernel anew.
        let lines: Vec<&str> = fragment
            .lines()
            .filter(|line| line.starts_with("CONFIG_"))
            .collect();
        let fragment = lines.join("\n") + "\n";
        let tools = [&kdir::TOOLS[2..], &["clang-19"]].concat();
        let key = cache::key(&[RECIPE, &debian.version, &fragment, &deb::installed(&tools)?]);
        let what = format!("the {name} kernel");
        cache::folder(&format!("kernel/{name}-{key}"), &what, |dir| {
            progress::need_space(dir, 2500, &what)?;
            let source = kdir::source(debian)?;
            self.configure(dir, &source, &fragment)?;
            let mut all = self.make(dir, &source);
            all.arg("all");
            let log = cache::log(&format!("kernel-{name}.log"))?;
            progress::run(
                &format!("building {what} (about 10 minutes on 2 processors)"),
                &mut all,
                &log,
                2150,
            )?;
            trim(dir)
        })
    }

    fn configure(&self, dir: &Path, source: &Path, fragment: &str) -> Result<()> {
        let name = self.name;
        let file = dir.join("qsock.fragment");
        fs::write(&file, fragment).with_context(|| format!("cannot write {}", file.display()))?;
        let mut command = self.make(dir, source);
        command
            .arg(format!("KCONFIG_ALLCONFIG={}", file.display()))
            .arg("allnoconfig");
        let log = cache::log(&format!("kernel-{name}-config.log"))?;
        progress::run(
            &format!("configuring the {name} kernel"),
            &mut command,
            &log,
            30,
        )?;
        let unmet = kconfig::unmet(fragment, &kconfig::read(&dir.join(".config"))?);
        if !unmet.is_empty() {
            bail!(
                "this kernel's kconfig does not take {} of its fragment",
                unmet.join(", ")
            );
        }
        Ok(())
    }
}

/// Removes what is linked into the image: two thirds of the tree, and no module needs it.
fn trim(dir: &Path) -> Result<()> {
    const KEEP: [&str; 5] = ["scripts", "tools", "rust", "include", "arch"];
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let removed = if entry.file_type()?.is_dir() {
            if KEEP.iter().any(|keep| name == *keep) {
                continue;
            }
            fs::remove_dir_all(&path)
        } else if name == "vmlinux.o"
            || name == "vmlinux.unstripped"
            || path.extension().is_some_and(|end| end == "a")
        {
            fs::remove_file(&path)
        } else {
            continue;
        };
        removed.with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}
