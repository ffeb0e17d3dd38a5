// SPDX-License-Identifier: GPL-2.0
//! Rust sources as the checks read them: parsed, never searched as text.
//!
//! Macro bodies have no syntax tree; their tokens are read instead, so that a macro is no way
//! around a rule.

use super::tree::Finding;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ItemMod, Meta, UseTree};

/// A parsed file.
pub struct Source<'a> {
    /// Path relative to the checkout.
    pub path: &'a str,
    /// Its text, by lines.
    pub lines: Vec<&'a str>,
    /// Its syntax tree.
    pub ast: syn::File,
}

impl<'a> Source<'a> {
    /// Parses `text`; a syntax error is a finding.
    pub fn parse(path: &'a str, text: &'a str) -> Result<Self, Finding> {
        let ast = syn::parse_file(text).map_err(|e| {
            Finding::new(path, e.span().start().line, format!("does not parse: {e}"))
        })?;
        Ok(Source {
            path,
            lines: text.lines().collect(),
            ast,
        })
    }

    /// The file's own module below `src/`: `src/net/mod.rs` is `[net]`, the crate root is `[]`.
    pub fn module(&self) -> Vec<String> {
        let inside = self.path.strip_prefix("src/").unwrap_or(self.path);
        let stem = inside.strip_suffix(".rs").unwrap_or(inside);
        let mut parts: Vec<String> = stem.split('/').map(str::to_owned).collect();
        let last = parts.last().map_or("", String::as_str);
        if last == "mod" || (parts.len() == 1 && last == CRATE_ROOT) {
            parts.pop();
        }
        parts
    }
}

/// Stem of the crate root's file.
pub const CRATE_ROOT: &str = "qsock_main";

/// A path that the source names: an import, or a path in an expression, a type or a macro.
#[derive(Debug, PartialEq)]
pub struct Reference {
    /// The inline module it stands in, below the file's own.
    pub inside: Vec<String>,
    /// Its segments as written, `crate`, `self` and `super` included.
    pub segments: Vec<String>,
    /// Ends in `::*`.
    pub glob: bool,
    /// Given another name by `as`.
    pub renamed: bool,
    /// Re-exported beyond its own module.
    pub exported: bool,
    /// Line of its first segment.
    pub line: usize,
}

/// Every path that `source` names.
pub fn references(source: &Source<'_>) -> Vec<Reference> {
    let mut collector = Collector::default();
    collector.visit_file(&source.ast);
    collector.found
}

#[derive(Default)]
struct Collector {
    inside: Vec<String>,
    found: Vec<Reference>,
}

impl Collector {
    fn add(&mut self, segments: Vec<String>, line: usize) -> &mut Reference {
        let at = self.found.len();
        self.found.push(Reference {
            inside: self.inside.clone(),
            segments,
            glob: false,
            renamed: false,
            exported: false,
            line,
        });
        &mut self.found[at]
    }

    fn use_tree(&mut self, tree: &UseTree, prefix: &[String], exported: bool) {
        let mut path = prefix.to_vec();
        match tree {
            UseTree::Path(p) => {
                path.push(p.ident.to_string());
                self.use_tree(&p.tree, &path, exported);
            }
            UseTree::Group(g) => {
                for item in &g.items {
                    self.use_tree(item, prefix, exported);
                }
            }
            UseTree::Name(n) => {
                push_name(&mut path, n.ident.to_string());
                let line = n.ident.span().start().line;
                self.add(path, line).exported = exported;
            }
            UseTree::Rename(r) => {
                push_name(&mut path, r.ident.to_string());
                let line = r.ident.span().start().line;
                let reference = self.add(path, line);
                reference.exported = exported;
                reference.renamed = true;
            }
            UseTree::Glob(g) => {
                let line = g.star_token.spans[0].start().line;
                let reference = self.add(path, line);
                reference.exported = exported;
                reference.glob = true;
            }
        }
    }

    fn tokens(&mut self, tokens: TokenStream, prefix: &[String]) {
        let list: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < list.len() {
            match &list[at] {
                TokenTree::Group(g) => {
                    self.tokens(g.stream(), &[]);
                    at += 1;
                }
                // `pub(crate)` names no dependency.
                TokenTree::Ident(i) if i == "pub" => {
                    let restricted = matches!(list.get(at + 1),
                        Some(TokenTree::Group(g)) if g.delimiter() == Delimiter::Parenthesis);
                    at += 1 + usize::from(restricted);
                }
                TokenTree::Ident(_) => at = self.token_path(&list, at, prefix),
                _ => at += 1,
            }
        }
    }

    /// Reads the path that starts at `list[at]` and returns where it ends.
    fn token_path(&mut self, list: &[TokenTree], mut at: usize, prefix: &[String]) -> usize {
        let line = list[at].span().start().line;
        let mut path = prefix.to_vec();
        while let Some(TokenTree::Ident(ident)) = list.get(at) {
            push_name(&mut path, ident.to_string());
            at += 1;
            if !(is_punct(list.get(at), ':') && is_punct(list.get(at + 1), ':')) {
                break;
            }
            match list.get(at + 2) {
                Some(TokenTree::Ident(_)) => at += 2,
                Some(TokenTree::Group(g)) if g.delimiter() == Delimiter::Brace => {
                    self.tokens(g.stream(), &path);
                    return at + 3;
                }
                next => {
                    let glob = is_punct(next, '*');
                    self.add(path, line).glob = glob;
                    return at + 2;
                }
            }
        }
        if path.len() > 1 || matches!(path[0].as_str(), "crate" | "super") {
            let renamed = matches!(list.get(at), Some(TokenTree::Ident(i)) if i == "as");
            // In an expression `as` is a cast; only a path that an import could name counts.
            self.add(path, line).renamed = renamed;
        }
        at
    }
}

/// `a::{self}` names `a` itself.
fn push_name(path: &mut Vec<String>, name: String) {
    if name != "self" || path.is_empty() {
        path.push(name);
    }
}

/// Whether `token` is the punctuation `wanted`.
pub fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(p)) if p.as_char() == wanted)
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.inside.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.inside.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let exported = !matches!(item.vis, syn::Visibility::Inherited);
        self.use_tree(&item.tree, &[], exported);
    }

    fn visit_item_extern_crate(&mut self, item: &'ast syn::ItemExternCrate) {
        let line = item.ident.span().start().line;
        let name = match item.ident.to_string().as_str() {
            "self" => "crate".to_owned(),
            other => other.to_owned(),
        };
        self.add(vec![name], line).renamed = item.rename.is_some();
    }

    // `pub(crate)` and `pub(in path)` name no dependency.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<_> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        if segments.len() > 1 {
            let line = path.segments[0].ident.span().start().line;
            self.add(segments, line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        self.tokens(mac.tokens.clone(), &[]);
        visit::visit_macro(self, mac);
    }

    fn visit_meta_list(&mut self, list: &'ast syn::MetaList) {
        if !list.path.is_ident("doc") {
            self.tokens(list.tokens.clone(), &[]);
        }
    }
}

/// Whether a module is compiled for tests only.
pub fn is_test_module(item: &ItemMod) -> bool {
    item.attrs.iter().any(is_test_attribute)
}

fn is_test_attribute(attribute: &Attribute) -> bool {
    let path = attribute.path();
    if path
        .segments
        .last()
        .is_some_and(|s| s.ident == "kunit_tests")
    {
        return true;
    }
    match &attribute.meta {
        Meta::List(list) if path.is_ident("cfg") => {
            let mut tokens = list.tokens.clone().into_iter();
            let first = tokens.next().map(|t| t.to_string()).unwrap_or_default();
            // `not(test)` and other compounds are compiled outside tests as well.
            let alone = !matches!(tokens.next(), Some(TokenTree::Group(_)));
            alone && (first == "test" || (first.starts_with("CONFIG_") && first.contains("KUNIT")))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        let source = Source::parse("src/net/a.rs", text).unwrap();
        let found = references(&source);
        found.iter().map(|r| r.segments.join("::")).collect()
    }

    #[test]
    fn imports_are_flattened() {
        let text = "use crate::{a::{self, b as c}, d::*};\nuse super::e;";
        assert_eq!(
            paths(text),
            ["crate::a", "crate::a::b", "crate::d", "super::e"]
        );
    }

    #[test]
    fn expressions_types_and_macros_count() {
        let text = "fn f(x: &crate::a::T) -> Option<crate::b::U> {
            let y = crate::c::g(); m!(x, crate::d::h(super::i), $crate::j);
            m! { use crate::{k::l, n}; use crate::o::*; } }";
        let found = paths(text);
        for wanted in [
            "crate::a::T",
            "crate::b::U",
            "crate::c::g",
            "crate::d::h",
            "super::i",
            "crate::j",
            "crate::k::l",
            "crate::n",
            "crate::o",
        ] {
            assert!(found.iter().any(|f| f == wanted), "{wanted}: {found:?}");
        }
    }

    #[test]
    fn visibility_is_no_import() {
        assert!(paths("pub(in crate::a) struct S; pub(crate) fn f() {}").is_empty());
        assert!(paths("macro_rules! m { () => { pub(in crate::a) struct S; } }").is_empty());
        assert!(paths("m! { pub(crate) fn f() {} }").is_empty());
    }

    #[test]
    fn modules_come_from_the_path() {
        let module = |path| Source::parse(path, "").unwrap().module().join("::");
        assert_eq!(module("src/qsock_main.rs"), "");
        assert_eq!(module("src/names.rs"), "names");
        assert_eq!(module("src/net/mod.rs"), "net");
        assert_eq!(module("src/net/proto_ops.rs"), "net::proto_ops");
    }

    #[test]
    fn only_test_modules_are_tests() {
        let is_test = |text: &str| is_test_module(&syn::parse_str(text).unwrap());
        assert!(is_test("#[kunit_tests(qsock_queue)] mod tests {}"));
        assert!(is_test("#[kernel::macros::kunit_tests(q)] mod tests {}"));
        assert!(is_test("#[cfg(test)] mod tests {}"));
        assert!(is_test("#[cfg(CONFIG_KUNIT = \"y\")] mod tests {}"));
        assert!(!is_test("#[cfg(not(test))] mod tests {}"));
        assert!(!is_test("#[cfg(any(test, CONFIG_NET))] mod tests {}"));
        assert!(!is_test("#[cfg(CONFIG_NET)] mod tests {}"));
        assert!(!is_test("mod tests {}"));
    }
}
