//! The hot reads for access tokens: a person with the groups that their token lists, and what an application's roles open.

use super::standing::{IS_STANDBY, StandingRow, read};
use super::{Result, Store, json_texts};
use crate::directory::columns::TenantIds;
use crate::directory::error::DirectoryError;
use gatepost_core::access::{Access, Role, Standing};
use gatepost_core::clock::BootTime;
use gatepost_core::identity::{AssertedGroup, AssertedGroups, AssertedIdentity, GroupKind};
use gatepost_core::ids::{GroupName, ProviderId, TenantId, UserId};
use std::collections::BTreeMap;

/// As the hot read of a session, with two differences. If the token lists groups ($4 is false), they stand in place of
/// the groups that its provider asserted last. App roles stay: a token has those of another registration. And tokens
/// that were issued before the provider ended the identity's sessions are over.
const STANDING: &str = concat!(
    "WITH held AS MATERIALIZED (SELECT group_id, is_vouched, until FROM resolved_memberships \
     WHERE user_id = $1 AND (source <> $2 OR $4) \
     UNION ALL SELECT p.group_id, p.source <> 'auto', NULL FROM provider_memberships m \
     JOIN provider_groups p ON p.id = m.provider_group_id \
     WHERE m.user_id = $1 AND p.provider = $2 AND p.kind = 'role' AND NOT $4 \
     UNION ALL SELECT p.group_id, p.source <> 'auto', NULL FROM provider_groups p \
     WHERE p.provider = $2 AND p.kind = 'group' AND NOT $4 AND p.external_id IN (SELECT value FROM ",
    each!("$3"),
    ")), mine AS MATERIALIZED (SELECT g.id, g.name, min(h.until) AS until FROM held h \
     JOIN groups g ON g.id = h.group_id GROUP BY g.id, g.name), \
     admin AS MATERIALIZED (SELECT coalesce((SELECT is_admin FROM current_admin_overrides WHERE user_id = $1), \
     EXISTS (SELECT 1 FROM held h CROSS JOIN groups g JOIN admin_groups a ON a.name = g.name \
     WHERE g.id = h.group_id AND h.is_vouched) \
     OR EXISTS (SELECT 1 FROM provider_memberships m JOIN provider_groups p ON p.id = m.provider_group_id AND p.kind = 'role' \
     JOIN admin_roles r ON r.provider = p.provider AND r.role = p.external_id WHERE m.user_id = $1)) AS yes), ",
    tenant_roles!(),
    " SELECT u.email, u.name, u.disabled_at IS NOT NULL AS is_disabled, \
     CASE WHEN i.sessions_not_before > coalesce(u.sessions_not_before, 0) THEN i.sessions_not_before \
     ELSE u.sessions_not_before END AS sessions_not_before, false AS is_session_ended, ",
    tenants_provider!("u.id"),
    " AS provider, ",
    entry_columns!(),
    " FROM users u JOIN identities i ON i.user_id = u.id \
     WHERE u.id = $1 AND i.issuer = $5 AND i.subject = $6 AND i.provider = $2",
);

/// What linked app roles open. An unlinked role stands for nothing: its name was chosen at the provider.
const ROLES: &str = concat!(
    "WITH mine AS MATERIALIZED (SELECT DISTINCT g.id, g.name FROM provider_groups p JOIN groups g ON g.id = p.group_id \
     WHERE p.provider = $1 AND p.kind = 'role' AND p.source IN ('config', 'manual') \
     AND p.external_id IN (SELECT value FROM ",
    each!("$2"),
    ")) SELECT (SELECT ",
    json_list!("name"),
    " FROM mine) AS groups, (SELECT ",
    json_list!("t.tenant_id || ' ' || t.role"),
    " FROM group_tenants t JOIN mine ON mine.id = t.group_id \
     JOIN tenants n ON n.id = t.tenant_id AND n.state = 'active') AS tenants, (SELECT ",
    json_list!("n.id"),
    " FROM tenants n WHERE n.state = 'active' AND n.id IN (SELECT t.tenant_id FROM group_tenants t \
     JOIN mine ON mine.id = t.group_id) AND ",
    is_own_tenant!("n.id"),
    ") AS own_tenants, ",
    is_standby!(),
    " AS is_standby",
);

row! {
    struct RolesRow {
        groups: Vec<GroupName>,
        tenants: BTreeMap<TenantId, Role>,
        own_tenants: TenantIds,
        is_standby: bool,
    }
}

impl Store {
    pub(in crate::directory) async fn find_token_standing(
        &self,
        user: UserId,
        identity: &AssertedIdentity,
    ) -> Result<Option<Standing>> {
        let listed = match &identity.groups {
            AssertedGroups::Known(groups) => {
                Some(groups.iter().filter(|group| group.kind == GroupKind::Group))
            }
            AssertedGroups::Unknown | AssertedGroups::NotRead => None,
        };
        let keeps_groups = listed.is_none();
        let listed = json_texts(listed.into_iter().flatten().map(|group| &group.external_id));
        let found = hot_read!(self, |connection| {
            let sent = BootTime::now();
            let query = sqlx::query_as(STANDING)
                .bind(user.to_string())
                .bind(identity.provider.as_str())
                .bind(&listed)
                .bind(keeps_groups)
                .bind(&identity.subject.issuer)
                .bind(&identity.subject.subject);
            let row: Option<StandingRow> = query.fetch_optional(&mut *connection).await?;
            if row.is_none() && sqlx::query_scalar(IS_STANDBY).fetch_one(connection).await? {
                return Err(DirectoryError::standby());
            }
            Ok(row.map(|row| (row, sent)))
        })?;
        found.map(|(row, sent)| read(user, row, sent)).transpose()
    }

    pub(in crate::directory) async fn find_role_access(
        &self,
        provider: &ProviderId,
        roles: &[AssertedGroup],
    ) -> Result<Access> {
        let roles = json_texts(roles.iter().map(|role| &role.external_id));
        let mut row: RolesRow = hot_read!(self, |connection| {
            let query = sqlx::query_as(ROLES).bind(provider.as_str()).bind(&roles);
            Ok(query.fetch_one(connection).await?)
        })?;
        if row.is_standby {
            return Err(DirectoryError::standby());
        }
        row.groups.sort_unstable();
        row.own_tenants.0.sort_unstable();
        let (tenants, own_tenants) = (row.tenants.into(), row.own_tenants.0);
        Ok(Access { groups: row.groups, tenants, own_tenants, ..Access::default() })
    }
}
