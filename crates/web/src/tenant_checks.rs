//! Checks of tenants, by the API and by the portal alike. A check calls other servers for whoever asks, so a replica makes one
//! at a time, and each has a deadline.

use gatepost_admin::{Context, TenantCheck};
use gatepost_store::directory::{DirectoryError, TenantRecord};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// A check asks the DNS and a provider of the tenant, which may both be slow.
const LONGEST: Duration = Duration::from_secs(20);

/// Makes checks, one at a time: each holds one of the few permits of people's pages.
#[derive(Debug)]
pub(crate) struct TenantChecks(Semaphore);

/// Why there is no result of a check.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckError {
    #[error("another check of a tenant runs")]
    Busy,
    #[error("the DNS or the provider is too slow to check the tenant")]
    TooSlow,
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

impl CheckError {
    /// `Retry-After`.
    pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(5);

    /// What to do, as a sentence.
    pub(crate) const fn remedy(&self) -> &'static str {
        match self {
            Self::Busy => "Try again in a moment.",
            Self::TooSlow | Self::Directory(_) => "Try again later.",
        }
    }
}

impl Default for TenantChecks {
    fn default() -> Self {
        Self(Semaphore::new(1))
    }
}

impl TenantChecks {
    /// Checks a tenant that the caller administers.
    ///
    /// # Errors
    /// [`CheckError`].
    pub(crate) async fn run(
        &self,
        admin: &Context,
        tenant: &TenantRecord,
    ) -> Result<TenantCheck, CheckError> {
        let _permit = self.0.try_acquire().map_err(|_| CheckError::Busy)?;
        let check = timeout(LONGEST, admin.check_tenant(tenant)).await.map_err(|_| CheckError::TooSlow)?;
        Ok(check?)
    }
}
