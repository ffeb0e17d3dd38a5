// SPDX-License-Identifier: GPL-2.0
//! What README.md says of installing, done on a Debian 13 machine ([`crate::debian`]) that runs the kernel which the module
//! is for: from a checkout, by a user with sudo, and by the packages of `make deb`. Each has a guest of its own.
//!
//! In the guest, `make kdir KERNEL=running` finds the tree that the machine has prepared before, in a chroot, and so does
//! DKMS by QSOCK_CACHE; the module and the programs are compiled there. Not shown is what fetches over a network; nor what
//! a boot loader and an init do, as the guest has the lab's: a reboot after the installation, the update of a kernel,
//! Secure Boot.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{ensure, Context, Result};

use super::install::examples;
use super::report::{self, Case, Place, Ui};
use super::section::{self, Section};
use crate::artifacts::{self, Arch, Config};
use crate::guest::{quote, Job};
use crate::{cache, debian, package};

const SUITE: &str = "debian";

/// MiB. What compilers make are files in the guest's memory.
const MEMORY: u32 = 4096;

/// Where the guest has what the lab gives it.
const GIVEN: &str = "given";

/// A step: its name, what its last line must be as a shell's pattern, and its command.
type Step = (&'static str, &'static str, &'static str);

/// A way to install.
struct Way {
    name: &'static str,
    steps: &'static [Step],
}

const PROGRAM: Step = (
    "a program of a user with the header",
    "'hello, from process '*' of user 1000'",
    "! loaded && user 'gcc -Wall -Wextra -Werror -o hello /srv/given/c.c && ./hello'",
);
const LAUNCHER: Step = (
    "sockets of AF_UNIX by the launcher",
    "''",
    // By root, who may become others: it looks at permissions too.
    "mkdir /tmp/sockets && qsock-run -- python3 /srv/given/unix_sockets.py /tmp/sockets",
);
const NO_FAMILY: &str = "'hello: socket: Address family not supported by protocol'";

const SOURCE: Way = Way {
    name: "from a checkout",
    steps: &[
        (
            "make kdir KERNEL=running",
            "*/kdir/x86_64-\"$(uname -r)\"-*",
            "user 'cd qsock && make kdir KERNEL=running'",
        ),
        ("make", "*", "user 'cd qsock && make'"),
        (
            "sudo make install",
            "*",
            "files >/tmp/before && user 'cd qsock && sudo make install'",
        ),
        PROGRAM,
        (
            "what socket(2) has loaded",
            "/lib/modules/\"$(uname -r)\"/updates/qsock.ko",
            "loaded && modinfo -n qsock",
        ),
        LAUNCHER,
        (
            "sudo make uninstall",
            NO_FAMILY,
            "rmmod qsock && user 'cd qsock && sudo make uninstall' && as_before && ! user ./hello",
        ),
    ],
};

const PACKAGES: Way = Way {
    name: "by packages",
    steps: &[
        (
            "dpkg -i",
            "*",
            "export QSOCK_CACHE=/home/user/.cache/qsock && files >/tmp/before && dpkg -i /srv/given/*.deb && dpkg -V qsock qsock-dkms",
        ),
        (
            "dkms status",
            "qsock/*\"$(uname -r)\"*': installed'",
            "dkms status",
        ),
        PROGRAM,
        (
            "what socket(2) has loaded",
            "/lib/modules/\"$(uname -r)\"/updates/dkms/qsock.ko*",
            "loaded && modinfo -n qsock",
        ),
        LAUNCHER,
        (
            "dpkg -r",
            NO_FAMILY,
            "rmmod qsock && dpkg -r qsock-dkms qsock && as_before && ! user ./hello",
        ),
    ],
};

/// What steps are made of. Of all of the machine's files, virtiofsd would have more open than it may.
const STEPS: &str = "\
loaded() { [ -d /sys/module/qsock ]; }
user() { su - user -c \"$1\"; }
files() {
	find /usr/local /usr/bin /usr/include/linux /usr/lib/modules /usr/libexec /usr/share/man ! -type d -print | sort
}
as_before() { files >/tmp/after; diff /tmp/before /tmp/after; }
failed=
try() {
	[ -z \"$failed\" ] || return
	begin=$(date +%s)
	{ (eval \"$2\"); echo $? >/tmp/status; } </dev/null 2>&1 | tee /tmp/told
	read -r status </tmp/status
	told=$(tail -n 1 /tmp/told)
	eval \"case \\$told in $want) ;; *) echo 'that is not what it should end with'; status=1 ;; esac\"
	[ $status = 0 ] || failed=yes
	echo \"result $status $(($(date +%s) - begin)) $1\"
}
";

/// Makes a system of what the lab shares, whose files stay as they are, and enters it, the kernel too: it looks there for
/// modprobe. Its last line is the machine's own shell with the steps.
const ENTER: &str = "\
mkdir /new /debian && mount -t tmpfs -o size=90% new /new && mkdir /new/files /new/work || exit
overlay=/mnt/root/usr/lib/modules/$(uname -r)/kernel/fs/overlayfs/overlay.ko
if [ -e $overlay.xz ]; then xz -dc $overlay.xz >/new/overlay.ko; overlay=/new/overlay.ko; fi
insmod $overlay || exit
mount -t overlay -o lowerdir=/mnt/user:/mnt/root,upperdir=/new/files,workdir=/new/work debian /debian && cd /debian || exit
for d in dev proc sys; do mount -o rbind /$d $d || exit; done
mount -t tmpfs -o mode=1777 tmp tmp && mount -t tmpfs run run && mkdir old && mv /given srv && pivot_root . old || exit
cd /
";

pub fn run(arch: Arch, config: Config, ui: &Ui) -> Result<()> {
    let place = Place(Some((arch, config)));
    let machine = debian::prepared()?;
    for way in [SOURCE, PACKAGES] {
        let given = artifacts::build_dir(arch, config)?.join("overlay-debian");
        give(&way, &given)?;
        enough_memory()?;
        let mut job = Job::new(arch, config, &[]);
        job.module = None;
        job.modules = false;
        job.mem = MEMORY;
        job.share = Some(machine.share.clone());
        job.overlays = vec![given];
        job.timeout = Some(Duration::from_secs(5400));
        ui.note(place, SUITE, way.name);
        let mut sections: Vec<Box<dyn Section>> = vec![Box::new(Guest::new(way))];
        section::run(&job, &mut sections, ui, |_, _, _| {})?;
    }
    Ok(())
}

/// QEMU would be killed in its midst.
fn enough_memory() -> Result<()> {
    let text = fs::read_to_string("/proc/meminfo").context("cannot read /proc/meminfo")?;
    let available = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok())
        .context("/proc/meminfo has no MemAvailable")?;
    ensure!(
        available / 1024 > u64::from(MEMORY),
        "the suite {SUITE} needs {MEMORY} MiB of memory, and {} MiB are available",
        available / 1024
    );
    Ok(())
}

/// What a way starts from, and the programs that use what it installs.
fn give(way: &Way, overlay: &Path) -> Result<()> {
    let top = artifacts::top()?;
    let place = overlay.join(GIVEN);
    cache::wipe(overlay)?;
    fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    let page = fs::read_to_string(top.join("tools/qsock.7")).context("cannot read qsock.7")?;
    fs::write(place.join("c.c"), examples::example(&page, "C")?)?;
    let script = top.join("selftests/programs").join(examples::SCRIPT);
    fs::copy(script, place.join(examples::SCRIPT)).context("cannot copy the launcher's script")?;
    if way.name == PACKAGES.name {
        for deb in package::build()? {
            let name = deb.file_name().unwrap_or_default();
            fs::copy(&deb, place.join(name))
                .with_context(|| format!("cannot copy {}", deb.display()))?;
        }
    }
    Ok(())
}

/// The part in the guest.
struct Guest {
    way: Way,
    reported: Vec<String>,
    /// The lines of the step that runs, and of all.
    told: Vec<String>,
    all: Vec<String>,
}

impl Guest {
    fn new(way: Way) -> Guest {
        Guest {
            way,
            reported: Vec::new(),
            told: Vec::new(),
            all: Vec::new(),
        }
    }

    fn report(&mut self, name: &str, passed: bool, told: String, place: Place, ui: &Ui) {
        let title = format!("{}: {name}", self.way.name);
        self.reported.push(name.to_owned());
        ui.case(place, SUITE, Case::new(&title, passed, told));
    }

    /// What can be the reason.
    fn last_lines(&mut self) -> String {
        let told = std::mem::take(&mut self.told);
        told[told.len().saturating_sub(60)..].join("\n")
    }
}

/// The calls of the steps.
fn calls(steps: &[Step]) -> String {
    let call = |(name, want, command): &Step| {
        let (want, name, command) = (quote(want), quote(name), quote(command));
        format!("want={want}\ntry {name} {command}\n")
    };
    let calls: Vec<String> = steps.iter().map(call).collect();
    format!("{STEPS}{}", calls.concat())
}

impl Section for Guest {
    fn suite(&self) -> &'static str {
        SUITE
    }

    fn script(&self) -> String {
        let steps = quote(&calls(self.way.steps));
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin";
        // The lab's init goes on where it was.
        format!(
            "{ENTER}/usr/bin/env -i HOME=/root LC_ALL=C.UTF-8 PATH={path} /usr/bin/sh -c {steps}\n\
             status=$?\n\
             /old/bin/busybox pivot_root /old /old/debian\n\
             exit $status"
        )
    }

    fn line(&mut self, line: &str, place: Place, ui: &Ui) {
        self.all.push(line.to_owned());
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        if let ["result", status, seconds, name] = words[..] {
            let told = self.last_lines();
            ui.note(place, SUITE, &format!("{name} took {seconds} s"));
            self.report(name, status == "0", told, place, ui);
        } else {
            self.told.push(line.to_owned());
        }
    }

    fn end(&mut self, status: i32, place: Place, ui: &Ui) {
        let told = self.last_lines();
        for (name, ..) in self.way.steps {
            if !self.reported.iter().any(|reported| reported == name) {
                let told = format!("did not run (status {status})\n{told}");
                self.report(name, false, told, place, ui);
            }
        }
        let what = format!("{SUITE}-{}", self.way.name.replace(' ', "-"));
        if let Err(error) = report::keep(place, &what, &self.all.join("\n")) {
            ui.note(place, SUITE, &format!("{error:#}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn run(lines: &str) -> (usize, usize) {
        let (mut guest, ui) = (Guest::new(SOURCE), Ui::new());
        for line in lines.lines() {
            guest.line(line, Place(None), &ui);
        }
        guest.end(0, Place(None), &ui);
        (ui.sum().passed, ui.sum().failed)
    }

    #[test]
    fn every_step_must_report() {
        let count = SOURCE.steps.len();
        assert_eq!(run(""), (0, count));
        let steps = SOURCE.steps.iter();
        let all: Vec<String> = steps
            .map(|step| format!("x\nresult 0 1 {}\n", step.0))
            .collect();
        assert_eq!(run(&all.concat()), (count, 0));
        let bad = all.concat().replacen("result 0", "result 1", 1);
        assert_eq!(run(&bad), (count - 1, 1));
    }

    /// The statuses and names that a shell here prints for some steps.
    fn steps(steps: &[Step]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let script = calls(steps).replace("/tmp/", &format!("{}/", folder.path().display()));
        let out = Command::new("sh").args(["-c", &script]).output().unwrap();
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let results = text.lines().filter_map(|line| line.strip_prefix("result "));
        let words = results.map(|result| result.split(' ').collect::<Vec<_>>());
        words
            .map(|words| format!("{} {}", words[0], words[2]))
            .collect()
    }

    #[test]
    fn a_step_fails_by_its_status_or_by_what_it_prints() {
        let good = ("good", "'x '*", "echo no; echo x y");
        assert_eq!(steps(&[good, good]), ["0 good", "0 good"]);
        for bad in [("bad", "y", "echo x"), ("bad", "*", "echo x; false")] {
            assert_eq!(steps(&[good, bad, good]), ["0 good", "1 bad"]);
        }
    }
}
