//! The audit: one row per change, in the change's own transaction.

use super::{Connection, Db, Result, Store, lists};
use crate::directory::actor::Actor;
use crate::directory::audit::{AuditCursor, AuditFilter, AuditRecord};
use crate::directory::salted_digest::SaltedDigest;
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::TenantId;
use serde_json::Value;
use sqlx::QueryBuilder;

/// A change. `before` and `after` are JSON objects.
pub(super) struct Entry<'a> {
    pub(super) action: &'a str,
    pub(super) target: String,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
}

pub(super) async fn write(connection: &mut Connection, actor: &Actor, entry: Entry<'_>) -> Result<()> {
    insert(connection, actor, None, entry).await
}

/// Writes a row that the administrators of this tenant may read too.
pub(super) async fn write_for_tenant(
    connection: &mut Connection,
    actor: &Actor,
    tenant: &TenantId,
    entry: Entry<'_>,
) -> Result<()> {
    insert(connection, actor, Some(tenant), entry).await
}

async fn insert(
    connection: &mut Connection,
    actor: &Actor,
    tenant: Option<&TenantId>,
    entry: Entry<'_>,
) -> Result<()> {
    let before = entry.before.map(|value| value.to_string());
    let after = entry.after.map(|value| value.to_string());
    let address = actor.address.map(|address| address.to_string());
    let digest =
        |text: &Option<String>| text.as_deref().map(|text| SaltedDigest::of(text).as_bytes().to_vec());
    let digests = [digest(&before), digest(&after), digest(&address)];
    let [before_digest, after_digest, address_digest] = digests;
    sqlx::query(
        "INSERT INTO audit_entries (at, actor, action, target, before, after, address, before_digest, after_digest, \
         address_digest, request_id, via, tenant_id, key_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .bind(Timestamp::now().unix())
    .bind(actor.who.to_string())
    .bind(entry.action)
    .bind(entry.target)
    .bind(before)
    .bind(after)
    .bind(address)
    .bind(before_digest)
    .bind(after_digest)
    .bind(address_digest)
    .bind(actor.request_id.map(|id| id.to_string()))
    .bind(actor.via.as_str())
    .bind(tenant.map(TenantId::as_str))
    .bind(actor.key.map(|id| id.to_string()))
    .execute(connection)
    .await?;
    Ok(())
}

/// The way of a change. Older releases and the views store none; their actor says it.
macro_rules! via_column {
    () => {
        "coalesce(e.via, CASE WHEN substr(e.actor, 1, 4) = 'cli:' THEN 'cli' WHEN substr(e.actor, 1, 3) = 'db:' \
         THEN 'view' WHEN substr(e.actor, 1, 5) = 'scim:' THEN 'scim' ELSE 'gate' END)"
    };
}

/// With the addresses of actor and target, because people recognize an address better than an id.
const ENTRIES: &str = concat!(
    "SELECT id, at, actor, action, target, before, after, address, request_id, tenant_id, key_id, ",
    via_column!(),
    " AS via, \
    (SELECT u.email FROM users u WHERE u.id = e.actor) AS actor_email, \
    (SELECT u.email FROM users u WHERE u.id = substr(e.target, 6) AND substr(e.target, 1, 5) = 'user:') AS target_email \
    FROM audit_entries e WHERE true"
);

impl Store {
    /// Newest first. The statement contains only the conditions of this filter, so that it is planned for them.
    pub(in crate::directory) async fn list_audit(
        &self,
        scope: &Scope,
        filter: &AuditFilter,
        limit: u32,
    ) -> Result<Vec<AuditRecord>> {
        reading!(self, |connection| {
            let mut query = QueryBuilder::<Db>::new(ENTRIES);
            narrow(&mut query, filter);
            lists::limit_audit(&mut query, scope);
            query.push(" ORDER BY at DESC, id DESC LIMIT ").push_bind(i64::from(limit));
            Ok(query.build_query_as().fetch_all(connection).await?)
        })
    }

    pub(in crate::directory) async fn audit_begins_at(&self) -> Result<Option<Timestamp>> {
        let at: Option<i64> = reading!(self, |connection| {
            let sql = "SELECT at FROM audit_entries ORDER BY id LIMIT 1";
            Ok(sqlx::query_scalar(sql).fetch_optional(connection).await?)
        })?;
        Ok(at.map(Timestamp::from_unix))
    }
}

fn narrow(query: &mut QueryBuilder<Db>, filter: &AuditFilter) {
    let AuditFilter {
        targets,
        user,
        actor,
        key,
        actions,
        except,
        tenant,
        request_id,
        via,
        since,
        until,
        before,
    } = filter;
    among(query, " AND target IN (", targets);
    if let Some(user) = user {
        query.push(" AND (target = ").push_bind(format!("user:{user}"));
        query.push(" OR actor = ").push_bind(user.to_string()).push(")");
    }
    if let Some(tenant) = tenant {
        query.push(" AND tenant_id = ").push_bind(tenant.as_str().to_owned());
    }
    if let Some(actor) = actor {
        query.push(" AND actor = ").push_bind(actor.to_string());
    }
    if let Some(key) = key {
        query.push(" AND key_id = ").push_bind(key.to_string());
    }
    among(query, " AND action IN (", actions);
    among(query, " AND action NOT IN (", except);
    if let Some(id) = request_id {
        query.push(" AND request_id = ").push_bind(id.to_string());
    }
    if let Some(via) = via {
        query.push(concat!(" AND ", via_column!(), " = ")).push_bind(via.as_str());
    }
    if let Some(since) = since {
        query.push(" AND at >= ").push_bind(since.unix());
    }
    if let Some(until) = until {
        query.push(" AND at < ").push_bind(until.unix());
    }
    if let Some(AuditCursor { at, id }) = before {
        query.push(" AND (at, id) < (").push_bind(at.unix()).push(", ").push_bind(*id).push(")");
    }
}

fn among(query: &mut QueryBuilder<Db>, condition: &str, values: &[String]) {
    if values.is_empty() {
        return;
    }
    query.push(condition);
    let mut list = query.separated(", ");
    for value in values {
        list.push_bind(value.clone());
    }
    query.push(")");
}
