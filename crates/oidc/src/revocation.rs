//! Revokes the refresh token of a session that is over (RFC 7009).
//!
//! The crate is not used here: it refuses every URL that is not `https`, also on loopback.

use super::calls::Endpoint;
use super::error::OidcError;
use super::provider::Provider;
use gatepost_config::ProviderKind;
use secrecy::{ExposeSecret, SecretString};

impl Provider {
    /// Revokes a refresh token, if the provider has an endpoint for that. Not at Google, where revoking withdraws the
    /// person's consent, and so ends the sessions of their other browsers too.
    ///
    /// # Errors
    /// [`OidcError::Unavailable`], [`OidcError::Credential`]. The caller may ignore them: the token expires by itself.
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
