//! The hot reads of `/verify`: everything that it needs to know about a person and a session in one statement, and who
//! holds an address.

use super::{Connection, Result, Store};
use crate::directory::columns::TenantIds;
use crate::directory::error::DirectoryError;
use gatepost_core::access::{Access, Person, Role, Standing};
use gatepost_core::clock::{BootTime, Timestamp};
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{GroupName, ProviderId, TenantId, UserId};
use gatepost_core::secret::Hash;
use std::collections::BTreeMap;
use std::time::Duration;

/// Resolves the groups once and derives the tenants from them. An admin may enter every tenant that is active; one that a
/// router misspells does not exist.
///
/// `next_end` is the first end among the rows that count now: from then on the statement returns something else, although
/// nobody changes anything.
const STANDING: &str = concat!(
    "WITH mine AS MATERIALIZED (SELECT g.id, g.name, min(m.until) AS until FROM resolved_memberships m \
     JOIN groups g ON g.id = m.group_id WHERE m.user_id = $1 GROUP BY g.id, g.name), \
     admin AS MATERIALIZED (SELECT coalesce((SELECT is_admin FROM current_admin_overrides WHERE user_id = $1), \
     EXISTS (SELECT 1 FROM admin_reasons WHERE user_id = $1)) AS yes), ",
    tenant_roles!(),
    " SELECT u.email, u.name, u.disabled_at IS NOT NULL AS is_disabled, u.sessions_not_before, \
     EXISTS (SELECT 1 FROM ended_sessions WHERE session_hash = $2) AS is_session_ended, ",
    tenants_provider!("u.id"),
    " AS provider, ",
    entry_columns!(),
    " FROM users u WHERE u.id = $1",
);

/// Only the address that applications know counts, not one that a provider asserts beside it. An account that nobody has
/// signed in to is nobody's.
const HOLDER: &str = "SELECT u.id FROM users u WHERE u.email = $1 \
    AND EXISTS (SELECT 1 FROM identities i WHERE i.user_id = u.id)";

pub(super) const IS_STANDBY: &str = concat!("SELECT ", is_standby!());

row! {
    pub(super) struct StandingRow {
        email: Option<EmailAddress>,
        name: Option<String>,
        is_disabled: bool,
        sessions_not_before: Option<Timestamp>,
        is_session_ended: bool,
        provider: Option<ProviderId>,
        groups: Vec<GroupName>,
        tenants: BTreeMap<TenantId, Role>,
        suspended: BTreeMap<TenantId, Role>,
        is_admin: bool,
        own_tenants: TenantIds,
        every_tenant: TenantIds,
        next_end: Option<i64>,
        now_in_millis: i64,
        is_standby: bool,
    }
}

impl Store {
    pub(in crate::directory) async fn find_standing(
        &self,
        id: UserId,
        session: &Hash,
    ) -> Result<Option<Standing>> {
        let found = hot_read!(self, |connection| {
            let sent = BootTime::now();
            Ok(fetch(connection, id, session).await?.map(|row| (row, sent)))
        })?;
        found.map(|(row, sent)| read(id, row, sent)).transpose()
    }

    pub(in crate::directory) async fn find_holder(&self, email: &EmailAddress) -> Result<Option<UserId>> {
        let found: Option<String> = hot_read!(self, |connection| {
            let query = sqlx::query_scalar(HOLDER).bind(email.as_str());
            let id = query.fetch_optional(&mut *connection).await?;
            demand_primary(connection, id.is_some()).await.map(|()| id)
        })?;
        found.map(|id| id.parse().map_err(DirectoryError::unreadable)).transpose()
    }
}

/// A person's standing, in the transaction of a change.
pub(super) async fn find(connection: &mut Connection, id: UserId) -> Result<Option<Standing>> {
    let no_session = Hash::of(&[]);
    let sent = BootTime::now();
    fetch(connection, id, &no_session).await?.map(|row| read(id, row, sent)).transpose()
}

pub(super) async fn fetch(
    connection: &mut Connection,
    id: UserId,
    session: &Hash,
) -> Result<Option<StandingRow>> {
    let query = sqlx::query_as(STANDING).bind(id.to_string()).bind(&session.as_bytes()[..]);
    let row = query.fetch_optional(&mut *connection).await?;
    demand_primary(connection, row.is_some()).await.map(|()| row)
}

/// A standby may not have a row yet. That does not mean that the row does not exist.
async fn demand_primary(connection: &mut Connection, is_found: bool) -> Result<()> {
    if !is_found && sqlx::query_scalar(IS_STANDBY).fetch_one(connection).await? {
        return Err(DirectoryError::standby());
    }
    Ok(())
}

/// The statement was sent at `sent`, before the database read its own clock.
pub(super) fn read(id: UserId, mut row: StandingRow, sent: BootTime) -> Result<Standing> {
    if row.is_standby {
        return Err(DirectoryError::standby());
    }
    row.groups.sort_unstable();
    row.own_tenants.0.sort_unstable();
    row.every_tenant.0.sort_unstable();
    let access = Access {
        groups: row.groups,
        tenants: row.tenants.into(),
        suspended: row.suspended.into(),
        is_admin: row.is_admin,
        own_tenants: row.own_tenants.0,
        every_tenant: row.every_tenant.0,
        confined_to: None,
    };
    let access = match row.provider.and_then(|provider| provider.tenant()) {
        Some(tenant) => access.confined_to(tenant),
        None => access,
    };
    Ok(Standing {
        person: Person { id, email: row.email, name: row.name.map(Into::into) },
        is_disabled: row.is_disabled,
        sessions_not_before: row.sessions_not_before,
        is_session_ended: row.is_session_ended,
        access: access.into(),
        counts_until: row.next_end.map_or(BootTime::MAX, |end| sent.plus(time_to(end, row.now_in_millis))),
    })
}

/// The time from now to an end, which is in seconds.
pub(super) fn time_to(end: i64, now_in_millis: i64) -> Duration {
    let left = end.saturating_mul(1000).saturating_sub(now_in_millis);
    Duration::from_millis(u64::try_from(left).unwrap_or(0))
}
