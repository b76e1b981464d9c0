//! Reads the modules of one crate and resolves the paths that they mention. Code under `#[cfg(test)]` is left out.

use proc_macro2::{TokenStream, TokenTree};
use std::collections::BTreeMap;
use std::mem::replace;
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};
use syn::{
    Attribute, Expr, ExprLit, ImplItem, Item, ItemMod, ItemUse, Lit, Macro, Meta, MetaNameValue, UseTree,
    VisRestricted, Visibility,
};

/// A module's path below the crate's root, or a path as it is written; `*` is the last word of a glob.
pub type Name = Vec<String>;
/// The text of a file, if there is one.
pub type Source<'a> = &'a dyn Fn(&Path) -> Option<String>;

pub struct Mention {
    pub path: Name,
    pub line: usize,
    /// From a `use` that gives the name to others: this file needs it only if it mentions the name once more.
    pub is_reexport: bool,
}

pub struct Module {
    pub file: PathBuf,
    pub mentions: Vec<Mention>,
    imports: BTreeMap<String, Name>,
}

#[derive(Default)]
pub struct Tree {
    pub modules: BTreeMap<Name, Module>,
}

impl Tree {
    pub fn read(root: &Path, source: Source) -> Self {
        let mut tree = Self::default();
        let folder = root.parent().expect("a folder").to_owned();
        Reader { tree: &mut tree, source, module: Vec::new(), folder, is_test: false }.read(root);
        tree
    }

    /// The module that defines the item at `path`, through imports and re-exports; an item of another crate belongs to
    /// the module that imports it. `None` if the path leads to no item of the crate.
    pub fn owner(&self, module: &Name, path: &Name) -> Option<Name> {
        self.resolve(module, path, 16).and_then(|(owner, is_item)| is_item.then_some(owner))
    }

    /// Where `path` leads from the module `at`, and whether to an item in it.
    fn resolve(&self, at: &Name, path: &Name, depth: usize) -> Option<(Name, bool)> {
        let depth = depth.checked_sub(1)?;
        let mut at = at.clone();
        for (index, word) in path.iter().enumerate() {
            let mut child = at.clone();
            step(&mut child, word);
            let is_module = self.modules.contains_key(&child);
            // The last word may be an item that has the name of a module.
            let is_last = index + 1 == path.len();
            match self.modules[&at].imports.get(word).filter(|_| is_last || !is_module) {
                Some(import) => match self.resolve(&at, import, depth) {
                    Some((module, false)) => at = module,
                    item => return item.or(Some((at, true))),
                },
                None if is_module => at = child,
                None => return (index > 0).then_some((at, true)),
            }
        }
        Some((at, false))
    }
}

/// Goes from the module `at` where the next word of a path leads.
pub fn step(at: &mut Name, word: &str) {
    match word {
        "crate" => at.clear(),
        "self" => {}
        "super" => drop(at.pop()),
        _ => at.push(word.to_owned()),
    }
}

/// Whether a path starts at the crate's root or at the module that it stands in.
pub fn is_anchored(path: &Name) -> bool {
    matches!(path[0].as_str(), "crate" | "self" | "super")
}

struct Reader<'a> {
    tree: &'a mut Tree,
    source: Source<'a>,
    module: Name,
    /// Where the files of child modules are.
    folder: PathBuf,
    is_test: bool,
}

impl Reader<'_> {
    fn read(&mut self, path: &Path) {
        let text = (self.source)(path).unwrap_or_else(|| panic!("{} is missing", path.display()));
        let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self.enter(path.to_owned());
        self.visit_file(&file);
    }

    fn enter(&mut self, file: PathBuf) {
        let module = Module { file, mentions: Vec::new(), imports: BTreeMap::new() };
        self.tree.modules.insert(self.module.clone(), module);
    }

    fn current(&mut self) -> &mut Module {
        self.tree.modules.get_mut(&self.module).expect("entered before it is read")
    }

    fn mention(&mut self, path: Name, line: usize, is_reexport: bool) {
        if !self.is_test {
            self.current().mentions.push(Mention { path, line, is_reexport });
        }
    }

    fn import(&mut self, tree: &UseTree, mut path: Name, is_reexport: bool) {
        let (ident, name) = match tree {
            UseTree::Path(part) => {
                path.push(part.ident.to_string());
                return self.import(&part.tree, path, is_reexport);
            }
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.import(tree, path.clone(), is_reexport));
            }
            UseTree::Glob(glob) => {
                path.push("*".to_owned());
                return self.mention(path, glob.star_token.spans[0].start().line, false);
            }
            UseTree::Name(name) => (&name.ident, &name.ident),
            UseTree::Rename(rename) => (&rename.ident, &rename.rename),
        };
        if ident != "self" {
            path.push(ident.to_string());
        }
        let name = if name == "self" { path[path.len() - 1].clone() } else { name.to_string() };
        self.current().imports.entry(name).or_insert_with(|| path.clone());
        self.mention(path, ident.span().start().line, is_reexport);
    }

    /// Finds the paths in tokens that nothing parses; a list in braces after `::` is not followed.
    fn tokens(&mut self, tokens: TokenStream, are_rules: bool) {
        let mut words = Vec::new();
        flatten(tokens, &mut words);
        let is = |index: usize, text: &str| words.get(index).is_some_and(|(word, _)| word == text);
        let is_ident = |index: usize| words.get(index).is_some_and(|(_, line)| *line > 0);
        let mut start = 0;
        while start < words.len() {
            let mut path = vec![words[start].0.clone()];
            let mut end = start + 1;
            while is(end, ":") && is(end + 1, ":") && is_ident(end + 2) {
                path.push(words[end + 2].0.clone());
                end += 3;
            }
            let after = |text| start > 0 && is(start - 1, text);
            // A field, a method, a lifetime, what follows `<T>::`.
            let goes_on = after(".") || after("'") || (after(":") && start > 1 && is(start - 2, ":"));
            // In `macro_rules!`, `self` and `super` mean the place where the macro is used. `pub(crate)` is no path.
            let counts = if is_anchored(&path) {
                path.len() > 1 && (path[0] == "crate" || !are_rules)
            } else {
                !goes_on && !are_rules
            };
            if is_ident(start) && counts {
                self.mention(path, words[start].1, false);
            }
            start = end;
        }
    }
}

/// Each word with its line, which is 0 unless it is an identifier.
fn flatten(tokens: TokenStream, words: &mut Vec<(String, usize)>) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => words.push((ident.to_string(), ident.span().start().line)),
            TokenTree::Group(group) => {
                words.push(("(".to_owned(), 0));
                flatten(group.stream(), words);
                words.push((")".to_owned(), 0));
            }
            other => words.push((other.to_string(), 0)),
        }
    }
}

/// Attributes are visited before what they stand on.
impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let was_test = self.is_test;
        visit::visit_item(self, item);
        self.is_test = was_test;
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let was_test = self.is_test;
        visit::visit_impl_item(self, item);
        self.is_test = was_test;
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.is_test |= list.path.is_ident("cfg") && list.tokens.to_string() == "test";
            self.tokens(list.tokens.clone(), false);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        module.attrs.iter().for_each(|attribute| self.visit_attribute(attribute));
        if self.is_test {
            return;
        }
        let file = self.current().file.clone();
        let name = module.ident.to_string();
        let folder = self.folder.join(&name);
        let above = replace(&mut self.folder, folder.clone());
        self.module.push(name);
        if let Some((_, items)) = &module.content {
            self.enter(file);
            for item in items {
                self.visit_item(item);
            }
        } else if let Some(path) = module.attrs.iter().find_map(stated_path) {
            let file = file.with_file_name(path);
            file.parent().expect("a folder").clone_into(&mut self.folder);
            self.read(&file);
        } else {
            let beside = folder.with_extension("rs");
            let is_beside = (self.source)(&beside).is_some();
            self.read(&if is_beside { beside } else { folder.join("mod.rs") });
        }
        self.module.pop();
        self.folder = above;
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        item.attrs.iter().for_each(|attribute| self.visit_attribute(attribute));
        if item.leading_colon.is_none() && !self.is_test {
            self.import(&item.tree, Vec::new(), !matches!(item.vis, Visibility::Inherited));
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            let words = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.mention(words, path.segments[0].ident.span().start().line, false);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.visit_path(&call.path);
        self.tokens(call.tokens.clone(), call.path.is_ident("macro_rules"));
    }

    fn visit_vis_restricted(&mut self, _: &'ast VisRestricted) {}
}

fn stated_path(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(MetaNameValue {
            path,
            value: Expr::Lit(ExprLit { lit: Lit::Str(text), .. }),
            ..
        }) if path.is_ident("path") => Some(text.value()),
        _ => None,
    }
}
