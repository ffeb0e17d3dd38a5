// SPDX-License-Identifier: GPL-2.0
//! qtrace: one send and one receive of each family and type that are named, and what the kernel's tracing says of them.
//!
//!     qtrace SIZE PROBES NAME=FAMILY:TYPE...
//!
//! PROBES is a file of lines `number symbol offset function|at|branch`: the places that function_graph cannot see, which
//! the module qprobe watches (selftests/modules/qprobe; it must be loaded). First every function, together with the
//! kernel's stack; then, in those that were passed, the other places too, together with function_graph. A branch is an
//! instruction that the kernel patches: nothing can be set there, and what it reads is told. All of it goes to stdout:
//! lines `== WHAT` begin its parts. `lab trace` reads it.
//!
//! The receiver, a thread, is asleep when the sender sends: the way of a message includes the wake-up. It is not the
//! first message of the two sockets: what is made once is there.

use std::collections::{BTreeMap, BTreeSet};
use std::env::args;
use std::fs;
use std::io::{Error, Result, Write};
use std::os::raw::{c_int, c_long, c_void};
use std::os::unix::fs::FileExt;
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

#[derive(PartialEq)]
enum Kind {
    Function,
    At,
    Branch,
}

/// A place to watch.
struct Place {
    number: usize,
    symbol: String,
    kind: Kind,
    address: u64,
}

/// The places of `table` that this kernel has. A number can be that of several.
fn places(table: &str, symbols: &BTreeMap<String, u64>) -> Vec<Place> {
    let place = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let [number, symbol, offset, kind] = words[..] else {
            return None;
        };
        let kind = match kind {
            "function" => Kind::Function,
            "branch" => Kind::Branch,
            _ => Kind::At,
        };
        let place = Place {
            number: number.parse().ok()?,
            symbol: symbol.to_string(),
            kind,
            address: symbols.get(symbol)? + offset.parse::<u64>().ok()?,
        };
        Some(place)
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
fn watch<'a>(places: impl Iterator<Item = &'a Place>, kind: &str) -> String {
    let (mut taken, mut all) = (0, 0);
    for place in places {
        all += 1;
        let text = format!("{kind} {} {:x}", place.number, place.address);
        if fs::write("/proc/qprobe", text).is_ok() {
            taken += 1;
        }
    }
    format!("{taken} of {all}")
}

/// What the kernel has at an address, by its own core file.
fn text(address: u64) -> Result<[u8; 5]> {
    let core = fs::File::open("/proc/kcore")?;
    let word = |at: u64| {
        let mut bytes = [0; 8];
        core.read_exact_at(&mut bytes, at)
            .map(|()| u64::from_le_bytes(bytes))
    };
    // ELF64: where the program headers are, their number, and of each what it says of which addresses.
    let (headers, count) = (word(32)?, word(56)? & 0xffff);
    for header in (0..count).map(|n| headers + n * 56) {
        let (at, start, size) = (word(header + 8)?, word(header + 16)?, word(header + 40)?);
        if address >= start && address - start < size {
            let mut bytes = [0; 5];
            core.read_exact_at(&mut bytes, at + (address - start))?;
            return Ok(bytes);
        }
    }
    Err(Error::other("not in the core file"))
}

/// One message, with tracing on; returns the receiver's number.
fn message(family: c_int, kind: c_int, size: usize) -> Result<i64> {
    let mut fds = [0; 2];
    // SAFETY: There is room for two descriptors.
    if unsafe { socketpair(family, kind, 0, fds.as_mut_ptr()) } < 0 {
        return Err(Error::last_os_error());
    }
    let bytes = vec![0x55u8; size];
    let mut first = vec![0u8; size];
    // SAFETY: The buffers are valid for their length.
    let moved = unsafe {
        [
            send(fds[0], bytes.as_ptr().cast(), size, 0),
            recv(fds[1], first.as_mut_ptr().cast(), size, 0),
        ]
    };
    if moved != [size as isize; 2] {
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
    let mut turns = 0;
    while !asleep() {
        if turns == 1000 {
            return Err(Error::other("the receiver does not sleep"));
        }
        turns += 1;
        thread::sleep(Duration::from_millis(10));
    }
    add("set_ftrace_pid", &tid().to_string())?;
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
    Ok(other)
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

/// A message to trace: `NAME=FAMILY:TYPE`, numbers both.
struct Wanted {
    name: String,
    family: c_int,
    kind: c_int,
}

impl Wanted {
    fn parse(word: &str) -> Option<Wanted> {
        let (name, numbers) = word.split_once('=')?;
        let (family, kind) = numbers.split_once(':')?;
        Some(Wanted {
            name: name.to_string(),
            family: family.parse().ok()?,
            kind: kind.parse().ok()?,
        })
    }
}

fn main() -> Result<()> {
    let usage = || Error::other("qtrace SIZE PROBES NAME=FAMILY:TYPE...");
    let size: usize = args()
        .nth(1)
        .and_then(|a| a.parse().ok())
        .ok_or_else(usage)?;
    let table = args().nth(2).map_or(Err(usage()), fs::read_to_string)?;
    let wanted: Option<Vec<Wanted>> = args().skip(3).map(|word| Wanted::parse(&word)).collect();
    let wanted = wanted.ok_or_else(usage)?;
    let symbols = symbols()?;
    let places = places(&table, &symbols);

    set("tracing_on", "0")?;
    set("current_tracer", "nop")?;
    // Optimizing the probes takes longer than they will.
    let _ = fs::write("/proc/sys/debug/kprobes-optimization", "0");
    let functions = watch(
        places.iter().filter(|p| p.kind == Kind::Function),
        "function",
    );
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
    let mut hit = BTreeSet::new();
    for Wanted { name, family, kind } in &wanted {
        println!("== stacks {name}");
        set("trace", "\n")?;
        message(*family, *kind, size)?;
        let stacks = trace()?;
        print!("{stacks}");
        hit.extend(passed(&stacks));
    }
    let hit: BTreeSet<&str> = places
        .iter()
        .filter(|p| p.kind == Kind::Function && hit.contains(&p.number))
        .map(|p| p.symbol.as_str())
        .collect();
    set("options/stacktrace", "0")?;
    set("events/qtrace/enable", "0")?;

    let inside = |place: &Place| hit.contains(place.symbol.as_str());
    let at = |place: &Place| place.kind == Kind::At && inside(place);
    let taken = watch(places.iter().filter(|p| at(p)), "at");
    println!("== places {taken}");
    let is_branch = |place: &Place| place.kind == Kind::Branch && inside(place);
    for place in places.iter().filter(|p| is_branch(p)) {
        match text(place.address) {
            Ok([a, b, c, d, e]) => {
                let number = place.number;
                println!("== branch {number} {a:02x}{b:02x}{c:02x}{d:02x}{e:02x}")
            }
            Err(error) => println!("== a branch cannot be read: {error}"),
        }
    }
    set("buffer_size_kb", "16384")?;
    set("current_tracer", "function_graph")?;
    for (option, value) in [
        ("funcgraph-abstime", "1"),
        ("funcgraph-proc", "1"),
        ("funcgraph-cpu", "0"),
        ("funcgraph-overhead", "0"),
        ("funcgraph-irqs", "0"),
        ("sleep-time", "0"),
    ] {
        set(&format!("options/{option}"), value)?;
    }
    for symbol in hit {
        println!("== at {symbol} {:#x}", symbols[symbol]);
    }
    for Wanted { name, family, kind } in &wanted {
        // A turn that is not looked at, so that caches are warm and pages are there.
        message(*family, *kind, size)?;
        set("trace", "\n")?;
        let receiver = message(*family, *kind, size)?;
        println!(
            "== graph {name}\n== sender {}\n== receiver {receiver}",
            tid()
        );
        print!("{}", trace()?);
    }
    println!("== end");
    Ok(())
}
