// SPDX-License-Identifier: GPL-2.0
//! Programs from Debian's packages, server and client unmodified, over AF_QSOCK and over AF_UNIX.
//!
//! It runs in a guest's Debian user land. Each program has a file here: how it is started, a check of its own that what
//! went through the sockets is right, and a load whose rate is taken for both families in turn.
//!
//!     programs [--short] [NAME...]
//!
//! prints a line for each result, with tabs between its parts: `ok NAME FAMILY`, `not ok NAME FAMILY REASON`,
//! `rate NAME WHAT UNIT AF_UNIX AF_QSOCK`.

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

/// How often the families take turns, unless AF_QSOCK is ahead sooner.
const MOST_ROUNDS: u32 = 2;

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
    let rounds = if short { 1..=1 } else { 1..=MOST_ROUNDS };
    let began = std::time::Instant::now();
    let mut running: Vec<(Family, Result<Run>)> = Family::BOTH
        .map(|family| {
            let run = Place::new(name, family, short)
                .and_then(start)
                .and_then(|mut case| {
                    case.check()?;
                    Ok(Run {
                        case,
                        best: Vec::new(),
                    })
                });
            (family, run)
        })
        .into();
    for round in 1..=*rounds.end() {
        for (_, result) in &mut running {
            if let Ok(run) = result {
                if let Err(why) = run.load() {
                    *result = Err(format!("under load: {why}"));
                }
            }
        }
        if round >= *rounds.start() && !behind(&running) {
            break;
        }
    }
    for (family, result) in &running {
        match result {
            Ok(_) => println!("ok\t{name}\t{family}"),
            Err(why) => {
                let logs = Place::new(name, *family, short).map_or(String::new(), |p| p.logs());
                let why = format!("{}\n{logs}", why.trim()).replace('\n', "\t");
                println!("not ok\t{name}\t{family}\t{why}");
            }
        }
    }
    if let [(_, Ok(unix)), (_, Ok(qsock))] = &running[..] {
        for (unix, qsock) in unix.best.iter().zip(&qsock.best) {
            let (what, unit) = (unix.what, unix.unit);
            println!(
                "rate\t{name}\t{what}\t{unit}\t{}\t{}",
                unix.value, qsock.value
            );
        }
    }
    println!("time\t{name}\t{:.1}", began.elapsed().as_secs_f32());
    running.iter().all(|(_, result)| result.is_ok())
}

/// Whether AF_QSOCK's best rate of something is well below AF_UNIX's so far: more rounds tell chance from what is.
fn behind(running: &[(Family, Result<Run>)]) -> bool {
    let [(_, Ok(unix)), (_, Ok(qsock))] = running else {
        return false;
    };
    let mut pairs = unix.best.iter().zip(&qsock.best);
    pairs.any(|(unix, qsock)| qsock.value < 0.98 * unix.value)
}

/// A program with the best rates so far.
struct Run {
    case: Box<dyn Case>,
    best: Vec<Rate>,
}

impl Run {
    fn load(&mut self) -> Result<()> {
        for rate in self.case.load()? {
            match self.best.iter_mut().find(|best| best.what == rate.what) {
                Some(best) => best.value = best.value.max(rate.value),
                None => self.best.push(rate),
            }
        }
        Ok(())
    }
}
