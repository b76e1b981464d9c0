//! Reads the given files and detects what they are: Traefik's static or dynamic configuration, or a Compose file with
//! Traefik's flags, variables and labels.

use super::document::{Malformed, Node, Value};
use super::{toml_file, yaml};
use crate::finding::{Finding, Place, codes};
use std::path::{Path, PathBuf};

codes! {
    FILE_UNREADABLE = Error "traefik-file-unreadable":
        "Traefik does not start, or ignores the whole file: its routers do not exist, and other routers may answer their requests.",
        "Correct the line that the finding names. `--traefik` takes the paths of files.";
    FILE_TEMPLATED = Warning "traefik-file-templated":
        "A file with Go templates cannot be checked.",
        "Give `check` the rendered file, or write the file without templates.";
    LABELS_UNREAD = Error "traefik-labels-unread":
        "Traefik ignores the labels of this container, because exposedByDefault is false. It leaves out routers that use a middleware of these labels, and other routers may answer their requests.",
        "Add the label traefik.enable=true, or remove the labels.";
    FILE_UNKNOWN = Warning "traefik-file-unknown":
        "Nothing in this file was checked.",
        "Give `check` Traefik's static file (entryPoints, providers), its dynamic files (http) or a Compose file (services).";
}

/// What a source contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Traefik's static configuration: entry points, providers.
    Static,
    /// Dynamic configuration of the provider with this name: routers, middlewares, services.
    Dynamic(&'static str),
    /// A Compose file.
    Compose,
}

/// A file, or the part of a Compose file's service that configures Traefik.
#[derive(Debug)]
pub(super) struct Source {
    pub file: PathBuf,
    pub kind: Kind,
    pub node: Node,
    /// The name of the Compose file's service.
    pub owner: Option<String>,
}

const STATIC: [&str; 12] = [
    "entryPoints",
    "providers",
    "certificatesResolvers",
    "api",
    "accessLog",
    "log",
    "metrics",
    "ping",
    "serversTransport",
    "global",
    "tracing",
    "experimental",
];
const DYNAMIC: [&str; 4] = ["http", "tcp", "udp", "tls"];

/// Reads all files. A file that cannot be read becomes a finding.
pub(super) fn read(files: &[PathBuf], findings: &mut Vec<Finding>) -> Vec<Source> {
    let mut sources = Vec::new();
    for file in files {
        match read_file(file) {
            Ok(node) => classify(file, node, &mut sources, findings),
            Err(finding) => findings.push(finding),
        }
    }
    let hidden = HiddenByDefault::of(&sources);
    sources.retain(|source| is_seen(source, hidden, findings));
    sources
}

/// Which container providers ignore containers without `traefik.enable=true` (`exposedByDefault: false`).
#[derive(Clone, Copy)]
struct HiddenByDefault {
    docker: bool,
    swarm: bool,
}

impl HiddenByDefault {
    fn of(sources: &[Source]) -> Self {
        let is_hidden = |provider: &str| {
            let path = format!("providers.{provider}.exposedByDefault");
            sources.iter().any(|source| {
                source.kind == Kind::Static && source.node.at(&path).is_some_and(Node::is_false)
            })
        };
        Self { docker: is_hidden("docker"), swarm: is_hidden("swarm") }
    }
}

/// Whether Traefik reads this source. It ignores the labels of containers that are not enabled.
fn is_seen(source: &Source, hidden: HiddenByDefault, findings: &mut Vec<Finding>) -> bool {
    let is_hidden_by_default = match source.kind {
        Kind::Dynamic("docker") => hidden.docker,
        Kind::Dynamic("swarm") => hidden.swarm,
        Kind::Dynamic(_) | Kind::Static | Kind::Compose => return true,
    };
    match source.node.get("enable") {
        Some(flag) if flag.is_true() => true,
        // `traefik.enable=false` is intended.
        Some(_) => false,
        None if is_hidden_by_default => {
            let first = source.node.entries().first().map_or(source.node.line, |(_, node)| node.line);
            let owner = source.owner.as_deref().unwrap_or_default();
            let found = format!("{owner} has labels for Traefik, but not traefik.enable=true.");
            findings.push(LABELS_UNREAD.at(Place::line(&source.file, first), found));
            false
        }
        None => true,
    }
}

fn read_file(file: &Path) -> Result<Node, Finding> {
    let whole = || Place::line(file, 0);
    let text = std::fs::read_to_string(file)
        .map_err(|error| FILE_UNREADABLE.at(whole(), format!("The file cannot be read: {error}.")))?;
    let is_toml = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
    let tree = if is_toml { toml_file::read(&text) } else { yaml::read(&text) };
    let templated = text.lines().position(|line| line.contains("{{")).map(|before| before + 1);
    tree.map_err(|Malformed { line, why }| {
        if let Some(line) = templated {
            FILE_TEMPLATED.at(Place::line(file, line), "The file contains Go templates.")
        } else {
            let language = if is_toml { "TOML" } else { "YAML" };
            FILE_UNREADABLE.at(Place::line(file, line), format!("This is not valid {language}: {why}."))
        }
    })
}

fn classify(file: &Path, node: Node, sources: &mut Vec<Source>, findings: &mut Vec<Finding>) {
    let has = |names: &[&str]| names.iter().any(|name| node.get(name).is_some());
    let source = |kind, node| Source { file: file.to_owned(), kind, node, owner: None };
    if node.get("services").is_some() {
        read_compose(file, &node, sources);
        sources.push(source(Kind::Compose, node));
    } else if has(&DYNAMIC) {
        sources.push(source(Kind::Dynamic("file"), node));
    } else if has(&STATIC) {
        sources.push(source(Kind::Static, node));
    } else {
        findings.push(
            FILE_UNKNOWN
                .at(Place::line(file, 0), "This is neither a configuration of Traefik nor a Compose file."),
        );
    }
}

/// Adds the sources in a Compose file: the labels of its services, and the flags and variables of Traefik itself.
fn read_compose(file: &Path, node: &Node, sources: &mut Vec<Source>) {
    for (name, service) in node.get("services").map(Node::entries).unwrap_or_default() {
        let mut add = |kind, node: Node| {
            if !node.entries().is_empty() {
                sources.push(Source { file: file.to_owned(), kind, node, owner: Some(name.clone()) });
            }
        };
        // Compose sets `labels` on containers, Swarm sets `deploy.labels` on services.
        for (path, provider) in [("labels", "docker"), ("deploy.labels", "swarm")] {
            let labels = labels(service, path);
            let has_configuration = DYNAMIC.iter().any(|root| labels.get(root).is_some());
            if has_configuration || labels.get("enable").is_some_and(Node::is_true) {
                add(Kind::Dynamic(provider), labels);
            }
        }
        if is_traefik(service) {
            add(Kind::Static, flags(service));
        }
    }
}

/// The labels under `path` that begin with `traefik.`, as a tree.
fn labels(service: &Node, path: &str) -> Node {
    let mut labels = Node::map(service.line);
    for (key, text, line) in pairs(service.at(path)) {
        if let Some((root, rest)) = key.split_once('.')
            && root.eq_ignore_ascii_case("traefik")
        {
            labels.insert(rest, &text, line);
        }
    }
    labels
}

/// Whether a service of a Compose file is Traefik.
pub(super) fn is_traefik(service: &Node) -> bool {
    let image = service.get("image").and_then(Node::text).unwrap_or_default();
    super::image::Image::parse(image).name == "traefik"
}

fn flags(service: &Node) -> Node {
    let mut tree = Node::map(service.line);
    for part in ["entrypoint", "command"] {
        let Some(node) = service.get(part) else { continue };
        let words: Vec<(&str, usize)> = match &node.value {
            Value::Text(text) => text.split_whitespace().map(|word| (word, node.line)).collect(),
            _ => node.items().iter().filter_map(|item| Some((item.text()?, item.line))).collect(),
        };
        for (word, line) in words {
            if let Some(flag) = word.strip_prefix("--") {
                let (path, text) = flag.split_once('=').unwrap_or((flag, "true"));
                tree.insert(path, &interpolate(text), line);
            }
        }
    }
    for (name, text, line) in pairs(service.get("environment")) {
        if let Some(path) = name.to_ascii_lowercase().strip_prefix("traefik_") {
            tree.insert(&path.replace('_', "."), &text, line);
        }
    }
    tree
}

/// Reads labels or variables, which are a map or a list of `NAME=VALUE`, with the line of each.
pub(super) fn pairs(node: Option<&Node>) -> Vec<(String, String, usize)> {
    let Some(node) = node else { return Vec::new() };
    let listed = node.items().iter().filter_map(|item| {
        let (name, text) = item.text()?.split_once('=')?;
        Some((name.to_owned(), interpolate(text), item.line))
    });
    let mapped = node
        .entries()
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), interpolate(value.text()?), value.line)));
    listed.chain(mapped).collect()
}

/// Replaces Compose's `${NAME:-default}` with the default and `$$` with `$`. A variable without a default stays as it
/// is.
pub(super) fn interpolate(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            match name.split_once(":-").or_else(|| name.split_once('-')) {
                Some((_, default)) => out.push_str(default),
                None => out.extend(["${", name, "}"]),
            }
            rest = after;
        } else {
            out.push('$');
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_counts_as_its_default() {
        for (text, read) in [
            ("traefik:${VERSION:-v3.7.13}", "traefik:v3.7.13"),
            ("${A-b}c$$d", "bc$d"),
            ("Host(`${APP}`)", "Host(`${APP}`)"),
            ("a$", "a$"),
            ("${open", "${open"),
        ] {
            assert_eq!(interpolate(text), read);
        }
    }
}
