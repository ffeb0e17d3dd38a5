// SPDX-License-Identifier: GPL-2.0
//! Reads function_graph's lines in their order, keeping what is open: functions of the kernel, those of the module with
//! what is inlined into them, and what is none of the way.

use std::collections::BTreeMap;

use super::{builder_node, number, Node, Output};
use crate::trace::places::Places;
use crate::trace::source::Place;
use crate::trace::stage;

/// The four columns: time, task, duration, text.
fn columns(line: &str) -> Option<[&str; 4]> {
    let mut parts = line.splitn(4, '|').map(str::trim);
    Some([parts.next()?, parts.next()?, parts.next()?, parts.next()?])
}

/// The function that a line enters, with its module: (name, module, whether it also leaves it).
pub fn called(line: &str) -> Option<(&str, &str, bool)> {
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
    /// A function of the module.
    Module(usize),
    Inlined(usize),
}

/// What has not ended.
struct Open {
    kind: Kind,
    /// When it began, in seconds.
    began: f64,
    /// How many microseconds of it were not its own: function_graph leaves out sleep, kprobes do not.
    slept: f64,
    node: Node,
}

pub struct Builder<'a, 'o> {
    output: &'o Output<'a>,
    places: &'o Places,
    sources: &'o BTreeMap<String, Place>,
    open: Vec<Open>,
    /// How deep in what watches, or interrupts.
    machinery: usize,
}

impl<'a, 'o> Builder<'a, 'o> {
    pub fn new(
        output: &'o Output<'a>,
        places: &'o Places,
        sources: &'o BTreeMap<String, Place>,
    ) -> Self {
        Builder {
            output,
            places,
            sources,
            open: Vec::new(),
            machinery: 0,
        }
        .with_root()
    }

    fn with_root(mut self) -> Self {
        self.open(Kind::Root, 0.0, Node::default());
        self
    }

    fn open(&mut self, kind: Kind, began: f64, node: Node) {
        self.open.push(Open {
            kind,
            began,
            slept: 0.0,
            node,
        });
    }

    pub fn finish(mut self) -> Vec<Node> {
        while self.open.len() > 1 {
            self.close();
        }
        self.open.remove(0).node.children
    }

    fn close(&mut self) {
        if let Some(Open { slept, node, .. }) = self.open.pop() {
            if let Some(outer) = self.open.last_mut() {
                outer.node.children.push(node);
                outer.slept += slept;
            }
        }
    }

    pub fn line(&mut self, line: &str, task: &str) {
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
            self.leave(micros, time);
        } else if let Some((name, module, leaf)) = called(line) {
            self.enter(name, module, leaf, micros, time);
        }
    }

    fn enter(&mut self, name: &str, module: &str, leaf: bool, micros: Option<f64>, time: f64) {
        let mut node = builder_node(name, self.sources);
        let machinery = module == "qprobe"
            || stage::is_machinery(&node.file)
            || stage::is_interrupt(&node.file);
        if self.machinery > 0 || machinery {
            self.machinery += usize::from(!leaf);
            return;
        }
        node.micros = micros;
        self.open(Kind::Kernel, time, node);
        if leaf {
            self.close();
        }
    }

    fn leave(&mut self, micros: Option<f64>, time: f64) {
        if self.machinery > 0 {
            self.machinery -= 1;
            return;
        }
        let Some(at) = self
            .open
            .iter()
            .rposition(|o| matches!(o.kind, Kind::Kernel))
        else {
            return;
        };
        while self.open.len() > at + 1 {
            self.close();
        }
        let open = &mut self.open[at];
        open.node.micros = micros;
        let elapsed = (time - open.began) * 1e6;
        // The clock of the lines is one of microseconds.
        open.slept = match micros {
            Some(own) if elapsed - own > 2.0 => elapsed - own,
            _ => 0.0,
        };
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
                self.called_from(number(from).unwrap_or(0), time);
                let node = self.node(id);
                self.open(Kind::Module(id), time, node);
            }
            "qprobe_exit:" => self.exit(id, time),
            "qprobe_at:" => {
                let place = &self.places.list[id];
                let (symbol, chain) = (place.symbol.clone(), place.chain.clone());
                self.inside(&symbol, &chain, time);
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
            stage: stage::of(&source.file, &source.name).unwrap_or(""),
            ..Node::default()
        }
    }

    /// The function that is open ends with `id`.
    fn exit(&mut self, id: usize, time: f64) {
        let Some(at) = self
            .open
            .iter()
            .rposition(|o| matches!(o.kind, Kind::Module(open) if open == id))
        else {
            return;
        };
        while self.open.len() > at + 1 {
            self.close();
        }
        let open = &mut self.open[at];
        open.node.micros = Some(((time - open.began) * 1e6 - open.slept).max(0.0));
        self.close();
    }

    /// A function of the module is called from an address: which inlined function that is in.
    fn called_from(&mut self, address: u64, time: f64) {
        let Some((start, symbol)) = self.output.symbols.range(..address).next_back() else {
            return;
        };
        let chain = self.places.chain_at(symbol, address - start - 1).to_vec();
        self.inside(symbol, &chain, time);
    }

    /// What runs in the open function `symbol` is inside of `chain`.
    fn inside(&mut self, symbol: &str, chain: &[usize], time: f64) {
        let symbol_of = |id: usize| self.places.list[id].symbol.as_str();
        let Some(at) = self
            .open
            .iter()
            .rposition(|o| matches!(o.kind, Kind::Module(id) if symbol_of(id) == symbol))
        else {
            return;
        };
        let mut same = 0;
        for (open, wanted) in self.open[at + 1..].iter().zip(chain) {
            match open.kind {
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
            self.open(Kind::Inlined(*id), time, node);
        }
    }
}
