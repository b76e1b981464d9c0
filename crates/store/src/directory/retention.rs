//! What shows that the audit is whole, and the deletion of old audit entries and of people who come no more.

use super::audit_chain::{AuditHead, ChainedEntry, CutRecord};
use super::changes::KEPT_DELETED;
use super::{Directory, Result};
use gatepost_core::clock::Timestamp;
use std::time::Duration;

const DAY: i64 = 86_400;

// The heads of the audit.
impl Directory {
    /// Makes the heads of complete hours that have none, at most `most`. Returns how many it made. Several replicas may
    /// do so at once.
    pub async fn make_audit_heads(&self, most: u32) -> Result<u32> {
        on_store!(self, make_audit_heads(most))
    }

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

// Retention.
impl Directory {
    /// Deletes audit entries that are older than `keep`, in at most `most` batches, and returns their number. Whole days
    /// of UTC are deleted, so that one entry a day says so. Their heads stay. Entries without a head stay too.
    pub async fn delete_old_audit(&self, keep: Duration, now: Timestamp, most: u32) -> Result<u64> {
        let before_hour = now.minus(keep).unix().div_euclid(DAY) * 24;
        on_store!(self, cut_audit(before_hour, most))
    }

    /// Deletes the rows of keys that were revoked or expired longer ago than `keep`, at most `most`, and returns their
    /// number. Until then somebody who finds the secret of such a key learns whose it was and when it ended.
    pub async fn delete_old_keys(&self, keep: Duration, now: Timestamp, most: u32) -> Result<u64> {
        on_store!(self, delete_old_keys(keep, now, most))
    }

    /// Erases tenants that were deleted longer ago than [`KEPT_DELETED`], at most `most`, and returns their number.
    pub async fn erase_deleted_tenants(&self, now: Timestamp, most: u32) -> Result<u64> {
        on_store!(self, erase_deleted_tenants(now.minus(KEPT_DELETED), most))
    }

    /// Deletes people who have not signed in since `since`, at most `most`, and returns their number. What the audit says
    /// about them is erased; the heads still fit. People who were
    /// disabled or denied admin rights stay: whoever signs in again after having been forgotten is a new person. The last
    /// administrator stays too.
    pub async fn forget_people(&self, since: Timestamp, most: u32) -> Result<u64> {
        on_store!(self, forget_people(since, most))
    }
}
