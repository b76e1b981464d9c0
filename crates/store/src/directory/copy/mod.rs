//! Copies a directory from one database to the other: from the embedded file to Postgres, or back.
//!
//! The data's way:
//! - `tables` describes each table once: name, key, columns with their kinds, in the order of the foreign keys. The suite
//!   compares it with the schemas of both databases, so that no migration can be forgotten.
//! - The source is read in one transaction, by the keys, 1,000 rows at a time (`side`, `sqlite`, `postgres`). Rows are
//!   typed values (`value`), never SQL text. Each batch is one transaction of the target. The trigger that would change
//!   rows of the audit is off within it; all others fire, and make what is not copied.
//! - `state`: the target is marked as `copying` before its first row. `serve` and all commands refuse it until it is
//!   marked as `copied`. The source is marked as `moved` a moment before. A crash in between leaves no store that can be
//!   served by mistake, and `--resume` finishes.
//! - The mark holds the digest of the source from before the first row. A resumed copy computes it again: if it is the
//!   same, each table goes on after its greatest key in the target; otherwise the target is emptied. While it is emptied the
//!   mark holds no digest, so rows of an earlier state of the source are never taken for those of the present one.
//! - Verification reads both sides again. The digest of a table is the sum of the SHA-256 of its rows, in a form that
//!   does not depend on the database. If two digests differ, both tables are read by key up to the first difference.
//! - Nothing is written to the audit of either store, so its chain is the same on both. The marks say what was done.
//!
//! Sessions are copied by `session::carry`.

mod batch;
mod error;
mod postgres;
mod side;
mod sqlite;
mod state;
mod tables;
mod value;

pub use error::CopyError;
pub use tables::{Column, NOT_COPIED, TABLES, Table};
pub use value::Kind;

use crate::directory::pooler::Address;
use crate::directory::{SchemaState, postgres as server, sqlite as file};
use batch::{BATCH, Order, key_of, key_text};
use gatepost_config::WatchedSecret;
use gatepost_core::secret::Hash;
use postgres::PostgresSide;
use side::{Side, whole};
use sqlite::SqliteSide;
use state::{Mark, State};
use std::cmp::Ordering;
use std::path::PathBuf;
use value::Row;

/// Where a directory is.
#[derive(Clone, Debug)]
pub enum Location {
    /// An embedded file.
    File(PathBuf),
    /// A database of Postgres.
    Postgres {
        /// Its address.
        url: WatchedSecret,
        /// Authorities to trust in addition to the system's.
        ca_file: Option<PathBuf>,
    },
}

impl Location {
    async fn connect(&self) -> Result<Side, CopyError> {
        match self {
            Self::File(path) => {
                let named =
                    |source| CopyError::Directory { store: format!("sqlite:{}", path.display()), source };
                // Refuses a file that others may open.
                drop(file::Store::open(path).map_err(named)?);
                SqliteSide::connect(path).await.map(Side::Sqlite).map_err(|error| named(error.into()))
            }
            Self::Postgres { url, ca_file } => {
                let named = |source| CopyError::Directory { store: "Postgres".to_owned(), source };
                let address = Address::new(url, ca_file.as_deref()).map_err(named)?;
                PostgresSide::connect(&address).await.map(Side::Postgres).map_err(named)
            }
        }
    }

    async fn migrate(&self) -> Result<(), CopyError> {
        let done = match self {
            Self::File(path) => match file::Store::open(path) {
                Ok(store) => store.migrate().await,
                Err(error) => Err(error),
            },
            Self::Postgres { url, ca_file } => match server::Store::open(url, ca_file.as_deref()) {
                Ok(store) => store.migrate().await,
                Err(error) => Err(error),
            },
        };
        done.map_err(|source| CopyError::Directory { store: "the target".to_owned(), source })
    }
}

/// How many rows each table has.
pub type RowCounts = Vec<(&'static str, u64)>;

/// A copy between two stores that nobody else uses.
#[derive(Debug)]
pub struct Copier {
    source: Side,
    target: Side,
    to: Location,
    /// What both sides were seen to hold.
    verified: Option<Hash>,
}

/// What the target is before a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// Or a part of it, without rows.
    NoSchema,
    Empty,
    /// A copy from this source stopped. With the digest that the source had.
    Half(Option<Hash>),
}

impl Copier {
    /// Connects to both. The caller holds the locks of embedded files.
    ///
    /// # Errors
    /// A store that does not answer, or is not fit for a copy.
    pub async fn open(from: &Location, to: &Location) -> Result<Self, CopyError> {
        let mut source = from.connect().await?;
        refuse_schema(&mut source).await?;
        source.refuse_unfit(false).await?;
        let mut target = to.connect().await?;
        target.refuse_unfit(true).await?;
        Ok(Self { source, target, to: to.clone(), verified: None })
    }

    /// The names of both, without user and password.
    pub fn names(&self) -> (&str, &str) {
        (self.source.name(), self.target.name())
    }

    /// What would be copied, after everything was checked. Changes nothing.
    ///
    /// # Errors
    /// Why a copy would not begin.
    pub async fn rehearse(&mut self) -> Result<RowCounts, CopyError> {
        self.judge(false).await?;
        count_rows(&mut self.source).await
    }

    /// Copies all rows. The target stays marked as half copied: [`Self::finish`] ends it.
    ///
    /// # Errors
    /// Why the copy stopped. With `resume` it can be taken up again.
    pub async fn copy(&mut self, resume: bool) -> Result<(), CopyError> {
        let found = self.judge(resume).await?;
        if found == Found::NoSchema {
            self.to.migrate().await?;
        }
        let digest = whole(&self.source.digests().await?);
        if found != Found::Half(Some(digest)) {
            let from = self.source.name().to_owned();
            let mark = |digest| Mark::new(State::Copying, &from, digest, None);
            self.target.set_mark(Some(&mark(None))).await?;
            self.target.clear().await?;
            self.target.set_mark(Some(&mark(Some(digest)))).await?;
        }
        self.source.begin_reading().await?;
        for table in TABLES {
            self.copy_table(table).await?;
        }
        self.source.end().await?;
        self.target.finish().await
    }

    /// The next batch is read while one is written.
    async fn copy_table(&mut self, table: &'static Table) -> Result<(), CopyError> {
        let after = self.target.last_key(table).await?;
        self.source.open(table, Order::ByKey, after.as_deref()).await?;
        let mut rows = self.source.next(table).await?;
        while !rows.is_empty() {
            let is_last = rows.len() < BATCH;
            let next = async { if is_last { Ok(Vec::new()) } else { self.source.next(table).await } };
            let (written, next) = tokio::join!(self.target.write(table, &rows), next);
            written?;
            rows = next?;
        }
        Ok(())
    }

    /// Reads both sides again and compares them.
    ///
    /// # Errors
    /// [`CopyError::Differs`] with the first difference.
    pub async fn verify(&mut self) -> Result<RowCounts, CopyError> {
        refuse_schema(&mut self.target).await?;
        let (of_source, of_target) = tokio::join!(self.source.digests(), self.target.digests());
        let (of_source, of_target) = (of_source?, of_target?);
        for ((table, source), target) in TABLES.iter().zip(&of_source).zip(&of_target) {
            if source != target {
                return Err(self.find_difference(table).await?);
            }
        }
        self.verified = Some(whole(&of_source));
        Ok(TABLES.iter().map(|table| table.name).zip(of_source.iter().map(|digest| digest.rows)).collect())
    }

    /// Marks the source as moved, then the target as complete.
    ///
    /// # Errors
    /// The source was changed between [`Self::copy`] and [`Self::verify`], or is used now.
    pub async fn finish(&mut self) -> Result<(), CopyError> {
        let copying = self.target.mark().await?.filter(|mark| mark.is(State::Copying));
        let last_audit_id = self.target.last_audit_id().await?;
        let (from, to) = (self.source.name().to_owned(), self.target.name().to_owned());
        let digest = copying.and_then(|mark| mark.digest);
        if digest.is_none() || digest != self.verified {
            return Err(CopyError::Changed(from));
        }
        self.source.refuse_unfit(false).await?;
        self.source.set_mark(Some(&Mark::new(State::Moved, &to, digest, last_audit_id))).await?;
        self.target.set_mark(Some(&Mark::new(State::Copied, &from, digest, last_audit_id))).await
    }

    /// Closes both connections.
    pub async fn close(self) {
        for side in [self.source, self.target] {
            let closed = match side {
                Side::Postgres(side) => side.close().await,
                Side::Sqlite(side) => side.close().await,
            };
            if let Err(error) = closed {
                tracing::debug!(%error, "a connection of the copy was not closed in order");
            }
        }
    }

    /// Whether a copy may begin, or go on.
    async fn judge(&mut self, resume: bool) -> Result<Found, CopyError> {
        let (from, to) = (self.source.name().to_owned(), self.target.name().to_owned());
        let found = self.judge_target(resume).await?;
        match self.source.mark().await? {
            Some(mark) if mark.is(State::Copying) => {
                return Err(CopyError::HalfCopied { store: from, peer: mark.peer });
            }
            // Both marks are set one after the other, and the copy stopped in between.
            Some(mark) if mark.is(State::Moved) && !(matches!(found, Found::Half(_)) && mark.peer == to) => {
                return Err(CopyError::Moved { store: from, peer: mark.peer });
            }
            _ => {}
        }
        if found == Found::Empty {
            let tables = self.target.filled().await?;
            if !tables.is_empty() {
                return Err(CopyError::NotEmpty { store: to, tables });
            }
        }
        Ok(found)
    }

    async fn judge_target(&mut self, resume: bool) -> Result<Found, CopyError> {
        match self.target.schema().await? {
            None => return Ok(Found::NoSchema),
            // A copy that was interrupted while it made the schema.
            Some(SchemaState::Behind) if self.target.filled().await?.is_empty() => {
                return Ok(Found::NoSchema);
            }
            Some(_) => {}
        }
        refuse_schema(&mut self.target).await?;
        let store = self.target.name().to_owned();
        match self.target.mark().await? {
            None => Ok(Found::Empty),
            Some(mark) if mark.is(State::Copying) && resume && mark.peer == self.source.name() => {
                Ok(Found::Half(mark.digest))
            }
            Some(mark) if mark.is(State::Copying) => Err(CopyError::HalfCopied { store, peer: mark.peer }),
            Some(mark) if mark.is(State::Copied) => Err(CopyError::Complete { store, peer: mark.peer }),
            Some(mark) => Err(CopyError::Moved { store, peer: mark.peer }),
        }
    }

    async fn find_difference(&mut self, table: &'static Table) -> Result<CopyError, CopyError> {
        let (mut source, mut target) =
            (Rows::open(&mut self.source, table).await?, Rows::open(&mut self.target, table).await?);
        let (key, difference) = loop {
            let (one, other) = (source.peek().await?, target.peek().await?);
            match (one, other) {
                // Whoever changed it changed it back.
                (None, None) => break (String::new(), "it was changed while it was read"),
                (Some(one), None) => break (key_text(table, &one), "the target lacks this row"),
                (None, Some(other)) => break (key_text(table, &other), "only the target has this row"),
                (Some(one), Some(other)) => match key_of(table, &one).cmp(&key_of(table, &other)) {
                    Ordering::Less => break (key_text(table, &one), "the target lacks this row"),
                    Ordering::Greater => break (key_text(table, &other), "only the target has this row"),
                    Ordering::Equal if one != other => break (key_text(table, &one), "the rows differ"),
                    Ordering::Equal => {
                        source.read.pop();
                        target.read.pop();
                    }
                },
            }
        };
        self.source.end().await?;
        self.target.end().await?;
        Ok(CopyError::Differs { table: table.name, key, difference })
    }
}

/// The rows of a table by key. The next one is the last of `read`.
struct Rows<'a> {
    side: &'a mut Side,
    table: &'static Table,
    read: Vec<Row>,
}

impl<'a> Rows<'a> {
    async fn open(side: &'a mut Side, table: &'static Table) -> Result<Self, CopyError> {
        side.begin_reading().await?;
        side.open(table, Order::ByKey, None).await?;
        Ok(Self { side, table, read: Vec::new() })
    }

    async fn peek(&mut self) -> Result<Option<Row>, CopyError> {
        if self.read.is_empty() {
            self.read = self.side.next(self.table).await?;
            self.read.reverse();
        }
        Ok(self.read.last().cloned())
    }
}

async fn refuse_schema(side: &mut Side) -> Result<(), CopyError> {
    let name = || side.name().to_owned();
    let name = name();
    match side.schema().await? {
        Some(SchemaState::Current) => Ok(()),
        Some(SchemaState::Behind) => Err(CopyError::OldSchema(name)),
        Some(SchemaState::Newer) => Err(CopyError::NewSchema(name)),
        None => Err(CopyError::NoSchema(name)),
    }
}

async fn count_rows(side: &mut Side) -> Result<RowCounts, CopyError> {
    let mut counts = Vec::new();
    for table in TABLES {
        counts.push((table.name, side.count(table).await?));
    }
    Ok(counts)
}

/// How many rows a store has that may be in use.
///
/// # Errors
/// It does not answer, or has no schema of this Gatepost.
pub async fn count(location: &Location) -> Result<RowCounts, CopyError> {
    let mut side = location.connect().await?;
    refuse_schema(&mut side).await?;
    count_rows(&mut side).await
}

/// A source that was moved, and is to be served again.
#[derive(Debug)]
pub struct Undo {
    source: Side,
    since: Option<i64>,
}

impl Undo {
    /// Looks at both stores, and changes nothing.
    ///
    /// # Errors
    /// The source is not marked, or was moved elsewhere.
    pub async fn open(from: &Location, to: &Location) -> Result<Self, CopyError> {
        let mut source = from.connect().await?;
        refuse_schema(&mut source).await?;
        let name = source.name().to_owned();
        let Some(mark) = source.mark().await?.filter(|mark| mark.is(State::Moved)) else {
            return Err(CopyError::NotMoved(name));
        };
        let target = to.connect().await.ok();
        if let Some(other) = target.as_ref().filter(|target| target.name() != mark.peer) {
            tracing::debug!(named = other.name(), peer = %mark.peer, "the source was moved elsewhere");
            return Err(CopyError::Moved { store: name, peer: mark.peer });
        }
        let since = match target {
            Some(mut target) => target.count_audit_after(mark.last_audit_id.unwrap_or(0)).await.ok(),
            None => None,
        };
        Ok(Self { source, since })
    }

    /// How many entries the audit of the target has had since. `None`: the target does not answer.
    pub const fn audit_entries_since(&self) -> Option<i64> {
        self.since
    }

    /// Takes the mark from the source, so that it can be served.
    ///
    /// # Errors
    /// The source does not answer.
    pub async fn finish(mut self) -> Result<(), CopyError> {
        self.source.set_mark(None).await
    }
}
