// SPDX-License-Identifier: GPL-2.0
//! `lab bench`, which is `make bench`: what an operation costs beside AF_UNIX and a pipe, in instructions.
//!
//! One boot of the stock kernel under icount, in which the transports take turns. The counter is checked against a
//! loop of known length; the guest settles before the first figure, which costs nothing under icount.

use std::collections::BTreeMap;
use std::fs;
use std::process::ExitCode;

use anyhow::{bail, ensure, Context, Result};
use serde_json::json;

use crate::artifacts::{self, Arch, Config};
use crate::guest::{self, Job};

/// Instructions of qbench's loop of known length.
const KNOWN: f64 = 2_000_000.0;

/// Compares the transports in a guest that counts instructions
#[derive(clap::Args)]
pub struct Args {
    #[arg(long, value_enum, default_value = "x86_64")]
    arch: Arch,
}

pub fn main(args: Args) -> Result<ExitCode> {
    let top = artifacts::top()?;
    let overlay = top.join("build").join(args.arch.name()).join("bench");
    fs::create_dir_all(overlay.join("bin"))?;
    let program = guest::program(args.arch, "selftests/bench/qbench.rs")?;
    fs::copy(&program, overlay.join("bin/qbench"))?;

    let script = "uname -r; exec qbench $(cat /sys/module/qsock/parameters/family) 20 3";
    let mut job = Job::new(args.arch, Config::Stock, &["sh", "-c", script]);
    job.icount = true;
    job.overlays = vec![overlay];
    println!(
        "counting instructions in a guest for {}: a minute or two",
        args.arch.name()
    );
    let mut output = Vec::new();
    let record = guest::boot(&job, &mut output)?;
    let output = String::from_utf8_lossy(&output);
    if guest::verdict(&record) != 0 {
        print!("{output}{}", guest::explain(&record));
        bail!("the bench failed");
    }
    let table = Table::parse(&output)?;
    table.print();
    let dir = top.join("build/bench");
    fs::create_dir_all(&dir)?;
    let file = dir.join(format!("{}.json", args.arch.name()));
    fs::write(&file, table.json(args.arch))?;
    println!("written to {}", file.display());
    Ok(ExitCode::SUCCESS)
}

/// Instructions per operation, by case and size, then by transport.
struct Table {
    kernel: String,
    null: f64,
    rows: BTreeMap<(String, u64), BTreeMap<String, f64>>,
}

impl Table {
    /// Reads qbench's lines, and turns its ticks into instructions.
    fn parse(output: &str) -> Result<Table> {
        let mut lines = output.lines();
        let kernel = lines.next().context("the bench said nothing")?.to_string();
        let mut rows: BTreeMap<(String, u64), BTreeMap<String, f64>> = BTreeMap::new();
        let (mut scale, mut null) = (0.0, 0.0);
        for line in lines {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [case, size, transport, ticks] = words[..] else {
                bail!("the bench said: {line}");
            };
            let ticks: f64 = ticks.parse()?;
            match case {
                "calibrate" => scale = KNOWN / ticks,
                "null" => null = ticks * scale,
                _ => {
                    let row = rows.entry((case.to_string(), size.parse()?)).or_default();
                    row.insert(transport.to_string(), ticks * scale);
                }
            }
        }
        ensure!(
            scale > 0.0 && !rows.is_empty(),
            "the bench did not finish:\n{output}"
        );
        Ok(Table { kernel, null, rows })
    }

    fn print(&self) {
        println!(
            "Linux {}, QEMU under icount: instructions per operation (an empty system call: {:.0})",
            self.kernel, self.null
        );
        println!(
            "{:<12}{:>8}{:>10}{:>10}{:>10}{:>14}{:>14}",
            "case", "bytes", "qsock", "unix", "pipe", "qsock/unix", "qsock/pipe"
        );
        for ((case, size), row) in &self.rows {
            let of = |name: &str| row.get(name).copied().unwrap_or(f64::NAN);
            let (qsock, unix, pipe) = (of("qsock"), of("unix"), of("pipe"));
            println!(
                "{case:<12}{size:>8}{qsock:>10.0}{unix:>10.0}{pipe:>10.0}{:>14.2}{:>14.2}",
                qsock / unix,
                qsock / pipe
            );
        }
    }

    fn json(&self, arch: Arch) -> String {
        let rows: Vec<_> = self
            .rows
            .iter()
            .flat_map(|((case, size), row)| {
                row.iter().map(move |(transport, per_op)| {
                    json!({
                        "case": case, "transport": transport, "size": size,
                        "instrument": "icount", "per_op": per_op,
                        "ratio_unix": row.get("unix").map(|unix| per_op / unix),
                    })
                })
            })
            .collect();
        let all = json!({
            "arch": arch.name(), "config": "stock", "accel": "tcg,icount", "kernel": self.kernel, "rows": rows,
        });
        format!("{all:#}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_become_instructions() {
        let table = Table::parse(
            "7.2.12\ncalibrate 0 loop 1000000\nnull 0 system-call 50\nsend+recv 64 unix 10\n",
        )
        .unwrap();
        assert_eq!(table.null, 100.0);
        assert_eq!(table.rows[&("send+recv".to_string(), 64)]["unix"], 20.0);
    }

    #[test]
    fn a_bench_that_did_not_finish_is_no_table() {
        assert!(Table::parse("7.2.12\ncalibrate 0 loop 1000000\n").is_err());
        assert!(Table::parse("7.2.12\nqbench: no such family\n").is_err());
    }
}
