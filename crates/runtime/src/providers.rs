//! The providers at which people sign in: those of the configuration, and those that tenants bring, which the directory has.
//!
//! Guarantee: the provider of a tenant counts as the directory states it now. While the directory cannot say, there is no
//! answer. A provider is one value as long as its row has the same version, so its documents are fetched once.

use crate::authn::LoadError;
use crate::invalidation::directory_copy::{DirectoryCopy, ReadWhole};
use crate::invalidation::lease::Lease;
use crate::site::Site;
use crate::stores::Stores;
use crate::tasks::Tasks;
use gatepost_config::{
    AllowedDomain, ClientCredential, EmailVerified, EntraTenant, GroupNames, GroupsSource, ProviderConfig,
    ProviderKind,
};
use gatepost_core::error_chain::Chain;
use gatepost_core::ids::{ProviderId, TenantId};
use gatepost_core::tenant_host::HostState;
use gatepost_core::tenant_provider::TenantProviderKind;
use gatepost_oidc::Provider;
use gatepost_store::directory::{Directory, DirectoryError, TenantProvider, TenantProviderRecord};
use gatepost_store::session::sealed::{OpenError, Purpose};
use secrecy::SecretString;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use url::Url;

/// The documents of one provider are fetched again at most this often.
const REFRESH_PAUSE: Duration = Duration::from_mins(1);
/// The authority of Entra's global cloud.
const ENTRA: &str = "https://login.microsoftonline.com";

/// The rows of all tenants' providers.
#[derive(Debug)]
struct Records(HashMap<TenantId, Arc<TenantProviderRecord>>);

impl ReadWhole for Records {
    async fn read(_: &Site, directory: &Directory) -> Result<Self, DirectoryError> {
        let read = directory.read_tenant_providers().await?;
        Ok(Self(read.into_iter().map(|one| (one.provider.tenant_id.clone(), Arc::new(one))).collect()))
    }
}

/// The provider that a tenant brings.
#[derive(Clone, Debug)]
pub struct OfTenant {
    pub provider: Arc<Provider>,
    /// At hosts of the tenant no other provider is offered.
    pub is_only: bool,
}

/// All providers.
#[derive(Debug)]
pub struct Providers {
    site: Arc<Site>,
    tasks: Arc<Tasks>,
    of_tenants: DirectoryCopy<Records>,
    made: Mutex<HashMap<TenantId, Made>>,
}

/// A provider as this record describes it.
#[derive(Debug)]
struct Made {
    record: TenantProviderRecord,
    provider: Arc<Provider>,
    /// When its documents were fetched again last, or could not be.
    refreshed_at: Option<Instant>,
}

impl Providers {
    /// Those of tenants are not read yet.
    pub fn new(site: Arc<Site>, stores: Arc<Stores>, lease: Arc<Lease>, tasks: Arc<Tasks>) -> Self {
        let of_tenants = DirectoryCopy::new(Arc::clone(&site), stores, lease, Arc::clone(&tasks));
        Self { site, tasks, of_tenants, made: Mutex::default() }
    }

    /// Reads those of tenants, so that no sign-in has to wait for them.
    ///
    /// # Errors
    /// [`LoadError`]: the directory does not answer.
    pub async fn read_ahead(&self) -> Result<(), LoadError> {
        self.of_tenants.current().await.map(drop)
    }

    /// The provider with this id. `None`: there is none.
    ///
    /// # Errors
    /// [`LoadError`]: the directory cannot say whether a tenant has it.
    pub async fn find(&self, id: &ProviderId) -> Result<Option<Arc<Provider>>, LoadError> {
        match id.tenant() {
            None => Ok(self.site.providers.find(id).cloned()),
            Some(tenant) => Ok(self.of_tenant(&tenant).await?.map(|own| own.provider)),
        }
    }

    /// The provider that a tenant brings. `None`: it brings none.
    ///
    /// # Errors
    /// [`LoadError`]: the directory cannot say, or has a secret that no key of the ring opens.
    pub async fn of_tenant(&self, tenant: &TenantId) -> Result<Option<OfTenant>, LoadError> {
        let Some(record) = self.of_tenants.current().await?.0.get(tenant).cloned() else { return Ok(None) };
        let provider = self.provider_of(&record)?;
        if provider.is_due() && provider.is_known() && self.may_refresh(tenant) {
            let provider = Arc::clone(&provider);
            self.tasks.spawn(async move {
                if let Err(error) = provider.fetch_documents().await {
                    tracing::warn!(provider.id = %provider.id(), error = %Chain(&error), "the documents of a tenant's provider cannot be fetched");
                }
            });
        }
        Ok(Some(OfTenant { provider, is_only: record.provider.is_only }))
    }

    /// A provider that does not answer is not called by each request.
    fn may_refresh(&self, tenant: &TenantId) -> bool {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(made) = made.get_mut(tenant) else { return false };
        let is_paused = made.refreshed_at.is_some_and(|at| at.elapsed() < REFRESH_PAUSE);
        if !is_paused {
            made.refreshed_at = Some(Instant::now());
        }
        !is_paused
    }

    fn provider_of(&self, record: &TenantProviderRecord) -> Result<Arc<Provider>, DirectoryError> {
        let own = &record.provider;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = made.get(&own.tenant_id).filter(|made| made.record == *record) {
            return Ok(Arc::clone(&made.provider));
        }
        let secret = open_secret(&self.site, own).map_err(DirectoryError::unreadable)?;
        let plan = ProviderPlan {
            tenant: &own.tenant_id,
            kind: own.kind,
            place: &own.place,
            client_id: &own.client_id,
            label: &own.label,
            groups_claim: own.groups_claim.as_deref(),
            trusts_addresses: own.trusts_addresses,
        };
        // What the configuration lists since the domain was proved is the configuration's.
        let active = record.domains.iter().filter(|one| one.state == HostState::Active);
        let free = active.filter(|one| !self.site.config.assigns_domain(one.domain.as_str()));
        let domains = free.map(|one| AllowedDomain { tid: None, domain: one.domain.to_string() }).collect();
        let config = plan.config(&self.site, secret, domains);
        let config = ProviderConfig { revision: Some(record.revision()), ..config };
        let provider = self.site.tenant_clients.provider(config).map_err(DirectoryError::unreadable)?;
        // The version alone begins anew where a provider was removed.
        let new = Made { record: record.clone(), provider: Arc::clone(&provider), refreshed_at: None };
        made.insert(own.tenant_id.clone(), new);
        Ok(provider)
    }
}

/// Opens the client secret of a tenant's provider.
///
/// # Errors
/// [`OpenError`]: its key is not in the ring any more.
pub fn open_secret(site: &Site, own: &TenantProvider) -> Result<SecretString, OpenError> {
    let opened: String = site.ring.open(Purpose::ProviderSecret, own.tenant_id.as_str(), &own.secret)?;
    Ok(opened.into())
}

/// What a tenant says about its provider.
#[derive(Clone, Copy, Debug)]
pub struct ProviderPlan<'a> {
    pub tenant: &'a TenantId,
    pub kind: TenantProviderKind,
    /// The issuer; for Entra the id of the tenant there.
    pub place: &'a str,
    pub client_id: &'a str,
    pub label: &'a str,
    pub groups_claim: Option<&'a str>,
    pub trusts_addresses: bool,
}

impl ProviderPlan<'_> {
    /// The settings of the provider, which asserts addresses of these domains alone.
    pub fn config(self, site: &Site, secret: SecretString, domains: Vec<AllowedDomain>) -> ProviderConfig {
        let kind = match self.kind {
            TenantProviderKind::Oidc => ProviderKind::Oidc { issuer: self.place.to_owned() },
            TenantProviderKind::Entra => ProviderKind::Entra {
                authority: authority(site),
                tenant: EntraTenant::Pinned(self.place.to_ascii_lowercase()),
            },
        };
        let credential = ClientCredential::Secret(secret.into());
        let id = ProviderId::of_tenant(self.tenant);
        let defaults = ProviderConfig::new(id, kind, self.client_id.to_owned(), credential);
        let claim = self.groups_claim.map(|claim| claim.split('.').map(str::to_owned).collect());
        ProviderConfig {
            label: self.label.to_owned(),
            allowed_domains: Some(domains),
            email_verified: if self.trusts_addresses {
                EmailVerified::Assumed
            } else {
                defaults.email_verified
            },
            groups: if claim.is_some() { GroupsSource::Claim } else { GroupsSource::Off },
            groups_claim: claim.unwrap_or_default(),
            // Its groups are told by its id from those of every other provider.
            group_names: GroupNames::LinkQualified,
            ..defaults
        }
    }
}

/// Tenants' Entra is in the cloud of the configured one.
fn authority(site: &Site) -> Url {
    let configured = site.config.providers.iter().find_map(|provider| match &provider.kind {
        ProviderKind::Entra { authority, .. } => Some(authority.clone()),
        ProviderKind::Google | ProviderKind::Oidc { .. } => None,
    });
    configured.unwrap_or_else(|| Url::parse(ENTRA).expect("the constant is a URL"))
}
