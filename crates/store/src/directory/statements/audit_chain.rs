//! The heads of the audit, and its entries as the heads see them.

use super::{Result, Store, audit_log};
use crate::directory::audit_chain::{AuditHead, ChainedEntry, CutRecord, HourHashing};
use crate::directory::lease::Term;

/// How many entries are read at a time.
const PAGE: u32 = 1_000;
/// How many entries are changed or deleted in one transaction.
const BATCH: i64 = 1_000;

const HEADS: &str = "SELECT hour, form, first_id, last_id, count, sha256, previous, cut_by FROM audit_heads \
    WHERE hour > $1 ORDER BY hour LIMIT $2";
const LAST_HEAD: &str = "SELECT hour, form, first_id, last_id, count, sha256, previous, cut_by FROM audit_heads \
    ORDER BY hour DESC LIMIT 1";
/// `hour` is stored only where the entry was written by a release that knows it.
const ENTRIES: &str = "SELECT e.id, coalesce(e.hour, e.at / 3600) AS hour, e.at, e.actor, e.action, e.target, e.before, \
    e.after, e.address, e.request_id, e.via, e.tenant_id, e.key_id, e.before_digest, e.after_digest, e.address_digest, \
    (SELECT r.target FROM audit_entries r WHERE r.id = e.erased_by AND r.action = 'audit.erase') AS erased_target \
    FROM audit_entries e WHERE coalesce(e.hour, e.at / 3600) = $1 AND e.id > $2 ORDER BY e.id LIMIT $3";

impl Store {
    /// Makes the heads of complete hours that have none, at most `most`, and returns how many it made.
    pub(in crate::directory) async fn make_audit_heads(&self, term: Term, most: u32) -> Result<u32> {
        // Read before the entries: later, nobody can write into these hours.
        let settled = leading!(self, term, |connection| audit_log::settled_before(connection).await)?;
        let mut made = 0;
        for _ in 0..most {
            let last: Option<AuditHead> = reading!(self, |connection| Ok(sqlx::query_as(LAST_HEAD)
                .fetch_optional(connection)
                .await?))?;
            let after = last.as_ref().map_or(i64::MIN, |last| last.hour);
            let hour = self.first_audit_hour(after).await?.filter(|hour| *hour < settled);
            let Some(hour) = hour else { break };
            self.give_digests(term, hour).await?;
            let head = AuditHead::new(hour, self.hash_hour(hour).await?.finish(), last.as_ref());
            made += u32::from(self.insert_head(term, &head).await?);
        }
        Ok(made)
    }

    async fn give_digests(&self, term: Term, hour: i64) -> Result<()> {
        loop {
            let given =
                leading!(self, term, |connection| audit_log::give_digests(connection, hour, BATCH).await)?;
            if given == 0 {
                return Ok(());
            }
        }
    }

    /// The first hour after this one that has entries.
    pub(in crate::directory) async fn first_audit_hour(&self, after: i64) -> Result<Option<i64>> {
        let sql =
            "SELECT min(coalesce(hour, at / 3600)) FROM audit_entries WHERE coalesce(hour, at / 3600) > $1";
        reading!(self, |connection| Ok(sqlx::query_scalar(sql).bind(after).fetch_one(connection).await?))
    }

    async fn hash_hour(&self, hour: i64) -> Result<HourHashing> {
        let mut hashing = HourHashing::default();
        let mut after = i64::MIN;
        loop {
            let page = self.list_chained_entries(hour, after, PAGE).await?;
            for entry in &page {
                hashing.add(entry);
            }
            let Some(last) = page.last() else { return Ok(hashing) };
            after = last.id;
        }
    }

    /// `false`: there is one. Releases that know no leader make heads on every replica; all make the same.
    async fn insert_head(&self, term: Term, head: &AuditHead) -> Result<bool> {
        let written = leading!(self, term, |connection| {
            let insert = sqlx::query(
                "INSERT INTO audit_heads (hour, form, first_id, last_id, count, sha256, previous) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
            )
            .bind(head.hour)
            .bind(head.form)
            .bind(head.first_id)
            .bind(head.last_id)
            .bind(head.count)
            .bind(&head.sha256.as_bytes()[..])
            .bind(&head.previous.as_bytes()[..]);
            Ok(insert.execute(&mut *connection).await?.rows_affected())
        })?;
        Ok(written > 0)
    }

    /// Heads by their hour, from the one after `after`.
    pub(in crate::directory) async fn list_audit_heads(
        &self,
        after: i64,
        limit: u32,
    ) -> Result<Vec<AuditHead>> {
        reading!(self, |connection| {
            let query = sqlx::query_as(HEADS).bind(after).bind(i64::from(limit));
            Ok(query.fetch_all(connection).await?)
        })
    }

    /// Entries of an hour by id, from the one after `after`.
    pub(in crate::directory) async fn list_chained_entries(
        &self,
        hour: i64,
        after: i64,
        limit: u32,
    ) -> Result<Vec<ChainedEntry>> {
        reading!(self, |connection| {
            let query = sqlx::query_as(ENTRIES).bind(hour).bind(after).bind(i64::from(limit));
            Ok(query.fetch_all(connection).await?)
        })
    }

    /// The number of entries of later hours.
    pub(in crate::directory) async fn count_entries_after(&self, hour: i64) -> Result<i64> {
        let sql = "SELECT count(*) FROM audit_entries WHERE coalesce(hour, at / 3600) > $1";
        reading!(self, |connection| Ok(sqlx::query_scalar(sql).bind(hour).fetch_one(connection).await?))
    }

    /// What this entry says about entries that were deleted by their age. `None`: it says nothing of the kind.
    pub(in crate::directory) async fn find_cut_record(&self, id: i64) -> Result<Option<CutRecord>> {
        let said: Option<Option<String>> = reading!(self, |connection| {
            let sql = "SELECT after FROM audit_entries WHERE id = $1 AND action = 'audit.cut'";
            Ok(sqlx::query_scalar(sql).bind(id).fetch_optional(connection).await?)
        })?;
        let said = said.flatten().and_then(|said| serde_json::from_str::<serde_json::Value>(&said).ok());
        Ok(said.and_then(|said| Some(CutRecord { before_hour: said["before_hour"].as_i64()? })))
    }

    /// Deletes the entries of hours before this one, in batches. An entry and the heads say so.
    pub(in crate::directory) async fn cut_audit(
        &self,
        term: Term,
        before_hour: i64,
        most: u32,
    ) -> Result<u64> {
        let mut deleted = 0;
        for _ in 0..most {
            let batch =
                leading!(self, term, |connection| audit_log::cut(connection, before_hour, BATCH).await)?;
            deleted += batch;
            if batch < BATCH.unsigned_abs() {
                break;
            }
        }
        Ok(deleted)
    }
}
