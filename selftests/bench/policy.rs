// SPDX-License-Identifier: GPL-2.0
//! What a decision of the policy costs: a message through a stream while rules are loaded.

use std::fs;
use std::io::{Error, Result};
use std::os::raw::c_int;

use crate::clock::warm_cost;
use crate::sys::SOCK_STREAM;
use crate::transport::{Listener, Pair};

const CONTROL: &str = "/sys/kernel/security/qsock/policy";

/// Bytes of the message.
const SIZE: usize = 64;

/// Rules that are loaded until this is dropped.
struct Loaded;

impl Loaded {
    fn new(text: &str) -> Result<Loaded> {
        // A policy is one write(2), and that of no bytes is none.
        fs::write(CONTROL, if text.is_empty() { "\n" } else { text })?;
        Ok(Loaded)
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        // A failure shows in the next figure, or in the guest's end.
        let _ = fs::write(CONTROL, "\n");
    }
}

/// The rules of a case, of which none refuses what is measured.
fn rules(case: &str, count: usize) -> Result<String> {
    let rule: fn(usize) -> String = match case {
        "policy-none" => return Ok(String::new()),
        "policy-user" | "policy-allow" => |n| format!("deny sendmsg uid={}\n", 100_000 + n),
        "policy-name" => |n| format!("deny sendmsg peer=/run/{n}/*\n"),
        "policy-program" => |n| format!("deny sendmsg exe=/opt/{n}/bin\n"),
        "policy-other" => |n| format!("deny connect uid={}\n", 100_000 + n),
        _ => return Err(Error::other(format!("no policy is called {case}"))),
    };
    let mut text: String = (1..=count).map(rule).collect();
    if case == "policy-allow" {
        text += "allow sendmsg uid=0\n";
    }
    Ok(text)
}

/// Two ends of a connection to a name that is a path.
fn connection(family: c_int) -> Result<Pair> {
    let mut name = (family as u16).to_ne_bytes().to_vec();
    name.extend(b"/tmp/qbench-policy\0");
    let listener = Listener::at(family, SOCK_STREAM, name, None)?;
    Ok(Pair::of_sockets(listener.connection()?))
}

/// One message under so many rules of the case.
pub fn decision(family: c_int, case: &str, count: usize) -> Result<f64> {
    let pair = connection(family)?;
    let mut bytes = vec![0x55; SIZE];
    let _loaded = Loaded::new(&rules(case, count)?)?;
    warm_cost(1000, || pair.turn(&mut bytes))
}
