//! What the configuration says about the addresses and services of tool servers.

use super::Context;
use gatepost_core::ids::ServiceName;
use gatepost_core::mcp::endpoint::Endpoint;
use gatepost_store::directory::DirectoryError;

impl Context {
    /// Demands that requests for an address come to the gate.
    ///
    /// # Errors
    /// `HostNotProtected`.
    pub fn demand_protected(&self, url: &Endpoint) -> Result<(), DirectoryError> {
        let is_protected = self.site.hosts.find(url.host()).is_some();
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
