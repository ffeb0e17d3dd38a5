// SPDX-License-Identifier: GPL-2.0
//! What `make install` puts somewhere: that it is all there, that socket(2) loads the module from it, that the examples
//! of the man page and the launcher work with it, and that `make uninstall` takes it away again.
//!
//! The guest's root holds nothing of qsock but the installed tree. The module there is signed, by a key of nobody.

pub mod examples;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{ensure, Context, Result};

use super::report::{Case, Place, Ui};
use super::section::{self, Section};
use crate::artifacts::{self, Arch, Config};
use crate::cache;
use crate::guest::Job;

const SUITE: &str = "install";

/// The name in the certificate that signs the module.
const SIGNER: &str = "qsock test";

pub fn run(arch: Arch, config: Config, ui: &Ui) -> Result<()> {
    let place = Place(Some((arch, config)));
    let build = artifacts::build_dir(arch, config)?;
    let tree = build.join("installed");
    cache::wipe(&tree)?;
    let module = artifacts::module(arch, config)?;
    let mut words = vec![format!("MODULE={}", module.display())];
    words.extend(signature(arch, config, &build)?);
    // First, and by itself: what is there to be installed is looked at when make starts.
    make(arch, &tree, &[], "tools")?;
    make(arch, &tree, &words, "install")?;
    let there = files(&tree)?;
    ui.case(place, SUITE, complete(&there, &tree)?);

    let mut job = Job::new(arch, config, &[]);
    job.module = None;
    job.modules = false;
    job.overlays = vec![
        tree.clone(),
        examples::overlay(arch, &build, &tree)?,
        examples::python(arch)?,
    ];
    let mut sections: Vec<Box<dyn Section>> = vec![Box::new(Guest::default())];
    section::run(&job, &mut sections, ui, |_, _, _| {})?;

    // In a shell two words, of which the first is a file of the tree.
    let blank = make(
        arch,
        &tree.join("usr/local/bin/qsockctl and"),
        &[],
        "uninstall",
    );
    let case = Case::new(
        "a path with a blank is refused",
        blank.is_err() && files(&tree)? == there,
        "uninstall did not refuse it, or removed something",
    );
    ui.case(place, SUITE, case);
    make(arch, &tree, &[], "uninstall")?;
    let left: Vec<_> = files(&tree)?.into_iter().filter(|f| !is_index(f)).collect();
    let case = Case::new("uninstall", left.is_empty(), left.join("\n"));
    ui.case(place, SUITE, case);
    Ok(())
}

/// A run of a target in the checkout.
fn make(arch: Arch, tree: &Path, words: &[String], target: &str) -> Result<()> {
    let mut make = artifacts::bare_make();
    make.arg("-C")
        .arg(artifacts::top()?)
        .arg(format!("ARCH={}", arch.name()))
        .arg(format!("DESTDIR={}", tree.display()))
        .args(words)
        .arg(target);
    let out = make.output().context("cannot run make")?;
    let told = String::from_utf8_lossy(&out.stderr);
    ensure!(out.status.success(), "make {target} failed:\n{told}");
    Ok(())
}

/// What `make install` is told to sign the module with: a new key, and the program of the module's own kernel.
fn signature(arch: Arch, config: Config, build: &Path) -> Result<Vec<String>> {
    let (key, cert) = (build.join("sign.key"), build.join("sign.der"));
    let mut openssl = Command::new("openssl");
    openssl
        .args(["req", "-new", "-x509", "-newkey", "rsa:2048", "-nodes"])
        .args(["-outform", "DER", "-days", "2", "-subj"])
        .arg(format!("/CN={SIGNER}"))
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&cert);
    let out = openssl.output().context("cannot run openssl")?;
    let told = String::from_utf8_lossy(&out.stderr);
    ensure!(out.status.success(), "openssl makes no key:\n{told}");
    let sign = artifacts::kdir(arch, config)?.join("scripts/sign-file");
    let words = [("KEY", key), ("CERT", cert), ("FILE", sign)];
    Ok(words
        .map(|(what, path)| format!("SIGN_{what}={}", path.display()))
        .to_vec())
}

/// All files below a directory, relative to it.
fn files(dir: &Path) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(dir)?.to_string_lossy();
                found.insert(name.into_owned());
            }
        }
    }
    Ok(found)
}

/// What depmod writes.
fn is_index(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    file.starts_with("lib/modules/") && name.starts_with("modules.")
}

/// That the installed tree has what the checkout has, and the module its signature.
fn complete(there: &BTreeSet<String>, tree: &Path) -> Result<Case> {
    let mut missing = Vec::new();
    let module = there.iter().find(|f| f.ends_with("/updates/qsock.ko"));
    match module {
        Some(module) => {
            let signer = modinfo("signer", &tree.join(module))?;
            if signer != SIGNER {
                missing.push(format!("{module}: the signer is {signer:?}"));
            }
        }
        None => missing.push("lib/modules/<release>/updates/qsock.ko".into()),
    }
    let mut wanted = vec![
        "usr/local/include/linux/qsock.h".to_owned(),
        "usr/local/share/doc/qsock/examples/modprobe.conf".to_owned(),
        "usr/local/bin/qsockctl".to_owned(),
        "usr/local/bin/qsock-run".to_owned(),
        "usr/local/lib/qsock/libqsock_run.so".to_owned(),
    ];
    for entry in fs::read_dir(artifacts::top()?.join("tools"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some((_, section @ ("1" | "5" | "7" | "8"))) = name.rsplit_once('.') {
            wanted.push(format!("usr/local/share/man/man{section}/{name}"));
        }
    }
    missing.extend(wanted.into_iter().filter(|file| !there.contains(file)));
    Ok(Case::new(
        "everything is installed",
        missing.is_empty(),
        missing.join("\n"),
    ))
}

fn modinfo(field: &str, module: &PathBuf) -> Result<String> {
    let mut modinfo = Command::new("/usr/sbin/modinfo");
    let out = modinfo.args(["-F", field]).arg(module).output();
    let out = out.context("cannot run modinfo")?;
    Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

/// The part in the guest. Each case starts without the module, and has it loaded by its first socket(2) if it has one.
#[derive(Default)]
struct Guest {
    cases: Vec<Case>,
    told: Vec<String>,
}

/// What qsockctl says of the second of two policies, and nothing of the first.
const MISTAKE: &str = "\
'/tmp/bad:2:7: '*'
  allow conect peer=/run/bus uid=0
        ^
'*";

/// A case: its name, what it must print as a shell's pattern, and its command.
fn cases() -> [(&'static str, &'static str, String); 6] {
    let (at, script) = (examples::GUEST, examples::SCRIPT);
    let number = "import socket; socket.socket(22, 2)\n\
                  print(open(\"/sys/module/qsock/parameters/family\").read())";
    [
        (
            "the example in C",
            "'hello, from process '*' of user 0'",
            format!("{at}/c"),
        ),
        ("the example in Rust", "hello", format!("{at}/rust")),
        (
            "the example in Python",
            "'look at this: bytes of a file'",
            format!("python3 {at}/python.py"),
        ),
        (
            "sockets of AF_UNIX by the launcher",
            "''",
            format!("mkdir -p /tmp/s && /usr/local/bin/qsock-run -- python3 {at}/{script} /tmp/s"),
        ),
        (
            NO_SOCKET,
            MISTAKE,
            "cd /tmp && printf 'default deny connect\\nallow connect peer=/run/bus uid=0\\n' >good &&\n\
             sed 's/allow connect/allow conect/' good >bad && check='/usr/local/bin/qsockctl policy check' &&\n\
             $check /tmp/good && ! $check /tmp/bad"
                .into(),
        ),
        // The last: from here on the family has another number.
        (
            "family= in modprobe.d",
            "22",
            format!(
                "mkdir -p /etc/modprobe.d && cp {EXAMPLE} /etc/modprobe.d/qsock.conf &&\n\
                 python3 -c '{number}'"
            ),
        ),
    ]
}

/// The case that has no socket(2).
const NO_SOCKET: &str = "a policy without and with a mistake";

/// The file that says how to choose the family's number.
const EXAMPLE: &str = "/usr/local/share/doc/qsock/examples/modprobe.conf";

/// `try NAME COMMAND`, with the pattern in $want, and in $loads whether the module must be loaded afterwards.
const TRY: &str = "\
loaded() { [ -d /sys/module/qsock ] && echo yes || echo no; }
try() {
	status=0
	[ $(loaded) = no ] || { echo 'the module is loaded already'; status=1; }
	told=$(eval \"$2\" 2>&1) || { echo \"status $?\"; status=1; }
	echo \"$told\"
	eval \"case \\$told in $want) ;; *) echo 'that is not what it should print'; status=1 ;; esac\"
	[ $(loaded) = $loads ] || { echo \"is the module loaded? $(loaded)\"; status=1; }
	for i in 1 2 3 4 5 6 7 8 9; do rmmod qsock 2>/dev/null && break; sleep 0.2; done
	echo \"result $status $1\"
}
";

impl Section for Guest {
    fn suite(&self) -> &'static str {
        SUITE
    }

    fn script(&self) -> String {
        let quote = crate::guest::quote;
        let calls: Vec<String> = cases()
            .iter()
            .map(|(name, want, command)| {
                format!(
                    "loads={} want={}\ntry {} {}\n",
                    if *name == NO_SOCKET { "no" } else { "yes" },
                    quote(want),
                    quote(name),
                    quote(command)
                )
            })
            .collect();
        format!("{TRY}{}", calls.concat())
    }

    fn line(&mut self, line: &str, _: Place, _: &Ui) {
        let result = line.strip_prefix("result ");
        match result.and_then(|rest| rest.split_once(' ')) {
            Some((status, name)) => {
                let told = std::mem::take(&mut self.told).join("\n");
                self.cases.push(Case::new(name, status == "0", told));
            }
            None => self.told.push(line.to_owned()),
        }
    }

    fn end(&mut self, status: i32, place: Place, ui: &Ui) {
        for (name, ..) in cases() {
            if !self.cases.iter().any(|case| case.name == name) {
                let told = format!("did not run (status {status})\n{}", self.told.join("\n"));
                self.cases.push(Case::new(name, false, told));
            }
        }
        let cases = std::mem::take(&mut self.cases);
        ui.group(place, SUITE, "in the guest", cases);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(lines: &str) -> (usize, usize) {
        let (mut section, ui) = (Guest::default(), Ui::new());
        lines
            .lines()
            .for_each(|l| section.line(l, Place(None), &ui));
        section.end(0, Place(None), &ui);
        (ui.sum().passed, ui.sum().failed)
    }

    #[test]
    fn every_case_must_report() {
        assert_eq!(run(""), (0, cases().len()));
        let all: Vec<_> = cases()
            .iter()
            .map(|c| format!("x\nresult 0 {}\n", c.0))
            .collect();
        assert_eq!(run(&all.concat()), (cases().len(), 0));
        let bad = all.concat().replacen("result 0", "result 1", 1);
        assert_eq!(run(&bad), (cases().len() - 1, 1));
    }

    /// The script itself, with a shell here that never has the module.
    #[test]
    fn a_module_that_is_not_loaded_is_told() {
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(Guest::default().script());
        let out = shell.env("PATH", "/nowhere").output().unwrap();
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(text.contains("is the module loaded? no"), "{text}");
        assert_eq!(text.matches("result 1 ").count(), cases().len(), "{text}");
    }
}
