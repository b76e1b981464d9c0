//! The hot read: everything that `/verify` must know about a person and a session, in one statement.

use super::{Connection, Result, Store};
use crate::directory::error::DirectoryError;
use gatepost_core::access::{Access, Person, Role, Standing};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{IdError, TenantId, UserId};
use gatepost_core::secret::Hash;
use std::collections::BTreeMap;
use std::str::FromStr;

/// Groups once, tenants and the admin's reasons from them. A tenant and its role come as one word and another. An
/// admin may enter every tenant, but only one that there is: what a router misspells opens to nobody.
const STANDING: &str = concat!(
    "WITH mine AS MATERIALIZED (SELECT DISTINCT g.id, g.name FROM resolved_memberships m \
     JOIN groups g ON g.id = m.group_id WHERE m.user_id = $1), \
     admin AS MATERIALIZED (SELECT coalesce((SELECT is_admin FROM admin_overrides WHERE user_id = $1), \
     EXISTS (SELECT 1 FROM admin_reasons WHERE user_id = $1)) AS yes) \
     SELECT u.email, u.name, u.disabled_at IS NOT NULL, u.sessions_not_before, \
     EXISTS (SELECT 1 FROM ended_sessions WHERE session_hash = $2), \
     (SELECT ",
    json_list!("name"),
    " FROM mine), (SELECT ",
    json_list!("t.tenant_id || ' ' || t.role"),
    " FROM group_tenants t JOIN mine ON mine.id = t.group_id), \
     (SELECT yes FROM admin), \
     (SELECT ",
    json_list!("t.id"),
    " FROM tenants t WHERE (SELECT yes FROM admin)), ",
    is_standby!(),
    " FROM users u WHERE u.id = $1",
);

const IS_STANDBY: &str = concat!("SELECT ", is_standby!());

type Row = (Option<String>, Option<String>, bool, Option<i64>, bool, String, String, bool, String, bool);

impl Store {
    pub(in crate::directory) async fn find_standing(
        &self,
        id: UserId,
        session: &Hash,
    ) -> Result<Option<Standing>> {
        let row = hot_read!(self, |connection| fetch(connection, id, session).await)?;
        row.map(|row| read(id, row)).transpose()
    }
}

async fn fetch(connection: &mut Connection, id: UserId, session: &Hash) -> Result<Option<Row>> {
    let query = sqlx::query_as(STANDING).bind(id.to_string()).bind(&session.as_bytes()[..]);
    let row = query.fetch_optional(&mut *connection).await?;
    // A standby may not have heard of them yet: that is no reason to send anybody away.
    if row.is_none() && sqlx::query_scalar(IS_STANDBY).fetch_one(connection).await? {
        return Err(DirectoryError::standby());
    }
    Ok(row)
}

fn read(id: UserId, row: Row) -> Result<Standing> {
    let (email, name, is_disabled, not_before, is_session_ended, groups, tenants, is_admin, all, is_standby) =
        row;
    if is_standby {
        return Err(DirectoryError::standby());
    }
    let email = email.map(|email| email.parse()).transpose().map_err(DirectoryError::unreadable)?;
    let mut access = Access {
        groups: parse_list(&groups)?,
        tenants: parse_tenants(&tenants)?.into(),
        is_admin,
        every_tenant: parse_list(&all)?,
    };
    access.groups.sort_unstable();
    access.every_tenant.sort_unstable();
    Ok(Standing {
        person: Person { id, email, name: name.map(Into::into) },
        is_disabled,
        sessions_not_before: not_before.map(Timestamp::from_unix),
        is_session_ended,
        access: access.into(),
    })
}

pub(super) fn parse_list<T: FromStr<Err = IdError>>(json: &str) -> Result<Vec<T>> {
    let texts: Vec<String> = serde_json::from_str(json).map_err(DirectoryError::unreadable)?;
    texts.iter().map(|text| text.parse().map_err(DirectoryError::unreadable)).collect()
}

/// `ID ROLE` each; the highest role of a tenant counts.
pub(super) fn parse_tenants(json: &str) -> Result<BTreeMap<TenantId, Role>> {
    let mut tenants = BTreeMap::new();
    let pairs: Vec<String> = serde_json::from_str(json).map_err(DirectoryError::unreadable)?;
    for pair in pairs {
        let (id, role) = pair.split_once(' ').unwrap_or((&pair, ""));
        let role: Role = role.parse().map_err(DirectoryError::unreadable)?;
        let highest = tenants.entry(id.parse().map_err(DirectoryError::unreadable)?).or_insert(role);
        *highest = role.max(*highest);
    }
    Ok(tenants)
}
