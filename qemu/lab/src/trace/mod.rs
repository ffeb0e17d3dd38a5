// SPDX-License-Identifier: GPL-2.0
//! `lab trace`, which is `make trace`: the way that one send and one receive really took, from the entry to the queue and
//! back.
//!
//! A guest's program (qemu/guest/qtrace.rs) makes the calls under function_graph; what rustc made, which that does
//! not see, is watched by selftests/modules/qprobe at the places that the module's debug information names
//! ([`dwarf`], [`places`]). [`record`] boots the guest; [`graph`] makes trees of what it says, [`source`] finds where the kernel's
//! functions are, [`stage`] says what part of the way each is, [`way`] which parts were passed. Nothing here knows which
//! functions there should be: only which files are what.

mod dwarf;
mod graph;
mod places;
mod record;
mod show;
mod source;
mod stage;
mod way;

use std::fs;
use std::process::ExitCode;

use anyhow::{ensure, Result};
use clap::ValueEnum;

use crate::artifacts::{self, Arch};
use record::Wish;
use way::Way;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Type {
    Stream,
    Seqpacket,
    Dgram,
}

impl Type {
    pub const ALL: [Type; 3] = [Type::Stream, Type::Seqpacket, Type::Dgram];

    fn number(self) -> u32 {
        match self {
            Type::Stream => 1,
            Type::Dgram => 2,
            Type::Seqpacket => 5,
        }
    }

    pub fn name(self) -> &'static str {
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Hook {
    /// The module's own, which counts what it sees
    Selftest,
    /// Nobody asks for anything
    None,
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
    /// The policy's hook that is loaded
    #[arg(long, value_enum, default_value = "selftest")]
    hook: Hook,
    /// Show also what the scheduler, the memory management and the security modules call
    #[arg(long)]
    full: bool,
}

pub fn main(args: Args) -> Result<ExitCode> {
    println!(
        "tracing one message in a guest for {}: a minute or two",
        args.arch.name()
    );
    let hook = args.hook == Hook::Selftest;
    let wish = Wish {
        arch: args.arch,
        kinds: &[args.kind],
        size: args.size,
        unix: args.against.is_some(),
        hook,
    };
    let (kernel, ways) = record::ways(&wish)?;
    let title = format!(
        "SOCK_{}, {} bytes, Linux {kernel}",
        args.kind.name().to_uppercase(),
        args.size
    );
    print(&title, &ways, args.full);
    let calls: Vec<Vec<_>> = (0..2)
        .map(|call| ways.iter().map(|way| tree(way, call, args.full)).collect())
        .collect();
    let dir = artifacts::top()?.join("build/trace");
    let stem = format!("{}-{}-{}", args.arch.name(), args.kind.name(), args.size);
    let picture = dir.join(format!("{stem}.svg"));
    fs::write(&picture, show::svg(&title, &calls))?;
    println!("written to {}", picture.display());
    let faults: Vec<_> = ways.iter().flat_map(|way| way.faults(hook)).collect();
    ensure!(faults.is_empty(), "{}", faults.join("; "));
    Ok(ExitCode::SUCCESS)
}

/// Every type's two calls in one boot: their names, and what is wrong with each.
pub fn gate(arch: Arch) -> Result<Vec<(String, Option<String>)>> {
    let wish = Wish {
        arch,
        kinds: &Type::ALL,
        size: 64,
        unix: false,
        hook: true,
    };
    let (_, ways) = record::ways(&wish)?;
    ensure!(ways.len() == Type::ALL.len(), "not every type was traced");
    let calls = ways.iter().flat_map(|way| [(way, 0), (way, 1)]);
    Ok(calls
        .map(|(way, call)| {
            let name = format!("{}: {}", way.kind.name(), way.calls[call].0);
            (name, way.fault(call, true))
        })
        .collect())
}

fn tree(way: &Way, call: usize, full: bool) -> show::Tree {
    let (name, tree) = &way.calls[call];
    (format!("{name}, {}", way.family), show::rows(tree, full))
}

fn print(title: &str, ways: &[Way], full: bool) {
    println!("\n{title}; durations in microseconds, with what tracing takes and without sleep");
    for call in 0..2 {
        let lines = |way: &Way| {
            let (name, rows) = tree(way, call, full);
            let mut lines = vec![format!("-- {name}")];
            lines.extend(show::lines(&rows));
            lines
        };
        println!();
        let lines = match ways {
            [one] => lines(one),
            _ => show::beside(&lines(&ways[0]), &lines(&ways[1])),
        };
        let of_stages = ways.iter().flat_map(|way| way.told(call));
        lines
            .into_iter()
            .chain(of_stages)
            .for_each(|line| println!("{}", line.trim_end()));
    }
    println!();
    // The same of all: they share a boot and its probes.
    for remark in ways.iter().take(1).flat_map(Way::remarks) {
        println!("{remark}");
    }
}
