//! One row of any table, in a form that is equal on both databases, and the digest of a table.

use gatepost_core::secret::{Hash, Hashing};
use std::fmt;

/// What a column holds. SQLite has no type for [`Kind::Flag`] and stores 0 or 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Number,
    Flag,
    Text,
    Bytes,
}

/// The value of one column. Values of one column compare as both databases order them: by number, or byte by byte.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    Null,
    Number(i64),
    Flag(bool),
    Text(String),
    Bytes(Vec<u8>),
}

/// The values of a row, in the order of the columns of its table.
pub(super) type Row = Vec<Value>;

impl fmt::Display for Value {
    /// For a message: control characters are escaped, and a long text is cut.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 80;
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Text(text) if text.chars().count() > LONGEST => {
                write!(f, "{:?}...", text.chars().take(LONGEST).collect::<String>())
            }
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Bytes(bytes) => bytes.iter().take(LONGEST / 2).try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

/// The number of rows of a table, and a digest of them that does not depend on their order: the sum of the SHA-256 of
/// each row, as numbers of 256 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableDigest {
    pub rows: u64,
    sum: [u64; 4],
}

impl TableDigest {
    pub(super) fn add(&mut self, row: &[Value]) {
        self.rows += 1;
        let hash = hash(row);
        let mut carry = false;
        for (sum, part) in self.sum.iter_mut().zip(hash.as_bytes().chunks_exact(8)) {
            let part = u64::from_be_bytes(part.try_into().unwrap_or_default());
            let (added, over) = sum.overflowing_add(part);
            let (added, again) = added.overflowing_add(u64::from(carry));
            (*sum, carry) = (added, over || again);
        }
    }
}

/// One digest for all tables, with their names.
pub(super) fn digest_of<'a>(tables: impl Iterator<Item = (&'a str, TableDigest)>) -> Hash {
    let mut hashing = Hashing::default();
    hashing.add(b"gatepost copy 1\n");
    for (name, TableDigest { rows, sum }) in tables {
        hashing.add(&(name.len() as u64).to_be_bytes());
        hashing.add(name.as_bytes());
        hashing.add(&rows.to_be_bytes());
        for part in sum {
            hashing.add(&part.to_be_bytes());
        }
    }
    hashing.finish()
}

/// Each value is one byte for its kind, its length, and its bytes, so that different rows never hash the same input.
fn hash(row: &[Value]) -> Hash {
    let mut hashing = Hashing::default();
    let mut add = |kind: u8, bytes: &[u8]| {
        hashing.add(&[kind]);
        hashing.add(&(bytes.len() as u64).to_be_bytes());
        hashing.add(bytes);
    };
    for value in row {
        match value {
            Value::Null => add(0, &[]),
            Value::Number(number) => add(1, &number.to_be_bytes()),
            Value::Flag(flag) => add(2, &[u8::from(*flag)]),
            Value::Text(text) => add(3, text.as_bytes()),
            Value::Bytes(bytes) => add(4, bytes),
        }
    }
    hashing.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(rows: &[Row]) -> TableDigest {
        let mut digest = TableDigest::default();
        for row in rows {
            digest.add(row);
        }
        digest
    }

    #[test]
    fn a_digest_depends_on_each_value_and_not_on_the_order_of_rows() {
        let text = |text: &str| Value::Text(text.to_owned());
        let rows = [
            vec![Value::Number(1), text("a\0b"), Value::Null],
            vec![Value::Number(2), text("\u{1f600}"), Value::Bytes(vec![0])],
            vec![Value::Number(3), text(""), Value::Flag(false)],
        ];
        let whole = digest(&rows);
        let mut turned = rows.clone();
        turned.reverse();
        assert_eq!(digest(&turned), whole);
        for (at, other) in [
            (0, vec![Value::Number(1), text("a"), text("b")]),
            (1, vec![Value::Number(2), text("\u{1f600}"), text("\0")]),
            (2, vec![Value::Number(3), Value::Null, Value::Flag(false)]),
            (2, vec![Value::Number(3), text(""), Value::Number(0)]),
        ] {
            let mut rows = rows.clone();
            rows[at] = other;
            assert_ne!(digest(&rows), whole, "{at}");
        }
        assert_ne!(digest(&[rows[0].clone(), rows[0].clone()]), digest(&[rows[1].clone(), rows[1].clone()]));
        assert_ne!(digest(&rows[..2]), whole);
    }

    #[test]
    fn the_digest_of_all_tables_names_them() {
        let one = digest(&[vec![Value::Number(1)]]);
        assert_ne!(digest_of([("a", one)].into_iter()), digest_of([("b", one)].into_iter()));
    }
}
