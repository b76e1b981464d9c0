//! The applications: the protected hosts, with what their routers require.

use super::Asked;
use crate::Context;
use gatepost_core::administration::{Matter, Scope};
use gatepost_core::host::HostName;
use gatepost_core::ids::TenantId;
use gatepost_store::directory::DirectoryError;
use std::collections::BTreeMap;

/// The applications that exist for a reader.
#[derive(Clone, Debug)]
pub struct Applications {
    /// By the name of the host.
    pub known: Vec<Application>,
    /// Entries of `GATEPOST_HOSTS` at which nobody who was signed in asked for anything lately.
    pub unseen: Vec<String>,
}

/// A protected host: a tenant's, or one at which somebody who was signed in asked for something in the last 30 days.
#[derive(Clone, Debug)]
pub struct Application {
    pub host: HostName,
    /// Scheme, host and port.
    pub origin: String,
    /// The tenant whose host it is.
    pub tenant: Option<TenantId>,
    /// What its routers require. Empty: that is not known.
    pub requirements: Vec<Asked>,
}

impl Context {
    /// Lists the applications. For the administrators of tenants these are the hosts of their tenants, and those that
    /// require nothing else than their tenants.
    pub async fn list_applications(&self, scope: &Scope) -> Result<Applications, DirectoryError> {
        let mut known: BTreeMap<HostName, Application> = BTreeMap::new();
        for (host, tenant) in self.stores.directory.read_active_hosts().await? {
            if scope.allows(&Matter::Tenant(tenant.clone())).is_err() {
                continue;
            }
            let Some(origin) = self.site.hosts.origin_of_tenant(host.clone()) else { continue };
            let (origin, tenant) = (origin.to_string(), Some(tenant));
            known.insert(host.clone(), Application { host, origin, tenant, requirements: Vec::new() });
        }
        for seen in self.list_seen(scope).await? {
            let (host, origin) = (seen.host.clone(), seen.origin);
            let new = || Application { host, origin, tenant: None, requirements: Vec::new() };
            known.entry(seen.host).or_insert_with(new).requirements.push(seen.asked);
        }
        let unseen = if scope.is_system() { self.unknown_hosts(&mut known.keys()) } else { Vec::new() };
        Ok(Applications { known: known.into_values().collect(), unseen })
    }

    /// The hosts whose routers require this tenant, as requests showed it in the last 30 days. The tenant need not exist.
    pub async fn list_hosts_requiring(
        &self,
        scope: &Scope,
        tenant: &TenantId,
    ) -> Result<Vec<HostName>, DirectoryError> {
        let seen = self.list_seen(scope).await?.into_iter();
        let requiring = seen.filter(|seen| seen.asked.requirement.all_tenants().any(|id| id == tenant));
        let mut hosts: Vec<HostName> = requiring.map(|seen| seen.host).collect();
        hosts.dedup();
        Ok(hosts)
    }
}
