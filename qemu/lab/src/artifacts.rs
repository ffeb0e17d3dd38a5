// SPDX-License-Identifier: GPL-2.0
//! What guests and tests are made of: architectures, kernel configurations, and the files that belong to them.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::ValueEnum;

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
    Ok(top()?.join("build").join(format!("{}-{}", arch.name(), config.name())))
}

fn variable(name: &str) -> Result<OsString> {
    std::env::var_os(name).with_context(|| format!("{name} is not set: run lab through qemu/enter -- lab"))
}

#[derive(clap::Args)]
pub struct VarsArgs {
    #[arg(long, value_enum, default_value = "x86_64")]
    arch: Arch,
}

/// `lab vars`: the make variables of an architecture, for a make by hand.
pub fn vars(args: VarsArgs) -> Result<std::process::ExitCode> {
    println!("{}", cross(args.arch).make_args.join(" "));
    Ok(std::process::ExitCode::SUCCESS)
}
