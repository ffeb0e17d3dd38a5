// SPDX-License-Identifier: GPL-2.0
//! hackbench: groups of processes that all send to all others.

use crate::place::{number_after, run, Place, Result};
use crate::{Case, Rate};

/// Senders and receivers of a group, and their messages' bytes.
const PROCESSES: u32 = 10;
const SIZE: &str = "512";

struct Hackbench {
    place: Place,
}

pub fn start(place: Place) -> Result<Box<dyn Case>> {
    Ok(Box::new(Hackbench { place }))
}

impl Hackbench {
    /// Each sender sends so many messages to each receiver.
    fn run(&self, loops: u32) -> Result<f64> {
        let mut hackbench = self.place.command("hackbench");
        hackbench.args([
            "--groups",
            "1",
            "--fds",
            &PROCESSES.to_string(),
            "--datasize",
            SIZE,
        ]);
        hackbench.args(["--loops", &loops.to_string()]);
        let seconds = number_after(&run(&mut hackbench)?, "Time:")?;
        Ok(f64::from(loops * PROCESSES * PROCESSES) / seconds)
    }
}

impl Case for Hackbench {
    /// It ends well only if each receiver got as many bytes as were sent to it.
    fn check(&mut self) -> Result<()> {
        self.run(self.place.amount(20)).map(|_| ())
    }

    fn load(&mut self) -> Result<Vec<Rate>> {
        Ok(vec![Rate {
            what: "messages",
            unit: "messages/s",
            value: self.run(self.place.amount(200))?,
        }])
    }
}
