// SPDX-License-Identifier: GPL-2.0
//! What qsock-run preloads: the C library's socket calls, with AF_QSOCK in AF_UNIX's place.
//!
//! A socket that the program asks of AF_UNIX is made in AF_QSOCK, and addresses are put from the
//! one family into the other on their way in and out. Which family a descriptor has is asked of
//! the descriptor each time: it may have been inherited, passed or replaced. Calls without an
//! address go to the C library as they are, and most are not even here.
//!
//! A path leaves a socket inode in the file system, and the name that AF_QSOCK gets says which
//! inode ([`name`]). What nobody bound in AF_QSOCK is looked for in AF_UNIX ([`switch`]).
//!
//! Nothing here allocates after the library was loaded: all of these calls may be made between
//! fork and exec, and most of them in a signal handler. It does without the standard library: each
//! process that the program starts loads this anew, and that is what a short one would notice.

// Tests unwind, which takes the standard library.
#![cfg_attr(panic = "abort", no_std)]

mod bind;
mod config;
mod connect;
mod errno;
mod message;
mod messages;
mod mode;
mod name;
#[path = "../../qsock-rs/src/numbers.rs"]
#[allow(dead_code)]
mod numbers;
mod option;
mod path;
mod real;
mod say;
mod sockaddr;
mod socket;
mod switch;

#[cfg(panic = "abort")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: It has no preconditions.
    unsafe { libc::abort() }
}
