// SPDX-License-Identifier: GPL-2.0
//! The cases of the bench, and what each must reach.

use anyhow::{ensure, Result};
use regex::Regex;

use crate::artifacts::Arch;

/// What AF_QSOCK's figure must not exceed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bar {
    /// So many times AF_UNIX's, on x86-64 and on arm64.
    Unix(f64, f64),
    /// A pipe's.
    Pipe,
    /// So many times its own in another case.
    Case(&'static str, f64),
    /// With hooks: so many times that without.
    Hooks(f64),
}

impl Bar {
    /// The ratio, for an architecture.
    pub fn at_most(self, arch: Arch) -> f64 {
        match (self, arch) {
            (Bar::Unix(ratio, _), Arch::X86_64) | (Bar::Unix(_, ratio), Arch::Arm64) => ratio,
            (Bar::Pipe, _) => 1.0,
            (Bar::Case(_, ratio) | Bar::Hooks(ratio), _) => ratio,
        }
    }
}

/// A case: `qbench` in the guest knows its name.
#[derive(Debug)]
pub struct Case {
    pub name: &'static str,
    /// Bytes of a message.
    pub size: u64,
    pub bars: &'static [Bar],
    /// What one operation is, for people.
    pub told: &'static str,
    /// What it is part of beside the count of instructions: see [`CASES`].
    flags: &'static str,
}

impl Case {
    pub fn id(&self) -> String {
        format!("{}/{}", self.name, self.size)
    }

    /// Whether it is also measured in time.
    pub fn timed(&self) -> bool {
        self.flags.contains('t')
    }

    /// Whether instructions beyond its budget fail `make test`.
    pub fn gated(&self) -> bool {
        self.flags.contains('g')
    }

    /// By how much a figure may exceed its budget. What allocates and frees for each operation varies by 2 % from boot to
    /// boot, as the allocator's lists are shuffled; the rest by 0.3 %.
    pub fn slack(&self) -> f64 {
        if self.flags.contains('v') {
            1.05
        } else {
            1.02
        }
    }

    /// Whether it is a loop inside User Mode Linux, and nothing else.
    pub fn native(&self) -> bool {
        self.flags.contains('n')
    }

    /// Whether it is about rules of the policy, whose number is its size; it has a table of its own.
    pub fn policy(&self) -> bool {
        self.flags.contains('p')
    }

    /// Measured with hooks as well, by loading the module again.
    pub fn hooked(&self) -> bool {
        self.bars.iter().any(|bar| matches!(bar, Bar::Hooks(_)))
    }
}

const fn case(
    name: &'static str,
    size: u64,
    told: &'static str,
    bars: &'static [Bar],
    flags: &'static str,
) -> Case {
    Case {
        name,
        size,
        bars,
        told,
        flags,
    }
}

const STREAM: &str = "stream: send, recv";
const RUST: &str = "stream by crate qsock and by std: write, read";
const SEQPACKET: &str = "seqpacket: send, recv";
const NATIVE: &str = "stream inside the kernel: send, recv";
const NEVER_WORSE: &[Bar] = &[Bar::Unix(1.0, 1.0), Bar::Pipe];
const NO_RULE: &str = "64 bytes by a stream with a name, no rules";
const USERS: &str = "the same, rules each for another user";
const NAMES: &str = "the same, each for another name";
const PROGRAMS: &str = "the same, each for another program";
const ALLOWED: &str = "the same, each for another user, and one that allows";
const OTHERS: &str = "the same, for another operation";
const DGRAM: &str = "datagram, connected: send, recv";

/// All of them. Flags: t, also measured in time; g, part of the gate; v, varies from boot to boot; n,
/// native only; p, rules.
pub const CASES: &[Case] = &[
    case(
        "stream",
        64,
        STREAM,
        &[Bar::Unix(0.45, 0.45), Bar::Pipe, Bar::Hooks(1.05)],
        "tg",
    ),
    case("stream", 256, STREAM, &[], ""),
    case("stream", 1024, STREAM, &[Bar::Unix(0.45, 0.50)], "tg"),
    case(
        "stream",
        4096,
        STREAM,
        &[Bar::Unix(0.45, 0.57), Bar::Pipe],
        "tg",
    ),
    case("stream", 16384, STREAM, &[], "t"),
    case("stream", 65536, STREAM, &[Bar::Unix(0.47, 0.70)], "tg"),
    case("stream", 262144, STREAM, &[], "t"),
    case("stream", 1048576, STREAM, &[], "t"),
    case("stream-rust", 64, RUST, &[], "g"),
    case(
        "seqpacket",
        64,
        SEQPACKET,
        &[Bar::Unix(0.45, 0.45), Bar::Hooks(1.05)],
        "tg",
    ),
    case(
        "seqpacket",
        4096,
        SEQPACKET,
        &[Bar::Unix(0.50, 0.65), Bar::Pipe],
        "g",
    ),
    case(
        "dgram",
        64,
        DGRAM,
        &[Bar::Unix(0.45, 0.45), Bar::Hooks(1.05)],
        "tg",
    ),
    case("dgram", 4096, DGRAM, &[], ""),
    case(
        "dgram-to-name",
        64,
        "datagram: sendto a name, recv",
        &[Bar::Unix(0.50, 0.50)],
        "g",
    ),
    case(
        "stream-mmsg",
        64,
        "stream: sendmmsg, recvmmsg of 32, each",
        &[Bar::Unix(0.45, 0.45)],
        "g",
    ),
    case(
        "seqpacket-mmsg",
        64,
        "seqpacket: sendmmsg, recvmmsg of 32, each",
        &[Bar::Unix(0.45, 0.45)],
        "g",
    ),
    case(
        "ping-pong-1",
        64,
        "there and back between processes, 1 CPU",
        &[Bar::Unix(0.70, 0.70)],
        "t",
    ),
    case(
        "ping-pong-2",
        64,
        "there and back between processes, 2 CPUs",
        &[Bar::Unix(0.75, 0.75)],
        "t",
    ),
    case(
        "open-close",
        0,
        "socketpair, close",
        &[Bar::Unix(0.90, 0.90)],
        "tgv",
    ),
    case(
        "open-send-close",
        64,
        "socketpair, one message, close",
        &[Bar::Unix(0.90, 0.90)],
        "gv",
    ),
    case(
        "connect-close",
        0,
        "socket, connect, accept, close",
        &[Bar::Unix(0.90, 0.90)],
        "tgv",
    ),
    case(
        "scm-rights",
        1,
        "one file with SCM_RIGHTS, and its close",
        &[Bar::Unix(0.70, 0.70)],
        "g",
    ),
    case(
        "epoll",
        0,
        "epoll_wait: one ready among 10,000",
        &[Bar::Unix(1.0, 1.0)],
        "g",
    ),
    case(
        "memory-idle",
        0,
        "bytes of an idle connected pair",
        &[Bar::Unix(1.0, 1.0)],
        "",
    ),
    case(
        "memory-queued",
        64,
        "bytes of 8 queued messages",
        &[Bar::Unix(0.5, 0.5)],
        "",
    ),
    case(
        "senders-1",
        64,
        "1 sender to a datagram receiver",
        &[Bar::Unix(0.6, 0.6)],
        "t",
    ),
    case(
        "senders-8",
        64,
        "8 senders to a datagram receiver",
        &[Bar::Unix(0.6, 0.6)],
        "t",
    ),
    case(
        "senders-64",
        64,
        "64 senders to a datagram receiver",
        &[Bar::Unix(0.6, 0.6), Bar::Case("senders-1/64", 1.3)],
        "t",
    ),
    case("policy-none", 0, NO_RULE, &[], "p"),
    case("policy-user", 1, USERS, &[], "p"),
    case("policy-user", 10, USERS, &[], "p"),
    case("policy-user", 100, USERS, &[], "p"),
    case("policy-user", 10_000, USERS, &[], "p"),
    case("policy-name", 1, NAMES, &[], "p"),
    case("policy-name", 10, NAMES, &[], "p"),
    case("policy-name", 100, NAMES, &[], "p"),
    case("policy-name", 10_000, NAMES, &[], "p"),
    case("policy-program", 1, PROGRAMS, &[], "p"),
    case("policy-program", 10, PROGRAMS, &[], "p"),
    case("policy-program", 100, PROGRAMS, &[], "p"),
    case("policy-program", 10_000, PROGRAMS, &[], "p"),
    case("policy-allow", 1, ALLOWED, &[], "p"),
    case("policy-allow", 10, ALLOWED, &[], "p"),
    case("policy-allow", 100, ALLOWED, &[], "p"),
    case("policy-allow", 10_000, ALLOWED, &[], "p"),
    case("policy-other", 10_000, OTHERS, &[], "p"),
    case("native", 64, NATIVE, &[Bar::Unix(0.40, 0.40)], "n"),
    case("native", 256, NATIVE, &[], "n"),
    case("native", 1024, NATIVE, &[], "n"),
    case("native", 4096, NATIVE, &[], "n"),
    case("native", 16384, NATIVE, &[], "n"),
    case("native", 65536, NATIVE, NEVER_WORSE, "n"),
    case("native", 262144, NATIVE, NEVER_WORSE, "n"),
    case("native", 1048576, NATIVE, NEVER_WORSE, "n"),
];

/// The cases that `only` names: words, `*` for anything in them; one without a slash means all sizes.
pub fn chosen(only: Option<&str>) -> Result<Vec<&'static Case>> {
    let Some(only) = only else {
        return Ok(CASES.iter().collect());
    };
    let mut found = vec![false; CASES.len()];
    for word in only.split([',', ' ']).filter(|word| !word.is_empty()) {
        let whole = if word.contains('/') { "" } else { "/*" };
        let pattern = regex::escape(&format!("{word}{whole}")).replace(r"\*", ".*");
        let pattern = Regex::new(&format!("^{pattern}$"))?;
        let mut any = false;
        for (case, found) in CASES.iter().zip(&mut found) {
            let matches = pattern.is_match(&case.id());
            *found |= matches;
            any |= matches;
        }
        ensure!(
            any,
            "ONLY={word}: no such case; there are {}",
            CASES.iter().map(Case::id).collect::<Vec<_>>().join(" ")
        );
    }
    Ok(CASES
        .iter()
        .zip(found)
        .filter_map(|(case, found)| found.then_some(case))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(only: &str) -> Vec<String> {
        chosen(Some(only)).unwrap().iter().map(|c| c.id()).collect()
    }

    #[test]
    fn words_choose_cases() {
        assert_eq!(ids("stream/64"), ["stream/64"]);
        assert_eq!(ids("seqpacket"), ["seqpacket/64", "seqpacket/4096"]);
        assert_eq!(ids("epoll,dgram/*"), ["dgram/64", "dgram/4096", "epoll/0"]);
        assert_eq!(ids("*mmsg*"), ["stream-mmsg/64", "seqpacket-mmsg/64"]);
        assert!(chosen(Some("stream nothing")).is_err());
        assert_eq!(chosen(None).unwrap().len(), CASES.len());
    }

    #[test]
    fn ids_are_unique_and_bars_name_cases() {
        for case in CASES {
            assert_eq!(ids(&case.id()), [case.id()]);
            for bar in case.bars {
                if let Bar::Case(id, _) = bar {
                    assert!(CASES.iter().any(|c| c.id() == *id));
                }
            }
        }
    }
}
