// SPDX-License-Identifier: GPL-2.0
//! `lab trace`, which is `make trace`: the way that one send and one receive really took, from the entry to the queue and
//! back.
//!
//! A guest's program (qemu/guest/qtrace.rs) makes the calls under function_graph; what rustc made, which that does
//! not see, is watched by selftests/modules/qprobe at the places that the module's debug information names
//! ([`dwarf`]). [`graph`] makes trees of it, [`source`] finds where the kernel's functions are, [`stage`] says what
//! part of the way each is. Nothing here knows which functions there should be: only which files are what.

mod dwarf;
mod graph;
mod show;
mod source;
mod stage;

use std::collections::BTreeSet;
use std::fs;
use std::process::ExitCode;

use anyhow::{bail, ensure, Result};
use clap::ValueEnum;

use crate::artifacts::{self, Arch, Config};
use crate::guest::{self, Job};
use dwarf::Places;
use graph::{Node, Output};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Type {
    Stream,
    Seqpacket,
    Dgram,
}

impl Type {
    fn number(self) -> u32 {
        match self {
            Type::Stream => 1,
            Type::Dgram => 2,
            Type::Seqpacket => 5,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Type::Stream => "stream",
            Type::Seqpacket => "seqpacket",
            Type::Dgram => "dgram",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Other {
    Unix,
}

/// Shows the way of one message through the kernel
#[derive(clap::Args)]
pub struct Args {
    #[arg(long, value_enum, default_value = "x86_64")]
    arch: Arch,
    /// The socket's type
    #[arg(long = "type", value_enum, default_value = "stream")]
    kind: Type,
    /// Bytes of the message
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=65536))]
    size: u32,
    /// Put another family's way beside it
    #[arg(long, value_enum)]
    against: Option<Other>,
    /// Show also what the scheduler, the memory management and the security modules call
    #[arg(long)]
    full: bool,
}

/// What stands before the other family's trace.
const UNIX: &str = "== family unix";

/// One family's two calls.
struct Way {
    family: &'static str,
    calls: [(&'static str, Node); 2],
}

pub fn main(args: Args) -> Result<ExitCode> {
    let top = artifacts::top()?;
    let overlay = top.join("build").join(args.arch.name()).join("trace");
    fs::create_dir_all(overlay.join("bin"))?;
    let program = guest::program(args.arch, "qemu/guest/qtrace.rs")?;
    fs::copy(&program, overlay.join("bin/qtrace"))?;
    artifacts::module(args.arch, Config::Stock)?;
    let module = artifacts::build_dir(args.arch, Config::Stock)?.join("module/src/qsock.ko");
    let mut places = Places::read(&module, &top)?;
    ensure!(
        !places.list.is_empty(),
        "the module has no debug information"
    );
    let first = places.list.len();
    let ksrc = artifacts::ksrc(Config::Stock)?;
    for file in stage::UNSEEN {
        places.add(source::all(&ksrc, file)?);
    }
    fs::write(overlay.join("probes"), places.table(0))?;
    fs::write(overlay.join("probes-kernel"), places.table(first))?;

    let (kind, size) = (args.kind.number(), args.size);
    let trace = |family: &str, probes: &str| {
        format!(
            "insmod /lib/modules/qprobe.ko && qtrace {family} {kind} {size} {probes} && rmmod qprobe || exit\n"
        )
    };
    let mut script =
        "mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null\nuname -r\n".to_string();
    script += &trace("$(cat /sys/module/qsock/parameters/family)", "/probes");
    if args.against.is_some() {
        script += &format!("echo '{UNIX}'\n{}", trace("1", "/probes-kernel"));
    }
    let mut job = Job::new(args.arch, Config::Stock, &["sh", "-c", &script]);
    job.overlays = vec![overlay];
    // A hook is loaded, so that the chain has something to ask.
    job.module = Some("selftest_hook=1".into());
    println!(
        "tracing one message in a guest for {}: a minute or two",
        args.arch.name()
    );
    let mut output = Vec::new();
    let record = guest::boot(&job, &mut output)?;
    let output = String::from_utf8_lossy(&output);
    let dir = top.join("build/trace");
    fs::create_dir_all(&dir)?;
    let stem = format!("{}-{}-{size}", args.arch.name(), args.kind.name());
    fs::write(dir.join(format!("{stem}.txt")), output.as_bytes())?;
    if guest::verdict(&record) != 0 {
        let from = output.len().saturating_sub(2000);
        print!(
            "{}{}",
            output.get(from..).unwrap_or(""),
            guest::explain(&record)
        );
        bail!("the trace failed");
    }
    let kernel = output.lines().next().unwrap_or("");
    let title = format!(
        "SOCK_{}, {size} bytes, Linux {kernel}",
        args.kind.name().to_uppercase()
    );

    let mut ways = Vec::new();
    for (part, family) in output.split(UNIX).zip(["AF_QSOCK", "AF_UNIX"]) {
        let read = Output::parse(part)?;
        for note in &read.notes {
            println!("{family}: {note}");
        }
        let sources = source::find(&ksrc, args.arch, &read.names())?;
        let send = read.tree("sendto", &places, &sources)?;
        let recv = read.tree("recvfrom", &places, &sources)?;
        ways.push(Way {
            family,
            calls: [("send", send), ("recv", recv)],
        });
    }
    print(&title, &ways, args.full);
    let mut trees = Vec::new();
    for way in &ways {
        for (call, tree) in &way.calls {
            trees.push((
                format!("{call}, {}", way.family),
                show::rows(tree, args.full),
            ));
        }
    }
    let picture = dir.join(format!("{stem}.svg"));
    fs::write(&picture, show::svg(&title, &trees))?;
    println!("written to {}", picture.display());
    let missing: Vec<_> = ways
        .iter()
        .flat_map(|way| missing(way, args.kind))
        .collect();
    ensure!(missing.is_empty(), "not seen: {}", missing.join(", "));
    Ok(ExitCode::SUCCESS)
}

fn print(title: &str, ways: &[Way], full: bool) {
    println!("\n{title}; durations in microseconds, with what tracing takes");
    for call in 0..2 {
        let lines = |way: &Way| {
            let (name, tree) = &way.calls[call];
            let mut lines = vec![format!("-- {name}, {}", way.family)];
            lines.extend(show::lines(&show::rows(tree, full)));
            lines
        };
        println!();
        let lines = match ways {
            [one] => lines(one),
            _ => show::beside(&lines(&ways[0]), &lines(&ways[1])),
        };
        lines
            .iter()
            .for_each(|line| println!("{}", line.trim_end()));
    }
    println!();
}

/// The stages that neither call passed, and that this type has: a datagram goes to its receiver's queue, over no
/// transport between two ends.
fn missing(way: &Way, kind: Type) -> Vec<String> {
    let mut seen = BTreeSet::new();
    for (_, tree) in &way.calls {
        tree.stages(&mut seen);
    }
    let wanted = |stage: &&&str| match way.family {
        "AF_QSOCK" => kind != Type::Dgram || **stage != "transport",
        _ => !stage::QSOCK_ONLY.contains(*stage),
    };
    stage::ALL
        .iter()
        .filter(wanted)
        .filter(|stage| !seen.contains(*stage))
        .map(|stage| format!("{stage} of {}", way.family))
        .collect()
}
