//! What the configuration says about the addresses and services of tool servers.

use super::Context;
use gatepost_core::ids::{ServiceName, TenantId};
use gatepost_core::mcp::endpoint::Endpoint;
use gatepost_store::directory::DirectoryError;

impl Context {
    /// Demands that requests for an address of a tenant's tool server come to the gate, and that its host is no other tenant's. A tenant that
    /// is not known has none.
    ///
    /// # Errors
    /// `HostNotProtected`.
    pub async fn demand_protected(
        &self,
        tenant: Option<&TenantId>,
        url: &Endpoint,
    ) -> Result<(), DirectoryError> {
        let is_protected = self.is_open_to(url.host(), tenant).await?;
        if is_protected { Ok(()) } else { Err(DirectoryError::HostNotProtected(url.host().clone())) }
    }

    /// Demands that the configuration has an upstream with this name.
    ///
    /// # Errors
    /// `UnknownService`.
    pub fn demand_service(&self, name: Option<&ServiceName>) -> Result<(), DirectoryError> {
        match name {
            Some(name) if !self.site.config.services.contains_key(name) => {
                Err(DirectoryError::UnknownService(name.clone()))
            }
            _ => Ok(()),
        }
    }
}
