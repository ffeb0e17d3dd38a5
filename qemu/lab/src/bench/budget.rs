// SPDX-License-Identifier: GPL-2.0
//! Budgets of instructions: selftests/bench/budget.toml, and what exceeds them.
//!
//! A table for each architecture names the kernel that its figures were taken on, and has a figure for each gated case.
//! The figures of another kernel would say something about that kernel, so that there the gate does not judge.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::cases::Case;
use super::figures::Figures;
use crate::artifacts::{self, Arch};

const HEAD: &str = "\
# SPDX-License-Identifier: GPL-2.0
# What an operation of AF_QSOCK may cost, in instructions as `make bench` counts them. `make test` (suite bench) fails
# when one takes 2 % more, or 5 % where sockets are made and closed, which varies from boot to boot. `make bench
# BUDGET=update [ARCH=]` writes this file: lower figures are progress, higher ones need a reason in the commit message.

";

/// The file.
#[derive(Debug, Default, PartialEq)]
pub struct Budgets(BTreeMap<String, Budget>);

/// One architecture's part.
#[derive(Debug, Default, PartialEq)]
struct Budget {
    kernel: String,
    cases: BTreeMap<String, f64>,
}

/// What the gate says of a case.
#[derive(Debug, PartialEq)]
pub struct Verdict {
    pub id: String,
    pub passed: bool,
    pub told: String,
}

fn path() -> Result<PathBuf> {
    Ok(artifacts::top()?.join("selftests/bench/budget.toml"))
}

impl Budgets {
    /// The budgets, if there are any yet.
    pub fn load() -> Result<Option<Budgets>> {
        let path = path()?;
        if !path.exists() {
            return Ok(None);
        }
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let budgets = Budgets::parse(&text);
        Ok(Some(budgets.with_context(|| {
            format!("{} is not a budget", path.display())
        })?))
    }

    fn parse(text: &str) -> Result<Budgets> {
        let mut all = BTreeMap::new();
        for (arch, table) in text.parse::<Table>()? {
            let table = table
                .as_table()
                .with_context(|| format!("{arch} is no table"))?;
            let mut budget = Budget::default();
            for (key, value) in table {
                match (key.as_str(), value) {
                    ("kernel", Value::String(kernel)) => budget.kernel = kernel.clone(),
                    (_, Value::Integer(figure)) => {
                        budget.cases.insert(key.clone(), *figure as f64);
                    }
                    _ => anyhow::bail!("{arch}: {key} is no number of instructions"),
                }
            }
            all.insert(arch, budget);
        }
        Ok(Budgets(all))
    }

    fn render(&self) -> String {
        let mut all = Table::new();
        for (arch, budget) in &self.0 {
            let mut table = Table::new();
            table.insert("kernel".into(), Value::String(budget.kernel.clone()));
            for (id, figure) in &budget.cases {
                table.insert(id.clone(), Value::Integer(figure.round() as i64));
            }
            all.insert(arch.clone(), Value::Table(table));
        }
        format!("{HEAD}{all}")
    }

    /// Takes an architecture's gated figures for its budget; those of cases that were not measured stay.
    pub fn update(figures: &Figures, cases: &[&Case], arch: Arch) -> Result<PathBuf> {
        let path = path()?;
        let mut budgets = Budgets::load()?.unwrap_or_default();
        budgets.take(figures, cases, arch);
        fs::write(&path, budgets.render())
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    fn take(&mut self, figures: &Figures, cases: &[&Case], arch: Arch) {
        let budget = self.0.entry(arch.name().to_string()).or_default();
        if budget.kernel != figures.kernel {
            *budget = Budget {
                kernel: figures.kernel.clone(),
                cases: BTreeMap::new(),
            };
        }
        for case in cases.iter().filter(|case| case.gated()) {
            if let Some(figure) = figures.of(&case.id(), "qsock") {
                budget.cases.insert(case.id(), figure);
            }
        }
    }

    /// Why these budgets cannot be held against figures of that kernel; None if they can.
    pub fn unfit(&self, arch: Arch, kernel: &str) -> Option<String> {
        match self.0.get(arch.name()) {
            Some(budget) if budget.kernel == kernel => None,
            Some(budget) => Some(format!(
                "the budgets are of Linux {}, and this is {kernel}: make bench BUDGET=update",
                budget.kernel
            )),
            None => None,
        }
    }

    /// Holds the figures of gated cases against their budgets. A case that lacks either fails.
    pub fn judge(&self, figures: &Figures, cases: &[&Case], arch: Arch) -> Vec<Verdict> {
        let budget = self.0.get(arch.name());
        let gated = cases.iter().filter(|case| case.gated());
        let verdicts = gated.map(|case| {
            let id = case.id();
            let allowed = budget.and_then(|budget| budget.cases.get(&id)).copied();
            let (passed, told) = match (figures.of(&id, "qsock"), allowed) {
                (Some(figure), Some(allowed)) => (
                    figure <= allowed * case.slack(),
                    format!(
                        "{figure:.0} instructions, {:+.1} % of its budget of {allowed:.0}",
                        (figure / allowed - 1.0) * 100.0
                    ),
                ),
                (None, _) => (false, "not measured".to_string()),
                (_, None) => (
                    false,
                    "no budget in selftests/bench/budget.toml: make bench BUDGET=update"
                        .to_string(),
                ),
            };
            Verdict { id, passed, told }
        });
        verdicts.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::cases;
    use super::super::figures::tests::figures;
    use super::super::figures::Instrument;
    use super::*;

    const TEXT: &str = "[x86_64]\nkernel = \"7.2.12\"\n\"stream/64\" = 1000\n\"epoll/0\" = 10\n";

    fn judged(ticks: u32, only: &str) -> Vec<bool> {
        let figures = figures(&format!("stream 64 qsock {ticks}\n"), Instrument::Icount);
        let cases = cases::chosen(Some(only)).unwrap();
        let budgets = Budgets::parse(TEXT).unwrap();
        let verdicts = budgets.judge(&figures, &cases, Arch::X86_64);
        verdicts.iter().map(|verdict| verdict.passed).collect()
    }

    #[test]
    fn two_percent_are_allowed_and_no_more() {
        // A tick is two instructions.
        assert_eq!(judged(500, "stream/64"), [true]);
        assert_eq!(judged(510, "stream/64"), [true]);
        assert_eq!(judged(511, "stream/64"), [false]);
        assert_eq!(judged(100, "stream/64"), [true]);
    }

    #[test]
    fn what_was_not_measured_or_has_no_budget_fails() {
        assert_eq!(judged(500, "epoll"), [false]);
        assert_eq!(judged(500, "seqpacket/64"), [false]);
        // Not gated.
        assert_eq!(judged(500, "ping-pong-1"), [false; 0]);
    }

    #[test]
    fn budgets_survive_the_file() {
        let budgets = Budgets::parse(TEXT).unwrap();
        assert_eq!(Budgets::parse(&budgets.render()).unwrap(), budgets);
        assert!(budgets.render().starts_with("# SPDX"));
        assert!(Budgets::parse("[x86_64]\n\"stream/64\" = \"many\"\n").is_err());
        assert!(Budgets::parse("x86_64 = 1\n").is_err());
        assert!(Budgets::parse("[x86_64\n").is_err());
    }

    #[test]
    fn new_figures_take_the_place_of_old_ones() {
        let mut budgets = Budgets::parse(TEXT).unwrap();
        let cases = cases::chosen(None).unwrap();
        let lower = figures(
            "stream 64 qsock 400\nsenders-1 64 qsock 1\n",
            Instrument::Icount,
        );
        budgets.take(&lower, &cases, Arch::X86_64);
        let taken = &budgets.0["x86_64"].cases;
        assert_eq!(
            (taken["stream/64"], taken["epoll/0"], taken.len()),
            (800.0, 10.0, 2)
        );
        // Another kernel's are all new.
        let other = Figures {
            kernel: "7.2.13".into(),
            ..lower
        };
        budgets.take(&other, &cases, Arch::X86_64);
        assert_eq!(budgets.0["x86_64"].cases.len(), 1);
    }

    #[test]
    fn another_kernels_figures_are_not_judged() {
        let budgets = Budgets::parse(TEXT).unwrap();
        assert_eq!(budgets.unfit(Arch::X86_64, "7.2.12"), None);
        assert!(budgets.unfit(Arch::X86_64, "7.2.13").is_some());
        // No budget at all is a failure, of every case.
        assert_eq!(budgets.unfit(Arch::Arm64, "7.2.12"), None);
    }
}
