// SPDX-License-Identifier: GPL-2.0

//! From a text to the lists of a policy, line by line.

use super::{
    line::Line,
    pattern::Pattern,
    words::{self, Number, Operation, Verdict, KEY_NAMES, OPERATIONS, TYPES},
    Condition,
    Default,
    Key,
    Mistake,
    Policy,
    Refusal,
    Rule,
    Span,
    CONDITIONS_MAX,
    TEXT_MAX,
    VALUES_MAX, //
};

/// The operations that a line names.
#[derive(Clone, Copy)]
struct Operations {
    bits: u16,
    /// They are all that can have the conditions.
    is_star: bool,
}

const ALL: Operations = Operations {
    bits: (1 << OPERATIONS.len()) - 1,
    is_star: true,
};

/// Reads `text` into `policy`, which is empty but for what is allowed anyway.
pub(super) fn text(policy: &mut Policy, text: &[u8]) -> Result<(), Refusal> {
    if text.len() > TEXT_MAX {
        return Err(Refusal::Mistake(Mistake {
            line: 1,
            column: 1,
            what: "the text is longer than 1 MiB",
        }));
    }
    // The last line needs no end.
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    for (at, bytes) in text.split(|byte| *byte == b'\n').enumerate() {
        let mut line = Line::new(at + 1, bytes)?;
        line.blanks();
        if !line.is_over() {
            self::line(policy, &mut line)?;
        }
    }
    Ok(())
}

fn line(policy: &mut Policy, line: &mut Line<'_>) -> Result<(), Refusal> {
    let before = *line;
    if line.word() == b"default" {
        end_of_word(line)?;
        return default(policy, line);
    }
    *line = before;
    let place = line.place();
    let verdict = verdict(line)?;
    let audit = audit(line);
    let operations_at = line.place();
    let operations = operations(line)?;

    // CAST: All of these are limited by the text.
    let start = policy.conditions.len() as u32;
    let mut bits = operations.bits;
    let mut is_datagram = false;
    while !line.is_over() {
        let at = line.place();
        if policy.conditions.len() - start as usize == CONDITIONS_MAX {
            return Err(line.mistake("the rule has more than 16 conditions"));
        }
        let (condition, having) = condition(policy, line)?;
        if operations.is_star {
            bits &= having;
        } else if bits & !having != 0 {
            return Err(line.mistake_at(at, "not all of the operations have this"));
        }
        let dgram = |range: &(u64, u64)| *range == (TYPES[1].1, TYPES[1].1);
        is_datagram |= condition.key == Key::Number(Number::Type)
            && !condition.negated
            && condition.values.of(&policy.ranges).iter().all(dgram);
        policy.conditions.push(condition)?;
    }
    if verdict == Verdict::Drop {
        if bits != Operation::Sendmsg.bit() {
            return Err(line.mistake_at(operations_at, "only sendmsg can be dropped"));
        }
        if !is_datagram {
            return Err(line.mistake_at(place, "only datagrams can be dropped: type=dgram"));
        }
    }
    policy.rules.push(Rule {
        line: line.number(),
        operations: bits,
        verdict,
        audit,
        conditions: Span {
            start,
            len: policy.conditions.len() as u32 - start,
        },
    })?;
    Ok(())
}

fn default(policy: &mut Policy, line: &mut Line<'_>) -> Result<(), Refusal> {
    let place = line.place();
    let verdict = verdict(line)?;
    if verdict == Verdict::Drop {
        return Err(line.mistake_at(place, "a default cannot drop"));
    }
    let audit = audit(line);
    let named_at = line.place();
    let named = if line.is_over() {
        ALL
    } else {
        operations(line)?
    };
    if !line.is_over() {
        return Err(line.mistake("a default has no conditions"));
    }
    for operation in OPERATIONS {
        if named.bits & operation.bit() == 0 {
            continue;
        }
        let default = &mut policy.defaults[operation as usize];
        if default.line != 0 {
            return Err(line.mistake_at(named_at, "an operation has a default already"));
        }
        *default = Default {
            line: line.number(),
            verdict,
            audit,
        };
    }
    Ok(())
}

/// Passes over the blanks between a word and the next.
fn end_of_word(line: &mut Line<'_>) -> Result<(), Refusal> {
    if !line.is_word_over() {
        return Err(line.mistake("the end of the word was expected"));
    }
    line.blanks();
    Ok(())
}

fn verdict(line: &mut Line<'_>) -> Result<Verdict, Refusal> {
    let place = line.place();
    let verdict = match line.word() {
        b"allow" => Verdict::Allow,
        b"drop" => Verdict::Drop,
        b"deny" if line.take(b':') => {
            let place = line.place();
            let errno = words::errno(line.word());
            Verdict::Deny(errno.ok_or_else(|| {
                line.mistake_at(place, "an errno was expected that a denial may have")
            })?)
        }
        b"deny" => Verdict::Deny(words::EACCES),
        _ => return Err(line.mistake_at(place, "allow, deny, drop or default was expected")),
    };
    end_of_word(line)?;
    Ok(verdict)
}

fn audit(line: &mut Line<'_>) -> bool {
    let before = *line;
    if line.word() == b"audit" && line.is_word_over() {
        line.blanks();
        return true;
    }
    *line = before;
    false
}

fn operations(line: &mut Line<'_>) -> Result<Operations, Refusal> {
    if line.take(b'*') {
        end_of_word(line)?;
        return Ok(ALL);
    }
    let mut bits = 0;
    loop {
        let place = line.place();
        let named = Operation::parse(line.word())
            .ok_or_else(|| line.mistake_at(place, "an operation was expected"))?;
        if bits & named.bit() != 0 {
            return Err(line.mistake_at(place, "the operation is there twice"));
        }
        bits |= named.bit();
        if !line.take(b',') {
            break;
        }
    }
    end_of_word(line)?;
    Ok(Operations {
        bits,
        is_star: false,
    })
}

/// Reads a condition; returns it, and the operations that have what it is about.
fn condition(policy: &mut Policy, line: &mut Line<'_>) -> Result<(Condition, u16), Refusal> {
    let place = line.place();
    let word = line.word();
    let known = KEY_NAMES.iter().find(|key| key.0.as_bytes() == word);
    let (_, key, having) =
        *known.ok_or_else(|| line.mistake_at(place, "a condition was expected"))?;
    let negated = line.take(b'!');
    if !line.take(b'=') {
        return Err(line.mistake("= or != was expected"));
    }
    // CAST: Limited by the text.
    let start = match key {
        Key::Number(_) => policy.ranges.len(),
        Key::Text(_) => policy.patterns.len(),
    } as u32;
    let mut len = 0;
    loop {
        if len == VALUES_MAX as u32 {
            return Err(line.mistake("the condition has more than 64 values"));
        }
        match key {
            Key::Number(key) => policy.ranges.push(range(line, key)?)?,
            Key::Text(_) => {
                let start = policy.bytes.len() as u32;
                let len = line.pattern(&mut policy.bytes)? as u32;
                let span = Span { start, len };
                policy.patterns.push(Pattern { span })?;
            }
        }
        len += 1;
        if !line.take(b',') {
            break;
        }
    }
    end_of_word(line)?;
    let condition = Condition {
        key,
        negated,
        values: Span { start, len },
    };
    Ok((condition, having))
}

/// Reads `N`, `N-M`, `N-` or `-M`, or the name of a type.
fn range(line: &mut Line<'_>, key: Number) -> Result<(u64, u64), Refusal> {
    let place = line.place();
    if key == Number::Type {
        let word = line.word();
        let known = TYPES.iter().find(|(name, _)| name.as_bytes() == word);
        let (_, number) = known
            .ok_or_else(|| line.mistake_at(place, "stream, seqpacket or dgram was expected"))?;
        return Ok((*number, *number));
    }
    let most = match key {
        Number::Len => u64::MAX,
        // The greatest of these means none.
        _ => u64::from(u32::MAX) - 1,
    };
    if line.take(b'-') {
        return Ok((0, line.number_up_to(most)?));
    }
    let first = line.number_up_to(most)?;
    if !line.take(b'-') {
        return Ok((first, first));
    }
    let is_open = line.is_word_over() || {
        let mut ahead = *line;
        ahead.take(b',')
    };
    let last = if is_open {
        most
    } else {
        line.number_up_to(most)?
    };
    if last < first {
        return Err(line.mistake_at(place, "the range ends before it begins"));
    }
    Ok((first, last))
}
