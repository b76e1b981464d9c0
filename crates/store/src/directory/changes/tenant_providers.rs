//! Changes of the provider that a tenant brings, and of the domains whose addresses it may assert. The tenant's administrators
//! say which provider it is; that a domain is the tenant's is proved, or a system administrator says so.

use super::Change;
use crate::directory::error::DirectoryError;
use crate::directory::records::TenantProviderRecord;
use gatepost_config::Config;
use gatepost_core::administration::Matter;
use gatepost_core::ids::TenantId;
use gatepost_core::tenant_provider::{EmailDomain, TenantProviderKind};

/// Says which provider a tenant brings. If it is another one than before, or loses a domain, sessions of its people end.
///
/// Errors: `UnknownTenant`, `ProviderNotInTier`, `SecretMissing`, `DomainTaken`.
#[derive(Clone, Debug)]
pub struct SetTenantProvider {
    pub tenant: TenantId,
    pub settings: TenantProviderSettings,
}

/// What is said about the provider of a tenant.
#[derive(Clone, Debug)]
pub struct TenantProviderSettings {
    pub kind: TenantProviderKind,
    /// The issuer; for Entra the id of the tenant there.
    pub place: String,
    pub client_id: String,
    /// Sealed by the key ring for this tenant. `None`: it stays.
    pub secret: Option<String>,
    /// The name on pages.
    pub label: String,
    /// `None`: groups are not read.
    pub groups_claim: Option<String>,
    /// Addresses count without `email_verified`.
    pub trusts_addresses: bool,
    /// At hosts of the tenant no other provider is offered.
    pub is_only: bool,
    /// The domains whose addresses it may assert, as soon as they are proved. Others are removed.
    pub domains: Vec<TenantDomainName>,
}

/// A domain that no configured provider may assert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantDomainName(EmailDomain);

impl TenantDomainName {
    /// # Errors
    /// `DomainConfigured`: a configured provider has it.
    pub fn new(domain: EmailDomain, config: &Config) -> Result<Self, DirectoryError> {
        if config.assigns_domain(domain.as_str()) {
            return Err(DirectoryError::DomainConfigured(domain));
        }
        Ok(Self(domain))
    }

    pub const fn domain(&self) -> &EmailDomain {
        &self.0
    }
}

/// Takes the provider from a tenant. Sessions of its people end.
///
/// Errors: `UnknownTenant`, `NoTenantProvider`.
#[derive(Clone, Debug)]
pub struct RemoveTenantProvider {
    pub tenant: TenantId,
}

/// Decides whether a domain is the tenant's.
///
/// Errors: `UnknownTenant`, `NoTenantProvider`, `UnknownDomain`, `DomainTaken`, `DomainRefused`, `HostUnproved`.
#[derive(Clone, Debug)]
pub struct DecideTenantDomain {
    pub tenant: TenantId,
    pub domain: TenantDomainName,
    pub verdict: DomainVerdict,
}

/// Why a domain counts, or does not.
#[derive(Clone, Debug)]
pub enum DomainVerdict {
    /// Its zone has the proof, if it is among these texts.
    Found(Vec<String>),
    /// A system administrator says yes.
    Approved,
    /// A system administrator says no.
    Refused,
}

impl Change for SetTenantProvider {
    type Outcome = TenantProviderRecord;
    const NAME: &'static str = "SetTenantProvider";

    fn matter(&self) -> Matter {
        Matter::Tenant(self.tenant.clone())
    }
}

impl Change for RemoveTenantProvider {
    type Outcome = ();
    const NAME: &'static str = "RemoveTenantProvider";

    fn matter(&self) -> Matter {
        Matter::Tenant(self.tenant.clone())
    }
}

impl Change for DecideTenantDomain {
    type Outcome = TenantProviderRecord;
    const NAME: &'static str = "DecideTenantDomain";

    fn matter(&self) -> Matter {
        match self.verdict {
            DomainVerdict::Found(_) => Matter::Tenant(self.tenant.clone()),
            DomainVerdict::Approved | DomainVerdict::Refused => Matter::Platform,
        }
    }
}
