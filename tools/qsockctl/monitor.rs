// SPDX-License-Identifier: GPL-2.0

//! What the policy tells the audit subsystem, as it comes.

use crate::netlink::Netlink;
use std::io::{self, Result, Write};

/// The records of modules.
const AUDIT_KERNEL_OTHER: u16 = 1316;

/// AUDIT_NLGRP_READLOG.
const READLOG: u32 = 1;

/// Prints the next `count` records.
pub fn monitor(mut count: u64) -> Result<()> {
    let netlink = Netlink::open(libc::NETLINK_AUDIT, READLOG)?;
    while count > 0 {
        netlink.hear(|kind, record| {
            let text = String::from_utf8_lossy(record);
            let text = text.trim_end_matches(['\0', '\n']);
            if kind == AUDIT_KERNEL_OTHER && text.contains(" qsock=") && count > 0 {
                count -= 1;
                let mut out = io::stdout().lock();
                writeln!(out, "{text}")?;
                out.flush()?;
            }
            Ok(())
        })?;
    }
    Ok(())
}
