//! The audit: one row per change, in the change's own transaction.

use super::{Connection, Result, Store, json_texts};
use crate::directory::records::{Actor, AuditRecord};
use crate::domain::clock::Timestamp;
use crate::domain::ids::RequestId;
use serde_json::Value;

/// What happened; `before` and `after` are JSON objects.
pub(super) struct Entry<'a> {
    pub(super) action: &'a str,
    pub(super) target: String,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
}

pub(super) async fn write(connection: &mut Connection, actor: &Actor, entry: Entry<'_>) -> Result<()> {
    sqlx::query(
        "INSERT INTO audit_entries (at, actor, action, target, before, after, address, request_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(Timestamp::now().unix())
    .bind(&actor.who)
    .bind(entry.action)
    .bind(entry.target)
    .bind(entry.before.map(|value| value.to_string()))
    .bind(entry.after.map(|value| value.to_string()))
    .bind(actor.address.map(|address| address.to_string()))
    .bind(actor.request_id.map(|id| id.to_string()))
    .execute(connection)
    .await?;
    Ok(())
}

type Row = (i64, i64, String, String, String, Option<String>, Option<String>, Option<String>, Option<String>);

impl Store {
    /// Newest first; `target` narrows to one user, group, ...
    pub(in crate::directory) async fn list_audit(
        &self,
        target: Option<&str>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>> {
        let rows: Vec<Row> = reading!(self, |connection| {
            Ok(sqlx::query_as(
                "SELECT id, at, actor, action, target, before, after, address, request_id FROM audit_entries \
                     WHERE $1 IS NULL OR target = $1 ORDER BY id DESC LIMIT $2",
            )
            .bind(target)
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await?)
        })?;
        Ok(rows.into_iter().map(from_row).collect())
    }

    /// What changed of these targets after a second, oldest first, without these actions.
    pub(in crate::directory) async fn list_audit_since(
        &self,
        after: Timestamp,
        targets: &[String],
        passed_over: &[&str],
        limit: u32,
    ) -> Result<Vec<AuditRecord>> {
        let rows: Vec<Row> = reading!(self, |connection| {
            let sql = concat!(
                "SELECT id, at, actor, action, target, before, after, address, request_id FROM audit_entries \
                 WHERE at > $1 AND target IN (SELECT value FROM ",
                each!("$2"),
                ") AND action NOT IN (SELECT value FROM ",
                each!("$3"),
                ") ORDER BY id LIMIT $4"
            );
            Ok(sqlx::query_as(sql)
                .bind(after.unix())
                .bind(json_texts(targets))
                .bind(json_texts(passed_over))
                .bind(i64::from(limit))
                .fetch_all(connection)
                .await?)
        })?;
        Ok(rows.into_iter().map(from_row).collect())
    }

    /// What one request changed.
    pub(in crate::directory) async fn list_audit_of_request(
        &self,
        id: RequestId,
    ) -> Result<Vec<AuditRecord>> {
        let rows: Vec<Row> = reading!(self, |connection| {
            Ok(sqlx::query_as(
                "SELECT id, at, actor, action, target, before, after, address, request_id FROM audit_entries \
                     WHERE request_id = $1 ORDER BY id",
            )
            .bind(id.to_string())
            .fetch_all(connection)
            .await?)
        })?;
        Ok(rows.into_iter().map(from_row).collect())
    }

    /// When the audit begins.
    pub(in crate::directory) async fn audit_begins_at(&self) -> Result<Option<Timestamp>> {
        let at: Option<i64> = reading!(self, |connection| {
            let sql = "SELECT at FROM audit_entries ORDER BY id LIMIT 1";
            Ok(sqlx::query_scalar(sql).fetch_optional(connection).await?)
        })?;
        Ok(at.map(Timestamp::from_unix))
    }
}

fn from_row((id, at, actor, action, target, before, after, address, request_id): Row) -> AuditRecord {
    AuditRecord {
        id,
        at: Timestamp::from_unix(at),
        actor,
        action,
        target,
        before,
        after,
        address,
        request_id,
    }
}
