// SPDX-License-Identifier: GPL-2.0
//! Several suites in one boot: their commands run one after the other, and each suite reads its own part of the output.

use std::io::{self, Write};

use anyhow::Result;

use super::report::{self, Case, Place, Ui};
use crate::guest::{self, klog, Job};

/// A suite's part of a boot.
pub trait Section {
    fn suite(&self) -> &'static str;
    /// What the guest's shell runs.
    fn script(&self) -> String;
    /// A line that it printed.
    fn line(&mut self, line: &str, place: Place, ui: &Ui);
    /// It ended with this status.
    fn end(&mut self, status: i32, place: Place, ui: &Ui);
}

/// What starts the line of the kernel log where a suite begins.
pub const SECTION: &str = "qsock: suite ";

/// What starts a line that says where a section begins or ends. A test's output would have to know it to fake one.
const MARK: &str = "\u{1}qsock-section";

/// Boots the job's guest once for all the sections. `log_reader` sees the kernel log afterwards.
pub fn run(
    job: &Job,
    sections: &mut [Box<dyn Section>],
    ui: &Ui,
    log_reader: impl FnOnce(&[String], Place, &Ui),
) -> Result<()> {
    let place = Place(Some((job.arch, job.config)));
    // The module's KUnit suites have run; suites that reload it need not run them every time.
    let kunit = "/sys/module/kunit/parameters/filter_glob";
    let mut script = format!("[ ! -e {kunit} ] || echo none >{kunit}\n");
    for section in sections.iter() {
        let (suite, body) = (section.suite(), section.script());
        // The kernel log gets the mark too, so that a report in it finds its suite.
        script += &format!("echo '{SECTION}{suite}' >/dev/kmsg; echo; echo '{MARK} begin'\n");
        script += &format!("(\n{body}\n)\nstatus=$?; echo; echo \"{MARK} end $status\"\n");
    }
    let mut job = job.clone();
    job.command = vec!["sh".into(), "-c".into(), script];
    ui.note(place, "guest", "booting");
    let mut demux = Demux {
        sections,
        ui,
        place,
        at: 0,
        open: false,
        rest: Vec::new(),
    };
    let record = guest::boot(&job, &mut demux)?;
    let (at, suites) = (
        demux.at,
        demux.sections.iter().map(|s| s.suite()).collect::<Vec<_>>(),
    );
    let boot = record.boot.map_or("did not boot".to_string(), |t| {
        format!("booted in {:.1} s", t.as_secs_f32())
    });
    ui.note(
        place,
        "guest",
        &format!("{boot}, off after {:.1} s", record.total.as_secs_f32()),
    );
    report::keep_log(place, "kernel", &record.log)?;

    log_reader(&record.log, place, ui);
    // Sections that never came to their end, and what the guest had to say about that.
    let clean = guest::verdict(&record) == 0;
    for suite in &suites[at..] {
        ui.case(
            place,
            suite,
            Case::new("completed", false, guest::explain(&record)),
        );
    }
    if at == suites.len() || !record.reports.is_empty() {
        let suite = blame(&record.log, record.reports.first().map(|r| r.at), &suites);
        ui.case(
            place,
            suite,
            Case::new("kernel log", clean, guest::explain(&record)),
        );
    }
    Ok(())
}

/// The suite in whose time a line of the kernel log falls: the first one's when it came before any.
fn blame(log: &[String], line: Option<usize>, suites: &[&'static str]) -> &'static str {
    let until = line.unwrap_or(log.len()).min(log.len());
    let marks = log[..until]
        .iter()
        .rev()
        .filter_map(|l| klog::message(l).strip_prefix(SECTION));
    let named = marks
        .filter_map(|name| suites.iter().find(|s| **s == name))
        .next();
    named.or(suites.first()).copied().unwrap_or("guest")
}

/// Gives each section the lines of its part.
struct Demux<'a> {
    sections: &'a mut [Box<dyn Section>],
    ui: &'a Ui,
    place: Place,
    /// The section whose part it is, or comes next.
    at: usize,
    open: bool,
    rest: Vec<u8>,
}

impl Demux<'_> {
    fn line(&mut self, line: &str) {
        let Some(section) = self.sections.get_mut(self.at) else {
            return;
        };
        match line.strip_prefix(MARK).map(str::trim) {
            Some("begin") => self.open = true,
            Some(end) => {
                let status = end
                    .strip_prefix("end ")
                    .and_then(|s| s.parse().ok())
                    .unwrap_or(-1);
                section.end(status, self.place, self.ui);
                self.open = false;
                self.at += 1;
            }
            None if self.open => section.line(line, self.place, self.ui),
            None => {}
        }
    }
}

impl Write for Demux<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.rest.extend_from_slice(bytes);
        while let Some(end) = self.rest.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            self.line(String::from_utf8_lossy(&line).trim_end());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    struct Recorder(&'static str, Rc<RefCell<Vec<String>>>);

    impl Section for Recorder {
        fn suite(&self) -> &'static str {
            self.0
        }
        fn script(&self) -> String {
            String::new()
        }
        fn line(&mut self, line: &str, _: Place, _: &Ui) {
            self.1.borrow_mut().push(format!("{}:{line}", self.0));
        }
        fn end(&mut self, status: i32, _: Place, _: &Ui) {
            self.1.borrow_mut().push(format!("{}={status}", self.0));
        }
    }

    #[test]
    fn each_section_gets_its_lines() {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let mut sections: Vec<Box<dyn Section>> = vec![
            Box::new(Recorder("a", seen.clone())),
            Box::new(Recorder("b", seen.clone())),
        ];
        let ui = Ui::new();
        let mut demux = Demux {
            sections: &mut sections,
            ui: &ui,
            place: Place(None),
            at: 0,
            open: false,
            rest: Vec::new(),
        };
        let text =
            format!("noise\n{MARK} begin\none\ntwo\r\n\n{MARK} end 3\nnoise\n{MARK} begin\nhal");
        text.as_bytes()
            .chunks(5)
            .for_each(|c| demux.write_all(c).unwrap());
        assert_eq!((demux.at, demux.open), (1, true));
        assert_eq!(*seen.borrow(), ["a:one", "a:two", "a:", "a=3"]);
    }

    #[test]
    fn a_report_is_blamed_on_the_suite_of_its_time() {
        let log: Vec<String> = [
            "[ 1.0] boot",
            "[ 2.0] qsock: suite a",
            "[ 3.0] x",
            "[ 4.0] qsock: suite b",
            "[ 5.0] y",
        ]
        .map(String::from)
        .to_vec();
        let suites = ["a", "b"];
        assert_eq!(blame(&log, Some(0), &suites), "a");
        assert_eq!(blame(&log, Some(2), &suites), "a");
        assert_eq!(blame(&log, Some(4), &suites), "b");
        assert_eq!(blame(&log, None, &[]), "guest");
    }
}
