// SPDX-License-Identifier: GPL-2.0
//! Lines that kernels print, and what the table must make of them.

use super::*;

const BAD: &[(&str, &str)] = &[
    (
        "[    5.1] WARNING: net/core/sock.c:100 at sk_free+0x10/0x20, CPU#0: sh/1",
        "warning",
    ),
    (
        "[    5.1] WARNING: CPU: 0 PID: 1 at net/core/sock.c:100 sk_free+0x10/0x20",
        "warning",
    ),
    (
        "[    5.1][   T42] WARNING: possible circular locking dependency detected",
        "lockdep",
    ),
    ("[    5.1][   T42] WARNING: suspicious RCU usage", "lockdep"),
    ("[    5.1] WARNING: bad unlock balance detected!", "lockdep"),
    (
        "[    5.1][    C0] INFO: trying to register non-static key.",
        "lockdep",
    ),
    (
        "[    5.1] BUG: KASAN: slab-use-after-free in unix_poll+0x1/0x2",
        "KASAN",
    ),
    ("[    5.1] BUG: KCSAN: data-race in a / b", "KCSAN"),
    (
        "[    5.1] BUG: sleeping function called from invalid context at mm/x.c:1",
        "BUG",
    ),
    (
        "[    5.1] BUG: kernel NULL pointer dereference, address: 0000000000000008",
        "BUG",
    ),
    (
        "[    5.1] BUG: scheduling while atomic: sh/1/0x00000002",
        "BUG",
    ),
    (
        "[    5.1] BUG kmalloc-64 (Tainted: G    B      O   ): Right Redzone overwritten",
        "BUG",
    ),
    (
        "[    5.1] watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [sh:44]",
        "lockup",
    ),
    ("[    5.1] kernel BUG at mm/slub.c:1!", "BUG"),
    (
        "[    5.1] UBSAN: array-index-out-of-bounds in a.c:1:2",
        "UBSAN",
    ),
    ("[    5.1] Oops: Oops: 0002 [#1] SMP NOPTI", "oops"),
    (
        "[    5.1] Oops: general protection fault, kernel NULL pointer: 0000 [#1]",
        "oops",
    ),
    (
        "[    5.1] Internal error: Oops: 0000000096000004 [#1]  SMP",
        "oops",
    ),
    (
        "[    5.1] Unable to handle kernel NULL pointer dereference at virtual address 8",
        "oops",
    ),
    (
        "[    5.1] CFI failure at sock_sendmsg+0x1/0x2 (target: a+0x0/0x1)",
        "oops",
    ),
    (
        "[  125.1] INFO: task qcat:77 blocked for more than 122 seconds.",
        "hung task",
    ),
    (
        "[   66.1] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
        "RCU stall",
    ),
    (
        "[   66.1] rcu: INFO: rcu_preempt self-detected stall on CPU",
        "RCU stall",
    ),
    (
        "[   66.1] kmemleak: 1 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
        "kmemleak",
    ),
    (
        "[   66.1] kmemleak: Kernel memory leak detector disabled",
        "kmemleak",
    ),
    (
        "[    5.1] rust_kernel: panicked at src/queue/ring.rs:10:5:",
        "Rust panic",
    ),
    (
        "[    5.1] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100",
        "panic",
    ),
    (
        "[    5.1] list_del corruption. prev->next should be ffff, but was 0000",
        "BUG",
    ),
    ("[    5.1] refcount_t: underflow; use-after-free.", "BUG"),
    (
        "[    5.1] kmem_cache_destroy QSOCK: Slab cache still has objects when called from x",
        "BUG",
    ),
    ("[    5.1] Call trace:", "stack trace"),
    ("[    5.1]  Call Trace:", "stack trace"),
    ("[    5.1] ------------[ cut here ]------------", "warning"),
    (
        "[    5.1] sh invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0",
        "out of memory",
    ),
    ("** 12 printk messages dropped **", "incomplete log"),
];

const GOOD: &[&str] = &[
    "[    2.1] qsock: loading out-of-tree module taints kernel.",
    "[    2.1] qsock: module verification failed: signature and/or required key missing - tainting kernel",
    "[    0.9] PCI: Using host bridge windows from ACPI; if necessary, use \"pci=nocrs\" and report a bug",
    "[    1.7] RAS: Correctable Errors collector initialized.",
    "[    1.7] workqueue: blk_mq_run_work_fn hogged CPU for >10000us 4 times, consider switching to WQ_UNBOUND",
    "[    1.7] INFO: NMI handler (perf_event_nmi_handler) took too long to run: 1.1 msecs",
    "[    1.7] hrtimer: interrupt took 5012345 ns",
    "[    1.7] clocksource: timekeeping watchdog on CPU1: Marking clocksource 'tsc' as unstable because of skew",
    "[    1.7] sched: DL replenish lagged too much",
    "[    1.7] traps: qcat[77] general protection fault ip:401000 sp:7ffc error:0 in qcat[401000+1000]",
    "[    1.7] qcat[78]: segfault at 0 ip 0000000000401000 sp 00007ffc error 4 in qcat[1000,401000+1000]",
    "[    1.7] Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on",
    "[    1.7] Warning: unable to open an initial console.",
    "[    0.0] kmemleak: Kernel memory leak detector initialized (mem pool available: 15774)",
    "[    0.0] kmemleak: Automatic memory scanning thread started",
    "[    0.0] kasan: KernelAddressSanitizer initialized (generic)",
    "[    0.0] Lock dependency validator: Copyright (c) 2006 Red Hat, Inc., Ingo Molnar",
    "[    0.0] kfence: initialized - using 2097152 bytes for 255 objects",
    "[    0.0] rcu: RCU lockdep checking is enabled.",
    "[    2.1]     ok 1 debugging_a_BUG: is fun",
    "[    2.1] reboot: Power down",
    "",
];

#[test]
fn reports_are_found_and_named() {
    for (line, kind) in BAD {
        assert_eq!(classify(line), Some(*kind), "{line}");
    }
}

#[test]
fn a_healthy_log_passes() {
    for line in GOOD {
        assert_eq!(classify(line), None, "{line}");
    }
}

/// A row that an earlier one hides, or that no sample reaches, is a row that nothing tests.
#[test]
fn every_kind_has_a_sample() {
    let mut kinds: Vec<_> = REPORTS.iter().map(|r| r.2).collect();
    kinds.retain(|kind| !BAD.iter().any(|b| b.1 == *kind));
    kinds.retain(|kind| !["KMSAN", "KFENCE"].contains(kind));
    assert!(kinds.is_empty(), "no sample for {kinds:?}");
}

#[test]
fn stamps_are_stripped() {
    assert_eq!(message("[    1.234567] a"), "a");
    assert_eq!(message("[    1.234567][   T12]  b [c]"), "b [c]");
    assert_eq!(message("[ cut here ]"), "[ cut here ]");
    assert_eq!(message("  plain"), "plain");
    assert_eq!(payload("[    1.2]     ok 1 a"), "    ok 1 a");
    assert_eq!(payload("[    1.2][  T12]     ok 1 a"), "    ok 1 a");
    assert_eq!(payload("    ok 1 a"), "    ok 1 a");
    assert_eq!(message("[12"), "[12");
}

#[test]
fn one_report_holds_its_stack() {
    let mut scanner = Scanner::default();
    for line in [
        "[ 1.0] fine",
        "[ 1.1] ------------[ cut here ]------------",
        "[ 1.1] WARNING: a at b",
        "[ 1.1] Call Trace:",
    ] {
        scanner.line(line);
    }
    scanner.line("[ 1.1] ---[ end trace 0000000000000000 ]---");
    scanner.line("[ 1.2] fine again");
    scanner.line("[ 1.3] BUG: KASAN: x");
    scanner.line("[ 1.3] ==================================================================");
    for _ in 0..EXCERPT {
        scanner.line("[ 1.4] a frame");
    }
    scanner.line("[ 1.5] ------------[ cut here ]------------");
    scanner.line("[ 1.5] kernel BUG at mm/slub.c:1!");
    let kinds: Vec<_> = scanner
        .reports
        .iter()
        .map(|r| (r.kind, r.lines.len()))
        .collect();
    assert_eq!(
        scanner.reports.iter().map(|r| r.at).collect::<Vec<_>>(),
        [1, 6, 8 + EXCERPT]
    );
    assert_eq!(kinds, [("warning", 4), ("KASAN", EXCERPT), ("BUG", 2)]);
}
