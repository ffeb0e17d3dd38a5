// SPDX-License-Identifier: GPL-2.0
//! What a guest is asked to do, and how that travels into it.

use std::path::PathBuf;
use std::time::Duration;

use super::cpio::Archive;
use crate::artifacts::{Arch, Config};

/// One boot of one guest.
#[derive(Clone, Debug)]
pub struct Job {
    pub arch: Arch,
    pub config: Config,
    /// Count instructions instead of time (design.md, 6).
    pub icount: bool,
    pub smp: u32,
    /// MiB
    pub mem: u32,
    pub overlays: Vec<PathBuf>,
    pub share: Option<PathBuf>,
    /// Parameters to load the module with; None leaves it unloaded.
    pub module: Option<String>,
    /// Whether qsock.ko and the test modules are in /lib/modules at all.
    pub modules: bool,
    /// More of the kernel's command line.
    pub append: Vec<String>,
    /// The whole run, boot included.
    pub timeout: Option<Duration>,
    /// A terminal for the command instead of a recorded stream.
    pub interactive: bool,
    /// Scan for leaked memory after the module is gone (debug kernels).
    pub kmemleak: bool,
    pub command: Vec<String>,
}

impl Job {
    /// A job with the defaults of `qemu/run`.
    pub fn new(arch: Arch, config: Config, command: &[&str]) -> Job {
        Job {
            arch,
            config,
            icount: false,
            smp: 2,
            mem: if instrumented(config) { 2048 } else { 1024 },
            overlays: Vec::new(),
            share: None,
            module: Some(String::new()),
            modules: true,
            append: Vec::new(),
            timeout: Some(Duration::from_secs(if instrumented(config) {
                1800
            } else {
                600
            })),
            interactive: false,
            kmemleak: false,
            command: command.iter().map(|s| s.to_string()).collect(),
        }
    }

    /// The job's own archive, unpacked over the guest's root: the command and what the init must know.
    pub fn archive(&self, nonce: &str) -> Archive {
        let flag = |on: bool| if on { "1" } else { "" }.to_string();
        let vars = [
            ("nonce", nonce.to_string()),
            (
                "module",
                if self.module.is_some() {
                    "/lib/modules/qsock.ko"
                } else {
                    ""
                }
                .to_string(),
            ),
            ("params", self.module.clone().unwrap_or_default()),
            ("interactive", flag(self.interactive)),
            ("share", flag(self.share.is_some())),
            ("kmemleak", flag(self.kmemleak)),
            // Under icount an idle guest runs ahead of time: signs of life would be without number.
            ("beats", flag(!self.icount)),
            ("term", std::env::var("TERM").unwrap_or_default()),
            (
                "winsize",
                if self.interactive {
                    super::tty::size()
                } else {
                    String::new()
                },
            ),
        ];
        let mut archive = Archive::default();
        archive.data("job/vars", assignments(&vars), false);
        archive.data(
            "job/command",
            format!("exec {}\n", command_line(&self.command)),
            false,
        );
        archive
    }
}

/// Whether the configuration has checkers in every function, which makes its guests slow and large.
pub fn instrumented(config: Config) -> bool {
    matches!(config, Config::Debug | Config::Kcsan)
}

fn assignments(vars: &[(&str, String)]) -> String {
    vars.iter()
        .map(|(name, value)| format!("{name}={}\n", quote(value)))
        .collect::<Vec<_>>()
        .concat()
}

/// A word as the shell reads it back, byte for byte.
pub fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A command as a line of shell that runs exactly these words.
pub fn command_line<S: AsRef<str>>(words: &[S]) -> String {
    words
        .iter()
        .map(|w| quote(w.as_ref()))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn quoting_survives_a_shell() {
        let words = [
            "printf",
            "%s|",
            "",
            "a b",
            "it's",
            "\"$HOME\"",
            "`id`",
            "new\nline",
            "-n",
            "\\",
            "*",
            "é'",
            "a;b&c",
        ];
        let out = Command::new("sh")
            .args(["-c", &command_line(&words)])
            .output()
            .unwrap();
        let expected: Vec<_> = words[2..].iter().map(|w| format!("{w}|")).collect();
        assert_eq!(String::from_utf8(out.stdout).unwrap(), expected.concat());
    }

    #[test]
    fn variables_survive_a_shell() {
        let text = assignments(&[("a", "family=20 b='x'".into()), ("b", "\n".into())]);
        let out = Command::new("sh")
            .args(["-c", &format!("{text}printf '%s,%s' \"$a\" \"$b\"")])
            .output()
            .unwrap();
        assert_eq!(out.stdout, b"family=20 b='x',\n");
    }

    #[test]
    fn the_same_job_is_the_same_archive() {
        let job = Job::new(Arch::X86_64, Config::Stock, &["true"]);
        assert_eq!(job.archive("n").bytes(), job.archive("n").bytes());
        assert_ne!(job.archive("n").bytes(), job.archive("m").bytes());
    }
}
