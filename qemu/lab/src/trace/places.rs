// SPDX-License-Identifier: GPL-2.0
//! The places of functions that can be watched, and what is around them.
//!
//! function_graph does not see what rustc makes. Each function, each beginning of one that is inlined and each call is a
//! place that qprobe can watch; what is at a place, and inside what, is told here. So is each branch that the kernel
//! patches (static keys): what it leads around leaves no other trace.

use std::collections::BTreeMap;

/// A function as its source has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    pub name: String,
    /// From the top of the checkout.
    pub file: String,
    pub line: u64,
}

/// What is at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The beginning of a function.
    Function,
    /// The beginning of another, inlined into it.
    Inlined,
    /// A call of another function.
    Call,
    /// A branch of a static key.
    Branch,
}

/// A place of a function.
#[derive(Debug)]
pub struct Place {
    pub kind: Kind,
    /// The function's symbol, and how far into it.
    pub symbol: String,
    pub offset: u64,
    /// What begins here; what a call or a branch is in.
    pub source: Source,
    /// The inlined functions that it is in, the outermost first, itself the last; none for a function.
    pub chain: Vec<usize>,
    /// Where it is, from the symbol.
    pub ranges: Vec<(u64, u64)>,
}

/// All places of a module.
#[derive(Debug, Default)]
pub struct Places {
    pub list: Vec<Place>,
}

impl Places {
    /// Adds functions of the kernel itself.
    pub fn add(&mut self, sources: impl IntoIterator<Item = Source>) {
        self.list.extend(sources.into_iter().map(|source| Place {
            kind: Kind::Function,
            symbol: source.name.clone(),
            offset: 0,
            source,
            chain: Vec::new(),
            ranges: Vec::new(),
        }));
    }

    /// The table for qtrace of all places: their numbers, where they are, and their kinds. An inlined
    /// function begins wherever one of its parts does; of several places at one, the innermost tells of all.
    pub fn table(&self) -> String {
        let mut at: BTreeMap<(&str, u64), usize> = BTreeMap::new();
        let mut text = String::new();
        for (number, place) in self.list.iter().enumerate() {
            let (symbol, offset) = (&place.symbol, place.offset);
            let begins = match place.kind {
                Kind::Function => {
                    text += &format!("{number} {symbol} 0 function\n");
                    continue;
                }
                Kind::Branch => {
                    text += &format!("{number} {symbol} {offset} branch\n");
                    continue;
                }
                Kind::Call => vec![offset],
                Kind::Inlined => place.ranges.iter().map(|range| range.0).collect(),
            };
            for offset in begins {
                let known = at.entry((symbol, offset)).or_insert(number);
                if self.list[*known].chain.len() < place.chain.len() {
                    *known = number;
                }
            }
        }
        for ((symbol, offset), number) in at {
            text += &format!("{number} {symbol} {offset} at\n");
        }
        text
    }

    /// Adds a place within a function, unless that is none of the functions that are known.
    pub fn add_at(&mut self, kind: Kind, address: u64, symbols: &BTreeMap<u64, &str>) {
        let Some((begin, symbol)) = symbols.range(..=address).next_back() else {
            return;
        };
        let offset = address - begin;
        let is_it = |place: &&Place| place.kind == Kind::Function && place.symbol == *symbol;
        let Some(function) = self.list.iter().find(is_it) else {
            return;
        };
        let chain = self.chain_at(symbol, offset).to_vec();
        let around = chain.last().map_or(function, |id| &self.list[*id]);
        self.list.push(Place {
            kind,
            symbol: symbol.to_string(),
            offset,
            source: around.source.clone(),
            chain,
            ranges: Vec::new(),
        });
    }

    /// The function that a place is in and the inlined ones around it, the innermost first.
    pub fn around(&self, place: &Place) -> Vec<&Source> {
        let is_it = |p: &&Place| p.kind == Kind::Function && p.symbol == place.symbol;
        let inlined = place.chain.iter().rev().map(|id| &self.list[*id]);
        let function = self.list.iter().find(is_it);
        inlined.chain(function).map(|place| &place.source).collect()
    }

    /// The inlined functions around `offset` of a function, the outermost first.
    pub fn chain_at(&self, symbol: &str, offset: u64) -> &[usize] {
        let inside = |place: &&Place| {
            place.symbol == symbol && place.ranges.iter().any(|r| r.0 <= offset && offset < r.1)
        };
        let chains = self.list.iter().filter(inside).map(|p| &p.chain[..]);
        chains.max_by_key(|chain| chain.len()).unwrap_or(&[])
    }
}

#[cfg(test)]
impl Places {
    /// A module of one function.
    pub fn of_one(symbol: &str, source: Source) -> Places {
        Places {
            list: vec![Place {
                kind: Kind::Function,
                symbol: symbol.into(),
                offset: 0,
                source,
                chain: Vec::new(),
                ranges: vec![(0, 8)],
            }],
        }
    }
}
