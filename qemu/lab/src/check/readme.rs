// SPDX-License-Identifier: GPL-2.0
//! The README's tables of a message's way name functions and tests: each must be where the table says.
//!
//! A row of the way is `| stage | \`function\`, ... | file |`, a row of the documents is
//! `| subject | \`program\`: \`case\`, ... |`; the tables are told by their first rows.

use super::tree::Finding;

/// The first row of the table of the way, and of that of the documents.
const WAY: &str = "| stage | function | file |";
const DOCUMENTS: &str = "| document | what it describes | test |";

/// What the tables want to be there.
#[derive(Debug, PartialEq)]
pub struct Wanted {
    pub line: usize,
    /// Files, one of which must hold all names.
    pub files: Vec<String>,
    pub names: Vec<String>,
}

/// The rows of the tables that begin with `title`, as their cells, with their lines.
fn rows<'a>(text: &'a str, title: &str) -> Vec<(usize, Vec<&'a str>)> {
    let mut rows = Vec::new();
    // Of a table that is looked for: how many lines of it were passed.
    let mut inside = None;
    for (at, line) in text.lines().enumerate() {
        inside = match inside {
            Some(passed) if line.starts_with('|') => Some(passed + 1),
            _ => (line.trim() == title).then_some(0),
        };
        // The title, and the line below it.
        if inside.is_some_and(|passed| passed > 1) {
            let cells = line.trim().trim_matches('|').split(" | ");
            rows.push((at + 1, cells.map(str::trim).collect()));
        }
    }
    rows
}

/// The words in backquotes.
fn quoted(text: &str) -> Vec<String> {
    let words = text.split('`').skip(1).step_by(2);
    words.map(str::to_owned).collect()
}

/// The functions of the way.
pub fn functions(text: &str) -> Vec<Wanted> {
    let wanted = |(line, cells): (usize, Vec<&str>)| {
        let file = cells.get(2).copied().unwrap_or("");
        // A link to one of the module's files, or the name of one of the kernel's.
        let file = file.trim_start_matches('[').split(']').next().unwrap_or("");
        Wanted {
            line,
            files: vec![file.to_string()],
            names: quoted(cells.get(1).copied().unwrap_or("")),
        }
    };
    rows(text, WAY).into_iter().map(wanted).collect()
}

/// The tests of the documents' subjects: of each program, its cases.
pub fn tests(text: &str) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for (line, cells) in rows(text, DOCUMENTS) {
        for part in cells.get(2).copied().unwrap_or("").split(';') {
            let mut names = quoted(part).into_iter();
            let program = names.next().unwrap_or_default();
            let folders = ["selftests/syscall", "selftests"];
            wanted.push(Wanted {
                line,
                files: folders.map(|f| format!("{f}/{program}.c")).to_vec(),
                names: names.collect(),
            });
        }
    }
    wanted
}

/// Whether `text`, of a file of that name, defines a function or a case.
fn defines(file: &str, text: &str, name: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + name.len()..]);
        let line = before.rsplit('\n').next().unwrap_or("");
        if after.starts_with(is_name) || line.ends_with(is_name) {
            return false;
        }
        match file.rsplit('.').next() {
            Some("rs") => line.ends_with("fn "),
            Some("S") => line.starts_with("SYM_CODE_START("),
            _ if line.starts_with("TEST_F(") || line.starts_with("SYSCALL_DEFINE") => true,
            // A definition begins at the margin.
            _ => after.starts_with('(') && (line.is_empty() || line.starts_with(is_name)),
        }
    })
}

/// What is not where the table says; `read` gives a file's text if there is such a file.
pub fn missing(wanted: &[Wanted], read: impl Fn(&str) -> Option<String>) -> Vec<Finding> {
    let mut found = Vec::new();
    for row in wanted {
        let file = row.files.iter().find_map(|f| Some((f, read(f)?)));
        let Some((file, text)) = file else {
            let text = format!("there is no {}", row.files[0]);
            found.push(Finding::new("README.md", row.line, text));
            continue;
        };
        for name in &row.names {
            if !defines(file, &text, name) {
                let text = format!("{file} has no {name}");
                found.push(Finding::new("README.md", row.line, text));
            }
        }
    }
    found
}

/// The rule: the tables are there, each of their rows names something, and all of that exists.
pub fn check(text: &str, read: impl Fn(&str) -> Option<String>) -> (usize, Vec<Finding>) {
    let mut found = Vec::new();
    let mut count = 0;
    for (title, wanted) in [(WAY, functions(text)), (DOCUMENTS, tests(text))] {
        if wanted.is_empty() {
            found.push(Finding::new("README.md", 0, format!("no table {title}")));
        }
        let empty = wanted
            .iter()
            .filter(|row| title == WAY && row.names.is_empty());
        found.extend(empty.map(|row| Finding::new("README.md", row.line, "names nothing")));
        count += wanted.iter().map(|row| row.names.len()).sum::<usize>();
        found.extend(missing(&wanted, &read));
    }
    (count, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "text\n\
        | stage | function | file |\n| --- | --- | --- |\n\
        | a | `one`, `two` | [src/a.rs](src/a.rs) |\n| b | `three` | net/b.c |\n\n\
        | document | what it describes | test |\n| --- | --- | --- |\n\
        | d | something | `p`: `works` |\n";

    fn files(name: &str) -> Option<String> {
        let text = match name {
            "src/a.rs" => "fn one() {}\nfn two<T>() {}\n",
            "net/b.c" => "int three(void)\n{\n\tfour();\n}\n",
            "selftests/p.c" => "TEST_F(p, works)\n{\n}\n",
            _ => return None,
        };
        Some(text.to_string())
    }

    #[test]
    fn what_is_there_is_found() {
        assert_eq!(check(TEXT, files), (4, Vec::new()));
    }

    #[test]
    fn what_is_not_there_is_told() {
        for (old, new) in [
            ("`two`", "`tw`"),
            ("`three`", "`four`"),
            ("net/b.c", "net/c.c"),
            ("`works`", "`work`"),
            ("`p`", "`q`"),
            ("| stage", "| stag"),
        ] {
            let found = check(&TEXT.replace(old, new), files).1;
            assert_eq!(found.len(), 1, "{old}: {found:?}");
        }
    }
}
