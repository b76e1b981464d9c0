//! The provider that a tenant brings: tried before it is kept, and its secret sealed.

use super::{Context, views};
use gatepost_core::administration::Scope;
use gatepost_core::error_chain::{Chain, sentence};
use gatepost_core::ids::{ProviderId, TenantId};
use gatepost_core::provider_refusal::ProviderRefusal;
use gatepost_core::tenant_host::HostState;
use gatepost_oidc::{OidcError, ProvidersError, Trial};
use gatepost_runtime::dns::{self, LookUpError};
use gatepost_runtime::providers::{ProviderPlan, open_secret};
use gatepost_store::directory::changes::{
    DecideTenantDomain, DomainVerdict, SetTenantProvider, TenantDomainName, TenantProviderSettings,
};
use gatepost_store::directory::{
    Actor, Conditions, DirectoryError, Done, TenantProvider, TenantProviderRecord,
};
use gatepost_store::session::sealed::Purpose;
use secrecy::{ExposeSecret, SecretString};

/// How often a change of parts of a provider is tried, if others change the provider meanwhile.
const TRIES: u32 = 3;

/// Why the provider of a tenant is not kept.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The settings make no provider.
    #[error("the provider cannot be set up")]
    Settings(#[from] ProvidersError),
    /// Its documents cannot be fetched, or do not hold; or it does not answer.
    #[error("the provider cannot be used")]
    Provider(#[source] OidcError),
    /// It refuses the client.
    #[error("the provider refuses the client or its secret: {0}")]
    Refused(Box<ProviderRefusal>),
    /// The DNS does not answer.
    #[error(transparent)]
    LookUp(#[from] LookUpError),
}

impl TrialError {
    /// What went wrong, as a sentence: what a provider said, in its own words.
    pub fn sentence(&self) -> String {
        match self {
            Self::Settings(_) | Self::Provider(_) => sentence(&Chain(self).to_string()),
            Self::Directory(_) | Self::Refused(_) | Self::LookUp(_) => sentence(&self.to_string()),
        }
    }
}

impl Context {
    /// What is told about the provider of a tenant.
    pub fn provider_view(&self, record: &TenantProviderRecord) -> views::TenantProvider {
        let id = ProviderId::of_tenant(&record.provider.tenant_id);
        views::TenantProvider::new(record, &self.site.callback_address(&id))
    }

    /// Tries the provider that a tenant is to have: fetches its documents, and has it check the client and the secret. The
    /// caller must administer the tenant, and the tenant must be allowed to have a provider, before anything is called.
    ///
    /// # Errors
    /// [`TrialError`].
    async fn try_provider(
        &self,
        scope: &Scope,
        tenant: TenantId,
        mut settings: TenantProviderSettings,
        secret: Option<SecretString>,
    ) -> Result<SetTenantProvider, TrialError> {
        self.stores.directory.demand_sso(scope, &tenant).await?;
        let secret = match secret {
            Some(secret) => {
                let context = tenant.as_str();
                settings.secret =
                    Some(self.site.ring.seal(Purpose::ProviderSecret, context, secret.expose_secret()));
                secret
            }
            None => self.kept_secret(scope, &tenant, &settings).await?,
        };
        let plan = ProviderPlan {
            tenant: &tenant,
            kind: settings.kind,
            place: &settings.place,
            client_id: &settings.client_id,
            label: &settings.label,
            groups_claim: settings.groups_claim.as_deref(),
            trusts_addresses: settings.trusts_addresses,
        };
        self.try_plan(plan, secret).await?;
        Ok(SetTenantProvider { tenant, settings })
    }

    /// Has a tenant bring a provider, which is tried first. What the conditions forbid is refused before anything is called.
    ///
    /// # Errors
    /// [`TrialError`].
    pub async fn put_provider(
        &self,
        (scope, actor): (&Scope, &Actor),
        tenant: TenantId,
        conditions: Conditions,
        (settings, secret): (TenantProviderSettings, Option<SecretString>),
    ) -> Result<Done<TenantProviderRecord>, TrialError> {
        let before = match self.stores.directory.find_tenant_provider(scope, &tenant).await {
            Err(DirectoryError::NoTenantProvider(_)) => None,
            found => Some(found?.provider.version),
        };
        conditions.demand(before)?;
        let change = self.try_provider(scope, tenant, settings, secret).await?;
        Ok(self.carry_out(&change, conditions, actor).await?)
    }

    /// Changes parts of the provider that a tenant brings. `merged` says the whole of it, from what is there now. What was tried is what
    /// is kept: if somebody changed the provider meanwhile, it begins anew, or is overtaken if the conditions name a version.
    ///
    /// # Errors
    /// [`TrialError`], and those of `merged`.
    pub async fn patch_provider<E: From<TrialError>>(
        &self,
        (scope, actor): (&Scope, &Actor),
        tenant: &TenantId,
        conditions: Conditions,
        merged: impl Fn(&TenantProviderRecord) -> Result<(TenantProviderSettings, Option<SecretString>), E>,
    ) -> Result<Done<TenantProviderRecord>, E> {
        let directory = |error: DirectoryError| E::from(TrialError::from(error));
        let mut tries = 0;
        loop {
            let found = self.stores.directory.find_tenant_provider(scope, tenant).await.map_err(directory)?;
            let version = found.provider.version;
            conditions.demand(Some(version)).map_err(directory)?;
            let (settings, secret) = merged(&found)?;
            let change = self.try_provider(scope, tenant.clone(), settings, secret).await?;
            let unless_changed = Conditions { if_version: Some(version), ..conditions };
            tries += 1;
            match self.carry_out(&change, unless_changed, actor).await {
                Err(DirectoryError::Overtaken(_)) if conditions.if_version.is_none() && tries < TRIES => {}
                done => return done.map_err(directory),
            }
        }
    }

    /// Fetches the documents of a provider, and has it check the client and the secret.
    async fn try_plan(&self, plan: ProviderPlan<'_>, secret: SecretString) -> Result<(), TrialError> {
        let provider = self.site.tenant_clients.provider(plan.config(&self.site, secret, Vec::new()))?;
        provider.fetch_documents().await.map_err(TrialError::Provider)?;
        let callback = self.site.callback_address(provider.id());
        match provider.try_credential(&callback).await.map_err(TrialError::Provider)? {
            Trial::Refused(refusal) => Err(TrialError::Refused(refusal)),
            Trial::Accepted | Trial::Unclear(_) => Ok(()),
        }
    }

    /// Tries the provider that a tenant brings already.
    ///
    /// # Errors
    /// [`TrialError`]; `SecretMissing`: the key ring cannot read its secret.
    pub async fn retry_provider(&self, found: &TenantProvider) -> Result<(), TrialError> {
        let secret = open_secret(&self.site, found);
        let secret = secret.map_err(|_| DirectoryError::SecretMissing(found.tenant_id.clone()))?;
        let plan = ProviderPlan {
            tenant: &found.tenant_id,
            kind: found.kind,
            place: &found.place,
            client_id: &found.client_id,
            label: &found.label,
            groups_claim: found.groups_claim.as_deref(),
            trusts_addresses: found.trusts_addresses,
        };
        self.try_plan(plan, secret).await
    }

    /// The secret that stays, which it does only for the same client of the same provider.
    async fn kept_secret(
        &self,
        scope: &Scope,
        tenant: &TenantId,
        settings: &TenantProviderSettings,
    ) -> Result<SecretString, DirectoryError> {
        let missing = || DirectoryError::SecretMissing(tenant.clone());
        let found = match self.stores.directory.find_tenant_provider(scope, tenant).await {
            Err(DirectoryError::NoTenantProvider(_)) => return Err(missing()),
            found => found?.provider,
        };
        let is_same = |found: &TenantProvider| {
            (found.kind, found.place.as_str(), found.client_id.as_str())
                == (settings.kind, settings.place.as_str(), settings.client_id.as_str())
        };
        if !is_same(&found) {
            return Err(missing());
        }
        open_secret(&self.site, &found).map_err(|_| missing())
    }

    /// Asks the DNS for the proof of a domain of a provider, of a tenant that the caller administers.
    ///
    /// # Errors
    /// [`TrialError::Directory`], [`TrialError::LookUp`].
    pub async fn find_domain_proof(
        &self,
        scope: &Scope,
        tenant: TenantId,
        domain: TenantDomainName,
    ) -> Result<DecideTenantDomain, TrialError> {
        let found = self.stores.directory.find_tenant_provider(scope, &tenant).await?;
        let is_proposed = |state: HostState| state == HostState::Proposed;
        let texts = match found.domains.iter().find(|one| one.domain == *domain.domain()) {
            Some(found) if is_proposed(found.state) => {
                dns::find_proofs(self.site.config.tenants.resolver, domain.domain().name()).await?
            }
            _ => Vec::new(),
        };
        Ok(DecideTenantDomain { tenant, domain, verdict: DomainVerdict::Found(texts) })
    }
}
