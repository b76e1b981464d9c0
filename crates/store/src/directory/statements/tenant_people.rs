//! The people whom the provider of a tenant identifies, when that provider, a domain of it or the tenant goes.
//!
//! What they have here rests on the word of whoever runs that provider. Guarantee: nothing of theirs outlasts the row that says
//! that they are confined to the tenant. So their identities are deleted with the people, never alone.

use super::{Connection, Result, audit, ended_keys, json_texts, naming, present};
use crate::directory::actor::Actor;
use gatepost_core::ids::{ProviderId, TenantId};
use gatepost_core::tenant_provider::EmailDomain;
use serde_json::json;
use std::time::Duration;

/// The people whom the provider $1 identifies.
macro_rules! people {
    () => {
        "(SELECT user_id FROM identities WHERE provider = $1)"
    };
}

/// Ends their sessions: nobody can confirm them any more.
pub(super) async fn end_sessions(connection: &mut Connection, tenant: &TenantId) -> Result<()> {
    // By the clock by which sessions start.
    let not_before = present(connection).await?.plus(Duration::from_secs(1));
    sqlx::query(concat!(
        "UPDATE users SET sessions_not_before = $2 WHERE id IN ",
        people!(),
        " AND coalesce(sessions_not_before, 0) < $2"
    ))
    .bind(ProviderId::of_tenant(tenant).as_str())
    .bind(not_before.unix())
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes back what goes on without sessions: their API keys, and that they are in groups of the provider.
pub(super) async fn revoke(connection: &mut Connection, actor: &Actor, tenant: &TenantId) -> Result<()> {
    let provider = ProviderId::of_tenant(tenant);
    let keys = ended_keys::of_people(connection, &provider).await?;
    let now = present(connection).await?;
    sqlx::query(concat!(
        "UPDATE keys SET revoked_at = $2 WHERE revoked_at IS NULL AND owner_id IN ",
        people!()
    ))
    .bind(provider.as_str())
    .bind(now.unix())
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "DELETE FROM provider_memberships WHERE provider_group_id IN (SELECT id FROM provider_groups WHERE provider = $1)",
    )
    .bind(provider.as_str())
    .execute(&mut *connection)
    .await?;
    ended_keys::note(connection, actor, &keys, "provider_removed").await
}

/// Frees the addresses of a domain that the provider may not assert any more, or all of them: their next holder is whom
/// another provider identifies. As whoever has the domain's zone for an hour could sign in with any address of it.
pub(super) async fn release_addresses(
    connection: &mut Connection,
    actor: &Actor,
    tenant: &TenantId,
    domain: Option<&EmailDomain>,
) -> Result<()> {
    let provider = ProviderId::of_tenant(tenant);
    let addresses = format!("%@{}", domain.map_or("%", EmailDomain::as_str));
    let now = present(connection).await?;
    sqlx::query(concat!(
        "INSERT INTO former_addresses (email, user_id, until) SELECT email, id, $3 FROM users WHERE email LIKE $2 AND id IN ",
        people!(),
        " ON CONFLICT (email) DO UPDATE SET user_id = excluded.user_id, until = excluded.until"
    ))
    .bind(provider.as_str())
    .bind(&addresses)
    .bind(now.unix())
    .execute(&mut *connection)
    .await?;
    let mut changed = 0;
    for sql in [
        concat!("UPDATE users SET email = NULL WHERE email LIKE $2 AND id IN ", people!()),
        "UPDATE identities SET email = NULL WHERE provider = $1 AND email LIKE $2",
    ] {
        let query = sqlx::query(sql).bind(provider.as_str()).bind(&addresses);
        changed = query.execute(&mut *connection).await?.rows_affected().max(changed);
    }
    if changed == 0 {
        return Ok(());
    }
    let entry = audit::Entry {
        action: "tenant.release_addresses",
        target: format!("tenant:{tenant}"),
        before: Some(json!({ "domain": domain.map(EmailDomain::as_str), "people": changed })),
        after: None,
    };
    audit::write_for_tenant(connection, actor, tenant, entry).await
}

/// Deletes some of the people of a tenant that is erased, at most `most`, with their keys, and returns how many there were.
/// Whoever was disabled or denied admin rights stays, as when people are forgotten: without keys, and without the identity.
pub(super) async fn delete_some(
    connection: &mut Connection,
    actor: &Actor,
    tenant: &TenantId,
    most: u32,
) -> Result<u64> {
    let provider = ProviderId::of_tenant(tenant);
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT user_id FROM identities WHERE provider = $1 ORDER BY user_id LIMIT $2",
    )
    .bind(provider.as_str())
    .bind(i64::from(most))
    .fetch_all(&mut *connection)
    .await?;
    if ids.is_empty() {
        return Ok(0);
    }
    let list = json_texts(&ids);
    let keys = ended_keys::of_owners(connection, &list).await?;
    let now = present(connection).await?;
    let delete_people = concat!(
        "DELETE FROM users WHERE id IN (SELECT value FROM ",
        each!("$1"),
        ") AND disabled_at IS NULL AND NOT EXISTS (SELECT 1 FROM admin_overrides o WHERE o.user_id = users.id AND NOT o.is_admin)"
    );
    let forget_addresses = concat!(
        "DELETE FROM former_addresses WHERE user_id IN (SELECT value FROM ",
        each!("$1"),
        ") AND user_id NOT IN (SELECT id FROM users)"
    );
    let delete_refusals =
        concat!("DELETE FROM refusals WHERE user_id IN (SELECT value FROM ", each!("$1"), ")");
    for sql in [delete_refusals, delete_people, forget_addresses] {
        sqlx::query(sql).bind(&list).execute(&mut *connection).await?;
    }
    // Of those who stay: neither a session nor a key is without the confinement.
    let end_sessions = concat!(
        "UPDATE users SET sessions_not_before = $2 WHERE id IN (SELECT value FROM ",
        each!("$1"),
        ")"
    );
    let revoke_keys = concat!(
        "UPDATE keys SET revoked_at = $2 WHERE revoked_at IS NULL AND owner_id IN (SELECT value FROM ",
        each!("$1"),
        ")"
    );
    for sql in [end_sessions, revoke_keys] {
        sqlx::query(sql).bind(&list).bind(now.unix() + 1).execute(&mut *connection).await?;
    }
    sqlx::query(concat!(
        "DELETE FROM identities WHERE provider = $2 AND user_id IN (SELECT value FROM ",
        each!("$1"),
        ")"
    ))
    .bind(&list)
    .bind(provider.as_str())
    .execute(&mut *connection)
    .await?;
    ended_keys::note(connection, actor, &keys, "tenant_deleted").await?;
    Ok(ids.len() as u64)
}

/// Deletes the groups of the provider, and their names here unless something else uses them.
pub(super) async fn delete_groups(connection: &mut Connection, tenant: &TenantId) -> Result<()> {
    let provider = ProviderId::of_tenant(tenant);
    naming::lock_names(connection).await?;
    let groups: Vec<i64> =
        sqlx::query_scalar("DELETE FROM provider_groups WHERE provider = $1 RETURNING group_id")
            .bind(provider.as_str())
            .fetch_all(&mut *connection)
            .await?;
    for group in groups {
        naming::delete_if_unused(connection, group).await?;
    }
    Ok(())
}
