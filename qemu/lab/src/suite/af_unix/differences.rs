// SPDX-License-Identifier: GPL-2.0
//! The cases of the kernel's selftests of AF_UNIX that AF_QSOCK is not to pass, and why.

/// A case that ends otherwise for AF_QSOCK, on purpose.
pub struct Difference {
    pub case: &'static str,
    /// What the case says when it fails for this reason and no other.
    pub told: &'static str,
    pub why: &'static str,
}

const NETNS: &str = "a name is no file: it is found in the network namespace that it was bound in";

pub const LIST: &[Difference] = &[
    Difference {
        case: "unix_connect.stream_pathname_netns.test",
        told: "Expected variant->err (0) == err == -1 ? errno : 0 (111)",
        why: NETNS,
    },
    Difference {
        case: "unix_connect.dgram_pathname_netns.test",
        told: "Expected variant->err (0) == err == -1 ? errno : 0 (111)",
        why: NETNS,
    },
];
