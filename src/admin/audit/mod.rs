//! Questions about the audit that the command line and the API ask: entries as a stream, the heads, whether it is whole.

mod judge;
mod verify;

pub use judge::{Fault, FaultKind};
pub use verify::{Verdict, verify};

use super::Context;
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;
use gatepost_store::directory::{AuditFilter, AuditHead, AuditRecord, DirectoryError};

/// How many entries or heads are in memory at a time.
const PAGE: u32 = 500;

impl Context {
    /// Calls `take` with each entry that matches the filter, newest first. `take` may end it with an error of its own.
    ///
    /// # Errors
    /// `Unavailable`, and those of `take`.
    pub async fn export_audit<E: From<DirectoryError>>(
        &self,
        scope: &Scope,
        mut filter: AuditFilter,
        mut take: impl FnMut(&AuditRecord) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            let page = self.stores.directory.list_audit(scope, &filter, PAGE).await?;
            page.iter().try_for_each(&mut take)?;
            match page.last() {
                Some(last) => filter.before = Some(last.cursor()),
                None => return Ok(()),
            }
        }
    }

    /// Calls `take` with each head by its hour, from the hour of `since` on.
    ///
    /// # Errors
    /// `Unavailable`, and those of `take`.
    pub async fn export_audit_heads<E: From<DirectoryError>>(
        &self,
        since: Option<Timestamp>,
        mut take: impl FnMut(&AuditHead) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut after = since.map_or(i64::MIN, |since| since.unix().div_euclid(3600) - 1);
        loop {
            let page = self.stores.directory.list_audit_heads(after, PAGE).await?;
            page.iter().try_for_each(&mut take)?;
            match page.last() {
                Some(last) => after = last.hour,
                None => return Ok(()),
            }
        }
    }
}
