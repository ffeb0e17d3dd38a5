// SPDX-License-Identifier: GPL-2.0
//! qbench: what one send and one receive cost on AF_QSOCK, AF_UNIX and a pipe.
//!
//!     qbench FAMILY SETTLE-SECONDS ROUNDS
//!
//! Prints a line `case size transport ticks` for each, in ticks of the processor's counter per operation, and first
//! `calibrate 0 loop ticks`: those of a loop of a million times two instructions. One process sends and receives, so
//! that the bytes are there when it asks for them. The transports take turns; the figure is the least of the rounds.

use std::arch::asm;
use std::env::args;
use std::io::{Error, Result};
use std::os::raw::{c_int, c_long, c_void};
use std::thread::sleep;
use std::time::Duration;

const SOCK_STREAM: c_int = 1;
const AF_UNIX: c_int = 1;
const LOOP: u64 = 1_000_000;
const SIZES: [usize; 4] = [64, 1024, 4096, 65536];

extern "C" {
    fn socketpair(family: c_int, kind: c_int, protocol: c_int, fds: *mut c_int) -> c_int;
    fn pipe(fds: *mut c_int) -> c_int;
    fn fcntl(fd: c_int, cmd: c_int, arg: c_int) -> c_int;
    fn write(fd: c_int, bytes: *const c_void, len: usize) -> isize;
    fn read(fd: c_int, bytes: *mut c_void, len: usize) -> isize;
    fn close(fd: c_int) -> c_int;
    fn syscall(number: c_long, ...) -> c_long;
}

#[cfg(target_arch = "x86_64")]
const SYS_GETPPID: c_long = 110;
#[cfg(target_arch = "aarch64")]
const SYS_GETPPID: c_long = 173;

#[cfg(target_arch = "x86_64")]
fn ticks() -> u64 {
    // SAFETY: Reads a counter.
    unsafe { std::arch::x86_64::_rdtsc() }
}

#[cfg(target_arch = "aarch64")]
fn ticks() -> u64 {
    let count: u64;
    // SAFETY: Reads a counter.
    unsafe { asm!("isb", "mrs {}, cntvct_el0", out(reg) count) };
    count
}

/// Runs twice `LOOP` instructions.
fn known_loop() {
    // SAFETY: Counts a register down.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!("2: sub {0}, 1", "jnz 2b", inout(reg) LOOP => _)
    };
    // SAFETY: As above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!("2: subs {0}, {0}, #1", "b.ne 2b", inout(reg) LOOP => _)
    };
}

/// Ticks of `rounds` times `operation`, for each.
fn cost(rounds: u32, mut operation: impl FnMut() -> Result<()>) -> Result<f64> {
    let start = ticks();
    for _ in 0..rounds {
        operation()?;
    }
    Ok((ticks() - start) as f64 / f64::from(rounds))
}

/// Two descriptors, the first of which writes what the second reads.
struct Pair {
    write: c_int,
    read: c_int,
}

impl Pair {
    fn new(transport: &Transport) -> Result<Self> {
        let mut fds = [0; 2];
        // SAFETY: There is room for two descriptors.
        let result = unsafe {
            match transport.family {
                Some(family) => socketpair(family, SOCK_STREAM, 0, fds.as_mut_ptr()),
                None => pipe(fds.as_mut_ptr()),
            }
        };
        if result < 0 {
            return Err(Error::last_os_error());
        }
        if transport.family.is_none() {
            fds.reverse();
            const F_SETPIPE_SZ: c_int = 1031;
            // SAFETY: No pointers. A pipe of the usual size holds exactly the largest message.
            unsafe { fcntl(fds[0], F_SETPIPE_SZ, 1 << 17) };
        }
        Ok(Self {
            write: fds[0],
            read: fds[1],
        })
    }

    /// Moves `buffer` through.
    fn turn(&self, buffer: &mut [u8]) -> Result<()> {
        let len = buffer.len() as isize;
        // SAFETY: The buffer is valid for its length.
        let moved = unsafe {
            write(self.write, buffer.as_ptr().cast(), buffer.len()) == len
                && read(self.read, buffer.as_mut_ptr().cast(), buffer.len()) == len
        };
        moved.then_some(()).ok_or_else(Error::last_os_error)
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        // SAFETY: The descriptors are this value's.
        unsafe {
            close(self.write);
            close(self.read);
        }
    }
}

struct Transport {
    name: &'static str,
    family: Option<c_int>,
}

/// The least cost of each transport's `operation` in rounds in which they take turns.
fn compare(
    case: &str,
    size: usize,
    transports: &[Transport],
    rounds: u32,
    mut operation: impl FnMut(&Transport) -> Result<f64>,
) -> Result<()> {
    let mut least = vec![f64::MAX; transports.len()];
    for _ in 0..rounds {
        for (transport, least) in transports.iter().zip(&mut least) {
            *least = least.min(operation(transport)?);
        }
    }
    for (transport, least) in transports.iter().zip(least) {
        println!("{case} {size} {} {least}", transport.name);
    }
    Ok(())
}

fn main() -> Result<()> {
    let number = |n: usize| args().nth(n).and_then(|a| a.parse().ok()).unwrap_or(0);
    let (family, settle, rounds) = (number(1) as c_int, number(2), number(3));
    let transports = [
        Transport {
            name: "qsock",
            family: Some(family),
        },
        Transport {
            name: "unix",
            family: Some(AF_UNIX),
        },
        Transport {
            name: "pipe",
            family: None,
        },
    ];

    sleep(Duration::from_secs(settle.into()));
    let known = cost(3, || {
        known_loop();
        Ok(())
    })?;
    println!("calibrate 0 loop {known}");
    let null = cost(1000, || {
        // SAFETY: No pointers.
        unsafe { syscall(SYS_GETPPID) };
        Ok(())
    })?;
    println!("null 0 system-call {null}");

    for size in SIZES {
        let mut buffer = vec![0x55; size];
        let times = if size > 4096 { 200 } else { 2000 };
        compare("send+recv", size, &transports, rounds, |transport| {
            let pair = Pair::new(transport)?;
            cost(times / 10, || pair.turn(&mut buffer))?;
            cost(times, || pair.turn(&mut buffer))
        })?;
    }
    compare("pair+close", 0, &transports, rounds, |transport| {
        cost(200, || Pair::new(transport).map(drop))
    })
}
