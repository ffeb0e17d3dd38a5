// SPDX-License-Identifier: GPL-2.0
//! Results of tests: what they are, how they are shown as they come, and their sum.

use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::json;

use crate::artifacts::{self, Arch, Config};

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Passed,
    Failed,
    /// With the reason that the test gave.
    Skipped(String),
}

/// One test case.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    pub name: String,
    pub outcome: Outcome,
    /// What is shown when it failed.
    pub diagnostics: Vec<String>,
}

impl Case {
    pub fn new(name: &str, passed: bool, told: impl Into<String>) -> Case {
        let outcome = if passed {
            Outcome::Passed
        } else {
            Outcome::Failed
        };
        Case {
            name: name.to_string(),
            outcome,
            diagnostics: told.into().lines().map(String::from).collect(),
        }
    }
}

/// Where a suite runs: in the lab itself, or in guests of one kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place(pub Option<(Arch, Config)>);

impl Place {
    fn label(self) -> String {
        match self.0 {
            Some((arch, config)) => format!("{:6} {:5}", arch.name(), config.name()),
            None => format!("{:12}", "lab"),
        }
    }

    fn stem(self) -> String {
        match self.0 {
            Some((arch, config)) => format!("{}-{}", arch.name(), config.name()),
            None => "lab".to_string(),
        }
    }
}

/// Shows results as they come and keeps them.
pub struct Ui {
    start: Instant,
    results: Mutex<Vec<(Place, &'static str, Case)>>,
}

#[derive(Debug, Default, PartialEq)]
pub struct Sum {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

impl Sum {
    fn of<'a>(cases: impl IntoIterator<Item = &'a Case>) -> Sum {
        let mut sum = Sum::default();
        for case in cases {
            match case.outcome {
                Outcome::Passed => sum.passed += 1,
                Outcome::Failed => sum.failed += 1,
                Outcome::Skipped(_) => sum.skipped += 1,
            }
        }
        sum
    }

    fn brief(&self) -> String {
        let parts = [
            (self.passed, "passed"),
            (self.failed, "FAILED"),
            (self.skipped, "skipped"),
        ];
        let parts: Vec<_> = parts
            .iter()
            .filter(|p| p.0 > 0)
            .map(|(n, word)| format!("{n} {word}"))
            .collect();
        if parts.is_empty() {
            "nothing ran".into()
        } else {
            parts.join(", ")
        }
    }
}

impl Ui {
    pub fn new() -> Ui {
        Ui {
            start: Instant::now(),
            results: Mutex::default(),
        }
    }

    /// Says what goes on.
    pub fn note(&self, place: Place, suite: &str, text: &str) {
        println!(
            "[{:4} s] {} {suite}: {text}",
            self.start.elapsed().as_secs(),
            place.label()
        );
    }

    /// Takes the cases of one test program or step.
    pub fn group(&self, place: Place, suite: &'static str, name: &str, cases: Vec<Case>) {
        // The runner puts the collection, or its directory, before a program's name.
        let name = name.rsplit(": ").next().unwrap_or(name);
        // Held to the end: guests run side by side, and a group's lines belong together.
        let mut results = self.results();
        self.note(
            place,
            suite,
            &format!("{name}: {}", Sum::of(&cases).brief()),
        );
        for (why, names) in skips(&cases) {
            let more = match names.len() {
                1 => String::new(),
                n => format!(" and {} more", n - 1),
            };
            println!("    skipped {}{more}: {why}", names[0]);
        }
        for case in cases.iter().filter(|c| c.outcome == Outcome::Failed) {
            println!("    FAILED {}", case.name);
            for line in &case.diagnostics {
                println!("        {line}");
            }
        }
        results.extend(cases.into_iter().map(|case| (place, suite, case)));
    }

    /// Takes one case that is a group of its own.
    pub fn case(&self, place: Place, suite: &'static str, case: Case) {
        let name = case.name.clone();
        self.group(place, suite, &name, vec![case]);
    }

    pub fn sum(&self) -> Sum {
        Sum::of(self.results().iter().map(|r| &r.2))
    }

    fn results(&self) -> MutexGuard<'_, Vec<(Place, &'static str, Case)>> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes build/test/PLACE-SUITE.json for every suite that ran.
    pub fn save(&self) -> Result<()> {
        let dir = directory()?;
        let results = self.results();
        let mut suites: Vec<(Place, &str)> = Vec::new();
        for (place, suite, _) in results.iter() {
            if !suites.contains(&(*place, suite)) {
                suites.push((*place, suite));
            }
        }
        for (place, suite) in suites {
            let cases = results
                .iter()
                .filter(|r| (r.0, r.1) == (place, suite))
                .map(|r| &r.2);
            let cases: Vec<_> = cases.map(record).collect();
            let file = dir.join(format!("{}-{suite}.json", place.stem()));
            let text = serde_json::to_string_pretty(
                &json!({ "place": place.stem(), "suite": suite, "cases": cases }),
            )?;
            fs::write(&file, text + "\n")
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        Ok(())
    }
}

/// The reasons for which cases were skipped, each with those it holds for.
fn skips(cases: &[Case]) -> Vec<(&str, Vec<&str>)> {
    let mut skips: Vec<(&str, Vec<&str>)> = Vec::new();
    for case in cases {
        let Outcome::Skipped(why) = &case.outcome else {
            continue;
        };
        let why = if why.is_empty() {
            "no reason given"
        } else {
            why
        };
        match skips.iter_mut().find(|s| s.0 == why) {
            Some((_, names)) => names.push(&case.name),
            None => skips.push((why, vec![&case.name])),
        }
    }
    skips
}

fn record(case: &Case) -> serde_json::Value {
    match &case.outcome {
        Outcome::Passed => json!({ "name": case.name, "outcome": "passed" }),
        Outcome::Failed => {
            json!({ "name": case.name, "outcome": "failed", "diagnostics": case.diagnostics })
        }
        Outcome::Skipped(why) => json!({ "name": case.name, "outcome": "skipped", "reason": why }),
    }
}

/// Where results and guests' logs are kept.
pub fn directory() -> Result<PathBuf> {
    let dir = artifacts::top()?.join("build/test");
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    Ok(dir)
}

/// Keeps a text of a suite beside its results, and says where.
pub fn keep(place: Place, what: &str, text: &str) -> Result<PathBuf> {
    let file = directory()?.join(format!("{}-{what}.txt", place.stem()));
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

/// Keeps a guest's kernel log for whoever wants more than a report's excerpt.
pub fn keep_log(place: Place, what: &str, log: &[String]) -> Result<()> {
    let file = directory()?.join(format!("{}-{what}.log", place.stem()));
    fs::write(&file, log.join("\n") + "\n")
        .with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_reason_is_told_once() {
        let skip = |name: &str, why: &str| Case {
            outcome: Outcome::Skipped(why.into()),
            ..Case::new(name, true, "")
        };
        let cases = [
            skip("a", "x"),
            skip("b", ""),
            Case::new("c", true, ""),
            skip("d", "x"),
        ];
        let expected = [("x", vec!["a", "d"]), ("no reason given", vec!["b"])];
        assert_eq!(skips(&cases), expected);
    }

    #[test]
    fn sums_count_every_outcome() {
        let ui = Ui::new();
        let skipped = Case {
            outcome: Outcome::Skipped("why".into()),
            ..Case::new("c", true, "")
        };
        ui.group(
            Place(None),
            "x",
            "g",
            vec![
                Case::new("a", true, ""),
                Case::new("b", false, "1\n2"),
                skipped,
            ],
        );
        ui.case(Place(None), "y", Case::new("d", true, ""));
        assert_eq!(
            ui.sum(),
            Sum {
                passed: 2,
                failed: 1,
                skipped: 1
            }
        );
        assert_eq!(ui.sum().brief(), "2 passed, 1 FAILED, 1 skipped");
        assert_eq!(Sum::default().brief(), "nothing ran");
    }
}
