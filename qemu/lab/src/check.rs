// SPDX-License-Identifier: GPL-2.0
//! `lab check`: what holds for every change before any test runs.
//!
//! Every check runs, also after one has failed. Each prints its violations as `file:line: text`
//! and one line with its verdict. A rule lives in a function from a file's path and text to
//! findings, beside tests that plant violations: a rule that cannot fail is none.

mod census;
mod docs;
mod headers;
mod helpers;
mod lint;
mod panics;
mod readme;
mod rooms;
mod rust;
mod style;
mod tools;
pub mod tree;
mod words;

use crate::artifacts::{self, Arch, Config};
use anyhow::{anyhow, bail, Result};
use std::fs;
use std::process::{ExitCode, Output};
use std::thread;
use std::time::Instant;
use tree::{Finding, Tree};

/// What `lab check` is asked.
#[derive(clap::Args)]
pub struct Args {
    /// Only these checks; all when none is named
    names: Vec<String>,
    /// Let rustfmt rewrite the files first
    #[arg(long)]
    fix: bool,
}

/// What a check says.
struct Outcome {
    /// What was looked at.
    note: String,
    /// What is wrong.
    findings: Vec<Finding>,
    /// A tool's own words, where no finding could be made of them.
    raw: String,
    /// Lines worth printing even when nothing is wrong.
    table: Vec<String>,
}

impl Outcome {
    fn new(note: impl Into<String>) -> Self {
        Outcome {
            note: note.into(),
            findings: Vec::new(),
            raw: String::new(),
            table: Vec::new(),
        }
    }

    fn found(note: impl Into<String>, findings: Vec<Finding>) -> Self {
        Outcome {
            findings,
            ..Outcome::new(note)
        }
    }

    /// Keeps the end of what a failed tool printed.
    fn raw(&mut self, out: &Output) {
        let text = [out.stdout.as_slice(), out.stderr.as_slice()].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        let tail = &lines[lines.len().saturating_sub(60)..];
        self.raw += &format!("{}\n{}\n", tail.join("\n"), out.status);
    }

    fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.raw.is_empty()
    }
}

type Check = fn(&Tree) -> Result<Outcome>;

// The quick ones first.
const CHECKS: [(&str, Check); 17] = [
    ("rooms", rooms),
    ("helpers", helpers),
    ("unsafe", unsafe_census),
    ("headers", headers),
    ("panics", panics),
    ("words", words),
    ("top", top),
    ("readme", readme_tables),
    ("man", docs::man),
    ("uapi", docs::uapi),
    ("fmt", style::format),
    ("checkpatch", style::checkpatch),
    ("policy", lint::policy),
    ("lab", lint::lab),
    ("tools", lint::tools),
    ("clippy", lint::clippy),
    ("doc", lint::doc),
];

/// `lab check [NAME...]`.
pub fn main(args: Args) -> Result<ExitCode> {
    if let Some(name) = args
        .names
        .iter()
        .find(|n| !CHECKS.iter().any(|c| c.0 == *n))
    {
        let known: Vec<&str> = CHECKS.iter().map(|c| c.0).collect();
        bail!("no check is called {name}; there are {}", known.join(", "));
    }
    let tree = Tree::open(&artifacts::top()?)?;
    if args.fix && !report("fmt --fix", &time(style::reformat, &tree)) {
        return Ok(ExitCode::FAILURE);
    }
    let wanted = |name: &str| args.names.is_empty() || args.names.iter().any(|n| n == name);
    let checks: Vec<_> = CHECKS.iter().filter(|c| wanted(c.0)).collect();
    if checks.len() == CHECKS.len() {
        // What several of them need, made once and before them.
        artifacts::kdir(Arch::X86_64, Config::Stock)?;
    }
    let mut failed = Vec::new();
    thread::scope(|scope| {
        // All at once, most of them wait for a program; reported in order.
        let spawn = |check: Check| {
            let tree = &tree;
            scope.spawn(move || time(check, tree))
        };
        let running: Vec<_> = checks.iter().map(|c| (c.0, spawn(c.1))).collect();
        for (name, handle) in running {
            let done = handle.join().unwrap_or_else(|_| Done {
                result: Err(anyhow!("it panicked")),
                seconds: 0.0,
            });
            if !report(name, &done) {
                failed.push(name);
            }
        }
    });
    if failed.is_empty() {
        println!("qsock check: OK");
        return Ok(ExitCode::SUCCESS);
    }
    println!("qsock check: FAILED: {}", failed.join(", "));
    Ok(ExitCode::FAILURE)
}

/// A check that has run.
struct Done {
    result: Result<Outcome>,
    seconds: f32,
}

fn time(check: Check, tree: &Tree) -> Done {
    let start = Instant::now();
    let result = check(tree);
    Done {
        result,
        seconds: start.elapsed().as_secs_f32(),
    }
}

/// Prints what a check says and returns whether it is content.
fn report(name: &str, done: &Done) -> bool {
    let outcome = match &done.result {
        Ok(outcome) => outcome,
        Err(error) => {
            println!("check {name}: FAILED, could not run: {error:#}");
            return false;
        }
    };
    for line in &outcome.table {
        println!("    {line}");
    }
    for finding in &outcome.findings {
        println!("{finding}");
    }
    print!("{}", outcome.raw);
    let verdict = match (outcome.findings.len(), outcome.is_clean()) {
        (_, true) => "ok".to_owned(),
        (0, _) => "FAILED".to_owned(),
        (count, _) => format!("FAILED, {count} found"),
    };
    println!(
        "check {name}: {verdict} ({}; {:.1} s)",
        outcome.note, done.seconds
    );
    outcome.is_clean()
}

fn rooms(tree: &Tree) -> Result<Outcome> {
    let top_files = rooms::top_files(tree.under("src", &["rs"]));
    let rule = |path: &str, text: &str| rooms::rust_file(path, text, &top_files);
    let (count, found) = tree.each(tree.under("src", &["rs"]), rule)?;
    Ok(Outcome::found(format!("borders of {count} files"), found))
}

fn readme_tables(tree: &Tree) -> Result<Outcome> {
    let ksrc = artifacts::ksrc(Config::Stock)?;
    let text = fs::read_to_string(tree.root.join("README.md"))?;
    let places = [&tree.root, &ksrc];
    let read = |name: &str| {
        places
            .iter()
            .find_map(|p| fs::read_to_string(p.join(name)).ok())
    };
    let (count, found) = readme::check(&text, read);
    Ok(Outcome::found(
        format!("{count} functions and tests"),
        found,
    ))
}

fn helpers(tree: &Tree) -> Result<Outcome> {
    let names = tree.files().filter(|n| n.starts_with("src/helpers/"));
    let (count, found) = tree.each(names, helpers::c_file)?;
    Ok(Outcome::found(
        format!("{count} files that only wrap"),
        found,
    ))
}

/// The Rust files of the module and of the test modules.
fn module_rust(tree: &Tree) -> impl Iterator<Item = &str> {
    let ours = tree.under("src", &["rs"]);
    ours.chain(tree.under("selftests/modules", &["rs"]))
}

fn unsafe_census(tree: &Tree) -> Result<Outcome> {
    let mut outcome = Outcome::new("");
    let (mut total, mut holders) = (0, 0);
    for name in module_rust(tree) {
        let Some(text) = tree.text(name)? else {
            continue;
        };
        let (count, found) = census::rust_file(name, &text);
        outcome.findings.extend(found);
        if count.total() > 0 {
            total += count.total();
            holders += 1;
            outcome.table.push(format!(
                "{:4} unsafe  {name}: {} blocks, {} impls, {} contracts",
                count.total(),
                count.blocks,
                count.impls,
                count.contracts
            ));
        }
    }
    outcome.note = format!("{total} in {holders} files");
    Ok(outcome)
}

fn headers(tree: &Tree) -> Result<Outcome> {
    let (rust, mut found) = tree.each(tree.under("", &["rs"]), headers::rust_file)?;
    let tagged = tree
        .files()
        .filter(|n| headers::is_tagged(n) && !n.ends_with(".rs"));
    let (count, more) = tree.each(tagged, headers::licence)?;
    found.extend(more);
    found.sort();
    Ok(Outcome::found(
        format!("{rust} Rust files, {count} others"),
        found,
    ))
}

fn panics(tree: &Tree) -> Result<Outcome> {
    let (count, found) = tree.each(module_rust(tree), panics::rust_file)?;
    Ok(Outcome::found(format!("none in {count} files"), found))
}

fn words(tree: &Tree) -> Result<Outcome> {
    let forbidden = words::Forbidden::of_this_machine(&tree.root);
    let names = tree.files().filter(|name| words::is_read(name));
    let (count, found) = tree.each(names, |path, text| words::file(path, text, &forbidden))?;
    let hosts = forbidden.hosts.len();
    Ok(Outcome::found(
        format!("{count} files, {hosts} registry hosts"),
        found,
    ))
}

fn top(tree: &Tree) -> Result<Outcome> {
    Ok(Outcome::found(
        "the top level's entries",
        words::top_level(tree),
    ))
}
