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
}

/// The hosts of tenants, without those that the configuration names.
#[derive(Debug)]
struct TenantHosts(HashMap<HostName, Arc<TenantHost>>);

impl TenantHosts {
    fn find(&self, host: &HostName) -> Option<Protected<'static>> {
        self.0.get(host).map(|found| Protected::OfTenant(Arc::clone(found)))
    }
}

impl ReadWhole for TenantHosts {
    async fn read(site: &Site, directory: &Directory) -> Result<Self, DirectoryError> {
        let read = directory.read_active_hosts().await?;
        let usable = read.into_iter().filter_map(|(host, tenant)| {
            let origin = site.hosts.origin_of_tenant(host.clone())?;
            Some((host, Arc::new(TenantHost { origin, tenant })))
        });
        Ok(Self(usable.collect()))
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
