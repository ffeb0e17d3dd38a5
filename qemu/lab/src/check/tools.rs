// SPDX-License-Identifier: GPL-2.0
//! Other programs' messages, turned into findings with paths of the checkout.

use super::tree::{Finding, Tree};
use anyhow::{bail, Context, Result};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Output};

/// Runs a program to its end and keeps what it said.
pub fn run(command: &mut Command) -> Result<Output> {
    let program = command.get_program().to_string_lossy().into_owned();
    match command.output() {
        Ok(out) => Ok(out),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            bail!("{program} is not in the build root: is it in qemu/packages?")
        }
        Err(e) => Err(e).with_context(|| format!("run {program}")),
    }
}

/// The places that rustc, gcc or sparse speak of: `  --> file:1:2` under a message, or
/// `file:1:2: error: text`. Paths are relative to `folder`.
pub fn compiler_messages(tree: &Tree, folder: &Path, text: &str) -> Vec<Finding> {
    let mut found = BTreeSet::new();
    let mut message = "";
    for line in text.lines() {
        let start = line.trim_start();
        if is_message(start) {
            message = start;
        } else if let Some(place) = start.strip_prefix("--> ") {
            let mut parts = place.rsplitn(3, ':').skip(1);
            let number = parts.next().and_then(|n| n.parse().ok());
            if let (Some(number), Some(path)) = (number, parts.next()) {
                found.insert(Finding::new(&relative(tree, folder, path), number, message));
            }
        } else if let Some(finding) = c_message(tree, folder, line) {
            found.insert(finding);
        } else if line.contains("warning: objtool:") || line.starts_with("WARNING: modpost:") {
            found.insert(Finding::new("qsock.ko", 0, line.trim()));
        }
    }
    found.into_iter().collect()
}

fn is_message(line: &str) -> bool {
    let head = line.split([':', '[']).next().unwrap_or("");
    matches!(head, "error" | "warning")
}

fn c_message(tree: &Tree, folder: &Path, line: &str) -> Option<Finding> {
    let mut parts = line.splitn(4, ':');
    let path = parts.next()?;
    let number = parts.next()?.parse().ok()?;
    let _column: usize = parts.next()?.parse().ok()?;
    let text = parts.next()?.trim();
    is_message(text).then(|| Finding::new(&relative(tree, folder, path), number, text))
}

/// A path that a tool printed while it worked in `folder`, relative to the checkout.
pub fn relative(tree: &Tree, folder: &Path, path: &str) -> String {
    let mut full = PathBuf::new();
    for part in folder.join(path).components() {
        match part {
            Component::ParentDir => {
                full.pop();
            }
            Component::CurDir => {}
            part => full.push(part),
        }
    }
    // The lab is compiled through a link.
    let full = match full.strip_prefix(tree.root.join("build/lab")) {
        Ok(rest) => Path::new("qemu/lab").join(rest),
        Err(_) => full,
    };
    let inside = full.strip_prefix(&tree.root).unwrap_or(&full);
    inside.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkout() -> (tempfile::TempDir, Tree) {
        let dir = tempfile::tempdir().unwrap();
        let tree = Tree::open(dir.path()).unwrap();
        (dir, tree)
    }

    #[test]
    fn compilers_are_understood() {
        let (dir, tree) = checkout();
        let text = "\
error: unneeded `return` statement
  --> ../../../src/net/sock.rs:14:9
   |
../../../src/helpers/sock.c:3:1: warning: symbol 'x' was not declared
make: *** [Makefile:1: x] Error 2
src/qsock.o: warning: objtool: f+0x1: unreachable instruction
WARNING: modpost: missing MODULE_DESCRIPTION() in src/qsock.o
";
        let folder = dir.path().join("build/x86_64-stock/clippy");
        let found = compiler_messages(&tree, &folder, text);
        let shown: Vec<_> = found.iter().map(Finding::to_string).collect();
        let expected = [
            "qsock.ko: WARNING: modpost: missing MODULE_DESCRIPTION() in src/qsock.o",
            "qsock.ko: src/qsock.o: warning: objtool: f+0x1: unreachable instruction",
            "src/helpers/sock.c:3: warning: symbol 'x' was not declared",
            "src/net/sock.rs:14: error: unneeded `return` statement",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_lab_is_found_through_its_link() {
        let (dir, tree) = checkout();
        let text = "warning: unused\n --> src/check.rs:1:5\n";
        let found = compiler_messages(&tree, &dir.path().join("build/lab"), text);
        assert_eq!(
            found,
            [Finding::new("qemu/lab/src/check.rs", 1, "warning: unused")]
        );
    }
}
