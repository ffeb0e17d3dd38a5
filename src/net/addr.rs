// SPDX-License-Identifier: GPL-2.0

//! Socket addresses as the core passes them: a family and bytes behind it.

use crate::bindings;
use core::{mem::size_of, slice};
use kernel::ffi::c_int;

/// The bytes of `sa_family_t`, which every address starts with.
const FAMILY_LEN: usize = size_of::<u16>();

/// `sizeof(struct sockaddr_storage)`: no address is longer.
pub(crate) const ADDRESS_MAX: usize = 128;

/// An address that the caller of bind(2), connect(2) or sendto(2) gave.
///
/// It is a copy in kernel memory: its bytes do not change while they are read.
#[derive(Clone, Copy)]
pub(crate) struct Address<'a>(&'a [u8]);

impl<'a> Address<'a> {
    /// The address in `bytes`.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The address that the core copied for the family.
    ///
    /// # Safety
    ///
    /// `addr` must be valid for `len` bytes for `'a`.
    pub(super) unsafe fn from_raw(addr: *mut bindings::sockaddr_unsized, len: c_int) -> Self {
        let len = usize::try_from(len).unwrap_or(0).min(ADDRESS_MAX);
        // SAFETY: The caller guarantees it.
        Self::new(unsafe { slice::from_raw_parts(addr.cast(), len) })
    }

    /// The address family, unless the address is too short to have one.
    pub(crate) fn family(&self) -> Option<u16> {
        self.0.first_chunk().map(|b| u16::from_ne_bytes(*b))
    }

    /// What follows the family.
    pub(crate) fn data(&self) -> &'a [u8] {
        self.0.get(FAMILY_LEN..).unwrap_or_default()
    }
}

/// Where the core takes an address that it returns to the caller.
pub(crate) struct AddressBuf<'a> {
    bytes: &'a mut [u8; ADDRESS_MAX],
    len: usize,
}

impl<'a> AddressBuf<'a> {
    pub(super) fn new(bytes: &'a mut [u8; ADDRESS_MAX]) -> Self {
        Self { bytes, len: 0 }
    }

    /// Makes this the address `data` of `family`; what does not fit is cut.
    pub(crate) fn set(&mut self, family: u16, data: &[u8]) {
        let len = data.len().min(ADDRESS_MAX - FAMILY_LEN);
        self.bytes[..FAMILY_LEN].copy_from_slice(&family.to_ne_bytes());
        self.bytes[FAMILY_LEN..FAMILY_LEN + len].copy_from_slice(&data[..len]);
        self.len = FAMILY_LEN + len;
    }

    /// The length of the address, 0 when none was set.
    pub(super) fn len(&self) -> usize {
        self.len
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[kernel::macros::kunit_tests(net_addr)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_cut_anywhere() {
        let bytes = [18, 0, 1, 2];
        let family = Some(u16::from_ne_bytes([18, 0]));

        assert_eq!(Address::new(&bytes).family(), family);
        assert_eq!(Address::new(&bytes).data(), [1, 2]);
        assert_eq!(Address::new(&bytes[..2]).family(), family);
        assert_eq!(Address::new(&bytes[..2]).data(), []);
        assert_eq!(Address::new(&bytes[..1]).family(), None);
        assert_eq!(Address::new(&bytes[..0]).data(), []);
    }

    #[test]
    fn what_does_not_fit_is_cut() {
        let mut bytes = [0xff; ADDRESS_MAX];
        let mut name = AddressBuf::new(&mut bytes);

        name.set(1, &[7; ADDRESS_MAX]);
        assert_eq!(name.len(), ADDRESS_MAX);
        name.set(1, b"ab");
        assert_eq!(name.len(), 4);
        assert_eq!(&bytes[2..5], b"ab\x07");
    }
}
