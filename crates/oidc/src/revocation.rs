//! Giving a refresh token back (RFC 7009): a session that is over leaves none behind at the provider.
//!
//! Not by the crate, which refuses every address that is not `https`, also on loopback.

use super::calls::Endpoint;
use super::error::OidcError;
use super::provider::Provider;
use gatepost_config::ProviderKind;
use secrecy::{ExposeSecret, SecretString};

impl Provider {
    /// Revokes a refresh token, where the provider has an endpoint for that and revoking ends no more than one session:
    /// Google takes the person's consent away with it, and with that the sessions of their other browsers.
    ///
    /// # Errors
    /// [`OidcError::Unavailable`], [`OidcError::Credential`]: nothing depends on it, the token expires by itself.
    pub async fn revoke(&self, refresh_token: &SecretString) -> Result<(), OidcError> {
        let Some(metadata) = self.discovery.known() else { return Ok(()) };
        let Some(endpoint) = metadata.revocation_endpoint() else { return Ok(()) };
        if matches!(self.config.kind, ProviderKind::Google) {
            return Ok(());
        }
        let mut form = vec![
            ("token", refresh_token.expose_secret().to_owned()),
            ("token_type_hint", "refresh_token".to_owned()),
        ];
        let authentication = self.client.authenticate(&metadata).await?;
        let basic = authentication.add_to(&mut form, &self.config.client_id);
        let head =
            self.transport.post_unread(Endpoint::Revocation, endpoint, &form, basic.as_deref()).await?;
        if head.status.is_success() { Ok(()) } else { Err(head.error().into()) }
    }
}
