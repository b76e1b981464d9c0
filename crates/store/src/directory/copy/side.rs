//! One of the two stores of a copy, behind the few operations that a copy needs.

use super::batch::{BATCH, Order, Refused, WriteError, key_text};
use super::error::CopyError;
use super::postgres::PostgresSide;
use super::sqlite::SqliteSide;
use super::state::Mark;
use super::tables::{TABLES, Table};
use super::value::{Row, TableDigest, Value, digest_of};
use crate::directory::{DirectoryError, SchemaState};
use gatepost_core::secret::Hash;

/// A connection to one of the stores.
#[derive(Debug)]
pub(super) enum Side {
    Postgres(PostgresSide),
    Sqlite(SqliteSide),
}

macro_rules! on_side {
    ($side:expr, $inner:ident => $call:expr) => {
        match $side {
            Side::Postgres($inner) => $call.await,
            Side::Sqlite($inner) => $call.await,
        }
    };
}

impl Side {
    /// The store without user and password.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Postgres(side) => &side.name,
            Self::Sqlite(side) => &side.name,
        }
    }

    pub(super) fn failed(&self, error: impl Into<DirectoryError>) -> CopyError {
        let (store, source) = (self.name().to_owned(), error.into());
        if source.is_about_room() {
            CopyError::NoRoom { store, source }
        } else {
            CopyError::Directory { store, source }
        }
    }

    /// Everything that is read until [`Self::end`] is of one moment.
    pub(super) async fn begin_reading(&mut self) -> Result<(), CopyError> {
        let done = on_side!(self, side => side.begin_reading());
        done.map_err(|error| self.failed(error))
    }

    pub(super) async fn end(&mut self) -> Result<(), CopyError> {
        let done = on_side!(self, side => side.end());
        done.map_err(|error| self.failed(error))
    }

    /// Prepares to read the rows of a table, those after `after` if it is a key.
    pub(super) async fn open(
        &mut self,
        table: &'static Table,
        order: Order,
        after: Option<&[Value]>,
    ) -> Result<(), CopyError> {
        let done = on_side!(self, side => side.open(table, order, after));
        done.map_err(|error| self.failed(error))
    }

    /// The next rows, at most [`BATCH`]; none at the end.
    pub(super) async fn next(&mut self, table: &'static Table) -> Result<Vec<Row>, CopyError> {
        let rows = on_side!(self, side => side.next(table));
        rows.map_err(|error| match error {
            WriteError::Failed(error) => self.failed(error),
            WriteError::Refused(Refused { row, column, reason }) => CopyError::Row {
                store: self.name().to_owned(),
                table: table.name,
                key: row.map_or_else(|| "its key cannot be read".to_owned(), |row| key_text(table, &row)),
                column,
                reason,
            },
        })
    }

    /// Writes rows in one transaction.
    pub(super) async fn write(&mut self, table: &'static Table, rows: &[Row]) -> Result<(), CopyError> {
        let written = on_side!(self, side => side.write(table, rows));
        written.map_err(|error| match error {
            WriteError::Failed(error) => self.failed(error),
            WriteError::Refused(Refused { row, column, reason }) => CopyError::Row {
                store: self.name().to_owned(),
                table: table.name,
                key: match (&row, rows.first()) {
                    (Some(row), _) => key_text(table, row),
                    (None, Some(first)) => {
                        format!("within {} rows from {}", rows.len(), key_text(table, first))
                    }
                    (None, None) => String::new(),
                },
                column,
                reason,
            },
        })
    }

    /// The greatest key of a table.
    pub(super) async fn last_key(&mut self, table: &'static Table) -> Result<Option<Vec<Value>>, CopyError> {
        let last = on_side!(self, side => side.last_key(table));
        last.map_err(|error| self.failed(error))
    }

    pub(super) async fn count(&mut self, table: &'static Table) -> Result<u64, CopyError> {
        let count = on_side!(self, side => side.count(table.name));
        count.map(i64::unsigned_abs).map_err(|error| self.failed(error))
    }

    /// The tables that have rows.
    pub(super) async fn filled(&mut self) -> Result<Vec<String>, CopyError> {
        let mut filled = Vec::new();
        for table in TABLES {
            let has_rows = on_side!(self, side => side.has_rows(table.name));
            if has_rows.map_err(|error| self.failed(error))? {
                filled.push(table.name.to_owned());
            }
        }
        Ok(filled)
    }

    /// Deletes every row that a copy wrote.
    pub(super) async fn clear(&mut self) -> Result<(), CopyError> {
        let done = on_side!(self, side => side.clear());
        done.map_err(|error| self.failed(error))
    }

    /// What has to be done when all rows are there.
    pub(super) async fn finish(&mut self) -> Result<(), CopyError> {
        let done = on_side!(self, side => side.finish());
        done.map_err(|error| self.failed(error))
    }

    /// `None`: there is no schema at all.
    pub(super) async fn schema(&mut self) -> Result<Option<SchemaState>, CopyError> {
        let schema = on_side!(self, side => side.schema());
        schema.map_err(|error| self.failed(error))
    }

    pub(super) async fn mark(&mut self) -> Result<Option<Mark>, CopyError> {
        let mark = on_side!(self, side => side.mark());
        mark.map_err(|error| self.failed(error))
    }

    /// Replaces the mark. `None` removes it.
    pub(super) async fn set_mark(&mut self, mark: Option<&Mark>) -> Result<(), CopyError> {
        let done = on_side!(self, side => side.set_mark(mark));
        done.map_err(|error| self.failed(error))
    }

    /// The number of audit entries after this one.
    pub(super) async fn count_audit_after(&mut self, id: i64) -> Result<i64, CopyError> {
        let count = on_side!(self, side => side.count_audit_after(id));
        count.map_err(|error| self.failed(error))
    }

    pub(super) async fn last_audit_id(&mut self) -> Result<Option<i64>, CopyError> {
        let last = on_side!(self, side => side.last_audit_id());
        last.map_err(|error| self.failed(error))
    }

    /// Refuses a store that this Gatepost cannot copy from or to.
    pub(super) async fn refuse_unfit(&mut self, is_target: bool) -> Result<(), CopyError> {
        match self {
            Self::Postgres(side) => side.refuse_unfit(is_target).await,
            // Its lock is held.
            Self::Sqlite(_) => Ok(()),
        }
    }

    /// The digest of each table, in one read transaction.
    pub(super) async fn digests(&mut self) -> Result<Vec<TableDigest>, CopyError> {
        self.begin_reading().await?;
        let mut digests = Vec::new();
        for table in TABLES {
            let mut digest = TableDigest::default();
            self.open(table, Order::Any, None).await?;
            loop {
                let rows = self.next(table).await?;
                for row in &rows {
                    digest.add(row);
                }
                if rows.len() < BATCH {
                    break;
                }
            }
            digests.push(digest);
        }
        self.end().await?;
        Ok(digests)
    }
}

/// One digest of all tables.
pub(super) fn whole(digests: &[TableDigest]) -> Hash {
    digest_of(TABLES.iter().map(|table| table.name).zip(digests.iter().copied()))
}
