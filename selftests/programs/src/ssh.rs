// SPDX-License-Identifier: GPL-2.0
//! OpenSSH: sessions that a master connection carries (ControlMaster, which is handed their descriptors), and signatures
//! of an agent.

use crate::place::{bytes, ensure, run, Place, Result, Server};
use crate::{Case, Rate};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Where sshd listens, in each family.
const PORTS: [u16; 2] = [2201, 2202];
/// What a session carries.
const SIZE: usize = 1 << 20;

struct Ssh {
    place: Place,
    control: PathBuf,
    agent: PathBuf,
    _servers: [Server; 3],
}

pub fn start(place: Place) -> Result<Box<dyn Case>> {
    let port = PORTS[place.family as usize].to_string();
    for (name, kind) in [("host", "ed25519"), ("user", "ed25519")] {
        let mut keygen = Command::new("ssh-keygen");
        keygen
            .args(["-q", "-t", kind, "-N", "", "-f"])
            .arg(place.path(name));
        run(&mut keygen)?;
    }
    fs::create_dir_all("/run/sshd").map_err(|error| format!("/run/sshd: {error}"))?;

    // It listens at a port, but its own processes talk over socket pairs.
    let mut sshd = place.command("/usr/sbin/sshd");
    sshd.args(["-D", "-e", "-f", "/dev/null", "-p", &port]);
    let keys = |name: &str| place.path(name).display().to_string();
    for option in [
        format!("HostKey={}", keys("host")),
        format!("AuthorizedKeysFile={}", keys("user.pub")),
        "ListenAddress=127.0.0.1".into(),
        "PidFile=none".into(),
        "StrictModes=no".into(),
    ] {
        sshd.arg("-o").arg(option);
    }
    let sshd = place.serve_at(sshd, &port)?;

    let agent = place.path("agent.sock");
    let mut ssh_agent = place.command("ssh-agent");
    ssh_agent.arg("-D").arg("-a").arg(&agent);
    let ssh_agent = place.serve(ssh_agent, &agent)?;
    run(place
        .command("ssh-add")
        .arg("-q")
        .arg(place.path("user"))
        .env("SSH_AUTH_SOCK", &agent))?;

    let control = place.path("control");
    let mut master = place.command("ssh");
    master.args(["-M", "-N", "-p", &port, "-S"]).arg(&control);
    master.args([
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "UserKnownHostsFile=/dev/null",
    ]);
    master.arg("root@127.0.0.1").env("SSH_AUTH_SOCK", &agent);
    let master = place.serve(master, &control)?;
    Ok(Box::new(Ssh {
        place,
        control,
        agent,
        _servers: [sshd, ssh_agent, master],
    }))
}

impl Ssh {
    /// Runs a command at the other end of the master's connection.
    fn session(&self, command: &str) -> Result<String> {
        let mut ssh = self.place.command("ssh");
        ssh.arg("-S").arg(&self.control);
        run(ssh.args(["-o", "ProxyCommand=false", "root@127.0.0.1", command]))
    }

    /// Has the agent sign a file.
    fn sign(&self, file: &Path) -> Result<()> {
        let signature = file.with_extension("sig");
        let _ = fs::remove_file(&signature);
        let mut keygen = self.place.command("ssh-keygen");
        keygen.args(["-q", "-Y", "sign", "-U", "-n", "file", "-f"]);
        keygen.arg(self.place.path("user.pub")).arg(file);
        run(keygen.env("SSH_AUTH_SOCK", &self.agent)).map(|_| ())
    }
}

impl Case for Ssh {
    fn check(&mut self) -> Result<()> {
        let data = bytes(SIZE);
        let file = self.place.write("data", &data)?;
        // Through the session's own output, whose descriptor went to the master.
        let sum = |text: &str| text.split_whitespace().next().map(str::to_owned);
        let here = sum(&run(Command::new("sha256sum").arg(&file))?);
        let there = sum(&self.session(&format!("cat {} | sha256sum", file.display()))?);
        ensure(here.is_some() && here == there, || {
            format!("{here:?} became {there:?}")
        })?;
        let lines = self.session("seq 1 20000")?;
        let right = lines
            .lines()
            .enumerate()
            .all(|(at, line)| line == (at + 1).to_string());
        ensure(right && lines.lines().count() == 20000, || {
            "lines are missing".into()
        })?;

        self.sign(&file)?;
        let public = fs::read_to_string(self.place.path("user.pub"));
        let public = public.map_err(|error| error.to_string())?;
        let signers = self.place.write("signers", format!("somebody {public}"))?;
        let mut verify = Command::new("sh");
        verify.args([
            "-c",
            "ssh-keygen -Y verify -f \"$1\" -I somebody -n file -s \"$2.sig\" <\"$2\"",
            "sh",
        ]);
        run(verify.arg(signers).arg(&file)).map(|_| ())
    }

    /// Sessions as one script, so that the launcher starts once; signatures as one program.
    fn load(&mut self) -> Result<Vec<Rate>> {
        let (sessions, files) = (self.place.amount(24), self.place.amount(60));
        let timed = |command: &mut Command, count: u32| -> Result<f64> {
            let start = Instant::now();
            run(command)?;
            Ok(f64::from(count) / start.elapsed().as_secs_f64())
        };
        let mut script = self.place.command("sh");
        script.arg("-c").arg(format!(
            "set -e; for i in $(seq {sessions}); do \
             ssh -S \"$1\" -o ProxyCommand=false root@127.0.0.1 true </dev/null; done"
        ));
        script.arg("sh").arg(&self.control);

        let mut sign = self.place.command("ssh-keygen");
        sign.args(["-q", "-Y", "sign", "-U", "-n", "file", "-f"]);
        sign.arg(self.place.path("user.pub"));
        sign.env("SSH_AUTH_SOCK", &self.agent);
        for number in 0..files {
            let file = self.place.write(&format!("file-{number}"), "a file")?;
            let _ = fs::remove_file(self.place.path(&format!("file-{number}.sig")));
            sign.arg(file);
        }
        Ok(vec![
            Rate {
                what: "ControlMaster",
                unit: "sessions/s",
                value: timed(&mut script, sessions)?,
            },
            Rate {
                what: "ssh-agent",
                unit: "signatures/s",
                value: timed(&mut sign, files)?,
            },
        ])
    }
}
