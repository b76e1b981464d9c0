//! Members that a tenant has by itself, beside those that groups bring.

use super::tenant_limits::{self, Counted};
use super::users::{self, UserRow, demand_future};
use super::{Apply, Connection, Result, audit, ended, open_invitations, tenants};
use crate::directory::actor::Actor;
use crate::directory::changes::{AddTenantMember, Done, RemoveTenantMember};
use crate::directory::error::DirectoryError;
use crate::directory::records::UserKey;
use gatepost_core::access::Role;
use gatepost_core::administration::{Granted, Version};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{TenantId, UserId};
use serde_json::{Value, json};

row! {
    /// A row of `current_tenant_members`.
    #[derive(Clone, Copy, Debug)]
    pub struct MemberRow {
        role: Role,
        until: Option<Timestamp>,
        version: Version,
    }
}

impl Apply for AddTenantMember {
    type Locked = (Option<UserRow>, Option<MemberRow>);

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        tenants::demand(connection, &self.tenant).await?;
        let user = users::find_for_change(connection, &self.user).await?;
        let member = match &user {
            Some(user) => find(connection, &self.tenant, user.id).await?,
            None => None,
        };
        Ok(((user, member), member.map(|member| member.version)))
    }

    async fn write(
        granted: Granted<&Self>,
        (user, before): Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<UserId>> {
        let Self { tenant, user: key, role, until } = granted.change();
        demand_future(connection, *until).await?;
        if matches!(key, UserKey::Id(_)) && before.is_none() && !granted.is_by_system() {
            return Err(DirectoryError::UnknownUser(key.clone()));
        }
        let user = match user {
            Some(user) => user.id,
            None => users::create_for(connection, key, actor).await?.id,
        };
        if let Some(before) = before
            && (before.role, before.until) == (*role, *until)
        {
            let is_withdrawn = open_invitations::withdraw_of(connection, actor, tenant, user).await?;
            let done = if is_withdrawn { Done::changed } else { Done::unchanged };
            return Ok(done(Some(before.version), user));
        }
        put(connection, actor, (tenant, user), before, Given::manual(*role, *until)).await?;
        open_invitations::withdraw_of(connection, actor, tenant, user).await?;
        let version = find(connection, tenant, user).await?.map(|member| member.version);
        Ok(Done::changed(version, user))
    }
}

/// What a member is given, and who says so.
#[derive(Clone, Copy)]
struct Given {
    role: Role,
    until: Option<Timestamp>,
    source: &'static str,
}

impl Given {
    const fn manual(role: Role, until: Option<Timestamp>) -> Self {
        Self { role, until, source: "manual" }
    }
}

/// Writes a member with role and end, and the audit row. `before` is the row that counts until now.
async fn put(
    connection: &mut Connection,
    actor: &Actor,
    (tenant, user): (&TenantId, UserId),
    before: Option<MemberRow>,
    Given { role, until, source }: Given,
) -> Result<()> {
    if before.is_none() {
        tenant_limits::demand_room(connection, tenant, Counted::Members).await?;
    }
    ended::delete_of_person(connection, user).await?;
    sqlx::query(
        "INSERT INTO tenant_members (tenant_id, user_id, role, until, created_at, source) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (tenant_id, user_id) DO UPDATE SET role = excluded.role, until = excluded.until, source = excluded.source",
    )
    .bind(tenant.as_str())
    .bind(user.to_string())
    .bind(role.as_str())
    .bind(until.map(Timestamp::unix))
    .bind(Timestamp::now().unix())
    .bind(source)
    .execute(&mut *connection)
    .await?;
    let (was, is) = (before.map(|before| said(tenant, before.role, before.until)), said(tenant, role, until));
    note(connection, actor, "tenant.add_member", user, tenant, (was, Some(is))).await
}

/// Whether a tenant has a person by itself, with at least this role, for good.
pub(super) async fn has_for_good(
    connection: &mut Connection,
    (tenant, user): (&TenantId, UserId),
    role: Role,
) -> Result<bool> {
    let found = find(connection, tenant, user).await?;
    Ok(found.is_some_and(|found| found.role >= role && found.until.is_none()))
}

/// Makes a person who was invited a member, for good. Who is one with a higher role stays as they are, also if that ends: the
/// invitation gives no such role. So does who has this role for good.
pub(super) async fn join(
    connection: &mut Connection,
    actor: &Actor,
    (tenant, user): (&TenantId, UserId),
    role: Role,
) -> Result<()> {
    let before = find(connection, tenant, user).await?;
    let has_it = |before: MemberRow| before.role > role || (before.role == role && before.until.is_none());
    if before.is_some_and(has_it) {
        return Ok(());
    }
    let given = Given { role, until: None, source: "invitation" };
    put(connection, actor, (tenant, user), before, given).await
}

/// Makes a person a member until `until`. Who is one already keeps their role, and a later end.
pub(super) async fn extend(
    connection: &mut Connection,
    actor: &Actor,
    (tenant, user): (&TenantId, UserId),
    until: Timestamp,
) -> Result<()> {
    let before = find(connection, tenant, user).await?;
    match before {
        Some(before) if before.until.is_none_or(|end| end >= until) => Ok(()),
        before => {
            let role = before.map_or(Role::Member, |before| before.role);
            put(connection, actor, (tenant, user), before, Given::manual(role, Some(until))).await
        }
    }
}

impl Apply for RemoveTenantMember {
    type Locked = (UserRow, MemberRow);

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        tenants::demand(connection, &self.tenant).await?;
        let none = || DirectoryError::NotTenantMember(self.user.clone(), self.tenant.clone());
        // To the tenant's administrators nobody exists who is not a member.
        let user = users::find_for_change(connection, &self.user).await?.ok_or_else(none)?;
        let member = find(connection, &self.tenant, user.id).await?.ok_or_else(none)?;
        Ok(((user, member), Some(member.version)))
    }

    async fn write(
        granted: Granted<&Self>,
        (user, member): Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<Role>> {
        let tenant = &granted.change().tenant;
        sqlx::query("DELETE FROM tenant_members WHERE tenant_id = $1 AND user_id = $2")
            .bind(tenant.as_str())
            .bind(user.id.to_string())
            .execute(&mut *connection)
            .await?;
        let was = said(tenant, member.role, member.until);
        note(connection, actor, "tenant.remove_member", user.id, tenant, (Some(was), None)).await?;
        open_invitations::withdraw_of(connection, actor, tenant, user.id).await?;
        Ok(Done::changed(None, member.role))
    }
}

async fn find(connection: &mut Connection, tenant: &TenantId, user: UserId) -> Result<Option<MemberRow>> {
    let sql = "SELECT role, until, version FROM current_tenant_members WHERE tenant_id = $1 AND user_id = $2";
    let query = sqlx::query_as(sql).bind(tenant.as_str()).bind(user.to_string());
    Ok(query.fetch_optional(connection).await?)
}

/// A membership for the audit.
fn said(tenant: &TenantId, role: Role, until: Option<Timestamp>) -> Value {
    let mut said = json!({ "tenant": tenant, "role": role });
    if let Some(until) = until {
        said["until"] = json!(until);
    }
    said
}

async fn note(
    connection: &mut Connection,
    actor: &Actor,
    action: &str,
    user: UserId,
    tenant: &TenantId,
    (before, after): (Option<Value>, Option<Value>),
) -> Result<()> {
    let entry = audit::Entry { action, target: format!("user:{user}"), before, after };
    audit::write_for_tenant(connection, actor, tenant, entry).await
}
