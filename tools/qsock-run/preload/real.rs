// SPDX-License-Identifier: GPL-2.0
//! The calls themselves: the next definition of each after this library's.

use core::ffi::CStr;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};
use libc::{c_char, c_int, c_uint, c_void, gid_t, mode_t, size_t, ssize_t, uid_t};
use libc::{mmsghdr, msghdr, sockaddr, socklen_t, timespec};

/// The next definition of a function, looked up when the library is loaded: dlsym() takes locks and
/// may allocate, which no call may between fork and exec, or in a signal handler. Only who calls
/// before that, as another library's constructor may, has it looked up then.
struct Next {
    name: &'static CStr,
    found: AtomicPtr<c_void>,
}

impl Next {
    fn look(&self) -> *mut c_void {
        // SAFETY: The name is a string.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        self.found.store(found, Ordering::Relaxed);
        found
    }

    fn get(&self) -> *mut c_void {
        let mut found = self.found.load(Ordering::Relaxed);
        if found.is_null() {
            found = self.look();
        }
        if found.is_null() {
            // The C library lacks one of its calls.
            // SAFETY: It has no preconditions.
            unsafe { libc::abort() };
        }
        found
    }
}

extern "C" fn look_all() {
    for next in ALL {
        next.look();
    }
}

#[used]
#[link_section = ".init_array"]
static LOADED: extern "C" fn() = look_all;

macro_rules! next {
    ($($name:ident: $text:literal ($($arg:ident: $kind:ty),*) -> $out:ty;)*) => {
        $(
            /// The C library's, or that of whoever else was preloaded.
            ///
            /// # Safety
            ///
            /// As the call itself.
            pub unsafe fn $name($($arg: $kind),*) -> $out {
                // SAFETY: The symbol is a function of this type.
                let call: unsafe extern "C" fn($($kind),*) -> $out =
                    unsafe { core::mem::transmute(next::$name.get()) };
                // SAFETY: The caller keeps the call's contract.
                unsafe { call($($arg),*) }
            }
        )*

        /// Each call's next definition, by the call's name.
        #[allow(non_upper_case_globals)]
        mod next {
            use super::{null_mut, AtomicPtr, Next};
            $(
                pub static $name: Next = Next { name: $text, found: AtomicPtr::new(null_mut()) };
            )*
        }

        static ALL: &[&Next] = &[$(&next::$name),*];
    };
}

next! {
    socket: c"socket" (domain: c_int, kind: c_int, protocol: c_int) -> c_int;
    socketpair: c"socketpair" (domain: c_int, kind: c_int, protocol: c_int, pair: *mut c_int)
        -> c_int;
    bind: c"bind" (fd: c_int, addr: *const sockaddr, len: socklen_t) -> c_int;
    connect: c"connect" (fd: c_int, addr: *const sockaddr, len: socklen_t) -> c_int;
    accept: c"accept" (fd: c_int, addr: *mut sockaddr, len: *mut socklen_t) -> c_int;
    accept4: c"accept4" (fd: c_int, addr: *mut sockaddr, len: *mut socklen_t, flags: c_int)
        -> c_int;
    getsockname: c"getsockname" (fd: c_int, addr: *mut sockaddr, len: *mut socklen_t) -> c_int;
    getpeername: c"getpeername" (fd: c_int, addr: *mut sockaddr, len: *mut socklen_t) -> c_int;
    getsockopt: c"getsockopt" (fd: c_int, level: c_int, option: c_int, value: *mut c_void,
        len: *mut socklen_t) -> c_int;
    setsockopt: c"setsockopt" (fd: c_int, level: c_int, option: c_int, value: *const c_void,
        len: socklen_t) -> c_int;
    sendto: c"sendto" (fd: c_int, data: *const c_void, size: size_t, flags: c_int,
        addr: *const sockaddr, len: socklen_t) -> ssize_t;
    sendmsg: c"sendmsg" (fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t;
    sendmmsg: c"sendmmsg" (fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int)
        -> c_int;
    recvfrom: c"recvfrom" (fd: c_int, data: *mut c_void, size: size_t, flags: c_int,
        addr: *mut sockaddr, len: *mut socklen_t) -> ssize_t;
    recvfrom_chk: c"__recvfrom_chk" (fd: c_int, data: *mut c_void, size: size_t, room: size_t,
        flags: c_int, addr: *mut sockaddr, len: *mut socklen_t) -> ssize_t;
    recvmsg: c"recvmsg" (fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t;
    recvmmsg: c"recvmmsg" (fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int,
        timeout: *mut timespec) -> c_int;
    chmod: c"chmod" (path: *const c_char, mode: mode_t) -> c_int;
    fchmodat: c"fchmodat" (dir: c_int, path: *const c_char, mode: mode_t, flags: c_int) -> c_int;
    chown: c"chown" (path: *const c_char, user: uid_t, group: gid_t) -> c_int;
    lchown: c"lchown" (path: *const c_char, user: uid_t, group: gid_t) -> c_int;
    fchownat: c"fchownat" (dir: c_int, path: *const c_char, user: uid_t, group: gid_t,
        flags: c_int) -> c_int;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_looked_up_when_the_library_is_loaded() {
        for next in ALL {
            let found = next.found.load(Ordering::Relaxed);
            assert!(!found.is_null(), "{:?}", next.name);
        }
    }
}
