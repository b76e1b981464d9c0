//! The hot read of a key: everything that `/verify` needs to know about it, in one statement.

use super::standing::{IS_STANDBY, time_to};
use super::{Connection, Result, Store};
use crate::directory::error::DirectoryError;
use crate::directory::keys::FoundKey;
use gatepost_core::access::{Access, Role};
use gatepost_core::api_key::{KeyId, KeyLimits};
use gatepost_core::clock::BootTime;
use gatepost_core::ids::{GroupName, ProviderId, TenantId, UserId};
use gatepost_core::secret::Hash;
use std::collections::BTreeMap;

/// The columns of a key that was found by its present or its previous secret.
macro_rules! found_columns {
    () => {
        "id, name, machine_name, tenant_id, owner_id, scopes, hosts, networks, tools, requests_per_minute, trial_of, revoked_at"
    };
}

/// A key counts in its tenant as long as its owner may enter it, by a group, as a member or as an administrator. The key of a
/// deleted tenant is unknown. One that was revoked, or whose owner is disabled, is found as ended, so that a refusal can name it.
///
/// `next_end` is the first end among the rows that count for the owner now, as in the hot read of a person.
macro_rules! key {
    ($($found:tt)+) => { concat!(
    "WITH found AS MATERIALIZED (SELECT ",
    found_columns!(),
    $($found)+,
    "), mine AS MATERIALIZED (SELECT m.group_id, m.until FROM resolved_memberships m \
     WHERE m.user_id = (SELECT owner_id FROM found)) \
     SELECT k.id, k.name, k.machine_name, k.owner_id, k.tenant_id, k.scopes, k.hosts, k.networks, k.tools, \
     k.requests_per_minute, k.trial_of, k.expires_at, (SELECT ",
    json_list!("g.name"),
    " FROM key_groups own JOIN groups g ON g.id = own.group_id WHERE own.key_id = k.id) AS groups, \
     k.owner_id IS NULL \
     OR EXISTS (SELECT 1 FROM mine JOIN group_tenants t ON t.group_id = mine.group_id WHERE t.tenant_id = k.tenant_id) \
     OR EXISTS (SELECT 1 FROM current_tenant_members t WHERE t.tenant_id = k.tenant_id AND t.user_id = k.owner_id) \
     OR coalesce((SELECT is_admin FROM current_admin_overrides WHERE user_id = k.owner_id), \
     EXISTS (SELECT 1 FROM admin_reasons WHERE user_id = k.owner_id)) AS may_enter, \
     (SELECT min(e.until) FROM (SELECT until FROM mine \
     UNION ALL SELECT until FROM current_admin_overrides WHERE user_id = k.owner_id \
     UNION ALL SELECT until FROM current_tenant_members WHERE user_id = k.owner_id) e) AS next_end, \
     coalesce(t.state = 'suspended', false) AS is_suspended, ",
    is_own_tenant!("k.tenant_id"),
    " AS is_own_tenant, ",
    tenants_provider!("k.owner_id"),
    " AS provider, ",
    present_millis!(),
    " AS now_in_millis, ",
    is_standby!(),
    " AS is_standby, k.revoked_at IS NOT NULL OR ",
    key_is_stopped!(),
    " AS is_ended FROM found k LEFT JOIN tenants t ON t.id = k.tenant_id \
     WHERE coalesce(t.state <> 'deleted', true)",
    ) };
}

/// By the present or the previous secret.
const KEY: &str = key!(
    ", expires_at FROM keys WHERE hash = $1 UNION ALL SELECT ",
    found_columns!(),
    ", CASE WHEN expires_at < previous_until THEN expires_at ELSE previous_until END AS expires_at \
     FROM keys WHERE previous_hash = $1 AND previous_until > ",
    present!()
);
const KEY_OF_ID: &str = key!(", expires_at FROM keys WHERE id = $1");

row! {
    pub(super) struct KeyRow {
        id: KeyId,
        name: String,
        machine_name: String,
        owner_id: Option<UserId>,
        tenant_id: Option<TenantId>,
        limits: KeyLimits,
        groups: Vec<GroupName>,
        may_enter: bool,
        is_suspended: bool,
        is_own_tenant: bool,
        provider: Option<ProviderId>,
        next_end: Option<i64>,
        now_in_millis: i64,
        is_standby: bool,
        is_ended: bool,
    }
}

impl Store {
    pub(in crate::directory) async fn find_key(&self, digest: &Hash) -> Result<Option<FoundKey>> {
        let found = hot_read!(self, |connection| {
            let sent = BootTime::now();
            Ok(fetch(connection, digest).await?.map(|row| (row, sent)))
        })?;
        found.map(|(row, sent)| read(row, sent)).transpose()
    }
}

impl Store {
    pub(in crate::directory) async fn find_key_of_id(&self, id: KeyId) -> Result<Option<FoundKey>> {
        let found: Option<(KeyRow, BootTime)> = reading!(self, |connection| {
            let sent = BootTime::now();
            let row: Option<KeyRow> =
                sqlx::query_as(KEY_OF_ID).bind(id.to_string()).fetch_optional(connection).await?;
            Ok(row.map(|row| (row, sent)))
        })?;
        found.filter(|(row, _)| !row.is_ended).map(|(row, sent)| read(row, sent)).transpose()
    }
}

pub(super) async fn fetch(connection: &mut Connection, digest: &Hash) -> Result<Option<KeyRow>> {
    let query = sqlx::query_as(KEY).bind(&digest.as_bytes()[..]);
    let row = query.fetch_optional(&mut *connection).await?;
    // A standby may not have the key yet. That does not mean that the key does not exist.
    if row.is_none() && sqlx::query_scalar(IS_STANDBY).fetch_one(connection).await? {
        return Err(DirectoryError::standby());
    }
    Ok(row)
}

/// The statement was sent at `sent`, before the database read its own clock.
fn read(mut row: KeyRow, sent: BootTime) -> Result<FoundKey> {
    if row.is_standby {
        return Err(DirectoryError::standby());
    }
    if row.is_ended {
        // Nothing of it counts, whoever asks.
        row.limits = KeyLimits { is_ended: true, ..KeyLimits::default() };
        row.groups.clear();
        row.tenant_id = None;
    }
    row.groups.sort_unstable();
    let is_suspended = row.is_suspended;
    let role = |is_its_state: bool| -> BTreeMap<TenantId, Role> {
        let id = row.tenant_id.clone().filter(|_| is_its_state);
        id.into_iter().map(|id| (id, Role::Member)).collect()
    };
    let access = Access {
        groups: row.groups,
        tenants: role(row.may_enter && !is_suspended).into(),
        own_tenants: row.tenant_id.iter().filter(|_| row.is_own_tenant).cloned().collect(),
        suspended: role(is_suspended).into(),
        ..Access::default()
    };
    let access = match row.provider.and_then(|provider| provider.tenant()) {
        Some(tenant) => access.confined_to(tenant),
        None => access,
    };
    Ok(FoundKey {
        id: row.id,
        name: row.name.into(),
        machine_name: row.machine_name.into(),
        owner: row.owner_id,
        tenant: row.tenant_id,
        access: access.into(),
        counts_until: row.next_end.map_or(BootTime::MAX, |end| sent.plus(time_to(end, row.now_in_millis))),
        limits: row.limits,
    })
}
