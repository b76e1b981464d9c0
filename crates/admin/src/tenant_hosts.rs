//! The proof of a tenant's host: what the DNS says, and the change that it allows.

use super::Context;
use gatepost_core::administration::Scope;
use gatepost_core::host::HostName;
use gatepost_core::ids::TenantId;
use gatepost_core::tenant_host::HostState;
use gatepost_runtime::dns::{self, LookUpError};
use gatepost_store::directory::DirectoryError;
use gatepost_store::directory::changes::ProveTenantHost;

/// Why a host cannot be proved now.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    LookUp(#[from] LookUpError),
}

impl Context {
    /// Asks the DNS for the proof of a host, of a tenant that the caller administers. Nobody is asked about a host that
    /// counts already, or that was refused.
    ///
    /// # Errors
    /// [`ProofError`].
    pub async fn find_proof(
        &self,
        scope: &Scope,
        tenant: TenantId,
        host: HostName,
    ) -> Result<ProveTenantHost, ProofError> {
        let found = self.stores.directory.find_tenant_host(scope, &tenant, &host).await?;
        let found = match found.state {
            HostState::Proposed => dns::find_proofs(self.site.config.tenants.resolver, &host).await?,
            HostState::Active | HostState::Refused => Vec::new(),
        };
        Ok(ProveTenantHost { tenant, host, found })
    }
}
