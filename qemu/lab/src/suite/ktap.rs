// SPDX-License-Identifier: GPL-2.0
//! Reads KTAP, as kselftest's runner and KUnit print it (Documentation/dev-tools/ktap.rst).
//!
//! A result line comes after its subtests, one level out. KUnit indents a level by four spaces; kselftest's runner
//! puts "# " before every line of a test program.

use super::report::{Case, Outcome};

/// How a level of nesting is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Kselftest,
    KUnit,
}

/// A result of the outermost level with everything below it.
#[derive(Debug, PartialEq)]
pub struct Group {
    pub name: String,
    pub cases: Vec<Case>,
}

impl Group {
    pub fn failed(&self) -> bool {
        self.cases.iter().any(|c| c.outcome == Outcome::Failed)
    }
}

/// Diagnostic lines kept for one case; a test may print without end.
const KEEP: usize = 200;

/// What the runners say about every test.
const NOISE: &[&str] = &[
    "TAP version",
    "KTAP version",
    "timeout set to",
    "overriding timeout",
    "selftests: ",
];

#[derive(Default)]
struct Level {
    plan: Option<usize>,
    results: usize,
    cases: Vec<Case>,
    /// What was printed since the last result of this level.
    diagnostics: Vec<String>,
}

/// Takes lines, gives groups.
pub struct Reader {
    style: Style,
    levels: Vec<Level>,
}

impl Reader {
    pub fn new(style: Style) -> Reader {
        Reader {
            style,
            levels: vec![Level::default()],
        }
    }

    /// Takes the next line, and returns the group that it completes.
    pub fn line(&mut self, line: &str) -> Option<Group> {
        let (depth, text) = self.depth(line);
        if let Some(count) = plan(text) {
            self.level(depth).plan = Some(count);
            // "1..0 # SKIP why"
            if let Some((_, why)) = text.split_once("# SKIP ") {
                self.diagnose(depth, why);
            }
            return None;
        }
        let Some(result) = Line::parse(text) else {
            self.diagnose(depth, text);
            return None;
        };
        let below: Vec<Level> = self
            .levels
            .drain((depth + 1).min(self.levels.len())..)
            .collect();
        let level = self.level(depth);
        level.results += 1;
        let own = std::mem::take(&mut level.diagnostics);
        let cases = settle(result, own, below);
        if depth > 0 {
            let level = self.level(depth);
            level.cases.extend(cases.1);
            return None;
        }
        Some(Group {
            name: cases.0,
            cases: cases.1,
        })
    }

    /// Results of the outermost level that were planned and did not come.
    pub fn missing(&self) -> usize {
        self.levels[0]
            .plan
            .unwrap_or(0)
            .saturating_sub(self.levels[0].results)
    }

    fn level(&mut self, depth: usize) -> &mut Level {
        while self.levels.len() <= depth {
            self.levels.push(Level::default());
        }
        &mut self.levels[depth]
    }

    fn diagnose(&mut self, depth: usize, text: &str) {
        let text = text.trim_start_matches("# ").trim_end();
        let noise = text.is_empty() || NOISE.iter().any(|n| text.starts_with(n));
        let depth = depth.min(self.levels.len());
        let level = self.level(depth);
        if !noise && level.diagnostics.len() < KEEP {
            level.diagnostics.push(text.to_string());
        }
    }

    /// A line's level and what it says there. kselftest's own comments look like a level of their own.
    fn depth<'a>(&self, line: &'a str) -> (usize, &'a str) {
        let prefix = match self.style {
            Style::Kselftest => "# ",
            Style::KUnit => "    ",
        };
        let (mut depth, mut rest) = (0, line);
        while let Some(inner) = rest.strip_prefix(prefix) {
            rest = inner;
            depth += 1;
        }
        (depth, rest)
    }
}

/// "1..7"
fn plan(text: &str) -> Option<usize> {
    let count = text.strip_prefix("1..")?;
    count.split(' ').next()?.trim().parse().ok()
}

/// "ok 3 - name # SKIP why"
struct Line<'a> {
    ok: bool,
    name: &'a str,
    directive: &'a str,
}

impl<'a> Line<'a> {
    fn parse(text: &'a str) -> Option<Line<'a>> {
        let (ok, rest) = match (text.strip_prefix("ok "), text.strip_prefix("not ok ")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return None,
        };
        let (number, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        number.trim().parse::<usize>().ok()?;
        let (name, directive) = rest.split_once(" # ").unwrap_or((rest, ""));
        let name = name
            .trim()
            .trim_start_matches("- ")
            .trim_start_matches("selftests: ")
            .trim();
        Some(Line {
            ok,
            name,
            directive: directive.trim(),
        })
    }

    fn outcome(&self) -> Outcome {
        let word = self
            .directive
            .split([' ', ':'])
            .next()
            .unwrap_or("")
            .to_ascii_uppercase();
        match word.as_str() {
            "SKIP" => Outcome::Skipped(
                self.directive[4..]
                    .trim_start_matches(':')
                    .trim()
                    .to_string(),
            ),
            // A failure that the test itself expects.
            "XFAIL" => Outcome::Passed,
            _ if self.ok => Outcome::Passed,
            _ => Outcome::Failed,
        }
    }
}

/// The name of a result and its cases: those below it, and itself when it has none or says more than they do.
fn settle(line: Line, own: Vec<String>, below: Vec<Level>) -> (String, Vec<Case>) {
    let name = line.name.to_string();
    let mut cases = Vec::new();
    let mut rest = own;
    let mut shortfall = None;
    for level in below {
        if let Some(plan) = level.plan.filter(|p| *p != level.results) {
            shortfall = Some(format!("{plan} planned, {} reported", level.results));
        }
        cases.extend(level.cases);
        rest.extend(level.diagnostics);
    }
    let outcome = line.outcome();
    let explained = cases.iter().any(|c: &Case| c.outcome == Outcome::Failed);
    let own_failure = outcome == Outcome::Failed && !explained;
    if cases.is_empty() || own_failure || shortfall.is_some() {
        let failed = outcome == Outcome::Failed || shortfall.is_some();
        if failed {
            rest.extend(shortfall);
            rest.extend((!line.directive.is_empty()).then(|| line.directive.to_string()));
        }
        let outcome = match outcome {
            _ if failed => Outcome::Failed,
            Outcome::Skipped(why) if why.is_empty() => {
                Outcome::Skipped(rest.last().cloned().unwrap_or_default())
            }
            other => other,
        };
        cases.push(Case {
            name: name.clone(),
            outcome,
            diagnostics: rest,
        });
    }
    (name, cases)
}

#[cfg(test)]
mod tests;
