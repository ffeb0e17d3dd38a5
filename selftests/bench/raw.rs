// SPDX-License-Identifier: GPL-2.0
//! The system calls that are counted, without what the C library puts around them.

use std::arch::asm;
use std::io::{Error, Result};

/// The numbers of an architecture.
#[cfg(target_arch = "x86_64")]
pub mod nr {
    pub const READ: usize = 0;
    pub const WRITE: usize = 1;
    pub const SENDTO: usize = 44;
    pub const RECVFROM: usize = 45;
    pub const SENDMSG: usize = 46;
    pub const RECVMSG: usize = 47;
    pub const GETPPID: usize = 110;
    pub const EPOLL_PWAIT: usize = 281;
    pub const RECVMMSG: usize = 299;
    pub const SENDMMSG: usize = 307;
}

#[cfg(target_arch = "aarch64")]
pub mod nr {
    pub const EPOLL_PWAIT: usize = 22;
    pub const READ: usize = 63;
    pub const WRITE: usize = 64;
    pub const GETPPID: usize = 173;
    pub const SENDTO: usize = 206;
    pub const RECVFROM: usize = 207;
    pub const SENDMSG: usize = 211;
    pub const RECVMSG: usize = 212;
    pub const RECVMMSG: usize = 243;
    pub const SENDMMSG: usize = 269;
}

/// One system call.
///
/// # Safety
///
/// The arguments must be what this system call takes: pointers are valid for their lengths.
#[inline(always)]
pub unsafe fn syscall(number: usize, args: [usize; 6]) -> Result<usize> {
    let result: isize;
    // SAFETY: The caller vouches for the arguments; the kernel changes no other registers.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") args[0], in("rsi") args[1], in("rdx") args[2],
            in("r10") args[3], in("r8") args[4], in("r9") args[5],
            lateout("rcx") _, lateout("r11") _, options(nostack),
        )
    };
    // SAFETY: As above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!(
            "svc 0",
            in("x8") number, inlateout("x0") args[0] => result,
            in("x1") args[1], in("x2") args[2], in("x3") args[3], in("x4") args[4], in("x5") args[5],
            options(nostack),
        )
    };
    usize::try_from(result).map_err(|_| Error::from_raw_os_error(-result as i32))
}
