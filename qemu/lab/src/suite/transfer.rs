// SPDX-License-Identifier: GPL-2.0
//! A file crosses a stream socket between two processes of a guest: what `lab demo` shows and the guard suite checks.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

/// MiB of the file.
pub const SIZE: u64 = 64;

/// The guest's command (qemu/guest/root/usr/bin/qsock-transfer).
pub fn command() -> Vec<String> {
    vec!["qsock-transfer".into(), SIZE.to_string()]
}

/// What the guest's command told, line by line "key value".
#[derive(Debug)]
pub struct Transfer {
    pub kernel: String,
    pub family: String,
    pub sender: String,
    pub sender_sum: String,
    pub receiver: String,
    pub receiver_sum: String,
}

impl Transfer {
    pub fn parse(output: &str) -> Result<Transfer> {
        let lines: BTreeMap<&str, &str> =
            output.lines().filter_map(|l| l.split_once(' ')).collect();
        let get = |key: &str| {
            let value = lines.get(key).map(|v| v.trim().to_string());
            value.with_context(|| format!("the guest told no {key}; it said:\n{output}"))
        };
        Ok(Transfer {
            kernel: get("kernel")?,
            family: get("family")?,
            sender: get("sender")?,
            sender_sum: get("sender-sha256")?,
            receiver: get("receiver")?,
            receiver_sum: get("receiver-sha256")?,
        })
    }

    /// Both ends moved the whole file and hold the same bytes.
    pub fn intact(&self) -> bool {
        let bytes = (SIZE << 20).to_string();
        let whole = |end: &str| end.split(' ').nth(1) == Some(bytes.as_str());
        let sum = self.sender_sum.len() == 64 && self.sender_sum == self.receiver_sum;
        sum && whole(&self.sender) && whole(&self.receiver)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(bytes: u64, sum: &str) -> Transfer {
        let zero = "0".repeat(64);
        let text = format!(
            "noise\nkernel 7.2\nfamily 18\nsender sent {bytes} bytes in 1 s\nsender-sha256 {zero}\n\
             receiver received {bytes} bytes in 1 s\nreceiver-sha256 {sum}\n"
        );
        Transfer::parse(&text).unwrap()
    }

    #[test]
    fn sums_and_sizes_must_agree() {
        assert!(told(64 << 20, &"0".repeat(64)).intact());
        assert!(!told(64 << 20, &"1".repeat(64)).intact());
        assert!(!told(63 << 20, &"0".repeat(64)).intact());
        assert!(!told(64 << 20, "").intact());
    }

    #[test]
    fn half_an_account_is_an_error() {
        assert!(Transfer::parse("kernel 7.2\nfamily 18\n").is_err());
    }
}
