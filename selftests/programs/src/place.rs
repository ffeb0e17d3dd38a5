// SPDX-License-Identifier: GPL-2.0
//! Where a program runs: its family, its folder, and its processes.

use std::fmt;
use std::fs::{self, File};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

/// Why something went wrong, for people.
pub type Result<T> = std::result::Result<T, String>;

/// Where the suite finds what it brings.
const TOOLS: &str = "/opt";

/// For any command, on a guest with checkers.
const LIMIT: Duration = Duration::from_secs(600);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Unix,
    Qsock,
}

impl Family {
    pub const BOTH: [Family; 2] = [Family::Unix, Family::Qsock];
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::Unix => "AF_UNIX",
            Family::Qsock => "AF_QSOCK",
        })
    }
}

/// A folder for a program in a family.
pub struct Place {
    pub family: Family,
    /// Whether to do little, because each operation is dear.
    pub short: bool,
    folder: PathBuf,
}

impl Place {
    pub fn new(name: &str, family: Family, short: bool) -> Result<Place> {
        let folder = PathBuf::from(format!("/tmp/{name}-{family}"));
        let made = fs::create_dir_all(&folder);
        made.map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Place {
            family,
            short,
            folder,
        })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Much, or little where each operation is dear.
    pub fn amount(&self, much: u32) -> u32 {
        if self.short {
            much.div_ceil(25)
        } else {
            much
        }
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.path(name);
        match fs::write(&path, text) {
            Ok(()) => Ok(path),
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    }

    /// A program as the family wants it: by the launcher, or as it is.
    pub fn command(&self, program: &str) -> Command {
        match self.family {
            Family::Unix => Command::new(program),
            Family::Qsock => {
                let mut command = Command::new(Path::new(TOOLS).join("qsock-run"));
                command.arg("--").arg(program);
                command
            }
        }
    }

    /// Starts a server, and waits until it has bound `socket`, in this family and not in the other.
    pub fn serve(&self, command: Command, socket: &Path) -> Result<Server> {
        self.await_server(command, &socket.display().to_string(), || {
            self.is_bound(socket)
        })
    }

    /// Starts a server that listens at a port of this machine, and waits until it does.
    pub fn serve_at(&self, command: Command, port: &str) -> Result<Server> {
        let address = format!("127.0.0.1:{port}");
        self.await_server(command, port, || Ok(TcpStream::connect(&address).is_ok()))
    }

    fn await_server(
        &self,
        mut command: Command,
        what: &str,
        is_ready: impl Fn() -> Result<bool>,
    ) -> Result<Server> {
        let log = self.path(&format!("{}.log", self.server_of(&command)));
        let file = File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        let errors = file.try_clone().map_err(|error| error.to_string())?;
        let name = format!("{command:?}");
        let child = command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .process_group(0)
            .spawn();
        let mut server = Server {
            child: child.map_err(|error| format!("{name}: {error}"))?,
        };
        let start = Instant::now();
        while !is_ready()? {
            let ended = server.child.try_wait().map_err(|error| error.to_string())?;
            if ended.is_some() || start.elapsed() > Duration::from_secs(150) {
                let told = fs::read_to_string(&log).unwrap_or_default();
                return Err(format!(
                    "{name} does not listen at {what}:\n{}",
                    tail(&told)
                ));
            }
            sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    /// The program of a command: the launcher's second word, where that is before it.
    fn server_of(&self, command: &Command) -> String {
        let program = match self.family {
            Family::Unix => Some(command.get_program()),
            Family::Qsock => command.get_args().nth(1),
        };
        let name = program.and_then(|program| Path::new(program).file_name());
        name.unwrap_or_default().to_string_lossy().into_owned()
    }

    /// What its servers said last.
    pub fn logs(&self) -> String {
        let files = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let logs = files.filter(|file| file.path().extension().is_some_and(|kind| kind == "log"));
        let texts = logs.map(|file| {
            let text = fs::read_to_string(file.path()).unwrap_or_default();
            format!("{}:\n{}", file.path().display(), tail(&text))
        });
        texts.collect::<Vec<_>>().join("\n")
    }

    /// Whether somebody has bound a path in this family. In the other nobody must.
    fn is_bound(&self, path: &Path) -> Result<bool> {
        let there = path.exists();
        let path = path.display();
        // Some bind a name with more behind it, and link that.
        let is = |name: &str, end| name.starts_with([end, '.']) || name.is_empty();
        let named = |table: &str, before: &str, end| -> Result<bool> {
            let table = read(table)?;
            let mut names = table.lines().filter_map(|line| line.split_once(before));
            Ok(names.any(|(_, rest)| is(rest, end)))
        };
        let qsock = there && named("/proc/net/qsock", &format!(" file:{path}"), ':')?;
        let unix = there && named("/proc/net/unix", &format!(" {path}"), '\n')?;
        match (self.family, unix, qsock) {
            (Family::Unix, _, true) | (Family::Qsock, true, _) => {
                Err(format!("{path} is not bound in {}", self.family))
            }
            (Family::Unix, bound, _) | (Family::Qsock, _, bound) => Ok(bound),
        }
    }
}

fn read(path: &str) -> Result<String> {
    let bytes = fs::read(path).map_err(|error| format!("{path}: {error}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A server with its children. It ends with this.
pub struct Server {
    child: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        let group = -(self.child.id() as libc::pid_t);
        // SAFETY: It has no preconditions.
        let signal = |signal| unsafe { libc::kill(group, signal) };
        signal(libc::SIGTERM);
        let start = Instant::now();
        while self.child.try_wait().is_ok_and(|status| status.is_none()) {
            if start.elapsed() > Duration::from_secs(10) {
                signal(libc::SIGKILL);
                let _ = self.child.wait();
            }
            sleep(Duration::from_millis(20));
        }
    }
}

/// Runs a command to its end, which comes soon enough; returns what it printed, if it went well.
pub fn run(command: &mut Command) -> Result<String> {
    finish(command.stdin(Stdio::null()))
}

/// The same for one that reads `input`.
pub fn run_with(command: &mut Command, input: &Path) -> Result<String> {
    let file = File::open(input).map_err(|error| format!("{}: {error}", input.display()))?;
    finish(command.stdin(file))
}

fn finish(command: &mut Command) -> Result<String> {
    let name = format!("{command:?}");
    let wrong = |error: std::io::Error| format!("{name}: {error}");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.process_group(0).spawn().map_err(wrong)?;
    let group = -(child.id() as libc::pid_t);
    let (done, ended) = mpsc::channel::<()>();
    // Not timeout(1): that would be one more program for the launcher to start.
    let watchdog = thread::spawn(move || {
        let late = ended.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout);
        if late {
            // SAFETY: It has no preconditions.
            unsafe { libc::kill(group, libc::SIGKILL) };
        }
        late
    });
    let out = child.wait_with_output();
    drop(done);
    if watchdog.join().unwrap_or(false) {
        return Err(format!("{name}: not done after {} s", LIMIT.as_secs()));
    }
    outcome(&name, out.map_err(wrong)?)
}

fn outcome(name: &str, out: std::process::Output) -> Result<String> {
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    if out.status.success() {
        return Ok(text);
    }
    let errors = String::from_utf8_lossy(&out.stderr).into_owned();
    Err(format!(
        "{name}: {}\n{}\n{}",
        out.status,
        tail(&errors),
        tail(&text)
    ))
}

/// The end of what a program printed.
pub fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

/// Says what is wrong, if something is.
pub fn ensure(holds: bool, wrong: impl FnOnce() -> String) -> Result<()> {
    if holds {
        Ok(())
    } else {
        Err(wrong())
    }
}

/// Bytes of which no two are alike, as far as `len` goes.
pub fn bytes(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Bytes as text of two digits each.
pub fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The number in a text behind `before`.
pub fn number_after(text: &str, before: &str) -> Result<f64> {
    let rest = text.split_once(before).map(|(_, rest)| rest.trim_start());
    let word = rest.and_then(|rest| rest.split(|c: char| c.is_whitespace() || c == ',').next());
    word.and_then(|word| word.parse().ok())
        .ok_or_else(|| format!("no number behind `{before}` in: {}", tail(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found() {
        assert_eq!(number_after("tps = 12.5 (x)", "tps ="), Ok(12.5));
        assert_eq!(number_after("rate 3,", "rate"), Ok(3.0));
        assert!(number_after("tps", "tps =").is_err());
    }

    #[test]
    fn commands_are_judged() {
        assert_eq!(run(Command::new("echo").arg("a")), Ok("a\n".into()));
        assert!(run(Command::new("sh").args(["-c", "echo why >&2; exit 3"]))
            .is_err_and(|why| why.contains("why")));
    }

    #[test]
    fn bytes_differ() {
        let bytes = bytes(1001);
        assert_eq!(bytes.len(), 1001);
        assert_ne!(bytes[..8], bytes[8..16]);
    }
}
