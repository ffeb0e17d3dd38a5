// SPDX-License-Identifier: GPL-2.0
//! What it costs to make sockets and to close them, and to wait for one of many.

use std::io::{Error, Result};

use crate::clock::{share, warm_cost};
use crate::sys::{self, EpollEvent, SOCK_STREAM};
use crate::transport::{Kind, Listener, Pair, Transport};

/// Of each round: enough that what the kernel frees later, in batches, counts as often as it comes.
const LIVES: u32 = 1500;

/// Sockets of which one is ready.
const MANY: u32 = 10_000;

fn bare_pair(transport: &Transport) -> Result<[std::os::fd::OwnedFd; 2]> {
    match transport.kind {
        Kind::Local(family) => sys::new_pair(family, SOCK_STREAM),
        _ => sys::new_pipe(),
    }
}

/// socketpair(2), or pipe(2), and close(2) of both ends.
pub fn open_close(transport: &Transport) -> Result<f64> {
    warm_cost(LIVES, || bare_pair(transport).map(drop))
}

/// The same with a message in between.
pub fn open_send_close(transport: &Transport, size: usize) -> Result<f64> {
    use std::os::fd::AsRawFd;
    let mut bytes = vec![0x55; size];
    warm_cost(LIVES, || {
        let ends = bare_pair(transport)?;
        let [read, write] = [ends[0].as_raw_fd(), ends[1].as_raw_fd()];
        if transport.kind == Kind::Pipe {
            sys::write_to(write, &bytes)?;
            sys::read_from(read, &mut bytes)?;
        } else {
            sys::send_to_peer(write, &bytes, 0)?;
            sys::recv_from_peer(read, &mut bytes)?;
        }
        Ok(())
    })
}

/// socket(2), connect(2), accept(2) and close(2) of both ends.
pub fn connect_close(transport: &Transport) -> Result<f64> {
    let listener = Listener::new(transport, SOCK_STREAM, None)?;
    warm_cost(LIVES, || listener.connection().map(drop))
}

/// epoll_wait(2) that finds one ready among many.
pub fn ready(transport: &Transport) -> Result<f64> {
    let epoll = sys::new_epoll()?;
    let many = share(MANY) as usize;
    let pairs: Vec<Pair> = (0..many / 2)
        .map(|_| transport.pair(SOCK_STREAM, 0))
        .collect::<Result<_>>()?;
    for pair in &pairs {
        sys::epoll_add(&epoll, &pair.send)?;
        sys::epoll_add(&epoll, &pair.recv)?;
    }
    pairs[many / 4].send(&[0x55], 0)?;
    let mut events = [EpollEvent { events: 0, data: 0 }; 16];
    warm_cost(2000, || match sys::epoll_look(&epoll, &mut events)? {
        1 => Ok(()),
        other => Err(Error::other(format!("{other} of {many} are ready"))),
    })
}
