// SPDX-License-Identifier: GPL-2.0
//! Output of kselftest's runner, of its harness and of KUnit, whole and broken.

use super::*;

fn read(style: Style, text: &str) -> (Vec<Group>, usize) {
    let mut reader = Reader::new(style);
    let groups = text.lines().filter_map(|l| reader.line(l)).collect();
    (groups, reader.missing())
}

fn summary(group: &Group) -> Vec<(&str, &Outcome)> {
    group
        .cases
        .iter()
        .map(|c| (c.name.as_str(), &c.outcome))
        .collect()
}

const RUNNER: &str = "\
TAP version 13
1..4
# timeout set to 600
# selftests: qsock: names
# TAP version 13
# 1..3
# # Starting 3 tests from 2 test cases.
# #  RUN           names.af_qsock.bind ...
# #            OK  names.af_qsock.bind
# ok 1 names.af_qsock.bind
# #  RUN           names.af_unix.bind ...
# # names.c:12:bind:Expected 0 (0) == bind() (-1)
# # bind: Test terminated by assertion
# #          FAIL  names.af_unix.bind
# not ok 2 names.af_unix.bind
# #  RUN           global.late ...
# #      SKIP      no module
# ok 3 global.late # SKIP no module
# # FAILED: 1 / 3 tests passed.
# # Totals: pass:1 fail:1 xfail:0 xpass:0 skip:1 error:0
not ok 1 selftests: qsock: names # exit=1
# timeout set to 600
# selftests: qsock: quiet
ok 2 selftests: qsock: quiet
# timeout set to 600
# selftests: qsock: gone
# not here
ok 3 selftests: qsock: gone # SKIP
";

#[test]
fn the_runner_and_the_harness() {
    let (groups, missing) = read(Style::Kselftest, RUNNER);
    assert_eq!(
        groups.iter().map(|g| g.name.as_str()).collect::<Vec<_>>(),
        ["qsock: names", "qsock: quiet", "qsock: gone"]
    );
    let expected = [
        ("names.af_qsock.bind", &Outcome::Passed),
        ("names.af_unix.bind", &Outcome::Failed),
        ("global.late", &Outcome::Skipped("no module".into())),
    ];
    assert_eq!(summary(&groups[0]), expected);
    let failed = &groups[0].cases[1].diagnostics;
    assert!(
        failed
            .iter()
            .any(|l| l.contains("Expected 0 (0) == bind() (-1)")),
        "{failed:?}"
    );
    assert!(!failed.iter().any(|l| l.contains("af_qsock")), "{failed:?}");
    assert_eq!(summary(&groups[1]), [("qsock: quiet", &Outcome::Passed)]);
    assert_eq!(
        summary(&groups[2]),
        [("qsock: gone", &Outcome::Skipped("not here".into()))]
    );
    assert_eq!(missing, 1);
}

#[test]
fn a_program_that_dies_half_way_fails() {
    let text = "1..1\n# TAP version 13\n# 1..3\n# ok 1 a\n# Segmentation fault\nnot ok 1 selftests: qsock: x # exit=139\n";
    let (groups, missing) = read(Style::Kselftest, text);
    assert_eq!(
        summary(&groups[0]),
        [("a", &Outcome::Passed), ("qsock: x", &Outcome::Failed)]
    );
    let told = groups[0].cases[1].diagnostics.join("\n");
    assert!(
        told.contains("3 planned, 1 reported")
            && told.contains("exit=139")
            && told.contains("Segmentation fault")
    );
    assert_eq!(missing, 0);
}

#[test]
fn fewer_results_than_planned_fail_even_when_the_program_says_ok() {
    let (groups, _) = read(
        Style::Kselftest,
        "# 1..2\n# ok 1 a\nok 1 selftests: qsock: x\n",
    );
    assert_eq!(
        summary(&groups[0]),
        [("a", &Outcome::Passed), ("qsock: x", &Outcome::Failed)]
    );
}

const KUNIT: &str = "\
KTAP version 1
1..2
    KTAP version 1
    # Subtest: qsock_ring
    # module: qsock
    1..2
    ok 1 wraps
    # fills: ASSERTION FAILED at src/queue/ring.rs:10
    Expected a == b to be true, but is false
    not ok 2 fills
# qsock_ring: pass:1 fail:1 skip:0 total:2
# Totals: pass:1 fail:1 skip:0 total:2
not ok 1 qsock_ring
    KTAP version 1
    # Subtest: qsock_names
    1..1
        KTAP version 1
        # Subtest: by_length
        ok 1 len 0
        ok 2 len 108 # SKIP too long
    ok 1 by_length
ok 2 qsock_names
";

#[test]
fn kunit() {
    let (groups, missing) = read(Style::KUnit, KUNIT);
    assert_eq!(missing, 0);
    assert_eq!(
        summary(&groups[0]),
        [("wraps", &Outcome::Passed), ("fills", &Outcome::Failed)]
    );
    let told = groups[0].cases[1].diagnostics.join("\n");
    assert!(
        told.contains("ASSERTION FAILED") && told.contains("Expected a == b"),
        "{told}"
    );
    let expected = [
        ("len 0", &Outcome::Passed),
        ("len 108", &Outcome::Skipped("too long".into())),
    ];
    assert_eq!(summary(&groups[1]), expected);
}

#[test]
fn lines_that_only_look_alike() {
    let mut reader = Reader::new(Style::KUnit);
    for line in [
        "ok computer",
        "not ok",
        "okay 1 x",
        "ok x y",
        "1..x",
        "[ 1.0] ok 1 a",
    ] {
        assert_eq!(reader.line(line), None, "{line}");
    }
    assert!(reader.line("ok 1").is_some());
}

#[test]
fn a_program_that_skips_itself_says_why() {
    let (groups, _) = read(
        Style::Kselftest,
        "# 1..0 # SKIP no module\nok 1 selftests: qsock: x # SKIP\n",
    );
    assert_eq!(
        summary(&groups[0]),
        [("qsock: x", &Outcome::Skipped("no module".into()))]
    );
}

#[test]
fn expected_failures_pass() {
    let (groups, _) = read(
        Style::Kselftest,
        "not ok 1 a # XFAIL known\nnot ok 2 b # later\nok 3 c # skip: why\n",
    );
    let outcomes: Vec<_> = groups.iter().map(|g| g.cases[0].outcome.clone()).collect();
    assert_eq!(
        outcomes,
        [
            Outcome::Passed,
            Outcome::Failed,
            Outcome::Skipped("why".into())
        ]
    );
}
