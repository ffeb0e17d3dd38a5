// SPDX-License-Identifier: GPL-2.0
//! What the launcher says in the environment, read when the library is loaded: programs write over
//! their environment.

use core::ffi::CStr;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering};
use libc::{c_char, c_int};

/// The family's number.
const FAMILY: &CStr = c"QSOCK_RUN_FAMILY";
/// The pattern of names that are to be in AF_QSOCK.
const ONLY: &CStr = c"QSOCK_RUN_ONLY";
/// Whether to say what was put into which family.
const VERBOSE: &CStr = c"QSOCK_RUN_VERBOSE";

static NUMBER: AtomicI32 = AtomicI32::new(crate::numbers::AF_QSOCK);
static PATTERN: AtomicPtr<c_char> = AtomicPtr::new(null_mut());
static TALK: AtomicBool = AtomicBool::new(false);

/// AF_QSOCK's number here.
pub fn family() -> c_int {
    NUMBER.load(Ordering::Relaxed)
}

/// Whether there is something to say.
pub fn verbose() -> bool {
    TALK.load(Ordering::Relaxed)
}

/// Whether every name is to be in AF_QSOCK.
pub fn all_wanted() -> bool {
    PATTERN.load(Ordering::Relaxed).is_null()
}

/// Whether a name is to be in AF_QSOCK. `@` stands for the NUL that an abstract one begins with.
pub fn wanted(name: &CStr) -> bool {
    let pattern = PATTERN.load(Ordering::Relaxed);
    // SAFETY: Both are strings, and the pattern is there for ever.
    pattern.is_null() || unsafe { libc::fnmatch(pattern, name.as_ptr(), 0) } == 0
}

/// A variable of the environment.
fn variable(name: &CStr) -> Option<&'static CStr> {
    // SAFETY: The name is a string, and nothing else runs yet that would change the environment.
    let value = unsafe { libc::getenv(name.as_ptr()) };
    // SAFETY: What getenv returns is a string.
    (!value.is_null()).then(|| unsafe { CStr::from_ptr(value) })
}

extern "C" fn read() {
    if let Some(number) = variable(FAMILY).and_then(|text| text.to_str().ok()?.parse().ok()) {
        NUMBER.store(number, Ordering::Relaxed);
    }
    if let Some(pattern) = variable(ONLY) {
        // SAFETY: It is a string. What there is no memory for is nothing to begin with.
        PATTERN.store(unsafe { libc::strdup(pattern.as_ptr()) }, Ordering::Relaxed);
    }
    TALK.store(variable(VERBOSE).is_some(), Ordering::Relaxed);
}

#[used]
#[link_section = ".init_array"]
static LOADED: extern "C" fn() = read;
