// SPDX-License-Identifier: GPL-2.0
//! stress-ng: its stressors of sockets, which check what they receive. Its `sock` asks for a protocol that AF_UNIX does
//! not have.

use crate::place::{run, Place, Result};
use crate::{Case, Rate};

/// A stressor, what is said of its domain, and how many of its operations make a load.
const STRESSORS: [(&str, &[&str], u32); 3] = [
    ("sockpair", &[], 5000),
    ("sockfd", &[], 5000),
    ("epoll", &["--epoll-domain", "unix"], 2000),
];

struct Stress {
    place: Place,
}

pub fn start(place: Place) -> Result<Box<dyn Case>> {
    Ok(Box::new(Stress { place }))
}

impl Stress {
    fn run(&self, name: &str, options: &[&str], operations: u32) -> Result<f64> {
        let mut stress = self.place.command("stress-ng");
        stress.args([
            "--temp-path",
            "/tmp",
            "--verify",
            "--metrics-brief",
            "--stdout",
        ]);
        stress.args([format!("--{name}"), "1".into()]).args(options);
        stress.args([format!("--{name}-ops"), operations.to_string()]);
        rate(&run(&mut stress)?, name)
    }
}

/// The operations a second of processor time, from the table that it prints: their processes sleep until the other one
/// has begun.
fn rate(said: &str, name: &str) -> Result<f64> {
    let mut lines = said
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let found = lines.find_map(|words| {
        let at = words.iter().position(|word| *word == name)?;
        // Its operations, then times: real, user, system; then operations by real time, and by the other two.
        words.get(at + 1)?.parse::<u64>().ok()?;
        words.get(at + 6)?.parse().ok()
    });
    found.ok_or_else(|| format!("no rate of {name} in {said}"))
}

impl Case for Stress {
    fn check(&mut self) -> Result<()> {
        for (name, options, _) in STRESSORS {
            self.run(name, options, 10)?;
        }
        Ok(())
    }

    fn load(&mut self) -> Result<Vec<Rate>> {
        let rates = STRESSORS.iter().map(|(name, options, much)| {
            Ok(Rate {
                what: name,
                unit: "operations/s",
                value: self.run(name, options, self.place.amount(*much))?,
            })
        });
        rates.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read() {
        let said = "stress-ng: metrc: [1] stressor bogo ops real time usr time\n\
                    stress-ng: metrc: [1] sock  100  1.50  0.10  0.90  66.67  100.00\n";
        assert_eq!(rate(said, "sock"), Ok(100.0));
        assert!(rate(said, "sockpair").is_err());
    }
}
