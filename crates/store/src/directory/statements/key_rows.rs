//! The rows of API keys: how they are read, counted and written, and what the audit says about them.

use super::{Connection, Result, audit, json_texts};
use crate::directory::actor::Actor;
use crate::directory::error::DirectoryError;
use crate::directory::keys::KeyRecord;
use gatepost_core::api_key::rules::{MOST_OF_PERSON, MOST_OF_TENANT};
use gatepost_core::api_key::{ApiKey, KeyFault, KeyId, KeyName};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{GroupId, TenantId, ToolServerId, UserId};
use serde_json::{Value, json};

/// The columns of a [`KeyRecord`].
macro_rules! key_columns {
    () => {
        concat!(
            "k.id, k.hint, k.name, k.machine_name, k.tenant_id, k.owner_id, ",
            key_is_stopped!(),
            " AS is_stopped, (SELECT u.email FROM users u WHERE u.id = k.owner_id) AS owner_email, k.created_by, k.scopes, k.hosts, \
             k.networks, k.tools, k.requests_per_minute, k.trial_of, k.expires_at, (SELECT ",
            json_list!("g.name"),
            " FROM key_groups own JOIN groups g ON g.id = own.group_id WHERE own.key_id = k.id) AS groups, \
             k.endless_reason, k.previous_until, k.last_used_at, k.last_used_from, k.revoked_at, k.created_at, k.version"
        )
    };
}
pub(super) use key_columns;

/// Finds a key and locks its row, if it is one that `is_meant`. Another one is unknown.
pub(super) async fn lock(
    connection: &mut Connection,
    id: KeyId,
    is_meant: impl Fn(&KeyRecord) -> bool,
) -> Result<KeyRecord> {
    let found = find(connection, id).await?;
    found.filter(is_meant).ok_or(DirectoryError::UnknownKey(id))
}

pub(super) async fn find(connection: &mut Connection, id: KeyId) -> Result<Option<KeyRecord>> {
    let sql = for_update!(concat!("SELECT ", key_columns!(), " FROM keys k WHERE k.id = $1"));
    let found: Option<KeyRecord> =
        sqlx::query_as(sql).bind(id.to_string()).fetch_optional(connection).await?;
    Ok(found.map(|mut record| {
        record.groups.sort_unstable();
        record
    }))
}

/// The row after a change.
pub(super) async fn find_changed(connection: &mut Connection, id: KeyId) -> Result<KeyRecord> {
    find(connection, id).await?.ok_or(DirectoryError::UnknownKey(id))
}

/// Whether a tenant has as many keys as it may have. Revoked ones do not count.
pub(super) async fn fault_of_tenant(
    connection: &mut Connection,
    tenant: &TenantId,
) -> Result<Option<KeyFault>> {
    let sql = "SELECT count(*) FROM keys WHERE tenant_id = $1 AND revoked_at IS NULL";
    let keys: i64 = sqlx::query_scalar(sql).bind(tenant.as_str()).fetch_one(connection).await?;
    Ok(is_full(keys, MOST_OF_TENANT).then_some(KeyFault::TooMany("a tenant", MOST_OF_TENANT)))
}

/// As [`fault_of_tenant`], for a person.
pub(super) async fn fault_of_person(connection: &mut Connection, owner: UserId) -> Result<Option<KeyFault>> {
    let sql = "SELECT count(*) FROM keys WHERE owner_id = $1 AND revoked_at IS NULL";
    let keys: i64 = sqlx::query_scalar(sql).bind(owner.to_string()).fetch_one(connection).await?;
    Ok(is_full(keys, MOST_OF_PERSON).then_some(KeyFault::TooMany("a person", MOST_OF_PERSON)))
}

fn is_full(keys: i64, most: usize) -> bool {
    usize::try_from(keys).is_ok_and(|keys| keys >= most)
}

/// Writes a new key. A machine's name is made from the key's id too, so that it is never given again: applications keep
/// accounts by address, and the row of a key goes with its owner or tenant.
pub(super) async fn insert(
    connection: &mut Connection,
    name: &KeyName,
    record: &KeyRecord,
    secret: &ApiKey<'_>,
) -> Result<()> {
    let limits = &record.limits;
    sqlx::query(
        "INSERT INTO keys (id, hash, hint, name, machine_name, tenant_id, owner_id, created_by, scopes, hosts, networks, tools, \
         requests_per_minute, expires_at, endless_reason, created_at, trial_of) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    )
    .bind(record.id.to_string())
    .bind(&secret.digest().as_bytes()[..])
    .bind(&record.hint)
    .bind(&record.name)
    .bind(name.machine(record.id))
    .bind(record.tenant_id.as_ref().map(TenantId::as_str))
    .bind(record.owner_id.map(|owner| owner.to_string()))
    .bind(&record.created_by)
    .bind(json_texts(&limits.scopes))
    .bind(json_texts(&limits.hosts))
    .bind(json_texts(&limits.networks))
    .bind(json_texts(&limits.tools))
    .bind(limits.requests_per_minute.map(i64::from))
    .bind(limits.expires_at.map(Timestamp::unix))
    .bind(&record.endless_reason)
    .bind(record.created_at.unix())
    .bind(limits.trial.as_ref().map(ToolServerId::as_str))
    .execute(connection)
    .await?;
    Ok(())
}

/// Puts a key into groups.
pub(super) async fn insert_groups(connection: &mut Connection, id: KeyId, groups: &[GroupId]) -> Result<()> {
    for group in groups {
        sqlx::query("INSERT INTO key_groups (key_id, group_id) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(id.to_string())
            .bind(group.number())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Writes what [`UpdateKey`] may change.
///
/// [`UpdateKey`]: crate::directory::changes::UpdateKey
pub(super) async fn update(connection: &mut Connection, record: &KeyRecord) -> Result<()> {
    let limits = &record.limits;
    sqlx::query(
        "UPDATE keys SET name = $2, hosts = $3, networks = $4, tools = $5, requests_per_minute = $6, expires_at = $7, \
         endless_reason = $8, managed_by = NULL WHERE id = $1",
    )
    .bind(record.id.to_string())
    .bind(&record.name)
    .bind(json_texts(&limits.hosts))
    .bind(json_texts(&limits.networks))
    .bind(json_texts(&limits.tools))
    .bind(limits.requests_per_minute.map(i64::from))
    .bind(limits.expires_at.map(Timestamp::unix))
    .bind(&record.endless_reason)
    .execute(connection)
    .await?;
    Ok(())
}

/// A key for the audit, without its secret.
pub(super) fn said(record: &KeyRecord) -> Value {
    let limits = &record.limits;
    let texts = |values: &mut dyn Iterator<Item = String>| values.collect::<Vec<_>>();
    let mut said = json!({
        "name": record.name,
        "machine_name": record.machine_name,
        "tenant": record.tenant_id,
        "owner": record.owner_id,
        "scopes": texts(&mut limits.scopes.iter().map(ToString::to_string)),
        "hosts": texts(&mut limits.hosts.iter().map(ToString::to_string)),
        "networks": texts(&mut limits.networks.iter().map(ToString::to_string)),
        "tools": texts(&mut limits.tools.iter().map(ToString::to_string)),
        "groups": record.groups,
        "requests_per_minute": limits.requests_per_minute,
        "expires_at": limits.expires_at,
        "endless_reason": record.endless_reason,
    });
    if let Some(server) = &limits.trial {
        said["tries"] = json!(server.as_str());
    }
    said
}

/// Writes the audit row of a change. It is for the administrators of the tenant too, unless it names groups, which are the
/// platform's.
pub(super) async fn note(
    connection: &mut Connection,
    actor: &Actor,
    action: &str,
    record: &KeyRecord,
    (before, after): (Option<Value>, Option<Value>),
) -> Result<()> {
    let entry = audit::Entry { action, target: format!("key:{}", record.id), before, after };
    match &record.tenant_id {
        Some(tenant) if record.groups.is_empty() => {
            audit::write_for_tenant(connection, actor, tenant, entry).await
        }
        _ => audit::write(connection, actor, entry).await,
    }
}

/// A key as somebody sees it. Groups are the platform's: the administrators of tenants do not learn of them.
pub(super) fn shown(mut key: KeyRecord, to_system: bool) -> KeyRecord {
    if to_system {
        key.groups.sort_unstable();
    } else {
        key.groups.clear();
    }
    key
}
