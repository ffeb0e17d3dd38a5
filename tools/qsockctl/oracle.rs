// SPDX-License-Identifier: GPL-2.0

//! What holds of the policy language for any text: what the fuzzer asks, and
//! what the tests ask of its corpus.

use crate::rules::{Facts, Number, Policy, Refusal, Text, Unknown, OPERATIONS, TEXT_MAX};

/// Facts that are one combination of a few numbers and texts.
struct Guess<'a> {
    number: u64,
    texts: [&'a [u8]; 4],
}

impl Facts for Guess<'_> {
    fn number(&self, key: Number) -> u64 {
        self.number >> (key as u32 & 1)
    }

    fn text(&self, key: Text) -> Result<&[u8], Unknown> {
        Ok(self.texts[key as usize])
    }
}

/// The words of `text` that may be values, without what escapes.
fn words(text: &[u8]) -> Vec<Vec<u8>> {
    let ends = |byte: &u8| b" \t\n,=\"#!".contains(byte);
    let plain = |word: &[u8]| -> Vec<u8> {
        let bytes = word.iter().filter(|byte| !b"\\*?".contains(byte));
        bytes.map(|b| if *b == b'@' { 0 } else { *b }).collect()
    };
    text.split(ends).map(plain).take(40).collect()
}

/// Compiles `text`; if that can be done, the index must agree with the rules
/// read one by one, and if not, the mistake must be in the text. Returns whether
/// it can be done.
pub fn check(text: &[u8]) -> bool {
    let policy = match Policy::compile(text, [1, 2]) {
        Ok(policy) => policy,
        Err(Refusal::NoMemory) => panic!("no memory"),
        Err(Refusal::Mistake(mistake)) => {
            let mut lines = text.split(|byte| *byte == b'\n');
            let line = lines.nth(mistake.line - 1).expect("the line is there");
            assert!(mistake.column >= 1 && mistake.column <= line.len() + 1);
            return false;
        }
    };
    assert!(text.len() <= TEXT_MAX);
    assert!(policy.lines().is_sorted());
    let words = words(text);
    let numbers = words.iter().filter_map(|word| {
        let word = std::str::from_utf8(word).ok()?;
        word.split('-').next()?.parse::<u64>().ok()
    });
    let numbers: Vec<u64> = numbers.chain([0, 1, 2, 4]).take(8).collect();
    for (at, word) in words.iter().enumerate() {
        let number = numbers[at % numbers.len()];
        let other = &words[(at * 7 + 3) % words.len()];
        for texts in [
            [&word[..], other, word, other],
            [other, word, other, word],
            [word, word, word, word],
        ] {
            for number in [number, number.saturating_mul(2), number / 2] {
                let facts = Guess { number, texts };
                for operation in OPERATIONS {
                    let quick = policy
                        .decide(operation, &facts)
                        .expect("all facts are known");
                    let slow = policy
                        .decide_slowly(operation, &facts)
                        .expect("all facts are known");
                    assert_eq!(
                        quick, slow,
                        "{operation:?} of number {number}, texts {texts:?}"
                    );
                }
            }
        }
    }
    true
}
