//! The providers that tenants bring, with their domains.

use super::refused_names::{self, Kind};
use super::standing::IS_STANDBY;
use super::{Apply, Connection, Result, Store, audit, tenant_limits, tenant_people, tenants};
use crate::directory::actor::Actor;
use crate::directory::changes::{
    Done, RemoveTenantProvider, SetTenantProvider, TenantDomainName, TenantProviderSettings,
};
use crate::directory::error::DirectoryError;
use crate::directory::records::{TenantDomain, TenantProvider, TenantProviderRecord};
use gatepost_core::administration::{Granted, Matter, Scope, Version};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{ProviderId, TenantId};
use gatepost_core::secret::Hash;
use gatepost_core::tenant_host::{HostProof, HostState};
use gatepost_core::tenant_provider::EmailDomain;
use gatepost_core::tier::SSO;
use serde_json::{Value, json};
use std::collections::BTreeMap;

macro_rules! columns {
    () => {
        "SELECT p.tenant_id, p.kind, p.place, p.client_id, p.secret, p.label, p.groups_claim, p.trusts_addresses, p.is_only, \
         p.created_at, p.updated_at, p.version FROM tenant_providers p"
    };
}

macro_rules! domain_columns {
    () => {
        "SELECT d.tenant_id, d.domain, d.state, d.proof, d.proved_at FROM tenant_domains d"
    };
}

async fn find(connection: &mut Connection, tenant: &TenantId) -> Result<Option<TenantProviderRecord>> {
    let sql = for_update!(concat!(columns!(), " WHERE p.tenant_id = $1"));
    let provider: Option<TenantProvider> =
        sqlx::query_as(sql).bind(tenant.as_str()).fetch_optional(&mut *connection).await?;
    let Some(provider) = provider else { return Ok(None) };
    Ok(Some(TenantProviderRecord { provider, domains: domains_of(connection, tenant).await? }))
}

async fn domains_of(connection: &mut Connection, tenant: &TenantId) -> Result<Vec<TenantDomain>> {
    let sql = concat!(domain_columns!(), " WHERE d.tenant_id = $1 ORDER BY d.domain");
    Ok(sqlx::query_as(sql).bind(tenant.as_str()).fetch_all(connection).await?)
}

/// Whether a provider is as it was when it was asked. If it is a tenant's, it stays so until the transaction ends: what a
/// removed provider says, or one for a domain that was refused, is worth nothing, however long it took to say it.
pub(super) async fn is_as_asked(
    connection: &mut Connection,
    provider: &ProviderId,
    asked: Option<Hash>,
) -> Result<bool> {
    let Some(tenant) = provider.tenant() else { return Ok(true) };
    let sql = for_share!(concat!(
        columns!(),
        " WHERE p.tenant_id = $1 AND EXISTS (SELECT 1 FROM tenants t WHERE t.id = p.tenant_id AND t.state <> 'deleted')"
    ));
    let found: Option<TenantProvider> =
        sqlx::query_as(sql).bind(tenant.as_str()).fetch_optional(&mut *connection).await?;
    let Some(provider) = found else { return Ok(false) };
    let record = TenantProviderRecord { provider, domains: domains_of(connection, &tenant).await? };
    Ok(asked == Some(record.revision()))
}

pub(super) async fn find_known(
    connection: &mut Connection,
    tenant: &TenantId,
) -> Result<TenantProviderRecord> {
    tenants::demand(connection, tenant).await?;
    let found = find(connection, tenant).await?;
    found.ok_or_else(|| DirectoryError::NoTenantProvider(tenant.clone()))
}

impl Store {
    /// The provider of a tenant that the reader administers.
    pub(in crate::directory) async fn find_tenant_provider(
        &self,
        scope: &Scope,
        tenant: &TenantId,
    ) -> Result<TenantProviderRecord> {
        scope.allows(&Matter::Tenant(tenant.clone()))?;
        let found: Option<TenantProviderRecord> = reading!(self, |connection| {
            tenants::demand_known(connection, tenant).await?;
            let sql = concat!(columns!(), " WHERE p.tenant_id = $1");
            let provider: Option<TenantProvider> =
                sqlx::query_as(sql).bind(tenant.as_str()).fetch_optional(&mut *connection).await?;
            match provider {
                Some(provider) => {
                    let domains = domains_of(connection, tenant).await?;
                    Ok(Some(TenantProviderRecord { provider, domains }))
                }
                None => Ok(None),
            }
        })?;
        found.ok_or_else(|| DirectoryError::NoTenantProvider(tenant.clone()))
    }

    /// Whether a tenant that the reader administers may have a provider of its own.
    pub(in crate::directory) async fn demand_sso(&self, scope: &Scope, tenant: &TenantId) -> Result<()> {
        scope.allows(&Matter::Tenant(tenant.clone()))?;
        reading!(self, |connection| {
            tenants::demand(connection, tenant).await?;
            demand_feature(connection, tenant).await
        })
    }

    /// All providers of tenants that are not deleted, for the gate. At a suspended tenant people sign in to read that it is.
    pub(in crate::directory) async fn read_tenant_providers(&self) -> Result<Vec<TenantProviderRecord>> {
        let (providers, domains): (Vec<TenantProvider>, Vec<TenantDomain>) = hot_read!(self, |connection| {
            if sqlx::query_scalar(IS_STANDBY).fetch_one(&mut *connection).await? {
                return Err(DirectoryError::standby());
            }
            let sql = concat!(
                columns!(),
                " JOIN tenants t ON t.id = p.tenant_id WHERE t.state <> 'deleted' ORDER BY p.tenant_id"
            );
            let providers = sqlx::query_as(sql).fetch_all(&mut *connection).await?;
            Ok((providers, sqlx::query_as(domain_columns!()).fetch_all(connection).await?))
        })?;
        let mut by_tenant: BTreeMap<TenantId, Vec<TenantDomain>> = BTreeMap::new();
        for domain in domains {
            by_tenant.entry(domain.tenant_id.clone()).or_default().push(domain);
        }
        let record = |provider: TenantProvider| {
            let domains = by_tenant.remove(&provider.tenant_id).unwrap_or_default();
            TenantProviderRecord { provider, domains }
        };
        Ok(providers.into_iter().map(record).collect())
    }
}

async fn demand_feature(connection: &mut Connection, tenant: &TenantId) -> Result<()> {
    let allowances = tenant_limits::lock(connection, tenant).await?;
    if allowances.features.has(SSO) { Ok(()) } else { Err(DirectoryError::ProviderNotInTier(tenant.clone())) }
}

impl Apply for SetTenantProvider {
    type Locked = Option<TenantProviderRecord>;

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        tenants::demand(connection, &self.tenant).await?;
        demand_feature(connection, &self.tenant).await?;
        let found = find(connection, &self.tenant).await?;
        let version = found.as_ref().map(|found| found.provider.version);
        Ok((found, version))
    }

    async fn write(
        granted: Granted<&Self>,
        before: Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<TenantProviderRecord>> {
        let Self { tenant, settings } = granted.change();
        let is_same_client = before.as_ref().is_some_and(|before| is_same_client(&before.provider, settings));
        let kept = before.as_ref().filter(|_| is_same_client).map(|before| &before.provider.secret);
        // A secret that stayed would be sent to wherever somebody moves the provider.
        let secret = settings.secret.as_ref().or(kept);
        let secret = secret.ok_or_else(|| DirectoryError::SecretMissing(tenant.clone()))?;
        let (was, is) = (before.as_ref().map(said), wanted(settings));
        if let Some(before) =
            before.as_ref().filter(|_| was.as_ref() == Some(&is) && settings.secret.is_none())
        {
            return Ok(Done::unchanged(Some(before.provider.version), before.clone()));
        }
        put(connection, tenant, settings, secret).await?;
        set_domains(connection, tenant, settings, before.as_ref()).await?;
        let is_lost = |one: &&TenantDomain| {
            one.state == HostState::Active
                && !settings.domains.iter().any(|kept| *kept.domain() == one.domain)
        };
        let lost: Vec<&TenantDomain> =
            before.iter().flat_map(|before| &before.domains).filter(is_lost).collect();
        if !lost.is_empty() || (before.is_some() && !is_same_client) {
            tenant_people::end_sessions(connection, tenant).await?;
        }
        for one in lost {
            tenant_people::release_addresses(connection, actor, tenant, Some(&one.domain)).await?;
        }
        if before.as_ref().is_some_and(|before| !is_same_place(&before.provider, settings)) {
            tenant_people::revoke(connection, actor, tenant).await?;
        }
        let after = find_known(connection, tenant).await?;
        note(connection, actor, ("tenant.set_provider", tenant), (was, Some(is))).await?;
        Ok(Done::changed(Some(after.provider.version), after))
    }
}

fn is_same_client(before: &TenantProvider, settings: &TenantProviderSettings) -> bool {
    is_same_place(before, settings) && before.client_id == settings.client_id
}

/// Whether the same provider vouches for the people.
fn is_same_place(before: &TenantProvider, settings: &TenantProviderSettings) -> bool {
    before.kind == settings.kind && before.place == settings.place
}

async fn put(
    connection: &mut Connection,
    tenant: &TenantId,
    settings: &TenantProviderSettings,
    secret: &str,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO tenant_providers (tenant_id, kind, place, client_id, secret, label, groups_claim, trusts_addresses, \
         is_only, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (tenant_id) DO UPDATE SET \
         kind = excluded.kind, place = excluded.place, client_id = excluded.client_id, secret = excluded.secret, \
         label = excluded.label, groups_claim = excluded.groups_claim, trusts_addresses = excluded.trusts_addresses, \
         is_only = excluded.is_only, updated_at = $10, version = tenant_providers.version + 1",
    )
    .bind(tenant.as_str())
    .bind(settings.kind.as_str())
    .bind(&settings.place)
    .bind(&settings.client_id)
    .bind(secret)
    .bind(&settings.label)
    .bind(&settings.groups_claim)
    .bind(settings.trusts_addresses)
    .bind(settings.is_only)
    .bind(Timestamp::now().unix())
    .execute(connection)
    .await?;
    Ok(())
}

/// A domain that was proved stays so. A new one has to be proved.
async fn set_domains(
    connection: &mut Connection,
    tenant: &TenantId,
    settings: &TenantProviderSettings,
    before: Option<&TenantProviderRecord>,
) -> Result<()> {
    let there: Vec<&EmailDomain> =
        before.iter().flat_map(|before| &before.domains).map(|one| &one.domain).collect();
    let wanted: Vec<&EmailDomain> = settings.domains.iter().map(TenantDomainName::domain).collect();
    for gone in there.iter().filter(|domain| !wanted.contains(domain)) {
        sqlx::query("DELETE FROM tenant_domains WHERE tenant_id = $1 AND domain = $2")
            .bind(tenant.as_str())
            .bind(gone.as_str())
            .execute(&mut *connection)
            .await?;
    }
    for new in wanted.iter().filter(|domain| !there.contains(domain)) {
        demand_free(connection, tenant, new).await?;
        let is_refused = refused_names::has(connection, Kind::Domain, new.as_str()).await?;
        let state = if is_refused { HostState::Refused } else { HostState::Proposed };
        sqlx::query(
            "INSERT INTO tenant_domains (tenant_id, domain, proof, created_at, state) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (tenant_id, domain) DO NOTHING",
        )
        .bind(tenant.as_str())
        .bind(new.as_str())
        .bind(HostProof::generate().as_str())
        .bind(Timestamp::now().unix())
        .bind(state.as_str())
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// A domain is one provider's. Several tenants may propose it: one of them can prove it.
pub(super) async fn demand_free(
    connection: &mut Connection,
    tenant: &TenantId,
    domain: &EmailDomain,
) -> Result<()> {
    let is_free = is_free(connection, tenant, domain).await?;
    if is_free { Ok(()) } else { Err(DirectoryError::DomainTaken(domain.clone())) }
}

/// Whether no other tenant has the domain.
pub(super) async fn is_free(
    connection: &mut Connection,
    tenant: &TenantId,
    domain: &EmailDomain,
) -> Result<bool> {
    let sql = "SELECT NOT EXISTS (SELECT 1 FROM tenant_domains WHERE domain = $1 AND state = 'active' AND tenant_id <> $2)";
    Ok(sqlx::query_scalar(sql).bind(domain.as_str()).bind(tenant.as_str()).fetch_one(connection).await?)
}

impl Apply for RemoveTenantProvider {
    type Locked = TenantProviderRecord;

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        let found = find_known(connection, &self.tenant).await?;
        let version = found.provider.version;
        Ok((found, Some(version)))
    }

    async fn write(
        granted: Granted<&Self>,
        before: Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<()>> {
        let tenant = &granted.change().tenant;
        sqlx::query("DELETE FROM tenant_providers WHERE tenant_id = $1")
            .bind(tenant.as_str())
            .execute(&mut *connection)
            .await?;
        tenant_people::end_sessions(connection, tenant).await?;
        tenant_people::revoke(connection, actor, tenant).await?;
        tenant_people::release_addresses(connection, actor, tenant, None).await?;
        note(connection, actor, ("tenant.remove_provider", tenant), (Some(said(&before)), None)).await?;
        Ok(Done::changed(None, ()))
    }
}

/// What [`said`] is to say.
fn wanted(settings: &TenantProviderSettings) -> Value {
    let mut domains: Vec<&str> = settings.domains.iter().map(|one| one.domain().as_str()).collect();
    domains.sort_unstable();
    domains.dedup();
    json!({
        "kind": settings.kind.as_str(),
        "place": settings.place,
        "client_id": settings.client_id,
        "label": settings.label,
        "groups_claim": settings.groups_claim,
        "trusts_addresses": settings.trusts_addresses,
        "only": settings.is_only,
        "domains": domains,
    })
}

/// For the audit.
fn said(record: &TenantProviderRecord) -> Value {
    let TenantProviderRecord { provider, domains } = record;
    json!({
        "kind": provider.kind.as_str(),
        "place": provider.place,
        "client_id": provider.client_id,
        "label": provider.label,
        "groups_claim": provider.groups_claim,
        "trusts_addresses": provider.trusts_addresses,
        "only": provider.is_only,
        "domains": domains.iter().map(|one| one.domain.as_str()).collect::<Vec<_>>(),
    })
}

pub(super) async fn note(
    connection: &mut Connection,
    actor: &Actor,
    (action, tenant): (&str, &TenantId),
    (before, after): (Option<Value>, Option<Value>),
) -> Result<()> {
    let entry = audit::Entry { action, target: format!("tenant:{tenant}"), before, after };
    audit::write_for_tenant(connection, actor, tenant, entry).await
}
