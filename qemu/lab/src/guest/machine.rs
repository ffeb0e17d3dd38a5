// SPDX-License-Identifier: GPL-2.0
//! The virtual machine: QEMU's arguments for a job.

use std::fs::OpenOptions;
use std::path::Path;

use super::job::Job;
use crate::artifacts::{Arch, Config};

/// The files and sockets that connect a machine with the lab.
pub struct Wiring<'a> {
    pub image: &'a Path,
    pub initramfs: &'a Path,
    /// Unix sockets on which the lab listens: the init's messages, the command's output.
    pub control: &'a Path,
    pub out: &'a Path,
    /// virtiofsd's socket.
    pub share: Option<&'a Path>,
}

pub fn program(arch: Arch) -> &'static str {
    match arch {
        Arch::X86_64 => "qemu-system-x86_64",
        Arch::Arm64 => "qemu-system-aarch64",
    }
}

/// The processor that is emulated. Named models also where nothing is counted: `max` makes copies of any length cost
/// one instruction, and boots slower (design.md, 6).
pub fn model(arch: Arch) -> &'static str {
    match arch {
        Arch::X86_64 => "Skylake-Server-v4,-erms",
        Arch::Arm64 => "neoverse-n1",
    }
}

pub fn arguments(job: &Job, wiring: &Wiring) -> Vec<String> {
    let mut args = Args(Vec::new());
    let accelerated = !job.icount && kvm(job.arch);
    let base = match job.arch {
        Arch::X86_64 => "q35,i8042=off,sata=off,smbus=off",
        Arch::Arm64 => "virt",
    };
    let cpu = if accelerated { "host" } else { model(job.arch) };
    // vhost-user reads the guest's memory from another process.
    let memory = if wiring.share.is_some() {
        ",memory-backend=ram"
    } else {
        ""
    };
    args.pair("-machine", &format!("{base}{memory}"));
    args.pair("-cpu", cpu);
    args.pair("-m", &job.mem.to_string());
    args.pair("-smp", &job.smp.to_string());
    args.pair(
        "-accel",
        if accelerated {
            "kvm"
        } else if job.icount {
            "tcg,thread=single"
        } else {
            "tcg,thread=multi"
        },
    );
    if job.icount {
        args.pair("-icount", "shift=0,sleep=off");
    }
    for arg in ["-nodefaults", "-no-reboot", "-no-user-config"] {
        args.0.push(arg.to_string());
    }
    args.pair("-display", "none");
    args.pair("-kernel", &wiring.image.display().to_string());
    args.pair("-initrd", &wiring.initramfs.display().to_string());
    args.pair("-append", &command_line(job));

    args.pair("-chardev", "stdio,id=console,signal=off");
    args.pair("-serial", "chardev:console");
    args.pair("-device", "virtio-serial-pci");
    for (name, socket) in [("control", wiring.control), ("out", wiring.out)] {
        args.pair(
            "-chardev",
            &format!("socket,id={name},path={}", socket.display()),
        );
        let terminal = job.interactive && name == "out";
        let kind = if terminal {
            "virtconsole"
        } else {
            "virtserialport"
        };
        args.pair("-device", &format!("{kind},chardev={name},name={name}"));
    }
    if let Some(socket) = wiring.share {
        args.pair(
            "-object",
            &format!("memory-backend-memfd,id=ram,size={}M,share=on", job.mem),
        );
        args.pair(
            "-chardev",
            &format!("socket,id=share,path={}", socket.display()),
        );
        args.pair("-device", "vhost-user-fs-pci,chardev=share,tag=share");
    }
    args.0
}

struct Args(Vec<String>);

impl Args {
    fn pair(&mut self, name: &str, value: &str) {
        self.0.extend([name.to_string(), value.to_string()]);
    }
}

fn command_line(job: &Job) -> String {
    let console = match job.arch {
        Arch::X86_64 => "ttyS0",
        Arch::Arm64 => "ttyAMA0",
    };
    // The log must hold everything from KERN_INFO up, KUnit's results included, and drop nothing.
    let mut words = vec![
        format!("console={console}"),
        "panic=-1".into(),
        "loglevel=7".into(),
        "log_buf_len=4M".into(),
    ];
    match job.config {
        Config::Stock | Config::Next => {
            words.push("sysctl.kernel.hung_task_timeout_secs=60".into())
        }
        // Checkers make everything an order of magnitude slower, emulation included.
        Config::Debug | Config::Kcsan => {
            words.push("watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120".into())
        }
    }
    if job.kmemleak {
        // SLUB's sheaves keep the addresses of objects that they have handed out, and kmemleak takes
        // them for references. Caches with any debugging flag have no sheaves.
        words.push("slab_debug=F".into());
    }
    words.extend(job.append.iter().cloned());
    words.join(" ")
}

/// Whether KVM accelerates guests of this architecture here. That /dev/kvm opens is not enough: behind
/// some hypervisors it opens and then interprets guests hundreds of times slower than TCG.
pub fn kvm(arch: Arch) -> bool {
    let hardware = match arch {
        Arch::X86_64 => {
            cfg!(target_arch = "x86_64")
                && ["kvm_intel", "kvm_amd"]
                    .iter()
                    .any(|m| Path::new("/sys/module").join(m).exists())
        }
        Arch::Arm64 => cfg!(target_arch = "aarch64"),
    };
    hardware
        && OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/kvm")
            .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(job: &Job, share: Option<&Path>) -> String {
        let p = Path::new("/f");
        arguments(
            job,
            &Wiring {
                image: p,
                initramfs: p,
                control: p,
                out: p,
                share,
            },
        )
        .join(" ")
    }

    #[test]
    fn icount_is_never_accelerated() {
        let mut job = Job::new(Arch::X86_64, Config::Stock, &["true"]);
        assert!(!line(&job, None).contains("icount"));
        job.icount = true;
        let args = line(&job, None);
        assert!(
            args.contains("-icount shift=0,sleep=off")
                && args.contains("-cpu Skylake-Server-v4,-erms")
        );
        assert!(args.contains("-accel tcg,thread=single"));
        job.arch = Arch::Arm64;
        assert!(line(&job, None).contains("-cpu neoverse-n1"));
    }

    #[test]
    fn a_share_needs_shared_memory() {
        let job = Job::new(Arch::Arm64, Config::Stock, &["true"]);
        assert!(!line(&job, None).contains("memfd"));
        let args = line(&job, Some(Path::new("/s")));
        assert!(args.contains("virt,memory-backend=ram") && args.contains("size=1024M,share=on"));
    }

    #[test]
    fn appended_words_come_last() {
        let mut job = Job::new(Arch::Arm64, Config::Stock, &["true"]);
        job.append = vec!["loglevel=3".into(), "a b".into()];
        assert!(line(&job, None).contains(" loglevel=3 a b -chardev"));
    }
}
