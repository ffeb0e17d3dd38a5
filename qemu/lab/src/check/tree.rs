// SPDX-License-Identifier: GPL-2.0
//! The files of the checkout that the checks look at, and what they find in them.

use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One violation: a place and a sentence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Path relative to the checkout.
    pub path: String,
    /// Line, from 1; 0 speaks of the file as a whole.
    pub line: usize,
    /// What is wrong.
    pub text: String,
}

impl Finding {
    /// A finding at `path:line`.
    pub fn new(path: &str, line: usize, text: impl Into<String>) -> Self {
        Finding {
            path: path.to_owned(),
            line,
            text: text.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.text),
            line => write!(f, "{}:{line}: {}", self.path, self.text),
        }
    }
}

/// The checkout: everything that is, or could be, committed.
pub struct Tree {
    /// Where it stands.
    pub root: PathBuf,
    files: Vec<String>,
}

impl Tree {
    /// Lists the checkout at `root`: what git tracks or would offer to add, or every file outside
    /// `build` where git does not answer (an unpacked archive).
    pub fn open(root: &Path) -> Result<Tree> {
        let mut names = match git_files(root) {
            Some(names) => names,
            None => walk(root)?,
        };
        names.retain(|name| {
            root.join(name)
                .symlink_metadata()
                .is_ok_and(|m| m.is_file())
        });
        Ok(Tree {
            root: root.to_owned(),
            files: names.into_iter().collect(),
        })
    }

    /// All files, sorted, relative to the root.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str)
    }

    /// Those below `dir` ("" for all) whose name ends in one of `extensions`.
    pub fn under<'a>(
        &'a self,
        dir: &'a str,
        extensions: &'a [&str],
    ) -> impl Iterator<Item = &'a str> {
        self.files().filter(move |name| {
            let inside = dir.is_empty()
                || name
                    .strip_prefix(dir)
                    .is_some_and(|rest| rest.starts_with('/'));
            inside && extensions.iter().any(|e| extension(name) == *e)
        })
    }

    /// The text of a file; nothing for one that is not text.
    pub fn text(&self, name: &str) -> Result<Option<String>> {
        let bytes = std::fs::read(self.root.join(name)).with_context(|| format!("read {name}"))?;
        if bytes.contains(&0) {
            return Ok(None);
        }
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Applies a rule that looks at one file at a time.
    pub fn each<'a>(
        &self,
        names: impl Iterator<Item = &'a str>,
        rule: impl Fn(&str, &str) -> Vec<Finding>,
    ) -> Result<(usize, Vec<Finding>)> {
        let mut count = 0;
        let mut found = Vec::new();
        for name in names {
            if let Some(text) = self.text(name)? {
                count += 1;
                found.extend(rule(name, &text));
            }
        }
        Ok((count, found))
    }
}

/// The extension of a file name, empty when there is none.
pub fn extension(name: &str) -> &str {
    Path::new(name)
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or("")
}

fn git_files(root: &Path) -> Option<BTreeSet<String>> {
    // The owner of the checkout need not be the user who runs the checks.
    let trust = format!("safe.directory={}", root.display());
    let out = Command::new("git")
        .args(["-c", &trust, "-C"])
        .arg(root)
        .args(["ls-files", "-z", "--cached", "--others"])
        .arg("--exclude-standard")
        .output()
        .ok()?;
    if !out.status.success() {
        return None;
    }
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    Some(
        text.split('\0')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect(),
    )
}

fn walk(root: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder);
        for entry in entries.with_context(|| format!("read {}", folder.display()))? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                if path != root.join("build") && path != root.join(".git") {
                    folders.push(path);
                }
            } else {
                let name = path.strip_prefix(root)?;
                names.insert(name.to_string_lossy().into_owned());
            }
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_walked_without_its_build_folder() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["src/net/mod.rs", "build/x.rs", "src/socket/mod.c"] {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let tree = Tree::open(dir.path()).unwrap();
        let all: Vec<_> = tree.files().collect();
        assert_eq!(all, ["src/net/mod.rs", "src/socket/mod.c"]);
        let rust: Vec<_> = tree.under("src", &["rs"]).collect();
        assert_eq!(rust, ["src/net/mod.rs"]);
        assert_eq!(tree.under("sr", &["rs"]).count(), 0);
    }

    #[test]
    fn files_that_git_could_add_count_and_ignored_ones_do_not() {
        let dir = tempfile::tempdir().unwrap();
        let git = |args: &[&str]| {
            let mut git = Command::new("git");
            let done = git.arg("-C").arg(dir.path()).args(args).output().unwrap();
            assert!(done.status.success(), "{done:?}");
        };
        git(&["init", "-q"]);
        for (name, text) in [(".gitignore", "*.o\n"), ("new.c", "x"), ("new.o", "x")] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let tree = Tree::open(dir.path()).unwrap();
        let all: Vec<_> = tree.files().collect();
        assert_eq!(all, [".gitignore", "new.c"]);
    }
}
