// SPDX-License-Identifier: GPL-2.0
//! kmemleak: first it must find a leak that is planted, then none of qsock's.

use anyhow::Result;

use super::report::{self, Case, Place, Ui};
use crate::artifacts::{Arch, Config};
use crate::guest::{self, Job, REPORTED};

pub const SUITE: &str = "kmemleak";

/// The positive control: without it "no leak found" says nothing.
pub fn control(arch: Arch, config: Config, ui: &Ui) -> Result<()> {
    let place = Place(Some((arch, config)));
    let mut job = Job::new(
        arch,
        config,
        &["sh", "-c", "insmod /lib/modules/leak.ko && rmmod leak"],
    );
    job.module = None;
    job.kmemleak = true;
    let mut output = Vec::new();
    let record = guest::boot(&job, &mut output)?;
    report::keep_log(place, "kmemleak-control", &record.log)?;
    let found = record.reports.iter().any(|r| r.kind == "kmemleak");
    let passed = guest::verdict(&record) == REPORTED && found && record.status == Some(0);
    let told = format!(
        "{}\n{}",
        String::from_utf8_lossy(&output),
        guest::explain(&record)
    );
    ui.case(
        place,
        SUITE,
        Case::new("a planted leak is found", passed, told),
    );
    Ok(())
}

/// After the suites of a boot: the scan ran, and found nothing.
pub fn read(log: &[String], place: Place, ui: &Ui) {
    let scanned = log.iter().any(|l| l.contains(guest::SCANNED));
    let leaks: Vec<&str> = log.iter().map(String::as_str).filter(|l| leak(l)).collect();
    let told = if scanned {
        leaks.join("\n")
    } else {
        "kmemleak did not scan".into()
    };
    ui.case(
        place,
        SUITE,
        Case::new("qsock leaks nothing", scanned && leaks.is_empty(), told),
    );
}

fn leak(line: &str) -> bool {
    line.contains("suspected memory leak") || line.contains("unreferenced object")
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
    fn no_scan_is_no_proof() {
        assert_eq!(sum(&["[ 1.0] boot"]).failed, 1);
        assert_eq!(sum(&["[ 1.0] boot", guest::SCANNED]).passed, 1);
        assert_eq!(
            sum(&[
                "[ 9.0] kmemleak: 1 new suspected memory leaks (see x)",
                guest::SCANNED
            ])
            .failed,
            1
        );
    }
}
