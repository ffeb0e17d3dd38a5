// SPDX-License-Identifier: GPL-2.0
//! src/helpers holds C that gives the kernel's static inlines and macros a symbol, and nothing else.
//!
//! The files are read as tokens: enough to find functions, their names and their statements.

use super::tree::Finding;

/// More statements than this are logic, which belongs to Rust.
const MOST_STATEMENTS: usize = 6;
const PREFIX: &str = "qsock_helper_";
const LOGIC: [&str; 5] = ["for", "while", "do", "goto", "switch"];

/// The rule for one file of src/helpers/.
pub fn c_file(path: &str, text: &str) -> Vec<Finding> {
    if !matches!(super::tree::extension(path), "c" | "h") {
        return vec![Finding::new(path, 0, "src/helpers holds only C files")];
    }
    let mut found = Vec::new();
    let tokens = tokens(text);
    for token in &tokens {
        if LOGIC.contains(&token.text) {
            let text = format!("`{}` is logic, a helper only wraps", token.text);
            found.push(Finding::new(path, token.line, text));
        }
    }
    let code: Vec<Token<'_>> = tokens.into_iter().filter(|t| !t.directive).collect();
    // A module parameter is data with accessors, and only C can declare it; so it is with
    // tracepoints, static keys and what guards those who read without locks.
    let parameters = code.iter().any(|t| t.text.starts_with("module_param"));
    let tracepoints = code.iter().any(|t| t.text == "TRACE_EVENT");
    let guards = code
        .iter()
        .any(|t| t.text == "static_key_false" || t.text == "STATIC_KEY_FALSE_INIT");
    // What is exported has a name of its own.
    let exported = exports(&code);
    for item in items(&code) {
        match item {
            Item::Function { name, body } => {
                if !exported.contains(&name.text) {
                    found.extend(function(path, name, body, parameters));
                }
            }
            Item::Data(token) if !parameters && !tracepoints && !guards => {
                let text = "helpers declare no data and no types";
                found.push(Finding::new(path, token.line, text));
            }
            Item::Data(_) => {}
        }
    }
    found
}

/// The names that other modules are given.
fn exports<'a>(code: &[Token<'a>]) -> Vec<&'a str> {
    let given = code.windows(3).filter(|w| w[0].text == "EXPORT_SYMBOL_GPL");
    given.map(|w| w[2].text).collect()
}

fn function(path: &str, name: Token<'_>, body: &[Token<'_>], parameters: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    if !name.text.starts_with(PREFIX) {
        let text = format!("`{}` does not begin with {PREFIX}", name.text);
        found.push(Finding::new(path, name.line, text));
    }
    let statements = body.iter().filter(|t| t.text == ";").count();
    if statements > MOST_STATEMENTS && !parameters {
        let text = format!("{statements} statements, {MOST_STATEMENTS} are the most");
        found.push(Finding::new(path, name.line, text));
    }
    found
}

#[derive(Clone, Copy, Debug)]
struct Token<'a> {
    text: &'a str,
    line: usize,
    /// Part of a preprocessor line.
    directive: bool,
}

enum Item<'a> {
    Function {
        name: Token<'a>,
        body: &'a [Token<'a>],
    },
    Data(Token<'a>),
}

/// Words and single punctuation marks; comments, strings and characters are left out.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let bytes = text.as_bytes();
    let (mut at, mut line) = (0, 1);
    let mut directive = false;
    let mut fresh = true;
    let mut tokens = Vec::new();
    while at < bytes.len() {
        let rest = &text[at..];
        let length = match bytes[at] {
            b'\n' => {
                directive &= at > 0 && bytes[at - 1] == b'\\';
                fresh = true;
                1
            }
            b'/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |n| n + 2),
            b'/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            quote @ (b'"' | b'\'') => literal(&bytes[at..], quote),
            c if c.is_ascii_whitespace() => 1,
            c => {
                directive |= fresh && c == b'#';
                fresh = false;
                let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let word = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                let first = rest.chars().next().map_or(1, char::len_utf8);
                let length = word.max(first);
                tokens.push(Token {
                    text: &rest[..length],
                    line,
                    directive,
                });
                length
            }
        };
        line += text[at..at + length].matches('\n').count();
        at += length;
    }
    tokens
}

/// Length of the string or character that begins `bytes`.
fn literal(bytes: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            c if c == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// The functions and data definitions at the top level.
fn items<'a>(code: &'a [Token<'a>]) -> Vec<Item<'a>> {
    let mut items = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while at < code.len() {
        match code[at].text {
            ";" => {
                let head = &code[start..at];
                // `name(...);` is a prototype or a macro, `extern` only declares; the rest is data.
                let declares = head.iter().any(|t| matches!(t.text, "(" | "extern"));
                if !head.is_empty() && !declares {
                    items.push(Item::Data(head[0]));
                }
                start = at + 1;
            }
            "{" => {
                let head = &code[start..at];
                let end = closing(code, at);
                match function_name(head) {
                    Some(name) => {
                        items.push(Item::Function {
                            name,
                            body: &code[at..end],
                        });
                        start = end;
                    }
                    None => {
                        items.push(Item::Data(head.first().copied().unwrap_or(code[at])));
                        start = code[end..]
                            .iter()
                            .position(|t| t.text == ";")
                            .map_or(code.len(), |n| end + n + 1);
                    }
                }
                at = start;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    items
}

/// Index after the brace that closes the one at `open`.
fn closing(code: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in code.iter().enumerate().skip(open) {
        match token.text {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

/// The word before the last parenthesis group of what stands before `{`, unless that is data.
fn function_name<'a>(head: &[Token<'a>]) -> Option<Token<'a>> {
    if head.iter().any(|t| t.text == "=") || head.last()?.text != ")" {
        return None;
    }
    let mut depth = 0;
    for at in (0..head.len()).rev() {
        match head[at].text {
            ")" => depth += 1,
            "(" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return head.get(at.checked_sub(1)?).copied();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "
#include <net/sock.h>
#define X(a) \\
\tf(a)
/* while we are at it: { */
void qsock_helper_sock_hold(struct sock *sk)
{
\tsock_hold(sk);
}

bool qsock_helper_dead(const struct sock *sk);
extern int qsock_param_family;
int qsock_helper_get(struct sock *sk, const char *why)
{
\tif (READ_ONCE(sk->sk_err))
\t\tpr_debug(\"for {\");
\treturn '}';
}
";

    fn check(text: &str) -> Vec<String> {
        let found = c_file("src/helpers/sock.c", text);
        found.iter().map(Finding::to_string).collect()
    }

    #[test]
    fn wrappers_pass() {
        assert_eq!(check(GOOD), [""; 0]);
    }

    #[test]
    fn names_are_ours() {
        let text = GOOD.replace("qsock_helper_sock_hold", "rust_helper_sock_hold");
        let expected =
            "src/helpers/sock.c:6: `rust_helper_sock_hold` does not begin with qsock_helper_";
        assert_eq!(check(&text), [expected]);
    }

    #[test]
    fn logic_is_refused() {
        for word in LOGIC {
            let text = GOOD.replace("sock_hold(sk);", &format!("{word} (sk) {{ }}"));
            assert_eq!(check(&text).len(), 1, "{text}");
            let text = GOOD.replace("\tf(a)", &format!("\t{word} (a)"));
            assert_eq!(check(&text).len(), 1, "{text}");
        }
    }

    #[test]
    fn long_functions_are_refused() {
        let body = |n: usize| GOOD.replace("sock_hold(sk);", &"sock_hold(sk);".repeat(n));
        assert_eq!(check(&body(6)), [""; 0]);
        assert_eq!(check(&body(7)).len(), 1);
    }

    #[test]
    fn data_is_refused_where_no_parameter_is_declared() {
        for data in [
            "static int counter;",
            "struct pair { int a; };",
            "static const struct ops o = { .a = f(1), };",
        ] {
            let text = format!("{GOOD}\n{data}\n");
            assert_eq!(check(&text).len(), 1, "{data}");
            let text = format!("{text}module_param(family, int, 0444);\n");
            assert_eq!(check(&text), [""; 0], "{data}");
        }
    }

    #[test]
    fn only_c() {
        assert_eq!(c_file("src/helpers/mod.rs", "").len(), 1);
    }
}
