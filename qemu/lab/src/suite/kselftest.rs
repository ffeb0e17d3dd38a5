// SPDX-License-Identifier: GPL-2.0
//! The kselftest collection in selftests/: built and installed by the kernel's lib.mk, run by its run_kselftest.sh.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure, Context, Result};
use regex::Regex;

use super::ktap::{Reader, Style};
use super::report::{Case, Place, Ui};
use super::section::Section;
use crate::artifacts::{self, Arch, Config};
use crate::cache;
use crate::guest::job::instrumented;

/// By how much the long tests do less where each operation is many times dearer, or was met already.
const DIVISOR: u32 = 8;

/// What the kernel's command line says to have SELinux where Debian has AppArmor: one of the two can be active.
pub const WITH_SELINUX: &str = "lsm=landlock,lockdown,yama,selinux,bpf";

/// The programs that meet hooks of security modules.
const OF_SELINUX: &[&str] = &[
    "bad_input_option",
    "dgram_connect",
    "io_uring_msg",
    "landlock",
    "lsm_bpf",
    "peercred",
    "scm_cred",
    "scm_misc",
    "scm_rights",
    "seqpacket_connect",
    "sockopt_error",
    "sockopt_filter",
    "stream_accept",
];

/// Where the collection is below the guest's root.
pub const GUEST: &str = "/kselftest";

/// What the programs are built for: the architecture, or the 32-bit one whose programs its kernels run too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abi {
    Native,
    Compat,
}

impl Abi {
    pub fn suite(self) -> &'static str {
        match self {
            Abi::Native => "kselftest",
            Abi::Compat => "kselftest32",
        }
    }

    fn guest(self) -> &'static str {
        match self {
            Abi::Native => GUEST,
            Abi::Compat => "/kselftest32",
        }
    }

    fn cc(self, arch: Arch) -> String {
        match self {
            Abi::Native => artifacts::cross(arch).cc,
            Abi::Compat => format!("{}-gcc-14", arch.triple32()),
        }
    }

    /// The byte of an ELF file that says how wide it is.
    fn class(self) -> u8 {
        match self {
            Abi::Native => 2,
            Abi::Compat => 1,
        }
    }
}

/// The directory whose content goes over a guest's root, with the collection in it.
pub fn overlay(arch: Arch, config: Config, abi: Abi) -> Result<PathBuf> {
    let overlay = artifacts::build_dir(arch, config)?.join(match abi {
        Abi::Native => "overlay",
        Abi::Compat => "overlay32",
    });
    let place = overlay.join(abi.guest().trim_start_matches('/'));
    // What an earlier build installed and this one does not must not run.
    cache::wipe(&place)?;
    let goals = [
        format!("INSTALL_PATH={}", place.display()),
        "install".into(),
    ];
    make(arch, config, abi, &goals)?;
    are_of(abi, &place.join("qsock"))?;
    Ok(overlay)
}

/// Whether the programs in a directory are what they should be: a compiler that takes no notice would go unnoticed.
fn are_of(abi: Abi, dir: &Path) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let path = entry?.path();
        let mut start = [0; 5];
        let elf =
            fs::File::open(&path)?.read_exact(&mut start).is_ok() && start[..4] == *b"\x7fELF";
        if elf && start[4] != abi.class() {
            bail!("{} is no program of {}", path.display(), abi.suite());
        }
    }
    Ok(())
}

/// Where the collection's programs are built.
fn output(arch: Arch, abi: Abi) -> Result<PathBuf> {
    let name = abi.suite().replace("kselftest", "selftests");
    Ok(artifacts::top()?.join("build").join(arch.name()).join(name))
}

/// make in selftests/ for an architecture.
pub fn make(arch: Arch, config: Config, abi: Abi, goals: &[String]) -> Result<()> {
    let goals = [variables(arch, config, abi)?, goals.to_vec()].concat();
    run_make(&artifacts::top()?.join("selftests"), arch, &goals)
}

/// make in a directory, one at a time for an architecture.
pub fn run_make(dir: &Path, arch: Arch, words: &[String]) -> Result<()> {
    let build = artifacts::top()?.join("build").join(arch.name());
    fs::create_dir_all(&build).with_context(|| format!("cannot make {}", build.display()))?;
    let _lock = cache::lock(&build.join("selftests.lock"), "the selftests")?;
    let mut make = artifacts::bare_make();
    make.arg("-C").arg(dir).args(words);
    let out = make.output().context("cannot run make")?;
    let told =
        String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    ensure!(out.status.success(), "the selftests do not build:\n{told}");
    Ok(())
}

pub fn variables(arch: Arch, config: Config, abi: Abi) -> Result<Vec<String>> {
    Ok(vec![
        format!("KSRC={}", artifacts::ksrc(config)?.display()),
        format!("CC={}", abi.cc(arch)),
        format!("OUTPUT={}", output(arch, abi)?.display()),
    ])
}

/// The variants of the tests that run against AF_UNIX.
fn controls() -> Result<Vec<String>> {
    let variant = Regex::new(r"FIXTURE_VARIANT_ADD\(\s*\w+\s*,\s*(af_unix\w*)\)")?;
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(artifacts::top()?.join("selftests"))? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|kind| kind == "c" || kind == "h")
        {
            let text = fs::read_to_string(&path)?;
            found.extend(
                variant
                    .captures_iter(&text)
                    .map(|found| found[1].to_owned()),
            );
        }
    }
    Ok(found.into_iter().collect())
}

/// Runs the installed collection and counts its subtests.
pub struct Kselftest {
    suite: &'static str,
    abi: Abi,
    /// What must hold before anything runs.
    needs: &'static str,
    /// The programs to run, if not all.
    only: &'static [&'static str],
    reader: Reader,
    groups: usize,
    failed: bool,
    /// Seconds that one program may take.
    limit: u32,
    /// Programs that are left out.
    without: &'static [&'static str],
    /// Variants that are left out.
    without_variants: Vec<String>,
    /// By how much the long tests do less.
    divisor: u32,
}

impl Kselftest {
    pub fn new(config: Config, abi: Abi) -> Kselftest {
        let limit = if instrumented(config) { 900 } else { 300 };
        // What AF_UNIX does is shown by the native programs on the stock kernels; the other runs are for the
        // module, and a kernel full of checkers is slow.
        let without_variants = if instrumented(config) || abi == Abi::Compat {
            controls().unwrap_or_default()
        } else {
            Vec::new()
        };
        // What 32-bit programs meet is how the kernel reads them: the queues are the same.
        let short = instrumented(config) || abi == Abi::Compat;
        let divisor = if short { DIVISOR } else { 1 };
        Kselftest {
            suite: abi.suite(),
            abi,
            needs: "true",
            only: &[],
            without_variants,
            divisor,
            reader: Reader::new(Style::Kselftest),
            groups: 0,
            failed: false,
            limit,
            without: &[],
        }
    }

    /// Those that meet hooks of security modules, for a guest with SELinux.
    pub fn of_selinux(config: Config) -> Kselftest {
        Kselftest {
            suite: "selinux",
            needs: "grep -q selinux /sys/kernel/security/lsm",
            only: OF_SELINUX,
            ..Kselftest::new(config, Abi::Native)
        }
    }

    /// Leaves programs out that another suite of the same boot runs.
    pub fn without(self, programs: &'static [&'static str]) -> Kselftest {
        Kselftest {
            without: programs,
            ..self
        }
    }
}

impl Section for Kselftest {
    fn suite(&self) -> &'static str {
        self.suite
    }

    fn script(&self) -> String {
        let skip = self.without.iter().map(|name| format!(" -S qsock:{name}"));
        let only = self.only.iter().map(|name| format!(" -t qsock:{name}"));
        let chosen: String = skip.chain(only).collect();
        let (place, limit) = (self.abi.guest(), self.limit);
        let variants = self
            .without_variants
            .iter()
            .map(|name| format!("-V {name} "));
        let variants: String = variants.collect();
        // The runner takes a program's arguments from a variable of its name. One takes no such arguments.
        let arguments = if variants.is_empty() {
            String::new()
        } else {
            format!(
                "export QSOCK_TEST_DIVISOR={}; for t in $(sed 's/.*://' kselftest-list.txt); do [ $t = reload ] || \
                 export KSELFTEST_$(echo $t | tr a-z A-Z)_ARGS='{variants}'; done; ",
                self.divisor
            )
        };
        let needs = self.needs;
        format!("{needs} && cd {place} && {{ {arguments}./run_kselftest.sh -o {limit}{chosen}; }}")
    }

    fn line(&mut self, line: &str, place: Place, ui: &Ui) {
        if let Some(group) = self.reader.line(line) {
            self.groups += 1;
            self.failed |= group.failed();
            ui.group(place, self.suite(), &group.name, group.cases);
        }
    }

    fn end(&mut self, status: i32, place: Place, ui: &Ui) {
        let trouble = match (self.groups, self.reader.missing(), status) {
            (0, _, _) => Some(format!("no test ran (status {status})")),
            (_, missing @ 1.., _) => Some(format!("{missing} planned programs did not report")),
            (_, _, status) if status != 0 && !self.failed => {
                Some(format!("the runner says {status}, and no test failed"))
            }
            _ => None,
        };
        if let Some(trouble) = trouble {
            ui.case(place, self.suite(), Case::new("runner", false, trouble));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::report::Sum;

    fn run(lines: &str, status: i32) -> Sum {
        let (mut section, ui) = (Kselftest::new(Config::Stock, Abi::Native), Ui::new());
        lines
            .lines()
            .for_each(|l| section.line(l, Place(None), &ui));
        section.end(status, Place(None), &ui);
        ui.sum()
    }

    #[test]
    fn a_runner_that_runs_nothing_fails() {
        assert_eq!(
            run("TAP version 13\n", 0),
            Sum {
                failed: 1,
                ..Sum::default()
            }
        );
        assert_eq!(
            run("", 127),
            Sum {
                failed: 1,
                ..Sum::default()
            }
        );
    }

    #[test]
    fn the_runners_status_must_fit_its_results() {
        assert_eq!(
            run("1..1\nok 1 selftests: qsock: a\n", 0),
            Sum {
                passed: 1,
                ..Sum::default()
            }
        );
        assert_eq!(
            run("1..1\nok 1 selftests: qsock: a\n", 1),
            Sum {
                passed: 1,
                failed: 1,
                skipped: 0
            }
        );
        assert_eq!(
            run("1..2\nok 1 selftests: qsock: a\n", 0),
            Sum {
                passed: 1,
                failed: 1,
                skipped: 0
            }
        );
        assert_eq!(
            run("1..1\nnot ok 1 selftests: qsock: a\n", 1),
            Sum {
                failed: 1,
                ..Sum::default()
            }
        );
    }

    #[test]
    fn a_program_of_the_other_width_is_found() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("config"), "CONFIG_NET=y\n").unwrap();
        assert!(are_of(Abi::Compat, dir.path()).is_ok());
        fs::write(dir.path().join("program"), b"\x7fELF\x02more").unwrap();
        assert!(are_of(Abi::Native, dir.path()).is_ok());
        assert!(are_of(Abi::Compat, dir.path()).is_err());
    }
}
