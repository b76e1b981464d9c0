//! Questions about the audit that the command line and the API ask: entries as a stream, the heads, whether it is whole.

mod judge;
mod verify;

pub use judge::{Fault, FaultKind};
pub use verify::{Verdict, verify};

use super::Context;
use gatepost_core::administration::Scope;
use gatepost_store::directory::{AuditFilter, AuditHead, AuditRecord, Directory, DirectoryError};

/// How many entries or heads are in memory at a time.
const PAGE: u32 = 200;

/// Entries that match a filter, newest first, page by page.
#[derive(Debug)]
pub struct Export {
    directory: Directory,
    filter: AuditFilter,
}

impl Export {
    /// The entries that match the filter.
    pub fn new(context: &Context, filter: AuditFilter) -> Self {
        Self { directory: context.stores.directory.clone(), filter }
    }

    /// The next page, as far as this scope may read it. Empty: there are no more.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn next(&mut self, scope: &Scope) -> Result<Vec<AuditRecord>, DirectoryError> {
        let page = self.directory.list_audit(scope, &self.filter, PAGE).await?;
        if let Some(last) = page.last() {
            self.filter.before = Some(last.cursor());
        }
        Ok(page)
    }
}

/// Heads by their hours, page by page.
#[derive(Debug)]
pub struct Heads {
    directory: Directory,
    after: i64,
}

impl Heads {
    /// The heads after this hour.
    pub fn after(directory: &Directory, hour: i64) -> Self {
        Self { directory: directory.clone(), after: hour }
    }

    /// The next page. Empty: there are no more.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn next(&mut self) -> Result<Vec<AuditHead>, DirectoryError> {
        let page = self.directory.list_audit_heads(self.after, PAGE).await?;
        self.after = page.last().map_or(self.after, |last| last.hour);
        Ok(page)
    }
}
