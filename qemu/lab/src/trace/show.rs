// SPDX-License-Identifier: GPL-2.0
//! Shows trees: as text, one or two side by side, and as a picture.

use super::graph::Node;
use super::stage;

/// A function of a tree, as a row.
pub struct Row {
    pub depth: usize,
    pub stage: &'static str,
    pub micros: Option<f64>,
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
    if node.inlined {
        name += " (inlined)";
    }
    if hidden > 0 {
        name += &format!(" +{hidden}");
    }
    let place = match (node.file.as_str(), node.line) {
        ("", _) => String::new(),
        (file, 0) => file.to_string(),
        (file, line) => format!("{file}:{line}"),
    };
    rows.push(Row {
        depth,
        stage: node.stage,
        micros: node.micros,
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
fn short(name: &str) -> String {
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
    text.replace("::::", "::")
}

const NAME: usize = 52;
const PLACE: usize = 36;

/// A tree as lines of a width.
pub fn lines(rows: &[Row]) -> Vec<String> {
    let mut last = "";
    let line = |row: &Row| {
        let margin = if row.stage == last { "" } else { row.stage };
        last = row.stage;
        let micros = row.micros.map_or(String::new(), |m| format!("{m:.1}"));
        let name = format!("{}{}", " ".repeat(row.depth), row.name);
        format!(
            "{margin:<12}{micros:>9}  {:<NAME$}  {:<PLACE$}",
            cut(&name, NAME),
            cut(&row.place, PLACE)
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

const ROW: usize = 18;
const WIDTH: usize = 1000;

/// The trees as a picture: a row a function, coloured by stage, with a bar as long as it took.
pub fn svg(title: &str, trees: &[(String, Vec<Row>)]) -> String {
    let count: usize = trees.iter().map(|t| t.1.len() + 2).sum();
    let height = (count + 3) * ROW;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"monospace\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"{ROW}\" font-size=\"14\">{}</text>\n",
        escape(title)
    );
    let mut y = 2 * ROW;
    for (name, rows) in trees {
        y += ROW;
        text += &format!(
            "<text x=\"10\" y=\"{y}\" font-weight=\"bold\">{}</text>\n",
            escape(name)
        );
        let longest = rows.iter().filter_map(|r| r.micros).fold(1.0, f64::max);
        for row in rows {
            y += ROW;
            let hue = stage::ALL
                .iter()
                .position(|s| *s == row.stage)
                .map_or(0, |at| at * 360 / stage::ALL.len());
            let top = y - ROW + 5;
            let bar = row.micros.unwrap_or(0.0) / longest * 120.0;
            text += &format!(
                "<rect x=\"10\" y=\"{top}\" width=\"980\" height=\"{ROW}\" fill=\"hsl({hue},70%,93%)\"/>\
                 <rect x=\"100\" y=\"{}\" width=\"{bar:.1}\" height=\"8\" fill=\"hsl({hue},60%,60%)\"/>\
                 <text x=\"14\" y=\"{y}\">{}</text><text x=\"225\" y=\"{y}\">{}</text>\
                 <text x=\"986\" y=\"{y}\" text-anchor=\"end\" fill=\"#555\">{}</text>\n",
                top + 5,
                escape(row.stage),
                escape(&format!("{}{}", "\u{a0}".repeat(row.depth), row.name)),
                escape(&row.place)
            );
        }
        y += ROW;
    }
    text + "</svg>\n"
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
        assert_eq!(short("fdget"), "fdget");
    }

    #[test]
    fn columns_stay_beside_each_other() {
        let (left, right) = (vec!["a".into(), "bcd".into()], vec!["x".to_string()]);
        assert_eq!(beside(&left, &right), ["a   | x", "bcd | "]);
    }
}
