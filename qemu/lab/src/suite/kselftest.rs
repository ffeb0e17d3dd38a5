// SPDX-License-Identifier: GPL-2.0
//! The kselftest collection in selftests/: built and installed by the kernel's lib.mk, run by its run_kselftest.sh.

use std::path::PathBuf;

use anyhow::{ensure, Context, Result};

use super::ktap::{Reader, Style};
use super::report::{Case, Place, Ui};
use super::section::Section;
use crate::artifacts::{self, Arch, Config};
use crate::cache;
use crate::guest::job::instrumented;

/// Where the collection is below the guest's root.
pub const GUEST: &str = "/kselftest";

/// The directory whose content goes over a guest's root, with the collection in it.
pub fn overlay(arch: Arch, config: Config) -> Result<PathBuf> {
    let overlay = artifacts::build_dir(arch, config)?.join("overlay");
    // What an earlier build installed and this one does not must not run.
    let place = overlay.join(GUEST.trim_start_matches('/'));
    match std::fs::remove_dir_all(&place) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            return Err(e).context(format!("cannot remove {}", place.display()))
        }
        _ => {}
    }
    make(
        arch,
        config,
        &[
            format!("INSTALL_PATH={}", place.display()),
            "install".into(),
        ],
    )?;
    Ok(overlay)
}

/// Where the collection's programs are built.
pub fn output(arch: Arch) -> Result<PathBuf> {
    Ok(artifacts::top()?
        .join("build")
        .join(arch.name())
        .join("selftests"))
}

/// make in selftests/ for an architecture.
pub fn make(arch: Arch, config: Config, goals: &[String]) -> Result<()> {
    let build = artifacts::top()?.join("build").join(arch.name());
    std::fs::create_dir_all(&build).with_context(|| format!("cannot make {}", build.display()))?;
    let _lock = cache::lock(&build.join("selftests.lock"), "the selftests")?;
    let mut make = artifacts::bare_make();
    make.arg("-C").arg(artifacts::top()?.join("selftests"));
    make.args(variables(arch, config)?).args(goals);
    let out = make.output().context("cannot run make")?;
    let told =
        String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    ensure!(out.status.success(), "the selftests do not build:\n{told}");
    Ok(())
}

pub fn variables(arch: Arch, config: Config) -> Result<Vec<String>> {
    Ok(vec![
        format!("KSRC={}", artifacts::ksrc(config)?.display()),
        format!("CC={}", artifacts::cross(arch).cc),
        format!("OUTPUT={}", output(arch)?.display()),
    ])
}

/// Runs the installed collection and counts its subtests.
pub struct Kselftest {
    reader: Reader,
    groups: usize,
    failed: bool,
    /// Seconds that one program may take.
    limit: u32,
    /// Programs that are left out.
    without: &'static [&'static str],
}

impl Kselftest {
    pub fn new(config: Config) -> Kselftest {
        let limit = if instrumented(config) { 900 } else { 300 };
        Kselftest {
            reader: Reader::new(Style::Kselftest),
            groups: 0,
            failed: false,
            limit,
            without: &[],
        }
    }

    /// Leaves programs out that another suite of the same boot runs.
    pub fn without(self, programs: &'static [&'static str]) -> Kselftest {
        Kselftest {
            without: programs,
            ..self
        }
    }
}

impl Section for Kselftest {
    fn suite(&self) -> &'static str {
        "kselftest"
    }

    fn script(&self) -> String {
        let skip = self.without.iter().map(|name| format!(" -S qsock:{name}"));
        let skip: String = skip.collect();
        format!("cd {GUEST} && ./run_kselftest.sh -o {}{skip}", self.limit)
    }

    fn line(&mut self, line: &str, place: Place, ui: &Ui) {
        if let Some(group) = self.reader.line(line) {
            self.groups += 1;
            self.failed |= group.failed();
            ui.group(place, self.suite(), &group.name, group.cases);
        }
    }

    fn end(&mut self, status: i32, place: Place, ui: &Ui) {
        let trouble = match (self.groups, self.reader.missing(), status) {
            (0, _, _) => Some(format!("no test ran (status {status})")),
            (_, missing @ 1.., _) => Some(format!("{missing} planned programs did not report")),
            (_, _, status) if status != 0 && !self.failed => {
                Some(format!("the runner says {status}, and no test failed"))
            }
            _ => None,
        };
        if let Some(trouble) = trouble {
            ui.case(place, self.suite(), Case::new("runner", false, trouble));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::report::Sum;

    fn run(lines: &str, status: i32) -> Sum {
        let (mut section, ui) = (Kselftest::new(Config::Stock), Ui::new());
        lines
            .lines()
            .for_each(|l| section.line(l, Place(None), &ui));
        section.end(status, Place(None), &ui);
        ui.sum()
    }

    #[test]
    fn a_runner_that_runs_nothing_fails() {
        assert_eq!(
            run("TAP version 13\n", 0),
            Sum {
                failed: 1,
                ..Sum::default()
            }
        );
        assert_eq!(
            run("", 127),
            Sum {
                failed: 1,
                ..Sum::default()
            }
        );
    }

    #[test]
    fn the_runners_status_must_fit_its_results() {
        assert_eq!(
            run("1..1\nok 1 selftests: qsock: a\n", 0),
            Sum {
                passed: 1,
                ..Sum::default()
            }
        );
        assert_eq!(
            run("1..1\nok 1 selftests: qsock: a\n", 1),
            Sum {
                passed: 1,
                failed: 1,
                skipped: 0
            }
        );
        assert_eq!(
            run("1..2\nok 1 selftests: qsock: a\n", 0),
            Sum {
                passed: 1,
                failed: 1,
                skipped: 0
            }
        );
        assert_eq!(
            run("1..1\nnot ok 1 selftests: qsock: a\n", 1),
            Sum {
                failed: 1,
                ..Sum::default()
            }
        );
    }
}
