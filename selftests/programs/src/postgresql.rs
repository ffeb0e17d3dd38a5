// SPDX-License-Identifier: GPL-2.0
//! PostgreSQL, whose peer authentication asks the socket who is there: pgbench, and the sums that its transactions must
//! leave alike.

use crate::place::{ensure, number_after, run, Place, Result, Server};
use crate::{Case, Rate};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

const PROGRAMS: &str = "/usr/lib/postgresql/17/bin";
/// Its user and group in the guest.
const USER: u32 = 100;

const SETTINGS: &str = "\
listen_addresses=''
fsync=off
full_page_writes=off
shared_buffers=16MB
max_connections=20
jit=off
autovacuum=off
max_wal_senders=0
wal_level=minimal
";

struct Postgresql {
    place: Place,
    _server: Server,
}

/// A program of PostgreSQL's user.
fn own(command: &mut Command) -> &mut Command {
    command.uid(USER).gid(USER)
}

fn program(name: &str) -> String {
    format!("{PROGRAMS}/{name}")
}

pub fn start(place: Place) -> Result<Box<dyn Case>> {
    let chown = |path: &Path| std::os::unix::fs::chown(path, Some(USER), Some(USER));
    let data = place.path("data");
    let folder = place.path("");
    chown(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    own_cluster(&data)?;
    let mut server = place.command(&program("postgres"));
    server.arg("-D").arg(&data).arg("-k").arg(&folder);
    own(&mut server);
    let server = place.serve(server, &place.path(".s.PGSQL.5432"))?;
    let case = Postgresql {
        place,
        _server: server,
    };
    case.wait()?;
    run(case
        .client("pgbench")
        .args(["--initialize", "--no-vacuum", "--quiet", "postgres"]))?;
    Ok(Box::new(case))
}

/// Makes a cluster, or copies that of the family before.
fn own_cluster(data: &Path) -> Result<()> {
    const TEMPLATE: &str = "/tmp/postgresql-cluster";
    if !Path::new(TEMPLATE).exists() {
        let mut initdb = Command::new(program("initdb"));
        initdb.args(["--no-sync", "--auth=peer", "--no-locale", "--encoding=UTF8"]);
        // Half of one is none.
        let new = Path::new(TEMPLATE).with_extension("new");
        run(own(initdb.args(["--no-instructions", "-D"]).arg(&new)))?;
        let set = fs::write(new.join("postgresql.conf"), SETTINGS)
            .and_then(|()| fs::rename(&new, TEMPLATE));
        set.map_err(|error| format!("{}: {error}", new.display()))?;
    }
    run(own(Command::new("cp").args(["-a", TEMPLATE]).arg(data))).map(|_| ())
}

impl Postgresql {
    fn client(&self, name: &str) -> Command {
        let mut client = self.place.command(&program(name));
        client.arg("-h").arg(self.place.path(""));
        own(&mut client);
        client
    }

    /// It binds its socket before it takes anybody in.
    fn wait(&self) -> Result<()> {
        let mut last = Ok(String::new());
        for _ in 0..60 {
            last = run(self.client("psql").args(["-c", "select 1", "postgres"]));
            if last.is_ok() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
        last.map(|_| ())
    }

    /// Transactions on four connections.
    fn bench(&self, more: &[&str], each: u32) -> Result<String> {
        let each = self.place.amount(each).to_string();
        let mut bench = self.client("pgbench");
        bench
            .args(["--no-vacuum", "-c", "4", "-t", &each])
            .args(more);
        run(bench.arg("postgres"))
    }
}

impl Case for Postgresql {
    fn check(&mut self) -> Result<()> {
        self.bench(&[], 25)?;
        let sums = "select (select sum(abalance) from pgbench_accounts), \
                    (select sum(bbalance) from pgbench_branches), \
                    (select sum(tbalance) from pgbench_tellers), \
                    (select sum(delta) from pgbench_history), \
                    (select count(*) from pgbench_history)";
        let said = run(self
            .client("psql")
            .args(["-A", "-t", "-F", " ", "-c", sums, "postgres"]))?;
        let sums: Vec<&str> = said.split_whitespace().collect();
        let count = (4 * self.place.amount(25)).to_string();
        let alike = sums.len() == 5 && sums[..4].iter().all(|sum| *sum == sums[0]);
        ensure(alike && sums[4] == count, || {
            format!("the sums of {count} transactions are {said}")
        })
    }

    fn load(&mut self) -> Result<Vec<Rate>> {
        let said = self.bench(&["--select-only", "--protocol=prepared"], 100)?;
        Ok(vec![Rate {
            what: "select",
            unit: "transactions/s",
            value: number_after(&said, "tps =")?,
        }])
    }
}
