// SPDX-License-Identifier: GPL-2.0
//! Programs from Debian's packages, server and client unmodified, over AF_QSOCK and over AF_UNIX.
//!
//! It runs in a guest's Debian user land. Each program has a file here: how it is started, a check of its own that what
//! went through the sockets is right, and a load whose rate is taken for both families in turn.
//!
//!     programs [--short] [NAME...]
//!
//! prints a line for each result, with tabs between its parts: `ok NAME FAMILY`, `not ok NAME FAMILY REASON`; and for each
//! round of load `rate NAME WHAT UNIT AF_UNIX AF_QSOCK`.

mod dbus;
mod hackbench;
mod launcher;
mod nginx;
mod place;
mod postgresql;
mod python;
mod redis;
mod socat;
mod ssh;
mod stress;

use place::{Family, Place, Result};
use std::process::ExitCode;

/// How often something is done in a second, or how much of it.
pub struct Rate {
    pub what: &'static str,
    pub unit: &'static str,
    pub value: f64,
}

/// A program that runs in one family.
pub trait Case {
    /// Says whether what goes through its sockets is right.
    fn check(&mut self) -> Result<()>;
    /// Puts load on it.
    fn load(&mut self) -> Result<Vec<Rate>>;
}

/// How often the families take turns. The first of them is the other one the next time.
const ROUNDS: usize = 3;

type Start = fn(Place) -> Result<Box<dyn Case>>;

const PROGRAMS: [(&str, Start); 10] = [
    ("launcher", launcher::start),
    ("redis", redis::start),
    ("postgresql", postgresql::start),
    ("nginx", nginx::start),
    ("dbus", dbus::start),
    ("python", python::start),
    ("ssh", ssh::start),
    ("hackbench", hackbench::start),
    ("stress-ng", stress::start),
    ("socat", socat::start),
];

fn main() -> ExitCode {
    let (options, names): (Vec<String>, Vec<String>) = std::env::args()
        .skip(1)
        .partition(|word| word.starts_with("--"));
    let short = options == ["--short"];
    let known = |name: &String| PROGRAMS.iter().any(|program| program.0 == name);
    if !(short || options.is_empty()) || !names.iter().all(known) {
        eprintln!("usage: programs [--short] [NAME...]");
        return ExitCode::FAILURE;
    }
    let mut passed = true;
    for (name, start) in PROGRAMS {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            passed &= program(name, start, short);
        }
    }
    if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// One program in both families, which take turns under load.
fn program(name: &'static str, start: Start, short: bool) -> bool {
    let began = std::time::Instant::now();
    let mut runs = Family::BOTH.map(|family| Run {
        family,
        case: Place::new(name, family, short)
            .and_then(start)
            .and_then(|mut case| case.check().map(|()| case)),
        rates: Vec::new(),
    });
    for _ in 0..if short { 1 } else { ROUNDS } {
        runs.iter_mut().for_each(Run::load);
        runs.reverse();
    }
    runs.sort_by_key(|run| run.family as usize);
    for run in &runs {
        let family = run.family;
        match &run.case {
            Ok(_) => println!("ok\t{name}\t{family}"),
            Err(why) => {
                let logs = Place::new(name, family, short).map_or(String::new(), |p| p.logs());
                let why = format!("{}\n{logs}", why.trim()).replace('\n', "\t");
                println!("not ok\t{name}\t{family}\t{why}");
            }
        }
    }
    let [unix, qsock] = &runs;
    for (unix, qsock) in unix.rates.iter().zip(&qsock.rates) {
        println!(
            "rate\t{name}\t{}\t{}\t{}\t{}",
            unix.what, unix.unit, unix.value, qsock.value
        );
    }
    println!("time\t{name}\t{:.1}", began.elapsed().as_secs_f32());
    runs.iter().all(|run| run.case.is_ok())
}

/// A program in a family, with the rates of all rounds.
struct Run {
    family: Family,
    case: Result<Box<dyn Case>>,
    rates: Vec<Rate>,
}

impl Run {
    fn load(&mut self) {
        if let Ok(case) = &mut self.case {
            match case.load() {
                Ok(rates) => self.rates.extend(rates),
                Err(why) => self.case = Err(format!("under load: {why}")),
            }
        }
    }
}
