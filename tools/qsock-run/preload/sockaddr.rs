// SPDX-License-Identifier: GPL-2.0
//! Addresses of both families, which have one layout: what the program gives, and what the kernel
//! takes.

use crate::{config, name};
use core::ffi::CStr;
use core::mem::{offset_of, size_of, zeroed};
use core::ptr::copy_nonoverlapping;
use libc::{c_int, sa_family_t, sockaddr, sockaddr_un, socklen_t};

/// Where the name begins.
pub const NAME: usize = offset_of!(sockaddr_un, sun_path);
/// The bytes of a name.
pub const ROOM: usize = size_of::<sockaddr_un>() - NAME;

/// An address in the kernel's form.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Address {
    raw: sockaddr_un,
    /// Ends a path that takes all the room.
    nul: u8,
    len: socklen_t,
}

const _: () = assert!(offset_of!(Address, nul) == size_of::<sockaddr_un>());

/// What kind of name an address has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Unnamed,
    Abstract,
    Path,
}

impl Address {
    /// The address of family `family` with a name, cut to the room that there is.
    pub fn new(family: c_int, name: &[u8]) -> Address {
        Address::joined(family, &[name])
    }

    /// The same of a name in pieces.
    pub fn joined(family: c_int, pieces: &[&[u8]]) -> Address {
        // SAFETY: All of its fields may be zero.
        let mut raw: sockaddr_un = unsafe { zeroed() };
        raw.sun_family = family as sa_family_t;
        let mut there = 0;
        for piece in pieces {
            let len = piece.len().min(ROOM - there);
            let to = raw.sun_path[there..].as_mut_ptr().cast();
            // SAFETY: The piece has these bytes, and the array that room.
            unsafe { copy_nonoverlapping(piece.as_ptr(), to, len) };
            there += len;
        }
        Address {
            raw,
            nul: 0,
            len: (NAME + there) as socklen_t,
        }
    }

    /// The same with a NUL behind the name, if there is room.
    pub fn terminated(mut self) -> Address {
        if (self.len as usize) < NAME + ROOM {
            self.len += 1;
        }
        self
    }

    /// What the program gave, if that is an address of AF_UNIX.
    ///
    /// # Safety
    ///
    /// `addr` is null or points to `len` bytes.
    pub unsafe fn given(addr: *const sockaddr, len: socklen_t) -> Option<Address> {
        let size = len as usize;
        if addr.is_null() || !(NAME..=NAME + ROOM).contains(&size) {
            return None;
        }
        // SAFETY: The caller says so, and the family is within the length.
        let family = unsafe { (*addr).sa_family };
        if c_int::from(family) != libc::AF_UNIX {
            return None;
        }
        // SAFETY: As above.
        let bytes = unsafe { core::slice::from_raw_parts(addr.cast::<u8>(), size) };
        Some(Address::new(libc::AF_UNIX, &bytes[NAME..]))
    }

    /// The address that a call filled in.
    pub fn returned(fill: impl FnOnce(*mut sockaddr, *mut socklen_t) -> c_int) -> Option<Address> {
        let mut address = Address::new(libc::AF_UNSPEC, &[]);
        address.len = size_of::<sockaddr_un>() as socklen_t;
        (fill((&raw mut address.raw).cast(), &mut address.len) == 0).then_some(address)
    }

    pub fn family(&self) -> c_int {
        self.raw.sun_family.into()
    }

    /// The same name in AF_QSOCK.
    pub fn ours(self) -> Address {
        let mut ours = self;
        ours.raw.sun_family = config::family() as sa_family_t;
        ours
    }

    /// The bytes of the name: of a path those before its NUL.
    pub fn name(&self) -> &[u8] {
        let len = (self.len as usize).clamp(NAME, NAME + ROOM) - NAME;
        // SAFETY: They are bytes of the array.
        let name = unsafe { core::slice::from_raw_parts(self.raw.sun_path.as_ptr().cast(), len) };
        match name.first() {
            None | Some(0) => name,
            Some(_) => CStr::from_bytes_until_nul(name).map_or(name, CStr::to_bytes),
        }
    }

    pub fn kind(&self) -> Kind {
        if self.len as usize <= NAME {
            return Kind::Unnamed;
        }
        match self.raw.sun_path[0] {
            0 => Kind::Abstract,
            _ => Kind::Path,
        }
    }

    pub fn pointer(&self) -> *const sockaddr {
        (&raw const self.raw).cast()
    }

    pub fn length(&self) -> socklen_t {
        self.len
    }

    /// Whether the user wants this name to be in AF_QSOCK.
    pub fn wanted(&self) -> bool {
        config::all_wanted() || config::wanted(self.text().as_c_str())
    }

    /// The name as a string, which only a path is as a whole.
    pub fn path(&self) -> &CStr {
        let name = (&raw const *self).cast::<u8>().wrapping_add(NAME);
        // SAFETY: It ends at `nul` at the latest, which is no padding.
        unsafe { CStr::from_ptr(name.cast()) }
    }

    /// The name as a string, with @ for the NUL of an abstract one.
    pub fn text(&self) -> Text {
        let name = self.name();
        let mut text = Text([0; ROOM + 1]);
        let there = &mut text.0[..name.len()];
        there.copy_from_slice(name);
        if self.kind() == Kind::Abstract {
            for nul in there.iter_mut().filter(|byte| **byte == 0) {
                *nul = b'@';
            }
        }
        text
    }
}

/// Puts an address that a call returned into AF_UNIX, where it stands. It has `len` bytes, of which
/// there are `room` at most; returns what the program is to be told of its length.
///
/// # Safety
///
/// `addr` is null or points to as many bytes as there are.
pub unsafe fn put_back(addr: *mut sockaddr, room: socklen_t, len: socklen_t) -> socklen_t {
    let there = room.min(len) as usize;
    if addr.is_null() || there < NAME {
        return len;
    }
    // SAFETY: The caller says so.
    let bytes = unsafe { core::slice::from_raw_parts_mut(addr.cast::<u8>(), room as usize) };
    let (family, rest) = bytes.split_at_mut(NAME);
    if family != (config::family() as sa_family_t).to_ne_bytes() {
        return len;
    }
    family.copy_from_slice(&(libc::AF_UNIX as sa_family_t).to_ne_bytes());
    let bound = &rest[..there - NAME];
    let bound = bound.strip_suffix(b"\0").unwrap_or(bound);
    let Some(path) = name::path(bound) else {
        return len;
    };
    let start = name::START;
    let size = path.len();
    rest.copy_within(start..start + size, 0);
    let end = if size < ROOM { size + 1 } else { size };
    if let Some(nul) = rest.get_mut(size) {
        *nul = 0;
    }
    (NAME + end) as socklen_t
}

/// Room for an address of any family, so that none is cut before it was put into AF_UNIX.
pub struct Whole {
    raw: libc::sockaddr_storage,
    pub len: socklen_t,
}

impl Whole {
    pub fn new() -> Whole {
        Whole {
            // SAFETY: All of its fields may be zero.
            raw: unsafe { zeroed() },
            len: size_of::<libc::sockaddr_storage>() as socklen_t,
        }
    }

    pub fn pointer(&mut self) -> *mut sockaddr {
        (&raw mut self.raw).cast()
    }

    /// Gives the program what fits of it, and returns its whole length, as the kernel does.
    ///
    /// # Safety
    ///
    /// `addr` points to `room` bytes.
    pub unsafe fn put_back(&mut self, addr: *mut sockaddr, room: socklen_t) -> socklen_t {
        let all = size_of::<libc::sockaddr_storage>() as socklen_t;
        // SAFETY: There is that room.
        let len = unsafe { put_back(self.pointer(), all, self.len) };
        let fits = room.min(len).min(all) as usize;
        // SAFETY: As above, and the caller says so.
        unsafe { copy_nonoverlapping(self.pointer().cast::<u8>(), addr.cast(), fits) };
        len
    }
}

/// A name with its final NUL.
pub struct Text([u8; ROOM + 1]);

impl Text {
    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(name: &[u8]) -> Address {
        let raw = Address::new(libc::AF_UNIX, name);
        // SAFETY: The address has that length.
        unsafe { Address::given(raw.pointer(), raw.length()) }.unwrap()
    }

    #[test]
    fn names_end_as_the_kernel_ends_them() {
        assert_eq!(given(b"/a\0b").name(), b"/a");
        assert_eq!(given(b"\0a\0b").name(), b"\0a\0b");
        assert_eq!(given(&[b'x'; ROOM]).name(), [b'x'; ROOM]);
        assert_eq!(given(&[b'x'; ROOM]).path().to_bytes(), [b'x'; ROOM]);
        assert_eq!(given(b"/a\0b").path(), c"/a");
        assert_eq!(
            [b"" as &[u8], b"\0", b"/"].map(|name| given(name).kind()),
            [Kind::Unnamed, Kind::Abstract, Kind::Path]
        );
        assert_eq!(given(b"\0a\0b").text().as_c_str(), c"@a@b");
    }

    #[test]
    fn a_path_is_put_back() {
        let name = name::compose(b"/run/x", &name::Inode::new([1, 2, 3])).concat();
        let back = |room: usize| {
            let mut raw = Address::new(config::family(), &name);
            let len = raw.len;
            let to = (&raw mut raw.raw).cast();
            // SAFETY: The address has that room.
            raw.len = unsafe { put_back(to, room as socklen_t, len) };
            raw
        };
        let whole = back(NAME + ROOM);
        assert_eq!(
            (whole.family(), whole.name()),
            (libc::AF_UNIX, &b"/run/x"[..])
        );
        assert_eq!(whole.len as usize, NAME + b"/run/x\0".len());
        assert_eq!(back(NAME).family(), libc::AF_UNIX);
    }

    #[test]
    fn what_fits_is_copied_and_the_whole_length_told() {
        let name = name::compose(b"/run/x", &name::Inode::new([1, 2, 3])).concat();
        let ours = Address::new(config::family(), &name);
        for room in [0, 1, NAME, NAME + 3, NAME + 7, 110] {
            let mut whole = Whole::new();
            let mut given = [0xaa_u8; 112];
            let (to, from) = (whole.pointer(), ours.pointer());
            // SAFETY: Both have that length, and the bytes that room.
            let len = unsafe {
                copy_nonoverlapping(from.cast::<u8>(), to.cast(), ours.len as usize);
                whole.len = ours.len;
                whole.put_back(given.as_mut_ptr().cast(), room as socklen_t)
            };
            assert_eq!(len as usize, NAME + b"/run/x\0".len());
            let mut want = [0xaa_u8; 112];
            let unix = Address::new(libc::AF_UNIX, b"/run/x")
                .raw
                .sun_family
                .to_ne_bytes();
            let all = [&unix[..], b"/run/x\0"].concat();
            let fits = room.min(all.len());
            want[..fits].copy_from_slice(&all[..fits]);
            assert_eq!(given, want, "{room}");
        }
    }

    #[test]
    fn other_addresses_are_left_alone() {
        let raw = Address::new(libc::AF_INET, b"/a");
        // SAFETY: The address has these lengths, or none is read.
        unsafe {
            assert!(Address::given(raw.pointer(), raw.length()).is_none());
            assert!(Address::given(raw.pointer(), 1).is_none());
            assert!(Address::given(raw.pointer(), 111).is_none());
            assert!(Address::given(core::ptr::null(), 2).is_none());
        }
    }
}
