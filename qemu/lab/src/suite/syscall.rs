// SPDX-License-Identifier: GPL-2.0
//! The socket calls at the instruction (selftests/syscall): one source of cases, built by clang for each ABI that a
//! guest's kernel runs.
//!
//! Nothing may be skipped here, and every ABI must report: a kernel without one of them would go unnoticed.

use std::path::PathBuf;

use anyhow::Result;

use super::kselftest;
use super::ktap::{Group, Reader, Style};
use super::report::{Case, Outcome, Place, Ui};
use super::section::Section;
use crate::artifacts::{self, Arch, Config};
use crate::cache;

const SUITE: &str = "syscall";

/// Where the collections are below the guest's root.
const GUEST: &str = "/syscall";

/// Seconds that one program may take.
const LIMIT: u32 = 120;

/// The ABIs, the kernel's own first.
fn abis(arch: Arch) -> [&'static str; 3] {
    match arch {
        Arch::X86_64 => ["x86_64", "x32", "i386"],
        Arch::Arm64 => ["arm64", "arm", "thumb"],
    }
}

/// What the kernel must be told to run all of them.
pub fn command_line(arch: Arch) -> Option<String> {
    (arch == Arch::X86_64).then(|| "syscall.x32=y".into())
}

/// The directory whose content goes over a guest's root, with a collection for each ABI in it.
pub fn overlay(arch: Arch, config: Config) -> Result<PathBuf> {
    let build = artifacts::build_dir(arch, config)?;
    let overlay = build.join("overlay-syscall");
    cache::wipe(&overlay)?;
    let mut words = vec![
        format!("KSRC={}", artifacts::ksrc(config)?.display()),
        format!("ABIS={}", abis(arch).join(" ")),
        format!("OUTPUT={}", build.join("syscall").display()),
        format!("INSTALL_PATH={}{GUEST}", overlay.display()),
        "install".into(),
    ];
    let [native, others @ ..] = abis(arch);
    let headers = artifacts::headers(arch, config)?;
    words.push(format!("HEADERS_{native}={}", headers.display()));
    let headers = artifacts::headers32(arch, config)?;
    words.extend(others.map(|abi| format!("HEADERS_{abi}={}", headers.display())));
    kselftest::run_make(&artifacts::top()?.join("selftests/syscall"), arch, &words)?;
    Ok(overlay)
}

/// Runs the collections and counts their cases.
pub struct Syscall {
    abis: [&'static str; 3],
    reader: Reader,
    seen: Vec<String>,
}

impl Syscall {
    pub fn new(arch: Arch) -> Syscall {
        Syscall {
            abis: abis(arch),
            reader: Reader::new(Style::Kselftest),
            seen: Vec::new(),
        }
    }

    fn take(&mut self, mut group: Group, place: Place, ui: &Ui) {
        for case in &mut group.cases {
            if let Outcome::Skipped(why) = &case.outcome {
                case.diagnostics.push(format!("skipped: {why}"));
                case.outcome = Outcome::Failed;
            }
        }
        // "ABI: program"
        let name = group.name.replace(": ", "/");
        let abi = name.split('/').next().unwrap_or_default();
        if !self.seen.iter().any(|seen| seen == abi) {
            self.seen.push(abi.to_string());
        }
        ui.group(place, SUITE, &name, group.cases);
    }
}

impl Section for Syscall {
    fn suite(&self) -> &'static str {
        SUITE
    }

    fn script(&self) -> String {
        format!("cd {GUEST} && ./run_kselftest.sh -o {LIMIT}")
    }

    fn line(&mut self, line: &str, place: Place, ui: &Ui) {
        if let Some(group) = self.reader.line(line) {
            self.take(group, place, ui);
        }
    }

    fn end(&mut self, status: i32, place: Place, ui: &Ui) {
        let missing = self.reader.missing();
        if missing > 0 {
            let told = format!("{missing} planned programs did not report");
            ui.case(place, SUITE, Case::new("runner", false, told));
        }
        for abi in self.abis {
            if !self.seen.iter().any(|seen| seen == abi) {
                let told = format!("no test ran (status {status})");
                ui.case(place, SUITE, Case::new(abi, false, told));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::report::Sum;

    fn run(lines: &str) -> Sum {
        let (mut section, ui) = (Syscall::new(Arch::X86_64), Ui::new());
        lines
            .lines()
            .for_each(|l| section.line(l, Place(None), &ui));
        section.end(0, Place(None), &ui);
        ui.sum()
    }

    const ALL: &str =
        "1..3\nok 1 selftests: x86_64: a\nok 2 selftests: x32: a\nok 3 selftests: i386: a\n";

    #[test]
    fn every_abi_must_report() {
        assert_eq!(
            run(ALL),
            Sum {
                passed: 3,
                ..Sum::default()
            }
        );
        let two = ALL.replace("i386", "x32");
        assert_eq!(run(&two).failed, 1);
        assert_eq!(run("").failed, 3);
    }

    #[test]
    fn what_is_skipped_has_failed() {
        let skipped = ALL.replace("x32: a", "x32: a # SKIP no such family");
        assert_eq!(run(&skipped).failed, 1);
    }
}
