//! Features by which a code resembles the codes of a provider.
//!
//! RFC 6749 leaves a code to the provider, but each provider makes all of its codes in one way, and a stranger has never
//! seen one of them. The features only order waiting requests; they refuse none.

use std::collections::HashSet;
use std::ops::RangeInclusive;

/// The number of first bytes that are compared. Some providers start all codes with the same bytes.
const HEAD: usize = 8;

/// The features of one code.
#[derive(Clone, Copy, Debug)]
pub(super) struct CodeFeatures {
    pub(super) shape: Shape,
    length: usize,
    head: [u8; HEAD],
}

/// The features that codes of one source share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    /// Grows with the length, two steps for each doubling.
    size: u32,
    /// One bit for each kind of character.
    alphabet: u8,
}

/// The features of one provider's codes that became sessions.
#[derive(Debug)]
pub(super) struct KnownCodes {
    shapes: HashSet<Shape>,
    lengths: RangeInclusive<usize>,
    /// Their common prefix.
    head: Vec<u8>,
}

impl CodeFeatures {
    pub(super) fn of(code: &str) -> Self {
        let mut head = [0; HEAD];
        head.iter_mut().zip(code.bytes()).for_each(|(to, byte)| *to = byte);
        Self { shape: Shape::of(code), length: code.len(), head }
    }

    /// Its first four bytes.
    pub(super) const fn prefix(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.head;
        [a, b, c, d]
    }
}

impl Shape {
    fn of(code: &str) -> Self {
        let octave = code.len().checked_ilog2().unwrap_or(0);
        let upper_half = if octave == 0 { 0 } else { (code.len() >> (octave - 1)) & 1 };
        let size = 2 * octave + u32::from(upper_half == 1);
        Self { size, alphabet: code.bytes().map(kind).fold(0, |kinds, kind| kinds | kind) }
    }
}

impl KnownCodes {
    /// The features after the first code.
    pub(super) fn new(features: &CodeFeatures) -> Self {
        Self {
            shapes: HashSet::from([features.shape]),
            lengths: features.length..=features.length,
            head: features.head.to_vec(),
        }
    }

    pub(super) fn knows(&self, features: &CodeFeatures) -> bool {
        self.shapes.contains(&features.shape)
            && self.lengths.contains(&features.length)
            && features.head.starts_with(&self.head)
    }

    /// Adds a code.
    pub(super) fn learn(&mut self, features: &CodeFeatures) {
        self.shapes.insert(features.shape);
        self.lengths = features.length.min(*self.lengths.start())..=features.length.max(*self.lengths.end());
        let common = self.head.iter().zip(features.head).take_while(|(own, other)| *own == other).count();
        self.head.truncate(common);
    }
}

/// A character that may be missing in a short code by chance (`-` and `_` of base64url) is of no kind.
const fn kind(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        b'0'..=b'9' => 4,
        b'.' => 8,
        b'/' => 16,
        b'-' | b'_' => 0,
        _ => 32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_codes_of_two_senders_and_real_codes_have_different_shapes() {
        let shape = |code: &str| CodeFeatures::of(code).shape;
        let entra = |fill: &str, times| format!("1.AXkA{}", fill.repeat(times));
        assert_eq!(shape(&entra("aZ0-", 160)), shape(&entra("bY9_", 170)));
        let uuid = "0f8fad5b-d9cb-469f-a165-70867728950e";
        let (entra, keycloak, long) = (entra("aZ0-", 160), [uuid; 3].join("."), "a".repeat(700));
        let all = [&entra, &keycloak, &long, "", "c", "junk", "junk-17", "0f8fad5bd9cb469fa16570867728950e"];
        let shapes: HashSet<_> = all.iter().map(|code| shape(code)).collect();
        assert_eq!(shapes.len(), all.len());
    }

    #[test]
    fn each_doubling_has_two_sizes() {
        let size = |length: usize| CodeFeatures::of(&"a".repeat(length)).shape.size;
        let sizes = [1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 15, 16].map(size);
        assert_eq!(sizes, [0, 2, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8]);
    }

    #[test]
    fn what_all_codes_of_a_provider_have_in_common_is_learnt() {
        let code = |head: &str, length: usize| format!("{head}{}", "aZ0".repeat(length))[..length].to_owned();
        let features = |head, length| CodeFeatures::of(&code(head, length));
        let mut known_codes = KnownCodes::new(&features("1.AXkA", 620));
        assert!(known_codes.knows(&features("1.AXkA", 620)));
        for unlike in [
            features("1.AXkA", 619),
            features("1.AXkA", 621),
            features("1.BXkA", 620),
            features("x1.AXkA", 620),
        ] {
            assert!(!known_codes.knows(&unlike), "{unlike:?}");
        }
        known_codes.learn(&features("1.AXkB", 640));
        assert!(known_codes.knows(&features("1.AXkC", 630)) && !known_codes.knows(&features("1.BXkA", 630)));
        assert!(!known_codes.knows(&CodeFeatures::of(&code("1.AXkA~", 630))), "another alphabet");
        let mut random = KnownCodes::new(&features("", 43));
        random.learn(&features("9bC", 43));
        assert!(random.knows(&features("Ab9", 43)), "where nothing is in common, nothing is asked for");
    }
}
