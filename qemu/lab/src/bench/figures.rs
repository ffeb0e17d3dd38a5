// SPDX-License-Identifier: GPL-2.0
//! What qbench in a guest has measured.

use anyhow::{bail, ensure, Context, Result};

/// Instructions of qbench's loop of known length.
const KNOWN: f64 = 2_000_000.0;

/// What figures are, and how they were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instrument {
    /// Instructions, counted.
    Icount,
    /// Nanoseconds of processors that run at the same time.
    Wall,
    /// Nanoseconds of the real processor, without system calls.
    Native,
}

impl Instrument {
    pub fn name(self) -> &'static str {
        match self {
            Instrument::Icount => "icount",
            Instrument::Wall => "wall",
            Instrument::Native => "native",
        }
    }
}

/// The rounds of one transport in a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// `name/size`
    pub id: String,
    pub transport: String,
    /// Instructions, nanoseconds or bytes per operation.
    pub rounds: Vec<f64>,
}

/// One run of qbench.
#[derive(Clone, Debug)]
pub struct Figures {
    pub instrument: Instrument,
    pub kernel: String,
    /// An empty system call.
    pub null: f64,
    pub rows: Vec<Row>,
}

impl Figures {
    /// Reads qbench's lines after one with the kernel's release, and turns ticks into what the instrument measures.
    pub fn parse(output: &str, instrument: Instrument) -> Result<Figures> {
        let mut lines = output.lines();
        let kernel = lines.next().context("the bench said nothing")?.to_string();
        let (mut scale, mut null, mut rows) = (None, None, Vec::new());
        for line in lines {
            let told = || format!("the bench said: {line}");
            let words: Vec<&str> = line.split_whitespace().collect();
            let [case, size, transport, ref rounds @ ..] = words[..] else {
                bail!(told());
            };
            let rounds: Vec<f64> = rounds
                .iter()
                .map(|word| word.parse())
                .collect::<Result<_, _>>()
                .with_context(told)?;
            let first = *rounds.first().with_context(told)?;
            let size: u64 = size.parse().with_context(told)?;
            match (case, instrument) {
                ("loop", Instrument::Icount) => scale = Some(KNOWN / first),
                ("second", Instrument::Wall) => scale = Some(1e9 / first),
                ("loop" | "second", _) => {}
                _ => {
                    let scale = scale.context("the bench did not check its counter")?;
                    let scale = if case.starts_with("memory-") {
                        1.0
                    } else {
                        scale
                    };
                    let rounds: Vec<f64> = rounds.iter().map(|ticks| ticks * scale).collect();
                    match case {
                        "null" => null = Some(rounds[0]),
                        _ => rows.push(Row {
                            id: format!("{case}/{size}"),
                            transport: transport.to_string(),
                            rounds,
                        }),
                    }
                }
            }
        }
        let null = null.with_context(|| format!("the bench did not finish:\n{output}"))?;
        ensure!(!rows.is_empty(), "the bench did not finish:\n{output}");
        Ok(Figures {
            instrument,
            kernel,
            null,
            rows,
        })
    }

    fn row(&self, id: &str, transport: &str) -> Option<&Row> {
        self.rows
            .iter()
            .find(|row| row.id == id && row.transport == transport)
    }

    /// The figure of a transport in a case. Instructions: the least of the rounds, since whatever else the kernel does
    /// only adds to it; time: the median.
    pub fn of(&self, id: &str, transport: &str) -> Option<f64> {
        let rounds = &self.row(id, transport)?.rounds;
        match self.instrument {
            Instrument::Icount => rounds.iter().copied().reduce(f64::min),
            Instrument::Wall | Instrument::Native => Some(median(rounds)),
        }
    }

    /// How a transport compares with another: of time, the median of the ratios of rounds that
    /// belong together.
    pub fn ratio(&self, id: &str, transport: &str, to: &str) -> Option<f64> {
        match self.instrument {
            Instrument::Icount => Some(self.of(id, transport)? / self.of(id, to)?),
            Instrument::Wall | Instrument::Native => Some(median(&self.ratios(id, transport, to)?)),
        }
    }

    /// The quartiles of those ratios.
    pub fn spread(&self, id: &str, transport: &str, to: &str) -> Option<(f64, f64)> {
        let mut ratios = self.ratios(id, transport, to)?;
        ratios.sort_by(f64::total_cmp);
        let at = |part: f64| ratios[((ratios.len() - 1) as f64 * part).round() as usize];
        Some((at(0.25), at(0.75)))
    }

    fn ratios(&self, id: &str, transport: &str, to: &str) -> Option<Vec<f64>> {
        let (a, b) = (self.row(id, transport)?, self.row(id, to)?);
        Some(a.rounds.iter().zip(&b.rounds).map(|(a, b)| a / b).collect())
    }
}

/// The middle one, or the mean of the two in the middle.
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => (values[n / 2 - 1] + values[n / 2]) / 2.0,
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    const HEAD: &str =
        "7.2.12\nloop 0 counter 1000000\nsecond 0 counter 500000000\nnull 0 system-call 50\n";

    pub fn figures(lines: &str, instrument: Instrument) -> Figures {
        Figures::parse(&format!("{HEAD}{lines}"), instrument).unwrap()
    }

    #[test]
    fn ticks_become_instructions_and_nanoseconds() {
        let lines = "stream 64 unix 12 10 11\nmemory-idle 0 unix 7\n";
        let counted = figures(lines, Instrument::Icount);
        assert_eq!(counted.null, 100.0);
        assert_eq!(counted.of("stream/64", "unix"), Some(20.0));
        assert_eq!(counted.of("memory-idle/0", "unix"), Some(7.0));
        let timed = figures(lines, Instrument::Wall);
        assert_eq!(timed.of("stream/64", "unix"), Some(22.0));
        assert_eq!(timed.of("stream/64", "pipe"), None);
    }

    #[test]
    fn time_is_compared_round_by_round() {
        let lines = "stream 64 qsock 10 20 60\nstream 64 unix 20 40 60\n";
        let timed = figures(lines, Instrument::Wall);
        assert_eq!(timed.ratio("stream/64", "qsock", "unix"), Some(0.5));
        assert_eq!(timed.spread("stream/64", "qsock", "unix"), Some((0.5, 1.0)));
        let counted = figures(lines, Instrument::Icount);
        assert_eq!(counted.ratio("stream/64", "qsock", "unix"), Some(0.5));
    }

    #[test]
    fn a_bench_that_did_not_finish_is_no_table() {
        let parse = |text: &str| Figures::parse(text, Instrument::Icount);
        assert!(parse(HEAD).is_err());
        assert!(parse("7.2.12\nqbench: no such family\n").is_err());
        assert!(parse("7.2.12\nloop 0 counter 9\nstream 64 unix 10\n").is_err());
        assert!(parse("7.2.12\nstream 64 unix 10\n").is_err());
        assert!(parse("").is_err());
    }

    #[test]
    fn the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }
}
