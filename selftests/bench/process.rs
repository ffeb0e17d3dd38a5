// SPDX-License-Identifier: GPL-2.0
//! What a message costs between processes, which must be woken for it.

use std::io::{Error, Result};
use std::os::fd::AsRawFd;

use crate::clock::{share, ticks, warm_cost};
use crate::sys::{self, Child, SOCK_DGRAM, SOCK_STREAM};
use crate::transport::{local_name, Kind, Transport};

/// Messages of all senders together: of each so many that what its process costs before its first one counts little.
const MESSAGES: u32 = 19_200;

/// Both processors.
const ANY: u64 = 3;

/// Receives as much as `bytes` has room for.
fn recv_all(recv: impl Fn(&mut [u8]) -> Result<usize>, bytes: &mut [u8]) -> Result<bool> {
    let mut got = 0;
    while got < bytes.len() {
        match recv(&mut bytes[got..])? {
            0 => return Ok(false),
            n => got += n,
        }
    }
    Ok(true)
}

/// A process that is woken, and wakes the first: the kernel adds to a counter and nothing else.
fn bare_ping_pong(processors: u32) -> Result<f64> {
    let [there, back] = [sys::new_eventfd()?, sys::new_eventfd()?];
    let [one, last] = [1_u64, 1 << 32].map(u64::to_ne_bytes);
    sys::run_on(1)?;
    let child = Child::start(|| {
        sys::run_on(1 << (processors - 1))?;
        let mut count = one;
        loop {
            sys::read_from(there.as_raw_fd(), &mut count)?;
            if count != one {
                return Ok(());
            }
            sys::write_to(back.as_raw_fd(), &one)?;
        }
    })?;
    let mut count = one;
    let result = warm_cost(500, || {
        sys::write_to(there.as_raw_fd(), &one)?;
        sys::read_from(back.as_raw_fd(), &mut count).map(drop)
    });
    sys::write_to(there.as_raw_fd(), &last)?;
    drop(child);
    sys::run_on(ANY)?;
    result
}

/// A message to another process, and its answer.
pub fn ping_pong(transport: &Transport, processors: u32, size: usize) -> Result<f64> {
    if transport.kind == Kind::Limit {
        return bare_ping_pong(processors);
    }
    let there = transport.pair(SOCK_STREAM, size)?;
    let back = match transport.kind {
        Kind::Pipe => Some(transport.pair(SOCK_STREAM, size)?),
        _ => None,
    };
    let mut bytes = vec![0x55; size];
    sys::run_on(1)?;
    let child = Child::start(|| {
        sys::run_on(1 << (processors - 1))?;
        // Nothing more can come when the parent closes its own.
        sys::close_in_child(&there.send);
        let mut bytes = vec![0; size];
        match &back {
            Some(back) => {
                while recv_all(|b| there.recv(b), &mut bytes)? {
                    back.send(&bytes, 0)?;
                }
            }
            None => {
                let fd = there.recv.as_raw_fd();
                while recv_all(|b| sys::recv_from_peer(fd, b), &mut bytes)? {
                    sys::send_to_peer(fd, &bytes, 0)?;
                }
            }
        }
        Ok(())
    })?;
    let result = warm_cost(500, || {
        there.send(&bytes, 0)?;
        let answered = match &back {
            Some(back) => recv_all(|b| back.recv(b), &mut bytes)?,
            None => {
                let fd = there.send.as_raw_fd();
                recv_all(|b| sys::recv_from_peer(fd, b), &mut bytes)?
            }
        };
        answered
            .then_some(())
            .ok_or_else(|| Error::other("no answer"))
    });
    drop(there);
    drop(child);
    sys::run_on(ANY)?;
    result
}

/// A datagram of one of `senders` processes to a receiver, which is on the first processor; they are on the second
/// and the first in turn.
pub fn senders(transport: &Transport, senders: u32, size: usize) -> Result<f64> {
    let Kind::Local(family) = transport.kind else {
        return Err(Error::other("no names"));
    };
    let name = local_name(family, "qbench-many");
    let receiver = sys::new_socket(family, SOCK_DGRAM)?;
    sys::bind_to(&receiver, &name)?;
    // The end of the one file starts them all, that of the other lets them go: what it costs to end a process is not
    // for messages to pay.
    let [wait, start] = sys::new_pipe()?;
    let [stay, leave] = sys::new_pipe()?;
    let each = share(MESSAGES) / senders;
    let messages = each * senders;
    let mut bytes = vec![0x55; size];
    let children: Vec<Child> = (0..senders)
        .map(|n| {
            Child::start(|| {
                sys::run_on(2 >> (n % 2))?;
                let socket = sys::new_socket(family, SOCK_DGRAM)?;
                sys::connect_to(&socket, &name)?;
                let bytes = vec![0x55; size];
                sys::close_in_child(&start);
                sys::close_in_child(&leave);
                sys::read_from(wait.as_raw_fd(), &mut [0])?;
                for _ in 0..each {
                    sys::send_to_peer(socket.as_raw_fd(), &bytes, 0)?;
                }
                sys::read_from(stay.as_raw_fd(), &mut [0]).map(drop)
            })
        })
        .collect::<Result<_>>()?;
    sys::run_on(1)?;
    // They come to wait for the start.
    std::thread::sleep(std::time::Duration::from_millis(200));
    let begin = ticks();
    drop(start);
    for _ in 0..messages {
        sys::recv_from_peer(receiver.as_raw_fd(), &mut bytes)?;
    }
    let cost = (ticks() - begin) as f64 / f64::from(messages);
    drop(leave);
    drop(children);
    sys::run_on(ANY)?;
    Ok(cost)
}
