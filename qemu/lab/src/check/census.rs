// SPDX-License-Identifier: GPL-2.0
//! The unsafe census: where `unsafe` stands, how often, and whether each place says why.

use super::rooms::{is_raw, is_raw_module};
use super::rust::Source;
use super::tree::Finding;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// How the file name of a crate root ends, of the module's as of a test module's.
const CRATE_ROOT_SUFFIX: &str = "_main.rs";

/// What one file holds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Count {
    /// `unsafe { }` expressions.
    pub blocks: usize,
    /// `unsafe impl`s.
    pub impls: usize,
    /// Unsafe functions, traits and extern blocks.
    pub contracts: usize,
}

impl Count {
    /// All of them.
    pub fn total(&self) -> usize {
        self.blocks + self.impls + self.contracts
    }
}

/// Counts one Rust file of a module and judges it.
pub fn rust_file(path: &str, text: &str) -> (Count, Vec<Finding>) {
    let source = match Source::parse(path, text) {
        Ok(source) => source,
        Err(finding) => return (Count::default(), vec![finding]),
    };
    let mut census = Census {
        source: &source,
        statement: 0,
        in_trait_impl: false,
        count: Count::default(),
        found: Vec::new(),
    };
    census.visit_file(&source.ast);
    if path.ends_with(CRATE_ROOT_SUFFIX) && !denies_unsafe(&source.ast) {
        let text = "the crate root does not say #![deny(unsafe_code)]";
        census.found.push(Finding::new(path, 1, text));
    }
    (census.count, census.found)
}

fn denies_unsafe(file: &syn::File) -> bool {
    file.attrs.iter().any(|a| {
        let level = a.path().is_ident("deny") || a.path().is_ident("forbid");
        level && lint_names(a).any(|name| name == "unsafe_code")
    })
}

fn lint_names(attribute: &syn::Attribute) -> impl Iterator<Item = String> {
    let tokens = match &attribute.meta {
        syn::Meta::List(list) => list.tokens.clone(),
        _ => TokenStream::new(),
    };
    flatten(tokens).into_iter()
}

/// The value of `#[path = "..."]`.
fn path_attribute(item: &syn::ItemMod) -> Option<String> {
    let value = item.attrs.iter().find_map(|a| match &a.meta {
        syn::Meta::NameValue(pair) if a.path().is_ident("path") => Some(&pair.value),
        _ => None,
    })?;
    match value {
        syn::Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Str(text),
            ..
        }) => Some(text.value()),
        _ => Some(String::new()),
    }
}

/// All identifiers of a token stream, those in groups included.
fn flatten(tokens: TokenStream) -> Vec<String> {
    let mut names = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => names.push(ident.to_string()),
            TokenTree::Group(group) => names.extend(flatten(group.stream())),
            _ => {}
        }
    }
    names
}

/// What must be written at an unsafe place.
enum Reason {
    /// A `// SAFETY:` comment: the proof.
    Proof,
    /// A `# Safety` section: the contract.
    Contract,
}

struct Census<'a> {
    source: &'a Source<'a>,
    /// Line on which the innermost statement begins.
    statement: usize,
    in_trait_impl: bool,
    count: Count,
    found: Vec<Finding>,
}

impl Census<'_> {
    fn report(&mut self, line: usize, text: &str) {
        self.found.push(Finding::new(self.source.path, line, text));
    }

    fn site(&mut self, line: usize, what: &str, reason: Option<Reason>) {
        if !is_raw(self.source.path) {
            self.report(
                line,
                &format!("{what} outside bindings, net and queue/mem.rs"),
            );
        }
        let from = [line, self.statement];
        let above = |mark: fn(&str) -> bool| from.iter().any(|at| self.above(*at, mark));
        match reason {
            Some(Reason::Proof) if !above(is_proof) => {
                self.report(
                    line,
                    &format!("{what} without a `// SAFETY:` comment above it"),
                );
            }
            Some(Reason::Contract) if !self.above(line, is_contract) => {
                self.report(line, &format!("{what} without a `# Safety` section"));
            }
            _ => {}
        }
    }

    /// Whether one of the comments and attributes directly above `line` carries `mark`.
    fn above(&self, line: usize, mark: fn(&str) -> bool) -> bool {
        let before = self.source.lines[..line.saturating_sub(1)].iter().rev();
        before
            .map(|text| text.trim())
            .take_while(|text| text.starts_with("//") || text.starts_with("#["))
            .any(mark)
    }

    fn allowance(&mut self, attribute: &syn::Attribute) {
        let lowers = ["allow", "expect", "warn"];
        let level = attribute.path().get_ident().map(|i| i.to_string());
        let level = level.unwrap_or_default();
        // `cfg_attr(x, allow(unsafe_code))` says it too.
        let names: Vec<String> = lint_names(attribute).collect();
        let lowered = lowers.contains(&level.as_str())
            || (level == "cfg_attr" && names.iter().any(|n| lowers.contains(&n.as_str())));
        if lowered && names.iter().any(|n| n == "unsafe_code") && !is_raw(self.source.path) {
            let line = attribute.span().start().line;
            self.report(
                line,
                "unsafe_code allowed outside bindings, net and queue/mem.rs",
            );
        }
        if level == "unsafe" || names.iter().any(|n| n == "unsafe") {
            let line = attribute.span().start().line;
            self.count.contracts += 1;
            self.site(line, "unsafe attribute", Some(Reason::Proof));
        }
    }

    fn tokens(&mut self, tokens: TokenStream) {
        let list: Vec<TokenTree> = tokens.into_iter().collect();
        for (at, token) in list.iter().enumerate() {
            match token {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(ident) if ident == "unsafe" => {
                    self.token_site(ident.span().start().line, &list[at + 1..]);
                }
                _ => {}
            }
        }
    }

    fn token_site(&mut self, line: usize, rest: &[TokenTree]) {
        match rest.first() {
            Some(TokenTree::Group(g)) if g.delimiter() == Delimiter::Brace => {
                self.count.blocks += 1;
                self.site(line, "unsafe block", Some(Reason::Proof));
            }
            Some(TokenTree::Ident(next)) if next == "impl" => {
                self.count.impls += 1;
                self.site(line, "unsafe impl", Some(Reason::Proof));
            }
            // `unsafe fn` needs a name: without one it is a pointer's type.
            Some(TokenTree::Ident(_)) if declares_function(rest) => {
                self.count.contracts += 1;
                self.site(line, "unsafe fn", Some(Reason::Contract));
            }
            Some(TokenTree::Ident(next)) if next == "trait" => {
                self.count.contracts += 1;
                self.site(line, "unsafe trait", Some(Reason::Contract));
            }
            _ => {}
        }
    }

    fn function(&mut self, signature: &syn::Signature, exempt: bool) {
        if let Some(keyword) = signature.unsafety {
            self.count.contracts += 1;
            let reason = (!exempt).then_some(Reason::Contract);
            let what = format!("unsafe fn {}", signature.ident);
            self.site(keyword.span.start().line, &what, reason);
        }
    }
}

fn is_proof(text: &str) -> bool {
    text.starts_with("// SAFETY:")
}

fn is_contract(text: &str) -> bool {
    text.starts_with("///") && text.trim_start_matches('/').trim() == "# Safety"
}

fn declares_function(rest: &[TokenTree]) -> bool {
    let is_fn = |t: &TokenTree| matches!(t, TokenTree::Ident(i) if i == "fn");
    let at = rest.iter().take(3).position(is_fn);
    let name = at.and_then(|at| rest.get(at + 1));
    // `$name` in a macro's body declares as well.
    matches!(name, Some(TokenTree::Ident(_)))
        || matches!(name, Some(TokenTree::Punct(p)) if p.as_char() == '$')
}

impl<'ast> Visit<'ast> for Census<'_> {
    fn visit_stmt(&mut self, statement: &'ast syn::Stmt) {
        let outer = self.statement;
        self.statement = statement.span().start().line;
        visit::visit_stmt(self, statement);
        self.statement = outer;
    }

    fn visit_item(&mut self, item: &'ast syn::Item) {
        let outer = self.statement;
        self.statement = item.span().start().line;
        visit::visit_item(self, item);
        self.statement = outer;
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        // `#[allow(unsafe_code)] mod net;` stands at the declaration of a room that may.
        let mut module = self.source.module();
        module.push(item.ident.to_string());
        let raw = match path_attribute(item) {
            // A test module takes the framework's rooms from src/.
            Some(path) => is_raw(path.trim_start_matches("../")),
            None => is_raw_module(&module),
        };
        if item.content.is_some() || !raw {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        self.allowance(attribute);
    }

    fn visit_expr_unsafe(&mut self, block: &'ast syn::ExprUnsafe) {
        self.count.blocks += 1;
        let line = block.unsafe_token.span.start().line;
        self.site(line, "unsafe block", Some(Reason::Proof));
        visit::visit_expr_unsafe(self, block);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if let Some(keyword) = item.unsafety {
            self.count.impls += 1;
            let line = keyword.span.start().line;
            self.site(line, "unsafe impl", Some(Reason::Proof));
        }
        let outer = self.in_trait_impl;
        self.in_trait_impl = item.trait_.is_some();
        visit::visit_item_impl(self, item);
        self.in_trait_impl = outer;
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, false);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        let outer = self.statement;
        self.statement = item.span().start().line;
        visit::visit_impl_item(self, item);
        self.statement = outer;
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        // The trait wrote the contract.
        self.function(&item.sig, self.in_trait_impl);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.function(&item.sig, false);
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        if let Some(keyword) = item.unsafety {
            self.count.contracts += 1;
            let line = keyword.span.start().line;
            self.site(line, "unsafe trait", Some(Reason::Contract));
        }
        visit::visit_item_trait(self, item);
    }

    fn visit_item_foreign_mod(&mut self, item: &'ast syn::ItemForeignMod) {
        self.count.contracts += 1;
        let line = item.abi.extern_token.span.start().line;
        self.site(line, "extern block", Some(Reason::Proof));
        visit::visit_item_foreign_mod(self, item);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        self.tokens(mac.tokens.clone());
    }
}

#[cfg(test)]
mod tests;
