//! API keys that end: those that go with their owner or tenant, each with an audit row in the transaction of the change, and
//! those that ended so long ago that their rows are deleted.

use super::key_rows::{self, key_columns};
use super::{Connection, Result, Store};
use crate::directory::actor::Actor;
use crate::directory::keys::KeyRecord;
use crate::directory::lease::Term;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{TenantId, UserId};
use serde_json::json;

/// The keys of a holder that were not revoked, locked.
macro_rules! keys_of {
    ($holder:literal) => {
        for_update!(concat!(
            "SELECT ",
            key_columns!(),
            " FROM keys k WHERE k.revoked_at IS NULL AND ",
            $holder,
            " = $1 ORDER BY k.id"
        ))
    };
}

/// The keys that end with a person.
pub(super) async fn of_owner(connection: &mut Connection, owner: UserId) -> Result<Vec<KeyRecord>> {
    let query = sqlx::query_as(keys_of!("k.owner_id")).bind(owner.to_string());
    Ok(query.fetch_all(connection).await?)
}

/// The keys that end with a tenant.
pub(super) async fn of_tenant(connection: &mut Connection, tenant: &TenantId) -> Result<Vec<KeyRecord>> {
    let query = sqlx::query_as(keys_of!("k.tenant_id")).bind(tenant.as_str());
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
