// SPDX-License-Identifier: GPL-2.0
//! The gate on the way of a message: each call of each type must be seen to pass every stage (`make trace`).

use anyhow::Result;

use super::report::{Case, Place, Ui};
use crate::artifacts::{Arch, Config};
use crate::trace;

const SUITE: &str = "trace";

/// All types in one boot.
pub fn run(arch: Arch, ui: &Ui) -> Result<()> {
    let place = Place(Some((arch, Config::Stock)));
    ui.note(place, SUITE, "tracing a message of each type");
    let cases = trace::gate(arch)?.into_iter().map(|(name, fault)| {
        let passed = fault.is_none();
        Case::new(&name, passed, fault.unwrap_or_default())
    });
    ui.group(place, SUITE, "stages", cases.collect());
    Ok(())
}
