// SPDX-License-Identifier: GPL-2.0

//! The language of policies: from text to a form that answers in a time that
//! does not grow with the rules that cannot apply.
//!
//! ```text
//! policy    = { line LF } ;
//! line      = [ rule | default ] [ "#" comment ] ;
//! rule      = verdict [ "audit" ] operations { condition } ;
//! default   = "default" verdict [ "audit" ] [ operations ] ;
//! verdict   = "allow" | "deny" [ ":" errno ] | "drop" ;
//! operations = "*" | operation { "," operation } ;
//! condition = key ( "=" | "!=" ) value { "," value } ;
//! ```
//!
//! tools/qsock-policy.5 has the whole grammar. The first rule that matches
//! decides; the default of the operation if none does; and without that the
//! operation is allowed.
//!
//! The same source is compiled into qsockctl, and there it is fuzzed: it needs
//! `super::memory`, and nothing else of the kernel. It does not recurse, it
//! allocates in proportion to the text, which is limited ([`TEXT_MAX`]), and it
//! says of each mistake where it is.

mod index;
mod line;
mod parse;
mod pattern;
mod words;

pub(crate) use words::{Number, Operation, Text, Verdict, OPERATIONS};

use super::memory::{List, NoMemory};
use index::Index;
use pattern::Pattern;

/// The longest text of a policy, in bytes. What it is compiled into takes no more
/// than a hundred times that, and about five times what a person writes.
pub(crate) const TEXT_MAX: usize = 1 << 20;

/// The most conditions that a rule has.
const CONDITIONS_MAX: usize = 16;

/// The most values that a condition has.
const VALUES_MAX: usize = 64;

/// What is wrong with a text, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Mistake {
    /// The line, from 1.
    pub(crate) line: usize,
    /// The byte in the line, from 1.
    pub(crate) column: usize,
    /// What is wrong.
    pub(crate) what: &'static str,
}

/// Why a text was not compiled.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It is wrong.
    Mistake(Mistake),
    /// There is no memory for it.
    NoMemory,
}

impl From<NoMemory> for Refusal {
    fn from(_: NoMemory) -> Self {
        Self::NoMemory
    }
}

/// Why a fact is not known: what depends on it cannot be judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unknown {
    /// There is no memory for it.
    NoMemory,
    /// It is longer than any that is shown: a part of it would pass for another.
    TooLong,
}

/// Two numbers that nobody who writes a policy knows: with them, no text makes
/// the index slow.
pub(crate) type Seed = [u64; 2];

/// What the rules are asked about.
///
/// What is dear to find is asked for only if a rule has a condition on it.
pub(crate) trait Facts {
    /// A number.
    fn number(&self, key: Number) -> u64;

    /// A text.
    fn text(&self, key: Text) -> Result<&[u8], Unknown>;
}

/// What the rules say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Decision {
    /// What is to be done.
    pub(crate) verdict: Verdict,
    /// Whether it is to be told.
    pub(crate) audit: bool,
    /// The rule that decided, counted from 0; `None` for a default.
    pub(crate) rule: Option<usize>,
    /// The line of that rule or default; 0 if there is none.
    pub(crate) line: u32,
}

/// A range of the list that the field stands beside.
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    len: u32,
}

impl Span {
    fn of<T>(self, list: &[T]) -> &[T] {
        let start = self.start as usize;
        list.get(start..start + self.len as usize)
            .unwrap_or_default()
    }
}

/// What a condition is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Number(Number),
    Text(Text),
}

/// One condition of a rule: the fact is one of the values, or none of them.
#[derive(Clone, Copy)]
struct Condition {
    key: Key,
    negated: bool,
    /// In `Policy::ranges` or `Policy::patterns`.
    values: Span,
}

/// One rule.
#[derive(Clone, Copy)]
struct Rule {
    line: u32,
    operations: u16,
    verdict: Verdict,
    audit: bool,
    /// In `Policy::conditions`.
    conditions: Span,
}

/// What decides where no rule matches.
#[derive(Clone, Copy)]
struct Default {
    line: u32,
    verdict: Verdict,
    audit: bool,
}

/// A policy, compiled.
pub(crate) struct Policy {
    rules: List<Rule>,
    conditions: List<Condition>,
    /// First and last number.
    ranges: List<(u64, u64)>,
    patterns: List<Pattern>,
    /// What the patterns consist of.
    bytes: List<u8>,
    defaults: [Default; OPERATIONS.len()],
    index: Index,
}

impl Policy {
    /// Compiles `text`. Sleeps.
    ///
    /// # Errors
    ///
    /// [`Refusal`]. The column of what is missing at the end of a line is that
    /// behind the line.
    pub(crate) fn compile(text: &[u8], seed: Seed) -> Result<Self, Refusal> {
        let mut policy = Self {
            rules: List::new(),
            conditions: List::new(),
            ranges: List::new(),
            patterns: List::new(),
            bytes: List::new(),
            defaults: [Default {
                line: 0,
                verdict: Verdict::Allow,
                audit: false,
            }; OPERATIONS.len()],
            index: Index::new(seed),
        };
        parse::text(&mut policy, text)?;
        policy.index = Index::build(&policy, seed)?;
        Ok(policy)
    }

    /// Whether it allows everything, and says nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.defaults.iter().all(|default| default.line == 0)
    }

    /// How many lines have a rule or a default.
    pub(crate) fn size(&self) -> usize {
        let lines = self.defaults.map(|default| default.line);
        let is_first = |at: &usize| lines[*at] != 0 && !lines[..*at].contains(&lines[*at]);
        self.rules.len() + (0..lines.len()).filter(is_first).count()
    }

    /// The operations that it says anything of, a bit for each.
    pub(crate) fn operations(&self) -> u16 {
        let defaults = OPERATIONS.iter().zip(&self.defaults);
        let defaults = defaults.filter(|(_, default)| default.line != 0);
        let defaults = defaults.fold(0, |all, (operation, _)| all | operation.bit());
        let rules = self.rules.iter();
        rules.fold(defaults, |all, rule| all | rule.operations)
    }

    /// The lines of the rules, in their order.
    pub(crate) fn lines(&self) -> impl Iterator<Item = u32> + '_ {
        self.rules.iter().map(|rule| rule.line)
    }

    /// What the rules say of `operation`.
    ///
    /// # Errors
    ///
    /// Why a fact is not known that decides.
    pub(crate) fn decide(
        &self,
        operation: Operation,
        facts: &impl Facts,
    ) -> Result<Decision, Unknown> {
        let found = self.index.first(self, operation, facts)?;
        Ok(self.decision(operation, found))
    }

    /// As [`decide`](Self::decide), rule by rule: what the index must agree with.
    #[cfg(any(test, fuzzing, CONFIG_KUNIT = "y"))]
    pub(crate) fn decide_slowly(
        &self,
        operation: Operation,
        facts: &impl Facts,
    ) -> Result<Decision, Unknown> {
        for at in 0..self.rules.len() {
            if self.matches(at, operation, None, facts)? {
                return Ok(self.decision(operation, Some(at)));
            }
        }
        Ok(self.decision(operation, None))
    }

    fn decision(&self, operation: Operation, found: Option<usize>) -> Decision {
        match found.and_then(|at| self.rules.get(at)) {
            Some(rule) => Decision {
                verdict: rule.verdict,
                audit: rule.audit,
                rule: found,
                line: rule.line,
            },
            None => {
                let default = self.defaults[operation as usize];
                Decision {
                    verdict: default.verdict,
                    audit: default.audit,
                    rule: None,
                    line: default.line,
                }
            }
        }
    }

    fn conditions(&self, rule: &Rule) -> &[Condition] {
        rule.conditions.of(&self.conditions)
    }

    /// Whether the rule `at` matches. Of the condition that the index found it
    /// by, if any, only the value that it is filed under is left to compare.
    fn matches(
        &self,
        at: usize,
        operation: Operation,
        filed: Option<(usize, u32)>,
        facts: &impl Facts,
    ) -> Result<bool, Unknown> {
        let rule = self.rules.get(at);
        let Some(rule) = rule.filter(|rule| rule.operations & operation.bit() != 0) else {
            return Ok(false);
        };
        for (place, condition) in self.conditions(rule).iter().enumerate() {
            let mut values = condition.values;
            if let Some((_, value)) = filed.filter(|filed| filed.0 == place) {
                values.start += value;
                values.len = 1;
            }
            let any = match condition.key {
                Key::Number(key) => {
                    let number = facts.number(key);
                    let has = |range: &(u64, u64)| (range.0..=range.1).contains(&number);
                    values.of(&self.ranges).iter().any(has)
                }
                Key::Text(key) => {
                    let text = facts.text(key)?;
                    let fits = |pattern: &Pattern| pattern.matches(&self.bytes, text);
                    values.of(&self.patterns).iter().any(fits)
                }
            };
            if any == condition.negated {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(CONFIG_KUNIT = "y")]
mod tests;
