// SPDX-License-Identifier: GPL-2.0
//! The caller's terminal, while a guest's shell has it.

use std::process::{Command, Stdio};

/// Raw mode for as long as this lives. stty(1) does the work: the terminal is whatever stdin is.
pub struct Raw {
    saved: String,
}

impl Raw {
    /// None when stdin is no terminal; then there is nothing to change or restore.
    pub fn enter() -> Option<Raw> {
        let saved = stty(&["-g"])?;
        stty(&["raw", "-echo"])?;
        Some(Raw { saved })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        stty(&[&self.saved]);
    }
}

/// The terminal's rows and columns as stty's arguments, or nothing.
pub fn size() -> String {
    match stty(&["size"]).as_deref().and_then(|s| s.split_once(' ')) {
        Some((rows, columns)) if rows != "0" => format!("rows {rows} cols {columns}"),
        _ => String::new(),
    }
}

fn stty(args: &[&str]) -> Option<String> {
    let out = Command::new("stty")
        .args(args)
        .stdin(Stdio::inherit())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    out.status
        .success()
        .then(|| String::from_utf8_lossy(&out.stdout).trim().to_string())
}
