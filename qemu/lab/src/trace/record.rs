// SPDX-License-Identifier: GPL-2.0
//! Boots a guest that traces messages, and reads what it says.

use std::fs;

use anyhow::{bail, ensure, Result};

use super::dwarf;
use super::graph::Output;
use super::way::{Branch, Way};
use super::{source, stage, Type};
use crate::artifacts::{self, Arch, Config};
use crate::guest::{self, Job};

/// What to trace.
pub struct Wish<'a> {
    pub arch: Arch,
    pub kinds: &'a [Type],
    /// Bytes of each message.
    pub size: u32,
    /// AF_UNIX too.
    pub unix: bool,
    /// Whether the module's own hook is loaded, so that the policy has somebody to ask.
    pub hook: bool,
}

/// The families' names and numbers in the guest.
const QSOCK: (&str, &str) = ("AF_QSOCK", "$(cat /sys/module/qsock/parameters/family)");
const UNIX: (&str, &str) = ("AF_UNIX", "1");

/// The kernel's name, and the ways of the messages in one boot.
pub fn ways(wish: &Wish) -> Result<(String, Vec<Way>)> {
    let top = artifacts::top()?;
    let overlay = top.join("build").join(wish.arch.name()).join("trace");
    fs::create_dir_all(overlay.join("bin"))?;
    let program = guest::program(wish.arch, "qemu/guest/qtrace.rs")?;
    fs::copy(&program, overlay.join("bin/qtrace"))?;
    artifacts::module(wish.arch, Config::Stock)?;
    let module = artifacts::build_dir(wish.arch, Config::Stock)?.join("module/src/qsock.ko");
    let mut places = dwarf::read(&module, &top)?;
    ensure!(
        !places.list.is_empty(),
        "the module has no debug information"
    );
    let ksrc = artifacts::ksrc(Config::Stock)?;
    for file in stage::UNSEEN {
        places.add(source::all(&ksrc, file)?);
    }
    fs::write(overlay.join("probes"), places.table())?;

    let messages = messages(wish);
    let words = messages.iter().map(|m| format!(" {}", m.word()));
    // The module's own hook is asked about what is sent; a rule, about what is received.
    let rule = if wish.hook {
        "echo allow recvmsg | qsockctl policy load - || exit\n"
    } else {
        ""
    };
    let script = format!(
        "mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null\n\
         {rule}uname -r && insmod /lib/modules/qprobe.ko && qtrace {} /probes{} && rmmod qprobe",
        wish.size,
        words.collect::<String>()
    );
    let mut job = Job::new(wish.arch, Config::Stock, &["sh", "-c", &script]);
    job.overlays = vec![overlay];
    job.module = Some(if wish.hook { "selftest_hook=1" } else { "" }.into());
    let mut output = Vec::new();
    let record = guest::boot(&job, &mut output)?;
    let output = String::from_utf8_lossy(&output);
    let dir = top.join("build/trace");
    fs::create_dir_all(&dir)?;
    let text = dir.join(format!("{}.txt", wish.arch.name()));
    fs::write(&text, output.as_bytes())?;
    if guest::verdict(&record) != 0 {
        let from = output.len().saturating_sub(2000);
        print!(
            "{}{}",
            output.get(from..).unwrap_or(""),
            guest::explain(&record)
        );
        bail!("the trace failed: {}", text.display());
    }
    let kernel = output.lines().next().unwrap_or("").to_string();
    let mut ways = Vec::new();
    for message in messages {
        let read = Output::parse(&output, &message.name())?;
        let mut sources = source::find(&ksrc, wish.arch, &read.names())?;
        sources.extend(source::helpers(&top)?);
        let send = read.tree("sendto", &places, &sources)?;
        let recv = read.tree("recvfrom", &places, &sources)?;
        let branches = read.branches.iter();
        ways.push(Way {
            family: message.family,
            kind: message.kind,
            calls: [("send", send), ("recv", recv)],
            branches: branches
                .filter_map(|(id, text)| Branch::new(&places, *id, text))
                .collect(),
            notes: read.notes.iter().map(|note| note.to_string()).collect(),
        });
    }
    Ok((kernel, ways))
}

/// A message of the guest.
struct Message {
    family: &'static str,
    number: &'static str,
    kind: Type,
}

impl Message {
    fn name(&self) -> String {
        format!("{}-{}", self.family, self.kind.name())
    }

    /// As qtrace wants to be told of it.
    fn word(&self) -> String {
        format!("{}={}:{}", self.name(), self.number, self.kind.number())
    }
}

fn messages(wish: &Wish) -> Vec<Message> {
    let families = [QSOCK, UNIX].into_iter().take(1 + usize::from(wish.unix));
    let of = |kind: Type| {
        families.clone().map(move |(family, number)| Message {
            family,
            number,
            kind,
        })
    };
    wish.kinds.iter().copied().flat_map(of).collect()
}
