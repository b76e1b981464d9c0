//! Parses TOML into the tree of [`super::document`].

use super::document::{Malformed, Node, Value};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub(super) fn read(text: &str) -> Result<Node, Malformed> {
    match DeTable::parse(text) {
        Ok(table) => Ok(Node { line: 1, value: map(table.get_ref(), text) }),
        Err(error) => {
            let line = error.span().map_or(1, |span| line_of(text, &span));
            Err(Malformed { line, why: error.message().to_owned() })
        }
    }
}

fn map(table: &DeTable<'_>, text: &str) -> Value {
    let entry = |(name, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let name: &Spanned<std::borrow::Cow<'_, str>> = name;
        let node = Node { line: line_of(text, &name.span()), value: read_value(value.get_ref(), text) };
        (name.get_ref().to_string(), node)
    };
    Value::Map(table.iter().map(entry).collect())
}

fn read_value(value: &DeValue<'_>, text: &str) -> Value {
    match value {
        DeValue::String(string) => Value::Text(string.to_string()),
        DeValue::Integer(integer) => Value::Text(integer.as_str().to_owned()),
        DeValue::Float(float) => Value::Text(float.as_str().to_owned()),
        DeValue::Boolean(flag) => Value::Text(flag.to_string()),
        DeValue::Datetime(at) => Value::Text(at.to_string()),
        DeValue::Array(array) => Value::List(
            array
                .iter()
                .map(|item| Node {
                    line: line_of(text, &item.span()),
                    value: read_value(item.get_ref(), text),
                })
                .collect(),
        ),
        DeValue::Table(table) => map(table, text),
    }
}

fn line_of(text: &str, span: &Range<usize>) -> usize {
    1 + text.as_bytes().iter().take(span.start).filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_the_line_of_its_name() {
        let node = read("[a]\nb = 1\n[a.c]\nd = [\n  'x',\n  'y',\n]\ne = true\n").expect("TOML");
        assert_eq!(node.at("a.b").and_then(|node| Some((node.text()?, node.line))), Some(("1", 2)));
        assert_eq!(node.at("a.c.d").map(Node::texts), Some(vec![("x", 5), ("y", 6)]));
        assert!(node.at("a.c.e").is_some_and(Node::is_true));
        assert_eq!(read("a = 1\nb = \n").map(drop).map_err(|error| error.line).err(), Some(2));
    }
}
