// SPDX-License-Identifier: GPL-2.0
//! A trace as qtrace prints it, made short.

use super::*;

const TEXT: &str = "\
== functions 3 of 4
== stacks name
   qtrace-7 [000] ..... 1.0: call_sendto: (__x64_sys_sendto+0x4/0x30)
   qtrace-7 [000] ..... 1.0: <stack trace>
 => __x64_sys_sendto
 => do_syscall_64
 => entry_SYSCALL_64_after_hwframe
== graph name
== sender 7
== receiver 8
  1.000001 |  qtrace-7  |             |  __x64_sys_sendto() {
  1.000002 |  qtrace-8  |   1.000 us  |    other();
  1.000003 |  qtrace-7  |   2.500 us  |    fdget();
  1.000004 |  qtrace-7  |             |    optimized_callback() {
  1.000005 |  qtrace-7  |             |      /* qprobe_enter: 0 0xff */
  1.000006 |  qtrace-7  |   1.000 us  |    }
  1.000007 |  qtrace-7  |   3.000 us  |    _copy_from_iter();
  1.000008 |  qtrace-7  |             |    /* qprobe_exit: 0 0x0 */
  1.000009 |  qtrace-7  |   9.000 us  |  }
== stacks other
   other-9 [000] ..... 1.0: call_sendto: (__x64_sys_sendto+0x4/0x30)
== graph other
== sender 9
  2.000001 |  other-9  |   1.000 us  |  of_another();
== end
";

#[test]
fn a_trace_becomes_a_tree() {
    let output = Output::parse(TEXT, "name").unwrap();
    assert!(!output.names().contains("of_another"));
    assert!(output.names().contains("sys_sendto") && output.names().contains("do_syscall_64"));
    let source = super::super::places::Source {
        name: "qsock::send".into(),
        file: "src/socket/send.rs".into(),
        line: 5,
    };
    let places = Places::of_one("send", source);
    let sources = [
        ("optimized_callback", "kernel/kprobes.c"),
        ("fdget", "fs/file.c"),
        ("do_syscall_64", "arch/x86/entry/syscall_64.c"),
        (
            "entry_SYSCALL_64_after_hwframe",
            "arch/x86/entry/entry_64.S",
        ),
        ("_copy_from_iter", "lib/iov_iter.c"),
        ("sys_sendto", "net/socket.c"),
    ];
    let sources = sources
        .map(|(name, file)| (name.to_string(), (file.to_string(), 1)))
        .into();
    let tree = output.tree("sendto", &places, &sources).unwrap();
    let entry = (tree.name.as_str(), tree.stage);
    assert_eq!(entry, ("entry_SYSCALL_64_after_hwframe", "entry"));
    let call = &tree.children[0].children[0];
    let stages: Vec<_> = call.children.iter().map(|c| c.stage).collect();
    assert_eq!((tree.children[0].stage, call.stage), ("table", "wrapper"));
    assert_eq!(stages, ["fd lookup", "socket"]);
    assert_eq!(call.children[1].children[0].stage, "copy");
    assert_eq!(call.micros, Some(9.0));
}

#[test]
fn half_a_trace_is_none() {
    assert!(Output::parse(TEXT.trim_end_matches("== end\n"), "name").is_err());
    let output = Output::parse(TEXT, "name").unwrap();
    let none = output.tree("recvfrom", &Places::default(), &BTreeMap::new());
    assert!(none.is_err());
}
