//! Why a copy was not made or not finished.

use crate::directory::DirectoryError;

/// Why `gatepost copy` stopped. Nothing of an unfinished copy can be served.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("{store}")]
    Directory {
        /// Which of the two.
        store: String,
        #[source]
        source: DirectoryError,
    },
    #[error("{store} takes no more data")]
    NoRoom {
        store: String,
        #[source]
        source: DirectoryError,
    },
    #[error("{0} has no schema of Gatepost: it was never served")]
    NoSchema(String),
    #[error("the schema of {0} is older than this Gatepost")]
    OldSchema(String),
    #[error("the schema of {0} is newer than this Gatepost")]
    NewSchema(String),
    #[error("{store} is in use: {sessions} connections of Gatepost are open there")]
    InUse { store: String, sessions: i64 },
    #[error("{store} is not empty: there are rows in {}", tables.join(", "))]
    NotEmpty { store: String, tables: Vec<String> },
    #[error("{store} is half of a copy from {peer}")]
    HalfCopied { store: String, peer: String },
    #[error("{store} is complete: it was copied from {peer}")]
    Complete { store: String, peer: String },
    #[error("{store} was moved to {peer}")]
    Moved { store: String, peer: String },
    #[error("{0} is not marked as moved: there is nothing to undo")]
    NotMoved(String),
    #[error("the user of {0} does not own the tables there")]
    NotOwner(String),
    #[error("the encoding of {store} is {encoding}")]
    Encoding { store: String, encoding: String },
    #[error("the clocks of {store} and of this machine differ by {seconds} s")]
    Clock { store: String, seconds: u64 },
    #[error(
        "a row of {table} cannot be written to {store}: {key}{}: {reason}",
        column.map_or_else(String::new, |column| format!(", column {column}"))
    )]
    Row { store: String, table: &'static str, key: String, column: Option<&'static str>, reason: String },
    #[error("the stores differ in {table}, first at {key}: {difference}")]
    Differs { table: &'static str, key: String, difference: &'static str },
    #[error("{0} was changed while it was copied")]
    Changed(String),
}

impl CopyError {
    /// What to do.
    pub const fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Directory { .. } => {
                "check the address and that the database runs; `--resume` goes on where the copy stopped"
            }
            Self::NoRoom { .. } => "its disk may be full: make room there, then go on with `--resume`",
            Self::NoSchema(_) => "check the address: nothing is there to copy",
            Self::OldSchema(_) => "run `gatepost migrate` on it, with the settings for that store",
            Self::NewSchema(_) => "use the newer Gatepost for the copy",
            Self::InUse { .. } => "stop every `gatepost serve` on it first",
            Self::NotEmpty { .. } => {
                "give an empty database; for one that nobody needs: DROP SCHEMA gatepost CASCADE, or remove the file"
            }
            Self::HalfCopied { .. } => {
                "`--resume` goes on where the copy stopped, or begins again if the source has changed"
            }
            Self::Complete { .. } => "`--verify-only` compares both again",
            Self::Moved { .. } => "serve the other store, or take the mark away with `--undo`",
            Self::NotMoved(_) => return None,
            Self::NotOwner(_) => "use the role that runs `gatepost migrate`",
            Self::Encoding { .. } => "make the database with ENCODING 'UTF8'",
            Self::Clock { .. } => "set the clocks (NTP): sessions and ends are compared with them",
            Self::Row { .. } => "change the row in the source, then go on with `--resume`",
            Self::Differs { .. } => {
                "nobody may write to either store meanwhile; `--resume` compares again and begins again if the source has changed"
            }
            Self::Changed(_) => "stop whatever writes there, then repeat with `--resume`",
        })
    }
}
