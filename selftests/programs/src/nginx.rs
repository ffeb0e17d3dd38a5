// SPDX-License-Identifier: GPL-2.0
//! nginx, with a worker that is another user, and curl: files of one checksum on both sides.

use crate::place::{bytes, ensure, run, Place, Result, Server};
use crate::{Case, Rate};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;

const LARGE: usize = 4 << 20;
/// Somebody whom only the mode that nginx gives its socket lets in.
const NOBODY: u32 = 65534;

struct Nginx {
    place: Place,
    socket: PathBuf,
    large: Vec<u8>,
    _server: Server,
}

pub fn start(place: Place) -> Result<Box<dyn Case>> {
    let socket = place.path("nginx.sock");
    let large = bytes(LARGE);
    place.write("large", &large)?;
    place.write("small", "a small file\n")?;
    let configuration = format!(
        "daemon off; master_process on; worker_processes 1; user www-data; pid {folder}/pid;\n\
         error_log stderr; events {{ worker_connections 64; }}\n\
         http {{ access_log off; sendfile on; keepalive_requests 100000;\n\
         client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;\n\
         fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;\n\
         scgi_temp_path {folder}/scgi;\n\
         server {{ listen unix:{socket}; root {folder};\n\
         location /copied/ {{ alias {folder}/; sendfile off; }} }} }}\n",
        folder = place.path("").display(),
        socket = socket.display()
    );
    let file = place.write("nginx.conf", configuration)?;
    let mut server = place.command("nginx");
    server.arg("-e").arg("stderr").arg("-c").arg(file);
    let server = place.serve(server, &socket)?;
    Ok(Box::new(Nginx {
        place,
        socket,
        large,
        _server: server,
    }))
}

impl Nginx {
    /// Gets `what` into a file; returns the times that all took, in seconds.
    fn get(&self, what: &str, into: &str) -> Result<f64> {
        let mut curl = self.place.command("curl");
        curl.args(["--silent", "--show-error", "--fail", "--unix-socket"])
            .arg(&self.socket);
        curl.args(["--write-out", "%{stderr}%{time_total}\n", "--output"])
            .arg(into);
        curl.arg(format!("http://localhost/{what}"));
        let said = run(curl.args(["--stderr", "-"]).uid(NOBODY).gid(NOBODY))?;
        let times: Vec<f64> = said.lines().filter_map(|line| line.parse().ok()).collect();
        ensure(!times.is_empty(), || format!("curl says no time: {said}"))?;
        Ok(times.iter().sum())
    }
}

impl Case for Nginx {
    fn check(&mut self) -> Result<()> {
        let into = format!("/tmp/curl-{}", self.place.family);
        self.get("large", &into)?;
        let got = fs::read(&into).map_err(|error| format!("{into}: {error}"))?;
        ensure(got == self.large, || {
            format!("{} bytes came, others than were sent", got.len())
        })
    }

    fn load(&mut self) -> Result<Vec<Rate>> {
        let (small, large) = (self.place.amount(150), self.place.amount(4));
        let requests = self.get(&format!("small?[1-{small}]"), "/dev/null")?;
        let size = f64::from(large) * LARGE as f64 / 1e6;
        let download = |place: &str| {
            let time = self.get(&format!("{place}large?[1-{large}]"), "/dev/null")?;
            Ok::<f64, String>(size / time)
        };
        Ok(vec![
            Rate {
                what: "small file",
                unit: "requests/s",
                value: f64::from(small) / requests,
            },
            Rate {
                what: "large file",
                unit: "MB/s",
                value: download("copied/")?,
            },
            Rate {
                what: "large file by sendfile",
                unit: "MB/s",
                value: download("")?,
            },
        ])
    }
}
