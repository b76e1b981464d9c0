//! The header lines of a request, as they lie in the connection's memory: neither copied nor indexed, for each request
//! reads a few of them once.

use hyper::HeaderMap;

/// One line: a name in the case in which it was sent, and a value of any bytes.
pub use httparse::Header as Line;

/// All lines, in their order.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a>(&'a [Line<'a>]);

impl<'a> Headers<'a> {
    /// These lines.
    pub const fn new(lines: &'a [Line<'a>]) -> Self {
        Self(lines)
    }

    /// Every name, as it was sent.
    pub fn names(self) -> impl Iterator<Item = &'a str> {
        self.0.iter().map(|line| line.name)
    }

    /// The values of this name, whatever its case.
    pub fn all(self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |line| line.name.eq_ignore_ascii_case(name)).map(|line| line.value)
    }

    /// The first value of this name.
    pub fn first(self, name: &'static str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// The first value of this name, if it is text.
    pub fn text(self, name: &'static str) -> Option<&'a str> {
        self.first(name).and_then(text)
    }

    /// All values of this name that are text, joined as RFC 9110 section 5.3 allows.
    pub fn joined(self, name: &'static str) -> String {
        self.all(name).filter_map(text).collect::<Vec<_>>().join(",")
    }

    /// Whether there is such a line.
    pub fn has(self, name: &'static str) -> bool {
        self.first(name).is_some()
    }
}

/// A value as text: visible ASCII, spaces and tabs, as RFC 9110 section 5.5 wants new fields to be.
pub fn text(value: &[u8]) -> Option<&str> {
    let is_text = value.iter().all(|byte| matches!(byte, b'\t' | 0x20..=0x7E));
    if is_text { std::str::from_utf8(value).ok() } else { None }
}

/// The lines of an indexed head.
pub fn lines_of(map: &HeaderMap) -> Vec<Line<'_>> {
    map.iter().map(|(name, value)| Line { name: name.as_str(), value: value.as_bytes() }).collect()
}
