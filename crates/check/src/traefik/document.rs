//! A tree for configuration files of any language, in which every node has its line.
//!
//! Names are compared without case, as Traefik does in files, flags, variables and labels. The line of a map's value is
//! the line of its name.

/// A value and its line.
#[derive(Clone, Debug)]
pub struct Node {
    /// The line, counted from 1.
    pub line: usize,
    /// The value.
    pub value: Value,
}

/// A value. Numbers and truth values are texts.
#[derive(Clone, Debug)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Nothing,
    /// A scalar.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<(String, Node)>),
}

/// Why a file cannot be parsed, and in which line.
#[derive(Debug)]
pub struct Malformed {
    /// The line, counted from 1.
    pub line: usize,
    /// Why, in the words of the parser.
    pub why: String,
}

impl Node {
    pub const fn map(line: usize) -> Self {
        Self { line, value: Value::Map(Vec::new()) }
    }

    /// The names and values of a map; empty for any other value.
    pub fn entries(&self) -> &[(String, Self)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    pub fn get(&self, name: &str) -> Option<&Self> {
        self.entries().iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, node)| node)
    }

    /// The node under a path of names that are separated by `.`.
    pub fn at(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |node, name| node.get(name))
    }

    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn is_true(&self) -> bool {
        self.text().is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    pub fn is_false(&self) -> bool {
        self.text().is_some_and(|text| text.eq_ignore_ascii_case("false"))
    }

    /// The entries of a list of texts with their lines. Flags and labels write such a list with commas.
    pub fn texts(&self) -> Vec<(&str, usize)> {
        match &self.value {
            Value::List(nodes) => {
                nodes.iter().filter_map(|node| Some((node.text()?.trim(), node.line))).collect()
            }
            Value::Text(text) => text
                .split(',')
                .map(str::trim)
                .filter(|entry| !entry.is_empty())
                .map(|entry| (entry, self.line))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// The nodes of a list; empty for any other value.
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(nodes) => nodes,
            _ => &[],
        }
    }

    /// Inserts a text under a path of names, as a flag, a variable or a label gives it.
    pub fn insert(&mut self, path: &str, text: &str, line: usize) {
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        if !matches!(self.value, Value::Map(_)) {
            self.value = Value::Map(Vec::new());
        }
        let Value::Map(entries) = &mut self.value else { return };
        let at = entries.iter().position(|(key, _)| key.eq_ignore_ascii_case(name)).unwrap_or_else(|| {
            entries.push((name.to_owned(), Self::map(line)));
            entries.len() - 1
        });
        match rest {
            Some(rest) => entries[at].1.insert(rest, text, line),
            None => entries[at].1 = Self { line, value: Value::Text(text.to_owned()) },
        }
    }

    /// The number of nodes in this tree.
    pub fn size(&self) -> usize {
        1 + match &self.value {
            Value::List(nodes) => nodes.iter().map(Self::size).sum(),
            Value::Map(entries) => entries.iter().map(|(_, node)| node.size()).sum(),
            Value::Nothing | Value::Text(_) => 0,
        }
    }
}
