// SPDX-License-Identifier: GPL-2.0
//! What guests and tests are made of: architectures, kernel configurations, and the files that belong to them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::kernel::{self, Kernel};
use crate::{built, deb, kdir, module};

/// An architecture that qsock supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Arch {
    #[value(name = "x86_64", alias = "amd64", alias = "x86")]
    X86_64,
    #[value(name = "arm64", alias = "aarch64")]
    Arm64,
}

impl Arch {
    pub const ALL: [Arch; 2] = [Arch::X86_64, Arch::Arm64];

    /// The name in kbuild's `ARCH=` and in this project's paths.
    pub fn name(self) -> &'static str {
        match self {
            Arch::X86_64 => "x86_64",
            Arch::Arm64 => "arm64",
        }
    }

    /// The name in Debian's packages.
    pub fn debian(self) -> &'static str {
        match self {
            Arch::X86_64 => "amd64",
            Arch::Arm64 => "arm64",
        }
    }

    /// The GNU triple of the 32-bit programs that its kernels run too.
    pub fn triple32(self) -> &'static str {
        match self {
            Arch::X86_64 => "i686-linux-gnu",
            Arch::Arm64 => "arm-linux-gnueabihf",
        }
    }

    /// The GNU triple of its tools.
    pub fn triple(self) -> &'static str {
        match self {
            Arch::X86_64 => "x86_64-linux-gnu",
            Arch::Arm64 => "aarch64-linux-gnu",
        }
    }
}

/// A kernel configuration that tests run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Config {
    /// Debian's kernel of the supported series.
    Stock,
    /// Built here: KASAN, lockdep, kmemleak, fault injection, KUnit.
    Debug,
    /// Built here: KCSAN, KUnit.
    Kcsan,
    /// Debian's kernel of the series after the supported one.
    #[value(name = "7.3", alias = "next")]
    Next,
}

impl Config {
    /// The name in `CONFIG=` and in this project's paths.
    pub fn name(self) -> &'static str {
        match self {
            Config::Stock => "stock",
            Config::Debug => "debug",
            Config::Kcsan => "kcsan",
            Config::Next => "7.3",
        }
    }
}

/// The compiler that builds kernels, modules and test programs for an architecture.
pub struct Cross {
    /// Variables for a kernel's make, without LOCALVERSION.
    pub make_args: Vec<String>,
    pub cc: String,
    pub triple: String,
}

pub fn cross(arch: Arch) -> Cross {
    let triple = arch.triple();
    // Debian's kernels are built with this very compiler, and say so in their configuration.
    let cc = format!("{triple}-gcc-14");
    Cross {
        make_args: vec![
            format!("ARCH={}", arch.name()),
            format!("CC={cc}"),
            format!("CROSS_COMPILE={triple}-"),
        ],
        cc,
        triple: triple.to_owned(),
    }
}

/// Whether this is no build root, but a machine that serves itself for its own kernels.
pub fn on_host() -> bool {
    !Path::new("/etc/qsock-root").exists()
}

/// The checkout.
pub fn top() -> Result<PathBuf> {
    variable("QSOCK_TOP").map(PathBuf::from)
}

/// The cache outside the checkout.
pub fn cache() -> Result<PathBuf> {
    variable("QSOCK_CACHE").map(PathBuf::from)
}

/// Where the checkout keeps what is built for one architecture and configuration.
pub fn build_dir(arch: Arch, config: Config) -> Result<PathBuf> {
    Ok(top()?
        .join("build")
        .join(format!("{}-{}", arch.name(), config.name())))
}

fn variable(name: &str) -> Result<OsString> {
    std::env::var_os(name)
        .with_context(|| format!("{name} is not set: run lab through qemu/enter -- lab"))
}

/// make without what a make that runs lab hands down: its ARCH= and CONFIG= are not a kernel's.
pub fn bare_make() -> Command {
    let mut make = Command::new("make");
    for name in [
        "MAKEFLAGS",
        "MFLAGS",
        "MAKELEVEL",
        "MAKEOVERRIDES",
        "ARCH",
        "KERNEL",
        "CONFIG",
        "SUITE",
        "RUNNER",
        "ONLY",
        "BUDGET",
        "NATIVE",
        "KDIR",
        "M",
        "MO",
        "O",
        "CC",
        "LLVM",
        "CROSS_COMPILE",
        "LOCALVERSION",
        "KERNELRELEASE",
        "KBUILD_OUTPUT",
        "KCONFIG_CONFIG",
        "KCONFIG_ALLCONFIG",
        "DESTDIR",
    ] {
        make.env_remove(name);
    }
    let processors = std::thread::available_parallelism().map_or(1, |count| count.get());
    make.args(["--no-print-directory", &format!("-j{processors}")]);
    make
}

/// make with the variables that a configuration's tree is prepared and used with.
pub fn make_cmd(arch: Arch, config: Config) -> Result<Command> {
    let mut make = bare_make();
    if built::is(config) {
        make.args(built::variables());
    } else {
        make.args(kdir::variables(&kernel::find(&Kernel::of(config), arch)?)?);
    }
    Ok(make)
}

/// The prepared or built tree that modules are built against.
pub fn kdir(arch: Arch, config: Config) -> Result<PathBuf> {
    if built::is(config) {
        return built::tree(arch, config);
    }
    kdir::tree(&Kernel::of(config), arch)
}

/// The unpacked source of a configuration's kernel.
pub fn ksrc(config: Config) -> Result<PathBuf> {
    kernel::with_packages(&Kernel::of(config), Arch::X86_64, kdir::source)
}

/// The headers of a configuration's kernel for programs.
pub fn headers(arch: Arch, config: Config) -> Result<PathBuf> {
    kernel::with_packages(&Kernel::of(config), arch, |debian| {
        kdir::headers(debian, arch.name())
    })
}

/// The same for the 32-bit programs that it runs too.
pub fn headers32(arch: Arch, config: Config) -> Result<PathBuf> {
    match arch {
        // One set of headers is for all that the processor runs.
        Arch::X86_64 => headers(arch, config),
        Arch::Arm64 => kernel::with_packages(&Kernel::of(config), arch, |debian| {
            kdir::headers(debian, "arm")
        }),
    }
}

/// The kernel image.
pub fn image(arch: Arch, config: Config) -> Result<PathBuf> {
    if built::is(config) {
        return Ok(built::tree(arch, config)?.join("arch/x86/boot/bzImage"));
    }
    kernel::with_packages(&Kernel::of(config), arch, |debian| {
        let files = deb::unpack(&debian.binary)?;
        let image = files.join(format!("usr/lib/modules/{}/vmlinuz", debian.release));
        if image.exists() {
            return Ok(image);
        }
        // A release whose signed package is not there yet.
        Ok(image.with_extension("unsigned"))
    })
}

/// qsock.ko, built if its source has changed, and with it the modules of selftests/modules in `modules` beside it.
pub fn module(arch: Arch, config: Config) -> Result<PathBuf> {
    module::build(&module::Target::of(arch, config)?, module::Voice::Quiet)
}

/// Debian's statically linked busybox.
pub fn busybox(arch: Arch) -> Result<PathBuf> {
    let name = format!("busybox-static:{}", arch.debian());
    let get = || -> Result<PathBuf> {
        let package = deb::versions(&[name.clone()])?.into_iter().next();
        let package = package.with_context(|| format!("the archive has no package {name}"))?;
        Ok(deb::unpack(&package)?.join("usr/bin/busybox"))
    };
    match get() {
        Err(_) if deb::refresh()? => get(),
        result => result,
    }
}

#[derive(clap::Args)]
pub struct ImageArgs {
    #[arg(long, value_enum, default_value = "x86_64")]
    arch: Arch,
    #[arg(long, value_enum, default_value = "stock")]
    config: Config,
}

/// An architecture alone.
#[derive(clap::Args)]
pub struct ArchArgs {
    #[arg(long, value_enum, default_value = "x86_64")]
    pub arch: Arch,
}

/// `lab qsockctl`: prints the path of the command line tool.
pub fn print_qsockctl(args: ArchArgs) -> Result<ExitCode> {
    println!("{}", crate::guest::qsockctl(args.arch)?.display());
    Ok(ExitCode::SUCCESS)
}

/// `lab image`: prints the path of a kernel image.
pub fn print_image(args: ImageArgs) -> Result<ExitCode> {
    println!("{}", image(args.arch, args.config)?.display());
    Ok(ExitCode::SUCCESS)
}
