// SPDX-License-Identifier: GPL-2.0
//! Redis: a data set is written and read back; redis-benchmark.

use crate::place::{bytes, ensure, hexadecimal, run, run_with, Place, Result, Server};
use crate::{Case, Rate};
use std::fmt::Write;
use std::path::PathBuf;

/// Keys of the data set.
const KEYS: usize = 300;

struct Redis {
    place: Place,
    socket: PathBuf,
    _server: Server,
}

pub fn start(place: Place) -> Result<Box<dyn Case>> {
    let socket = place.path("redis.sock");
    let mut server = place.command("redis-server");
    server.args(["--port", "0", "--save", "", "--appendonly", "no"]);
    server
        .args(["--unixsocketperm", "700", "--unixsocket"])
        .arg(&socket);
    let server = place.serve(server, &socket)?;
    Ok(Box::new(Redis {
        place,
        socket,
        _server: server,
    }))
}

impl Redis {
    fn ask(&self, commands: &str) -> Result<String> {
        let input = self.place.write("commands", commands)?;
        let mut client = self.place.command("redis-cli");
        client.arg("-s").arg(&self.socket);
        run_with(&mut client, &input)
    }
}

impl Case for Redis {
    fn check(&mut self) -> Result<()> {
        let data = bytes(KEYS * 40);
        let value = |key: usize| hexadecimal(&data[key * 40..][..40]).repeat(key % 50 + 1);
        let (mut sets, mut gets) = (String::new(), String::new());
        for key in 0..KEYS {
            let _ = writeln!(sets, "SET key:{key} {}", value(key));
            let _ = writeln!(gets, "GET key:{key}");
        }
        let said = self.ask(&sets)?;
        let done = said.lines().filter(|line| *line == "OK").count();
        ensure(done == KEYS, || format!("{done} of {KEYS} SETs are OK"))?;
        let said = self.ask(&gets)?;
        let right = said
            .lines()
            .enumerate()
            .filter(|(key, line)| *line == value(*key))
            .count();
        ensure(right == KEYS, || {
            format!("{right} of {KEYS} values came back")
        })
    }

    fn load(&mut self) -> Result<Vec<Rate>> {
        let requests = self.place.amount(5000).to_string();
        let mut benchmark = self.place.command("redis-benchmark");
        benchmark.arg("-s").arg(&self.socket);
        benchmark.args(["--csv", "-c", "8", "-t", "set,get", "-n", &requests]);
        let said = run(&mut benchmark)?;
        let rate = |what: &'static str| -> Result<Rate> {
            let line = said
                .lines()
                .find(|line| line.starts_with(&format!("\"{what}\",")));
            let number = line.and_then(|line| line.split('"').nth(3)?.parse().ok());
            let value = number.ok_or_else(|| format!("no rate of {what}: {said}"))?;
            Ok(Rate {
                what,
                unit: "requests/s",
                value,
            })
        };
        Ok(vec![rate("SET")?, rate("GET")?])
    }
}
