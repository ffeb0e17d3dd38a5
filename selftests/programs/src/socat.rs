// SPDX-License-Identifier: GPL-2.0
//! socat, without the launcher: its generic socket addresses take any family by number.

use crate::place::{bytes, ensure, hexadecimal, run, tail, Family, Place, Result};
use crate::{Case, Rate};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const SIZE: usize = 8 << 20;

struct Socat {
    place: Place,
    number: String,
}

pub fn start(place: Place) -> Result<Box<dyn Case>> {
    let number = match place.family {
        Family::Unix => "1".to_owned(),
        Family::Qsock => {
            let parameter = "/sys/module/qsock/parameters/family";
            let text = fs::read_to_string(parameter);
            text.map_err(|error| format!("{parameter}: {error}"))?
                .trim()
                .to_owned()
        }
    };
    place.write("data", bytes(SIZE))?;
    Ok(Box::new(Socat { place, number }))
}

/// A name as socat's generic addresses have it: in hexadecimal. It begins with NUL, so that neither family has a file.
fn name(text: &str) -> String {
    format!("x00{}", hexadecimal(text.as_bytes()))
}

fn sender() -> Command {
    let mut command = Command::new("socat");
    command.args(["-u", "-b", "65536"]);
    command
}

impl Socat {
    /// Moves the file, and returns the seconds that took.
    fn move_file(&self, to: &Path) -> Result<f64> {
        let (number, name) = (&self.number, name("programs/socat"));
        let _ = fs::remove_file(to);
        let mut receiver = Command::new("socat");
        receiver.args(["-u", &format!("SOCKET-LISTEN:{number}:0:{name}")]);
        receiver.arg(format!("CREATE:{}", to.display()));
        let receiver = receiver.stdin(Stdio::null()).stderr(Stdio::piped()).spawn();
        let receiver = receiver.map_err(|error| format!("socat: {error}"))?;
        let table = match self.place.family {
            Family::Unix => "/proc/net/unix",
            Family::Qsock => "/proc/net/qsock",
        };
        let bound = || fs::read_to_string(table).is_ok_and(|t| t.contains("@programs/socat"));
        let start = Instant::now();
        while !bound() && start.elapsed() < Duration::from_secs(20) {
            sleep(Duration::from_millis(20));
        }
        let start = Instant::now();
        let mut sender = sender();
        sender.arg(format!("OPEN:{}", self.place.path("data").display()));
        let sent = run(sender.arg(format!("SOCKET-CONNECT:{number}:0:{name}")));
        let received = receiver
            .wait_with_output()
            .map_err(|error| error.to_string())?;
        let seconds = start.elapsed().as_secs_f64();
        sent?;
        ensure(received.status.success(), || {
            tail(&String::from_utf8_lossy(&received.stderr))
        })?;
        Ok(seconds)
    }

    /// Sends a datagram to a name, and has it back.
    fn datagram(&self) -> Result<()> {
        let number = &self.number;
        let (server, client) = (name("programs/server"), name("programs/client"));
        let mut echo = Command::new("socat");
        echo.args([&format!("SOCKET-RECVFROM:{number}:2:0:{server}"), "PIPE"]);
        let mut echo = echo.spawn().map_err(|error| format!("socat: {error}"))?;
        sleep(Duration::from_millis(500));
        let script = format!(
            "echo hello | socat -t 10 - SOCKET-SENDTO:{number}:2:0:{server},bind={client}",
        );
        let said = run(Command::new("sh").args(["-c", &script]));
        let _ = echo.kill();
        let _ = echo.wait();
        ensure(said? == "hello\n", || {
            "the datagram did not come back".into()
        })
    }
}

impl Case for Socat {
    fn check(&mut self) -> Result<()> {
        let to = self.place.path("received");
        self.move_file(&to)?;
        let same = fs::read(&to).is_ok_and(|got| got == bytes(SIZE));
        ensure(same, || "what came is not what was sent".into())?;
        self.datagram()
    }

    fn load(&mut self) -> Result<Vec<Rate>> {
        let seconds = self.move_file(&self.place.path("received"))?;
        Ok(vec![Rate {
            what: "a file",
            unit: "MB/s",
            value: SIZE as f64 / 1e6 / seconds,
        }])
    }
}
