// SPDX-License-Identifier: GPL-2.0
//! What hooks and rules cost, as README.md shows it.

use super::cases::CASES;
use super::figures::Figures;
use super::table;

/// The kinds of rules, each a line of the table, and what README.md calls them.
const KINDS: [(&str, &str); 4] = [
    ("policy-user", "each for another user"),
    ("policy-name", "each for another name, with `*`"),
    (
        "policy-program",
        "each for another program, whose path must be found",
    ),
    ("policy-allow", "each for another user, and one that allows"),
];

/// How many rules there are of each.
const COUNTS: [u64; 4] = [1, 10, 100, 10_000];

/// The part of README.md, under the heading that says what was measured with. None if it is not all there.
pub fn part(figures: &Figures, heading: &str) -> Option<String> {
    let hooked = |id: &str| figures.ratio(id, "hooks", "qsock");
    let of = |case: &str, rules: u64| figures.of(&format!("{case}/{rules}"), "qsock");
    let none = of("policy-none", 0)?;
    let head = ["`sendmsg` rules, of which at most one can match", "none"].map(String::from);
    let mut lines = vec![[&head[..], &COUNTS.map(grouped)].concat()];
    for (case, told) in KINDS {
        let mut line = vec![told.to_string(), format!("{none:.0}")];
        for count in COUNTS {
            line.push(format!("{:.0}", of(case, count)?));
        }
        lines.push(line);
    }
    let other = CASES.iter().find(|case| case.name == "policy-other")?.size;
    Some(format!(
        "\nA hook that allows every message costs {:.3} times what none does, for 64 bytes sent and received through a \
         stream,\n{:.3} for packets and {:.3} for datagrams. Of rules, for 64 bytes through a connected stream;\n\
         {heading}:\n\n{}\nWith {} rules for another operation only, it is {:.0}.\n",
        hooked("stream/64")?,
        hooked("seqpacket/64")?,
        hooked("dgram/64")?,
        table::columns(&lines),
        grouped(other),
        of("policy-other", other)?,
    ))
}

/// A number as people write it.
fn grouped(number: u64) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", number / 1000, number % 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::super::figures::tests::figures;
    use super::super::figures::Instrument;
    use super::*;

    const HOOKS: &str = "stream 64 qsock 100\nstream 64 hooks 104\nseqpacket 64 qsock 100\n\
                         seqpacket 64 hooks 105\ndgram 64 qsock 100\ndgram 64 hooks 106\n";

    #[test]
    fn all_that_is_measured_is_shown() {
        let mut lines = String::from(HOOKS);
        for case in CASES.iter().filter(|case| case.policy()) {
            lines += &format!("{} {} qsock {}\n", case.name, case.size, 50 + case.size);
        }
        let text = part(&figures(&lines, Instrument::Icount), "HEAD").unwrap();
        assert!(text.contains("costs 1.040 times") && text.contains("1.050 for packets and 1.060"));
        assert!(text.contains("stream;\nHEAD:"));
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
        assert_eq!(rows.len(), 2 + KINDS.len());
        assert!(rows[0].contains("10,000"));
        assert!(rows[2].contains(" 100 ") && rows[2].contains(" 20100 "));
        assert!(text.ends_with("With 10,000 rules for another operation only, it is 20100.\n"));
    }

    #[test]
    fn a_part_of_it_is_not() {
        assert!(part(&figures(HOOKS, Instrument::Icount), "").is_none());
    }
}
