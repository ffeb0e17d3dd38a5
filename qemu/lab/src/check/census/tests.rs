// SPDX-License-Identifier: GPL-2.0
//! Planted violations that the census must see, and what it must leave alone.

use super::*;

const BLOCK: &str = "\n// SAFETY: It is.\nunsafe { g() };";

fn check(path: &str, text: &str) -> (Count, Vec<String>) {
    let (count, found) = rust_file(path, text);
    (count, found.iter().map(Finding::to_string).collect())
}

#[track_caller]
fn refused(path: &str, text: &str, said: &str) {
    let (_, found) = check(path, text);
    assert!(
        found.len() == 1 && found[0].contains(said),
        "{text}: {found:?}"
    );
}

#[track_caller]
fn accepted(path: &str, text: &str) {
    assert_eq!(check(path, text).1, [""; 0], "{path}: {text}");
}

#[test]
fn unsafe_has_its_rooms() {
    let text = format!("fn f() {{ {BLOCK} }}");
    for path in ["src/net/a.rs", "src/bindings/mod.rs", "src/queue/mem.rs"] {
        accepted(path, &text);
    }
    for path in [
        "src/queue/ring.rs",
        "src/names.rs",
        "src/socket/mod.rs",
        "src/policy/net/a.rs",
    ] {
        refused(path, &text, ":3: unsafe block outside");
    }
    refused(
        "src/names.rs",
        "// SAFETY: No.\nunsafe impl Send for S {}",
        "unsafe impl outside",
    );
    refused(
        "src/names.rs",
        "/// # Safety\nunsafe fn f() {}",
        "unsafe fn f outside",
    );
    refused(
        "src/names.rs",
        "/// # Safety\nunsafe trait T {}",
        "unsafe trait outside",
    );
    refused(
        "src/names.rs",
        "// SAFETY: No.\nextern \"C\" { fn f(); }",
        "extern block outside",
    );
    refused(
        "src/names.rs",
        "m!(\n// SAFETY: No.\nunsafe { 1 });",
        "unsafe block outside",
    );
}

#[test]
fn the_lint_is_lowered_nowhere_else() {
    refused(
        "src/names.rs",
        "#![allow(unsafe_code)]",
        "unsafe_code allowed",
    );
    refused(
        "src/names.rs",
        "#[expect(dead_code, unsafe_code)] mod x;",
        "unsafe_code allowed",
    );
    refused(
        "src/names.rs",
        "#[cfg_attr(a, allow(unsafe_code))] mod x;",
        "unsafe_code allowed",
    );
    let root = "#![deny(unsafe_code)]\n#[allow(unsafe_code)] mod net;";
    accepted("src/qsock_main.rs", root);
    refused(
        "src/qsock_main.rs",
        &root.replace("net;", "names;"),
        "unsafe_code allowed",
    );
    refused(
        "src/qsock_main.rs",
        &root.replace("net;", "net {}"),
        "unsafe_code allowed",
    );
    accepted("src/queue/mod.rs", "#[allow(unsafe_code)] mod mem;");
    refused(
        "src/queue/mod.rs",
        "#[allow(unsafe_code)] mod ring;",
        "unsafe_code allowed",
    );
    refused(
        "src/names.rs",
        "#[allow(unsafe_code)] mod net;",
        "unsafe_code allowed",
    );
    accepted("src/net/mod.rs", "#![allow(unsafe_code)]");
    accepted("src/names.rs", "#![allow(dead_code)]");
}

#[test]
fn a_test_module_takes_the_rooms_of_src() {
    let path = "selftests/modules/echo/echo_main.rs";
    let text = |file: &str| {
        format!("#![deny(unsafe_code)]\n#[allow(unsafe_code)]\n#[path = \"{file}\"]\nmod net;")
    };
    accepted(path, &text("../../../src/net/mod.rs"));
    refused(
        path,
        &text("../../../src/socket/mod.rs"),
        "unsafe_code allowed",
    );
    refused(path, &text("net/mod.rs"), "unsafe_code allowed");
    refused(path, "mod net;", "does not say");
    refused("src/names.rs", &text("x/net/mod.rs"), "unsafe_code allowed");
}

#[test]
fn the_root_denies() {
    refused("src/qsock_main.rs", "mod net;", "does not say");
    accepted("src/qsock_main.rs", "#![deny(unsafe_code)]\nmod net;");
}

#[test]
fn a_block_says_why() {
    let path = "src/net/a.rs";
    refused(path, "fn f() { unsafe { g() } }", "without a `// SAFETY:`");
    refused(
        path,
        "fn f() {\n// It is safe.\nunsafe { g() } }",
        "without a `// SAFETY:`",
    );
    refused(
        path,
        "fn f() {\n// SAFETY: Far.\n\nlet y = 1;\nunsafe { g() } }",
        "`// SAFETY:`",
    );
    refused(
        path,
        "/// SAFETY: A doc comment.\nunsafe impl Send for S {}",
        "`// SAFETY:`",
    );
    refused(
        path,
        "macro_rules! m { () => { unsafe { g() } } }",
        "`// SAFETY:`",
    );
    refused(
        path,
        "#[unsafe(no_mangle)]\nfn f() {}",
        "unsafe attribute without",
    );
    accepted(
        path,
        "fn f() {\n// SAFETY: A long\n// proof.\nlet y = h(\n  unsafe { g() },\n);\n}",
    );
    accepted(
        path,
        "// SAFETY: No data.\n#[cfg(x)]\nunsafe impl Send for S {}",
    );
    accepted(
        path,
        "const X: T = T {\n    // SAFETY: Zeroes.\n    a: unsafe { z() },\n};",
    );
}

#[test]
fn a_function_states_its_contract() {
    let path = "src/net/a.rs";
    refused(
        path,
        "/// Safety\npub(crate) unsafe fn f() {}",
        "without a `# Safety`",
    );
    refused(path, "trait T { unsafe fn f(); }", "without a `# Safety`");
    refused(
        path,
        "impl S { unsafe extern \"C\" fn f() {} }",
        "without a `# Safety`",
    );
    refused(
        path,
        "macro_rules! m { ($n:ident) => { unsafe fn $n() {} } }",
        "`# Safety`",
    );
    accepted(
        path,
        "/// F.\n///\n/// # Safety\n///\n/// Be careful.\n#[inline]\nunsafe fn f() {}",
    );
    accepted(path, "impl T for S { unsafe fn f() {} }");
    accepted(path, "struct S { f: unsafe extern \"C\" fn(*mut u8) }");
    accepted(path, "m!(f: unsafe extern \"C\" fn(*mut u8));");
}

#[test]
fn the_count_is_complete() {
    let text = format!(
        "fn f() {{ {BLOCK} m!({{ {BLOCK} }}); }}
        // SAFETY: No data.
        unsafe impl Send for S {{}}
        /// # Safety
        unsafe fn f() {{}}"
    );
    let (count, found) = check("src/net/a.rs", &text);
    assert_eq!(found, [""; 0]);
    let expected = Count {
        blocks: 2,
        impls: 1,
        contracts: 1,
    };
    assert_eq!(count, expected);
    assert_eq!(count.total(), 4);
}
