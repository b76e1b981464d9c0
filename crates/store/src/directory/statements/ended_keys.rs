//! API keys that end: those that go with their owner or tenant, each with an audit row in the transaction of the change, and
//! those that ended so long ago that their rows are deleted.

use super::key_rows::{self, key_columns};
use super::{Connection, Result, Store};
use crate::directory::actor::Actor;
use crate::directory::keys::KeyRecord;
use crate::directory::lease::Term;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{ProviderId, TenantId, UserId};
use serde_json::json;

/// The keys of a holder that were not revoked, locked.
macro_rules! keys_of {
    ($($holder:expr),+) => {
        for_update!(concat!(
            "SELECT ",
            key_columns!(),
            " FROM keys k WHERE k.revoked_at IS NULL AND ",
            $($holder,)+
            " ORDER BY k.id"
        ))
    };
}

/// The keys that end with a person.
pub(super) async fn of_owner(connection: &mut Connection, owner: UserId) -> Result<Vec<KeyRecord>> {
    let query = sqlx::query_as(keys_of!("k.owner_id = $1")).bind(owner.to_string());
    Ok(query.fetch_all(connection).await?)
}

/// The keys that end with several people, whose ids are in this JSON array.
pub(super) async fn of_owners(connection: &mut Connection, owners: &str) -> Result<Vec<KeyRecord>> {
    let sql = keys_of!("k.owner_id IN (SELECT value FROM ", each!("$1"), ")");
    Ok(sqlx::query_as(sql).bind(owners).fetch_all(connection).await?)
}

/// The keys of everybody whom a provider identifies.
pub(super) async fn of_people(connection: &mut Connection, provider: &ProviderId) -> Result<Vec<KeyRecord>> {
    let sql = keys_of!("k.owner_id IN (SELECT user_id FROM identities WHERE provider = $1)");
    Ok(sqlx::query_as(sql).bind(provider.as_str()).fetch_all(connection).await?)
}

/// The keys that end with a tenant.
pub(super) async fn of_tenant(connection: &mut Connection, tenant: &TenantId) -> Result<Vec<KeyRecord>> {
    let query = sqlx::query_as(keys_of!("k.tenant_id = $1")).bind(tenant.as_str());
    Ok(query.fetch_all(connection).await?)
}

/// Writes the audit rows of keys that end for this reason. They name no key: what the owner of a key wrote is not to stay
/// when they go, and `key.create` has the name otherwise.
pub(super) async fn note(
    connection: &mut Connection,
    actor: &Actor,
    keys: &[KeyRecord],
    reason: &str,
) -> Result<()> {
    for key in keys {
        let states = (None, Some(json!({ "reason": reason })));
        key_rows::note(connection, actor, "key.revoke", key, states).await?;
    }
    Ok(())
}

impl Store {
    /// Deletes the rows of keys that were revoked or expired before `before`, at most `most`.
    pub(in crate::directory) async fn delete_old_keys(
        &self,
        term: Term,
        before: Timestamp,
        most: u32,
    ) -> Result<u64> {
        leading!(self, term, |connection| {
            let sql = "DELETE FROM keys WHERE id IN (SELECT id FROM (SELECT id FROM keys WHERE revoked_at < $1 \
                UNION SELECT id FROM keys WHERE expires_at < $1) AS old ORDER BY id LIMIT $2)";
            let query = sqlx::query(sql).bind(before.unix()).bind(i64::from(most));
            Ok(query.execute(&mut *connection).await?.rows_affected())
        })
    }
}
