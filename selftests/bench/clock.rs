// SPDX-License-Identifier: GPL-2.0
//! Time in ticks of the processor's counter, and loops of known length.

use std::arch::asm;
use std::io::Result;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Turns of the loop that the counter is checked with; each is two instructions.
const TURNS: u64 = 1_000_000;

/// By how much there is less to do: see [`share`].
static LESS: AtomicU32 = AtomicU32::new(1);

/// From now on, does one in `times` of everything: a load, and no figures.
pub fn do_less(times: u32) {
    LESS.store(times, Relaxed);
}

/// What is to be done of so much.
pub fn share(all: u32) -> u32 {
    all.div_ceil(LESS.load(Relaxed))
}

#[cfg(target_arch = "x86_64")]
pub fn ticks() -> u64 {
    // SAFETY: Reads a counter.
    unsafe { std::arch::x86_64::_rdtsc() }
}

#[cfg(target_arch = "aarch64")]
pub fn ticks() -> u64 {
    let count: u64;
    // SAFETY: Reads a counter.
    unsafe { asm!("isb", "mrs {}, cntvct_el0", out(reg) count) };
    count
}

/// Runs twice `TURNS` instructions.
pub fn known_loop() {
    // SAFETY: Counts a register down.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!("2: sub {0}, 1", "jnz 2b", inout(reg) TURNS => _)
    };
    // SAFETY: As above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!("2: subs {0}, {0}, #1", "b.ne 2b", inout(reg) TURNS => _)
    };
}

/// Copies as the kernel's copy_to_user() does on these processors: by repeated moves of eight bytes; by pairs of
/// registers, of which one side is a program's memory and takes three instructions. A rest of less than 64 bytes is
/// left out.
pub fn copy(from: &[u8], to: &mut [u8]) {
    let turns = from.len().min(to.len()) / 64;
    if turns == 0 {
        return;
    }
    // SAFETY: Both slices have as many blocks of 64 bytes; the registers that change are named.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!(
            "rep movsq",
            inout("rsi") from.as_ptr() => _, inout("rdi") to.as_mut_ptr() => _, inout("rcx") turns * 8 => _,
            options(nostack, preserves_flags),
        )
    };
    // SAFETY: As above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!(
            "2:",
            ".rept 4",
            "ldp {a}, {b}, [{from}], #16",
            "str {a}, [{to}]", "str {b}, [{to}, #8]", "add {to}, {to}, #16",
            ".endr",
            "subs {turns}, {turns}, #1", "b.ne 2b",
            from = inout(reg) from.as_ptr() => _, to = inout(reg) to.as_mut_ptr() => _,
            turns = inout(reg) turns => _, a = out(reg) _, b = out(reg) _,
        )
    };
}

/// Ticks of `times` times `operation`, for each.
pub fn cost(times: u32, mut operation: impl FnMut() -> Result<()>) -> Result<f64> {
    let start = ticks();
    for _ in 0..times {
        operation()?;
    }
    Ok((ticks() - start) as f64 / f64::from(times))
}

/// The same, after a tenth of them that does not count.
pub fn warm_cost(times: u32, mut operation: impl FnMut() -> Result<()>) -> Result<f64> {
    let times = share(times);
    cost(times.div_ceil(10), &mut operation)?;
    cost(times, operation)
}
