// SPDX-License-Identifier: GPL-2.0
//! The kernel's own selftests of AF_UNIX, for AF_QSOCK and for AF_UNIX itself as control, case by case side by side.
//!
//! selftests/af_unix builds them from the kernel's source. A case may end otherwise for AF_QSOCK only if
//! [`differences`] lists it with its reason, and then must.

mod compare;
mod differences;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::kselftest;
use super::ktap::{Group, Reader, Style};
use super::report::{self, Case, Place, Ui};
use super::section::Section;
use crate::artifacts::{self, Arch, Config};
use crate::{cache, module};
use compare::Row;

const SUITE: &str = "af-unix-selftests";

/// Where the collections are below the guest's root.
const GUEST: &str = "/af_unix";

/// Seconds that one program may take; scm_rights takes one and a half per case.
const LIMIT: u32 = 300;

/// The directory whose content goes over a guest's root, with the collections and the module that diag_uid asks.
pub fn overlay(arch: Arch, config: Config) -> Result<PathBuf> {
    // Each kernel has programs of its own under the same names.
    let build = artifacts::build_dir(arch, config)?;
    let overlay = build.join("overlay-af_unix");
    cache::wipe(&overlay)?;
    let words = [
        format!("KSRC={}", artifacts::ksrc(config)?.display()),
        format!("HEADERS={}", artifacts::headers(arch, config)?.display()),
        format!("CC={}", artifacts::cross(arch).cc),
        format!("OUTPUT={}", build.join("af_unix").display()),
        format!("INSTALL_PATH={}{GUEST}", overlay.display()),
        "install".into(),
    ];
    kselftest::run_make(&artifacts::top()?.join("selftests/af_unix"), arch, &words)?;
    let diag = module::of_kernel(arch, config, "net/unix", "unix_diag")?;
    fs::copy(&diag, overlay.join(format!(".{GUEST}/unix_diag.ko")))
        .context("cannot copy unix_diag.ko")?;
    Ok(overlay)
}

/// What a program reported, once for each family.
#[derive(Default)]
struct Pair {
    unix: Option<Vec<Case>>,
    qsock: Option<Vec<Case>>,
}

/// Runs the collections and compares them.
pub struct AfUnix {
    reader: Reader,
    pairs: BTreeMap<String, Pair>,
    rows: Vec<Row>,
    /// Every row of the table is shown, not only those that differ.
    whole: bool,
}

impl AfUnix {
    pub fn new(whole: bool) -> AfUnix {
        AfUnix {
            reader: Reader::new(Style::Kselftest),
            pairs: BTreeMap::new(),
            rows: Vec::new(),
            whole,
        }
    }

    /// Takes what a program reported for one family, and compares when it is there for both.
    fn take(&mut self, group: Group, place: Place, ui: &Ui) {
        let Some((family, program)) = group.name.split_once(": ") else {
            let told = format!("it is of neither family: {}", group.name);
            ui.case(place, SUITE, Case::new("collection", false, told));
            return;
        };
        let program = program.to_string();
        let pair = self.pairs.entry(program.clone()).or_default();
        match family {
            "af_unix" => pair.unix = Some(group.cases),
            _ => pair.qsock = Some(group.cases),
        }
        if let (Some(unix), Some(qsock)) = (&pair.unix, &pair.qsock) {
            let rows = compare::rows(&program, unix, qsock, differences::LIST);
            let cases = rows.iter().map(|row| row.verdict.clone()).collect();
            ui.group(place, SUITE, &program, cases);
            self.rows.extend(rows);
        }
    }

    /// What is wrong with the run as a whole.
    fn troubles(&self, status: i32) -> Vec<String> {
        let mut troubles = Vec::new();
        let missing = self.reader.missing();
        if self.pairs.is_empty() {
            troubles.push(format!("no test ran (status {status})"));
        } else if missing > 0 {
            troubles.push(format!("{missing} planned programs did not report"));
        }
        for (program, pair) in &self.pairs {
            if pair.unix.is_none() || pair.qsock.is_none() {
                troubles.push(format!("{program} reported for one family only"));
            }
        }
        if troubles.is_empty() {
            let idle = compare::unused(&self.rows, differences::LIST);
            troubles.extend(idle.map(|d| format!("no case is named {}, which is listed", d.case)));
        }
        troubles
    }
}

impl Section for AfUnix {
    fn suite(&self) -> &'static str {
        SUITE
    }

    fn script(&self) -> String {
        // A failing program is no failure yet: the list of differences decides.
        format!(
            "cd {GUEST} && insmod unix_diag.ko && ./run_kselftest.sh -f -o {LIMIT}\n\
             status=$?; rmmod unix_diag; exit $status"
        )
    }

    fn line(&mut self, line: &str, place: Place, ui: &Ui) {
        if let Some(group) = self.reader.line(line) {
            self.take(group, place, ui);
        }
    }

    fn end(&mut self, status: i32, place: Place, ui: &Ui) {
        let mut troubles = self.troubles(status);
        if status != 0 && troubles.is_empty() {
            troubles.push(format!("the runner says {status}"));
        }
        let whole = compare::table(&self.rows);
        match report::keep(place, SUITE, &whole) {
            Ok(file) => ui.note(
                place,
                SUITE,
                &format!(
                    "{}, all cases in {}",
                    compare::sum(&self.rows),
                    file.display()
                ),
            ),
            Err(error) => troubles.push(format!("{error:#}")),
        }
        if self.whole {
            print!("{whole}");
        }
        let told = troubles.join("\n");
        ui.case(place, SUITE, Case::new("runner", told.is_empty(), told));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::report::Sum;

    fn run(lines: &str, status: i32) -> Sum {
        let (mut section, ui) = (AfUnix::new(false), Ui::new());
        lines
            .lines()
            .for_each(|line| section.line(line, Place(None), &ui));
        let troubles = section.troubles(status);
        troubles.into_iter().for_each(|told| {
            // Those of the list are not what is tested here.
            if !told.contains("listed") {
                ui.case(Place(None), SUITE, Case::new("runner", false, told));
            }
        });
        ui.sum()
    }

    #[test]
    fn a_program_is_compared_with_its_control() {
        let text = "1..2\n\
            # 1..2\n# ok 1 a.b\n# not ok 2 a.c\nnot ok 1 selftests: af_qsock: a # exit=1\n\
            # 1..2\n# ok 1 a.b\n# ok 2 a.c\nok 2 selftests: af_unix: a\n";
        let expected = Sum {
            passed: 1,
            failed: 1,
            skipped: 0,
        };
        assert_eq!(run(text, 0), expected);
    }

    #[test]
    fn a_run_that_is_not_whole_fails() {
        let one = Sum {
            failed: 1,
            ..Sum::default()
        };
        assert_eq!(run("", 127), one);
        let half = "1..1\n# 1..1\n# ok 1 a.b\nok 1 selftests: af_qsock: a\n";
        assert_eq!(run(half, 0), one);
    }
}
