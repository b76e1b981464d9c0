//! A run of the leader over several candidates: one that fails keeps none of those behind it from being done.

use super::Result;
use crate::directory::error::DirectoryError;
use gatepost_core::error_chain::Chain;
use std::fmt;

/// What a run has done so far.
#[derive(Debug, Default)]
pub(super) struct Run {
    done: u64,
    failed: Option<DirectoryError>,
}

impl Run {
    /// Notes what became of one candidate.
    ///
    /// # Errors
    /// [`DirectoryError::NotLeader`]: nothing more can be done.
    pub(super) fn note(&mut self, candidate: fmt::Arguments<'_>, result: Result<bool>) -> Result<()> {
        match result {
            Ok(is_done) => self.done += u64::from(is_done),
            Err(error @ DirectoryError::NotLeader) => return Err(error),
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "{candidate} was not deleted, and is tried again");
                self.failed = Some(error);
            }
        }
        Ok(())
    }

    /// How many were done.
    ///
    /// # Errors
    /// The last failure. What could be done is done.
    pub(super) fn end(self) -> Result<u64> {
        self.failed.map_or(Ok(self.done), Err)
    }
}
