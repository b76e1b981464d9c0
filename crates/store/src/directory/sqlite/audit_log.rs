//! What the heads, the retention and the erasure of the audit need of SQLite. Triggers refuse every other change of the
//! audit (`migrations/sqlite/*_chain_audit.sql`).

use super::Connection;
use crate::directory::error::DirectoryError;
use crate::directory::salted_digest::SaltedDigest;
use gatepost_core::ids::UserId;
use serde_json::json;

row! {
    /// The texts of an entry, with their digests.
    struct TextsRow {
        id: i64,
        target: String,
        before: Option<String>,
        after: Option<String>,
        address: Option<String>,
        before_digest: Option<SaltedDigest>,
        after_digest: Option<SaltedDigest>,
        address_digest: Option<SaltedDigest>,
    }
}

const TEXTS: &str = "SELECT id, target, before, after, address, before_digest, after_digest, address_digest \
    FROM audit_entries WHERE ";

/// No transaction can still write into the hours before this one: nobody else writes while this one does.
pub(super) async fn settled_before(connection: &mut Connection) -> Result<i64, DirectoryError> {
    Ok(sqlx::query_scalar("SELECT (unixepoch() - 60) / 3600").fetch_one(connection).await?)
}

/// Gives entries of older releases and of the views their digests. Returns how many it gave.
pub(super) async fn give_digests(
    connection: &mut Connection,
    hour: i64,
    batch: i64,
) -> Result<u64, DirectoryError> {
    let sql = format!(
        "{TEXTS} coalesce(hour, at / 3600) = $1 AND erased_by IS NULL AND ((before IS NOT NULL AND before_digest IS NULL) \
         OR (after IS NOT NULL AND after_digest IS NULL) OR (address IS NOT NULL AND address_digest IS NULL)) \
         ORDER BY id LIMIT $2"
    );
    let query = sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str())).bind(hour).bind(batch);
    let rows: Vec<TextsRow> = query.fetch_all(&mut *connection).await?;
    for row in &rows {
        sqlx::query(
            "UPDATE audit_entries SET before_digest = $2, after_digest = $3, address_digest = $4 WHERE id = $1",
        )
        .bind(row.id)
        .bind(given(row.before.as_deref(), row.before_digest.as_ref()))
        .bind(given(row.after.as_deref(), row.after_digest.as_ref()))
        .bind(given(row.address.as_deref(), row.address_digest.as_ref()))
        .execute(&mut *connection)
        .await?;
    }
    Ok(rows.len() as u64)
}

fn given(text: Option<&str>, digest: Option<&SaltedDigest>) -> Option<Vec<u8>> {
    let digest = digest.cloned().or_else(|| text.map(SaltedDigest::of));
    digest.map(|digest| digest.as_bytes().to_vec())
}

/// Deletes a batch of entries of hours before this one. Returns how many.
pub(super) async fn cut(
    connection: &mut Connection,
    before_hour: i64,
    batch: i64,
) -> Result<u64, DirectoryError> {
    let (heads, entries): (i64, Option<i64>) =
        sqlx::query_as("SELECT count(*), sum(count) FROM audit_heads WHERE hour < $1 AND cut_by IS NULL")
            .bind(before_hour)
            .fetch_one(&mut *connection)
            .await?;
    if heads > 0 {
        let said = json!({ "before_hour": before_hour, "entries": entries, "heads": heads });
        let written = record(connection, "audit.cut", "audit", Some(said)).await?;
        sqlx::query("UPDATE audit_heads SET cut_by = $2 WHERE hour < $1 AND cut_by IS NULL")
            .bind(before_hour)
            .bind(written)
            .execute(&mut *connection)
            .await?;
    }
    let deleted = sqlx::query(
        "DELETE FROM audit_entries WHERE id IN (SELECT e.id FROM audit_entries e \
         JOIN audit_heads h ON h.hour = coalesce(e.hour, e.at / 3600) \
         WHERE coalesce(e.hour, e.at / 3600) < $1 AND h.cut_by IS NOT NULL \
         ORDER BY coalesce(e.hour, e.at / 3600), e.id LIMIT $2)",
    )
    .bind(before_hour)
    .bind(batch)
    .execute(connection)
    .await?;
    Ok(deleted.rows_affected())
}

/// The entries of the keys that a person owned say so themselves, also when the keys are gone.
const OWNED: &str = "SELECT DISTINCT target FROM audit_entries WHERE action IN ('key.create', 'key.update', 'key.revoke') \
    AND (instr(before, $1) > 0 OR instr(after, $1) > 0) \
    AND NOT EXISTS (SELECT 1 FROM keys k WHERE k.id = substr(target, 5)) ORDER BY target";

/// Erases what the audit says about a person who was deleted, and about their keys. Each key gets an entry that records it,
/// because releases before this one accept an erasure that is recorded for the target of the entry.
pub(super) async fn erase(connection: &mut Connection, user: UserId) -> Result<u64, DirectoryError> {
    let query = sqlx::query_scalar(OWNED).bind(format!("\"owner\":\"{user}\""));
    let keys: Vec<String> = query.fetch_all(&mut *connection).await?;
    let mut erased = erase_texts(connection, &format!("user:{user}"), Some(user)).await?;
    for key in keys {
        erased += erase_texts(connection, &key, None).await?;
    }
    Ok(erased)
}

/// Erases all texts about a target, and the addresses from which this person made changes.
async fn erase_texts(
    connection: &mut Connection,
    target: &str,
    actor: Option<UserId>,
) -> Result<u64, DirectoryError> {
    let sql = format!(
        "{TEXTS} (target = $1 AND (before IS NOT NULL OR after IS NOT NULL OR address IS NOT NULL)) \
         OR (actor = $2 AND address IS NOT NULL)"
    );
    let query = sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str())).bind(target);
    let query = query.bind(actor.map(|actor| actor.to_string()));
    let rows: Vec<TextsRow> = query.fetch_all(&mut *connection).await?;
    let written = record(connection, "audit.erase", target, None).await?;
    let mut erased = 0;
    for row in rows {
        let is_about = row.target == target;
        erased += u64::from(is_about);
        let (before, before_digest) = left(row.before, row.before_digest, is_about);
        let (after, after_digest) = left(row.after, row.after_digest, is_about);
        let (address, address_digest) = left(row.address, row.address_digest, true);
        sqlx::query(
            "UPDATE audit_entries SET before = $2, before_digest = $3, after = $4, after_digest = $5, address = $6, \
             address_digest = $7, erased_by = $8 WHERE id = $1",
        )
        .bind(row.id)
        .bind(before)
        .bind(before_digest)
        .bind(after)
        .bind(after_digest)
        .bind(address)
        .bind(address_digest)
        .bind(written)
        .execute(&mut *connection)
        .await?;
    }
    Ok(erased)
}

/// What is left of a text and its digest.
fn left(
    text: Option<String>,
    digest: Option<SaltedDigest>,
    is_erased: bool,
) -> (Option<String>, Option<Vec<u8>>) {
    match text {
        Some(text) if is_erased => {
            let digest = digest.unwrap_or_else(|| SaltedDigest::of(&text)).without_salt();
            (None, Some(digest.as_bytes().to_vec()))
        }
        text => (text, digest.map(|digest| digest.as_bytes().to_vec())),
    }
}

async fn record(
    connection: &mut Connection,
    action: &str,
    target: &str,
    said: Option<serde_json::Value>,
) -> Result<i64, DirectoryError> {
    let said = said.map(|said| said.to_string());
    let digest = given(said.as_deref(), None);
    let query = sqlx::query_scalar(
        "INSERT INTO audit_entries (at, actor, action, target, after, after_digest, via) \
         VALUES (unixepoch(), 'retention', $1, $2, $3, $4, 'gate') RETURNING id",
    );
    Ok(query.bind(action).bind(target).bind(said).bind(digest).fetch_one(connection).await?)
}
