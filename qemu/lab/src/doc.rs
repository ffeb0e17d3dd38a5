// SPDX-License-Identifier: GPL-2.0
//! `lab doc`: rustdoc of the module, private items included.
//!
//! kbuild has no such target outside the kernel's tree. But it records the command that compiled
//! the crate root, and rustdoc takes the same flags but those that say what to emit.

use crate::artifacts::{self, Arch, Config};
use anyhow::{bail, Context, Result};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const CRATE: &str = "qsock_main";
/// What src/Kbuild generates and src/bindings includes.
const BINDINGS: &str = "src/bindings/bindings_generated.rs";

/// `lab doc`: builds the pages and prints the path of the first one.
pub fn main() -> Result<ExitCode> {
    let pages = build()?;
    eprint!("{}", pages.messages);
    match pages.index {
        Some(index) => println!("{}", index.display()),
        None => bail!("rustdoc found faults in the module's documentation; they stand above"),
    }
    Ok(ExitCode::SUCCESS)
}

/// What rustdoc made.
pub struct Pages {
    /// The first page; nothing when a warning stopped rustdoc.
    pub index: Option<PathBuf>,
    /// What it said, with paths relative to `folder`.
    pub messages: String,
    /// Where it worked.
    pub folder: PathBuf,
}

/// Builds the pages; any warning, a broken link above all, is an error.
pub fn build() -> Result<Pages> {
    // The module first: its generated bindings, and the record of its flags.
    artifacts::module(Arch::X86_64, Config::Stock)?;
    let folder = artifacts::build_dir(Arch::X86_64, Config::Stock)?.join("module");
    let record = folder.join(format!("src/.{CRATE}.o.cmd"));
    let text = std::fs::read_to_string(&record)
        .with_context(|| format!("read kbuild's record {}", record.display()))?;
    let recorded = recorded_command(&text)?;

    let pages = artifacts::top()?.join("build/doc");
    if pages.exists() {
        // Pages of items that are gone would stay.
        std::fs::remove_dir_all(&pages)?;
    }
    let out = rustdoc(&recorded, &folder, &pages)
        .output()
        .context("run rustdoc")?;
    let index = pages.join(CRATE).join("index.html");
    if out.status.success() && !index.is_file() {
        bail!("rustdoc ended well, but wrote no {}", index.display());
    }
    Ok(Pages {
        index: out.status.success().then_some(index),
        messages: String::from_utf8_lossy(&out.stderr).into_owned(),
        folder,
    })
}

/// A command as kbuild recorded it.
#[derive(Debug, PartialEq)]
struct Recorded {
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
}

/// Reads the command out of a `.cmd` file.
fn recorded_command(text: &str) -> Result<Recorded> {
    let line = text
        .lines()
        .find(|line| line.starts_with("savedcmd_"))
        .context("kbuild's record has no savedcmd line")?;
    let (_, command) = line
        .split_once(":=")
        .context("kbuild's record has no command")?;
    // Only the first of several commands compiles.
    let mut words = split(command)
        .into_iter()
        .take_while(|word| word != ";")
        .peekable();
    let mut environment = Vec::new();
    while let Some((name, value)) = words.peek().and_then(|word| word.split_once('=')) {
        environment.push((name.to_owned(), value.to_owned()));
        words.next();
    }
    words.next().context("kbuild's record names no compiler")?;
    Ok(Recorded {
        environment,
        arguments: words.collect(),
    })
}

/// Words of a recorded shell command: spaces divide, single quotes hold together, `$$` and
/// `$(pound)` are make's writing of `$` and `#`.
fn split(command: &str) -> Vec<String> {
    let command = command.replace("$$", "$").replace("$(pound)", "#");
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for c in command.chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' | '\t' if !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// The recorded flags without what says which files to emit.
fn kept_arguments(arguments: &[String]) -> Vec<&str> {
    let mut kept = Vec::new();
    let mut words = arguments.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "--crate-type" | "--out-dir" => {
                words.next();
            }
            word if word.starts_with("--emit=") => {}
            word => kept.push(word),
        }
    }
    kept
}

fn rustdoc(recorded: &Recorded, folder: &Path, pages: &Path) -> Command {
    let mut rustdoc = Command::new("rustdoc");
    rustdoc
        .args(kept_arguments(&recorded.arguments))
        // The kernel crate's metadata names it, and only rustc finds it by itself.
        .args([
            "--extern",
            "macros",
            "--document-private-items",
            "-Dwarnings",
        ])
        .arg("--output")
        .arg(pages)
        .envs(
            recorded
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        )
        // kbuild and src/Kbuild export these to the compiler.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("QSOCK_BINDINGS", folder.join(BINDINGS))
        .current_dir(folder);
    rustdoc
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = "savedcmd_src/qsock_main.o := OBJTREE=/k RUST_MODFILE=src/qsock rustc \
        --edition=2021 -Zcrate-attr='feature(a,b)' --cfg 'x=\"y z\"' --crate-type rlib -L /k/rust/ \
        --out-dir src/ --emit=dep-info=src/.x.d --emit=obj=src/x.o ../src/qsock_main.rs  ; objtool x\n\
        \nsource_src/qsock_main.o := x\n";

    #[test]
    fn kbuild_records_are_read() {
        let recorded = recorded_command(RECORD).unwrap();
        let pair = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        let environment = [pair("OBJTREE", "/k"), pair("RUST_MODFILE", "src/qsock")];
        assert_eq!(recorded.environment, environment);
        let expected = [
            "--edition=2021",
            "-Zcrate-attr=feature(a,b)",
            "--cfg",
            "x=\"y z\"",
            "-L",
            "/k/rust/",
            "../src/qsock_main.rs",
        ];
        assert_eq!(kept_arguments(&recorded.arguments), expected);
    }

    #[test]
    fn a_strange_record_is_an_error() {
        assert!(recorded_command("").is_err());
        assert!(recorded_command("savedcmd_x := A=b\n").is_err());
    }

    #[test]
    fn make_writes_some_characters_its_own_way() {
        assert_eq!(split("a$$b $(pound)c ''"), ["a$b", "#c", ""]);
    }
}
