// SPDX-License-Identifier: GPL-2.0
//! Words that no file of the project may hold, and places where no file may stand.

use super::tree::{Finding, Tree};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What may stand at the top of the checkout.
const TOP: [&str; 12] = [
    "Kbuild",
    "Makefile",
    "README.md",
    ".config.fragment",
    "src",
    "selftests",
    "qemu",
    "LICENSES",
    "include",
    "tools",
    ".ci",
    ".gitignore",
];

// Split, so that this file does not hold what it looks for.
const UNFINISHED: [&str; 4] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
    concat!("HA", "CK"),
];

/// What this machine must not leave in the project.
pub struct Forbidden {
    /// Host names of the package registries that the machine uses.
    pub hosts: BTreeSet<String>,
    /// The checkout's path.
    pub checkout: String,
}

impl Forbidden {
    /// As this machine is configured.
    pub fn of_this_machine(root: &Path) -> Forbidden {
        let mut known = String::new();
        let asks: [&[&str]; 3] = [
            &["apt-get", "indextargets", "--format", "$(SITE)"],
            &["pip", "config", "list"],
            &["npm", "config", "get", "registry"],
        ];
        for ask in asks {
            if let Ok(out) = Command::new(ask[0]).args(&ask[1..]).output() {
                known += &String::from_utf8_lossy(&out.stdout);
                known += "\n";
            }
        }
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let files = [
            ".cargo/config",
            ".cargo/config.toml",
            ".npmrc",
            ".config/pip/pip.conf",
        ];
        for file in files {
            let text = home.as_ref().map(|h| std::fs::read_to_string(h.join(file)));
            known += &text.and_then(Result::ok).unwrap_or_default();
        }
        for (name, value) in std::env::vars_os() {
            let name = name.to_string_lossy().to_ascii_uppercase();
            if ["INDEX", "REGISTR", "PROXY"]
                .iter()
                .any(|part| name.contains(part))
            {
                known += &value.to_string_lossy();
                known += "\n";
            }
        }
        Forbidden {
            hosts: hosts(&known),
            checkout: root.to_string_lossy().into_owned(),
        }
    }
}

/// The host names of the addresses in `text`. One without a dot is a name of this machine, and as
/// a word it means nothing.
fn hosts(text: &str) -> BTreeSet<String> {
    let mut hosts = BTreeSet::new();
    for scheme in ["http://", "https://"] {
        for (at, _) in text.match_indices(scheme) {
            let rest = &text[at + scheme.len()..];
            let end = |c: char| c.is_whitespace() || "/\"'?#".contains(c);
            let authority = rest.split(end).next().unwrap_or("");
            let host = authority.rsplit('@').next().unwrap_or("");
            let host = host.split(':').next().unwrap_or("").to_ascii_lowercase();
            if host.contains('.') && !host.starts_with("127.") {
                hosts.insert(host);
            }
        }
    }
    hosts
}

/// The rule for any text file.
pub fn file(path: &str, text: &str, forbidden: &Forbidden) -> Vec<Finding> {
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let mut report = |text: String| found.push(Finding::new(path, at + 1, text));
        for word in UNFINISHED {
            if has_word(line, word) {
                report(format!("`{word}`: finish it or open an issue"));
            }
        }
        let lower = line.to_ascii_lowercase();
        for host in &forbidden.hosts {
            if lower.contains(host) {
                report("names a package registry of this machine".to_owned());
            }
        }
        if has_path(line, &forbidden.checkout) {
            report("holds the path of this checkout".to_owned());
        }
    }
    found
}

/// `word` between characters that are not part of a word.
fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

/// `path` as a path of its own, not the end of a longer one.
fn has_path(line: &str, path: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || "_-./".contains(c);
    // A checkout directly below / has a name that says nothing.
    path.matches('/').count() > 1
        && line.match_indices(path).any(|(at, _)| {
            let after = line[at + path.len()..].chars().next();
            let before = line[..at].chars().next_back();
            !before.is_some_and(part) && (after == Some('/') || !after.is_some_and(part))
        })
}

/// Whether the rule reads a file: a lock file names the registry that cargo would use by itself.
pub fn is_read(path: &str) -> bool {
    !path.ends_with("Cargo.lock")
}

/// Entries at the top that the project does not have.
pub fn top_level(tree: &Tree) -> Vec<Finding> {
    let entries: BTreeSet<&str> = tree.files().filter_map(|f| f.split('/').next()).collect();
    let strange = entries.into_iter().filter(|e| !TOP.contains(e));
    strange
        .map(|e| Finding::new(e, 0, "is not one of the top level's entries"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str) -> usize {
        let forbidden = Forbidden {
            hosts: hosts("deb http://Mirror.example.org:3142/debian x"),
            checkout: "/home/user/qsock".to_owned(),
        };
        file("a", &format!("\n{line}\n"), &forbidden).len()
    }

    #[test]
    fn unfinished_words() {
        for word in UNFINISHED {
            assert_eq!(check(&format!("// {word}: later")), 1);
            assert_eq!(check(&format!("x{word} {word}x {word}_")), 0);
        }
        assert_eq!(check("mktemp /tmp/a.XXXXXX"), 0);
    }

    #[test]
    fn registry_hosts() {
        assert_eq!(check("see http://mirror.example.org/"), 1);
        assert_eq!(check("see MIRROR.example.org"), 1);
        assert_eq!(check("see http://example.org/"), 0);
        let found =
            hosts("index = \"https://me:pw@a.b.c/simple\" http://localhost:1/ http://127.0.0.1/");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a.b.c"]);
    }

    #[test]
    fn the_checkout() {
        assert_eq!(check("cd /home/user/qsock/src"), 1);
        assert_eq!(check("cd /home/user/qsock"), 1);
        assert_eq!(check("cd /home/user/qsock2; cd x/home/user/qsock"), 0);
    }

    #[test]
    fn strangers_at_the_top() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["Kbuild", "notes.txt", ".vimrc"] {
            std::fs::write(dir.path().join(name), "x").unwrap();
        }
        let found = top_level(&Tree::open(dir.path()).unwrap());
        let names: Vec<_> = found.iter().map(|f| f.path.as_str()).collect();
        assert_eq!(names, [".vimrc", "notes.txt"]);
    }
}
