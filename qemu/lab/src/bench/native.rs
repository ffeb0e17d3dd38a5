// SPDX-License-Identifier: GPL-2.0
//! At the speed of the real processor: a loop inside User Mode Linux (selftests/modules/kbench), without system calls.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{ensure, Context, Result};

use super::figures::{Figures, Instrument, Row};
use crate::module::Target;
use crate::um;

const ROUNDS: u32 = 15;

/// Boots User Mode Linux and reads what its loop measured.
pub fn measure() -> Result<Figures> {
    // A fifo that is open for both serves as a pipe; the descriptor is the loading process's.
    let script = format!(
        "echo \"kernel: $(uname -r)\"\n\
         insmod /lib/qsock.ko || poweroff -f\n\
         mkfifo /fifo && exec 5<>/fifo\n\
         insmod /lib/kbench.ko family=$(cat /sys/module/qsock/parameters/family) pipe_fd=5 rounds={ROUNDS}\n\
         echo \"status: $?\""
    );
    let text = um::run(&Target::um()?, &script, Duration::from_secs(300))?;
    parse(&text)
}

/// The real processor's name.
pub fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let name = name.map(|name| name.trim_start_matches([' ', '\t', ':']));
    name.unwrap_or("a processor without a name").to_string()
}

fn parse(text: &str) -> Result<Figures> {
    let line = |key: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(key));
        found.map(str::trim)
    };
    let failed = || format!("the loop in User Mode Linux failed:\n{text}");
    ensure!(line("status: ") == Some("0"), failed());
    let kernel = line("kernel: ").with_context(failed)?.to_string();
    let mut rounds: BTreeMap<(u64, String), Vec<f64>> = BTreeMap::new();
    for line in text.lines() {
        // The log's time comes before.
        let Some((_, told)) = line.split_once("kbench: ") else {
            continue;
        };
        let words: Vec<&str> = told.split_whitespace().collect();
        let [size, transport, cost] = words[..] else {
            continue;
        };
        let size = size.parse().with_context(failed)?;
        let row = rounds.entry((size, transport.to_string())).or_default();
        row.push(cost.parse().with_context(failed)?);
    }
    let rows = rounds.into_iter().map(|((size, transport), rounds)| Row {
        id: format!("native/{size}"),
        transport,
        rounds,
    });
    Ok(Figures {
        instrument: Instrument::Native,
        kernel,
        null: 0.0,
        rows: rows.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_log_is_read() {
        let text = "kernel: 7.2.12-qsock-um\n[    0.1] kbench: 64 qsock 60.50\n[ 0.2] kbench: 64 unix 150.00\n\
                    [ 0.3] kbench: 64 qsock 61.50\n[ 0.4] kbench: 64 unix 150.00\nstatus: 0\n";
        let figures = parse(text).unwrap();
        assert_eq!(figures.kernel, "7.2.12-qsock-um");
        assert_eq!(figures.of("native/64", "qsock"), Some(61.0));
        assert!(parse(&text.replace("status: 0", "status: 1")).is_err());
        assert!(parse("Kernel panic").is_err());
    }
}
