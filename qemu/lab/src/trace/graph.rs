// SPDX-License-Identifier: GPL-2.0
//! Makes trees of what qtrace printed: function_graph's lines, and qprobe's events among them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{bail, Context, Result};

use super::places::Places;
use super::source::{self, Place};
use super::stage;
use builder::{called, Builder};

mod builder;

/// A function that was passed, and what it called.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    pub name: String,
    pub file: String,
    pub line: u64,
    pub stage: &'static str,
    /// How long it ran, tracing included and sleep not; not known of an inlined one.
    pub micros: Option<f64>,
    pub inlined: bool,
    pub children: Vec<Node>,
}

impl Node {
    /// How many functions there are below.
    pub fn below(&self) -> usize {
        self.children.iter().map(|c| 1 + c.below()).sum()
    }

    /// Itself and all below it.
    pub fn all(&self) -> Vec<&Node> {
        let below = self.children.iter().flat_map(Node::all);
        std::iter::once(self).chain(below).collect()
    }
}

/// qtrace's output, in its parts.
pub struct Output<'a> {
    stacks: Vec<&'a str>,
    graph: Vec<&'a str>,
    /// The tasks of the last message.
    sender: &'a str,
    receiver: &'a str,
    /// Where the module's functions are.
    symbols: BTreeMap<u64, &'a str>,
    /// What it says of its own work.
    pub notes: Vec<&'a str>,
    /// The instructions at the branches of the functions that were passed, in hexadecimal, by the numbers of their places.
    pub branches: Vec<(usize, &'a str)>,
}

impl<'a> Output<'a> {
    /// Reads what concerns the message `name`.
    pub fn parse(text: &'a str, name: &str) -> Result<Output<'a>> {
        let mut output = Output {
            stacks: Vec::new(),
            graph: Vec::new(),
            sender: "",
            receiver: "",
            symbols: BTreeMap::new(),
            notes: Vec::new(),
            branches: Vec::new(),
        };
        let (mut part, mut ended) = ("", false);
        for line in text.lines() {
            let Some(mark) = line.strip_prefix("== ") else {
                match part {
                    "stacks" => output.stacks.push(line),
                    "graph" => output.graph.push(line),
                    _ => {}
                }
                continue;
            };
            let words: Vec<&str> = mark.split(' ').collect();
            match words[..] {
                ["stacks" | "graph", of] => part = if of == name { words[0] } else { "" },
                ["end"] => ended = true,
                ["sender", tid] if part == "graph" => output.sender = tid,
                ["receiver", tid] if part == "graph" => output.receiver = tid,
                ["sender" | "receiver", _] => {} // Another message's.
                ["at", symbol, address] => {
                    let address = number(address).context("no address")?;
                    output.symbols.insert(address, symbol);
                }
                ["branch", id, text] => output.branches.push((id.parse()?, text)),
                _ => output.notes.push(mark),
            }
        }
        if !ended {
            bail!("the trace is not whole:\n{}", tail(text));
        }
        Ok(output)
    }

    /// The names of all functions of the kernel in it, as its source has them.
    pub fn names(&self) -> BTreeSet<String> {
        let called = self.graph.iter().filter_map(|line| Some(called(line)?.0));
        let stacked = self.stacks.iter().filter_map(|l| l.strip_prefix(" => "));
        called.chain(stacked).map(source::name).collect()
    }

    /// The way of the call `name`, from the entry down; the sender's or the receiver's.
    pub fn tree(
        &self,
        name: &str,
        places: &Places,
        sources: &BTreeMap<String, Place>,
    ) -> Result<Node> {
        let tasks = [self.sender, self.receiver];
        let task = tasks[usize::from(name != "sendto")];
        let mut builder = Builder::new(self, places, sources);
        for line in &self.graph {
            builder.line(line, task);
        }
        let roots = builder.finish();
        let is_call = |node: &Node| source::name(&node.name) == format!("sys_{name}");
        let mut call = None;
        roots
            .into_iter()
            .for_each(|root| find(root, &is_call, &mut call));
        let mut node = call.with_context(|| format!("the trace has no call of {name}"))?;
        // What is below it on the stack, which the graph does not have: the entry cannot be traced.
        for symbol in self.entry(name) {
            let mut outer = builder_node(symbol, sources);
            outer.children = vec![node];
            node = outer;
        }
        inherit(&mut node, "");
        Ok(node)
    }

    /// The functions below the call on its stack, the nearest first.
    fn entry(&self, name: &str) -> Vec<&'a str> {
        let event = format!(" call_{name}: ");
        let stacks = self.stacks.iter();
        let mut lines = stacks.skip_while(|line| !line.contains(&event)).skip(1);
        let stack = lines
            .by_ref()
            .skip_while(|line| !line.starts_with(" => "))
            .map_while(|line| line.strip_prefix(" => "));
        // The first is the call itself.
        stack.skip(1).map(|s| s.trim()).collect()
    }
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}

fn number(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

fn builder_node(symbol: &str, sources: &BTreeMap<String, Place>) -> Node {
    let place = sources.get(&source::name(symbol)).cloned();
    let (file, line) = place.unwrap_or_default();
    Node {
        name: symbol.to_string(),
        stage: stage::of(&file, symbol).unwrap_or(""),
        line: line as u64,
        file,
        ..Node::default()
    }
}

/// A function that belongs to no stage by its file belongs to its caller's.
fn inherit(node: &mut Node, from: &'static str) {
    if node.stage.is_empty() {
        node.stage = from;
    }
    for child in &mut node.children {
        inherit(child, node.stage);
    }
}

/// Takes the last node that `fits`, wherever it is.
fn find(node: Node, fits: &impl Fn(&Node) -> bool, found: &mut Option<Node>) {
    if fits(&node) {
        *found = Some(node);
        return;
    }
    for child in node.children {
        find(child, fits, found);
    }
}

#[cfg(test)]
mod tests;
