//! The providers that tenants bring. Their addresses are chosen by tenants, so each call is guarded ([`super::guard`]).

use super::calls::Calls;
use super::guard::Guard;
use super::provider::{Provider, ProvidersError};
use super::settings::Settings;
use super::transport::{self, Transport};
use gatepost_config::ProviderConfig;
use gatepost_core::host::HostName;
use ipnet::IpNet;
use reqwest::Client;
use std::sync::Arc;

/// Makes the providers of tenants.
#[derive(Debug)]
pub struct TenantClients {
    client: Client,
    guard: Guard,
    public_host: HostName,
    calls: Calls,
}

impl TenantClients {
    /// `networks`: private networks in which providers may be.
    ///
    /// # Errors
    /// [`ProvidersError::Client`].
    pub fn new(settings: &Settings, networks: &[IpNet], calls: &Calls) -> Result<Self, ProvidersError> {
        let guard = Guard::new(networks);
        let client = transport::guarded_client(settings.ca_file.as_deref(), &guard)
            .map_err(|error| ProvidersError::Client(error.into()))?;
        Ok(Self { client, guard, public_host: settings.public_host.clone(), calls: calls.clone() })
    }

    /// A provider with these settings. It is not called yet.
    ///
    /// # Errors
    /// [`ProvidersError::Issuer`], [`ProvidersError::Credential`].
    pub fn provider(&self, config: ProviderConfig) -> Result<Arc<Provider>, ProvidersError> {
        let id = config.id.clone();
        let transport = Transport::guarded(self.client.clone(), id, self.calls.clone(), self.guard.clone());
        // Never as if it were the only one: it asserts addresses of its domains alone.
        Provider::new(config, false, self.public_host.clone(), transport).map(Arc::new)
    }
}
