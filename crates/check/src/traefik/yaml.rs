//! Parses the first document of a YAML file into the tree of [`super::document`]. Anchors and merge keys are resolved.
//! A name that occurs twice in a map is an error.
//!
//! Guarantee: nodes and depth are limited, so that aliases cannot expand a small file into a huge tree.

use super::document::{Malformed, Node, Value};
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};
use std::collections::HashMap;

const MOST_NODES: usize = 100_000;
const MOST_LEVELS: usize = 64;

/// Parses the only document of a file: what follows it is an error.
pub fn read_only_document(text: &str) -> Result<Node, Malformed> {
    let mut builder = Builder { parser: Parser::new_from_str(text), anchors: HashMap::new(), nodes: 0 };
    let mut document = None;
    loop {
        match builder.next()? {
            (Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing, _) => {}
            (Event::StreamEnd, line) => return Ok(document.unwrap_or(Node { line, value: Value::Nothing })),
            (_, line) if document.is_some() => {
                return Err(Malformed { line, why: "a file holds one document".to_owned() });
            }
            (event, line) => document = Some(builder.node(event, line, 0)?),
        }
    }
}

pub(super) fn read(text: &str) -> Result<Node, Malformed> {
    let mut builder = Builder { parser: Parser::new_from_str(text), anchors: HashMap::new(), nodes: 0 };
    loop {
        match builder.next()? {
            (Event::StreamStart | Event::DocumentStart(_) | Event::Nothing, _) => {}
            (Event::StreamEnd | Event::DocumentEnd, line) => return Ok(Node { line, value: Value::Nothing }),
            (event, line) => return builder.node(event, line, 0),
        }
    }
}

struct Builder<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl<'a> Builder<'a> {
    fn next(&mut self) -> Result<(Event<'a>, usize), Malformed> {
        let next: Option<Result<(Event<'a>, Span), ScanError>> = self.parser.next();
        match next {
            Some(Ok((event, span))) => Ok((event, span.start.line())),
            Some(Err(error)) => Err(Malformed { line: error.marker().line(), why: error.info().to_owned() }),
            None => Ok((Event::StreamEnd, 0)),
        }
    }

    fn node(&mut self, event: Event<'a>, line: usize, level: usize) -> Result<Node, Malformed> {
        self.nodes += 1;
        if self.nodes > MOST_NODES || level > MOST_LEVELS {
            return Err(Malformed { line, why: "it is too large or nested too deeply".to_owned() });
        }
        let (value, anchor) = match event {
            Event::Alias(id) => {
                let node = self.anchors.get(&id).cloned();
                let node =
                    node.ok_or_else(|| Malformed { line, why: "an alias refers to itself".to_owned() })?;
                self.nodes += node.size();
                return Ok(Node { line, value: node.value });
            }
            Event::Scalar(text, style, anchor, _) => (scalar(&text, style), anchor),
            Event::SequenceStart(anchor, _) => (self.list(level)?, anchor),
            Event::MappingStart(anchor, _) => (self.map(level)?, anchor),
            _ => return Err(Malformed { line, why: "a value is missing".to_owned() }),
        };
        let node = Node { line, value };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, level: usize) -> Result<Value, Malformed> {
        let mut nodes = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(nodes)),
                (event, line) => nodes.push(self.node(event, line, level + 1)?),
            }
        }
    }

    fn map(&mut self, level: usize) -> Result<Value, Malformed> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (name, line) = match self.next()? {
                (Event::MappingEnd, _) => break,
                (Event::Scalar(text, ..), line) => (text.into_owned(), line),
                (_, line) => return Err(Malformed { line, why: "a name is not a text".to_owned() }),
            };
            let (event, at) = self.next()?;
            let node = Node { line, ..self.node(event, at, level + 1)? };
            if name == "<<" {
                merged.push(node);
            } else if entries.iter().any(|(other, _)| *other == name) {
                return Err(Malformed { line, why: format!("{name} occurs twice") });
            } else {
                entries.push((name, node));
            }
        }
        for node in merged {
            let sources = if let Value::List(nodes) = node.value { nodes } else { vec![node] };
            for (name, node) in sources.iter().flat_map(Node::entries) {
                if !entries.iter().any(|(other, _)| other == name) {
                    entries.push((name.clone(), node.clone()));
                }
            }
        }
        Ok(Value::Map(entries))
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    let is_null = style == ScalarStyle::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL");
    if is_null { Value::Nothing } else { Value::Text(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Node {
        read(text).unwrap_or_else(|error| panic!("line {}: {}", error.line, error.why))
    }

    #[test]
    fn a_value_has_the_line_of_its_name() {
        let node = tree("a:\n  b: 1\n  c:\n    - x\n    - y\n");
        let line = |path: &str| node.at(path).map(|node| node.line);
        assert_eq!((line("a"), line("a.b"), line("a.c"), line("A.C")), (Some(1), Some(2), Some(3), Some(3)));
        assert_eq!(node.at("a.c").map(Node::texts), Some(vec![("x", 4), ("y", 5)]));
    }

    #[test]
    fn an_only_document_is_read_to_its_end() {
        let texts =
            |text: &str| read_only_document(text).map(|node| node.texts().len()).map_err(|error| error.line);
        assert_eq!(texts("# nothing\n---\n- a\n- b\n...\n"), Ok(2));
        assert_eq!((texts(""), texts("# nothing\n")), (Ok(0), Ok(0)));
        assert_eq!(texts("- a\n---\n- b\n"), Err(3));
        assert!(texts("- a\n...\n]\n").is_err());
    }

    #[test]
    fn a_merge_key_adds_missing_names_with_their_own_lines() {
        let node = tree("a: &a\n  x: 1\n  y: 2\nb:\n  <<: *a\n  y: 3\n");
        let found = |path: &str| node.at(path).and_then(|node| Some((node.text()?, node.line)));
        assert_eq!((found("b.x"), found("b.y")), (Some(("1", 2)), Some(("3", 6))));
    }

    #[test]
    fn what_traefik_would_not_load_is_refused_with_its_line() {
        for (text, line) in [("a: 1\na: 2\n", 2), ("a: [1\nb: 2\n", 2), ("a:\n\t- b\n", 2)] {
            let error = read(text).map(drop).expect_err(text);
            assert!((line..=line + 1).contains(&error.line), "{text:?}: {error:?}");
        }
        let first = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        let bomb = (1..9).fold(first, |bomb, n| {
            let list = vec![format!("*a{}", n - 1); 10].join(", ");
            format!("{bomb}a{n}: &a{n} [{list}]\n")
        });
        assert!(read(&bomb).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "[ -~\n\t\u{e9}]{0,120}", lines in "([a-c&*<:\\[\\]{}|>'\"-]| |\n){0,80}") {
            let _ = (read(&text), read(&lines));
        }
    }
}
