// SPDX-License-Identifier: GPL-2.0
//! `lab bench`, which is `make bench`: what an operation costs on AF_QSOCK and on the transports beside it.
//!
//! Boots of the stock kernel in which the transports take turns ([`run`]): one that counts instructions and one that
//! takes the time; or a loop inside User Mode Linux ([`native`]). What they measured ([`figures`]) is held against what
//! [`cases`] demands and shown ([`table`], [`picture`], [`readme`]). [`budget`] is for the gate in `make test`.

mod budget;
mod cases;
mod figures;
mod native;
mod picture;
mod policy;
mod readme;
mod run;
mod table;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{ensure, Result};
use serde_json::{json, Value};

use crate::artifacts::{self, Arch, Config};
use crate::guest::machine;
use budget::Budgets;
pub use budget::Verdict;
use cases::Case;
use figures::{Figures, Instrument};
use run::{Plan, Transports};

/// Figures of a case and transport under icount, whose least is taken, and of time, whose ratios have a median.
const COUNTED: u32 = 5;
const TIMED: u32 = 21;

/// Compares the transports: instructions and time per operation
#[derive(clap::Args)]
pub struct Args {
    #[arg(long, value_enum, default_value = "x86_64")]
    arch: Arch,
    /// The cases: names such as stream/64 or seqpacket, `*` for anything in them
    #[arg(long, value_name = "CASES")]
    only: Option<String>,
    /// `update` takes the instructions for selftests/bench/budget.toml
    #[arg(long, value_name = "update", value_parser = ["update"])]
    budget: Option<String>,
    /// Inside User Mode Linux, at the speed of this machine's processor
    #[arg(long, conflicts_with = "budget")]
    native: bool,
}

pub fn main(args: Args) -> Result<ExitCode> {
    let chosen = cases::chosen(args.only.as_deref())?;
    let (native, guest): (Vec<&Case>, Vec<&Case>) = chosen.into_iter().partition(|c| c.native());
    if args.native {
        return in_user_mode(&native, args.arch, args.only.is_none());
    }
    ensure!(!guest.is_empty(), "these cases are for NATIVE=1");
    let arch = args.arch;
    let overlay = run::overlay(arch)?;
    let measure = |instrument, transports, rounds, cases: &[&'static Case]| {
        let plan = Plan {
            arch,
            config: Config::Stock,
            instrument,
            cases,
            rounds,
            transports,
        };
        run::measure(&plan, overlay.clone())
    };
    println!("counting instructions in a guest for {}", arch.name());
    let counted = measure(Instrument::Icount, Transports::All, COUNTED, &guest)?;
    println!("{}\n", heading(&counted, arch)?);
    print!("{}", table::print(&counted, &guest, arch));
    if args.budget.is_some() {
        let file = Budgets::update(&counted, &guest, arch)?;
        println!("\nthe budgets are in {}", file.display());
    }
    let mut rows = table::rows(&counted, &guest, arch);

    let timed: Vec<&Case> = guest.iter().copied().filter(|case| case.timed()).collect();
    if !timed.is_empty() {
        println!("\ntaking the time in a guest for {}", arch.name());
        let figures = measure(Instrument::Wall, Transports::Local, TIMED, &timed)?;
        println!("{}\n", heading(&figures, arch)?);
        print!("{}", table::print(&figures, &timed, arch));
        rows.extend(table::rows(&figures, &timed, arch));
    }

    let accel = if machine::kvm(arch) {
        "tcg,icount; kvm"
    } else {
        "tcg,icount; tcg"
    };
    let all = json!({
        "arch": arch.name(), "config": "stock", "accel": accel, "kernel": counted.kernel,
        "qemu": qemu(arch)?, "cpu": machine::model(arch), "rows": rows,
    });
    println!(
        "\nwritten to {}",
        write(&format!("{}.json", arch.name()), &all)?.display()
    );
    show(&counted, &guest, arch, args.only.is_none())?;
    // README.md has it for one architecture.
    let part = policy::part(&counted, &heading(&counted, arch)?);
    if let (Arch::X86_64, Some(part)) = (arch, part) {
        readme::update("policy", &part)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Draws the picture, and puts it and the table where the repository shows them if they are of all cases.
fn show(counted: &Figures, cases: &[&Case], arch: Arch, whole: bool) -> Result<()> {
    let title = format!(
        "Linux {}, {}: instructions on {}",
        counted.kernel,
        qemu(arch)?,
        machine::model(arch)
    );
    let Some(svg) = picture::draw(counted, &title)? else {
        return Ok(());
    };
    let file = artifacts::top()?.join(format!("build/bench/{}.svg", arch.name()));
    fs::write(&file, &svg)?;
    println!("drawn in {}", file.display());
    if whole {
        let shown = artifacts::top()?.join(format!("selftests/bench/{}.svg", arch.name()));
        let licence = "<!-- SPDX-License-Identifier: GPL-2.0 -->";
        fs::write(shown, format!("{licence}\n{svg}"))?;
        let (title, table) = (heading(counted, arch)?, readme::table(counted, cases, arch));
        readme::update(arch.name(), &format!("\n{title}.\n\n{table}\n"))?;
    }
    Ok(())
}

/// `make bench NATIVE=1`.
fn in_user_mode(cases: &[&Case], arch: Arch, whole: bool) -> Result<ExitCode> {
    ensure!(
        arch == Arch::X86_64,
        "NATIVE=1 is this machine's own processor: leave out ARCH="
    );
    ensure!(!cases.is_empty(), "no case of NATIVE=1 is chosen");
    let figures = native::measure()?;
    let title = format!(
        "User Mode Linux {} on {}: nanoseconds per block inside the kernel, medians",
        figures.kernel,
        native::processor()
    );
    println!("{title}\n");
    print!("{}", table::print(&figures, cases, arch));
    let all = json!({
        "arch": arch.name(), "config": "um", "accel": "native", "kernel": figures.kernel,
        "cpu": native::processor(), "rows": table::rows(&figures, cases, arch),
    });
    println!("\nwritten to {}", write("native.json", &all)?.display());
    if whole {
        let table = readme::table(&figures, cases, arch);
        readme::update("native", &format!("\n{title}.\n\n{table}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn write(name: &str, all: &Value) -> Result<PathBuf> {
    let dir = artifacts::top()?.join("build/bench");
    fs::create_dir_all(&dir)?;
    let file = dir.join(name);
    fs::write(&file, format!("{all:#}\n"))?;
    Ok(file)
}

/// The gate: counts the gated cases and holds them against their budgets. Err is a reason why it cannot judge.
pub fn gate(arch: Arch) -> Result<std::result::Result<Vec<Verdict>, String>> {
    let Some(budgets) = Budgets::load()? else {
        let reason = "there are no budgets yet: make bench BUDGET=update";
        return Ok(Err(reason.into()));
    };
    let cases: Vec<&Case> = cases::CASES.iter().filter(|case| case.gated()).collect();
    let plan = Plan {
        arch,
        config: Config::Stock,
        instrument: Instrument::Icount,
        cases: &cases,
        rounds: COUNTED,
        transports: Transports::Alone,
    };
    let figures = run::measure(&plan, run::overlay(arch)?)?;
    Ok(match budgets.unfit(arch, &figures.kernel) {
        Some(reason) => Err(reason),
        None => Ok(budgets.judge(&figures, &cases, arch)),
    })
}

/// Every case once on a kernel with checkers, as a load: what each took in nanoseconds, which nobody compares. Err too if
/// a checker reports.
pub fn load(arch: Arch, config: Config) -> Result<Vec<(String, Option<f64>)>> {
    let cases: Vec<&Case> = cases::CASES.iter().filter(|case| !case.native()).collect();
    let plan = Plan {
        arch,
        config,
        instrument: Instrument::Wall,
        cases: &cases,
        rounds: 1,
        transports: Transports::Load,
    };
    let figures = run::measure(&plan, run::bare_overlay(arch, config)?)?;
    let took = |case: &&Case| (case.id(), figures.of(&case.id(), "qsock"));
    Ok(cases.iter().map(took).collect())
}

/// What a table's figures were measured with.
fn heading(figures: &Figures, arch: Arch) -> Result<String> {
    let (with, cpu) = match figures.instrument {
        Instrument::Icount => (
            "instructions per operation under icount",
            machine::model(arch),
        ),
        _ if machine::kvm(arch) => ("nanoseconds per operation, KVM", "host"),
        _ => (
            "nanoseconds per operation, multi-threaded TCG",
            machine::model(arch),
        ),
    };
    let option = match figures.instrument {
        Instrument::Wall if run::emulated(arch) => format!(", {}", run::NO_PTI),
        _ => String::new(),
    };
    Ok(format!(
        "Linux {}{option}, {}, {cpu}, 2 processors: {with}; an empty system call is {:.0}",
        figures.kernel,
        qemu(arch)?,
        figures.null
    ))
}

/// QEMU's version.
fn qemu(arch: Arch) -> Result<String> {
    let out = Command::new(machine::program(arch))
        .arg("--version")
        .output()?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let version = text.split_whitespace().nth(3).unwrap_or("of no version");
    Ok(format!("QEMU {version}"))
}
