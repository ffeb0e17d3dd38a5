// SPDX-License-Identifier: GPL-2.0

//! qsockctl: policies, sockets and refusals of AF_QSOCK, from a shell.
//!
//! It checks policies with the source that the kernel compiles them with
//! (src/policy/rules).

mod list;
mod memory;
mod monitor;
mod netlink;
#[cfg(test)]
mod oracle;
// The kernel asks the rest.
#[allow(dead_code)]
#[path = "../../src/policy/rules/mod.rs"]
mod rules;

use rules::{Mistake, Policy, Refusal};
use std::io::{Error, ErrorKind, Read, Write};
use std::process::ExitCode;
use std::{fs, io};

const USAGE: &str = "\
usage: qsockctl COMMAND
    policy check FILE    say whether FILE is a policy (- is the standard input)
    policy load FILE     replace the kernel's policy with FILE
    policy show          print the kernel's policy
    enforce [0|1]        whether what the policy refuses is refused, or told only
    stats                how often each rule decided: line, number, rule
    list                 the sockets, by sock_diag(7)
    monitor [COUNT]      print what the policy tells the audit subsystem, COUNT times
";

/// The kernel's files.
const CONTROL: &str = "/sys/kernel/security/qsock";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let result = match words[..] {
        ["policy", "check", file] => check(file).map(|_| ()),
        ["policy", "load", file] => load(file),
        ["policy", "show"] => show("policy"),
        ["enforce"] => show("enforce"),
        ["enforce", value @ ("0" | "1")] => store("enforce", value.as_bytes()),
        ["stats"] => stats(),
        ["list"] => list::list(),
        ["monitor"] => monitor::monitor(u64::MAX),
        ["monitor", count] => match count.parse() {
            Ok(count) => monitor::monitor(count),
            Err(_) => return usage(),
        },
        _ => return usage(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Who reads has enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("qsockctl: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprint!("{USAGE}");
    ExitCode::from(2)
}

/// `error`, and what it is about.
fn about(what: &str, error: Error) -> Error {
    Error::new(error.kind(), format!("{what}: {error}"))
}

/// Reads a policy and compiles it, as the kernel would.
fn check(file: &str) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let read = match file {
        "-" => io::stdin().read_to_end(&mut text),
        _ => fs::File::open(file).and_then(|mut f| f.read_to_end(&mut text)),
    };
    read.map_err(|error| about(file, error))?;
    match Policy::compile(&text, [0, 0]) {
        Ok(_) => Ok(text),
        Err(Refusal::NoMemory) => Err(ErrorKind::OutOfMemory.into()),
        Err(Refusal::Mistake(mistake)) => {
            eprint!("{}", explain(file, &text, &mistake));
            Err(Error::new(ErrorKind::InvalidData, "that is no policy"))
        }
    }
}

/// A mistake with its line, and a caret below its column.
fn explain(file: &str, text: &[u8], mistake: &Mistake) -> String {
    let Mistake { line, column, what } = mistake;
    let bytes = text.split(|byte| *byte == b'\n').nth(line - 1);
    let bytes = bytes.unwrap_or_default();
    let plain = |byte: &u8| match *byte {
        b'\t' => ' ',
        byte if byte.is_ascii_graphic() || byte == b' ' => char::from(byte),
        _ => '.',
    };
    // Of a long line, what is around the mistake.
    let start = column.saturating_sub(60);
    let shown: String = bytes.iter().skip(start).take(100).map(plain).collect();
    let caret = " ".repeat(column - 1 - start);
    format!("{file}:{line}:{column}: {what}\n  {shown}\n  {caret}^\n")
}

fn load(file: &str) -> io::Result<()> {
    let text = check(file)?;
    // The kernel takes no write of nothing.
    store("policy", if text.is_empty() { b"\n" } else { &text })
}

/// Writes one of the kernel's files, in one call.
fn store(name: &str, text: &[u8]) -> io::Result<()> {
    let path = format!("{CONTROL}/{name}");
    let file = fs::OpenOptions::new().write(true).open(&path);
    let written = file.and_then(|mut file| file.write(text));
    match written.map_err(|error| about(&path, error))? {
        all if all == text.len() => Ok(()),
        _ => Err(Error::new(ErrorKind::WriteZero, "a part was written")),
    }
}

/// One of the kernel's files.
fn fetch(name: &str) -> io::Result<Vec<u8>> {
    let path = format!("{CONTROL}/{name}");
    fs::read(&path).map_err(|error| about(&path, error))
}

fn show(name: &str) -> io::Result<()> {
    io::stdout().write_all(&fetch(name)?)
}

/// The numbers of the rules, each beside its rule.
fn stats() -> io::Result<()> {
    let (stats, policy) = (fetch("stats")?, fetch("policy")?);
    let lines: Vec<&[u8]> = policy.split(|byte| *byte == b'\n').collect();
    let mut out = io::stdout().lock();
    for row in String::from_utf8_lossy(&stats).lines() {
        let (line, count) = row.split_once(' ').unwrap_or((row, ""));
        let at = line.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
        let rule = at.and_then(|at| lines.get(at)).copied();
        write!(out, "{line:>7} {count:>12}  ")?;
        out.write_all(rule.unwrap_or_default())?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpus_holds() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus");
        let (mut good, mut bad) = (0, 0);
        for entry in fs::read_dir(dir).expect("the corpus is there") {
            let text = fs::read(entry.expect("a file").path()).expect("it can be read");
            // And what the fuzzer would make of it: every beginning, every byte another.
            match oracle::check(&text) {
                true => good += 1,
                false => bad += 1,
            }
            for at in 0..text.len() {
                oracle::check(&text[..at]);
                let mut other = text.clone();
                other[at] ^= 0x15;
                oracle::check(&other);
            }
        }
        assert!(good >= 3 && bad >= 9, "{good} good, {bad} bad");
    }

    #[test]
    fn many_rules_are_found_as_one_by_one() {
        let mut text = String::new();
        for n in 0..3000 {
            let kinds = [
                format!("deny sendmsg uid={n}"),
                format!("allow sendmsg,recvmsg peer=@{n}* uid={}", n % 7),
                format!("deny * exe=/bin/{n} gid={}-", n % 5),
                format!("allow connect peer=/run/{n},/run/x{n}/*"),
            ];
            text += &kinds[n % 4];
            text += "\n";
        }
        assert!(oracle::check(text.as_bytes()));
    }

    #[test]
    fn a_mistake_is_shown_where_it_is() {
        let text = b"allow bind\n\tdeny bind uid=x\n";
        let Err(Refusal::Mistake(mistake)) = Policy::compile(text, [0, 0]) else {
            panic!("it is wrong");
        };
        assert_eq!(
            explain("f", text, &mistake),
            "f:2:16: a number was expected\n   deny bind uid=x\n                 ^\n"
        );
        let long = [&b"deny bind uid=1"[..], &b",1".repeat(100)[..]].concat();
        let Err(Refusal::Mistake(mistake)) = Policy::compile(&long, [0, 0]) else {
            panic!("it is wrong");
        };
        let told = explain("f", &long, &mistake);
        let lines: Vec<&str> = told.lines().collect();
        assert!(lines[1].len() <= 102 && lines[2].len() <= 102);
    }
}
