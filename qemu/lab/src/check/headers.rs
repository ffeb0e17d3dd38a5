// SPDX-License-Identifier: GPL-2.0
//! How a file begins and how long it may be.

use super::tree::{extension, Finding};

const MOST_LINES: usize = 400;
const MOST_LINES_OF_ROOT: usize = 100;
const SPDX: &str = "SPDX-License-Identifier: GPL-2.0";

// Their formats have no comments.
const UNTAGGED_NAMES: [&str; 5] = ["Cargo.lock", "passwd", "group", "changelog", "format"];
const UNTAGGED_EXTENSIONS: [&str; 2] = ["json", "patch"];

/// Whether a file must carry the licence tag: every one that can hold a comment and is ours.
/// Pages are exempt, they are read as they stand.
pub fn is_tagged(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    !path.starts_with("LICENSES/")
        && extension(path) != "md"
        && !UNTAGGED_NAMES.contains(&name)
        && !UNTAGGED_EXTENSIONS.contains(&extension(path))
}

/// The rule for any text file: the licence tag, first or after `#!` and the like.
pub fn licence(path: &str, text: &str) -> Vec<Finding> {
    if text.is_empty() || text.lines().take(3).any(|line| line.contains(SPDX)) {
        return Vec::new();
    }
    let text = format!("no `{SPDX}` in the first three lines");
    vec![Finding::new(path, 1, text)]
}

/// The rule for one Rust file.
pub fn rust_file(path: &str, text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    if lines.first() != Some(&format!("// {SPDX}").as_str()) {
        found.push(Finding::new(path, 1, format!("line 1 is not `// {SPDX}`")));
    }
    let first = lines
        .iter()
        .skip(1)
        .position(|line| !line.trim().is_empty());
    let first = first.map_or(0, |at| at + 1);
    if !lines.get(first).is_some_and(|line| line.starts_with("//!")) {
        let text = "no `//!` says what the file is for";
        found.push(Finding::new(path, first + 1, text));
    }
    let most = match path {
        "src/qsock_main.rs" => MOST_LINES_OF_ROOT,
        _ => MOST_LINES,
    };
    if lines.len() > most {
        let text = format!("{} lines, {most} are the most", lines.len());
        found.push(Finding::new(path, most + 1, text));
    }
    if path.starts_with("src/") && path.ends_with("/mod.rs") && path.matches('/').count() == 2 {
        found.extend(room(path, &lines));
    }
    found
}

/// A room's mod.rs says what it owns, what it may import and in which order its locks are taken.
fn room(path: &str, lines: &[&str]) -> Vec<Finding> {
    let headings: Vec<&str> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("//!"))
        .map(|text| text.trim_start_matches([' ', '#', '*']))
        .collect();
    let missing = ["Owns", "Imports", "Locks"].into_iter().filter(|word| {
        let is = |text: &&str| text.split(|c: char| !c.is_alphabetic()).next() == Some(word);
        !headings.iter().any(is)
    });
    missing
        .map(|word| {
            Finding::new(
                path,
                1,
                format!("no line `//! {word}` in the room's header"),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "// SPDX-License-Identifier: GPL-2.0\n\n//! A room.\n";

    fn check(path: &str, text: &str) -> Vec<usize> {
        rust_file(path, text).iter().map(|f| f.line).collect()
    }

    #[test]
    fn a_file_begins_with_licence_and_purpose() {
        assert_eq!(check("src/names.rs", HEAD), [0; 0]);
        assert_eq!(check("src/names.rs", "//! A room.\n"), [1]);
        assert_eq!(check("src/names.rs", &HEAD.replace("GPL", "MIT")), [1]);
        assert_eq!(check("src/names.rs", &HEAD.replace("//!", "//")), [3]);
        assert_eq!(check("src/names.rs", ""), [1, 1]);
    }

    #[test]
    fn length_is_limited() {
        let long = |lines: usize| HEAD.to_owned() + &"//\n".repeat(lines - 3);
        assert_eq!(check("src/names.rs", &long(400)), [0; 0]);
        assert_eq!(check("src/names.rs", &long(401)), [401]);
        assert_eq!(check("src/qsock_main.rs", &long(100)), [0; 0]);
        assert_eq!(check("src/qsock_main.rs", &long(101)), [101]);
    }

    #[test]
    fn a_room_says_what_it_owns() {
        let full = HEAD.to_owned() + "//! Owns: x.\n//! # Imports\n//! **Locks**: none.\n";
        assert_eq!(check("src/net/mod.rs", &full), [0; 0]);
        assert_eq!(check("src/net/mod.rs", &full.replace("Owns", "Has")), [1]);
        assert_eq!(
            check("src/net/mod.rs", &full.replace("Imports", "Importsx")),
            [1]
        );
        assert_eq!(check("src/net/mod.rs", HEAD), [1, 1, 1]);
        assert_eq!(check("src/net/sock.rs", HEAD), [0; 0]);
    }

    #[test]
    fn every_source_has_a_licence() {
        assert_eq!(licence("Kbuild", "obj-m += src/\n").len(), 1);
        assert_eq!(
            licence("x", "#!/bin/sh\n# SPDX-License-Identifier: GPL-2.0\n"),
            []
        );
        assert_eq!(licence("empty", ""), []);
        assert!(is_tagged("Makefile") && is_tagged("qemu/guest/init"));
        assert!(!is_tagged("README.md") && !is_tagged("LICENSES/preferred/GPL-2.0"));
    }
}
