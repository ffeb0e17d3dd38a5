// SPDX-License-Identifier: GPL-2.0
//! Python's asyncio, multiprocessing and socketserver, each a script that checks what comes through and takes its own
//! time.

use crate::place::{number_after, run, Place, Result};
use crate::{Case, Rate};
use std::process::Command;

/// The scripts, with what their rate is of.
const SCRIPTS: [(&str, &str, &str, u32); 3] = [
    ("asyncio_streams.py", "asyncio", "MB/s", 3),
    (
        "multiprocessing_pipes.py",
        "multiprocessing",
        "messages/s",
        100,
    ),
    ("socketserver_both.py", "socketserver", "requests/s", 60),
];

struct Python {
    place: Place,
}

/// A script of the suite's. What the library's modules compile to is kept: the user land has only their source.
pub fn script(place: &Place, name: &str) -> Command {
    let mut python = place.command("python3");
    python.args(["-I", "-X", "pycache_prefix=/tmp/pycache"]);
    python.arg(format!("/opt/{name}"));
    python
}

pub fn start(place: Place) -> Result<Box<dyn Case>> {
    Ok(Box::new(Python { place }))
}

impl Python {
    fn run(&self, name: &str, count: u32) -> Result<f64> {
        let mut python = script(&self.place, name);
        python.arg(self.place.path("")).arg(count.to_string());
        number_after(&run(&mut python)?, "rate")
    }
}

impl Case for Python {
    /// They check whenever they run.
    fn check(&mut self) -> Result<()> {
        Ok(())
    }

    fn load(&mut self) -> Result<Vec<Rate>> {
        let rates = SCRIPTS.iter().map(|(name, what, unit, much)| {
            Ok(Rate {
                what,
                unit,
                value: self.run(name, self.place.amount(*much))?,
            })
        });
        rates.collect()
    }
}
