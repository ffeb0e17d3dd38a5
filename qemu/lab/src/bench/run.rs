// SPDX-License-Identifier: GPL-2.0
//! The guest that the bench runs in.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{bail, Context, Result};

use super::cases::Case;
use super::figures::{Figures, Instrument};
use crate::artifacts::{self, Arch, Config};
use crate::guest::{self, machine, Job};
use crate::{cache, module, tools};

/// The kernel's modules that AF_VSOCK loopback needs, in the order in which they load.
const VSOCK: [&str; 3] = [
    "vsock",
    "vmw_vsock_virtio_transport_common",
    "vsock_loopback",
];

/// For time without KVM: a processor that switches page tables at every system call keeps its translations, an emulated
/// one drops them all, which takes ten times as long as the system call.
pub const NO_PTI: &str = "pti=off";

/// Whether that is so for an architecture here.
pub fn emulated(arch: Arch) -> bool {
    arch == Arch::X86_64 && !machine::kvm(arch)
}

/// How to measure.
pub struct Plan<'a> {
    pub arch: Arch,
    pub config: Config,
    pub instrument: Instrument,
    pub cases: &'a [&'static Case],
    pub rounds: u32,
    pub transports: Transports,
}

/// What to measure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Transports {
    /// Everything; AF_VSOCK is loaded for that.
    All,
    /// AF_QSOCK, AF_UNIX and pipes.
    Local,
    /// AF_QSOCK.
    Alone,
    /// AF_QSOCK, and a part of the work: no figures come of it.
    Load,
}

impl Transports {
    /// qbench's word for it.
    fn word(self) -> &'static str {
        match self {
            Transports::All => "all",
            Transports::Local => "local",
            Transports::Alone => "alone",
            Transports::Load => "load",
        }
    }
}

/// The directory whose content goes over a guest's root: the program.
pub fn bare_overlay(arch: Arch, config: Config) -> Result<PathBuf> {
    let overlay = artifacts::build_dir(arch, config)?.join("overlay-bench");
    cache::wipe(&overlay)?;
    fs::create_dir_all(overlay.join("bin"))?;
    tools::program(arch, "qbench", &overlay.join("bin/qbench"))?;
    Ok(overlay)
}

/// The same with AF_VSOCK, for the stock kernel.
pub fn overlay(arch: Arch) -> Result<PathBuf> {
    let overlay = bare_overlay(arch, Config::Stock)?;
    // The others of the folder are for hypervisors, and use modules of other folders.
    let without = [
        "CONFIG_VSOCKETS_DIAG=",
        "CONFIG_VMWARE_VMCI_VSOCKETS=",
        "CONFIG_VIRTIO_VSOCKETS=",
        "CONFIG_HYPERV_VSOCKETS=",
    ];
    let modules = module::some_of_kernel(arch, Config::Stock, "net/vmw_vsock", &VSOCK, &without)?;
    for module in modules {
        let name = module.file_name().context("a module without a name")?;
        fs::copy(&module, overlay.join("bin").join(name))?;
    }
    Ok(overlay)
}

/// What the guest's shell runs.
pub fn script(plan: &Plan) -> String {
    let ids: Vec<String> = plan.cases.iter().map(|case| case.id()).collect();
    let hooked = plan.cases.iter().filter(|case| case.hooked());
    let hooked: Vec<String> = hooked.map(|case| case.id()).collect();
    // Under icount the guest settles for nothing; otherwise for a moment.
    let settle = match plan.instrument {
        Instrument::Icount => 20,
        Instrument::Wall | Instrument::Native => 3,
    };
    let bench = "qbench $(cat /sys/module/qsock/parameters/family)";
    let rounds = plan.rounds;
    let mut script = String::from("uname -r; ");
    let transports = plan.transports.word();
    if plan.transports == Transports::All {
        for name in VSOCK {
            script += &format!("insmod /bin/{name}.ko && ");
        }
    }
    script += &format!("{bench} {settle} {rounds} {transports} {}", ids.join(" "));
    if plan.transports == Transports::All && !hooked.is_empty() {
        script += " && rmmod qsock && insmod /lib/modules/qsock.ko selftest_hook=1";
        script += &format!(" && {bench} 2 {rounds} hooks {}", hooked.join(" "));
    }
    script
}

/// Boots the guest and reads what it measured.
pub fn measure(plan: &Plan, overlay: PathBuf) -> Result<Figures> {
    let mut job = Job::new(plan.arch, plan.config, &["sh", "-c", &script(plan)]);
    job.icount = plan.instrument == Instrument::Icount;
    job.overlays = vec![overlay];
    if plan.instrument == Instrument::Wall && emulated(plan.arch) {
        job.append.push(NO_PTI.into());
    }
    job.timeout = Some(Duration::from_secs(3600));
    let mut output = Vec::new();
    let record = guest::boot(&job, &mut output)?;
    let output = String::from_utf8_lossy(&output);
    if guest::verdict(&record) != 0 {
        bail!("the bench failed:\n{output}{}", guest::explain(&record));
    }
    Figures::parse(&output, plan.instrument)
}

#[cfg(test)]
mod tests {
    use super::super::cases;
    use super::*;

    #[test]
    fn the_module_is_loaded_again_for_hooks() {
        let cases = cases::chosen(Some("stream/64,epoll")).unwrap();
        let mut plan = Plan {
            arch: Arch::Arm64,
            config: Config::Stock,
            instrument: Instrument::Icount,
            cases: &cases,
            rounds: 3,
            transports: Transports::All,
        };
        let counted = script(&plan);
        assert!(counted.contains("20 3 all stream/64 epoll/0 && rmmod qsock"));
        assert!(counted.ends_with("2 3 hooks stream/64"));
        assert!(counted.contains("vsock_loopback.ko &&"));
        plan.instrument = Instrument::Wall;
        plan.transports = Transports::Local;
        let timed = script(&plan);
        assert!(timed.ends_with("3 3 local stream/64 epoll/0") && !timed.contains("insmod"));
    }
}
