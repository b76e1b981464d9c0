//! The life of a tenant: suspended and resumed, deleted and restored, erased.

use super::run::Run;
use super::tenant_changes::{TenantRow, find_for_update, lock_known, note};
use super::{
    Apply, Connection, Result, Store, ended_keys, erasures, present, tenant_people, tenants, usage,
    usage_bills,
};
use crate::directory::actor::{Actor, Who};
use crate::directory::changes::{DeleteTenant, Done, RestoreTenant, ResumeTenant, SuspendTenant};
use crate::directory::error::DirectoryError;
use crate::directory::lease::Term;
use gatepost_core::administration::{Granted, Version};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::TenantId;
use gatepost_core::tenant::TenantState;
use serde_json::{Value, json};

impl Apply for SuspendTenant {
    type Locked = TenantRow;

    async fn lock(&self, connection: &mut Connection) -> Result<(TenantRow, Option<Version>)> {
        lock_known(connection, &self.id).await
    }

    async fn write(
        granted: Granted<&Self>,
        tenant: TenantRow,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<()>> {
        let Self { id, reason } = granted.change();
        let reason = reason.as_str();
        tenants::demand_kept(id, tenant.state)?;
        let is_same = tenant.suspended_reason.as_deref() == Some(reason);
        if tenant.state == TenantState::Suspended && is_same {
            return Ok(Done::unchanged(Some(tenant.version), ()));
        }
        sqlx::query(
            "UPDATE tenants SET state = 'suspended', suspended_at = coalesce(suspended_at, $2), suspended_reason = $3, \
             updated_at = $2 WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(Timestamp::now().unix())
        .bind(reason)
        .execute(&mut *connection)
        .await?;
        let after = json!({ "state": TenantState::Suspended.as_str(), "reason": reason });
        changed(connection, actor, ("tenant.suspend", id), &tenant, after).await
    }
}

impl Apply for ResumeTenant {
    type Locked = TenantRow;

    async fn lock(&self, connection: &mut Connection) -> Result<(TenantRow, Option<Version>)> {
        lock_known(connection, &self.id).await
    }

    async fn write(
        granted: Granted<&Self>,
        tenant: TenantRow,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<()>> {
        let id = &granted.change().id;
        tenants::demand_kept(id, tenant.state)?;
        if tenant.state == TenantState::Active {
            return Ok(Done::unchanged(Some(tenant.version), ()));
        }
        sqlx::query(
            "UPDATE tenants SET state = 'active', suspended_at = NULL, suspended_reason = NULL, updated_at = $2 \
             WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(Timestamp::now().unix())
        .execute(&mut *connection)
        .await?;
        let after = json!({ "state": TenantState::Active.as_str() });
        changed(connection, actor, ("tenant.resume", id), &tenant, after).await
    }
}

impl Apply for DeleteTenant {
    type Locked = TenantRow;

    async fn lock(&self, connection: &mut Connection) -> Result<(TenantRow, Option<Version>)> {
        lock_known(connection, &self.id).await
    }

    async fn write(
        granted: Granted<&Self>,
        tenant: TenantRow,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<()>> {
        let id = &granted.change().id;
        if tenant.state == TenantState::Deleted {
            return Ok(Done::unchanged(Some(tenant.version), ()));
        }
        sqlx::query(
            "UPDATE tenants SET state = 'deleted', deleted_at = $2, updated_at = $2, managed_by = NULL WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(Timestamp::now().unix())
        .execute(&mut *connection)
        .await?;
        let groups: Vec<String> = sqlx::query_scalar(
            "SELECT g.name FROM group_tenants t JOIN groups g ON g.id = t.group_id WHERE t.tenant_id = $1 ORDER BY g.name",
        )
        .bind(id.as_str())
        .fetch_all(&mut *connection)
        .await?;
        let before = json!({ "name": tenant.name, "state": tenant.state.as_str(), "groups": groups });
        note(connection, actor, "tenant.delete", id, (Some(before), None)).await?;
        let version = find_for_update(connection, id).await?.map(|found| found.version);
        Ok(Done::changed(version, ()))
    }
}

impl Apply for RestoreTenant {
    type Locked = TenantRow;

    async fn lock(&self, connection: &mut Connection) -> Result<(TenantRow, Option<Version>)> {
        lock_known(connection, &self.id).await
    }

    async fn write(
        granted: Granted<&Self>,
        tenant: TenantRow,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<()>> {
        let id = &granted.change().id;
        if tenant.state != TenantState::Deleted {
            return Ok(Done::unchanged(Some(tenant.version), ()));
        }
        let state = if tenant.is_suspended { TenantState::Suspended } else { TenantState::Active };
        sqlx::query("UPDATE tenants SET state = $2, deleted_at = NULL, updated_at = $3 WHERE id = $1")
            .bind(id.as_str())
            .bind(state.as_str())
            .bind(Timestamp::now().unix())
            .execute(&mut *connection)
            .await?;
        changed(connection, actor, ("tenant.restore", id), &tenant, json!({ "state": state.as_str() })).await
    }
}

/// Writes the audit row of another state.
async fn changed(
    connection: &mut Connection,
    actor: &Actor,
    (action, id): (&str, &TenantId),
    tenant: &TenantRow,
    after: Value,
) -> Result<Done<()>> {
    let mut before = json!({ "state": tenant.state.as_str() });
    if let Some(reason) = tenant.suspended_reason.as_ref().filter(|_| tenant.state == TenantState::Suspended)
    {
        before["reason"] = json!(reason);
    }
    note(connection, actor, action, id, (Some(before), Some(after))).await?;
    let version = find_for_update(connection, id).await?.map(|found| found.version);
    Ok(Done::changed(version, ()))
}

/// How many people of a tenant go in one transaction.
const PEOPLE_AT_ONCE: u32 = 500;
/// How many rows about its usage.
const USAGE_AT_ONCE: u32 = 1_000;

impl Store {
    /// Erases tenants that were deleted before this second, at most `most`. One that cannot be erased keeps no other one.
    pub(in crate::directory) async fn erase_deleted_tenants(
        &self,
        term: Term,
        before: Timestamp,
        most: u32,
    ) -> Result<u64> {
        let candidates: Vec<String> = reading!(self, |connection| {
            let sql = "SELECT id FROM tenants WHERE deleted_at IS NOT NULL AND deleted_at < $1 \
                ORDER BY deleted_at, id LIMIT $2";
            let query = sqlx::query_scalar(sql).bind(before.unix()).bind(i64::from(most));
            Ok(query.fetch_all(connection).await?)
        })?;
        let mut run = Run::default();
        for id in candidates {
            let id = TenantId::from_stored(&id).map_err(DirectoryError::unreadable)?;
            let result = self.erase_deleted_tenant(term, before, &id).await;
            run.note(format_args!("tenant {id}"), result)?;
        }
        run.end()
    }

    /// `false`: it was restored or erased meanwhile.
    async fn erase_deleted_tenant(&self, term: Term, before: Timestamp, id: &TenantId) -> Result<bool> {
        loop {
            let is_erased: Option<bool> = leading!(self, term, |connection| {
                let sql = for_update!("SELECT id FROM tenants WHERE id = $2 AND deleted_at < $1");
                let query = sqlx::query_scalar(sql).bind(before.unix()).bind(id.as_str());
                let found: Option<String> = query.fetch_optional(&mut *connection).await?;
                if found.is_none() {
                    return Ok(Some(false));
                }
                let actor = Actor::internal(Who::Retention);
                if tenant_people::delete_some(connection, &actor, id, PEOPLE_AT_ONCE).await? > 0
                    || usage::delete_some_of(connection, id, USAGE_AT_ONCE).await? > 0
                {
                    return Ok(None);
                }
                erase(connection, &actor, id, None).await.map(|()| Some(true))
            })?;
            if let Some(is_erased) = is_erased {
                return Ok(is_erased);
            }
        }
    }
}

/// When a tenant was erased that a restored dump has brought back.
pub(super) struct FirstErased(pub(super) Timestamp);

/// Everything that refers to the tenant goes with its row.
pub(super) async fn erase(
    connection: &mut Connection,
    actor: &Actor,
    id: &TenantId,
    first: Option<FirstErased>,
) -> Result<()> {
    while tenant_people::delete_some(connection, actor, id, PEOPLE_AT_ONCE).await? > 0 {}
    while usage::delete_some_of(connection, id, USAGE_AT_ONCE).await? > 0 {}
    let keys = ended_keys::of_tenant(connection, id).await?;
    ended_keys::note(connection, actor, &keys, "tenant_deleted").await?;
    usage_bills::keep(connection, id).await?;
    let sql = "DELETE FROM tenants WHERE id = $1 RETURNING created_at";
    let created_at: i64 = sqlx::query_scalar(sql).bind(id.as_str()).fetch_one(&mut *connection).await?;
    tenant_people::delete_groups(connection, id).await?;
    let at = match &first {
        Some(FirstErased(at)) => *at,
        None => present(connection).await?,
    };
    erasures::note_tenant(connection, id, Timestamp::from_unix(created_at), at).await?;
    let after = first.map(|FirstErased(at)| json!({ "first_erased_at": at }));
    note(connection, actor, "tenant.erase", id, (None, after)).await
}
