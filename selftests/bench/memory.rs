// SPDX-License-Identifier: GPL-2.0
//! How much memory the kernel has taken for sockets, whatever it calls it.
//!
//! No account of the kernel's holds all of it: slab objects, whole pages, what is charged to a group and what is not.
//! So many pairs are made, and the pages counted that are free before and after: those that zones have, with those
//! that processors keep for themselves. Files, inodes and directory entries of the sockets are in it.

use std::fs;
use std::io::{Error, Result};
use std::thread::sleep;
use std::time::Duration;

use crate::clock::share;
use crate::sys::SOCK_STREAM;
use crate::transport::{Pair, Transport};

const PAIRS: u32 = 4000;
/// More than any other case had open at once (`epoll` has 10,000), of which the kernel may have kept the memory.
const FIRST: u32 = 16000;
const QUEUED: usize = 8;
const PAGE: f64 = 4096.0;

/// Free pages, after what was closed has gone.
fn free() -> Result<f64> {
    // Under icount this costs nothing; RCU needs it.
    sleep(Duration::from_secs(2));
    // Counts that processors keep are added up.
    fs::write("/proc/sys/vm/stat_refresh", "1")?;
    let zones = fs::read_to_string("/proc/zoneinfo")?;
    let mut pages = 0.0;
    for line in zones.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["pages", "free", count] | ["count:", count] => {
                pages += count.parse::<f64>().map_err(Error::other)?
            }
            _ => {}
        }
    }
    Ok(pages * PAGE)
}

fn pairs(transport: &Transport, many: u32) -> Result<Vec<Pair>> {
    (0..share(many))
        .map(|_| transport.pair(SOCK_STREAM, 0))
        .collect()
}

fn fill(pairs: &[Pair], size: usize) -> Result<()> {
    let bytes = vec![0x55; size];
    for pair in pairs {
        for _ in 0..QUEUED {
            pair.send(&bytes, 0)?;
        }
    }
    Ok(())
}

/// Bytes of an idle pair, or those of eight messages of `size` bytes in it more than that.
pub fn of(transport: &Transport, size: usize) -> Result<f64> {
    // What the kernel has kept of earlier sockets goes into the first ones, which stay: so the others take what
    // they need anew, as far as nothing is left that other objects of the same size had.
    let first = pairs(transport, FIRST)?;
    fill(&first, size)?;
    let before = free()?;
    let pairs = pairs(transport, PAIRS)?;
    let idle = free()?;
    if size == 0 {
        return Ok((before - idle) / f64::from(share(PAIRS)));
    }
    fill(&pairs, size)?;
    Ok((idle - free()?) / f64::from(share(PAIRS)))
}
