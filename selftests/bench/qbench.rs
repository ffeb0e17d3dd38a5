// SPDX-License-Identifier: GPL-2.0
//! qbench: what operations cost on AF_QSOCK and on the transports beside it. `make bench` runs it in a guest.
//!
//!     qbench FAMILY SETTLE-SECONDS ROUNDS all|local|alone|load|hooks CASE/SIZE...
//!
//! Prints a line `case size transport cost...` for each case and transport: a figure for each round, in ticks of the
//! processor's counter per operation, or in bytes for cases of memory. Before them stand `loop 0 counter ticks`, those of
//! a loop of two million instructions; `second 0 counter ticks`; `null 0 system-call ticks`. The transports take turns.
//! `local` leaves out all but AF_UNIX and pipes beside AF_QSOCK, and `alone` these too; `load` does a sixteenth of
//! that; `hooks` is the same as `alone` for a module that has a chain of hooks, and calls it so.

use std::env::args;
use std::io::{Error, Result};
use std::os::raw::c_int;
use std::thread::sleep;
use std::time::{Duration, Instant};

mod clock;
mod life;
mod memory;
mod message;
mod policy;
mod process;
mod raw;
mod sys;
mod transport;

use sys::{SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM};
use transport::{Kind, Transport};

/// What there is to compare, AF_QSOCK under the given name.
fn transports(family: c_int, name: &'static str) -> Vec<Transport> {
    let all = [
        (name, Kind::Local(family)),
        ("unix", Kind::Local(sys::AF_UNIX)),
        ("pipe", Kind::Pipe),
        ("vsock", Kind::Vsock),
        ("tcp", Kind::Tcp),
        ("limit", Kind::Limit),
    ];
    all.map(|(name, kind)| Transport { name, kind }).to_vec()
}

/// Whether a transport has the case at all.
fn has(case: &str, kind: Kind) -> bool {
    let local = matches!(kind, Kind::Local(_));
    match case {
        "stream" | "ping-pong-1" | "ping-pong-2" => true,
        // A pipe beside it, which has no records.
        "seqpacket" => local || matches!(kind, Kind::Vsock | Kind::Pipe),
        "open-close" | "open-send-close" => local || kind == Kind::Pipe,
        "connect-close" => local || matches!(kind, Kind::Vsock | Kind::Tcp),
        _ if case.starts_with("policy-") => local && kind != Kind::Local(sys::AF_UNIX),
        "memory-idle" | "memory-queued" | "epoll" => local || kind == Kind::Pipe,
        _ => local,
    }
}

fn run(case: &str, size: usize, transport: &Transport) -> Result<f64> {
    match case {
        "stream" => message::pair(transport, SOCK_STREAM, size),
        "stream-rust" => message::rust(transport, size),
        "seqpacket" => message::pair(transport, SOCK_SEQPACKET, size),
        "dgram" => message::pair(transport, SOCK_DGRAM, size),
        "dgram-to-name" => message::to_name(transport, size),
        "stream-mmsg" => message::batch(transport, SOCK_STREAM, size),
        "seqpacket-mmsg" => message::batch(transport, SOCK_SEQPACKET, size),
        "scm-rights" => message::rights(transport),
        "open-close" => life::open_close(transport),
        "open-send-close" => life::open_send_close(transport, size),
        "connect-close" => life::connect_close(transport),
        "epoll" => life::ready(transport),
        "ping-pong-1" => process::ping_pong(transport, 1, size),
        "ping-pong-2" => process::ping_pong(transport, 2, size),
        "senders-1" => process::senders(transport, 1, size),
        "senders-8" => process::senders(transport, 8, size),
        "senders-64" => process::senders(transport, 64, size),
        "memory-idle" | "memory-queued" => memory::of(transport, size),
        _ if case.starts_with("policy-") => match transport.kind {
            Kind::Local(family) => policy::decision(family, case, size),
            _ => Err(Error::other("no policy")),
        },
        _ => Err(Error::other(format!("no case is named {case}"))),
    }
}

/// What the figures are measured with, and the least there is to measure.
fn calibrate() -> Result<()> {
    let ticks = clock::cost(3, || {
        clock::known_loop();
        Ok(())
    })?;
    println!("loop 0 counter {ticks}");
    let (start, begin) = (Instant::now(), clock::ticks());
    sleep(Duration::from_millis(500));
    let (time, ticks) = (start.elapsed(), clock::ticks() - begin);
    println!("second 0 counter {}", ticks as f64 / time.as_secs_f64());
    let null = clock::warm_cost(20_000, || {
        sys::null();
        Ok(())
    })?;
    println!("null 0 system-call {null}");
    Ok(())
}

/// Has the transports take turns at a case.
fn compare(case: &str, size: usize, rounds: u32, all: &[Transport]) -> Result<()> {
    let all: Vec<&Transport> = all.iter().filter(|t| has(case, t.kind)).collect();
    let mut costs = vec![String::new(); all.len()];
    for _ in 0..rounds {
        for (transport, costs) in all.iter().zip(&mut costs) {
            let cost = run(case, size, transport)
                .map_err(|e| Error::other(format!("{case}/{size} {}: {e}", transport.name)))?;
            *costs += &format!(" {cost}");
        }
    }
    for (transport, costs) in all.iter().zip(costs) {
        println!("{case} {size} {}{costs}", transport.name);
    }
    Ok(())
}

fn main() -> Result<()> {
    let mut words = args().skip(1);
    let mut number = |name: &str| {
        let word = words.next().unwrap_or_default();
        word.parse::<u32>()
            .map_err(|e| Error::other(format!("{name} {word}: {e}")))
    };
    let family = number("FAMILY")? as c_int;
    let (settle, rounds) = (number("SETTLE-SECONDS")?, number("ROUNDS")?);
    let which = words.next().unwrap_or_default();
    let hooks = which == "hooks";
    let mut transports = transports(family, if hooks { "hooks" } else { "qsock" });
    match which.as_str() {
        "all" => {}
        "local" => transports.truncate(3),
        "alone" | "hooks" => transports.truncate(1),
        "load" => {
            transports.truncate(1);
            clock::do_less(16);
        }
        _ => return Err(Error::other(format!("no transports are called {which}"))),
    }
    sleep(Duration::from_secs(settle.into()));
    if !hooks {
        calibrate()?;
    }
    sys::allow_files(50_000)?;
    for word in words {
        let (case, size) = word.split_once('/').unwrap_or((&word, "0"));
        let size = size
            .parse()
            .map_err(|e| Error::other(format!("{word}: {e}")))?;
        compare(case, size, rounds, &transports)?;
    }
    Ok(())
}
