// SPDX-License-Identifier: GPL-2.0
//! Progress of long steps: a line when a stage begins and one when it ends, a bar on a terminal.

use std::fs::{self, File};
use std::io::{IsTerminal, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail, Context, Result};

/// How often a stage that is not on a terminal says that it goes on.
const REMINDER: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);

pub struct Stage {
    what: String,
    start: Instant,
    terminal: bool,
    announced: bool,
    reminded: Instant,
    open: bool,
}

impl Stage {
    pub fn begin(what: impl Into<String>) -> Stage {
        let now = Instant::now();
        let mut stage = Stage {
            what: what.into(),
            start: now,
            terminal: std::io::stderr().is_terminal(),
            announced: false,
            reminded: now,
            open: true,
        };
        if stage.terminal {
            stage.at(0.0);
        }
        stage
    }

    /// Shows that `fraction` of the stage is done.
    pub fn at(&mut self, fraction: f64) {
        const WIDTH: usize = 24;
        let fraction = fraction.clamp(0.0, 0.99);
        let seconds = self.start.elapsed().as_secs();
        if self.terminal {
            let done = (fraction * WIDTH as f64) as usize;
            eprint!(
                "\r\x1b[Kqsock: [{}{}] {:2.0} % {} ({seconds} s)",
                "#".repeat(done),
                " ".repeat(WIDTH - done),
                fraction * 100.0,
                self.what
            );
        } else if !self.announced && seconds >= 2 {
            self.announced = true;
            eprintln!("qsock: {} ...", self.what);
        } else if self.reminded.elapsed() >= REMINDER {
            self.reminded = Instant::now();
            eprintln!(
                "qsock: {}: about {:.0} % ({seconds} s)",
                self.what,
                fraction * 100.0
            );
        }
    }

    pub fn end(mut self) {
        self.open = false;
        self.clear();
        eprintln!(
            "qsock: {}: done ({} s)",
            self.what,
            self.start.elapsed().as_secs()
        );
    }

    fn clear(&self) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if self.open {
            self.clear();
        }
    }
}

/// Runs a command as a stage: its output goes to `log`, and what it has printed so far, of about `lines` lines, is
/// how far it is. A failure is one sentence with the tool's own first complaint.
pub fn run(what: &str, command: &mut Command, log: &Path, lines: usize) -> Result<()> {
    let mut tail: Option<File> = None;
    let mut seen = 0;
    let mut buffer = vec![0; 1 << 16];
    run_watching(what, command, log, || {
        if tail.is_none() {
            tail = File::open(log).ok();
        }
        let count = tail
            .as_mut()
            .and_then(|file| file.read(&mut buffer).ok())
            .unwrap_or(0);
        seen += weight(&buffer[..count]);
        seen as f64 / lines as f64
    })
}

/// The lines in a piece of kbuild's output; a crate or bindgen takes as long as ten C files.
fn weight(output: &[u8]) -> usize {
    let text = String::from_utf8_lossy(output);
    text.matches('\n').count()
        + 9 * (text.matches("  RUSTC ").count() + text.matches("  BINDGEN ").count())
}

/// The same with the caller's own measure of how far the command is.
pub fn run_watching(
    what: &str,
    command: &mut Command,
    log: &Path,
    mut far: impl FnMut() -> f64,
) -> Result<()> {
    let output = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let mut stage = Stage::begin(what);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
        .with_context(|| format!("cannot run {}", command.get_program().to_string_lossy()))?;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        stage.at(far());
        std::thread::sleep(POLL);
    };
    if status.success() {
        stage.end();
        return Ok(());
    }
    drop(stage);
    Err(complaint(what, log))
}

/// What went wrong, from a log.
fn complaint(what: &str, log: &Path) -> anyhow::Error {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    if text.contains("No space left on device") {
        return anyhow!("{what} failed because the disk is full: make room and run this again");
    }
    let telling = |line: &&str| {
        ["E: ", "***"].iter().any(|mark| line.contains(mark)) || line.contains("rror: ")
    };
    let first = text
        .lines()
        .find(telling)
        .or_else(|| text.lines().last())
        .unwrap_or("it printed nothing");
    anyhow!(
        "{what} failed ({}); the log is {}",
        first.trim(),
        log.display()
    )
}

/// Fails unless `directory` has `mib` MiB free, so that a big step stops at its start and not in its middle.
pub fn need_space(directory: &Path, mib: u64, what: &str) -> Result<()> {
    let stat = nix::sys::statvfs::statvfs(directory)
        .with_context(|| format!("cannot look at the free space of {}", directory.display()))?;
    let free = stat.blocks_available() * stat.fragment_size() / (1 << 20);
    if free < mib {
        bail!(
            "{what} needs {mib} MiB in {}, which has {free} MiB free: make room, or set QSOCK_CACHE to a folder on a larger disk",
            directory.display()
        );
    }
    Ok(())
}
