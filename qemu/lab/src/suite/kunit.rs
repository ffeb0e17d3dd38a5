// SPDX-License-Identifier: GPL-2.0
//! The module's KUnit suites: they run when it is loaded, and report in the kernel log.

use super::ktap::{Reader, Style};
use super::report::{Case, Place, Ui};
use super::section::SECTION;
use crate::guest::klog;

pub const SUITE: &str = "kunit";

/// Reads what the suites said. A module without a suite fails: the configuration is there to run them.
pub fn read(log: &[String], place: Place, ui: &Ui) {
    let mut reader = Reader::new(Style::KUnit);
    let mut groups = 0;
    // Suites that reload the module make it report again; the first time counts.
    let boot = log
        .iter()
        .take_while(|line| !klog::message(line).starts_with(SECTION));
    let printed = boot.map(|line| klog::payload(line));
    let printed = printed.skip_while(|line| !line.starts_with("KTAP version"));
    for line in printed {
        if let Some(group) = reader.line(line) {
            groups += 1;
            ui.group(place, SUITE, &group.name, group.cases);
        }
    }
    if groups == 0 {
        ui.case(
            place,
            SUITE,
            Case::new(
                "suites",
                false,
                "the module reported no KUnit suite in the kernel log",
            ),
        );
    } else if reader.missing() > 0 {
        ui.case(
            place,
            SUITE,
            Case::new(
                "suites",
                false,
                format!("{} planned suites did not report", reader.missing()),
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::report::Sum;

    fn sum(log: &[&str]) -> Sum {
        let ui = Ui::new();
        read(
            &log.iter().map(|l| l.to_string()).collect::<Vec<_>>(),
            Place(None),
            &ui,
        );
        ui.sum()
    }

    #[test]
    fn suites_are_read_between_other_messages() {
        let log = [
            "[    1.0] ok 1 not_ktap_yet",
            "[    2.0][  T33] KTAP version 1",
            "[    2.0][  T33] 1..1",
            "[    2.0][  T33]     KTAP version 1",
            "[    2.0][  T33]     # Subtest: qsock_ring",
            "[    2.0][  T33]     1..2",
            "[    2.0][  T33]     ok 1 a",
            "[    2.0][   T1] random: crng init done",
            "[    2.0][  T33]     ok 2 b",
            "[    2.0][  T33] ok 1 qsock_ring",
            "[    3.0][   T1] qsock: suite reload",
            "[    4.0][  T44] KTAP version 1",
            "[    4.0][  T44] 1..1",
            "[    4.0][  T44] not ok 1 qsock_ring",
        ];
        assert_eq!(
            sum(&log),
            Sum {
                passed: 2,
                ..Sum::default()
            }
        );
    }

    #[test]
    fn no_suite_is_a_failure() {
        assert_eq!(
            sum(&["[    1.0] nothing"]),
            Sum {
                failed: 1,
                ..Sum::default()
            }
        );
        assert_eq!(
            sum(&["[    1.0] KTAP version 1", "[    1.0] 1..1"]),
            Sum {
                failed: 1,
                ..Sum::default()
            }
        );
    }
}
