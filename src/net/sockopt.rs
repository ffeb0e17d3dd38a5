// SPDX-License-Identifier: GPL-2.0

//! Options that a family handles itself, and what the core keeps in a sock for
//! them.
//!
//! C header: [`include/net/sock.h`](srctree/include/net/sock.h)

use super::{ops::SocketOps, sock::Sock, socket::Socket};
use crate::bindings;
use kernel::{error::to_result, prelude::*};

/// The core's own level.
pub(crate) const SOL_SOCKET: c_int = bindings::SOL_SOCKET as c_int;

/// What a socket wants to receive beside the bytes: `sk_scm_recv_flags`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    /// SCM_CREDENTIALS: SO_PASSCRED.
    Cred,
    /// SCM_SECURITY: SO_PASSSEC.
    Sec,
    /// SCM_PIDFD: SO_PASSPIDFD.
    Pidfd,
    /// SCM_RIGHTS: SO_PASSRIGHTS.
    Rights,
}

impl Pass {
    /// The one that an option of SOL_SOCKET stands for.
    pub(crate) fn of_option(name: c_int) -> Option<Self> {
        match u32::try_from(name).ok()? {
            bindings::SO_PASSCRED => Some(Self::Cred),
            bindings::SO_PASSSEC => Some(Self::Sec),
            bindings::SO_PASSPIDFD => Some(Self::Pidfd),
            bindings::SO_PASSRIGHTS => Some(Self::Rights),
            _ => None,
        }
    }

    /// Its bit in `sk_scm_recv_flags`, a union with C's bit field.
    const fn bit(self) -> u8 {
        const _: () = assert!(cfg!(target_endian = "little"));
        match self {
            Self::Cred => 1 << 0,
            Self::Sec => 1 << 1,
            Self::Pidfd => 1 << 2,
            Self::Rights => 1 << 3,
        }
    }
}

/// What a receiver wants beside the bytes.
#[derive(Clone, Copy)]
pub(crate) struct Wants {
    /// To know who sends.
    pub(crate) cred: bool,
    /// To know the sender's label.
    pub(crate) sec: bool,
    /// Files.
    pub(crate) rights: bool,
}

impl Wants {
    /// What a socket wants whose owner never said, of a sender that does not
    /// know it.
    pub(crate) fn all() -> Self {
        Self {
            cred: true,
            sec: false,
            rights: true,
        }
    }
}

/// A format of time stamps: SO_TIMESTAMP and its kin.
#[derive(Clone, Copy)]
pub(crate) struct Stamps {
    new: bool,
    ns: bool,
    /// SO_TIMESTAMPING asks for the time of receipt too.
    all: bool,
}

impl Stamps {
    /// The one that an option of SOL_SOCKET stands for.
    pub(crate) fn of_option(name: c_int) -> Option<Self> {
        let (new, ns) = match u32::try_from(name).ok()? {
            bindings::SO_TIMESTAMP_OLD => (false, false),
            bindings::SO_TIMESTAMPNS_OLD => (false, true),
            bindings::SO_TIMESTAMP_NEW => (true, false),
            bindings::SO_TIMESTAMPNS_NEW => (true, true),
            _ => return None,
        };
        let all = false;
        Some(Self { new, ns, all })
    }

    /// The type of the control message.
    pub(super) fn cmsg_type(self) -> u32 {
        match (self.new, self.ns) {
            (false, false) => bindings::SO_TIMESTAMP_OLD,
            (false, true) => bindings::SO_TIMESTAMPNS_OLD,
            (true, false) => bindings::SO_TIMESTAMP_NEW,
            (true, true) => bindings::SO_TIMESTAMPNS_NEW,
        }
    }

    /// The control message of SO_TIMESTAMPING that goes with it.
    pub(super) fn put_all(self, msg: *mut bindings::msghdr, nanoseconds: i64) {
        if !self.all {
            return;
        }
        let mut stamps = bindings::scm_timestamping_internal::default();
        stamps.ts[0] = nanoseconds;
        // SAFETY: The callers pass a valid message.
        unsafe {
            if self.new {
                bindings::put_cmsg_scm_timestamping64(msg, &mut stamps)
            } else {
                bindings::put_cmsg_scm_timestamping(msg, &mut stamps)
            }
        }
    }

    /// Seconds and what they leave, in the format's unit, of nanoseconds.
    pub(super) fn split(self, nanoseconds: i64) -> [i64; 2] {
        const NSEC_PER_SEC: i64 = 1_000_000_000;
        let (seconds, rest) = (nanoseconds / NSEC_PER_SEC, nanoseconds % NSEC_PER_SEC);
        [seconds, if self.ns { rest } else { rest / 1000 }]
    }
}

/// The value that setsockopt(2) gives.
pub(crate) struct OptIn {
    value: bindings::sockptr_t,
    len: c_uint,
}

impl OptIn {
    pub(super) fn new(value: bindings::sockptr_t, len: c_uint) -> Self {
        Self { value, len }
    }

    fn raw(&self) -> bindings::sockptr_t {
        // SAFETY: A pointer that says where it points; copying it does nothing.
        unsafe { core::ptr::read(&self.value) }
    }

    /// The length that the caller gave, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    /// The value's first bytes. May fault, and so sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the value is shorter, `EFAULT`.
    pub(crate) fn bytes<const N: usize>(&self) -> Result<[u8; N]> {
        if self.len() < N {
            return Err(EINVAL);
        }
        let mut bytes = [0; N];
        // SAFETY: The array has room for `N` bytes; the source is checked.
        let result =
            unsafe { bindings::copy_from_sockptr(bytes.as_mut_ptr().cast(), self.raw(), N) };
        if result != 0 {
            return Err(EFAULT);
        }
        Ok(bytes)
    }

    /// The value as an integer; what is longer than one is cut, as the core
    /// does. May fault, and so sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the value is shorter, `EFAULT`.
    pub(crate) fn int(&self) -> Result<c_int> {
        self.bytes().map(c_int::from_ne_bytes)
    }
}

/// The value that getsockopt(2) returns: at most 16 bytes.
pub(crate) struct OptOut {
    bytes: [u8; 16],
    len: usize,
}

impl OptOut {
    /// An integer.
    pub(crate) fn int(value: c_int) -> Self {
        Self::bytes(&value.to_ne_bytes())
    }

    /// Bytes; what does not fit is cut.
    pub(crate) fn bytes(value: &[u8]) -> Self {
        let mut bytes = [0; 16];
        let len = value.len().min(bytes.len());
        bytes[..len].copy_from_slice(&value[..len]);
        Self { bytes, len }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Sock {
    /// Whether the socket wants this.
    pub(crate) fn passes(&self, what: Pass) -> bool {
        self.recv_flags() & what.bit() != 0
    }

    /// Whether the socket wants to know who sends.
    pub(crate) fn passes_cred(&self) -> bool {
        self.wants().cred
    }

    /// All that a sender must know of what the socket wants.
    pub(crate) fn wants(&self) -> Wants {
        let bits = self.recv_flags();
        Wants {
            cred: bits & (Pass::Cred.bit() | Pass::Pidfd.bit()) != 0,
            sec: bits & Pass::Sec.bit() != 0,
            rights: bits & Pass::Rights.bit() != 0,
        }
    }

    /// Whether the socket wants to know anything of who sends.
    #[inline]
    pub(crate) fn wants_sender(&self) -> bool {
        self.recv_flags() & !Pass::Rights.bit() != 0
    }

    /// Whether the socket wants to know of a message more than its bytes: of who
    /// sends or when, or its program has a say.
    #[inline]
    pub(crate) fn wants_more_than_bytes(&self) -> bool {
        const STAMPS: c_ulong = 1 << bindings::sock_flags_SOCK_RCVTSTAMP;
        self.wants_sender() || self.flag_bits() & STAMPS != 0 || self.has_filter()
    }

    /// Says whether the socket wants this. Sleeps for the sock's lock.
    pub(crate) fn set_passes(&self, what: Pass, on: bool) {
        let sk = self.as_raw();
        // SAFETY: By the type invariant; the lock guards the byte.
        unsafe {
            bindings::lock_sock(sk);
            match what {
                Pass::Cred => bindings::sk_set_scm_credentials(sk, on),
                Pass::Sec => bindings::sk_set_scm_security(sk, on),
                Pass::Pidfd => bindings::sk_set_scm_pidfd(sk, on),
                Pass::Rights => bindings::sk_set_scm_rights(sk, on),
            }
            bindings::release_sock(sk);
        }
    }

    /// What the socket wants, for one that is accepted to want the same.
    #[inline]
    pub(crate) fn recv_flags(&self) -> u8 {
        // SAFETY: By the type invariant; volatile, because others may set them.
        unsafe {
            self.as_raw()
                .byte_add(bindings::NET_OFFSET_SK_SCM_RECV_FLAGS)
                .cast::<u8>()
                .read_volatile()
        }
    }

    /// Makes this sock, which nobody else knows yet, want what another does.
    pub(crate) fn set_recv_flags(&self, flags: u8) {
        // SAFETY: By the type invariant.
        unsafe { bindings::sk_set_scm_recv_flags(self.as_raw(), flags) }
    }

    /// The format in which the socket wants time stamps, if it does.
    pub(crate) fn stamps(&self) -> Option<Stamps> {
        let flag = |flag| {
            // SAFETY: By the type invariant.
            unsafe { bindings::sock_flag(self.as_raw(), flag) }
        };
        flag(bindings::sock_flags_SOCK_RCVTSTAMP).then(|| {
            // SAFETY: By the type invariant.
            let all = unsafe { bindings::sk_tsflags(self.as_raw()) };
            let received = all & bindings::NET_TSTAMP_RX_SOFTWARE != 0
                || all & bindings::NET_TSTAMP_OPT_RX_FILTER == 0;
            Stamps {
                new: flag(bindings::sock_flags_SOCK_TSTAMP_NEW),
                ns: flag(bindings::sock_flags_SOCK_RCVTSTAMPNS),
                all: received && all & bindings::NET_TSTAMP_SOFTWARE != 0,
            }
        })
    }

    /// Says in which format the socket wants time stamps. Sleeps for the sock's
    /// lock.
    ///
    /// The core's own would turn the stamping of all of the machine's packets
    /// on; those of local messages are the family's.
    pub(crate) fn set_stamps(&self, stamps: Stamps, on: bool) {
        let sk = self.as_raw();
        // SAFETY: By the type invariant.
        unsafe {
            let set = |flag, on: bool| bindings::sock_valbool_flag(sk, flag, on.into());
            bindings::lock_sock(sk);
            if on {
                set(bindings::sock_flags_SOCK_TSTAMP_NEW, stamps.new);
            }
            set(bindings::sock_flags_SOCK_RCVTSTAMPNS, on && stamps.ns);
            set(bindings::sock_flags_SOCK_RCVTSTAMP, on);
            bindings::release_sock(sk);
        }
    }

    /// The time, in nanoseconds since the epoch, if the socket wants stamps.
    pub(crate) fn stamp_now(&self) -> Option<i64> {
        self.stamps()?;
        // SAFETY: It has no preconditions.
        Some(unsafe { bindings::ktime_get_real_ns() } as i64)
    }

    /// Whether a byte out of band stays in line: SO_OOBINLINE.
    pub(crate) fn is_urgent_inline(&self) -> bool {
        // SAFETY: By the type invariant.
        unsafe { bindings::sock_flag(self.as_raw(), bindings::sock_flags_SOCK_URGINLINE) }
    }

    /// SO_RCVBUF in bytes, and whether the user chose it.
    pub(crate) fn rcvbuf(&self) -> (usize, bool) {
        let sk = self.as_raw();
        // SAFETY: By the type invariant; volatile, because the core may change
        // them.
        let (bytes, locks) = unsafe {
            (
                (&raw const (*sk).sk_rcvbuf).read_volatile(),
                (&raw const (*sk).sk_userlocks).read_volatile(),
            )
        };
        let chosen = u32::from(locks) & bindings::SOCK_RCVBUF_LOCK != 0;
        (usize::try_from(bytes).unwrap_or(0), chosen)
    }

    /// Where a peek begins: SO_PEEK_OFF, if it is set.
    pub(crate) fn peek_offset(&self) -> Option<usize> {
        // SAFETY: By the type invariant; volatile, because the core may change it.
        let offset = unsafe { (&raw const (*self.as_raw()).sk_peek_off).read_volatile() };
        usize::try_from(offset).ok()
    }

    /// A peek saw `len` bytes: the next one begins behind them.
    pub(crate) fn peeked(&self, len: usize) {
        // SAFETY: By the type invariant.
        unsafe { bindings::sk_peek_offset_fwd(self.as_raw(), len as c_int) }
    }

    /// `len` bytes were received: what a peek passed over is nearer by them.
    pub(crate) fn peek_consumed(&self, len: usize) {
        if self.peek_offset().is_some() {
            // SAFETY: By the type invariant.
            unsafe { bindings::sk_peek_offset_bwd(self.as_raw(), len as c_int) }
        }
    }
}

/// The core's handling of an option of SOL_SOCKET. May sleep.
///
/// # Errors
///
/// As setsockopt(2) has them.
///
/// C function: `sock_setsockopt()`
pub(crate) fn core_setsockopt<T: SocketOps>(
    sock: &Socket<T>,
    name: c_int,
    value: &OptIn,
) -> Result {
    // SAFETY: The socket is valid; the value is what the core passed.
    to_result(unsafe {
        bindings::sock_setsockopt(sock.as_raw(), SOL_SOCKET, name, value.raw(), value.len)
    })
}

#[cfg(CONFIG_KUNIT = "y")]
#[kunit_tests(net_sockopt)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_split_in_the_units_of_its_format() -> Result {
        let micro = Stamps::of_option(bindings::SO_TIMESTAMP_OLD as c_int).ok_or(EINVAL)?;
        let nano = Stamps::of_option(bindings::SO_TIMESTAMPNS_NEW as c_int).ok_or(EINVAL)?;

        assert_eq!(micro.split(5_000_001_999), [5, 1]);
        assert_eq!(nano.split(5_000_001_999), [5, 1999]);
        assert!(Stamps::of_option(0).is_none());
        Ok(())
    }
}
