// SPDX-License-Identifier: GPL-2.0
//! Loading and unloading under load: selftests/reload with many rounds, for what the quick round of
//! the kselftests cannot show.

use super::kselftest::GUEST;
use super::ktap::{Reader, Style};
use super::report::{Case, Place, Ui};
use super::section::Section;
use crate::artifacts::{Arch, Config};
use crate::guest::job::instrumented;

pub struct Reload {
    reader: Reader,
    cases: Vec<Case>,
    rounds: u32,
}

impl Reload {
    pub fn new(arch: Arch, config: Config) -> Reload {
        let rounds = match arch {
            // Under KASAN and emulation a round takes seconds, and kmemleak looks afterwards.
            _ if instrumented(config) => 25,
            Arch::X86_64 => 1000,
            // The thousand are for what a round seldom forgets: one architecture has them.
            Arch::Arm64 => 200,
        };
        Reload {
            reader: Reader::new(Style::Kselftest),
            cases: Vec::new(),
            rounds,
        }
    }
}

impl Section for Reload {
    fn suite(&self) -> &'static str {
        "reload"
    }

    fn script(&self) -> String {
        format!("{GUEST}/qsock/reload {}", self.rounds)
    }

    fn line(&mut self, line: &str, _: Place, _: &Ui) {
        if let Some(group) = self.reader.line(line) {
            self.cases.extend(group.cases);
        }
    }

    fn end(&mut self, status: i32, place: Place, ui: &Ui) {
        let missing = self.reader.missing();
        if self.cases.is_empty() || missing > 0 {
            let told = format!(
                "status {status}, {} of its results are missing",
                missing.max(1)
            );
            self.cases.push(Case::new("complete", false, told));
        }
        let name = format!("{} rounds", self.rounds);
        ui.group(place, self.suite(), &name, std::mem::take(&mut self.cases));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::report::Sum;

    fn run(lines: &str) -> Sum {
        let (mut section, ui) = (Reload::new(Arch::X86_64, Config::Stock), Ui::new());
        lines
            .lines()
            .for_each(|l| section.line(l, Place(None), &ui));
        section.end(0, Place(None), &ui);
        ui.sum()
    }

    #[test]
    fn every_planned_result_must_come() {
        assert_eq!(
            run("1..2\nok 1 a\nok 2 b\n"),
            Sum {
                passed: 2,
                ..Sum::default()
            }
        );
        assert_eq!(
            run("1..2\nok 1 a\n"),
            Sum {
                passed: 1,
                failed: 1,
                skipped: 0
            }
        );
        assert_eq!(
            run(""),
            Sum {
                failed: 1,
                ..Sum::default()
            }
        );
    }
}
