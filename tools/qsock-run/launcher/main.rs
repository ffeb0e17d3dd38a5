// SPDX-License-Identifier: GPL-2.0
//! qsock-run: runs a program whose AF_UNIX sockets become AF_QSOCK ones, and its children so.
//!
//! It looks whether that can be ([`program`]), and starts the program with libqsock_run.so
//! preloaded, to which it speaks through the environment.

mod program;

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::Error;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "\
usage: qsock-run [--only GLOB] [--verbose] [--] PROGRAM [ARGUMENT...]
    --only GLOB   put only names into AF_QSOCK that match (@ begins abstract ones)
    --verbose     say which names go into which family, on the standard error
";

/// The statuses of env(1) and the like: what is asked is wrong; PROGRAM cannot be run so; it is not
/// there.
const WRONG: u8 = 125;
const CANNOT: u8 = 126;
const MISSING: u8 = 127;

const LIBRARY: &str = "libqsock_run.so";

/// Where it is installed, as seen from the launcher's folder; beside it, where it was built.
const PLACES: [&str; 2] = ["../lib/qsock", "."];

#[derive(Default)]
struct Options {
    only: Option<OsString>,
    verbose: bool,
}

fn main() -> ExitCode {
    let (options, command) = match parse(env::args_os().skip(1)) {
        Ok(Some(parsed)) => parsed,
        Ok(None) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(wrong) => {
            eprint!("qsock-run: {wrong}\n{USAGE}");
            return ExitCode::from(WRONG);
        }
    };
    let (status, why) = run(&options, &command);
    eprintln!("qsock-run: {why}");
    ExitCode::from(status)
}

/// Options end at the first word that is none.
fn parse(
    mut words: impl Iterator<Item = OsString>,
) -> Result<Option<(Options, Vec<OsString>)>, String> {
    let mut options = Options::default();
    while let Some(word) = words.next() {
        match word.to_str() {
            Some("--help") => return Ok(None),
            Some("--verbose") => options.verbose = true,
            Some("--only") => match words.next() {
                Some(glob) => options.only = Some(glob),
                None => return Err("--only needs a GLOB".into()),
            },
            Some(text) if text.starts_with("--only=") => {
                options.only = Some(text["--only=".len()..].into());
            }
            Some("--") => return command(words.collect(), options),
            Some(text) if text.starts_with('-') => {
                return Err(format!("there is no option {text}"))
            }
            _ => {
                let command_words = std::iter::once(word).chain(words).collect();
                return command(command_words, options);
            }
        }
    }
    command(Vec::new(), options)
}

fn command(
    words: Vec<OsString>,
    options: Options,
) -> Result<Option<(Options, Vec<OsString>)>, String> {
    if words.is_empty() {
        return Err("there is no PROGRAM".into());
    }
    Ok(Some((options, words)))
}

/// Becomes the program; returns only if that fails.
fn run(options: &Options, command: &[OsString]) -> (u8, String) {
    let name = &command[0];
    let Some(file) = program::find(name) else {
        return (MISSING, format!("{}: not found", name.to_string_lossy()));
    };
    if let Err(why) = program::can_be_preloaded(&file) {
        return (CANNOT, format!("{}: {why}", file.display()));
    }
    let Some(library) = library() else {
        return (WRONG, format!("{LIBRARY} is not where it was installed"));
    };
    // The first socket has the kernel load the module, so that its number is known then.
    // SAFETY: It has no preconditions.
    let there = |number| match unsafe { libc::socket(number, libc::SOCK_STREAM, 0) } {
        -1 => Err(Error::last_os_error()),
        fd => {
            // SAFETY: The descriptor is ours.
            unsafe { libc::close(fd) };
            Ok(())
        }
    };
    let family = match there(qsock::family()) {
        Ok(()) => qsock::family(),
        Err(_) if there(qsock::family()).is_ok() => qsock::family(),
        Err(error) => return (WRONG, format!("there is no AF_QSOCK here: {error}")),
    };
    let mut program = Command::new(&file);
    program
        .arg0(name)
        .args(&command[1..])
        .env("LD_PRELOAD", preload(&library, env::var_os("LD_PRELOAD")))
        .env("QSOCK_RUN_FAMILY", family.to_string())
        .env_remove("QSOCK_RUN_ONLY")
        .env_remove("QSOCK_RUN_VERBOSE");
    if let Some(only) = &options.only {
        program.env("QSOCK_RUN_ONLY", only);
    }
    if options.verbose {
        program.env("QSOCK_RUN_VERBOSE", "1");
    }
    let error = program.exec();
    (CANNOT, format!("{}: {error}", file.display()))
}

/// The library to preload, by its whole path.
fn library() -> Option<PathBuf> {
    let own = env::current_exe().ok()?;
    let folder = own.parent()?;
    let places = PLACES.iter().map(|place| folder.join(place).join(LIBRARY));
    places.filter_map(|path| path.canonicalize().ok()).next()
}

/// Ours first, so that whoever else is preloaded sees what the kernel will.
fn preload(library: &Path, others: Option<OsString>) -> OsString {
    let mut list = library.as_os_str().to_owned();
    for other in others.iter().filter(|other| !other.is_empty()) {
        list.push(OsStr::new(":"));
        list.push(other);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &str) -> Result<(Option<String>, bool, Vec<String>), String> {
        let words = words.split_whitespace().map(OsString::from);
        let (options, command) = parse(words)?.ok_or("help")?;
        let text = |word: OsString| word.into_string().unwrap();
        Ok((
            options.only.map(text),
            options.verbose,
            command.into_iter().map(text).collect(),
        ))
    }

    #[test]
    fn options_end_where_the_program_begins() {
        let words = |list: &[&str]| list.iter().map(|word| word.to_string()).collect();
        assert_eq!(
            parsed("--only /run/* --verbose -- a --verbose"),
            Ok((Some("/run/*".into()), true, words(&["a", "--verbose"])))
        );
        assert_eq!(
            parsed("a --only"),
            Ok((None, false, words(&["a", "--only"])))
        );
        assert_eq!(
            parsed("--only=@x a"),
            Ok((Some("@x".into()), false, words(&["a"])))
        );
        assert!(parsed("").is_err());
        assert!(parsed("--").is_err());
        assert!(parsed("--only").is_err());
        assert!(parsed("--nothing a").is_err());
        assert_eq!(parsed("--help"), Err("help".into()));
    }

    #[test]
    fn who_else_is_preloaded_stays() {
        let list = |others: Option<&str>| preload(Path::new("/l.so"), others.map(OsString::from));
        assert_eq!(list(None), "/l.so");
        assert_eq!(list(Some("")), "/l.so");
        assert_eq!(list(Some("/a.so:/b.so")), "/l.so:/a.so:/b.so");
    }
}
