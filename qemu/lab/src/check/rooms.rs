// SPDX-License-Identifier: GPL-2.0
//! Room borders: which part of the module may name which.
//!
//! A room may name itself and lower rooms. Rooms of one height are blind to each other. The
//! files at the top (names.rs, trace.rs, ...) stand between policy and socket: the sockets use
//! the name table, which knows nothing of them.

use super::rust::{references, Reference, Source, CRATE_ROOT};
use super::tree::Finding;
use syn::visit::{self, Visit};

/// The one file outside bindings and net that may handle raw memory.
pub const RAW_MEMORY: &str = "src/queue/mem.rs";

/// The modules of the bindings that a file at the top and the policy may name: safe functions, and
/// qsock's own, so that net cannot have them.
const TRACEPOINTS: &str = "tracepoint";
const HOOK: &str = "hook";

#[derive(Clone, Debug, PartialEq)]
enum Room {
    Bindings,
    Net,
    Queue,
    Transport,
    Policy,
    Top(String),
    Socket,
    Root,
}

impl Room {
    /// The room that an absolute module path of the crate lies in.
    fn of(path: &[String], top_files: &[String]) -> Room {
        let Some(first) = path.first() else {
            return Room::Root;
        };
        match first.as_str() {
            "bindings" => Room::Bindings,
            "net" => Room::Net,
            "queue" => Room::Queue,
            "transport" => Room::Transport,
            "policy" => Room::Policy,
            "socket" => Room::Socket,
            name if top_files.iter().any(|f| f == name) => Room::Top(name.to_owned()),
            _ => Room::Root,
        }
    }

    fn height(&self) -> usize {
        match self {
            Room::Bindings => 0,
            Room::Net | Room::Queue => 1,
            Room::Transport | Room::Policy => 2,
            Room::Top(_) => 3,
            Room::Socket => 4,
            Room::Root => 5,
        }
    }

    fn may_name(&self, other: &Room) -> bool {
        self == other || other.height() < self.height()
    }

    fn name(&self) -> &str {
        match self {
            Room::Bindings => "bindings",
            Room::Net => "net",
            Room::Queue => "queue",
            Room::Transport => "transport",
            Room::Policy => "policy",
            Room::Top(name) => name,
            Room::Socket => "socket",
            Room::Root => "the crate root",
        }
    }
}

/// Whether a file may name bindings and hold `unsafe`.
pub fn is_raw(path: &str) -> bool {
    path.starts_with("src/bindings/") || path.starts_with("src/net/") || path == RAW_MEMORY
}

/// Whether the file of a module is such a file.
pub fn is_raw_module(module: &[String]) -> bool {
    is_raw(&format!("src/{}.rs", module.join("/")))
        || is_raw(&format!("src/{}/mod.rs", module.join("/")))
}

/// The modules that are files directly in src/, the crate root apart.
pub fn top_files<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<String> {
    let stem = |path: &'a str| path.strip_prefix("src/")?.strip_suffix(".rs");
    paths
        .filter_map(stem)
        .filter(|s| !s.contains('/') && *s != CRATE_ROOT)
        .map(str::to_owned)
        .collect()
}

/// The rule for one Rust file of src/.
pub fn rust_file(path: &str, text: &str, top_files: &[String]) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some((folder, _)) = path.strip_prefix("src/").and_then(|p| p.split_once('/')) {
        let known = ["bindings", "net", "queue", "transport", "policy", "socket"];
        // Or what belongs to a room that is a file.
        if !known.contains(&folder) && !top_files.iter().any(|file| file == folder) {
            found.push(Finding::new(path, 0, format!("src/{folder} is no room")));
        }
    }
    if path.starts_with("src/net/") {
        found.extend(family_words(path, text));
    }
    let source = match Source::parse(path, text) {
        Ok(source) => source,
        Err(finding) => {
            found.push(finding);
            return found;
        }
    };
    for reference in references(&source) {
        if let Some(text) = judge(&source, &reference, top_files) {
            found.push(Finding::new(path, reference.line, text));
        }
    }
    let mut detours = Detours {
        path,
        found: Vec::new(),
    };
    detours.visit_file(&source.ast);
    found.extend(detours.found);
    found.sort();
    found.dedup();
    found
}

/// What is wrong with one path, if anything.
fn judge(source: &Source<'_>, reference: &Reference, top_files: &[String]) -> Option<String> {
    let here = source.module();
    let room = Room::of(&here, top_files);
    let written = reference.segments.join("::");
    let Some(target) = resolve(&here, reference) else {
        return foreign(source.path, reference, &written);
    };
    if target.is_empty() && room != Room::Root {
        let hides = reference.glob || reference.renamed || reference.segments.len() == 1;
        return hides.then(|| format!("`{written}` imports the whole crate root"));
    }
    let other = Room::of(&target, top_files);
    if !room.may_name(&other) {
        let relation = if room.height() == other.height() {
            "beside it"
        } else {
            "above it"
        };
        return Some(format!(
            "{} names `{written}`: {} stands {relation}",
            room.name(),
            other.name()
        ));
    }
    let own = match room {
        Room::Top(_) => Some(TRACEPOINTS),
        Room::Policy => Some(HOOK),
        _ => None,
    };
    let safe = own.is_some() && target.get(1).map(String::as_str) == own;
    if other == Room::Bindings && room != Room::Root && !safe && !is_raw(source.path) {
        return Some(format!("`{written}`: bindings end at src/net"));
    }
    if other == Room::Bindings && reference.exported && reference.glob && room != Room::Bindings {
        return Some(format!("`{written}::*` hands all bindings on"));
    }
    None
}

/// The rule for a path that leaves the crate.
fn foreign(path: &str, reference: &Reference, written: &str) -> Option<String> {
    let segments: Vec<&str> = reference.segments.iter().map(String::as_str).collect();
    if segments.first() != Some(&"kernel") || (is_raw(path) && !reference.exported) {
        return None;
    }
    match segments.get(1) {
        None if reference.glob || reference.renamed => {
            Some(format!("`{written}` hides kernel::bindings"))
        }
        Some(&"bindings") if !is_raw(path) => {
            Some(format!("`{written}`: kernel::bindings ends at src/net"))
        }
        Some(&"bindings")
            if !path.starts_with("src/bindings/") && is_module_of_bindings(reference) =>
        {
            Some(format!("`{written}` hands all bindings on"))
        }
        _ => None,
    }
}

fn is_module_of_bindings(reference: &Reference) -> bool {
    reference.glob || reference.segments.len() == 2
}

/// The absolute path in the crate, or nothing for a path that leaves it or stays in the module.
fn resolve(here: &[String], reference: &Reference) -> Option<Vec<String>> {
    let mut at: Vec<String> = here.iter().chain(&reference.inside).cloned().collect();
    let mut rest = reference.segments.as_slice();
    match rest.first()?.as_str() {
        "crate" => return Some(rest[1..].to_vec()),
        "self" => rest = &rest[1..],
        "super" => {}
        _ => return None,
    }
    while rest.first().is_some_and(|s| s == "super") {
        at.pop();
        rest = &rest[1..];
    }
    at.extend(rest.iter().cloned());
    Some(at)
}

/// The framework knows nothing of the family that is built on it.
fn family_words(path: &str, text: &str) -> Vec<Finding> {
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| line.to_ascii_lowercase().contains("qsock"))
        .map(|(at, _)| Finding::new(path, at + 1, "src/net knows no word of qsock"))
        .collect()
}

/// Ways to bring code into a room that its path does not show.
struct Detours<'a> {
    path: &'a str,
    found: Vec<Finding>,
}

impl<'ast> Visit<'ast> for Detours<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.attrs.iter().any(|a| a.path().is_ident("path")) {
            let line = item.ident.span().start().line;
            let text = "#[path] moves a file past its room";
            self.found.push(Finding::new(self.path, line, text));
        }
        visit::visit_item_mod(self, item);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        let last = mac.path.segments.last();
        if last.is_some_and(|s| s.ident == "include") && !self.path.starts_with("src/bindings/") {
            let line = mac.path.segments[0].ident.span().start().line;
            let text = "include! belongs to src/bindings";
            self.found.push(Finding::new(self.path, line, text));
        }
        visit::visit_macro(self, mac);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str) -> Vec<String> {
        let top = ["names".to_owned(), "trace".to_owned()];
        let found = rust_file(path, text, &top);
        found.iter().map(Finding::to_string).collect()
    }

    #[track_caller]
    fn refused(path: &str, text: &str) {
        assert_eq!(check(path, text).len(), 1, "{path}: {text}");
    }

    #[track_caller]
    fn accepted(path: &str, text: &str) {
        assert_eq!(check(path, text), [""; 0], "{path}: {text}");
    }

    #[test]
    fn lower_rooms_are_open() {
        accepted(
            "src/socket/send.rs",
            "use crate::{names, net::Sock, policy::Chain};",
        );
        accepted(
            "src/transport/local.rs",
            "use crate::queue::Ring; use crate::net::Iov;",
        );
        accepted(
            "src/net/sock.rs",
            "use crate::bindings; use kernel::bindings::socket;",
        );
        accepted("src/queue/mem.rs", "use kernel::bindings::page;");
        accepted(
            "src/qsock_main.rs",
            "use crate::socket::Family; use net::Registration;",
        );
        accepted(
            "src/names.rs",
            "mod tests { use super::*; } use kernel::prelude::*;",
        );
        accepted(
            "src/names/tests.rs",
            "mod cases { use super::super::*; } use crate::net::Sock;",
        );
    }

    #[test]
    fn upper_rooms_are_closed() {
        refused("src/net/sock.rs", "use crate::socket::State;");
        refused("src/queue/ring.rs", "use crate::{transport::Link};");
        refused("src/policy/mod.rs", "use super::socket;");
        refused("src/policy/rules/mod.rs", "use super::super::names::Table;");
        refused("src/names.rs", "fn f(s: &crate::socket::State) {}");
        refused("src/names/tests.rs", "use crate::socket::State;");
        refused("src/other/tests.rs", "");
        refused("src/transport/mod.rs", "fn f() { crate::names::find() }");
        refused(
            "src/net/mod.rs",
            "mod inner { use super::super::queue::Ring; }",
        );
        refused(
            "src/socket/mod.rs",
            "fn f() { crate::THIS_MODULE.as_ptr(); }",
        );
    }

    #[test]
    fn a_macro_is_no_way_out() {
        refused(
            "src/net/sock.rs",
            "fn f() { pin_init!(crate::socket::State {}) }",
        );
        refused(
            "src/queue/ring.rs",
            "macro_rules! m { () => { $crate::net::Sock } }",
        );
        refused(
            "src/net/a.rs",
            "macro_rules! m { () => { use crate::{bindings, policy::X}; } }",
        );
    }

    #[test]
    fn neighbours_are_blind() {
        refused("src/net/a.rs", "use crate::queue::Ring;");
        refused("src/queue/ring.rs", "use crate::net::Sock;");
        refused("src/policy/mod.rs", "use crate::transport::Link;");
        refused("src/transport/mod.rs", "use crate::policy::Hook;");
        refused("src/trace.rs", "use crate::names::Table;");
    }

    #[test]
    fn bindings_end_at_net() {
        refused("src/socket/a.rs", "use kernel::bindings;");
        refused(
            "src/queue/ring.rs",
            "use kernel::{bindings::page, prelude::*};",
        );
        refused("src/names.rs", "fn f() -> u32 { kernel::bindings::EINVAL }");
        refused(
            "src/names.rs",
            "fn f() -> u32 { m!(kernel::bindings::EINVAL) }",
        );
        refused("src/transport/mod.rs", "use crate::bindings::sock;");
        refused("src/socket/a.rs", "use kernel::*;");
        refused("src/socket/a.rs", "use kernel as k;");
        refused("src/net/mod.rs", "pub(crate) use crate::bindings::*;");
        refused("src/net/mod.rs", "pub(crate) use kernel::bindings;");
    }

    #[test]
    fn the_crate_root_is_not_imported_whole() {
        refused("src/net/a.rs", "use crate::*;");
        refused("src/net/mod.rs", "use super::*;");
        refused("src/net/a.rs", "use crate as q;");
        refused("src/net/a.rs", "extern crate self as q;");
    }

    #[test]
    fn the_framework_knows_no_family() {
        refused("src/net/a.rs", "// As QSock does.");
        refused("src/net/a.rs", "const NAME: &str = \"qsock\";");
        accepted("src/socket/a.rs", "// qsock");
    }

    #[test]
    fn no_detour() {
        refused("src/net/a.rs", "#[path = \"../socket/x.rs\"] mod x;");
        refused("src/net/a.rs", "include!(\"../x.rs\");");
        refused("src/misc/a.rs", "");
        refused("src/net/a.rs", "fn f( {");
    }

    #[test]
    fn top_files_are_found() {
        let paths = ["src/qsock_main.rs", "src/names.rs", "src/net/mod.rs"];
        assert_eq!(top_files(paths.into_iter()), ["names"]);
    }
}
