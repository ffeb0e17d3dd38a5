// SPDX-License-Identifier: GPL-2.0
//! No code of the module may panic on purpose: errors are errno values. Tests may.

use super::rust::{is_punct, is_test_module, Source};
use super::tree::Finding;
use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

const METHODS: [&str; 4] = ["unwrap", "expect", "unwrap_err", "expect_err"];
const MACROS: [&str; 7] = [
    "panic",
    "unreachable",
    "todo",
    "unimplemented",
    "assert",
    "assert_eq",
    "assert_ne",
];

/// The rule for one Rust file of src/.
pub fn rust_file(path: &str, text: &str) -> Vec<Finding> {
    let source = match Source::parse(path, text) {
        Ok(source) => source,
        Err(finding) => return vec![finding],
    };
    let mut panics = Panics {
        path,
        constant: false,
        found: Vec::new(),
    };
    panics.visit_file(&source.ast);
    panics.found
}

struct Panics<'a> {
    path: &'a str,
    /// Inside a constant's value, where a panic is a compile error.
    constant: bool,
    found: Vec<Finding>,
}

impl Panics<'_> {
    fn method(&mut self, name: &syn::Ident) {
        if !self.constant && METHODS.iter().any(|m| name == m) {
            let text = format!(".{name}() can panic");
            let line = name.span().start().line;
            self.found.push(Finding::new(self.path, line, text));
        }
    }

    fn invocation(&mut self, name: &syn::Ident) {
        if !self.constant && MACROS.iter().any(|m| name == m) {
            let text = format!("{name}! can panic");
            let line = name.span().start().line;
            self.found.push(Finding::new(self.path, line, text));
        }
    }

    fn tokens(&mut self, tokens: TokenStream) {
        let list: Vec<TokenTree> = tokens.into_iter().collect();
        for (at, token) in list.iter().enumerate() {
            let before = at.checked_sub(1).and_then(|b| list.get(b));
            match token {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(name) if is_punct(list.get(at + 1), '!') => {
                    // `a != b` is no macro.
                    if !is_punct(list.get(at + 2), '=') {
                        self.invocation(name);
                    }
                }
                TokenTree::Ident(name) if is_punct(before, '.') => self.method(name),
                _ => {}
            }
        }
    }

    fn in_constant(&mut self, visit: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.constant, true);
        visit(self);
        self.constant = outer;
    }
}

impl<'ast> Visit<'ast> for Panics<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test_module(item) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.in_constant(|s| visit::visit_item_const(s, item));
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.in_constant(|s| visit::visit_impl_item_const(s, item));
    }

    fn visit_expr_const(&mut self, item: &'ast syn::ExprConst) {
        self.in_constant(|s| visit::visit_expr_const(s, item));
    }

    // A function written inside a constant runs like any other.
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        let outer = std::mem::replace(&mut self.constant, false);
        visit::visit_item_fn(self, item);
        self.constant = outer;
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        let outer = std::mem::replace(&mut self.constant, false);
        visit::visit_impl_item_fn(self, item);
        self.constant = outer;
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.method(&call.method);
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        // `map(Option::unwrap)` calls it as well.
        if let (true, Some(last)) = (path.path.segments.len() > 1, path.path.segments.last()) {
            self.method(&last.ident);
        }
        visit::visit_expr_path(self, path);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        if let Some(last) = mac.path.segments.last() {
            self.invocation(&last.ident);
        }
        self.tokens(mac.tokens.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: usize) {
        let found = rust_file("src/a.rs", text);
        assert_eq!(found.len(), expected, "{text}: {found:?}");
    }

    #[test]
    fn every_way_to_panic_is_seen() {
        for name in MACROS {
            check(&format!("fn f() {{ {name}!(\"x\"); }}"), 1);
            check(&format!("fn f() {{ kernel::{name}!(x); }}"), 1);
            check(&format!("macro_rules! m {{ () => {{ {name}!() }} }}"), 1);
        }
        for name in METHODS {
            check(&format!("fn f() {{ g().{name}(x); }}"), 1);
            check(&format!("fn f() {{ m!(g().{name}(x)); }}"), 1);
            check(&format!("fn f() {{ g().map(Option::{name}); }}"), 1);
        }
    }

    #[test]
    fn tests_and_constants_may() {
        check(
            "#[kunit_tests(q)] mod tests { fn f() { assert!(g().unwrap()); } }",
            0,
        );
        check(
            "const _: () = { assert!(a == b) }; impl S { const X: u8 = f().unwrap(); }",
            0,
        );
        check("fn f() { const { assert!(N > 0) } }", 0);
        check("const _: () = { fn f() { panic!() } };", 1);
        check("mod tests { fn f() { assert!(x); } }", 1);
    }

    #[test]
    fn names_alike_are_left_alone() {
        check(
            "fn f() { g().unwrap_or(1); debug_assert!(x); build_assert!(x); }",
            0,
        );
        check("fn f() { m!(panic != x); let expect = 1; }", 0);
        check("#[expect(dead_code)] fn unwrap() {}", 0);
    }
}
