// SPDX-License-Identifier: GPL-2.0
//! Runs a machine to its end: reads its console, its output and its messages, and kills it when it hangs.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{channel, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::klog::{Report, Scanner};
use super::link::{self, Message};
use super::process;

/// How long a guest may stay without any sign of life.
pub struct Patience {
    pub total: Option<Duration>,
    pub silence: Option<Duration>,
}

/// How a machine's run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// The init came to its end and powered off.
    PoweredOff,
    /// QEMU ended before the init was done: a panic, a reset, or QEMU's own failure, in its words.
    Died(String),
    /// Killed: no output and no beat for this long.
    Silent(Duration),
    /// Killed: not done after this long.
    TimedOut(Duration),
}

/// What is known of a run when it is over.
#[derive(Debug)]
pub struct Record {
    pub end: End,
    /// The command's exit status, once it has one.
    pub status: Option<i32>,
    pub load_failed: bool,
    pub unload_failed: bool,
    pub reports: Vec<Report>,
    /// The console, line by line.
    pub log: Vec<String>,
    /// Until the command started, and altogether.
    pub boot: Option<Duration>,
    pub total: Duration,
}

enum Event {
    Console(Vec<u8>),
    Output(Vec<u8>),
    Control(Vec<u8>),
    Errors(Vec<u8>),
    Closed,
}

/// The lab's ends of the sockets that QEMU connects to.
pub struct Ports {
    control: UnixListener,
    out: UnixListener,
    /// The directory that holds them and the initramfs. QEMU has read it all when the kernel speaks; from
    /// then on nothing is left behind, whatever ends this process.
    files: TempDir,
}

impl Ports {
    pub const CONTROL: &str = "control";
    pub const OUT: &str = "out";

    pub fn listen(files: TempDir) -> Result<Ports> {
        let open = |name: &str| {
            let path = files.path().join(name);
            UnixListener::bind(&path)
                .with_context(|| format!("cannot listen on {}", path.display()))
        };
        Ok(Ports {
            control: open(Ports::CONTROL)?,
            out: open(Ports::OUT)?,
            files,
        })
    }
}

/// Runs `qemu`, hands the command's output to `sink` as it comes, and tells how it went. With `keyboard`,
/// this process's stdin goes to the command's terminal.
pub fn run(
    qemu: &mut Command,
    ports: Ports,
    nonce: &str,
    patience: &Patience,
    keyboard: bool,
    sink: &mut dyn Write,
) -> Result<Record> {
    let start = Instant::now();
    let name = qemu.get_program().to_string_lossy().into_owned();
    qemu.stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut machine = Machine {
        child: process::bound(qemu)
            .spawn()
            .with_context(|| format!("cannot run {name}"))?,
    };
    let (events, inbox) = channel();
    if let (Some(console), Some(errors)) =
        (machine.child.stdout.take(), machine.child.stderr.take())
    {
        pump(console, events.clone(), Event::Console);
        pump(errors, events.clone(), Event::Errors);
    }
    let mut sources = 2;
    for (listener, event) in [
        (&ports.control, Event::Control as fn(_) -> _),
        (&ports.out, Event::Output),
    ] {
        let Some(stream) = accept(listener, &mut machine.child)? else {
            break;
        };
        if keyboard && sources == 3 {
            type_into(stream.try_clone()?);
        }
        pump(stream, events.clone(), event);
        sources += 1;
    }
    drop(events);

    let mut run = Run::new(nonce, start);
    run.files = Some(ports.files);
    let killed = run.follow(&inbox, sources, patience, sink)?;
    if killed.is_some() {
        let _ = machine.child.kill();
        // What it had said until then is still on its way.
        while let Ok(event) = inbox.recv_timeout(Duration::from_secs(2)) {
            run.take(event, sink)?;
        }
    }
    let status = machine.child.wait().context("cannot wait for QEMU")?;
    let end = match killed {
        Some(end) => end,
        None if run.done => End::PoweredOff,
        None => End::Died(format!(
            "{name} ended ({status}) {}",
            run.qemu_says.join("; ")
        )),
    };
    Ok(run.record(end))
}

/// QEMU, killed when the lab gives up on it for whatever reason.
struct Machine {
    child: Child,
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pump(mut from: impl Read + Send + 'static, to: Sender<Event>, event: fn(Vec<u8>) -> Event) {
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        loop {
            match from.read(&mut buffer) {
                Ok(n) if n > 0 => drop(to.send(event(buffer[..n].to_vec()))),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                // A connection that the kill cut is as closed as any.
                _ => break,
            }
        }
        let _ = to.send(Event::Closed);
    });
}

fn type_into(mut terminal: UnixStream) {
    thread::spawn(move || std::io::copy(&mut std::io::stdin(), &mut terminal));
}

/// QEMU's connection, or None when it ended without making one.
fn accept(listener: &UnixListener, child: &mut Child) -> Result<Option<UnixStream>> {
    listener.set_nonblocking(true)?;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                return Ok(Some(stream));
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            Err(e) => return Err(e).context("QEMU cannot connect"),
        }
        if child.try_wait()?.is_some() {
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// The state of a run while it goes on.
struct Run<'a> {
    nonce: &'a str,
    files: Option<TempDir>,
    start: Instant,
    console: Lines,
    control: Lines,
    errors: Lines,
    qemu_says: Vec<String>,
    scanner: Scanner,
    log: Vec<String>,
    status: Option<i32>,
    load_failed: bool,
    unload_failed: bool,
    boot: Option<Duration>,
    done: bool,
}

impl<'a> Run<'a> {
    fn new(nonce: &'a str, start: Instant) -> Run<'a> {
        Run {
            nonce,
            files: None,
            start,
            console: Lines::default(),
            control: Lines::default(),
            errors: Lines::default(),
            qemu_says: Vec::new(),
            scanner: Scanner::default(),
            log: Vec::new(),
            status: None,
            load_failed: false,
            unload_failed: false,
            boot: None,
            done: false,
        }
    }

    /// Takes events until every source is closed, or until the patience is over; then it says why.
    fn follow(
        &mut self,
        inbox: &Receiver<Event>,
        mut sources: u32,
        patience: &Patience,
        sink: &mut dyn Write,
    ) -> Result<Option<End>> {
        let mut alive = Instant::now();
        loop {
            match inbox.recv_timeout(Duration::from_millis(100)) {
                Ok(Event::Closed) => {
                    sources -= 1;
                    if sources == 0 {
                        return Ok(None);
                    }
                }
                Ok(event) => {
                    alive = Instant::now();
                    self.take(event, sink)?;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
            }
            if let Some(total) = patience.total.filter(|t| self.start.elapsed() > *t) {
                return Ok(Some(End::TimedOut(total)));
            }
            if let Some(silence) = patience.silence.filter(|s| alive.elapsed() > *s) {
                return Ok(Some(End::Silent(silence)));
            }
        }
    }

    fn take(&mut self, event: Event, sink: &mut dyn Write) -> Result<()> {
        match event {
            Event::Console(bytes) => {
                self.files = None;
                for line in self.console.push(&bytes) {
                    self.log_line(line);
                }
            }
            Event::Output(bytes) => sink
                .write_all(&bytes)
                .and_then(|()| sink.flush())
                .context("cannot write the command's output")?,
            Event::Control(bytes) => {
                for line in self.control.push(&bytes) {
                    if let Some(message) = link::parse(self.nonce, &line) {
                        self.message(message);
                    }
                }
            }
            Event::Errors(bytes) => {
                // A named processor model has features that TCG lacks, and QEMU lists them at every start.
                let lines = self.errors.push(&bytes).into_iter();
                self.qemu_says
                    .extend(lines.filter(|l| !l.contains("TCG doesn't support requested feature")));
            }
            Event::Closed => {}
        }
        Ok(())
    }

    fn log_line(&mut self, line: String) {
        self.scanner.line(&line);
        self.log.push(line);
    }

    fn message(&mut self, message: Message) {
        match message {
            Message::Start => self.boot = Some(self.start.elapsed()),
            Message::Exit(status) => self.status = Some(status),
            Message::LoadFailed(_) => self.load_failed = true,
            Message::UnloadFailed(_) => self.unload_failed = true,
            Message::Beat => {}
            Message::Done => self.done = true,
        }
    }

    fn record(mut self, end: End) -> Record {
        let rest = std::mem::take(&mut self.console.text);
        if !rest.is_empty() {
            self.log_line(rest);
        }
        Record {
            end,
            status: self.status,
            load_failed: self.load_failed,
            unload_failed: self.unload_failed,
            reports: self.scanner.reports,
            log: self.log,
            boot: self.boot,
            total: self.start.elapsed(),
        }
    }
}

/// Cuts a stream of bytes into lines; what follows the last line end waits for more.
#[derive(Default)]
struct Lines {
    text: String,
}

impl Lines {
    fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        self.text.push_str(&String::from_utf8_lossy(bytes));
        let Some(end) = self.text.rfind('\n') else {
            return Vec::new();
        };
        let rest = self.text.split_off(end + 1);
        let lines = std::mem::replace(&mut self.text, rest);
        lines
            .lines()
            .map(|l| l.trim_end_matches('\r').to_string())
            .collect()
    }
}

#[cfg(test)]
mod tests;
