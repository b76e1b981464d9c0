//! The domains of a tenant's provider: proved, approved or refused.

use super::refused_names::{self, Kind};
use super::tenant_providers::{demand_free, find_known, is_free, note};
use super::{Apply, Connection, Result, tenant_people};
use crate::directory::actor::Actor;
use crate::directory::changes::{DecideTenantDomain, DomainVerdict, Done};
use crate::directory::error::DirectoryError;
use crate::directory::records::{TenantDomain, TenantProviderRecord};
use gatepost_core::administration::{Granted, Version};
use gatepost_core::clock::Timestamp;
use gatepost_core::tenant_host::{HostProof, HostState};
use serde_json::json;

impl Apply for DecideTenantDomain {
    type Locked = TenantProviderRecord;

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        let found = find_known(connection, &self.tenant).await?;
        let version = found.provider.version;
        Ok((found, Some(version)))
    }

    async fn write(
        granted: Granted<&Self>,
        provider: Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<TenantProviderRecord>> {
        let Self { tenant, domain, verdict } = granted.change();
        let domain = domain.domain();
        let found = provider.domains.iter().find(|one| one.domain == *domain);
        let found = found.ok_or_else(|| DirectoryError::UnknownDomain(tenant.clone(), domain.clone()))?;
        let (action, state) = match verdict {
            DomainVerdict::Found(_) | DomainVerdict::Approved if found.state == HostState::Active => {
                return Ok(Done::unchanged(Some(provider.provider.version), provider));
            }
            DomainVerdict::Found(texts) => {
                demand_proof(connection, found, texts).await?;
                ("tenant.prove_domain", HostState::Active)
            }
            DomainVerdict::Approved => {
                refused_names::remove(connection, Kind::Domain, domain.as_str()).await?;
                ("tenant.approve_domain", HostState::Active)
            }
            DomainVerdict::Refused => {
                // What is another tenant's is that tenant's, whoever else proposes it.
                if is_free(connection, tenant, domain).await? {
                    refused_names::add(connection, Kind::Domain, domain.as_str()).await?;
                }
                ("tenant.refuse_domain", HostState::Refused)
            }
        };
        if found.state == HostState::Active {
            tenant_people::end_sessions(connection, tenant).await?;
            tenant_people::release_addresses(connection, actor, tenant, Some(domain)).await?;
        }
        if state == HostState::Active {
            demand_free(connection, tenant, domain).await?;
        }
        let now = Timestamp::now().unix();
        sqlx::query(
            "UPDATE tenant_domains SET state = $3, proved_at = $4 WHERE tenant_id = $1 AND domain = $2",
        )
        .bind(tenant.as_str())
        .bind(domain.as_str())
        .bind(state.as_str())
        .bind((state == HostState::Active).then_some(now))
        .execute(&mut *connection)
        .await?;
        let counted =
            "UPDATE tenant_providers SET updated_at = $2, version = version + 1 WHERE tenant_id = $1";
        sqlx::query(counted).bind(tenant.as_str()).bind(now).execute(&mut *connection).await?;
        let told = |state: HostState| Some(json!({ "domain": domain.as_str(), "state": state.as_str() }));
        note(connection, actor, (action, tenant), (told(found.state), told(state))).await?;
        let after = find_known(connection, tenant).await?;
        Ok(Done::changed(Some(after.provider.version), after))
    }
}

async fn demand_proof(connection: &mut Connection, found: &TenantDomain, texts: &[String]) -> Result<()> {
    // Another tenant may have proposed the domain before it was refused.
    let name = found.domain.as_str();
    if found.state == HostState::Refused || refused_names::has(connection, Kind::Domain, name).await? {
        return Err(DirectoryError::DomainRefused(found.domain.clone()));
    }
    let wanted = found.proof.record_text();
    if texts.contains(&wanted) {
        return Ok(());
    }
    Err(DirectoryError::HostUnproved(HostProof::record_name(found.domain.name()), wanted))
}
