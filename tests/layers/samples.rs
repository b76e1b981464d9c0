//! The rules on small trees.

use crate::rules::{backward_imports, circles, stated_order};
use crate::tree::Tree;
use std::path::Path;

/// A crate of these files, each `name: text`; the text goes on until the next name.
fn tree(files: &[&str]) -> Tree {
    let source = |path: &Path| {
        let mut files = files.iter().filter_map(|file| file.split_once(": "));
        files.find_map(|(name, text)| (Path::new("src").join(name) == path).then(|| text.to_owned()))
    };
    Tree::read(Path::new("src/lib.rs"), &source)
}

/// What is found in `low/part.rs`; `low` stands below `high`.
fn found_in(part: &str) -> Vec<String> {
    let files = [
        "lib.rs: mod low; mod high;",
        "low/mod.rs: pub struct Low; mod part;",
        &format!("low/part.rs: {part}"),
        "high.rs: pub struct High(crate::low::Low);",
    ];
    backward_imports(&tree(&files), &["low".into(), "high".into()]).into_iter().collect()
}

/// The circles, each as its files and lines.
fn circles_of(files: &[&str]) -> Vec<String> {
    let found = circles(&tree(files)).into_iter();
    let ways = found.map(|text| {
        let edges = text.lines().skip(1).filter_map(|edge| edge.trim().strip_prefix("src/")?.split_once(' '));
        edges.map(|(place, _)| place.to_owned()).collect::<Vec<_>>().join(" ")
    });
    ways.collect()
}

#[test]
fn the_order_is_read_from_the_table() {
    let text =
        "//! | module | is |\n//! |---|---|\n//! | [`low`] | words |\n//! | [`high`] | more |\n\nmod low;\n";
    assert_eq!(stated_order(text), ["low", "high"]);
}

#[test]
fn a_path_against_the_order_is_found_in_each_form() {
    let forms = [
        "use crate::high::High;",
        "use super::super::high::High;",
        "use crate::{low::Low, high::{self as above}};",
        "pub use crate::high::High as Name;",
        "use crate::high::*;",
        "fn new() -> crate::high::High { todo!() }",
        "fn new() { let _ = Vec::<super::super::high::High>::new(); }",
        "fn new() { println!(\"{}\", [1..crate::high::MAX]); }",
        "macro_rules! new { () => { $crate::high::High } }",
        "mod inner { use super::super::super::high::High; }",
        "#[arg(value = crate::high::High)] struct Own;",
    ];
    for text in forms {
        assert_eq!(found_in(&format!("\n{text}")), ["src/low/part.rs:2: low needs high"], "{text}");
    }
    assert_eq!(found_in("use crate::*;"), ["src/low/part.rs:1: low needs the whole crate"]);
}

#[test]
fn a_path_along_the_order_and_tests_are_let_through() {
    let forms = [
        "use crate::low::Low; use super::Low as Other; pub(in crate::low) struct Own;",
        "use high::High; use ::high::Low; fn new() { new!(pub(crate) own.high, ::high::High); }",
        "#[cfg(test)] mod tests { use crate::high::High; }",
        "#[cfg(test)] use crate::high::High; impl Own { #[cfg(test)] fn high(_: crate::high::High) {} }",
    ];
    for text in forms {
        assert_eq!(found_in(text), [""; 0], "{text}");
    }
    assert_eq!(found_in("#[cfg(not(test))] use crate::high::High;").len(), 1);
}

#[test]
fn a_circle_of_three_files_and_one_of_two_siblings_are_found() {
    let (a, b) = ("a.rs: use crate::b::B; pub struct A;", "b.rs: use super::c; pub struct B(c::C);");
    let c = "c.rs: pub struct C;\nfn c() { matches!(1, super::a::A); }";
    assert_eq!(circles_of(&["lib.rs: mod a; mod b; mod c;", a, b, c]), ["b.rs:1 c.rs:2 a.rs:1"]);
    assert_eq!(circles_of(&["lib.rs: mod a; mod b; mod c;", a, b, "c.rs: pub struct C;"]), [""; 0]);
    assert_eq!(
        circles_of(&["lib.rs: mod a; mod b;", a, "b.rs: pub struct B(crate::a::A);"]),
        ["b.rs:1 a.rs:1"]
    );
}

#[test]
fn a_file_and_its_child_may_need_each_other_but_not_through_a_sibling() {
    let a = "a/mod.rs: mod b; mod c; pub struct A(b::B, c::C);";
    let (b, c) = ("a/b.rs: use super::A; pub struct B;", "a/c.rs: use super::A; pub struct C;");
    assert_eq!(circles_of(&["lib.rs: mod a;", a, b, c]), [""; 0]);
    let b = "a/b.rs: use super::c::C; pub struct B;";
    assert_eq!(circles_of(&["lib.rs: mod a;", a, b, c]), ["a/c.rs:1 a/mod.rs:1 a/b.rs:1"]);
}

#[test]
fn a_reexport_leads_to_the_file_that_defines_the_item() {
    let files = |a, c, d| ["lib.rs: mod a; mod d;", a, "a/b.rs: pub use super::c::C;", c, d];
    let (a, c) = ("a/mod.rs: mod b; mod c; pub use b::C as Name;", "a/c.rs: pub struct C;");
    let d = "d.rs: use crate::a::Name; pub struct D;";
    // `a` needs nothing of what it re-exports, so it may need `d`, which needs `c` alone.
    let needs_d = "a/mod.rs: mod b; mod c; pub use b::C as Name; struct A(crate::d::D);";
    assert_eq!(circles_of(&files(needs_d, c, d)), [""; 0]);
    assert_eq!(circles_of(&files(a, "a/c.rs: pub struct C(crate::d::D);", d)), ["d.rs:1 a/c.rs:1"]);
    // `a` uses the name itself.
    let uses = "a/mod.rs: mod b; mod c; pub use b::C as Name;\npub struct A(Name);";
    let (c, d) = ("a/c.rs: pub struct C(crate::d::D);", "d.rs: pub struct D(crate::a::A);");
    assert_eq!(circles_of(&files(uses, c, d)), ["d.rs:1 a/mod.rs:2 a/c.rs:1"]);
}

#[test]
fn a_file_with_a_stated_path_is_read_for_each_module_that_names_it() {
    let shared = "#[path = \"shared/mod.rs\"] mod shared;";
    let (a, b) =
        (format!("a.rs: {shared} pub struct A;"), format!("b.rs: {shared} pub struct A(shared::C);"));
    let files = [
        "lib.rs: mod a; mod b;",
        &a,
        &b,
        "shared/mod.rs: mod c; pub use c::C;",
        "shared/c.rs: use super::super::A;",
    ];
    assert_eq!(circles_of(&files), ["shared/c.rs:1 b.rs:1"]);
}
