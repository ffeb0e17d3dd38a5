// SPDX-License-Identifier: GPL-2.0
//! The gate on instructions per operation: a case fails when it takes more than its budget allows.

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
