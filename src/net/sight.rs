// SPDX-License-Identifier: GPL-2.0

//! What is shown of a socket to who administers the machine, whatever shows it:
//! a file in /proc/net ([`super::procfs`]) or sock_diag ([`super::diag`]).

/// What is shown of a socket.
#[derive(Default)]
pub(crate) struct Sight<'a> {
    /// The bytes of its name; none if it has none.
    pub(crate) name: &'a [u8],
    /// The inode of its peer, if it has one: 0 where that is closed, or not
    /// accepted yet.
    pub(crate) peer: Option<u64>,
    /// The bytes that wait to be received; of a listening socket, the connections
    /// that wait to be accepted.
    pub(crate) received: usize,
    /// The bytes that were sent and not received; of a listening socket, the
    /// connections that may wait.
    pub(crate) sent: usize,
    /// Nothing more will be received.
    pub(crate) read_shut: bool,
    /// Nothing more may be sent.
    pub(crate) write_shut: bool,
}

impl Sight<'_> {
    /// A number of bytes or connections in 32 bits.
    pub(super) fn number(n: usize) -> u32 {
        u32::try_from(n).unwrap_or(u32::MAX)
    }
}
