//! Which hosts are protected: those that the configuration names, and those of tenants, which the directory names.
//!
//! Guarantee: whoever asks whether a host is ours asks here. A host of the configuration is known without the directory. For
//! every other host "unknown" is said only by a copy of the directory that counts; else there is no answer.

use crate::authn::LoadError;
use crate::invalidation::directory_copy::{DirectoryCopy, ReadWhole};
use crate::invalidation::lease::Lease;
use crate::site::Site;
use crate::stores::Stores;
use crate::tasks::Tasks;
use gatepost_core::branding::{Branding, LogoName};
use gatepost_core::host::{HostName, Origin};
use gatepost_core::ids::TenantId;
use gatepost_store::directory::{Directory, DirectoryError};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// A protected host.
#[derive(Clone, Debug)]
pub enum Protected<'a> {
    /// `GATEPOST_HOSTS` names it. It is no tenant's.
    Configured(Cow<'a, Origin>),
    /// It is a tenant's.
    OfTenant(Arc<TenantHost>),
}

impl Protected<'_> {
    /// Its origin.
    pub fn origin(&self) -> &Origin {
        match self {
            Self::Configured(origin) => origin,
            Self::OfTenant(host) => &host.origin,
        }
    }

    /// How the pages of the tenant look whose host it is.
    pub fn branding(&self) -> Option<&Arc<Branding>> {
        match self {
            Self::Configured(_) => None,
            Self::OfTenant(host) => host.branding.as_ref(),
        }
    }

    /// The tenant whose host it is.
    pub fn tenant(&self) -> Option<&TenantId> {
        match self {
            Self::Configured(_) => None,
            Self::OfTenant(host) => Some(&host.tenant),
        }
    }
}

/// An active host of a tenant that is not deleted.
#[derive(Debug)]
pub struct TenantHost {
    origin: Origin,
    tenant: TenantId,
    /// `None`: nothing is said about it.
    branding: Option<Arc<Branding>>,
}

/// The hosts of tenants, without those that the configuration names.
#[derive(Debug)]
struct TenantHosts {
    hosts: HashMap<HostName, Arc<TenantHost>>,
    /// Of tenants that say something about it.
    brandings: HashMap<TenantId, Arc<Branding>>,
}

impl TenantHosts {
    fn find(&self, host: &HostName) -> Option<Protected<'static>> {
        self.hosts.get(host).map(|found| Protected::OfTenant(Arc::clone(found)))
    }
}

impl ReadWhole for TenantHosts {
    async fn read(site: &Site, directory: &Directory) -> Result<Self, DirectoryError> {
        let read = directory.read_brandings().await?.into_iter();
        let brandings: HashMap<_, _> = read.map(|(tenant, branding)| (tenant, Arc::new(branding))).collect();
        let read = directory.read_active_hosts().await?.into_iter();
        let usable = read.filter_map(|(host, tenant)| {
            let origin = site.hosts.origin_of_tenant(host.clone())?;
            let branding = brandings.get(&tenant).cloned();
            Some((host, Arc::new(TenantHost { origin, tenant, branding })))
        });
        let hosts = usable.collect();
        Ok(Self { hosts, brandings })
    }
}

/// The hosts of tenants are not in memory, or what is there does not count.
#[derive(Clone, Copy, Debug)]
pub struct Unread;

/// All protected hosts.
#[derive(Debug)]
pub struct Hosts {
    site: Arc<Site>,
    of_tenants: DirectoryCopy<TenantHosts>,
}

impl Hosts {
    /// Those of tenants are not read yet.
    pub fn new(site: Arc<Site>, stores: Arc<Stores>, lease: Arc<Lease>, tasks: Arc<Tasks>) -> Self {
        let of_tenants = DirectoryCopy::new(Arc::clone(&site), stores, lease, tasks);
        Self { site, of_tenants }
    }

    /// Reads those of tenants, so that no request has to wait for them.
    ///
    /// # Errors
    /// [`LoadError`]: the directory does not answer.
    pub async fn read_ahead(&self) -> Result<(), LoadError> {
        self.of_tenants.current().await.map(drop)
    }

    /// As [`Self::find`], from memory alone.
    ///
    /// # Errors
    /// [`Unread`]: the directory must be queried.
    pub fn find_now(&self, host: &HostName) -> Result<Option<Protected<'_>>, Unread> {
        if let Some(origin) = self.site.hosts.find(host) {
            return Ok(Some(Protected::Configured(origin)));
        }
        if host == self.site.config.public_url.host() {
            return Ok(None);
        }
        self.of_tenants.look(|hosts| hosts.find(host)).ok_or(Unread)
    }

    /// Whether the pages of a tenant show this picture.
    ///
    /// # Errors
    /// [`LoadError`]: the directory cannot say.
    pub async fn shows_logo(&self, name: LogoName) -> Result<bool, LoadError> {
        let shows =
            |hosts: &TenantHosts| hosts.brandings.values().any(|branding| branding.logo == Some(name));
        if let Some(shows) = self.of_tenants.look(shows) {
            return Ok(shows);
        }
        let read = self.of_tenants.current().await?;
        Ok(shows(&read))
    }

    /// How the pages of this tenant look, from memory alone. `None`: as all others, or it is not in memory.
    pub fn branding_of(&self, tenant: &TenantId) -> Option<Arc<Branding>> {
        self.of_tenants.look(|of_tenants| of_tenants.brandings.get(tenant).cloned()).flatten()
    }

    /// The protected host of this name. `None`: it is not protected.
    ///
    /// # Errors
    /// [`LoadError`]: the directory cannot say whether a tenant has it.
    pub async fn find(&self, host: &HostName) -> Result<Option<Protected<'_>>, LoadError> {
        match self.find_now(host) {
            Ok(found) => Ok(found),
            Err(Unread) => Ok(self.of_tenants.current().await?.find(host)),
        }
    }
}
