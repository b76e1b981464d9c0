//! The row of `copy_state`: what a copy says about the store that it stands in.

use crate::directory::{Directory, DirectoryError, Result, Store};
use gatepost_core::clock::Timestamp;
use gatepost_core::secret::Hash;

/// What the store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// A target that is not complete.
    Copying,
    /// A target that is complete.
    Copied,
    /// A source whose rows were taken elsewhere.
    Moved,
}

impl State {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Copying => "copying",
            Self::Copied => "copied",
            Self::Moved => "moved",
        }
    }
}

row! {
    #[derive(Clone, Debug)]
    pub(super) struct Mark {
        state: String,
        pub peer: String,
        pub digest: Option<Hash>,
        pub last_audit_id: Option<i64>,
        pub at: Timestamp,
    }
}

impl Mark {
    pub(super) const READ: &str = "SELECT state, peer, digest, last_audit_id, at FROM copy_state";
    pub(super) const REMOVE: &str = "DELETE FROM copy_state";
    /// In the order of the parameters: state, peer, digest, `last_audit_id`, at.
    pub(super) const WRITE: &str = "INSERT INTO copy_state (id, state, peer, digest, last_audit_id, at) \
        VALUES (1, $1, $2, $3, $4, $5) ON CONFLICT (id) DO UPDATE SET state = excluded.state, peer = excluded.peer, \
        digest = excluded.digest, last_audit_id = excluded.last_audit_id, at = excluded.at";

    pub(super) fn new(state: State, peer: &str, digest: Option<Hash>, last_audit_id: Option<i64>) -> Self {
        let (state, peer) = (state.as_str().to_owned(), peer.to_owned());
        Self { state, peer, digest, last_audit_id, at: Timestamp::now() }
    }

    pub(super) fn is(&self, state: State) -> bool {
        self.state == state.as_str()
    }

    pub(super) fn state(&self) -> &str {
        &self.state
    }
}

impl Directory {
    /// Refuses a target that is half copied, and a source that was moved: what is written there would be lost.
    ///
    /// # Errors
    /// [`DirectoryError::HalfCopied`], [`DirectoryError::Moved`].
    pub async fn refuse_half_of_a_copy(&self) -> Result<()> {
        let mark: Option<Mark> = match &self.store {
            Store::Postgres(store) => reading!(store, |connection| {
                Ok(sqlx::query_as(Mark::READ).fetch_optional(connection).await?)
            })?,
            Store::Sqlite(store) => reading!(store, |connection| {
                Ok(sqlx::query_as(Mark::READ).fetch_optional(connection).await?)
            })?,
        };
        match mark {
            Some(mark) if mark.is(State::Copying) => Err(DirectoryError::HalfCopied(mark.peer)),
            Some(mark) if mark.is(State::Moved) => Err(DirectoryError::Moved(mark.peer)),
            _ => Ok(()),
        }
    }
}
