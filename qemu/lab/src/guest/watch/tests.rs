// SPDX-License-Identifier: GPL-2.0
//! Runs whose machine is a shell script: it says on its stdout what a console would.

use super::*;

const QUICK: Patience = Patience {
    total: Some(Duration::from_secs(10)),
    silence: Some(Duration::from_millis(700)),
};

/// The script connects no ports, so the run ends with it or by the patience.
fn run_script(script: &str, patience: &Patience) -> Record {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_path_buf();
    let (control, out) = (path.join(Ports::CONTROL), path.join(Ports::OUT));
    let ports = Ports::listen(dir).unwrap();
    // Two clients that say nothing stand in for QEMU's.
    let _clients = [
        UnixStream::connect(&control).unwrap(),
        UnixStream::connect(&out).unwrap(),
    ]
    .map(|c| c.shutdown(std::net::Shutdown::Write));
    let mut output = Vec::new();
    let record = run(
        Command::new("sh").args(["-c", script]),
        ports,
        "n",
        patience,
        false,
        &mut output,
    )
    .unwrap();
    assert!(!path.exists(), "the run left its files");
    record
}

#[test]
fn a_silent_machine_is_killed() {
    let record = run_script("echo booting; exec sleep 60", &QUICK);
    assert_eq!(record.end, End::Silent(Duration::from_millis(700)));
    assert_eq!(record.log, ["booting"]);
    assert!(record.total < Duration::from_secs(8));
}

#[test]
fn a_chatty_machine_is_killed_too_when_its_time_is_over() {
    let patience = Patience {
        total: Some(Duration::from_millis(800)),
        silence: Some(Duration::from_secs(5)),
    };
    let record = run_script("while :; do echo x; sleep 0.1; done", &patience);
    assert_eq!(record.end, End::TimedOut(Duration::from_millis(800)));
    assert!(record.log.len() > 2);
}

#[test]
fn a_machine_that_ends_early_died() {
    let record = run_script(
        "echo '[ 1.0] Kernel panic - not syncing: x'; echo no image >&2; exit 3",
        &QUICK,
    );
    assert!(matches!(&record.end, End::Died(why) if why.contains("no image") && why.contains('3')));
    assert_eq!(record.reports[0].kind, "panic");
}

/// Messages come in pieces, between other people's bytes.
#[test]
fn messages_are_read_across_chunks() {
    let mut run = Run::new("n0", Instant::now());
    let mut sink = Vec::new();
    for chunk in [
        "n0 st",
        "art\nn1 exit 9\nn0 ex",
        "it 7\r\ngarbage\n",
        "n0 done\n",
    ] {
        run.take(Event::Control(chunk.into()), &mut sink).unwrap();
    }
    run.take(Event::Output(b"a\0\xff".to_vec()), &mut sink)
        .unwrap();
    assert!(run.boot.is_some() && run.done);
    assert_eq!((run.status, sink), (Some(7), b"a\0\xff".to_vec()));
}

#[test]
fn the_last_line_needs_no_line_end() {
    let mut run = Run::new("n", Instant::now());
    run.take(
        Event::Console(b"one\r\ntwo\n[ 1.0] BUG: KASAN: x".to_vec()),
        &mut Vec::new(),
    )
    .unwrap();
    let record = run.record(End::PoweredOff);
    assert_eq!(record.log, ["one", "two", "[ 1.0] BUG: KASAN: x"]);
    assert_eq!(record.reports.len(), 1);
}
