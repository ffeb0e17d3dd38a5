// SPDX-License-Identifier: GPL-2.0
//! Figures beside what they must reach, for people and for programs.

use serde_json::{json, Value};

use super::cases::{Bar, Case};
use super::figures::{Figures, Instrument};
use crate::artifacts::Arch;

/// Columns of the table, and where the picture takes its lines from.
pub const TRANSPORTS: [&str; 6] = ["qsock", "unix", "pipe", "vsock", "tcp", "limit"];

/// A bar, and what was reached.
pub struct Judged {
    pub bar: Bar,
    pub at_most: f64,
    pub ratio: f64,
}

impl Judged {
    pub fn held(&self) -> bool {
        self.ratio <= self.at_most
    }

    fn told(&self) -> String {
        let (ratio, at_most) = (self.ratio, self.at_most);
        let what = match self.bar {
            Bar::Unix(..) => format!("{ratio:.3} of unix, at most {at_most:.2}"),
            Bar::Pipe => format!("{ratio:.2} of a pipe, at most 1"),
            Bar::Case(case, _) => format!("{ratio:.2} of {case}, at most {at_most:.2}"),
            Bar::Hooks(_) => format!("{ratio:.3} with hooks, at most {at_most:.2}"),
        };
        format!("{what}: {}", if self.held() { "held" } else { "MISSED" })
    }
}

/// The bars of a case that these figures can be held against: time of emulated processors is none of them.
pub fn judge(case: &Case, figures: &Figures, arch: Arch) -> Vec<Judged> {
    if figures.instrument == Instrument::Wall {
        return Vec::new();
    }
    let id = case.id();
    let ratio = |bar: &Bar| match bar {
        Bar::Unix(..) => figures.ratio(&id, "qsock", "unix"),
        Bar::Pipe => figures.ratio(&id, "qsock", "pipe"),
        Bar::Case(other, _) => Some(figures.of(&id, "qsock")? / figures.of(other, "qsock")?),
        Bar::Hooks(_) => figures.ratio(&id, "hooks", "qsock"),
    };
    let judged = case.bars.iter().filter_map(|bar| {
        Some(Judged {
            bar: *bar,
            at_most: bar.at_most(arch),
            ratio: ratio(bar)?,
        })
    });
    judged.collect()
}

pub fn size(case: &Case) -> String {
    match case.size {
        rules if case.policy() => format!("{rules} rules"),
        0 => String::new(),
        size if size % (1 << 20) == 0 => format!("{} MiB", size >> 20),
        size if size % 1024 == 0 => format!("{} KiB", size >> 10),
        size => format!("{size} B"),
    }
}

/// The table that a person reads, in Markdown.
pub fn print(figures: &Figures, cases: &[&Case], arch: Arch) -> String {
    let mut head = vec!["case".to_string(), "size".to_string()];
    head.extend(TRANSPORTS.map(String::from));
    head.push("ratio to unix, and the bar".into());
    let mut lines = vec![head];
    for case in cases {
        let id = case.id();
        let mut line = vec![case.told.to_string(), size(case)];
        for transport in TRANSPORTS {
            let figure = figures.of(&id, transport);
            line.push(figure.map_or(String::new(), |figure| format!("{figure:.0}")));
        }
        if line[2].is_empty() {
            continue;
        }
        let mut judged: Vec<String> = Vec::new();
        let bars = judge(case, figures, arch);
        if !bars
            .iter()
            .any(|judged| matches!(judged.bar, Bar::Unix(..)))
        {
            let ratio = figures.ratio(&id, "qsock", "unix");
            judged.extend(ratio.map(|ratio| format!("{ratio:.3} of unix")));
        }
        judged.extend(bars.iter().map(Judged::told));
        if figures.instrument != Instrument::Icount {
            let spread = figures.spread(&id, "qsock", "unix");
            judged.extend(spread.map(|(low, high)| format!("quartiles {low:.2} to {high:.2}")));
        }
        line.push(judged.join("; "));
        lines.push(line);
    }
    columns(&lines)
}

/// Lines of words as a table in Markdown, its columns aligned.
pub fn columns(lines: &[Vec<String>]) -> String {
    let count = lines[0].len();
    let width = |at: usize| lines.iter().map(|line| line[at].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    let numbers = |at: usize| at > 0 && at < count - 1;
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        for (at, word) in line.iter().enumerate() {
            let width = widths[at];
            text += &if numbers(at) {
                format!("| {word:>width$} ")
            } else {
                format!("| {word:width$} ")
            };
        }
        text += "|\n";
        if index == 0 {
            for (at, width) in widths.iter().enumerate() {
                let line = "-".repeat(width + 1);
                text += &format!("|{line}{}", if numbers(at) { ":" } else { "-" });
            }
            text += "|\n";
        }
    }
    text
}

/// The rows of the file that programs read.
pub fn rows(figures: &Figures, cases: &[&Case], arch: Arch) -> Vec<Value> {
    let mut rows = Vec::new();
    for case in cases {
        let id = case.id();
        let judged = judge(case, figures, arch);
        for row in figures.rows.iter().filter(|row| row.id == id) {
            let mut bars = judged.iter().filter(|judged| match judged.bar {
                Bar::Hooks(_) => row.transport == "hooks",
                _ => row.transport == "qsock",
            });
            let held = bars.clone().map(Judged::held).reduce(|a, b| a && b);
            let unix = bars.find(|judged| matches!(judged.bar, Bar::Unix(..) | Bar::Hooks(_)));
            let ratio = figures.ratio(&id, &row.transport, "unix");
            let mut value = json!({
                "case": case.name, "transport": row.transport, "size": case.size,
                "instrument": figures.instrument.name(),
                "per_op": figures.of(&id, &row.transport),
                "ratio_unix": ratio,
                "bar": unix.map(|judged| judged.at_most),
                "held": held,
            });
            if figures.instrument != Instrument::Icount {
                value["quartiles"] = json!(figures.spread(&id, &row.transport, "unix"));
            }
            rows.push(value);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::super::cases;
    use super::super::figures::tests::figures;
    use super::*;

    const LINES: &str = "stream 64 qsock 40\nstream 64 unix 100\nstream 64 pipe 30\n\
                         stream 64 hooks 41\nsenders-1 64 qsock 10\nsenders-64 64 qsock 14\n";

    fn held(only: &str) -> Vec<bool> {
        let figures = figures(LINES, Instrument::Icount);
        let case = cases::chosen(Some(only)).unwrap()[0];
        let judged = judge(case, &figures, Arch::X86_64);
        judged.iter().map(Judged::held).collect()
    }

    #[test]
    fn bars_are_held_or_missed() {
        assert_eq!(held("stream/64"), [true, false, true]);
        assert_eq!(held("senders-64"), [false]);
        assert_eq!(held("epoll"), [false; 0]);
    }

    #[test]
    fn time_is_shown_and_not_judged() {
        let figures = figures(LINES, Instrument::Wall);
        let cases = cases::chosen(Some("stream/64")).unwrap();
        assert!(judge(cases[0], &figures, Arch::X86_64).is_empty());
        let table = print(&figures, &cases, Arch::X86_64);
        assert!(table.contains("0.400 of unix; quartiles 0.40 to 0.40"));
    }

    #[test]
    fn the_table_names_what_was_missed() {
        let figures = figures(LINES, Instrument::Icount);
        let cases = cases::chosen(Some("stream/64,epoll")).unwrap();
        let table = print(&figures, &cases, Arch::X86_64);
        assert!(table.contains("0.400 of unix, at most 0.45: held"));
        assert!(table.contains("1.33 of a pipe, at most 1: MISSED"));
        assert_eq!(table.lines().count(), 3);
    }

    #[test]
    fn rows_say_what_is_held() {
        let figures = figures(LINES, Instrument::Icount);
        let cases = cases::chosen(Some("stream/64")).unwrap();
        let rows = rows(&figures, &cases, Arch::X86_64);
        assert_eq!(rows[0]["transport"], "qsock");
        assert_eq!(
            (&rows[0]["bar"], &rows[0]["held"]),
            (&json!(0.45), &json!(false))
        );
        assert_eq!(rows[1]["held"], Value::Null);
        assert_eq!(
            (&rows[3]["bar"], &rows[3]["held"]),
            (&json!(1.05), &json!(true))
        );
    }
}
