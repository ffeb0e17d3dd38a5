// SPDX-License-Identifier: GPL-2.0

//! What finds the rules that can apply.
//!
//! A rule is filed once for each operation, and for each value of one of its
//! conditions: of those whose values can be looked up (one number, or a text of
//! which at least the beginning is known) the one whose values are the rarest in
//! the policy. A rule without such a condition is filed under its operations.
//! So an operation looks at as many places as there are kinds of conditions that
//! its rules are filed by, and finds there the rules that have its own values.
//!
//! A place is a range of one list; a key leads to it by a hash that depends on a
//! secret.

use super::{
    pattern::{Pattern, PATTERN_MAX},
    words::{Operation, KEYS, OPERATIONS},
    Condition,
    Facts,
    Key,
    List,
    NoMemory,
    Policy,
    Rule,
    Seed,
    Unknown, //
};
// `siphash` of the kernel is no choice where this is compiled for programs.
use core::hash::Hasher;
#[allow(deprecated)]
use core::hash::SipHasher;

/// The longest beginning of a text that is looked up.
const PREFIX_MAX: usize = 63;

/// A rule that is filed somewhere.
#[derive(Clone, Copy)]
struct Entry {
    rule: u32,
    /// A part of the hash, so that few others are looked at.
    tag: u16,
    /// Which condition it is filed by, and which value of it; none if the first
    /// is [`NONE`].
    condition: u8,
    value: u8,
}

impl Entry {
    fn filed(self) -> Option<(usize, u32)> {
        let by = (usize::from(self.condition), u32::from(self.value));
        (self.condition != NONE).then_some(by)
    }
}

const NONE: u8 = u8::MAX;

/// By what the rules of one operation are filed.
#[derive(Clone, Copy, Default)]
struct Kinds {
    /// Bit for each key: by whole values.
    whole: u16,
    /// For each key that is a text, a bit for each length of a beginning.
    beginnings: [u64; KEYS],
    any: bool,
}

/// The index of a policy.
pub(super) struct Index {
    seed: Seed,
    kinds: [Kinds; OPERATIONS.len()],
    /// For each place, where it begins in `entries`; one more at the end.
    starts: List<u32>,
    entries: List<Entry>,
    /// How far a hash is shifted to be a place.
    shift: u32,
}

/// What a rule is filed under.
#[derive(Clone, Copy)]
enum Label<'a> {
    Number(u64),
    Whole(&'a [u8]),
    Beginning(&'a [u8]),
    Operation,
}

impl Index {
    /// An index without rules.
    pub(super) fn new(seed: Seed) -> Self {
        Self {
            seed,
            kinds: [Kinds::default(); OPERATIONS.len()],
            starts: List::new(),
            entries: List::new(),
            shift: u64::BITS - 1,
        }
    }

    /// The index of the rules of `policy`.
    pub(super) fn build(policy: &Policy, seed: Seed) -> Result<Self, NoMemory> {
        let mut index = Self::new(seed);
        let values = policy.ranges.len() + policy.patterns.len() + OPERATIONS.len();
        let places = values.max(policy.rules.len()).next_power_of_two();
        index.shift = u64::BITS - places.trailing_zeros().clamp(1, 31);
        let places = 1 << (u64::BITS - index.shift);

        // How many rules have a value, whatever the operation.
        let mut often = List::filled(0u32, places)?;
        for rule in policy.rules.iter() {
            for condition in policy.conditions(rule) {
                Self::for_labels(policy, condition, |label| {
                    let hash = index.hash(None, condition.key.number(), label);
                    often[(hash >> index.shift) as usize] += 1;
                });
            }
        }
        let mut by = List::new();
        for rule in policy.rules.iter() {
            by.push(index.rarest(policy, rule, &often))?;
        }
        drop(often);

        let mut starts = List::filled(0u32, places + 1)?;
        let mut count = 0u32;
        let mut kinds = index.kinds;
        index.for_entries(policy, &by, |hash, _, operation, key, label| {
            starts[(hash >> index.shift) as usize + 1] += 1;
            count += 1;
            let kinds = &mut kinds[operation as usize];
            match label {
                Label::Number(_) | Label::Whole(_) => kinds.whole |= 1 << key,
                Label::Beginning(text) => kinds.beginnings[key] |= 1 << text.len(),
                Label::Operation => kinds.any = true,
            }
        });
        for place in 0..places {
            starts[place + 1] += starts[place];
        }
        let empty = Entry {
            rule: 0,
            tag: 0,
            condition: NONE,
            value: 0,
        };
        let mut entries = List::filled(empty, count as usize)?;
        // Rule by rule, so that each place has them in order. What begins a
        // place moves to its end, which is where the next begins.
        index.for_entries(policy, &by, |hash, entry, _, _, _| {
            let start = &mut starts[(hash >> index.shift) as usize];
            entries[*start as usize] = entry;
            *start += 1;
        });
        for place in (0..places).rev() {
            starts[place + 1] = starts[place];
        }
        if let Some(first) = starts.first_mut() {
            *first = 0;
        }
        index.kinds = kinds;
        index.starts = starts;
        index.entries = entries;
        Ok(index)
    }

    /// Shows `see` what a rule is filed under by `condition`, and returns true; or
    /// returns false if it cannot be.
    fn for_labels(policy: &Policy, condition: &Condition, mut see: impl FnMut(Label<'_>)) -> bool {
        let mut space = [0; PATTERN_MAX];
        let ranges = match condition.key {
            Key::Number(_) => condition.values.of(&policy.ranges),
            Key::Text(_) => &[],
        };
        let patterns = match condition.key {
            Key::Number(_) => &[],
            Key::Text(_) => condition.values.of(&policy.patterns),
        };
        if condition.negated
            || ranges.iter().any(|(first, last)| first != last)
            || patterns
                .iter()
                .any(|pattern| label(policy, pattern, &mut space).is_none())
        {
            return false;
        }
        ranges.iter().for_each(|range| see(Label::Number(range.0)));
        for pattern in patterns {
            if let Some(label) = label(policy, pattern, &mut space) {
                see(label);
            }
        }
        true
    }

    /// The condition that `rule` is filed by.
    fn rarest(&self, policy: &Policy, rule: &Rule, often: &[u32]) -> u8 {
        let mut best = (u64::MAX, NONE);
        for (place, condition) in policy.conditions(rule).iter().enumerate() {
            let mut sum = 0;
            let fits = Self::for_labels(policy, condition, |label| {
                let hash = self.hash(None, condition.key.number(), label);
                sum += u64::from(often[(hash >> self.shift) as usize]);
            });
            if fits && sum < best.0 {
                // CAST: A rule has few conditions.
                best = (sum, place as u8);
            }
        }
        best.1
    }

    /// Shows `see` each entry, rule by rule.
    fn for_entries(
        &self,
        policy: &Policy,
        by: &[u8],
        mut see: impl FnMut(u64, Entry, Operation, usize, Label<'_>),
    ) {
        for (at, (rule, by)) in policy.rules.iter().zip(by).enumerate() {
            let condition = policy.conditions(rule).get(usize::from(*by));
            for operation in OPERATIONS {
                if rule.operations & operation.bit() == 0 {
                    continue;
                }
                let key = condition.map_or(0, |condition| condition.key.number());
                let mut value = 0;
                let mut file = |label: Label<'_>| {
                    let hash = self.hash(Some(operation), key, label);
                    let entry = Entry {
                        // CAST: There are fewer rules than bytes of text.
                        rule: at as u32,
                        tag: tag(hash),
                        condition: *by,
                        value,
                    };
                    value = value.wrapping_add(1);
                    see(hash, entry, operation, key, label);
                };
                match condition {
                    Some(condition) => {
                        Self::for_labels(policy, condition, file);
                    }
                    None => file(Label::Operation),
                }
            }
        }
    }

    /// The first rule that matches.
    pub(super) fn first(
        &self,
        policy: &Policy,
        operation: Operation,
        facts: &impl Facts,
    ) -> Result<Option<usize>, Unknown> {
        let kinds = &self.kinds[operation as usize];
        let mut best = u32::MAX;
        if kinds.any {
            let hash = self.hash(Some(operation), 0, Label::Operation);
            self.look(policy, (operation, hash), facts, &mut best)?;
        }
        for (key, (_, what, _)) in super::words::KEY_NAMES.iter().enumerate() {
            let whole = kinds.whole & (1 << key) != 0;
            let mut lengths = kinds.beginnings[key];
            if !whole && lengths == 0 {
                continue;
            }
            match *what {
                Key::Number(number) => {
                    let label = Label::Number(facts.number(number));
                    let hash = self.hash(Some(operation), key, label);
                    self.look(policy, (operation, hash), facts, &mut best)?;
                }
                Key::Text(text) => {
                    let text = facts.text(text)?;
                    if whole {
                        let hash = self.hash(Some(operation), key, Label::Whole(text));
                        self.look(policy, (operation, hash), facts, &mut best)?;
                    }
                    while lengths != 0 {
                        let len = lengths.trailing_zeros() as usize;
                        lengths &= lengths - 1;
                        let Some(beginning) = text.get(..len) else {
                            break;
                        };
                        let label = Label::Beginning(beginning);
                        let hash = self.hash(Some(operation), key, label);
                        self.look(policy, (operation, hash), facts, &mut best)?;
                    }
                }
            }
        }
        Ok((best != u32::MAX).then_some(best as usize))
    }

    /// Looks at the rules of one place that stand before `best`.
    fn look(
        &self,
        policy: &Policy,
        (operation, hash): (Operation, u64),
        facts: &impl Facts,
        best: &mut u32,
    ) -> Result<(), Unknown> {
        let place = (hash >> self.shift) as usize;
        let (Some(start), Some(end)) = (self.starts.get(place), self.starts.get(place + 1)) else {
            return Ok(());
        };
        let entries = self.entries.get(*start as usize..*end as usize);
        for entry in entries.unwrap_or_default() {
            if entry.rule >= *best {
                break;
            }
            // By chance, others are here with the same tag.
            if entry.tag == tag(hash)
                && policy.matches(entry.rule as usize, operation, entry.filed(), facts)?
            {
                *best = entry.rule;
                break;
            }
        }
        Ok(())
    }

    #[allow(deprecated)]
    fn hash(&self, operation: Option<Operation>, key: usize, label: Label<'_>) -> u64 {
        let mut hasher = SipHasher::new_with_keys(self.seed[0], self.seed[1]);
        // CAST: Both are small.
        let mut head = (operation.map_or(0, |o| 1 + o as u64) << 8) | ((key as u64) << 16);
        match label {
            Label::Operation => hasher.write_u64(head),
            Label::Number(number) => {
                hasher.write_u64(head | 1);
                hasher.write_u64(number);
            }
            Label::Whole(text) => {
                head |= 2;
                hasher.write_u64(head);
                hasher.write(text);
            }
            Label::Beginning(text) => {
                hasher.write_u64(head | 3);
                hasher.write(text);
            }
        }
        hasher.finish()
    }
}

/// What a rule is filed under by `pattern`: nothing if that may begin with any
/// byte.
fn label<'a>(
    policy: &Policy,
    pattern: &Pattern,
    space: &'a mut [u8; PATTERN_MAX],
) -> Option<Label<'a>> {
    let (len, whole) = pattern.prefix(&policy.bytes, space);
    match (len, whole) {
        (_, true) => Some(Label::Whole(&space[..len])),
        (0, false) => None,
        _ => Some(Label::Beginning(&space[..len.min(PREFIX_MAX)])),
    }
}

/// The part of a hash that is no place.
fn tag(hash: u64) -> u16 {
    // CAST: The low bits.
    hash as u16
}
