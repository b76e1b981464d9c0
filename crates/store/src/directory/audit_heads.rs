//! What shows that the audit is whole.

use super::audit_chain::{AuditHead, ChainedEntry, CutRecord};
use super::{Directory, Result};

impl Directory {
    /// Lists heads by their hour, from the one after `after`.
    pub async fn list_audit_heads(&self, after: i64, limit: u32) -> Result<Vec<AuditHead>> {
        on_store!(self, list_audit_heads(after, limit))
    }

    /// The first hour after this one that has entries.
    pub async fn first_audit_hour(&self, after: i64) -> Result<Option<i64>> {
        on_store!(self, first_audit_hour(after))
    }

    /// Lists the entries of an hour by id, from the one after `after`.
    pub async fn list_chained_entries(&self, hour: i64, after: i64, limit: u32) -> Result<Vec<ChainedEntry>> {
        on_store!(self, list_chained_entries(hour, after, limit))
    }

    /// The number of entries of hours after this one.
    pub async fn count_entries_after(&self, hour: i64) -> Result<i64> {
        on_store!(self, count_entries_after(hour))
    }

    /// What an entry says about entries that were deleted by their age. `None`: there is no such entry.
    pub async fn find_cut_record(&self, id: i64) -> Result<Option<CutRecord>> {
        on_store!(self, find_cut_record(id))
    }
}
