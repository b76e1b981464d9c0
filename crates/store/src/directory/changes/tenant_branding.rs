//! How the pages of a tenant look. Its administrators say so.

use super::Change;
use crate::directory::error::DirectoryError;
use gatepost_config::Config;
use gatepost_core::administration::Matter;
use gatepost_core::branding::{Accent, BrandName, Branding, Logo, Notice, Support};
use gatepost_core::host::HostPattern;
use gatepost_core::ids::TenantId;

/// Changes how the pages of a tenant look.
///
/// Errors: `UnknownTenant`, `TenantDeleted`.
#[derive(Clone, Debug)]
pub struct BrandTenant {
    pub tenant: TenantId,
    pub edit: BrandingEdit,
}

impl Change for BrandTenant {
    type Outcome = Branding;
    const NAME: &'static str = "BrandTenant";

    fn matter(&self) -> Matter {
        Matter::Tenant(self.tenant.clone())
    }
}

/// What to change. `None`: nothing. `Some(None)`: it is as everywhere.
#[derive(Clone, Debug, Default)]
pub struct BrandingEdit {
    pub name: Option<Option<TenantBrandName>>,
    pub accent: Option<Option<Accent>>,
    pub support: Option<Option<Support>>,
    pub notice: Option<Option<Notice>>,
    pub logo: Option<Option<Logo>>,
}

/// A name under which no page can be taken for one of the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantBrandName(BrandName);

impl TenantBrandName {
    /// # Errors
    /// `BrandNameReserved`: it has the public host or a host of `GATEPOST_HOSTS` in it.
    pub fn new(name: BrandName, config: &Config) -> Result<Self, DirectoryError> {
        let patterns = config.hosts.iter().map(HostPattern::hosts);
        let public = config.public_url.host().to_string();
        let is_reserved = std::iter::once(public)
            .chain(patterns)
            .any(|host| name.has_host(host.strip_prefix("*.").unwrap_or(&host)));
        if is_reserved { Err(DirectoryError::BrandNameReserved(name)) } else { Ok(Self(name)) }
    }
}

impl BrandingEdit {
    /// The branding with this change.
    pub fn of(&self, before: &Branding) -> Branding {
        let name = self.name.clone().map(|name| name.map(|TenantBrandName(name)| name));
        Branding {
            name: name.unwrap_or_else(|| before.name.clone()),
            accent: self.accent.unwrap_or(before.accent),
            support: self.support.clone().unwrap_or_else(|| before.support.clone()),
            notice: self.notice.clone().unwrap_or_else(|| before.notice.clone()),
            logo: self.logo.as_ref().map_or(before.logo, |logo| logo.as_ref().map(Logo::name)),
        }
    }
}
