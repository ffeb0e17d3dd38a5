// SPDX-License-Identifier: GPL-2.0
//! Guests: one boot of a kernel with the module, one command in it, and a verdict on the kernel's log.
//!
//! A job ([`job`]) becomes an initramfs ([`cpio`], [`initramfs`]) and a machine ([`machine`], [`share`]); [`watch`]
//! runs it, reads what its init says ([`link`]) and what its kernel says ([`klog`]). `lab run` is all of
//! that for the command line; the suites use [`boot`].

pub mod cpio;
mod initramfs;
pub mod job;
pub mod klog;
mod link;
pub mod machine;
pub mod process;
mod qcat;
mod run;
mod share;
mod tty;
pub mod watch;

use std::fs;
use std::io::Write;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

pub use job::{quote, Job};
pub use qcat::{program, qsockctl};
pub use run::{explain, main, verdict, Args, HUNG, MODULE, REPORTED};
use watch::Ports;
pub use watch::{End, Record};

/// What the init writes to the console when it has looked for leaked memory.
pub const SCANNED: &str = "qsock: kmemleak has scanned";

/// Boots the job's guest, hands its command's output to `sink`, and returns when the guest is off.
pub fn boot(job: &Job, sink: &mut dyn Write) -> Result<Record> {
    let nonce = link::nonce()?;
    let image = initramfs::parts(job.arch, job.config)?.image;
    let dir = tempfile::Builder::new()
        .prefix("qsock-")
        .tempdir()
        .context("cannot make a temporary directory")?;
    let place = |name: &str| dir.path().join(name);
    fs::write(place("initramfs"), initramfs::build(job, &nonce)?)
        .context("cannot write the initramfs")?;
    let share = match &job.share {
        Some(shared) => Some(share::Share::start(shared, place("share"))?),
        None => None,
    };
    let wiring = machine::Wiring {
        image: &image,
        initramfs: &place("initramfs"),
        control: &place(Ports::CONTROL),
        out: &place(Ports::OUT),
        share: share.as_ref().map(|s| s.socket.as_path()),
    };
    let mut qemu = Command::new(machine::program(job.arch));
    qemu.args(machine::arguments(job, &wiring));
    let ports = Ports::listen(dir)?;
    let silence = Duration::from_secs(if job::instrumented(job.config) {
        180
    } else {
        60
    });
    let patience = watch::Patience {
        total: job.timeout,
        // Without beats a long quiet command looks like a dead guest.
        silence: (!job.icount && !job.interactive).then_some(silence),
    };
    let _raw = if job.interactive {
        tty::Raw::enter()
    } else {
        None
    };
    watch::run(&mut qemu, ports, &nonce, &patience, job.interactive, sink)
}

/// The sha256 of the part of the initramfs that every run of a build shares, as hexadecimal.
pub fn root_digest(job: &Job) -> Result<String> {
    let root = initramfs::root(job)?;
    Ok(format!("{:x}", Sha256::digest(root.bytes())))
}
