//! Batches of rows, and their keys and columns in statements and messages.

use super::tables::{Column, Table};
use super::value::{Row, Value};

/// How many rows are read and written at a time.
pub(super) const BATCH: usize = 1_000;

/// Rows in which order, from where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// As it is fastest.
    Any,
    /// By the key, as both databases compare it.
    ByKey,
}

/// Why a batch was not written, with the row if it is known.
#[derive(Debug)]
pub(super) struct Refused {
    pub row: Option<Row>,
    pub column: Option<&'static str>,
    pub reason: String,
}

/// What writing a batch can end with.
#[derive(Debug)]
pub(super) enum WriteError {
    Refused(Refused),
    Failed(sqlx::Error),
}

impl From<sqlx::Error> for WriteError {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error)
    }
}

/// The key of a row, for a message.
pub(super) fn key_text(table: &Table, row: &[Value]) -> String {
    let parts = table.key.iter().zip(table.key_places());
    let parts = parts.filter_map(|(name, at)| Some(format!("{name} {}", row.get(at)?)));
    parts.collect::<Vec<_>>().join(", ")
}

/// The values of the key.
pub(super) fn key_of(table: &Table, row: &[Value]) -> Vec<Value> {
    table.key_places().filter_map(|at| row.get(at).cloned()).collect()
}

/// The columns, quoted and separated by commas.
pub(super) fn column_list(table: &Table) -> String {
    table.columns.iter().map(|column| format!("\"{}\"", column.name)).collect::<Vec<_>>().join(", ")
}

/// The column that a constraint is about: `groups_name_is_a_name` is about `name`.
pub(super) fn column_of_constraint(table: &Table, text: &str) -> Option<&'static str> {
    let begin = format!("{}_", table.name);
    let rest = text
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .find_map(|word| word.strip_prefix(&*begin));
    let dotted = format!("{}.", table.name);
    let named = |column: &&Column| {
        rest.is_some_and(|rest| rest.starts_with(column.name))
            || text.contains(&format!("{dotted}{}", column.name))
    };
    table.columns.iter().filter(named).max_by_key(|column| column.name.len()).map(|column| column.name)
}
