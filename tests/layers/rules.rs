//! The two rules. Each gives a text for each place that breaks it, with files and lines.

use crate::tree::{Name, Tree, is_anchored, step};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

/// The names in the table at the head of a file, from the lowest up.
pub fn stated_order(text: &str) -> Vec<String> {
    let head = text.lines().take_while(|line| line.starts_with("//!"));
    head.filter_map(|line| Some(line.strip_prefix("//! | [`")?.split_once("`]")?.0.to_owned())).collect()
}

/// Paths from a module to one that stands later in `order`.
pub fn backward_imports(tree: &Tree, order: &[String]) -> BTreeSet<String> {
    let height = |name: &Name| order.iter().position(|known| Some(known) == name.first());
    let mut found = BTreeSet::new();
    for (name, module) in tree.modules.iter().filter(|(name, _)| !name.is_empty()) {
        for mention in module.mentions.iter().filter(|mention| is_anchored(&mention.path)) {
            let mut target = name.clone();
            mention.path.iter().for_each(|word| step(&mut target, word));
            let is_whole = target.first().is_none_or(|word| word == "*");
            if is_whole || height(&target) > height(name) {
                let what = if is_whole { "the whole crate" } else { &target[0] };
                found.insert(format!("{}:{}: {} needs {what}", module.file.display(), mention.line, name[0]));
            }
        }
    }
    found
}

/// Which file needs which, and at which line first.
type Graph<'a> = BTreeMap<&'a Path, BTreeMap<&'a Path, usize>>;

fn files(tree: &Tree) -> Graph<'_> {
    let mut graph = Graph::new();
    for (name, module) in &tree.modules {
        for mention in module.mentions.iter().filter(|mention| !mention.is_reexport) {
            // A module that is imported counts where something is taken from it.
            let Some(owner) = tree.owner(name, &mention.path) else { continue };
            let file = tree.modules[&owner].file.as_path();
            if file != module.file {
                graph.entry(&module.file).or_default().entry(file).or_insert(mention.line);
            }
        }
    }
    graph
}

/// Circles of files, the shortest through each edge, but for a file and its own child.
pub fn circles(tree: &Tree) -> Vec<String> {
    let graph = files(tree);
    let modules = tree.modules.iter().filter(|(name, _)| !name.is_empty());
    let parent = |name: &Name| tree.modules[&name[..name.len() - 1]].file.as_path();
    let children: BTreeSet<_> = modules.map(|(name, module)| (parent(name), module.file.as_path())).collect();
    let mut found = BTreeMap::new();
    for (from, targets) in &graph {
        for to in targets.keys() {
            let is_pair = children.contains(&(from, to)) || children.contains(&(to, from));
            if let Some(way) = shortest_way(&graph, to, from, is_pair) {
                found.entry(BTreeSet::from_iter(way.clone())).or_insert(way);
            }
        }
    }
    found.values().map(|way| told(&graph, way)).collect()
}

/// The files on the shortest way, both ends included; the direct one does not count if the ends are a pair.
fn shortest_way<'a>(graph: &Graph<'a>, from: &'a Path, to: &'a Path, is_pair: bool) -> Option<Vec<&'a Path>> {
    let mut ways = VecDeque::from([vec![from]]);
    let mut seen = BTreeSet::from([from]);
    while let Some(way) = ways.pop_front() {
        let last = way[way.len() - 1];
        if last == to {
            return Some(way);
        }
        for &next in graph.get(last).into_iter().flat_map(BTreeMap::keys) {
            if !(is_pair && last == from && next == to) && seen.insert(next) {
                ways.push_back([&way[..], &[next]].concat());
            }
        }
    }
    None
}

fn told(graph: &Graph, way: &[&Path]) -> String {
    let edge = |(from, to): (&&Path, &&Path)| {
        format!("\n  {}:{} needs {}", from.display(), graph[from][to], to.display())
    };
    let edges: String = way.iter().zip(way.iter().cycle().skip(1)).map(edge).collect();
    format!("a circle of {} files{edges}", way.len())
}
