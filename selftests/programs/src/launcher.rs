// SPDX-License-Identifier: GPL-2.0
//! What a program sees of its sockets by the launcher, which must be what it sees without: a script asks both the same.
//! And what the launcher says of programs that it cannot reach.

use crate::place::{ensure, run, Family, Place, Result};
use crate::python::script;
use crate::{Case, Rate};
use std::process::Command;

struct Launcher {
    place: Place,
}

pub fn start(place: Place) -> Result<Box<dyn Case>> {
    Ok(Box::new(Launcher { place }))
}

impl Launcher {
    /// A program, by the launcher with options.
    fn by(options: &[&str], command: &[&str]) -> Result<String> {
        let mut launcher = Command::new("/opt/qsock-run");
        run(launcher.args(options).arg("--").args(command))
    }

    fn refuses_what_it_cannot_reach() -> Result<()> {
        let why = Self::by(&[], &["/opt/static"]).err().unwrap_or_default();
        ensure(
            why.contains("status: 126") && why.contains("static"),
            || format!("a static program: {why}"),
        )?;
        let why = Self::by(&[], &["no-such-program"])
            .err()
            .unwrap_or_default();
        ensure(why.contains("status: 127"), || format!("no program: {why}"))
    }

    /// Two names, one of which is to be in AF_QSOCK.
    fn keeps_to_only() -> Result<()> {
        let code = "import socket; a, b = (socket.socket(socket.AF_UNIX) for _ in 'ab')\n\
                    a.bind('/tmp/only-a'); b.bind('/tmp/only-b')\n\
                    print('only-a' in open('/proc/net/qsock').read(), 'only-b' in open('/proc/net/unix').read())";
        let said = Self::by(&["--only", "/tmp/*-a"], &["python3", "-c", code])?;
        ensure(said == "True True\n", || format!("--only: {said}"))
    }
}

impl Case for Launcher {
    fn check(&mut self) -> Result<()> {
        run(script(&self.place, "unix_sockets.py").arg(self.place.path("")))?;
        if self.place.family == Family::Qsock {
            Self::refuses_what_it_cannot_reach()?;
            Self::keeps_to_only()?;
        }
        Ok(())
    }

    fn load(&mut self) -> Result<Vec<Rate>> {
        Ok(Vec::new())
    }
}
