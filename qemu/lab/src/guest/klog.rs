// SPDX-License-Identifier: GPL-2.0
//! What in a guest's kernel log fails a run.
//!
//! One table names the reports; everything else that a stock kernel says while it boots, loads an
//! unsigned module and powers off passes.

/// Where in a line, after its time stamp, a pattern is looked for.
#[derive(Clone, Copy)]
enum At {
    /// The message begins with it.
    Start,
    /// It may stand behind a subsystem's prefix.
    Anywhere,
}
use At::{Anywhere, Start};

/// Each row: where, what, and the kind of report that it announces.
#[rustfmt::skip]
const REPORTS: &[(At, &str, &str)] = &[
    // The specific kinds come first: the first row that matches gives the report its name.
    (Anywhere, "BUG: KASAN:",                           "KASAN"),
    (Anywhere, "BUG: KCSAN:",                           "KCSAN"),
    (Anywhere, "BUG: KMSAN:",                           "KMSAN"),
    (Anywhere, "BUG: KFENCE:",                          "KFENCE"),
    (Start,    "UBSAN:",                                "UBSAN"),
    (Anywhere, "BUG: soft lockup",                      "lockup"),
    (Anywhere, "BUG: workqueue lockup",                 "lockup"),
    (Anywhere, "hard LOCKUP",                           "lockup"),
    (Start,    "INFO: task",                            "hung task"),
    (Anywhere, "INFO: rcu_",                            "RCU stall"),
    (Start,    "WARNING: possible circular locking",    "lockdep"),
    (Start,    "WARNING: possible recursive locking",   "lockdep"),
    (Start,    "WARNING: possible irq lock inversion",  "lockdep"),
    (Start,    "WARNING: inconsistent lock state",      "lockdep"),
    (Start,    "WARNING: bad unlock balance",           "lockdep"),
    (Start,    "WARNING: suspicious RCU usage",         "lockdep"),
    (Start,    "INFO: trying to register non-static",   "lockdep"),
    (Anywhere, "INFO: lockdep is turned off",           "lockdep"),
    (Anywhere, "DEBUG_LOCKS_WARN_ON",                   "lockdep"),
    // Its message is split over two lines when the count does not fit; this part is on the first.
    (Start,    "kmemleak:",                             "kmemleak"),
    (Start,    "WARNING:",                              "warning"),
    (Start,    "BUG:",                                  "BUG"),
    // SLUB's own, "BUG kmalloc-64 (Not tainted): Redzone overwritten".
    (Start,    "BUG ",                                  "BUG"),
    (Anywhere, "kernel BUG at",                         "BUG"),
    (Anywhere, "Slab cache still has objects",          "BUG"),
    (Start,    "list_add corruption",                   "BUG"),
    (Start,    "list_del corruption",                   "BUG"),
    (Start,    "refcount_t:",                           "BUG"),
    (Start,    "Oops",                                  "oops"),
    (Start,    "Internal error:",                       "oops"),
    (Start,    "Unable to handle kernel",               "oops"),
    (Start,    "CFI failure",                           "oops"),
    (Anywhere, "panicked at",                           "Rust panic"),
    (Start,    "Kernel panic",                          "panic"),
    (Anywhere, "invoked oom-killer",                    "out of memory"),
    (Anywhere, "page allocation failure",               "out of memory"),
    (Start,    "sysfs: cannot create duplicate",        "warning"),
    (Start,    "unregister_netdevice: waiting",         "warning"),
    // Whatever has no row of its own and was worth a stack.
    (Start,    SCISSORS,                                "warning"),
    (Start,    "Call Trace:",                           "stack trace"),
    (Start,    "Call trace:",                           "stack trace"),
    // A log with holes proves nothing.
    (Anywhere, "printk messages dropped",               "incomplete log"),
];

const SCISSORS: &str = "------------[ cut here ]";

/// Lines that a row above would match and that report nothing.
const BENIGN: &[&str] = &[
    "kmemleak: Kernel memory leak detector initialized",
    "kmemleak: Automatic memory scanning thread",
    "kmemleak: kmemleak_scan", // its parameters, echoed
];

/// The kind of report that a line announces.
pub fn classify(line: &str) -> Option<&'static str> {
    let text = message(line);
    if BENIGN.iter().any(|b| text.starts_with(b)) {
        return None;
    }
    let hit = REPORTS.iter().find(|(at, what, _)| match at {
        Start => text.starts_with(what),
        Anywhere => text.contains(what),
    });
    hit.map(|(_, _, kind)| *kind)
}

/// A line of the log without its time stamp, caller and indentation.
pub fn message(line: &str) -> &str {
    payload(line).trim_start()
}

/// A line of the log without its time stamp and caller, as it was passed to printk.
pub fn payload(line: &str) -> &str {
    let mut rest = line;
    while let Some(inner) = rest.strip_prefix('[') {
        let Some((stamp, after)) = inner.split_once(']') else {
            break;
        };
        let stamp = stamp.trim();
        let stamp = stamp.trim_start_matches(['T', 'C']);
        if stamp.is_empty() || !stamp.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            break;
        }
        rest = after;
    }
    if rest.len() < line.len() {
        rest.strip_prefix(' ').unwrap_or(rest)
    } else {
        rest
    }
}

/// One report: its kind and the lines from the one that announced it on.
#[derive(Clone, Debug)]
pub struct Report {
    pub kind: &'static str,
    /// Lines of the log before it.
    pub at: usize,
    pub lines: Vec<String>,
}

/// Lines of a report that are shown; a stack of a debug kernel is long and its beginning tells most.
const EXCERPT: usize = 60;

/// Reads a kernel log line by line and keeps its reports.
#[derive(Default)]
pub struct Scanner {
    pub reports: Vec<Report>,
    seen: usize,
    open: usize,
}

impl Scanner {
    /// Takes the next line.
    pub fn line(&mut self, line: &str) {
        match (classify(line), self.reports.last_mut()) {
            (Some(kind), _) if self.open == 0 => {
                self.reports.push(Report {
                    kind,
                    at: self.seen,
                    lines: Vec::new(),
                });
                self.open = EXCERPT;
            }
            // The scissors only say that something follows.
            (Some(kind), Some(report))
                if report.lines.len() == 1 && report.lines[0].contains(SCISSORS) =>
            {
                report.kind = kind;
            }
            _ => {}
        }
        if self.open > 0 {
            if let Some(report) = self.reports.last_mut() {
                report.lines.push(line.to_string());
            }
            let text = message(line);
            let ends = text.starts_with("---[ end")
                || text.starts_with("======") && self.open < EXCERPT - 3;
            self.open = if ends { 0 } else { self.open - 1 };
        }
        self.seen += 1;
    }
}

#[cfg(test)]
mod tests;
