// SPDX-License-Identifier: GPL-2.0

//! The sockets, as sock_diag(7) shows them: requests and replies are those of
//! AF_UNIX.

use crate::netlink::{word, Netlink};
use libc::{NETLINK_SOCK_DIAG, NLM_F_DUMP, NLM_F_REQUEST};
use std::io::{self, Result, Write};

/// <linux/sock_diag.h>
const SOCK_DIAG_BY_FAMILY: u16 = 20;

/// UDIAG_SHOW_NAME, _PEER, _RQLEN, _UID.
const SHOW: u32 = 0x1 | 0x4 | 0x10 | 0x40;

const UNIX_DIAG_NAME: u16 = 0;
const UNIX_DIAG_PEER: u16 = 2;
const UNIX_DIAG_RQLEN: u16 = 4;
const UNIX_DIAG_UID: u16 = 7;

/// Prints them.
pub fn list() -> Result<()> {
    let family = u8::try_from(qsock::family()).unwrap_or_default();
    let mut request = vec![family, 0, 0, 0];
    request.extend(u32::MAX.to_ne_bytes());
    request.extend(0u32.to_ne_bytes());
    request.extend(SHOW.to_ne_bytes());
    request.extend([0xff; 8]);
    let netlink = Netlink::open(NETLINK_SOCK_DIAG, 0)?;
    let flags = (NLM_F_REQUEST | NLM_F_DUMP) as u16;
    netlink.ask(SOCK_DIAG_BY_FAMILY, flags, &request)?;

    let mut out = io::stdout().lock();
    writeln!(
        out,
        "TYPE      STATE       RECV-Q   SEND-Q    UID      INODE       PEER NAME"
    )?;
    while netlink.hear(|_, body| show(&mut out, body))? {}
    Ok(())
}

fn show(out: &mut impl Write, body: &[u8]) -> Result<()> {
    const MESSAGE: usize = 16;
    let kind = match body.get(1) {
        Some(1) => "stream",
        Some(2) => "dgram",
        Some(5) => "seqpacket",
        _ => "?",
    };
    let state = match body.get(2) {
        Some(1) => "connected",
        Some(10) => "listening",
        _ => "-",
    };
    let (mut queues, mut uid, mut peer, mut name) = ((0, 0), 0, 0, String::new());
    let mut rest = body.get(MESSAGE..).unwrap_or_default();
    while let [l0, l1, k0, k1, ..] = *rest {
        let len = usize::from(u16::from_ne_bytes([l0, l1]));
        let Some(value) = rest.get(4..len) else {
            break;
        };
        match u16::from_ne_bytes([k0, k1]) {
            UNIX_DIAG_NAME => name = printable(value),
            UNIX_DIAG_PEER => peer = word(value, 0),
            UNIX_DIAG_RQLEN => queues = (word(value, 0), word(value, 4)),
            UNIX_DIAG_UID => uid = word(value, 0),
            _ => {}
        }
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    writeln!(
        out,
        "{kind:<9} {state:<9} {:>8} {:>8} {uid:>6} {:>10} {peer:>10} {name}",
        queues.0,
        queues.1,
        word(body, 4),
    )
}

/// A name as /proc/net/qsock shows it, with what cannot be printed escaped.
fn printable(name: &[u8]) -> String {
    let name = match name {
        [0, ..] => name,
        [path @ .., 0] => path,
        _ => name,
    };
    let mut text = String::new();
    for byte in name {
        match byte {
            0 => text.push('@'),
            byte if byte.is_ascii_graphic() => text.push(char::from(*byte)),
            byte => text += &format!("\\x{byte:02x}"),
        }
    }
    text
}
