// SPDX-License-Identifier: GPL-2.0
//! qtrace: one send and one receive, and what the kernel's tracing says of them.
//!
//!     qtrace FAMILY TYPE SIZE PROBES
//!
//! PROBES is a file of lines `number symbol offset function|at`: the places that function_graph cannot see, which the
//! module qprobe watches (selftests/modules/qprobe; it must be loaded). First every function, together with the
//! kernel's stack; then, in those that were passed, the other places too, together with function_graph. All of it goes
//! to stdout: lines `== WHAT` begin its parts. `lab trace` reads it.
//!
//! The receiver, a thread, is asleep when the sender sends: the way of a message includes the wake-up.

use std::collections::{BTreeMap, BTreeSet};
use std::env::args;
use std::fs;
use std::io::{Error, Result, Write};
use std::os::raw::{c_int, c_long, c_void};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

const TRACING: &str = "/sys/kernel/tracing";

#[cfg(target_arch = "x86_64")]
mod number {
    pub const GETTID: i64 = 186;
    pub const RECVFROM: &str = "45 ";
}
#[cfg(target_arch = "aarch64")]
mod number {
    pub const GETTID: i64 = 178;
    pub const RECVFROM: &str = "207 ";
}

extern "C" {
    fn socketpair(family: c_int, kind: c_int, protocol: c_int, fds: *mut c_int) -> c_int;
    fn send(fd: c_int, bytes: *const c_void, len: usize, flags: c_int) -> isize;
    fn recv(fd: c_int, bytes: *mut c_void, len: usize, flags: c_int) -> isize;
    fn syscall(number: c_long, ...) -> c_long;
}

/// This thread's number.
fn tid() -> i64 {
    // SAFETY: No pointers.
    unsafe { syscall(number::GETTID as c_long) as i64 }
}

fn set(file: &str, text: &str) -> Result<()> {
    fs::write(format!("{TRACING}/{file}"), text)
        .map_err(|error| Error::other(format!("{file}: {text}: {error}")))
}

/// Adds a line to a file that takes one at a time.
fn add(file: &str, text: &str) -> Result<()> {
    let path = format!("{TRACING}/{file}");
    let mut file = fs::OpenOptions::new().append(true).open(path)?;
    file.write_all(text.as_bytes())
}

/// A place to watch.
struct Place {
    symbol: String,
    is_function: bool,
    address: u64,
}

/// The places of `table` that this kernel has, by their numbers.
fn places(table: &str, symbols: &BTreeMap<String, u64>) -> BTreeMap<usize, Place> {
    let place = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let [number, symbol, offset, kind] = words[..] else {
            return None;
        };
        let place = Place {
            symbol: symbol.to_string(),
            is_function: kind == "function",
            address: symbols.get(symbol)? + offset.parse::<u64>().ok()?,
        };
        Some((number.parse().ok()?, place))
    };
    table.lines().filter_map(place).collect()
}

fn symbols() -> Result<BTreeMap<String, u64>> {
    let all = fs::read_to_string("/proc/kallsyms")?;
    let symbol = |line: &str| {
        let mut words = line.split_whitespace();
        let address = u64::from_str_radix(words.next()?, 16).ok()?;
        let (kind, name) = (words.next()?, words.next()?);
        (kind.eq_ignore_ascii_case("t")).then(|| (name.to_string(), address))
    };
    Ok(all.lines().filter_map(symbol).collect())
}

/// Has qprobe watch places, and says how many it took: the kernel refuses some.
fn watch<'a>(places: impl Iterator<Item = (&'a usize, &'a Place)>, kind: &str) -> String {
    let (mut taken, mut all) = (0, 0);
    for (number, place) in places {
        all += 1;
        let text = format!("{kind} {number} {:x}", place.address);
        if fs::write("/proc/qprobe", text).is_ok() {
            taken += 1;
        }
    }
    format!("{taken} of {all}")
}

/// One message, with tracing on.
fn message(family: c_int, kind: c_int, size: usize) -> Result<()> {
    let mut fds = [0; 2];
    // SAFETY: There is room for two descriptors.
    if unsafe { socketpair(family, kind, 0, fds.as_mut_ptr()) } < 0 {
        return Err(Error::last_os_error());
    }
    let (tell, told) = channel();
    let (start, started) = channel();
    let to = fds[1];
    let receiver = thread::spawn(move || {
        let mut bytes = vec![0u8; size];
        let _ = tell.send(tid());
        let _ = started.recv();
        // SAFETY: The buffer is valid for its length.
        let got = unsafe { recv(to, bytes.as_mut_ptr().cast(), size, 0) };
        got == size as isize && bytes.iter().all(|b| *b == 0x55)
    });
    let other = told.recv().map_err(Error::other)?;
    set("set_ftrace_pid", &other.to_string())?;
    set("set_event_pid", &format!("{other} {}", tid()))?;
    set("tracing_on", "1")?;
    start.send(()).map_err(Error::other)?;
    let state = format!("/proc/self/task/{other}/syscall");
    let asleep = || fs::read_to_string(&state).is_ok_and(|s| s.starts_with(number::RECVFROM));
    for _ in 0..1000 {
        if asleep() {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    add("set_ftrace_pid", &tid().to_string())?;
    let bytes = vec![0x55u8; size];
    // SAFETY: The buffer is valid for its length.
    let sent = unsafe { send(fds[0], bytes.as_ptr().cast(), size, 0) };
    let error = Error::last_os_error();
    let whole = receiver.join().unwrap_or(false);
    set("tracing_on", "0")?;
    if sent != size as isize {
        return Err(Error::other(format!("send: {sent}: {error}")));
    }
    if !whole {
        return Err(Error::other("the message did not arrive as it was sent"));
    }
    println!("== sender {}\n== receiver {other}", tid());
    Ok(())
}

fn trace() -> Result<String> {
    fs::read_to_string(format!("{TRACING}/trace"))
}

/// The numbers of the functions that begin in a trace.
fn passed(trace: &str) -> BTreeSet<usize> {
    let event = |line: &str| {
        let (_, told) = line.split_once("qprobe_enter: ")?;
        told.split(' ').next()?.parse().ok()
    };
    trace.lines().filter_map(event).collect()
}

fn main() -> Result<()> {
    let number = |n: usize| args().nth(n).and_then(|a| a.parse().ok()).unwrap_or(0);
    let (family, kind, size) = (number(1) as c_int, number(2) as c_int, number(3) as usize);
    let table = args()
        .nth(4)
        .map_or(Ok(String::new()), fs::read_to_string)?;
    let symbols = symbols()?;
    let places = places(&table, &symbols);

    set("tracing_on", "0")?;
    set("current_tracer", "nop")?;
    let functions = watch(places.iter().filter(|p| p.1.is_function), "function");
    println!("== functions {functions}");
    // The system call itself, for what is below it on the stack.
    set("kprobe_events", "\n")?;
    for name in ["sendto", "recvfrom"] {
        for prefix in ["__x64_sys_", "__arm64_sys_"] {
            if let Some(address) = symbols.get(&format!("{prefix}{name}")) {
                let probe = format!("p:qtrace/call_{name} {address:#x}\n");
                add("kprobe_events", &probe)?;
            }
        }
    }
    set("options/stacktrace", "1")?;
    set("events/qtrace/enable", "1")?;
    set("events/qprobe/enable", "1")?;
    println!("== stacks");
    message(family, kind, size)?;
    let stacks = trace()?;
    print!("{stacks}");
    let hit = passed(&stacks);
    let hit: BTreeSet<&str> = hit
        .iter()
        .filter_map(|number| Some(places.get(number)?.symbol.as_str()))
        .collect();
    set("options/stacktrace", "0")?;
    set("events/qtrace/enable", "0")?;

    let inside = |place: &Place| !place.is_function && hit.contains(place.symbol.as_str());
    let taken = watch(places.iter().filter(|p| inside(p.1)), "at");
    println!("== places {taken}");
    set("trace", "\n")?;
    set("buffer_size_kb", "16384")?;
    set("current_tracer", "function_graph")?;
    for (option, value) in [
        ("funcgraph-abstime", "1"),
        ("funcgraph-proc", "1"),
        ("funcgraph-cpu", "0"),
        ("funcgraph-overhead", "0"),
        ("funcgraph-irqs", "0"),
        ("funcgraph-retaddr", "1"),
        ("sleep-time", "0"),
    ] {
        // A kernel without one of them tells less.
        if set(&format!("options/{option}"), value).is_err() {
            println!("== without {option}");
        }
    }
    for symbol in hit {
        println!("== at {symbol} {:#x}", symbols[symbol]);
    }
    // A turn that is not looked at, so that caches are warm and pages are there.
    message(family, kind, size)?;
    set("trace", "\n")?;
    println!("== graph");
    message(family, kind, size)?;
    print!("{}", trace()?);
    println!("== end");
    Ok(())
}
