// SPDX-License-Identifier: GPL-2.0
//! Two reports of one program, case by case: what each row says, and whether it is as it should be.

use super::differences::Difference;
use crate::suite::report::{Case, Outcome};

/// One case of a program, for both families.
pub struct Row {
    pub case: String,
    unix: Option<Outcome>,
    qsock: Option<Outcome>,
    /// Why AF_QSOCK differs here, if it is listed.
    why: Option<&'static str>,
    pub verdict: Case,
}

/// Compares what a program reported.
pub fn rows(program: &str, unix: &[Case], qsock: &[Case], list: &[Difference]) -> Vec<Row> {
    let mut names: Vec<&str> = Vec::new();
    for case in unix.iter().chain(qsock) {
        if !names.contains(&plain(&case.name)) {
            names.push(plain(&case.name));
        }
    }
    let find = |cases: &[Case], name: &str| cases.iter().find(|c| plain(&c.name) == name).cloned();
    let row = |name: &str| {
        let (unix, qsock) = (find(unix, name), find(qsock, name));
        let listed = list.iter().find(|d| d.case == name);
        Row {
            case: match name.split_once('.') {
                Some(_) => name.to_string(),
                None => format!("{program}: the program itself"),
            },
            verdict: verdict(name, unix.as_ref(), qsock.as_ref(), listed),
            unix: unix.map(|c| c.outcome),
            qsock: qsock.map(|c| c.outcome),
            why: listed.map(|d| d.why),
        }
    };
    names.into_iter().map(row).collect()
}

/// A program's own result is named after its collection too.
fn plain(name: &str) -> &str {
    name.rsplit(": ").next().unwrap_or(name)
}

fn verdict(
    name: &str,
    unix: Option<&Case>,
    qsock: Option<&Case>,
    listed: Option<&Difference>,
) -> Case {
    let fail = |told: String, of: Option<&Case>| {
        let mut case = Case::new(name, false, told);
        case.diagnostics
            .extend(of.iter().flat_map(|c| c.diagnostics.clone()));
        case
    };
    let (unix, qsock) = match (unix, qsock) {
        (Some(unix), Some(qsock)) => (unix, qsock),
        (None, of) => return fail("AF_UNIX, the control, did not report it".into(), of),
        (of, None) => return fail("AF_QSOCK did not report it".into(), of),
    };
    match (&unix.outcome, &qsock.outcome, listed) {
        (Outcome::Failed, _, _) => fail("AF_UNIX, the control, fails".into(), Some(unix)),
        (Outcome::Skipped(why), _, _) => Case {
            outcome: Outcome::Skipped(why.clone()),
            ..Case::new(name, true, "")
        },
        (_, Outcome::Passed, None) => Case::new(name, true, ""),
        (_, Outcome::Passed, Some(d)) => fail(
            format!("it passes, and is listed as one that must not: {}", d.why),
            None,
        ),
        (_, Outcome::Skipped(why), _) => {
            fail(format!("AF_QSOCK alone skips it: {why}"), Some(qsock))
        }
        (_, Outcome::Failed, None) => fail("AF_QSOCK fails".into(), Some(qsock)),
        (_, Outcome::Failed, Some(d)) => {
            if qsock.diagnostics.iter().any(|line| line.contains(d.told)) {
                Case::new(name, true, "")
            } else {
                let told = format!("AF_QSOCK fails, and not with \"{}\" as listed", d.told);
                fail(told, Some(qsock))
            }
        }
    }
}

/// Differences that no row is about.
pub fn unused<'a>(
    rows: &'a [Row],
    list: &'static [Difference],
) -> impl Iterator<Item = &'static Difference> + 'a {
    list.iter()
        .filter(|d| !rows.iter().any(|row| row.case == d.case))
}

/// The table: case, AF_UNIX, AF_QSOCK, and what there is to say.
pub fn table(rows: &[Row]) -> String {
    let width = rows
        .iter()
        .map(|row| row.case.len())
        .max()
        .unwrap_or(0)
        .max(4);
    let mut text = format!("{:width$}  AF_UNIX  AF_QSOCK\n", "case");
    for row in rows {
        let remark = match (&row.verdict.outcome, row.why) {
            (Outcome::Failed, _) => brief(&row.verdict.diagnostics),
            (Outcome::Passed, Some(why)) => format!("differs: {why}"),
            (Outcome::Skipped(why), _) => why.clone(),
            (Outcome::Passed, None) => String::new(),
        };
        let line = format!(
            "{:width$}  {:7}  {:8}  {remark}",
            row.case,
            word(&row.unix),
            word(&row.qsock)
        );
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// The judgement, and what the program expected instead.
fn brief(told: &[String]) -> String {
    let expected = told.iter().find(|line| line.contains(":Expected "));
    let lines: Vec<&str> = told
        .iter()
        .take(1)
        .chain(expected)
        .map(String::as_str)
        .collect();
    lines.join(": ")
}

/// How many cases agree, in a few words.
pub fn sum(rows: &[Row]) -> String {
    let count = |f: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| f(row)).count();
    let passed = |row: &Row| row.verdict.outcome == Outcome::Passed;
    format!(
        "{} of {} cases pass for both families, {} differ as listed",
        count(&|row| passed(row) && row.why.is_none()),
        rows.len(),
        count(&|row| passed(row) && row.why.is_some()),
    )
}

fn word(outcome: &Option<Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::Passed) => "ok",
        Some(Outcome::Failed) => "not ok",
        Some(Outcome::Skipped(_)) => "skip",
        None => "-",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &[Difference] = &[Difference {
        case: "p.listed",
        told: "(111)",
        why: "names",
    }];

    fn ok(name: &str) -> Case {
        Case::new(name, true, "")
    }

    fn no(name: &str, told: &str) -> Case {
        Case::new(name, false, told)
    }

    fn outcome(unix: Case, qsock: Case) -> Outcome {
        let rows = rows("p", &[unix], &[qsock], LIST);
        assert_eq!(rows.len(), 1);
        rows[0].verdict.outcome.clone()
    }

    #[test]
    fn an_unlisted_case_must_pass() {
        assert_eq!(outcome(ok("p.a"), ok("p.a")), Outcome::Passed);
        assert_eq!(outcome(ok("p.a"), no("p.a", "(111)")), Outcome::Failed);
    }

    #[test]
    fn a_listed_case_must_fail_as_listed() {
        let listed = |qsock| outcome(ok("p.listed"), qsock);
        assert_eq!(listed(no("p.listed", "got (111)")), Outcome::Passed);
        assert_eq!(listed(no("p.listed", "got (13)")), Outcome::Failed);
        assert_eq!(listed(ok("p.listed")), Outcome::Failed);
    }

    #[test]
    fn the_control_must_pass() {
        assert_eq!(outcome(no("p.a", ""), ok("p.a")), Outcome::Failed);
        assert_eq!(
            outcome(no("p.listed", ""), no("p.listed", "(111)")),
            Outcome::Failed
        );
    }

    #[test]
    fn a_case_of_one_family_alone_fails() {
        let rows = rows("p", &[ok("p.a"), ok("p.b")], &[ok("p.a"), ok("p.c")], LIST);
        let failed = rows.iter().filter(|r| r.verdict.outcome == Outcome::Failed);
        assert_eq!(
            failed.map(|r| r.case.as_str()).collect::<Vec<_>>(),
            ["p.b", "p.c"]
        );
        let skip = Case {
            outcome: Outcome::Skipped("x".into()),
            ..ok("p.a")
        };
        assert_eq!(outcome(ok("p.a"), skip.clone()), Outcome::Failed);
        assert_eq!(outcome(skip.clone(), skip), Outcome::Skipped("x".into()));
    }

    #[test]
    fn a_program_that_dies_is_a_row_of_its_own() {
        let rows = rows(
            "p",
            &[ok("af_unix: p")],
            &[no("af_qsock: p", "exit=139")],
            LIST,
        );
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].verdict.outcome, Outcome::Failed);
        assert_eq!(rows[0].case, "p: the program itself");
    }

    #[test]
    fn the_list_names_cases_that_are_there() {
        assert_eq!(
            unused(&rows("p", &[ok("p.a")], &[ok("p.a")], LIST), LIST).count(),
            1
        );
        let both = rows("p", &[ok("p.listed")], &[no("p.listed", "(111)")], LIST);
        assert_eq!(unused(&both, LIST).count(), 0);
        assert!(table(&both).contains("p.listed  ok       not ok    differs: names\n"));
        assert_eq!(
            sum(&both),
            "0 of 1 cases pass for both families, 1 differ as listed"
        );
    }
}
