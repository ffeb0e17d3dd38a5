// SPDX-License-Identifier: GPL-2.0
//! `lab test`: the suites, where each runs, and the sum of their results.
//!
//! Suites that need a guest of one kind share its boot ([`section`]); the guard suite boots a guest per case.

mod af_unix;
mod bench;
mod debian;
mod guard;
mod host;
mod install;
mod kmemleak;
mod kselftest;
mod ktap;
mod kunit;
mod programs;
mod reload;
mod report;
mod section;
mod syscall;
mod trace;
pub mod transfer;
mod vng;

use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use anyhow::{bail, Result};
use clap::ValueEnum;

use crate::artifacts::{Arch, Config};
use crate::guest::{job, Job};
use af_unix::AfUnix;
use kselftest::{Abi, Kselftest};
use report::{Case, Place, Ui};
use section::Section;
use syscall::Syscall;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Suite {
    /// The lab's own unit tests alone
    Host,
    /// lab check, which runs them too
    Check,
    /// The programs of selftests/
    Kselftest,
    /// The same as 32-bit programs (stock)
    Kselftest32,
    /// The programs of selftests/ that meet security modules, with SELinux in AppArmor's place (stock)
    Selinux,
    /// The socket calls at the instruction, for every ABI (stock)
    Syscall,
    /// The kernel's selftests of AF_UNIX, for AF_QSOCK beside AF_UNIX (stock)
    AfUnixSelftests,
    /// The module's KUnit suites (debug, kcsan)
    Kunit,
    /// Loading and unloading under load
    Reload,
    /// Leaked memory, with a planted leak as control (debug)
    Kmemleak,
    /// The promises of qemu/run (stock)
    Guard,
    /// `make install`, and the examples of the man page with what it installed (stock)
    Install,
    /// Both ways of README.md to install, on a Debian machine that builds the module (stock, x86_64, only if it is named)
    Debian,
    /// Debian's programs over AF_QSOCK beside AF_UNIX (x86_64; with checkers only if it is named)
    Programs,
    /// Instructions per operation, held against selftests/bench/budget.toml (stock); the same operations as a load under
    /// the checkers (debug, kcsan, and only if it is named)
    Bench,
    /// The stages of a message's way (stock)
    Trace,
}

/// How many guests run side by side.
const LANES: usize = 2;

/// A part of the suites that goes beside others.
type Part = fn(Arch, Config, &Args, &Ui) -> Result<()>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Runner {
    /// The lab's own guests
    Qemu,
    /// virtme-ng: the kselftests on the build root's file system (x86_64, stock)
    Vng,
}

/// Runs the suites [default: all; stock on x86_64 and arm64, debug on x86_64]
#[derive(clap::Args)]
pub struct Args {
    #[arg(long, value_enum)]
    arch: Option<Arch>,
    #[arg(long, value_enum)]
    config: Option<Config>,
    #[arg(long, value_enum)]
    suite: Vec<Suite>,
    #[arg(long, value_enum, default_value = "qemu")]
    runner: Runner,
}

impl Args {
    fn wants(&self, suite: Suite) -> bool {
        self.suite.is_empty() || self.suite.contains(&suite)
    }

    /// The guests to run suites in.
    fn matrix(&self) -> Result<Vec<(Arch, Config)>> {
        let default = [
            (Arch::X86_64, Config::Stock),
            (Arch::Arm64, Config::Stock),
            (Arch::X86_64, Config::Debug),
        ];
        if let (arch, Some(config)) = (self.arch, self.config) {
            let built = matches!(config, Config::Debug | Config::Kcsan);
            return match arch {
                Some(Arch::Arm64) if built => {
                    bail!("{} is a configuration of x86_64", config.name())
                }
                Some(arch) => Ok(vec![(arch, config)]),
                None if built => Ok(vec![(Arch::X86_64, config)]),
                None => Ok(Arch::ALL.map(|arch| (arch, config)).to_vec()),
            };
        }
        Ok(default
            .into_iter()
            .filter(|(arch, _)| self.arch.is_none_or(|a| a == *arch))
            .collect())
    }
}

pub fn main(args: Args) -> Result<ExitCode> {
    let ui = Ui::new();
    let matrix = args.matrix()?;
    if args.runner == Runner::Vng {
        let result = vng::run(&ui);
        survive(&ui, Place(Some((Arch::X86_64, Config::Stock))), result);
        return finish(&ui);
    }
    // What needs no guest runs with everything, or when asked for; the checks hold the unit tests.
    let everywhere = args.arch.is_none() && args.config.is_none();
    if args.suite.contains(&Suite::Host) {
        let result = host::run("host", &["lab"], &ui);
        survive(&ui, Place(None), result);
    }
    if args.suite.contains(&Suite::Check) || everywhere && args.wants(Suite::Check) {
        let result = host::run("check", &[], &ui);
        survive(&ui, Place(None), result);
    }
    // A guest with checkers is slow and mostly alone on its processor: it comes first, and the others go beside it.
    let (slow, quick): (Vec<_>, Vec<_>) = matrix.into_iter().partition(|m| job::instrumented(m.1));
    let parts = slow.into_iter().chain(quick);
    let parts =
        parts.flat_map(|place| [in_one_guest as Part, in_own_guests].map(|run| (place, run)));
    let parts = Mutex::new(parts);
    let next = || parts.lock().ok()?.next();
    thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                while let Some(((arch, config), run)) = next() {
                    let result = run(arch, config, &args, &ui);
                    survive(&ui, Place(Some((arch, config))), result);
                }
            });
        }
    });
    finish(&ui)
}

/// Whether it is a kernel of Debian's, which alone have all that most suites need.
fn has_all(config: Config) -> bool {
    matches!(config, Config::Stock | Config::Next)
}

/// What could not even start is a failure like any other, and the rest goes on.
fn survive(ui: &Ui, place: Place, result: Result<()>) {
    if let Err(error) = result {
        ui.case(
            place,
            "set-up",
            Case::new("set-up", false, format!("{error:#}")),
        );
    }
}

/// The wanted suites that share a guest of a kind, and those that take what these have made.
fn in_one_guest(arch: Arch, config: Config, args: &Args, ui: &Ui) -> Result<()> {
    let kunit = args.wants(Suite::Kunit) && matches!(config, Config::Debug | Config::Kcsan);
    let kmemleak = args.wants(Suite::Kmemleak) && config == Config::Debug;
    let debian = has_all(config);
    let reload = args.wants(Suite::Reload);
    let skip: &[&str] = if reload { &["reload"] } else { &[] };
    let mut sections: Vec<Box<dyn Section>> = Vec::new();
    let mut overlays = Vec::new();
    let mut append = Vec::new();
    for (suite, abi) in [
        (Suite::Kselftest, Abi::Native),
        (Suite::Kselftest32, Abi::Compat),
    ] {
        if args.wants(suite) && (debian || abi == Abi::Native) {
            overlays.push(kselftest::overlay(arch, config, abi)?);
            sections.push(Box::new(Kselftest::new(config, abi).without(skip)));
        }
    }
    if args.wants(Suite::Syscall) && debian {
        overlays.push(syscall::overlay(arch, config)?);
        append.extend(syscall::command_line(arch));
        sections.push(Box::new(Syscall::new(arch)));
    }
    if args.wants(Suite::AfUnixSelftests) && debian {
        let whole = args.suite.contains(&Suite::AfUnixSelftests);
        overlays.push(af_unix::overlay(arch, config)?);
        sections.push(Box::new(AfUnix::new(whole)));
    }
    if reload {
        if !args.wants(Suite::Kselftest) {
            overlays.push(kselftest::overlay(arch, config, Abi::Native)?);
        }
        sections.push(Box::new(reload::Reload::new(arch, config)));
    }
    if !sections.is_empty() || kunit || kmemleak {
        let mut job = Job::new(arch, config, &[]);
        job.kmemleak = kmemleak;
        // Each program has its own limit; this one is for a guest that is beyond any.
        job.timeout = Some(Duration::from_secs(5400));
        job.overlays = overlays;
        job.append = append;
        section::run(&job, &mut sections, ui, |log, place, ui| {
            if kunit {
                kunit::read(log, place, ui);
            }
            if kmemleak {
                kmemleak::read(log, place, ui);
            }
        })?;
    }
    if kmemleak {
        kmemleak::control(arch, config, ui)?;
    }
    if args.wants(Suite::Selinux) && debian {
        let mut job = Job::new(arch, config, &[]);
        job.append = vec![kselftest::WITH_SELINUX.into()];
        job.overlays = vec![kselftest::overlay(arch, config, Abi::Native)?];
        let mut sections: Vec<Box<dyn Section>> = vec![Box::new(Kselftest::of_selinux(config))];
        section::run(&job, &mut sections, ui, |_, _, _| {})?;
    }
    Ok(())
}

/// The wanted suites that have guests of their own.
fn in_own_guests(arch: Arch, config: Config, args: &Args, ui: &Ui) -> Result<()> {
    let debian = has_all(config);
    if args.wants(Suite::Guard) && debian {
        guard::run(arch, config, ui)?;
    }
    if args.wants(Suite::Install) && debian {
        install::run(arch, config, ui)?;
    }
    // Its compilers run on an emulated processor: it takes more than an hour.
    if args.suite.contains(&Suite::Debian) && (arch, config) == (Arch::X86_64, Config::Stock) {
        debian::run(arch, config, ui)?;
    }
    // With checkers it takes half an hour: only who asks for it gets that.
    let asked = debian || args.suite.contains(&Suite::Programs);
    if args.wants(Suite::Programs) && asked && arch == Arch::X86_64 {
        programs::run(arch, config, ui)?;
    }
    if args.wants(Suite::Bench) && config == Config::Stock {
        bench::run(arch, ui)?;
    }
    // Minutes on a busy machine: only who asks for it gets it.
    if args.suite.contains(&Suite::Bench) && job::instrumented(config) {
        bench::load(arch, config, ui)?;
    }
    if args.wants(Suite::Trace) && config == Config::Stock {
        trace::run(arch, ui)?;
    }
    Ok(())
}

fn finish(ui: &Ui) -> Result<ExitCode> {
    ui.save()?;
    let sum = ui.sum();
    let ran = sum.passed + sum.failed > 0;
    if !ran {
        ui.note(
            Place(None),
            "test",
            "no test ran: these suites have nothing to do there",
        );
    }
    println!(
        "{} passed, {} failed, {} skipped",
        sum.passed, sum.failed, sum.skipped
    );
    Ok(if ran && sum.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(arch: Option<Arch>, config: Option<Config>) -> Args {
        Args {
            arch,
            config,
            suite: Vec::new(),
            runner: Runner::Qemu,
        }
    }

    #[test]
    fn the_matrix() {
        use {Arch::*, Config::*};
        assert_eq!(
            args(None, None).matrix().unwrap(),
            [(X86_64, Stock), (Arm64, Stock), (X86_64, Debug)]
        );
        assert_eq!(args(Some(Arm64), None).matrix().unwrap(), [(Arm64, Stock)]);
        assert_eq!(
            args(Some(X86_64), None).matrix().unwrap(),
            [(X86_64, Stock), (X86_64, Debug)]
        );
        assert_eq!(
            args(None, Some(Stock)).matrix().unwrap(),
            [(X86_64, Stock), (Arm64, Stock)]
        );
        assert_eq!(args(None, Some(Kcsan)).matrix().unwrap(), [(X86_64, Kcsan)]);
        assert!(args(Some(Arm64), Some(Debug)).matrix().is_err());
    }

    #[test]
    fn suites_can_be_chosen() {
        let mut args = args(None, None);
        assert!(args.wants(Suite::Guard) && args.wants(Suite::Host));
        args.suite = vec![Suite::Guard];
        assert!(args.wants(Suite::Guard) && !args.wants(Suite::Host));
    }
}
