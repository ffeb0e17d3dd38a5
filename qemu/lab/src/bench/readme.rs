// SPDX-License-Identifier: GPL-2.0
//! The newest table and picture in README.md.

use std::fs;

use anyhow::{ensure, Context, Result};

use super::cases::{Bar, Case};
use super::figures::Figures;
use super::table;
use crate::artifacts::{self, Arch};

/// The table for README: figures of the local transports, what none can go below where that was measured, the ratio
/// and what it must be.
pub fn table(figures: &Figures, cases: &[&Case], arch: Arch) -> String {
    let head = [
        "operation",
        "size",
        "AF_QSOCK",
        "AF_UNIX",
        "pipe",
        "limit",
        "ratio",
        "bar",
    ];
    let mut lines = vec![head.map(String::from).to_vec()];
    for case in cases.iter().filter(|case| !case.policy()) {
        let id = case.id();
        let figure = |transport| {
            let figure = figures.of(&id, transport);
            figure.map_or(String::new(), |figure| format!("{figure:.0}"))
        };
        let judged = table::judge(case, figures, arch);
        let unix = judged
            .iter()
            .find(|judged| matches!(judged.bar, Bar::Unix(..)));
        let ratio = figures.ratio(&id, "qsock", "unix");
        let missed = judged.iter().any(|judged| !judged.held());
        lines.push(vec![
            case.told.to_string(),
            table::size(case),
            figure("qsock"),
            figure("unix"),
            figure("pipe"),
            figure("limit"),
            ratio.map_or(String::new(), |ratio| format!("{ratio:.2}")),
            match unix {
                Some(unix) if missed => format!("{:.2}, missed", unix.at_most),
                Some(unix) => format!("{:.2}", unix.at_most),
                None => String::new(),
            },
        ]);
    }
    let limit = head.iter().position(|name| *name == "limit");
    if let Some(at) = limit.filter(|at| lines[1..].iter().all(|line| line[*at].is_empty())) {
        for line in &mut lines {
            line.remove(at);
        }
    }
    table::columns(&lines)
}

/// Puts a part into README.md, that of an architecture or another.
pub fn update(name: &str, part: &str) -> Result<()> {
    let path = artifacts::top()?.join("README.md");
    let text = fs::read_to_string(&path).context("cannot read README.md")?;
    let text = replace(&text, name, part)?;
    fs::write(&path, text).context("cannot write README.md")
}

/// What stands between the marks of `name` becomes `part`.
fn replace(text: &str, name: &str, part: &str) -> Result<String> {
    let marks = [
        format!("<!-- bench {name} -->\n"),
        format!("<!-- bench {name} end -->\n"),
    ];
    let [start, end] = marks.each_ref().map(|mark| text.find(mark));
    let (Some(start), Some(end)) = (start, end) else {
        anyhow::bail!("README.md has no marks for the table of {name}");
    };
    let start = start + marks[0].len();
    ensure!(
        start <= end,
        "README.md has the marks for {name} in the wrong order"
    );
    Ok(format!("{}{part}{}", &text[..start], &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::super::cases;
    use super::super::figures::tests::figures;
    use super::super::figures::Instrument;
    use super::*;

    #[test]
    fn a_part_is_replaced() {
        let text = "a\n<!-- bench x -->\nold\n<!-- bench x end -->\nb\n";
        let new = replace(text, "x", "new\n").unwrap();
        assert_eq!(new, "a\n<!-- bench x -->\nnew\n<!-- bench x end -->\nb\n");
        assert_eq!(replace(&new, "x", "new\n").unwrap(), new);
        assert!(replace(text, "y", "new\n").is_err());
    }

    #[test]
    fn what_is_missed_is_said() {
        let lines =
            "stream 64 qsock 50\nstream 64 unix 100\nstream 1024 qsock 40\nstream 1024 unix 100\n";
        let cases = cases::chosen(Some("stream/64,stream/1024")).unwrap();
        let table = table(&figures(lines, Instrument::Icount), &cases, Arch::X86_64);
        let lines: Vec<&str> = table.lines().collect();
        assert!(!lines[0].contains("limit"));
        assert!(lines[2].contains("0.50") && lines[2].contains("0.45, missed"));
        assert!(lines[3].contains("0.40") && !lines[3].contains("missed"));
    }

    #[test]
    fn a_limit_that_was_measured_is_shown() {
        let lines = "stream 64 qsock 50\nstream 64 unix 100\nstream 64 limit 17\n";
        let cases = cases::chosen(Some("stream/64")).unwrap();
        let table = table(&figures(lines, Instrument::Icount), &cases, Arch::X86_64);
        // A tick of these figures is two instructions.
        assert!(table.contains("limit") && table.contains(" 34 "));
    }
}
