// SPDX-License-Identifier: GPL-2.0
//! Where the kernel's functions are defined: Debian's image has no debug information in the build root, but its source is
//! there. A definition is a line that begins with a declaration of the name, and a body after it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::Result;

use super::places::Source;
use crate::artifacts::Arch;

/// File, from the top of the kernel's source, and line.
pub type Place = (String, usize);

/// All that a file defines.
pub fn all(ksrc: &Path, file: &str) -> Result<Vec<Source>> {
    let text = fs::read_to_string(ksrc.join(file))?;
    let source = |(name, line): (String, usize)| Source {
        name,
        file: file.to_string(),
        line: line as u64,
    };
    Ok(definitions(&text, false).into_iter().map(source).collect())
}

/// What the module has in C, below `top`.
pub fn helpers(top: &Path) -> Result<BTreeMap<String, Place>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(top.join("src/helpers"))? {
        let file = format!("src/helpers/{}", entry?.file_name().to_string_lossy());
        if file.ends_with(".c") {
            let defined = all(top, &file)?.into_iter();
            found.extend(defined.map(|s| (s.name, (s.file, s.line as usize))));
        }
    }
    Ok(found)
}

/// The definitions of `names`, in what of the kernel a message can pass.
pub fn find(ksrc: &Path, arch: Arch, names: &BTreeSet<String>) -> Result<BTreeMap<String, Place>> {
    let arch = match arch {
        Arch::X86_64 => "arch/x86",
        Arch::Arm64 => "arch/arm64",
    };
    let mut found = BTreeMap::new();
    // The first one wins: what is nearest to sockets.
    for dir in [
        "net/socket.c",
        "net/core",
        "net/unix",
        "net/compat.c",
        "fs",
        "security",
        arch,
        "kernel",
        "lib",
        "mm",
        "include/linux",
        "include/net",
    ] {
        walk(ksrc, &ksrc.join(dir), names, &mut found)?;
    }
    Ok(found)
}

fn walk(
    ksrc: &Path,
    path: &Path,
    names: &BTreeSet<String>,
    found: &mut BTreeMap<String, Place>,
) -> Result<()> {
    if path.is_dir() {
        let mut entries: Vec<_> = fs::read_dir(path)?.collect::<Result<_, _>>()?;
        entries.sort_by_key(|entry| entry.file_name());
        for entry in entries {
            walk(ksrc, &entry.path(), names, found)?;
        }
        return Ok(());
    }
    let kind = path.extension().and_then(|e| e.to_str()).unwrap_or("");
    if !["c", "h", "S"].contains(&kind) {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&fs::read(path)?).into_owned();
    let file = path
        .strip_prefix(ksrc)
        .unwrap_or(path)
        .display()
        .to_string();
    for (name, line) in definitions(&text, kind == "S") {
        if names.contains(&name) {
            found.entry(name).or_insert((file.clone(), line));
        }
    }
    Ok(())
}

/// The functions that a file defines, with their lines.
fn definitions(text: &str, assembly: bool) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let first = line.chars().next().unwrap_or(' ');
        let at_margin = first.is_ascii_alphabetic() || first == '_';
        if !assembly && !at_margin {
            continue;
        }
        if let Some(name) = line.trim_start().strip_prefix("entry_handler") {
            // arm64 makes its entries by a macro of the exception's level, stack, registers and kind.
            let parts: Vec<_> = name.split(',').map(str::trim).collect();
            if let [level, stack, registers, kind] = parts[..] {
                found.push((format!("el{level}{stack}_{registers}_{kind}"), index + 1));
            }
            continue;
        }
        let Some((before, after)) = line.split_once('(') else {
            continue;
        };
        let word = before.rsplit([' ', '\t', '*']).next().unwrap_or("");
        if assembly {
            if word.starts_with("SYM_") {
                let name = after.split([',', ')']).next().unwrap_or("").trim();
                found.push((name.to_string(), index + 1));
            }
            continue;
        }
        if word.contains("SYSCALL_DEFINE") {
            let name = after.split([',', ')']).next().unwrap_or("").trim();
            found.push((format!("sys_{name}"), index + 1));
        } else if !word.is_empty() && has_body(&lines[index..]) {
            found.push((word.to_string(), index + 1));
        }
    }
    found
}

/// Whether a declaration that begins with the first line goes on to a body.
fn has_body(lines: &[&str]) -> bool {
    for line in lines.iter().take(8) {
        if line.starts_with('{') || line.ends_with('{') {
            return true;
        }
        if line.ends_with(';') {
            return false;
        }
    }
    false
}

/// The name that the source has for a symbol: without what the compiler and the tables of calls added.
pub fn name(symbol: &str) -> String {
    let base = symbol.split('.').next().unwrap_or(symbol);
    for table in ["x64", "arm64", "se", "do"] {
        if let Some(call) = base.strip_prefix(&format!("__{table}_sys_")) {
            return format!("sys_{call}");
        }
    }
    base.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_have_bodies() {
        let text =
            "int declared(int a,\n\t     int b);\nstatic int defined(int a,\n\t\t   int b)\n{\n}\n\
                    SYSCALL_DEFINE6(sendto, int, fd)\n{\n\tcalled(1);\n}\n";
        assert_eq!(
            definitions(text, false),
            [("defined".to_string(), 3), ("sys_sendto".to_string(), 7)]
        );
        assert_eq!(
            definitions(
                "SYM_CODE_START(entry)\n\tcall (x)\n\tentry_handler\t0, t, 64, sync\n",
                true
            ),
            [("entry".to_string(), 1), ("el0t_64_sync".to_string(), 3)]
        );
    }

    #[test]
    fn symbols_lose_what_was_added() {
        assert_eq!(name("__x64_sys_sendto"), "sys_sendto");
        assert_eq!(name("__arm64_sys_recvfrom"), "sys_recvfrom");
        assert_eq!(name("aa_label.isra.0"), "aa_label");
    }
}
