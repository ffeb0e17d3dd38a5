// SPDX-License-Identifier: GPL-2.0
//! Shows trees: as text, one or two side by side, and as a picture.

use super::graph::Node;
use super::stage;

/// A function of a tree, as a row.
pub struct Row {
    pub depth: usize,
    pub stage: &'static str,
    pub micros: Option<f64>,
    pub inlined: bool,
    pub name: String,
    pub place: String,
}

/// The rows of a tree. Unless `full`, what a function of the machine room calls is counted only, and an inlined function
/// that calls nothing is not shown where it is of its caller's stage.
pub fn rows(node: &Node, full: bool) -> Vec<Row> {
    let mut rows = Vec::new();
    add(node, 0, "", full, &mut rows);
    rows
}

fn add(node: &Node, depth: usize, outer: &str, full: bool, rows: &mut Vec<Row>) {
    let small = node.inlined && node.children.is_empty() && node.stage == outer;
    if small && !full {
        return;
    }
    let way = ["entry", "table"].contains(&node.stage);
    let cut = !full && !way && stage::is_leaf(&node.file);
    let hidden = if cut { node.below() } else { 0 };
    let mut name = short(&node.name);
    if hidden > 0 {
        name += &format!(" +{hidden}");
    }
    // The core library's files have long names.
    let file = node.file.rsplit("/rust/library/").next().unwrap_or("");
    let place = match (file, node.line) {
        ("", _) => String::new(),
        (file, 0) => file.to_string(),
        (file, line) => format!("{file}:{line}"),
    };
    rows.push(Row {
        depth,
        stage: node.stage,
        micros: node.micros,
        inlined: node.inlined,
        name,
        place,
    });
    if !cut {
        for child in &node.children {
            add(child, depth + 1, node.stage, full, rows);
        }
    }
}

/// A Rust name without the crate and without what its types are made of.
pub fn short(name: &str) -> String {
    let mut depth = 0;
    let mut text = String::new();
    let name = name.replace("qsock_main::", "");
    for c in name.chars() {
        match c {
            '<' if !text.is_empty() => depth += 1,
            '>' if depth > 0 => depth -= 1,
            _ if depth > 0 => {}
            _ => text.push(c),
        }
    }
    let text = text.replace("::::", "::");
    // Of a trait the last part: `<Type as Trait>`.
    let text = match text.split_once(" as ") {
        Some((kind, of)) => {
            let end = of.find('>').unwrap_or(of.len());
            let begin = of[..end].rfind("::").map_or(0, |at| at + 2);
            format!("{kind} as {}", &of[begin..])
        }
        None => text,
    };
    text.trim_end_matches("::").to_string()
}

/// The widest that the columns of names and places become.
const NAME: usize = 76;
const PLACE: usize = 44;

/// How long a row's function took, or why that is not known.
fn time(row: &Row) -> String {
    match row.micros {
        Some(micros) => format!("{micros:.1}"),
        None if row.inlined => "inlined".into(),
        None => String::new(),
    }
}

/// A tree as lines of a width.
pub fn lines(rows: &[Row]) -> Vec<String> {
    let named = |row: &Row| format!("{}{}", " ".repeat(row.depth), row.name);
    let widest = |wide: fn(&Row) -> usize| rows.iter().map(wide).max().unwrap_or(0);
    let name_width = widest(|row| row.depth + row.name.chars().count()).min(NAME);
    let place_width = widest(|row| row.place.chars().count()).min(PLACE);
    let mut last = "";
    let line = |row: &Row| {
        let margin = if row.stage == last { "" } else { row.stage };
        last = row.stage;
        format!(
            "{margin:<12}{:>9}  {:<name_width$}  {:<place_width$}",
            time(row),
            cut(&named(row), name_width),
            cut(&row.place, place_width)
        )
    };
    rows.iter().map(line).collect()
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_string();
    }
    let kept: String = text.chars().take(width - 1).collect();
    kept + "~"
}

/// Two trees beside each other.
pub fn beside(left: &[String], right: &[String]) -> Vec<String> {
    let width = left.iter().map(|l| l.chars().count()).max().unwrap_or(0);
    let count = left.len().max(right.len());
    let at = |lines: &[String], i: usize| lines.get(i).cloned().unwrap_or_default();
    (0..count)
        .map(|i| format!("{:<width$} | {}", at(left, i), at(right, i)))
        .collect()
}

/// A tree of the picture: its title and its rows.
pub type Tree = (String, Vec<Row>);

/// In pixels: a row's height, and the width of a character.
const ROW: usize = 18;
const CHAR: usize = 8;
/// Where a tree's columns of time and names begin.
const TIME: usize = 110;
const NAMES: usize = 260;

/// The calls as a picture, in each the families' trees beside each other: a row a function, coloured by stage, with a bar
/// as long as it took.
pub fn svg(title: &str, calls: &[Vec<Tree>]) -> String {
    let wide = |tree: &Tree| {
        let row = |r: &Row| r.depth + r.name.chars().count() + r.place.chars().count() + 3;
        NAMES + CHAR * tree.1.iter().map(row).max().unwrap_or(0)
    };
    let columns = calls.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|n| calls.iter().filter_map(|c| c.get(n)).map(wide).max())
        .map(Option::unwrap_or_default)
        .collect();
    let (mut body, mut y) = (String::new(), 2 * ROW);
    for trees in calls {
        let mut x = 10;
        for (tree, width) in trees.iter().zip(&widths) {
            body += &picture(tree, x, y, *width);
            x += width + 10;
        }
        y += (trees.iter().map(|t| t.1.len()).max().unwrap_or(0) + 3) * ROW;
    }
    let width: usize = 10 + widths.iter().map(|w| w + 10).sum::<usize>();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{y}\" \
         font-family=\"monospace\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"{ROW}\" font-size=\"14\">{}</text>\n{body}</svg>\n",
        escape(title)
    )
}

/// One tree at a place of a width.
fn picture((name, rows): &Tree, x: usize, top: usize, width: usize) -> String {
    let mut y = top + ROW;
    let mut text = format!(
        "<text x=\"{x}\" y=\"{y}\" font-weight=\"bold\">{}</text>\n",
        escape(name)
    );
    let longest = rows.iter().filter_map(|r| r.micros).fold(1.0, f64::max);
    for row in rows {
        y += ROW;
        let at = stage::ALL.iter().position(|s| *s == row.stage);
        let hue = at.unwrap_or(0) * 360 / stage::ALL.len();
        let bar = row.micros.unwrap_or(0.0) / longest * 140.0;
        let (top, label) = (
            y - ROW + 5,
            format!("{}{}", "\u{a0}".repeat(row.depth), row.name),
        );
        text += &format!(
            "<rect x=\"{x}\" y=\"{top}\" width=\"{width}\" height=\"{ROW}\" fill=\"hsl({hue},70%,93%)\"/>\
             <rect x=\"{}\" y=\"{}\" width=\"{bar:.1}\" height=\"8\" fill=\"hsl({hue},60%,70%)\"/>\
             <text x=\"{}\" y=\"{y}\">{}</text><text x=\"{}\" y=\"{y}\" fill=\"#555\">{}</text>\
             <text x=\"{}\" y=\"{y}\">{}</text>\
             <text x=\"{}\" y=\"{y}\" text-anchor=\"end\" fill=\"#555\">{}</text>\n",
            x + TIME,
            top + 5,
            x + 4,
            escape(row.stage),
            x + TIME,
            time(row),
            x + NAMES,
            escape(&label),
            x + width - 4,
            escape(&row.place)
        );
    }
    text
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_types() {
        assert_eq!(
            short("<qsock_main::net::Shim<qsock_main::socket::Q>>::sendmsg"),
            "<net::Shim>::sendmsg"
        );
        assert_eq!(short("qsock_main::queue::write::<u8, u16>"), "queue::write");
        assert_eq!(
            short("<qsock_main::a::B as core::c::D<u8>>::e"),
            "<a::B as D>::e"
        );
        assert_eq!(short("fdget"), "fdget");
    }

    #[test]
    fn columns_stay_beside_each_other() {
        let (left, right) = (vec!["a".into(), "bcd".into()], vec!["x".to_string()]);
        assert_eq!(beside(&left, &right), ["a   | x", "bcd | "]);
    }
}
