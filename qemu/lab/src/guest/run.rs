// SPDX-License-Identifier: GPL-2.0
//! `lab run`, which is `qemu/run`: one command in a guest, its output and its exit status.

use std::fs;
use std::io::{stderr, stdout, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{bail, Context, Result};

use super::{boot, End, Job, Record};
use crate::artifacts::{Arch, Config};

/// The kernel's log holds a report.
pub const REPORTED: u8 = 99;
/// The module did not load, or did not unload after everything that used it was killed.
pub const MODULE: u8 = 98;
/// The guest hung and was killed, or ended before its command did.
pub const HUNG: u8 = 97;

/// Boots a guest with the module loaded and runs CMD in it
///
/// CMD's output goes to stdout and its exit status is returned (128+n when signal n killed it). Beyond that: 99 when the kernel's
/// log shows a warning, an oops or a checker's report, whatever the command said; 98 when the module does not load or unload; 97
/// when the guest hangs or dies.
#[derive(clap::Args)]
pub struct Args {
    #[arg(long, value_enum, default_value = "x86_64")]
    arch: Arch,
    #[arg(long, value_enum, default_value = "stock")]
    config: Config,
    /// Count instructions instead of time; runs repeat exactly
    #[arg(long)]
    icount: bool,
    /// Processors [default: 2]
    #[arg(long, value_name = "N")]
    smp: Option<u32>,
    /// Memory in MiB [default: 1024; 2048 on debug and kcsan]
    #[arg(long, value_name = "MIB")]
    mem: Option<u32>,
    /// Copy this directory's content over the guest's root
    #[arg(long, value_name = "DIR")]
    overlay: Vec<PathBuf>,
    /// Share this directory, read and write, at /mnt
    #[arg(long, value_name = "DIR")]
    share: Option<PathBuf>,
    /// Leave /lib/modules/qsock.ko unloaded
    #[arg(long)]
    no_module: bool,
    /// Parameters to load the module with
    #[arg(
        long,
        value_name = "PARAMS",
        allow_hyphen_values = true,
        conflicts_with = "no_module"
    )]
    module_args: Option<String>,
    /// More of the kernel's command line
    #[arg(long, value_name = "WORDS", allow_hyphen_values = true)]
    append: Vec<String>,
    /// Kill the guest after so many seconds [default: 600; 1800 on debug and kcsan; none for a shell]
    #[arg(long, value_name = "S")]
    timeout: Option<u64>,
    /// Look for leaked memory after the module is unloaded (debug)
    #[arg(long)]
    kmemleak: bool,
    /// Write the kernel's log there
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Give CMD this terminal; a shell when there is no CMD
    #[arg(long, alias = "shell")]
    tty: bool,
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "CMD"
    )]
    command: Vec<String>,
}

impl Args {
    fn job(&self) -> Result<Job> {
        let command: Vec<&str> = match (self.command.is_empty(), self.tty) {
            (false, _) => self.command.iter().map(String::as_str).collect(),
            (true, true) => vec!["sh"],
            (true, false) => bail!("no command: give one after --, or --tty for a shell"),
        };
        let mut job = Job::new(self.arch, self.config, &command);
        job.icount = self.icount;
        job.smp = self.smp.unwrap_or(job.smp);
        job.mem = self.mem.unwrap_or(job.mem);
        job.overlays = self.overlay.clone();
        job.share = self.share.clone();
        job.module = (!self.no_module).then(|| self.module_args.clone().unwrap_or_default());
        job.append = self.append.clone();
        job.interactive = self.tty;
        job.kmemleak = self.kmemleak;
        if self.tty {
            job.timeout = None;
        }
        job.timeout = self.timeout.map(Duration::from_secs).or(job.timeout);
        Ok(job)
    }
}

pub fn main(args: Args) -> Result<ExitCode> {
    let job = args.job()?;
    if job.interactive {
        eprintln!("qsock: booting a guest for its shell; `exit` ends both");
    }
    let record = boot(&job, &mut stdout())?;
    if let Some(file) = &args.log {
        fs::write(file, record.log.join("\n") + "\n")
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    stderr().write_all(explain(&record).as_bytes())?;
    Ok(ExitCode::from(verdict(&record)))
}

/// The exit status of `lab run`.
pub fn verdict(record: &Record) -> u8 {
    match (record.status, &record.end) {
        _ if !record.reports.is_empty() => REPORTED,
        _ if record.load_failed || record.unload_failed => MODULE,
        (Some(status), End::PoweredOff) => u8::try_from(status).unwrap_or(HUNG),
        _ => HUNG,
    }
}

/// What the user must read when the run was not clean; empty when it was.
pub fn explain(record: &Record) -> String {
    let mut text = String::new();
    for report in &record.reports {
        text += &format!("qsock: the guest's kernel log: {}\n", report.kind);
        text.extend(report.lines.iter().map(|line| format!("    {line}\n")));
    }
    let tail = match &record.end {
        End::PoweredOff => record.load_failed || record.unload_failed,
        _ => true,
    };
    if tail && record.reports.is_empty() {
        text += "qsock: the guest's last lines:\n";
        let from = record.log.len().saturating_sub(20);
        text.extend(
            record.log[from..]
                .iter()
                .map(|line| format!("    {line}\n")),
        );
    }
    match &record.end {
        End::PoweredOff if record.load_failed => text += "qsock: the module does not load\n",
        End::PoweredOff if record.unload_failed => {
            text += "qsock: the module is still in use after every process was killed\n"
        }
        End::PoweredOff => {}
        End::Died(why) => {
            text += &format!("qsock: the guest ended before its command did: {why}\n")
        }
        End::Silent(time) => {
            text += &format!(
                "qsock: no sign of life for {} s: the guest was killed\n",
                time.as_secs()
            )
        }
        End::TimedOut(time) => {
            text += &format!(
                "qsock: not done after {} s: the guest was killed\n",
                time.as_secs()
            )
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::klog::Report;

    fn record(end: End, status: Option<i32>) -> Record {
        let log = vec!["[ 1.0] last words".to_string()];
        let (boot, total) = (None, Duration::ZERO);
        Record {
            end,
            status,
            load_failed: false,
            unload_failed: false,
            reports: Vec::new(),
            log,
            boot,
            total,
        }
    }

    #[test]
    fn a_clean_run_returns_the_commands_status_and_says_nothing() {
        for status in [0, 7, 137, 255] {
            let record = record(End::PoweredOff, Some(status));
            assert_eq!(i32::from(verdict(&record)), status);
            assert_eq!(explain(&record), "");
        }
    }

    #[test]
    fn a_report_outranks_the_status() {
        let mut record = record(End::PoweredOff, Some(0));
        record.reports.push(Report {
            kind: "KASAN",
            at: 0,
            lines: vec!["BUG: KASAN: x".into()],
        });
        assert_eq!(verdict(&record), REPORTED);
        assert!(explain(&record).contains("BUG: KASAN: x"));
    }

    #[test]
    fn modules_and_hangs_have_statuses_of_their_own() {
        let mut stuck = record(End::PoweredOff, Some(0));
        stuck.unload_failed = true;
        assert_eq!(verdict(&stuck), MODULE);
        let mut bad = record(End::PoweredOff, None);
        bad.load_failed = true;
        assert_eq!(verdict(&bad), MODULE);
        for end in [
            End::TimedOut(Duration::from_secs(9)),
            End::Silent(Duration::from_secs(9)),
            End::Died("x".into()),
        ] {
            let hung = record(end, Some(0));
            assert_eq!(verdict(&hung), HUNG);
            assert!(explain(&hung).contains("last words"));
        }
    }
}
