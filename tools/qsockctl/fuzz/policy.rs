// SPDX-License-Identifier: GPL-2.0

//! Coverage-guided fuzzing of the policy language, in the source that the kernel
//! runs.

#![no_main]
#![allow(dead_code)]

#[path = "../memory.rs"]
mod memory;
#[path = "../oracle.rs"]
mod oracle;
#[path = "../../../src/policy/rules/mod.rs"]
mod rules;

libfuzzer_sys::fuzz_target!(|text: &[u8]| {
    oracle::check(text);
});
