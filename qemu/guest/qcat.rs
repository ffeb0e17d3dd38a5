// SPDX-License-Identifier: GPL-2.0
//! qcat: moves a file through a stream socket between two processes of a guest.
//!
//!     qcat [--family N] recv NAME FILE     binds NAME, accepts one connection, writes what comes into FILE
//!     qcat [--family N] send NAME FILE     connects to NAME and sends FILE
//!
//! The family is the loaded module's unless given (1 is AF_UNIX). One file without dependencies, so that the
//! build root's rustc builds it statically for either architecture.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::raw::{c_int, c_void};
use std::process::exit;
use std::thread::sleep;
use std::time::{Duration, Instant};

const SOCK_STREAM: c_int = 1;
const SOCK_CLOEXEC: c_int = 0o2000000;
const CHUNK: usize = 64 << 10;

/// struct sockaddr_qs, which has the layout of sockaddr_un.
#[repr(C)]
struct Address {
    family: u16,
    name: [u8; 108],
}

extern "C" {
    fn socket(family: c_int, kind: c_int, protocol: c_int) -> c_int;
    fn bind(fd: c_int, address: *const Address, len: u32) -> c_int;
    fn listen(fd: c_int, backlog: c_int) -> c_int;
    fn accept4(fd: c_int, address: *mut c_void, len: *mut u32, flags: c_int) -> c_int;
    fn connect(fd: c_int, address: *const Address, len: u32) -> c_int;
}

struct Endpoint {
    family: u16,
    name: String,
}

impl Endpoint {
    /// The address, and its length: that of the name with its final NUL.
    fn address(&self) -> (Address, u32) {
        let mut address = Address {
            family: self.family,
            name: [0; 108],
        };
        let len = self.name.len().min(107);
        address.name[..len].copy_from_slice(&self.name.as_bytes()[..len]);
        (address, (size_of::<u16>() + len + 1) as u32)
    }

    fn socket(&self) -> Result<(OwnedFd, c_int)> {
        // SAFETY: a system call without pointers.
        owned(unsafe { socket(self.family.into(), SOCK_STREAM | SOCK_CLOEXEC, 0) })
    }

    fn accept_one(&self) -> Result<File> {
        let (_listener, fd) = self.socket()?;
        let (address, len) = self.address();
        // SAFETY: address is valid for len bytes.
        check(unsafe { bind(fd, &address, len) })?;
        // SAFETY: a system call without pointers.
        check(unsafe { listen(fd, 8) })?;
        // SAFETY: null pointers ask for no address.
        let (peer, _) = owned(unsafe {
            accept4(fd, std::ptr::null_mut(), std::ptr::null_mut(), SOCK_CLOEXEC)
        })?;
        Ok(File::from(peer))
    }

    fn connect(&self) -> Result<File> {
        let (socket, fd) = self.socket()?;
        let (address, len) = self.address();
        // SAFETY: address is valid for len bytes.
        check(unsafe { connect(fd, &address, len) })?;
        Ok(File::from(socket))
    }

    /// Connects as soon as the receiver is there.
    fn connect_patiently(&self) -> Result<File> {
        let start = Instant::now();
        loop {
            match self.connect() {
                Err(e) if absent(&e) && start.elapsed() < Duration::from_secs(30) => {
                    sleep(Duration::from_millis(20))
                }
                other => return other,
            }
        }
    }
}

fn absent(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused | ErrorKind::NotFound
    )
}

fn check(result: c_int) -> Result<c_int> {
    if result < 0 {
        Err(Error::last_os_error())
    } else {
        Ok(result)
    }
}

fn owned(result: c_int) -> Result<(OwnedFd, c_int)> {
    let fd = check(result)?;
    // SAFETY: the kernel has just made the descriptor; nothing else owns it.
    Ok((unsafe { OwnedFd::from_raw_fd(fd) }, fd))
}

/// Copies to the end of `from` and says how far and how fast.
fn pour(mut from: File, mut to: File, verb: &str) -> Result<()> {
    let start = Instant::now();
    let mut buffer = vec![0; CHUNK];
    let mut total = 0;
    loop {
        let n = from.read(&mut buffer)?;
        if n == 0 {
            break;
        }
        to.write_all(&buffer[..n])?;
        total += n;
    }
    let time = start.elapsed().as_secs_f64();
    println!(
        "{verb} {total} bytes in {time:.2} s, {:.1} MB/s",
        total as f64 / time / 1e6
    );
    Ok(())
}

fn loaded_family() -> Result<u16> {
    let text = std::fs::read_to_string("/sys/module/qsock/parameters/family")?;
    text.trim()
        .parse()
        .map_err(|_| Error::new(ErrorKind::InvalidData, "the family is no number"))
}

fn main() {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let mut family = None;
    if args.first().is_some_and(|a| a == "--family") && args.len() > 1 {
        family = args[1].parse().ok();
        args.drain(..2);
    }
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let endpoint = |name: &str| -> Result<Endpoint> {
        let family = family.map_or_else(loaded_family, Ok)?;
        Ok(Endpoint {
            family,
            name: name.to_string(),
        })
    };
    let result = match words[..] {
        ["recv", name, file] => endpoint(name)
            .and_then(|e| e.accept_one())
            .and_then(|peer| pour(peer, File::create(file)?, "received")),
        ["send", name, file] => endpoint(name)
            .and_then(|e| e.connect_patiently())
            .and_then(|peer| pour(File::open(file)?, peer, "sent")),
        _ => {
            eprintln!("usage: qcat [--family N] recv|send NAME FILE");
            exit(2);
        }
    };
    if let Err(error) = result {
        eprintln!("qcat: {}: {error}", args.join(" "));
        exit(1);
    }
}
