// SPDX-License-Identifier: GPL-2.0
//! What users read and include: the man pages render without a warning, and the headers stand alone in C and C++.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result};

use super::tools::run;
use super::tree::{Finding, Tree};
use super::Outcome;

/// Compilers and standards that a program may be built with.
const COMPILERS: [(&str, &str); 10] = [
    ("gcc", "c89"),
    ("gcc", "c11"),
    ("gcc", "gnu23"),
    ("clang", "c89"),
    ("clang", "c11"),
    ("clang", "gnu23"),
    ("g++", "c++98"),
    ("g++", "c++20"),
    ("clang++", "c++98"),
    ("clang++", "c++20"),
];

/// What may stand before or after a header, {} being it: nothing, and the C library's own beside it.
const NEIGHBOURS: [&str; 3] = [
    "#include <{}>\n",
    "#include <sys/socket.h>\n#include <sys/un.h>\n#include <{}>\n",
    "#include <{}>\n#include <sys/socket.h>\n#include <sys/un.h>\n",
];

/// The man pages.
fn pages(tree: &Tree) -> impl Iterator<Item = &str> {
    tree.under("tools", &["1", "5", "7", "8"])
}

/// groff with every warning that it has.
pub fn man(tree: &Tree) -> Result<Outcome> {
    let pages: Vec<_> = pages(tree).collect();
    let mut outcome = Outcome::new(format!("{} pages without a warning", pages.len()));
    for page in pages {
        let mut groff = Command::new("groff");
        groff.args(["-t", "-ww", "-man", "-Tutf8", "-z", page]);
        let out = run(groff.current_dir(&tree.root))?;
        judge(&mut outcome, page, &out);
    }
    Ok(outcome)
}

/// groff warns and succeeds: what it says counts. `troff:page:12: warning: text`, or without a line.
fn judge(outcome: &mut Outcome, page: &str, out: &Output) {
    for line in String::from_utf8_lossy(&out.stderr).lines() {
        let place = line.split_once(page).and_then(|(_, rest)| {
            let (number, text) = rest.strip_prefix(':')?.split_once(':')?;
            Some((number.parse().ok()?, text.trim()))
        });
        let (number, text) = place.unwrap_or((0, line));
        outcome.findings.push(Finding::new(page, number, text));
    }
    if !out.status.success() && outcome.findings.is_empty() {
        outcome.raw(out);
    }
}

/// Each header for programs, alone and beside the C library's.
pub fn uapi(tree: &Tree) -> Result<Outcome> {
    let mut outcome = Outcome::new("");
    let mut count = 0;
    for header in tree.under("include/uapi", &["h"]) {
        let name = header.trim_start_matches("include/uapi/");
        for neighbours in NEIGHBOURS {
            let source = neighbours.replace("{}", name);
            for (compiler, standard) in COMPILERS {
                let out = compile(tree, compiler, standard, &source)?;
                count += 1;
                if !out.status.success() {
                    let how = format!("{compiler} -std={standard} -pedantic refuses");
                    let text = format!("{how} {source:?}");
                    outcome.findings.push(Finding::new(header, 0, text));
                    outcome.raw(&out);
                }
            }
        }
    }
    outcome.note = format!("{count} compilations, pedantic");
    if count == 0 {
        outcome.raw = "there is no header\n".to_owned();
    }
    Ok(outcome)
}

fn compile(tree: &Tree, compiler: &str, standard: &str, source: &str) -> Result<Output> {
    let language = if compiler.ends_with("++") { "c++" } else { "c" };
    let mut command = Command::new(compiler);
    command
        .args(["-x", language, "-pedantic", "-Wall", "-Wextra", "-Werror"])
        .arg(format!("-std={standard}"))
        // Not -isystem, which would silence it.
        .args(["-I", "include/uapi", "-fsyntax-only", "-"])
        .current_dir(&tree.root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .with_context(|| format!("{compiler} is not in the build root"))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(source.as_bytes())?;
    }
    child
        .wait_with_output()
        .with_context(|| format!("run {compiler}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkout(path: &str, text: &str) -> (tempfile::TempDir, Tree) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
        let tree = Tree::open(dir.path()).unwrap();
        (dir, tree)
    }

    #[test]
    fn a_page_with_a_macro_that_is_none_is_found() {
        let page = ".TH A 7\n.SH NAME\na \\- b\n";
        let (_dir, tree) = checkout("tools/a.7", page);
        assert!(man(&tree).unwrap().is_clean());
        let (_dir, tree) = checkout("tools/a.7", &format!("{page}.NO such\n"));
        let found = man(&tree).unwrap().findings;
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].path.as_str(), found[0].line), ("tools/a.7", 4));
    }

    #[test]
    fn a_header_that_needs_another_is_found() {
        let path = "include/uapi/linux/a.h";
        let (_dir, tree) = checkout(path, "struct a {\n\tint a;\n};\n");
        assert!(uapi(&tree).unwrap().is_clean());
        let (_dir, tree) = checkout(path, "struct a {\n\t__u32 a;\n};\n");
        // Never alone; the C library's own headers bring it here and there.
        assert!(uapi(&tree).unwrap().findings.len() >= COMPILERS.len());
        let (_dir, tree) = checkout(path, "struct a {\n\tint a; // not C89\n};\n");
        assert_eq!(uapi(&tree).unwrap().findings.len(), 2 * NEIGHBOURS.len());
    }
}
