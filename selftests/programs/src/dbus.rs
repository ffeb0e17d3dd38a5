// SPDX-License-Identifier: GPL-2.0
//! dbus-daemon, and a service and a client that pass a descriptor through it and ask it who the other is.
//!
//! Its mediation by AppArmor is off in both families: that needs the label of the peer's socket (SO_PEERSEC), which
//! security modules keep for AF_UNIX alone.

use crate::place::{number_after, run, Place, Result, Server};
use crate::python::script;
use crate::{Case, Rate};
use std::path::PathBuf;

struct Dbus {
    place: Place,
    socket: PathBuf,
    _server: Server,
}

pub fn start(place: Place) -> Result<Box<dyn Case>> {
    let socket = place.path("bus");
    let configuration = format!(
        "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\"\n\
         \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n\
         <busconfig><type>session</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>\n\
         <apparmor mode=\"disabled\"/>\n\
         <policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>\n\
         <allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>\n",
        socket.display()
    );
    let file = place.write("bus.conf", configuration)?;
    let mut server = place.command("dbus-daemon");
    server
        .args(["--nofork", "--nopidfile", "--config-file"])
        .arg(file);
    let server = place.serve(server, &socket)?;
    Ok(Box::new(Dbus {
        place,
        socket,
        _server: server,
    }))
}

impl Dbus {
    fn client(&self, what: &str, count: u32) -> Result<String> {
        let mut python = script(&self.place, "dbus_client.py");
        python.arg(&self.socket).arg(what).arg(count.to_string());
        run(&mut python)
    }
}

impl Case for Dbus {
    fn check(&mut self) -> Result<()> {
        // The C library's own client first.
        let mut send = self.place.command("dbus-send");
        send.arg(format!("--bus=unix:path={}", self.socket.display()));
        send.args([
            "--print-reply",
            "--dest=org.freedesktop.DBus",
            "/org/freedesktop/DBus",
        ]);
        run(send.arg("org.freedesktop.DBus.ListNames"))?;
        self.client("check", 1).map(|_| ())
    }

    fn load(&mut self) -> Result<Vec<Rate>> {
        let said = self.client("load", self.place.amount(60))?;
        Ok(vec![Rate {
            what: "method call",
            unit: "calls/s",
            value: number_after(&said, "rate")?,
        }])
    }
}
