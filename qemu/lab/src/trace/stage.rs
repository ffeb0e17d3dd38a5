// SPDX-License-Identifier: GPL-2.0
//! Which part of a message's way a function is, by the file that it is in. A function of any other file is part of what
//! called it.

/// The stages, in the order of a message's way.
pub const ALL: [&str; 12] = [
    "entry",
    "table",
    "wrapper",
    "fd lookup",
    "LSM",
    "proto_ops",
    "socket",
    "policy hook",
    "transport",
    "queue",
    "copy",
    "wake-up",
];

/// Those that AF_UNIX has nothing for.
pub const QSOCK_ONLY: [&str; 3] = ["policy hook", "transport", "socket"];

/// What the names of files begin with; the first that fits counts.
const FILES: [(&str, &str); 31] = [
    ("arch/x86/entry/syscall_", "table"),
    ("arch/arm64/kernel/syscall.c", "table"),
    ("arch/x86/entry/", "entry"),
    ("arch/arm64/kernel/entry", "entry"),
    ("kernel/entry/", "entry"),
    ("net/socket.c", "wrapper"),
    ("net/compat.c", "wrapper"),
    ("fs/file", "fd lookup"),
    ("security/", "LSM"),
    ("kernel/bpf/bpf_lsm.c", "LSM"),
    ("lib/iov_iter.c", "copy"),
    ("lib/usercopy.c", "copy"),
    ("mm/usercopy.c", "copy"),
    ("arch/x86/lib/", "copy"),
    ("arch/arm64/lib/", "copy"),
    ("kernel/sched/wait.c", "wake-up"),
    ("kernel/time/sleep_timeout.c", "wake-up"),
    ("src/net/proto_ops.rs", "proto_ops"),
    ("src/net/ops.rs", "proto_ops"),
    ("src/net/wait.rs", "wake-up"),
    ("src/net/notify.rs", "wake-up"),
    ("src/policy/", "policy hook"),
    ("src/transport/", "transport"),
    ("src/queue/", "queue"),
    ("src/socket/", "socket"),
    ("src/names.rs", "socket"),
    ("net/unix/", "proto_ops"),
    ("net/core/skbuff.c", "queue"),
    ("net/core/datagram.c", "queue"),
    ("net/core/stream.c", "queue"),
    ("net/core/scm.c", "queue"),
];

/// Files whose functions function_graph sees no more than the module's: lib/Makefile leaves them out.
pub const UNSEEN: [&str; 2] = ["lib/iov_iter.c", "lib/usercopy.c"];

/// Whether a function of `file` is an interrupt's, and not part of anything's way.
pub fn is_interrupt(file: &str) -> bool {
    [
        "kernel/softirq.c",
        "kernel/irq/",
        "kernel/entry/common.c",
        "arch/x86/kernel/irq",
        "arch/x86/kernel/apic/",
        "arch/arm64/kernel/irq.c",
        // What their ends call.
        "kernel/time/hrtimer.c",
        "kernel/sched/syscalls.c",
    ]
    .iter()
    .any(|start| file.starts_with(start))
}

/// The stage of the function `name` of `file`.
pub fn of(file: &str, name: &str) -> Option<&'static str> {
    // Among the copies is how the calls say what to copy.
    if file == "lib/iov_iter.c" && !name.contains("copy") {
        return None;
    }
    let row = FILES.iter().find(|row| file.starts_with(row.0))?;
    Some(row.1)
}

/// Whether a function of `file` is what watches, not what is watched.
pub fn is_machinery(file: &str) -> bool {
    [
        "kernel/kprobes.c",
        "kernel/trace/",
        "arch/x86/kernel/kprobes/",
        "arch/x86/kernel/rethook.c",
        "arch/arm64/kernel/probes/",
        "arch/arm64/kernel/rethook",
        "arch/x86/kernel/ftrace",
        "arch/arm64/kernel/ftrace.c",
        "arch/arm64/kernel/debug-monitors.c",
    ]
    .iter()
    .any(|start| file.starts_with(start))
}

/// Whether what a function of `file` calls is of interest only in full.
pub fn is_leaf(file: &str) -> bool {
    [
        "kernel/sched/",
        "kernel/time/",
        "kernel/locking/",
        "kernel/rcu/",
        "mm/",
        "security/",
        "kernel/irq",
        "kernel/softirq.c",
        "arch/x86/kernel/",
        "arch/arm64/kernel/",
    ]
    .iter()
    .any(|start| file.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_has_a_file() {
        for stage in ALL {
            assert!(FILES.iter().any(|row| row.1 == stage), "{stage}");
        }
        assert!(FILES.iter().all(|row| ALL.contains(&row.1)));
        assert_eq!(of("src/queue/mem.rs", ""), Some("queue"));
        assert_eq!(of("arch/x86/entry/syscall_64.c", ""), Some("table"));
        assert_eq!(of("arch/x86/entry/entry_64.S", ""), Some("entry"));
        assert_eq!(of("lib/refcount.c", ""), None);
        assert_eq!(of("lib/iov_iter.c", "_copy_to_iter"), Some("copy"));
        assert_eq!(of("lib/iov_iter.c", "import_ubuf"), None);
    }
}
