// SPDX-License-Identifier: GPL-2.0
//! The kselftests under virtme-ng: the stock kernel on the build root's own file system, and `make run_tests` there.
//!
//! It is the second way into a guest, with nothing of the lab in it but the module and the verdict on the kernel log,
//! which comes on vng's stderr (--verbose) while the command's output comes on its stdout.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result};

use super::kselftest::{self, Abi, Kselftest};
use super::report::{self, Case, Place, Ui};
use super::section::Section;
use crate::artifacts::{self, Arch, Config};
use crate::guest::{job, klog::Scanner, machine, process, quote};

const SUITE: &str = "vng";
const PLACE: Place = Place(Some((Arch::X86_64, Config::Stock)));

/// Seconds for the whole run.
const LIMIT: &str = "1500";

pub fn run(ui: &Ui) -> Result<()> {
    let (arch, config) = (Arch::X86_64, Config::Stock);
    let module = artifacts::module(arch, config)?;
    kselftest::make(arch, config, Abi::Native, &["all".into()])?;
    // virtme's init cannot make a directory in the root that it serves.
    if let Err(error) = fs::create_dir_all("/usr/lib/modules") {
        ui.note(PLACE, SUITE, &format!("no place for modules: {error}"));
    }
    let script = script(&module)?;

    let mut vng = Command::new("timeout");
    vng.args([
        "--kill-after=10",
        LIMIT,
        "vng",
        "--verbose",
        "--user",
        "root",
    ]);
    vng.args(["--cpus", "2", "--memory", "2G"]);
    if !machine::kvm(arch) {
        vng.arg("--disable-kvm");
    }
    vng.arg("--run")
        .arg(artifacts::image(arch, config)?)
        .arg("--exec")
        .arg(&script);
    vng.stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    ui.note(PLACE, SUITE, "booting");
    // timeout(1) passes SIGTERM on to QEMU and virtiofsd.
    let mut child = process::bound_by(&mut vng, nix::sys::signal::Signal::SIGTERM)
        .spawn()
        .context("cannot run vng")?;
    let console = child
        .stderr
        .take()
        .map(|stderr| thread::spawn(move || lines(stderr)));
    let mut section = Kselftest::new(config, Abi::Native);
    let mut output = Vec::new();
    for line in child
        .stdout
        .take()
        .map(BufReader::new)
        .into_iter()
        .flat_map(|r| r.split(b'\n'))
    {
        let line = String::from_utf8_lossy(&line?).trim_end().to_string();
        section.line(&line, PLACE, ui);
        output.push(line);
    }
    let status = child.wait().context("cannot wait for vng")?;
    let log = console.and_then(|c| c.join().ok()).unwrap_or_default();
    report::keep_log(PLACE, "vng-kernel", &log)?;
    report::keep_log(PLACE, "vng-output", &output)?;
    section.end(status.code().unwrap_or(-1), PLACE, ui);
    ui.case(PLACE, SUITE, verdict(&log, status.success(), &output));
    Ok(())
}

/// What runs in the guest. Its file system is read-only but for what is mounted here; a checkout below
/// /tmp stays visible. udevd's own memory must not count as the tests'.
fn script(module: &Path) -> Result<String> {
    let word = |path: &Path| quote(&path.display().to_string());
    let make = kselftest::variables(Arch::X86_64, Config::Stock, Abi::Native)?;
    let (top, tests) = (artifacts::top()?, module.with_file_name("modules"));
    Ok(format!(
        "exec 2>&1\n\
         case {top} in /tmp/*) ;; *) mount -t tmpfs tmpfs /tmp ;; esac\n\
         mount -t tmpfs tmpfs /lib/modules && cp {module} {tests}/*.ko /lib/modules\n\
         udevadm control --exit\n\
         insmod {module} || exit\n\
         cd {top} && make -s -C selftests {make} run_tests\n\
         status=$?\n\
         rmmod qsock && exit $status\n",
        top = word(&top),
        module = word(module),
        tests = word(&tests),
        make = job::command_line(&make),
    ))
}

/// The run's own case: vng ended well, and the kernel log that it showed is one and is clean.
fn verdict(log: &[String], success: bool, output: &[String]) -> Case {
    let mut scanner = Scanner::default();
    log.iter().for_each(|line| scanner.line(line));
    let booted = log.iter().any(|l| l.contains("Linux version"));
    let mut told: Vec<String> = scanner
        .reports
        .iter()
        .flat_map(|r| r.lines.clone())
        .collect();
    if !booted {
        told.push("there is no kernel log".into());
    }
    if !success {
        told.extend(log.iter().rev().take(10).rev().cloned());
        told.extend(output.iter().rev().take(20).rev().cloned());
    }
    Case::new(
        "kernel log and exit status",
        booted && success && scanner.reports.is_empty(),
        told.join("\n"),
    )
}

fn lines(from: impl Read) -> Vec<String> {
    let lines = BufReader::new(from).split(b'\n').map_while(Result::ok);
    lines
        .map(|l| String::from_utf8_lossy(&l).trim_end().to_string())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::report::Outcome;

    #[test]
    fn a_run_needs_a_clean_log_and_a_good_end() {
        let log = |more: &[&str]| -> Vec<String> {
            ["[ 0.0] Linux version 7.2"]
                .iter()
                .chain(more)
                .map(|l| l.to_string())
                .collect()
        };
        assert_eq!(verdict(&log(&[]), true, &[]).outcome, Outcome::Passed);
        assert_eq!(verdict(&log(&[]), false, &[]).outcome, Outcome::Failed);
        assert_eq!(
            verdict(&log(&["[ 1.0] BUG: KASAN: x"]), true, &[]).outcome,
            Outcome::Failed
        );
        assert_eq!(verdict(&[], true, &[]).outcome, Outcome::Failed);
    }
}
