// SPDX-License-Identifier: GPL-2.0
//! The gate on instructions per operation: a case fails when it takes more than its budget allows. On a kernel with
//! checkers the same operations are a load, and fail when a checker reports.

use anyhow::Result;

use super::report::{Case, Outcome, Place, Ui};
use crate::artifacts::{Arch, Config};
use crate::bench;

const SUITE: &str = "bench";

/// The gated cases, in one boot under icount.
pub fn run(arch: Arch, ui: &Ui) -> Result<()> {
    let place = Place(Some((arch, Config::Stock)));
    ui.note(place, SUITE, "counting instructions");
    let cases = match bench::gate(arch)? {
        Ok(verdicts) => verdicts
            .into_iter()
            .map(|verdict| Case::new(&verdict.id, verdict.passed, verdict.told))
            .collect(),
        Err(reason) => vec![Case {
            name: "budgets".to_string(),
            outcome: Outcome::Skipped(reason),
            diagnostics: Vec::new(),
        }],
    };
    ui.group(place, SUITE, "budgets", cases);
    Ok(())
}

/// All cases in one boot of a kernel with checkers.
pub fn load(arch: Arch, config: Config, ui: &Ui) -> Result<()> {
    let place = Place(Some((arch, config)));
    ui.note(place, SUITE, "running the cases as a load");
    let cases = bench::load(arch, config)?
        .into_iter()
        .map(|(id, took)| match took {
            Some(took) => Case::new(&id, true, format!("{took:.0} ns")),
            None => Case::new(&id, false, "it did not run"),
        })
        .collect();
    ui.group(place, SUITE, "load", cases);
    Ok(())
}
