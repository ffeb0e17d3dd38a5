// SPDX-License-Identifier: GPL-2.0
//! Child processes that do not outlive the lab.

use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::prctl;
use nix::sys::signal::Signal;

/// Has the kernel kill the child when the thread that starts it ends, however that happens. Start it
/// from a thread that lives as long as the child should.
pub fn bound(command: &mut Command) -> &mut Command {
    bound_by(command, Signal::SIGKILL)
}

/// The same with another signal, for a child that has children to take along.
pub fn bound_by(command: &mut Command, signal: Signal) -> &mut Command {
    // SAFETY: the closure runs between fork and exec; prctl is async-signal-safe and allocates nothing.
    unsafe { command.pre_exec(move || Ok(prctl::set_pdeathsig(signal)?)) }
}
