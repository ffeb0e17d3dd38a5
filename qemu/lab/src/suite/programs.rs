// SPDX-License-Identifier: GPL-2.0
//! Debian's programs over AF_QSOCK beside AF_UNIX: selftests/programs runs them in a guest that has a Debian user land
//! ([`crate::userland`]), and this reads what it says. The guest counts instructions: a second of its rates is as many
//! as there are nanoseconds in one. It has one processor: which of two a process wakes up on is chance.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use super::report::{self, Case, Outcome, Place, Ui};
use super::section::{self, Section};
use crate::artifacts::{self, Arch, Config};
use crate::guest::{job::instrumented, Job};
use crate::{cache, tools, userland};

const SUITE: &str = "programs";

/// How far below AF_UNIX a rate may be: what a run differs from the next by, when processes meet in another order.
const TOLERANCE: f64 = 0.98;

/// What is known to be slower, or to differ much from round to round, down to which ratio, and why.
const BARS: [(&str, &str, f64, &str); 3] = [
    (
        "postgresql",
        "select",
        0.93,
        "its rounds differ by up to a tenth",
    ),
    (
        "ssh",
        "ControlMaster",
        0.96,
        "each session is a program that starts, with one library more",
    ),
    (
        "stress-ng",
        "epoll",
        0.97,
        "connections to a path alone, where the launcher looks at the file first",
    ),
];

/// Where the guest has the driver and its scripts.
const GUEST: &str = "programs";

/// What makes a system of the user land.
const ENTER: &str = "\
leaks=/sys/kernel/debug/kmemleak; [ ! -e $leaks ] || echo scan=off >$leaks; \
cd /userland && mount -t tmpfs tmpfs tmp && chmod 1777 tmp && mount -t tmpfs tmpfs run && \
for d in dev proc sys; do mount -o rbind /$d $d || exit; done && mount -o bind /programs opt || exit; ";

pub fn run(arch: Arch, config: Config, ui: &Ui) -> Result<()> {
    let mut job = Job::new(arch, config, &[]);
    job.overlays = vec![overlay(arch, config)?, userland::root()?];
    job.mem = if instrumented(config) { 4096 } else { 2048 };
    // A rate by what the processor has to do repeats on any machine, however busy. Checkers make it mean nothing.
    job.icount = !instrumented(config);
    if job.icount {
        job.smp = 1;
    }
    job.timeout = Some(Duration::from_secs(if instrumented(config) {
        3600
    } else {
        1200
    }));
    let programs = Programs::new(instrumented(config));
    section::run(&job, &mut [Box::new(programs)], ui, |_, _, _| {})
}

/// The driver, its scripts, and the launcher.
fn overlay(arch: Arch, config: Config) -> Result<PathBuf> {
    let overlay = artifacts::build_dir(arch, config)?.join("overlay-programs");
    let place = overlay.join(GUEST);
    cache::wipe(&place)?;
    fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    let built = tools::build(arch)?;
    let mut files: Vec<PathBuf> = tools::LAUNCHER
        .iter()
        .map(|name| built.join(name))
        .collect();
    files.push(built.join(tools::DRIVER));
    for entry in fs::read_dir(artifacts::top()?.join("selftests/programs"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|kind| kind == "py") {
            files.push(path);
        }
    }
    // A static program, which the launcher must tell from others.
    fs::copy(artifacts::busybox(arch)?, place.join("static")).context("cannot copy busybox")?;
    let tests = place.join(tools::TESTS);
    fs::copy(tools::tests(arch)?, tests).context("cannot copy the tests of crate qsock")?;
    for file in files {
        let name = file.file_name().unwrap_or_default();
        fs::copy(&file, place.join(name))
            .with_context(|| format!("cannot copy {}", file.display()))?;
    }
    Ok(overlay)
}

/// What a program does in a second, in both families, in each round.
#[derive(Clone, Debug, PartialEq)]
struct Rate {
    program: String,
    what: String,
    unit: String,
    unix: Vec<f64>,
    qsock: Vec<f64>,
}

impl Rate {
    /// That of the medians: rounds have nothing in common but their number.
    fn ratio(&self) -> f64 {
        let (qsock, unix) = self.rates();
        qsock / unix
    }

    /// The medians of both.
    fn rates(&self) -> (f64, f64) {
        let of = |rates: &[f64]| median(rates.iter().copied());
        (of(&self.qsock), of(&self.unix))
    }
}

/// The middle one of some numbers; 0 where there are none.
fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

struct Programs {
    /// Too short for rates that mean something.
    short: bool,
    rates: Vec<Rate>,
    /// The cases of the program that is being reported.
    cases: Vec<Case>,
    reported: usize,
    /// The tests of crate qsock have ended.
    tested: bool,
    other: Vec<String>,
}

impl Programs {
    fn new(short: bool) -> Programs {
        Programs {
            short,
            rates: Vec::new(),
            cases: Vec::new(),
            reported: 0,
            tested: false,
            other: Vec::new(),
        }
    }

    /// Where the rounds of a rate are kept.
    fn rate(&mut self, program: &str, what: &str, unit: &str) -> &mut Rate {
        let is = |rate: &Rate| (&*rate.program, &*rate.what) == (program, what);
        let at = self.rates.iter().position(is).unwrap_or_else(|| {
            self.rates.push(Rate {
                program: program.into(),
                what: what.into(),
                unit: unit.into(),
                unix: Vec::new(),
                qsock: Vec::new(),
            });
            self.rates.len() - 1
        });
        &mut self.rates[at]
    }

    /// A line of the tests of crate qsock, perhaps.
    fn crate_test(&mut self, line: &str, place: Place, ui: &Ui) {
        let result = line
            .strip_prefix("test ")
            .and_then(|rest| rest.split_once(" ... "));
        if let Some((name, verdict)) = result {
            self.cases.push(Case::new(
                &format!("crate qsock: {name}"),
                verdict == "ok",
                "",
            ));
        } else if line.starts_with("test result: ") {
            let mut cases = std::mem::take(&mut self.cases);
            if cases.iter().any(|case| case.outcome == Outcome::Failed) {
                cases.push(Case::new(
                    "crate qsock: output",
                    false,
                    self.other.join("\n"),
                ));
            }
            self.other.clear();
            self.tested |= !cases.is_empty();
            ui.group(place, SUITE, "crate qsock", cases);
        } else {
            self.other.push(line.into());
        }
    }

    /// All of a program has been said.
    fn end_program(&mut self, name: &str, place: Place, ui: &Ui) {
        let mut cases = std::mem::take(&mut self.cases);
        let of = |rate: &&Rate| rate.program == name;
        for rate in self.rates.iter().filter(of).filter(|_| !self.short) {
            let told = format!(
                "{:.1?} over AF_QSOCK, {:.1?} over AF_UNIX",
                rate.qsock, rate.unix
            );
            let known = BARS
                .iter()
                .find(|known| (known.0, known.1) == (name, rate.what.as_str()));
            let (title, least) = match known {
                Some((_, what, least, why)) => (format!("{name}: {what}: {why}"), *least),
                None => (format!("{name}: {} is not slower", rate.what), TOLERANCE),
            };
            cases.push(Case::new(&title, rate.ratio() >= least, told));
        }
        self.reported += 1;
        ui.group(place, SUITE, name, cases);
    }
}

impl Section for Programs {
    fn suite(&self) -> &'static str {
        SUITE
    }

    fn script(&self) -> String {
        let short = if self.short { " --short" } else { "" };
        let (tests, driver) = (tools::TESTS, tools::DRIVER);
        format!("{ENTER}chroot . /opt/{tests} 2>&1; exec chroot . /opt/{driver}{short}")
    }

    fn line(&mut self, line: &str, place: Place, ui: &Ui) {
        match line.split('\t').collect::<Vec<_>>()[..] {
            ["ok", program, family] => {
                let name = format!("{program} {family}");
                self.cases.push(Case::new(&name, true, ""));
            }
            ["not ok", program, family, ref why @ ..] => {
                let name = format!("{program} {family}");
                self.cases.push(Case::new(&name, false, why.join("\n")));
            }
            ["rate", program, what, unit, unix, qsock] => {
                if let (Ok(unix), Ok(qsock)) = (unix.parse(), qsock.parse()) {
                    let rate = self.rate(program, what, unit);
                    rate.unix.push(unix);
                    rate.qsock.push(qsock);
                }
            }
            ["time", program, seconds] => {
                let of = self.rates.iter().filter(|rate| rate.program == program);
                let rates: Vec<String> = of
                    .map(|rate| format!("{} {:.2}", rate.what, rate.ratio()))
                    .collect();
                let rates = if rates.is_empty() {
                    String::new()
                } else {
                    format!("; rate by AF_UNIX's: {}", rates.join(", "))
                };
                let told = format!("{program} took {seconds} s{rates}");
                ui.note(place, SUITE, &told);
                self.end_program(program, place, ui);
            }
            _ => self.crate_test(line, place, ui),
        }
    }

    fn end(&mut self, status: i32, place: Place, ui: &Ui) {
        if !self.tested || self.reported == 0 {
            let told = format!("nothing ran (status {status})\n{}", self.other.join("\n"));
            ui.case(place, SUITE, Case::new("driver", false, told));
        }
        let table = table(&self.rates);
        println!("{table}");
        if let Err(error) = report::keep(place, SUITE, &table) {
            ui.note(place, SUITE, &format!("{error:#}"));
        }
    }
}

/// The rates, as a table.
fn table(rates: &[Rate]) -> String {
    let mut text =
        String::from("| program | what | AF_QSOCK | AF_UNIX | ratio |\n|---|---|--:|--:|--:|\n");
    for rate in rates {
        let (qsock, unix) = rate.rates();
        text += &format!(
            "| {} | {}, {} | {qsock:.0} | {unix:.0} | {:.2} |\n",
            rate.program,
            rate.what,
            rate.unit,
            rate.ratio()
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(lines: &str, short: bool) -> String {
        let (mut section, ui) = (Programs::new(short), Ui::new());
        for line in lines.lines() {
            section.line(line, Place(None), &ui);
        }
        section.end(0, Place(None), &ui);
        let sum = ui.sum();
        format!("{} {}", sum.passed, sum.failed)
    }

    #[test]
    fn results_are_counted() {
        let tests = "running 1 test\ntest a ... ok\n\ntest result: ok. 1 passed\n";
        let run = |lines: &str, short| run(&[tests, lines].concat(), short);
        let good = "ok\ta\tAF_UNIX\nok\ta\tAF_QSOCK\nrate\ta\tw\tx/s\t10\t20\ntime\ta\t1.0\n";
        assert_eq!(run(good, false), "4 0");
        assert_eq!(run(good, true), "3 0");
        assert_eq!(run(&good.replace("20", "2"), false), "3 1");
        // One round in three says little.
        let (best, round) = good.split_once("rate").unwrap();
        let bad = format!("rate{}", round.replace("20", "2"));
        let worst = bad.split_once("time").unwrap().0;
        let rounds = |bad: usize| {
            [
                best,
                &worst.repeat(bad),
                &worst.replace("\t2\n", "\t11\n").repeat(3 - bad),
                "time\ta\t1\n",
            ]
            .concat()
        };
        assert_eq!(run(&rounds(1), false), "4 0");
        assert_eq!(run(&rounds(2), false), "3 1");
        assert_eq!(
            run("not ok\ta\tAF_QSOCK\twhy\tmore\ntime\ta\t1\n", false),
            "1 1"
        );
        assert_eq!(run("sh: not found\n", false), "1 1");
    }

    #[test]
    fn a_test_of_the_crate_may_fail() {
        let (mut section, ui) = (Programs::new(true), Ui::new());
        for line in ["test a ... FAILED", "why", "test result: FAILED. 0 passed"] {
            section.line(line, Place(None), &ui);
        }
        let sum = ui.sum();
        assert_eq!((sum.passed, sum.failed), (0, 2));
    }
}
