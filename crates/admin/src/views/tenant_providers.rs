//! The providers that tenants bring. No answer has a secret.

use super::tenants::ProofRecord;
use super::time;
use gatepost_core::calendar::rfc3339;
use gatepost_core::tenant_host::{HostProof, HostState};
use gatepost_core::tenant_provider::TenantProviderKind;
use gatepost_store::directory::{TenantDomain as DomainRecord, TenantProviderRecord};
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

/// The provider that a tenant brings.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TenantProvider {
    /// `entra` or `oidc`.
    pub kind: String,
    /// `null`: the kind is `entra`.
    pub issuer: Option<String>,
    /// The id of the tenant at Entra. `null`: the kind is `oidc`.
    pub tenant_id: Option<String>,
    pub client_id: String,
    /// The name that people see.
    pub label: String,
    /// Where a token lists groups. `null`: groups are not read.
    pub groups_claim: Option<String>,
    /// `required` or `assumed`: whether an address counts only if the provider says that it is verified.
    pub email_verified: String,
    /// At hosts of the tenant no other provider is offered.
    pub only: bool,
    /// The domains whose addresses the provider may assert. An address of another domain signs nobody in.
    pub allowed_domains: Vec<TenantDomain>,
    /// What must be registered at the provider.
    pub redirect_uri: String,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: Option<String>,
    /// Counts the changes.
    #[schema(example = "v7")]
    pub version: String,
}

/// The provider that a tenant brings, after a change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TenantProviderChange {
    #[serde(flatten)]
    pub provider: TenantProvider,
    pub changed: bool,
}

/// A domain of addresses.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TenantDomain {
    pub domain: String,
    /// `proposed`, `active` or `refused`. Only an active one counts.
    pub state: String,
    /// The record that proves that the tenant runs the domain's zone. `null`: nothing has to be proved.
    pub record: Option<ProofRecord>,
    #[schema(format = DateTime)]
    pub proved_at: Option<String>,
}

impl TenantProvider {
    /// `redirect_uri` is the address of the provider's callback.
    pub fn new(record: &TenantProviderRecord, redirect_uri: &Url) -> Self {
        let TenantProviderRecord { provider, domains } = record;
        let place = |kind| (provider.kind == kind).then(|| provider.place.clone());
        let is_assumed = provider.trusts_addresses || provider.kind == TenantProviderKind::Entra;
        Self {
            kind: provider.kind.as_str().to_owned(),
            issuer: place(TenantProviderKind::Oidc),
            tenant_id: place(TenantProviderKind::Entra),
            client_id: provider.client_id.clone(),
            label: provider.label.clone(),
            groups_claim: provider.groups_claim.clone(),
            email_verified: if is_assumed { "assumed" } else { "required" }.to_owned(),
            only: provider.is_only,
            allowed_domains: domains.iter().map(TenantDomain::from).collect(),
            redirect_uri: redirect_uri.to_string(),
            created_at: rfc3339(provider.created_at),
            updated_at: time(provider.updated_at),
            version: provider.version.to_string(),
        }
    }
}

impl From<&DomainRecord> for TenantDomain {
    fn from(domain: &DomainRecord) -> Self {
        let record = || ProofRecord {
            name: HostProof::record_name(domain.domain.name()),
            r#type: "TXT".to_owned(),
            value: domain.proof.record_text(),
        };
        Self {
            domain: domain.domain.to_string(),
            state: domain.state.to_string(),
            record: (domain.state == HostState::Proposed).then(record),
            proved_at: time(domain.proved_at),
        }
    }
}
