//! Changes of the hosts of tenants. A tenant's administrators propose; that a host is the tenant's is proved, or a system
//! administrator says so.

use super::Change;
use super::tenant_settings::TenantHostName;
use crate::directory::error::DirectoryError;
use crate::directory::records::TenantHostRecord;
use gatepost_config::Config;
use gatepost_core::administration::Matter;
use gatepost_core::host::{HostName, ProtectedHosts};
use gatepost_core::ids::TenantId;
use gatepost_core::tenant_host::{is_below, is_fit};

impl TenantHostName {
    /// # Errors
    /// `HostUnfit`; `HostReserved`: the configuration has it; `HostUnreachable`.
    pub fn new(host: HostName, config: &Config) -> Result<Self, DirectoryError> {
        if !is_fit(&host) {
            return Err(DirectoryError::HostUnfit(host));
        }
        let protected = ProtectedHosts::new(config.hosts.clone(), config.public_url.clone());
        if protected.is_configured(&host) {
            return Err(DirectoryError::HostReserved(host));
        }
        if protected.origin_of_tenant(host.clone()).is_none() {
            return Err(DirectoryError::HostUnreachable(host, config.public_url.to_string()));
        }
        let is_below_domain = config.tenants.domain.as_ref().is_some_and(|domain| is_below(&host, domain));
        Ok(Self { host, is_below_domain })
    }
}

/// Proposes a host of a tenant. Unchanged: it is there already.
///
/// Errors: `UnknownTenant`, `HostTaken`, `HostNotInTier`, `LimitReached`.
#[derive(Clone, Debug)]
pub struct AddTenantHost {
    pub tenant: TenantId,
    pub host: TenantHostName,
}

/// Has a host of a tenant count, because a system administrator says that it is the tenant's.
///
/// Errors: `UnknownTenant`, `UnknownHost`.
#[derive(Clone, Debug)]
pub struct ApproveTenantHost {
    pub tenant: TenantId,
    pub host: HostName,
}

/// Has a host of a tenant count, because its zone has the proof.
///
/// Errors: `UnknownTenant`, `UnknownHost`, `HostRefused`, `HostUnproved`.
#[derive(Clone, Debug)]
pub struct ProveTenantHost {
    pub tenant: TenantId,
    pub host: HostName,
    /// The texts of the records that were found.
    pub found: Vec<String>,
}

/// Says no to a host of a tenant.
///
/// Errors: `UnknownTenant`, `UnknownHost`.
#[derive(Clone, Debug)]
pub struct RefuseTenantHost {
    pub tenant: TenantId,
    pub host: HostName,
}

/// Takes a host from a tenant.
///
/// Errors: `UnknownTenant`, `UnknownHost`.
#[derive(Clone, Debug)]
pub struct RemoveTenantHost {
    pub tenant: TenantId,
    pub host: HostName,
}

macro_rules! host_change {
    ($name:ident => $outcome:ty, $matter:expr) => {
        impl Change for $name {
            type Outcome = $outcome;
            const NAME: &'static str = stringify!($name);

            fn matter(&self) -> Matter {
                let matter: fn(&TenantId) -> Matter = $matter;
                matter(&self.tenant)
            }
        }
    };
}
host_change!(AddTenantHost => TenantHostRecord, |id| Matter::Tenant(id.clone()));
host_change!(ApproveTenantHost => TenantHostRecord, |_| Matter::Platform);
host_change!(ProveTenantHost => TenantHostRecord, |id| Matter::Tenant(id.clone()));
host_change!(RefuseTenantHost => TenantHostRecord, |_| Matter::Platform);
host_change!(RemoveTenantHost => (), |id| Matter::Tenant(id.clone()));
