// SPDX-License-Identifier: GPL-2.0

//! Numbers and choices of the socket interface, with the types that the
//! framework uses.

use crate::bindings;
use kernel::prelude::*;

/// Bytes in both directions, in order: `SOCK_STREAM`.
pub(crate) const SOCK_STREAM: u16 = bindings::sock_type_SOCK_STREAM as u16;

/// Records in both directions, in order: `SOCK_SEQPACKET`.
pub(crate) const SOCK_SEQPACKET: u16 = bindings::sock_type_SOCK_SEQPACKET as u16;

/// Records from and to anybody: `SOCK_DGRAM`.
pub(crate) const SOCK_DGRAM: u16 = bindings::sock_type_SOCK_DGRAM as u16;

/// What local families take for `SOCK_DGRAM`.
pub(crate) const SOCK_RAW: u16 = bindings::sock_type_SOCK_RAW as u16;

/// The family of an address that ends a connection.
pub(crate) const AF_UNSPEC: u16 = bindings::AF_UNSPEC as u16;

/// ioctl(2): whether the next byte is where the one out of band is.
pub(crate) const SIOCATMARK: u32 = bindings::NET_SIOCATMARK;

/// ioctl(2): the bytes that a receive would find.
pub(crate) const SIOCINQ: u32 = bindings::NET_SIOCINQ;

/// ioctl(2): the bytes that were sent and not received.
pub(crate) const SIOCOUTQ: u32 = bindings::NET_SIOCOUTQ;

/// capabilities(7): overrides permission bits.
pub(crate) const CAP_DAC_OVERRIDE: u32 = bindings::CAP_DAC_OVERRIDE;

/// capabilities(7): overrides the owner's rights.
pub(crate) const CAP_FOWNER: u32 = bindings::CAP_FOWNER;

/// capabilities(7): gives away what one owns.
pub(crate) const CAP_CHOWN: u32 = bindings::CAP_CHOWN;

/// An option of SOL_SOCKET that local families have: SCM_INQ.
pub(crate) const SO_INQ: c_int = bindings::SO_INQ as c_int;

/// An option of SOL_SOCKET: how much may wait to be received.
pub(crate) const SO_RCVBUF: c_int = bindings::SO_RCVBUF as c_int;

/// The same, for who may have more than net.core.rmem_max.
pub(crate) const SO_RCVBUFFORCE: c_int = bindings::SO_RCVBUFFORCE as c_int;

/// An option of SOL_SOCKET: how much makes a receive worth while.
pub(crate) const SO_RCVLOWAT: c_int = bindings::SO_RCVLOWAT as c_int;

/// How much of a connection shutdown(2) ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shutdown {
    /// Nothing is received any more.
    Read,
    /// Nothing is sent any more.
    Write,
    /// Both.
    Both,
}

impl Shutdown {
    pub(super) fn new(how: c_int) -> Result<Self> {
        match u32::try_from(how) {
            Ok(bindings::sock_shutdown_cmd_SHUT_RD) => Ok(Self::Read),
            Ok(bindings::sock_shutdown_cmd_SHUT_WR) => Ok(Self::Write),
            Ok(bindings::sock_shutdown_cmd_SHUT_RDWR) => Ok(Self::Both),
            _ => Err(EINVAL),
        }
    }

    /// Whether receiving ends.
    pub(crate) fn reads(self) -> bool {
        matches!(self, Self::Read | Self::Both)
    }

    /// Whether sending ends.
    pub(crate) fn writes(self) -> bool {
        matches!(self, Self::Write | Self::Both)
    }
}

/// Which end of a connection getsockname(2) and getpeername(2) ask for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameOf {
    /// The socket's own.
    Own,
    /// The peer's.
    Peer,
}

/// Whether the flags of a call, or of its file, say that it must not wait.
pub(super) fn nonblock(flags: c_int) -> bool {
    flags & bindings::O_NONBLOCK as c_int != 0
}

/// What a send or receive returns, as the core takes it.
#[inline(always)]
pub(super) fn returned(result: Result<usize>) -> c_int {
    match result {
        // BOUNDS: The core limits a call to MAX_RW_COUNT bytes.
        Ok(bytes) => bytes as c_int,
        Err(error) => error.to_errno(),
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[kunit_tests(net_uapi)]
mod tests {
    use super::*;

    #[test]
    fn shutdown_has_three_values() {
        assert!(Shutdown::new(-1).is_err());
        assert!(Shutdown::new(3).is_err());
        for (how, reads, writes) in [(0, true, false), (1, false, true), (2, true, true)] {
            let how = Shutdown::new(how);
            assert_eq!(how.map(Shutdown::reads), Ok(reads));
            assert_eq!(how.map(Shutdown::writes), Ok(writes));
        }
    }
}
