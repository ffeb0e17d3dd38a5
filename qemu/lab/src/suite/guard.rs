// SPDX-License-Identifier: GPL-2.0
//! Does `qemu/run` keep its promises? Each case is a boot, and its exit status is what a caller would see.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::report::{Case, Place, Ui};
use super::transfer::{self, Transfer};
use crate::artifacts::{Arch, Config};
use crate::guest::{self, Job, Record, HUNG, MODULE, REPORTED};

const SUITE: &str = "guard";

/// All cases of one architecture, on the stock kernel.
pub fn run(arch: Arch, config: Config, ui: &Ui) -> Result<()> {
    let mut guard = Guard { arch, config, ui };
    let boot = guard.exit_status_and_arguments()?;
    guard.signal()?;
    guard.warning()?;
    guard.panic()?;
    guard.load_failure()?;
    guard.hang(boot)?;
    guard.file()?;
    guard.same_initramfs()
}

struct Guard<'a> {
    arch: Arch,
    config: Config,
    ui: &'a Ui,
}

impl Guard<'_> {
    fn boot(
        &self,
        command: &[&str],
        change: impl FnOnce(&mut Job),
    ) -> Result<(u8, Record, String)> {
        let mut job = Job::new(self.arch, self.config, command);
        change(&mut job);
        let mut output = Vec::new();
        let record = guest::boot(&job, &mut output)?;
        Ok((
            guest::verdict(&record),
            record,
            String::from_utf8_lossy(&output).into_owned(),
        ))
    }

    fn case(&mut self, name: &str, passed: bool, told: String) {
        self.ui.case(
            Place(Some((self.arch, self.config))),
            SUITE,
            Case::new(name, passed, told),
        );
    }

    /// Says what came instead when a boot did not end with the status it should.
    fn status(&mut self, name: &str, expected: u8, got: &(u8, Record, String), and: bool) {
        let (status, record, output) = got;
        let told = format!(
            "expected status {expected}, got {status}; output: {output}\n{}",
            guest::explain(record)
        );
        self.case(name, *status == expected && and, told);
    }

    fn exit_status_and_arguments(&mut self) -> Result<Duration> {
        let words = ["a b", "it's", "\"$HOME\"", "two\nlines", "", "*"];
        let mut command = vec!["sh", "-c", "printf '<%s>' \"$@\"; exit 7", "sh"];
        command.extend(words);
        let got = self.boot(&command, |_| ())?;
        let expected: Vec<_> = words.iter().map(|w| format!("<{w}>")).collect();
        self.status("the command's exit status is returned", 7, &got, true);
        self.status(
            "arguments arrive unchanged",
            7,
            &got,
            got.2 == expected.concat(),
        );
        Ok(got.1.boot.unwrap_or(got.1.total))
    }

    fn signal(&mut self) -> Result<()> {
        let got = self.boot(&["sh", "-c", "kill -9 $$"], |_| ())?;
        self.status("a command that signal 9 kills returns 137", 137, &got, true);
        Ok(())
    }

    fn warning(&mut self) -> Result<()> {
        let got = self.boot(&["insmod", "/lib/modules/warn.ko"], |_| ())?;
        let warned = got.1.reports.iter().any(|r| r.kind == "warning");
        self.status("a module that warns fails the run", REPORTED, &got, warned);
        Ok(())
    }

    fn panic(&mut self) -> Result<()> {
        let got = self.boot(&["sh", "-c", "echo c >/proc/sysrq-trigger"], |_| ())?;
        let died = matches!(got.1.end, guest::End::Died(_));
        self.status("a kernel that panics fails the run", REPORTED, &got, died);
        Ok(())
    }

    fn load_failure(&mut self) -> Result<()> {
        // No kernel has that many families.
        let got = self.boot(&["echo", "ran"], |job| {
            job.module = Some("family=9999".into())
        })?;
        self.status(
            "a module that does not load fails the run before its command",
            MODULE,
            &got,
            got.2.is_empty(),
        );
        Ok(())
    }

    /// The guest gets time to boot, and is killed while its command sleeps.
    fn hang(&mut self, boot: Duration) -> Result<()> {
        let limit = boot * 2 + Duration::from_secs(4);
        let start = Instant::now();
        let got = self.boot(&["sh", "-c", "echo before; sleep 100000"], |job| {
            job.timeout = Some(limit)
        })?;
        let in_time = start.elapsed() < limit + Duration::from_secs(10);
        let told = guest::explain(&got.1).contains("last lines");
        self.status(
            "a guest that hangs is killed",
            HUNG,
            &got,
            in_time && told && got.2 == "before\n",
        );
        Ok(())
    }

    fn file(&mut self) -> Result<()> {
        let command = transfer::command();
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        let got = self.boot(&command, |_| ())?;
        let parsed = Transfer::parse(&got.2);
        let intact = parsed.as_ref().is_ok_and(Transfer::intact);
        self.status("a file of 64 MiB crosses a stream intact", 0, &got, intact);
        Ok(())
    }

    /// Two builds, with overlays of the same content that were made differently.
    fn same_initramfs(&mut self) -> Result<()> {
        let dir = tempfile::tempdir().context("cannot make a temporary directory")?;
        let make = |name: &str, files: &[&str], mode: u32| -> Result<String> {
            let overlay = dir.path().join(name);
            fs::create_dir_all(overlay.join("opt"))?;
            for file in files {
                write(&overlay.join(file), mode)?;
            }
            let mut job = Job::new(self.arch, self.config, &["true"]);
            job.overlays.push(overlay);
            guest::root_digest(&job)
        };
        let (one, two) = (
            make("one", &["opt/a", "opt/b"], 0o755)?,
            make("two", &["opt/b", "opt/a"], 0o711)?,
        );
        let other = make("three", &["opt/a"], 0o755)?;
        let told = format!("one build: {one}\nanother:   {two}\nwith one file less: {other}");
        self.case(
            "two builds of the initramfs are identical",
            one == two && one != other,
            told,
        );
        Ok(())
    }
}

fn write(path: &Path, mode: u32) -> Result<()> {
    fs::write(path, "#!/bin/sh\n")?;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(mode))?)
}
