//! Hosts of tenants: proposed, proved or approved, refused, removed.

use super::refused_names::{self, Kind};
use super::tenant_limits::{self, Counted};
use super::{Apply, Connection, Result, Store, audit, tenants};
use crate::directory::actor::Actor;
use crate::directory::changes::{
    AddTenantHost, ApproveTenantHost, Done, ProveTenantHost, RefuseTenantHost, RemoveTenantHost,
    TenantHostName,
};
use crate::directory::error::DirectoryError;
use crate::directory::records::TenantHostRecord;
use gatepost_core::administration::{Granted, Matter, Scope, Version};
use gatepost_core::clock::Timestamp;
use gatepost_core::host::HostName;
use gatepost_core::ids::TenantId;
use gatepost_core::tenant_host::{HostProof, HostState};
use gatepost_core::tier::CUSTOM_DOMAINS;
use serde_json::{Value, json};

macro_rules! columns {
    () => {
        "SELECT host, tenant_id, state, proof, proved_at, created_at, version FROM tenant_hosts"
    };
}

async fn find(connection: &mut Connection, host: &HostName) -> Result<Option<TenantHostRecord>> {
    let sql = for_update!(concat!(columns!(), " WHERE host = $1"));
    Ok(sqlx::query_as(sql).bind(host.as_str()).fetch_optional(connection).await?)
}

async fn find_of(
    connection: &mut Connection,
    tenant: &TenantId,
    host: &HostName,
) -> Result<TenantHostRecord> {
    tenants::demand(connection, tenant).await?;
    let found = find(connection, host).await?.filter(|found| found.tenant_id == *tenant);
    found.ok_or_else(|| DirectoryError::UnknownHost(tenant.clone(), host.clone()))
}

/// Locks a host of a tenant until the transaction ends, and returns it with its version.
async fn lock_of(
    connection: &mut Connection,
    tenant: &TenantId,
    host: &HostName,
) -> Result<(TenantHostRecord, Option<Version>)> {
    let found = find_of(connection, tenant, host).await?;
    let version = found.version;
    Ok((found, Some(version)))
}

/// All hosts of the tenants with these ids, by name.
pub(super) async fn list(connection: &mut Connection, tenants: &str) -> Result<Vec<TenantHostRecord>> {
    let sql = concat!(
        columns!(),
        " WHERE tenant_id IN (SELECT value FROM ",
        each!("$1"),
        ") ORDER BY tenant_id, host"
    );
    Ok(sqlx::query_as(sql).bind(tenants).fetch_all(connection).await?)
}

impl Store {
    /// The host of a tenant that the reader administers.
    pub(in crate::directory) async fn find_tenant_host(
        &self,
        scope: &Scope,
        tenant: &TenantId,
        host: &HostName,
    ) -> Result<TenantHostRecord> {
        scope.allows(&Matter::Tenant(tenant.clone()))?;
        let found: Option<TenantHostRecord> = reading!(self, |connection| {
            let sql = concat!(columns!(), " WHERE host = $1 AND tenant_id = $2");
            Ok(sqlx::query_as(sql)
                .bind(host.as_str())
                .bind(tenant.as_str())
                .fetch_optional(connection)
                .await?)
        })?;
        found.ok_or_else(|| DirectoryError::UnknownHost(tenant.clone(), host.clone()))
    }
}

/// Proposes a host, if the tenant may have one more. A host that was refused to another tenant is refused to this one too, until
/// an administrator approves it.
pub(super) async fn propose(
    connection: &mut Connection,
    actor: &Actor,
    tenant: &TenantId,
    TenantHostName { host, is_below_domain }: &TenantHostName,
) -> Result<Done<TenantHostRecord>> {
    let there = find(connection, host).await?;
    match there {
        Some(own) if own.tenant_id == *tenant => return Ok(Done::unchanged(Some(own.version), own)),
        Some(other) if other.state != HostState::Refused => {
            return Err(DirectoryError::HostTaken(host.clone()));
        }
        _ => {}
    }
    let allowances = tenant_limits::demand_room(connection, tenant, Counted::Hosts).await?;
    if !allowances.features.has(CUSTOM_DOMAINS) && !is_below_domain {
        return Err(DirectoryError::HostNotInTier(host.clone()));
    }
    sqlx::query("DELETE FROM tenant_hosts WHERE host = $1 AND state = 'refused'")
        .bind(host.as_str())
        .execute(&mut *connection)
        .await?;
    // A tenant that takes a refused host away and proposes it again finds it as it was.
    let is_refused = refused_names::has(connection, Kind::Host, host.as_str()).await?;
    let state = if is_refused { HostState::Refused } else { HostState::Proposed };
    sqlx::query(
        "INSERT INTO tenant_hosts (host, tenant_id, proof, created_at, state) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(host.as_str())
    .bind(tenant.as_str())
    .bind(HostProof::generate().as_str())
    .bind(Timestamp::now().unix())
    .bind(state.as_str())
    .execute(&mut *connection)
    .await?;
    note(connection, actor, ("tenant.add_host", tenant, host), (None, Some(state))).await?;
    let made = find_of(connection, tenant, host).await?;
    Ok(Done::changed(Some(made.version), made))
}

/// Takes a host from a tenant.
pub(super) async fn remove(
    connection: &mut Connection,
    actor: &Actor,
    before: &TenantHostRecord,
) -> Result<()> {
    sqlx::query("DELETE FROM tenant_hosts WHERE host = $1")
        .bind(before.host.as_str())
        .execute(&mut *connection)
        .await?;
    let about = ("tenant.remove_host", &before.tenant_id, &before.host);
    note(connection, actor, about, (Some(before.state), None)).await
}

/// Gives a host another state.
async fn set(
    connection: &mut Connection,
    actor: &Actor,
    action: &str,
    before: TenantHostRecord,
    state: HostState,
) -> Result<Done<TenantHostRecord>> {
    if before.state == state {
        return Ok(Done::unchanged(Some(before.version), before));
    }
    let proved_at = (state == HostState::Active).then(|| Timestamp::now().unix());
    sqlx::query("UPDATE tenant_hosts SET state = $2, proved_at = $3 WHERE host = $1")
        .bind(before.host.as_str())
        .bind(state.as_str())
        .bind(proved_at)
        .execute(&mut *connection)
        .await?;
    let TenantHostRecord { host, tenant_id: tenant, state: was, .. } = before;
    note(connection, actor, (action, &tenant, &host), (Some(was), Some(state))).await?;
    let now = find_of(connection, &tenant, &host).await?;
    Ok(Done::changed(Some(now.version), now))
}

impl Apply for AddTenantHost {
    type Locked = ();

    async fn lock(&self, connection: &mut Connection) -> Result<((), Option<Version>)> {
        tenants::demand(connection, &self.tenant).await?;
        let found = find(connection, &self.host.host).await?;
        let own = found.filter(|found| found.tenant_id == self.tenant);
        Ok(((), own.map(|own| own.version)))
    }

    async fn write(
        granted: Granted<&Self>,
        (): (),
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<TenantHostRecord>> {
        let Self { tenant, host } = granted.change();
        propose(connection, actor, tenant, host).await
    }
}

impl Apply for ApproveTenantHost {
    type Locked = TenantHostRecord;

    async fn lock(&self, connection: &mut Connection) -> Result<(TenantHostRecord, Option<Version>)> {
        lock_of(connection, &self.tenant, &self.host).await
    }

    async fn write(
        _: Granted<&Self>,
        before: TenantHostRecord,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<TenantHostRecord>> {
        refused_names::remove(connection, Kind::Host, before.host.as_str()).await?;
        set(connection, actor, "tenant.approve_host", before, HostState::Active).await
    }
}

impl Apply for ProveTenantHost {
    type Locked = TenantHostRecord;

    async fn lock(&self, connection: &mut Connection) -> Result<(TenantHostRecord, Option<Version>)> {
        lock_of(connection, &self.tenant, &self.host).await
    }

    async fn write(
        granted: Granted<&Self>,
        before: TenantHostRecord,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<TenantHostRecord>> {
        if before.state == HostState::Refused {
            return Err(DirectoryError::HostRefused(before.host));
        }
        let wanted = before.proof.record_text();
        if before.state != HostState::Active && !granted.change().found.contains(&wanted) {
            return Err(DirectoryError::HostUnproved(HostProof::record_name(&before.host), wanted));
        }
        set(connection, actor, "tenant.prove_host", before, HostState::Active).await
    }
}

impl Apply for RefuseTenantHost {
    type Locked = TenantHostRecord;

    async fn lock(&self, connection: &mut Connection) -> Result<(TenantHostRecord, Option<Version>)> {
        lock_of(connection, &self.tenant, &self.host).await
    }

    async fn write(
        _: Granted<&Self>,
        before: TenantHostRecord,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<TenantHostRecord>> {
        refused_names::add(connection, Kind::Host, before.host.as_str()).await?;
        set(connection, actor, "tenant.refuse_host", before, HostState::Refused).await
    }
}

impl Apply for RemoveTenantHost {
    type Locked = TenantHostRecord;

    async fn lock(&self, connection: &mut Connection) -> Result<(TenantHostRecord, Option<Version>)> {
        lock_of(connection, &self.tenant, &self.host).await
    }

    async fn write(
        _: Granted<&Self>,
        before: TenantHostRecord,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<()>> {
        remove(connection, actor, &before).await?;
        Ok(Done::changed(None, ()))
    }
}

async fn note(
    connection: &mut Connection,
    actor: &Actor,
    (action, tenant, host): (&str, &TenantId, &HostName),
    (before, after): (Option<HostState>, Option<HostState>),
) -> Result<()> {
    let said = |state: HostState| -> Value { json!({ "host": host.as_str(), "state": state.as_str() }) };
    let entry = audit::Entry {
        action,
        target: format!("tenant:{tenant}"),
        before: before.map(said),
        after: after.map(said),
    };
    audit::write_for_tenant(connection, actor, tenant, entry).await
}
