//! No import runs back.
//!
//! - The modules of `src/`, and of `crates/runtime`, need one another in the order of the table at the head of their `lib.rs`.
//! - No files need one another in a circle, in `src/` and in each crate.
//!
//! A file needs what its imports name, and the paths in its code, in arguments of macros and of attributes. A path leads to
//! the file that defines the item, however often it is re-exported; a re-export alone needs nothing. Code under
//! `#[cfg(test)]` is left out: tests may use what lies above. Macros that are called without a path are not followed.
//!
//! One circle is allowed: a file and its own child, which is a part of the same thing in a file of its own. Several children
//! may each use their parent. But if the parent uses a child, and that child needs the parent through a sibling, nobody
//! can read one of the three without the others; what they share belongs in a file below them.

mod rules;
mod samples;
mod tree;

use rules::{backward_imports, circles, stated_order};
use std::fs;
use std::path::Path;
use tree::Tree;

fn read(path: &Path) -> Option<String> {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).ok()
}

/// The crates whose modules have an order, stated at the head of the file.
const ORDERED: [&str; 2] = ["crates/runtime/src/lib.rs", "src/lib.rs"];

fn order(root: &Path) -> Vec<String> {
    stated_order(&read(root).unwrap_or_else(|| panic!("{} is missing", root.display())))
}

#[test]
fn the_table_in_lib_rs_lists_each_module_once() {
    for root in ORDERED.map(Path::new) {
        let mut stated = order(root);
        stated.sort();
        let tree = Tree::read(root, &read);
        let declared = tree.modules.keys().filter(|name| name.len() == 1).map(|name| name[0].clone());
        assert_eq!(stated, declared.collect::<Vec<_>>(), "{}", root.display());
    }
}

#[test]
fn no_module_needs_one_that_stands_later_in_lib_rs() {
    for root in ORDERED.map(Path::new) {
        let found = Vec::from_iter(backward_imports(&Tree::read(root, &read), &order(root)));
        assert!(found.is_empty(), "{} paths against the order:\n{}", found.len(), found.join("\n"));
    }
}

#[test]
fn no_files_need_one_another_in_a_circle() {
    let crates = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("crates")).expect("crates/");
    let names = crates.map(|entry| entry.expect("an entry of crates/").file_name());
    let mut roots: Vec<_> = names.map(|name| Path::new("crates").join(name).join("src/lib.rs")).collect();
    roots.push("src/lib.rs".into());
    let found: Vec<_> = roots.iter().flat_map(|root| circles(&Tree::read(root, &read))).collect();
    assert!(found.is_empty(), "{} circles:\n{}", found.len(), found.join("\n"));
}
