// SPDX-License-Identifier: GPL-2.0

//! The words of the language.

/// What a policy is asked about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Operation {
    Create,
    Bind,
    Listen,
    Connect,
    Accept,
    Sendmsg,
    Recvmsg,
    PassFile,
    Shutdown,
}

/// All of them, in their order.
pub(crate) const OPERATIONS: [Operation; 9] = [
    Operation::Create,
    Operation::Bind,
    Operation::Listen,
    Operation::Connect,
    Operation::Accept,
    Operation::Sendmsg,
    Operation::Recvmsg,
    Operation::PassFile,
    Operation::Shutdown,
];

impl Operation {
    /// A bit of its own.
    pub(crate) const fn bit(self) -> u16 {
        1 << self as u16
    }

    /// What a policy calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Bind => "bind",
            Self::Listen => "listen",
            Self::Connect => "connect",
            Self::Accept => "accept",
            Self::Sendmsg => "sendmsg",
            Self::Recvmsg => "recvmsg",
            Self::PassFile => "pass_file",
            Self::Shutdown => "shutdown",
        }
    }

    pub(super) fn parse(word: &[u8]) -> Option<Self> {
        let mut all = OPERATIONS.into_iter();
        all.find(|operation| operation.name().as_bytes() == word)
    }
}

/// What is to be done with an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Allow,
    /// It fails with this errno, a positive number.
    Deny(i32),
    /// Who sends is told that it was sent.
    Drop,
}

/// The errno of a denial that names none.
pub(super) const EACCES: i32 = 13;

/// Those that it may name: none that means that the call is to be repeated.
const ERRNOS: [(&str, i32); 12] = [
    ("EPERM", 1),
    ("ENOENT", 2),
    ("EIO", 5),
    ("EACCES", EACCES),
    ("EINVAL", 22),
    ("EPIPE", 32),
    ("EMSGSIZE", 90),
    ("EOPNOTSUPP", 95),
    ("ECONNRESET", 104),
    ("ENOBUFS", 105),
    ("ETIMEDOUT", 110),
    ("ECONNREFUSED", 111),
];

pub(super) fn errno(word: &[u8]) -> Option<i32> {
    let found = ERRNOS.iter().find(|(name, _)| name.as_bytes() == word);
    found.map(|(_, number)| *number)
}

/// A fact that is a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Number {
    /// The acting task's effective ids, in the initial user namespace.
    Uid,
    Gid,
    /// Those of the other end.
    PeerUid,
    PeerGid,
    /// Of the message, in bytes.
    Len,
    /// That go with the message.
    Files,
    /// `SOCK_STREAM` and so on.
    Type,
}

/// A fact that is a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Text {
    /// The path of the file that the acting task executes.
    Exe,
    /// The path of its cgroup.
    Cgroup,
    /// The name of the socket.
    Name,
    /// The name of the other end.
    Peer,
}

/// The values of `type`: those of `SOCK_*`.
pub(super) const TYPES: [(&str, u64); 3] = [("stream", 1), ("dgram", 2), ("seqpacket", 5)];

/// How many keys there are.
pub(super) const KEYS: usize = 11;

/// What conditions are called, what they are about, and the operations that have
/// that.
pub(super) const KEY_NAMES: [(&str, super::Key, u16); KEYS] = {
    use super::Key::{Number as N, Text as T};
    const ALL: u16 = (1 << OPERATIONS.len()) - 1;
    const MESSAGE: u16 = Operation::Sendmsg.bit() | Operation::Recvmsg.bit();
    const PASS: u16 = Operation::PassFile.bit();
    const PEER: u16 = MESSAGE | PASS | Operation::Connect.bit() | Operation::Accept.bit();
    const NAMED: u16 = ALL & !Operation::Create.bit();
    [
        ("uid", N(Number::Uid), ALL),
        ("gid", N(Number::Gid), ALL),
        ("peer-uid", N(Number::PeerUid), PEER),
        ("peer-gid", N(Number::PeerGid), PEER),
        ("len", N(Number::Len), MESSAGE),
        ("files", N(Number::Files), Operation::Sendmsg.bit() | PASS),
        ("type", N(Number::Type), ALL),
        ("exe", T(Text::Exe), ALL),
        ("cgroup", T(Text::Cgroup), ALL),
        ("name", T(Text::Name), NAMED),
        ("peer", T(Text::Peer), PEER),
    ]
};

impl super::Key {
    /// Its place in [`KEY_NAMES`].
    pub(super) fn number(self) -> usize {
        match self {
            Self::Number(number) => number as usize,
            Self::Text(text) => 7 + text as usize,
        }
    }
}

const _: () = {
    let mut at = 0;
    while at < KEYS {
        let place = match KEY_NAMES[at].1 {
            super::Key::Number(number) => number as usize,
            super::Key::Text(text) => 7 + text as usize,
        };
        assert!(place == at);
        at += 1;
    }
};
