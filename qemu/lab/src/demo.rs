// SPDX-License-Identifier: GPL-2.0
//! `lab demo`, which is `make run`: a file crosses a queue socket between two processes, and what one sees of it; then
//! the same under a policy that forbids it.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::artifacts::{self, Arch, Config};
use crate::guest::{self, Job};
use crate::suite::transfer::{self, Transfer};

/// Boots a guest, loads the module, and moves a file through it
#[derive(clap::Args)]
pub struct Args {
    #[arg(long, value_enum, default_value = "x86_64")]
    arch: Arch,
    #[arg(long, value_enum, default_value = "stock")]
    config: Config,
}

pub fn main(args: Args) -> Result<ExitCode> {
    let module = artifacts::module(args.arch, args.config)?;
    let size = std::fs::metadata(&module)?.len().div_ceil(1024);
    println!(
        "booting a guest for {} and moving {} MiB from one process to another",
        args.arch.name(),
        transfer::SIZE
    );
    let mut job = Job::new(args.arch, args.config, &[]);
    let transfer = transfer::command().join(" ");
    job.command = ["sh", "-c", &format!("{transfer} && qsock-denied")]
        .map(String::from)
        .to_vec();
    let mut output = Vec::new();
    let record = guest::boot(&job, &mut output)?;
    let output = String::from_utf8_lossy(&output);
    let verdict = guest::verdict(&record);
    if verdict != 0 {
        print!("{output}{}", guest::explain(&record));
        println!("qsock run: FAILED (status {verdict})");
        return Ok(ExitCode::from(verdict));
    }
    let told = Transfer::parse(&output)?;
    let boot = record.boot.unwrap_or_default();
    println!(
        "  kernel    Linux {}, booted in {:.1} s",
        told.kernel,
        boot.as_secs_f32()
    );
    println!(
        "  module    qsock.ko, {size} KiB, registered family {}",
        told.family
    );
    println!("  sender    {}", told.sender);
    println!("            sha256 {}", told.sender_sum);
    println!("  receiver  {}", told.receiver);
    println!("            sha256 {}", told.receiver_sum);
    if !told.intact() {
        println!("qsock run: FAILED (what was received is not what was sent)");
        return Ok(ExitCode::FAILURE);
    }
    let get = |key: &str| {
        let value = output.lines().find_map(|line| line.strip_prefix(key));
        let value = value.map(str::trim);
        value.with_context(|| format!("the guest told no {key}; it said:\n{output}"))
    };
    println!("  policy    {}", get("rule ")?);
    println!("  sender    {}", get("refused ")?);
    println!("  receiver  received {} bytes", get("arrived ")?);
    println!("  audit     {}", get("audit ")?);
    if get("arrived ")? != "0" || !get("audit ")?.contains("qsock=denied") {
        println!("qsock run: FAILED (the policy did not keep the transfer back)");
        return Ok(ExitCode::FAILURE);
    }
    println!(
        "  module unloaded, the kernel's log holds no report, guest off after {:.1} s",
        record.total.as_secs_f32()
    );
    println!("qsock run: OK");
    Ok(ExitCode::SUCCESS)
}
