// SPDX-License-Identifier: GPL-2.0
//! Makes trees of what qtrace printed: function_graph's lines, and qprobe's events among them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{bail, Context, Result};

use super::dwarf::Places;
use super::source::{self, Place};
use super::stage;

/// A function that was passed, and what it called.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    pub name: String,
    pub file: String,
    pub line: u64,
    pub stage: &'static str,
    /// How long it took, tracing included; not known of an inlined one.
    pub micros: Option<f64>,
    pub inlined: bool,
    pub children: Vec<Node>,
}

impl Node {
    /// How many functions there are below.
    pub fn below(&self) -> usize {
        self.children.iter().map(|c| 1 + c.below()).sum()
    }

    /// The stages that it and what is below it belong to.
    pub fn stages(&self, into: &mut BTreeSet<&'static str>) {
        into.insert(self.stage);
        self.children.iter().for_each(|c| c.stages(into));
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
}

impl<'a> Output<'a> {
    pub fn parse(text: &'a str) -> Result<Output<'a>> {
        let mut output = Output {
            stacks: Vec::new(),
            graph: Vec::new(),
            sender: "",
            receiver: "",
            symbols: BTreeMap::new(),
            notes: Vec::new(),
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
                ["stacks" | "graph"] => part = words[0],
                ["end"] => ended = true,
                ["sender", tid] => output.sender = tid,
                ["receiver", tid] => output.receiver = tid,
                ["at", symbol, address] => {
                    let address = number(address).context("no address")?;
                    output.symbols.insert(address, symbol);
                }
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
            if outer.stage.is_empty() {
                outer.stage = "entry";
            }
            outer.children = vec![node];
            node = outer;
        }
        inherit(&mut node, "entry");
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
        stage: stage::of(&file).unwrap_or(""),
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

/// The four columns: time, task, duration, text.
fn columns(line: &str) -> Option<[&str; 4]> {
    let mut parts = line.splitn(4, '|').map(str::trim);
    Some([parts.next()?, parts.next()?, parts.next()?, parts.next()?])
}

/// The function that a line enters, with its module: (name, module, whether it also leaves it).
fn called(line: &str) -> Option<(&str, &str, bool)> {
    let [_, _, _, text] = columns(line)?;
    let leaf = text.ends_with(");");
    let (name, _) = text.split_once('(')?;
    if !(leaf || text.ends_with('{')) || name.starts_with('/') || name.starts_with('}') {
        return None;
    }
    let (name, module) = name.split_once(' ').unwrap_or((name, ""));
    Some((name, module.trim_matches(['[', ']']), leaf))
}

enum Kind {
    Root,
    Kernel,
    /// A function of the module, and when it began.
    Module(usize, f64),
    Inlined(usize),
}

struct Builder<'a, 'o> {
    output: &'o Output<'a>,
    places: &'o Places,
    sources: &'o BTreeMap<String, Place>,
    open: Vec<(Kind, Node)>,
    /// How deep in what watches, or interrupts.
    machinery: usize,
}

impl<'a, 'o> Builder<'a, 'o> {
    fn new(
        output: &'o Output<'a>,
        places: &'o Places,
        sources: &'o BTreeMap<String, Place>,
    ) -> Self {
        Builder {
            output,
            places,
            sources,
            open: vec![(Kind::Root, Node::default())],
            machinery: 0,
        }
    }

    fn finish(mut self) -> Vec<Node> {
        while self.open.len() > 1 {
            self.close();
        }
        self.open.remove(0).1.children
    }

    fn close(&mut self) {
        if let Some((_, node)) = self.open.pop() {
            if let Some((_, outer)) = self.open.last_mut() {
                outer.children.push(node);
            }
        }
    }

    fn line(&mut self, line: &str, task: &str) {
        let Some([time, who, duration, text]) = columns(line) else {
            return;
        };
        if who.rsplit('-').next() != Some(task) {
            return;
        }
        let time: f64 = time.parse().unwrap_or(0.0);
        let micros = duration
            .trim_end_matches(" us")
            .trim_start_matches(['!', '+', '#', '*', '@', '$', ' '])
            .parse()
            .ok();
        if let Some(event) = text.strip_prefix("/* ") {
            self.event(event.trim_end_matches(" */"), time);
        } else if text.starts_with('}') {
            self.leave(micros);
        } else if let Some((name, module, leaf)) = called(line) {
            self.enter(name, module, leaf, micros);
        }
    }

    fn enter(&mut self, name: &str, module: &str, leaf: bool, micros: Option<f64>) {
        let mut node = builder_node(name, self.sources);
        if module == "qsock" {
            node.file = "src/helpers".into();
            (node.stage, node.line) = ("", 0);
        }
        let machinery = module == "qprobe"
            || stage::is_machinery(&node.file)
            || stage::is_interrupt(&node.file);
        if self.machinery > 0 || machinery {
            self.machinery += usize::from(!leaf);
            return;
        }
        node.micros = micros;
        self.open.push((Kind::Kernel, node));
        if leaf {
            self.close();
        }
    }

    fn leave(&mut self, micros: Option<f64>) {
        if self.machinery > 0 {
            self.machinery -= 1;
            return;
        }
        let Some(at) = self.open.iter().rposition(|o| matches!(o.0, Kind::Kernel)) else {
            return;
        };
        while self.open.len() > at + 1 {
            self.close();
        }
        self.open[at].1.micros = micros;
        self.close();
    }

    fn event(&mut self, event: &str, time: f64) {
        let words: Vec<&str> = event.split(' ').collect();
        let [name, id, from] = words[..] else { return };
        let Ok(id) = id.parse::<usize>() else { return };
        if id >= self.places.list.len() {
            return;
        }
        match name {
            "qprobe_enter:" => {
                self.called_from(number(from).unwrap_or(0));
                let node = self.node(id);
                self.open.push((Kind::Module(id, time), node));
            }
            "qprobe_exit:" => self.exit(id, time),
            "qprobe_at:" => {
                let place = &self.places.list[id];
                let (symbol, chain) = (place.symbol.clone(), place.chain.clone());
                self.inside(&symbol, &chain);
            }
            _ => {}
        }
    }

    fn node(&self, id: usize) -> Node {
        let source = &self.places.list[id].source;
        Node {
            name: source.name.clone(),
            file: source.file.clone(),
            line: source.line,
            stage: stage::of(&source.file).unwrap_or(""),
            ..Node::default()
        }
    }

    /// The function that is open ends with `id`.
    fn exit(&mut self, id: usize, time: f64) {
        let Some(at) = self
            .open
            .iter()
            .rposition(|o| matches!(o.0, Kind::Module(open, _) if open == id))
        else {
            return;
        };
        while self.open.len() > at + 1 {
            self.close();
        }
        if let Kind::Module(_, began) = self.open[at].0 {
            self.open[at].1.micros = Some((time - began) * 1e6);
        }
        self.close();
    }

    /// A function of the module is called from an address: which inlined function that is in.
    fn called_from(&mut self, address: u64) {
        let Some((start, symbol)) = self.output.symbols.range(..address).next_back() else {
            return;
        };
        let chain = self.places.chain_at(symbol, address - start - 1).to_vec();
        self.inside(symbol, &chain);
    }

    /// What runs in the open function `symbol` is inside of `chain`.
    fn inside(&mut self, symbol: &str, chain: &[usize]) {
        let symbol_of = |id: usize| self.places.list[id].symbol.as_str();
        let Some(at) = self
            .open
            .iter()
            .rposition(|o| matches!(o.0, Kind::Module(id, _) if symbol_of(id) == symbol))
        else {
            return;
        };
        let mut same = 0;
        for (open, wanted) in self.open[at + 1..].iter().zip(chain) {
            match open.0 {
                Kind::Inlined(id) if id == *wanted => same += 1,
                _ => break,
            }
        }
        while self.open.len() > at + 1 + same {
            self.close();
        }
        for id in &chain[same..] {
            let node = Node {
                inlined: true,
                ..self.node(*id)
            };
            self.open.push((Kind::Inlined(*id), node));
        }
    }
}

#[cfg(test)]
mod tests;
