//! Sign-out at the provider, started by Gatepost (OpenID Connect RP-Initiated Logout section 2).
//!
//! The crate is not used here: it accepts only a parsed ID token as the hint, and the session stores the token as text.

use super::metadata::without;
use super::provider::Provider;
use gatepost_config::ProviderKind;
use secrecy::{ExposeSecret, SecretString};
use std::borrow::Cow;
use url::Url;

/// The parameters of a sign-out.
#[derive(Clone, Copy, Debug)]
pub struct EndSession<'a> {
    /// The URL that the browser comes back to. It is registered with the provider.
    pub post_logout_redirect_uri: &'a Url,
    /// The `login_hint` claim of the sign-in. It saves the person the choice of an account.
    pub logout_hint: Option<&'a str>,
    /// The ID token of the sign-in, if it was stored.
    pub id_token_hint: Option<&'a SecretString>,
    /// The provider sends it back unchanged.
    pub state: Option<&'a str>,
}

impl Provider {
    /// The URL that ends the session at the provider. `None` if the provider has none, or if no valid discovery document is
    /// known now. The session here ends in any case.
    pub fn end_session_url(&self, request: &EndSession<'_>) -> Option<Url> {
        let metadata = self.discovery.known()?;
        let endpoint = metadata.end_session_endpoint()?;
        let mut parameters: Vec<(&str, Cow<'_, str>)> =
            vec![("post_logout_redirect_uri", request.post_logout_redirect_uri.as_str().into())];
        if !matches!(self.config.kind, ProviderKind::Entra { .. }) {
            parameters.push(("client_id", self.config.client_id.as_str().into()));
        }
        if let Some(token) = request.id_token_hint.filter(|_| self.needs_id_token_hint()) {
            parameters.push(("id_token_hint", token.expose_secret().into()));
        }
        if let Some(hint) = request.logout_hint {
            parameters.push(("logout_hint", hint.into()));
        }
        if let Some(state) = request.state {
            parameters.push(("state", state.into()));
        }
        let names: Vec<&str> = parameters.iter().map(|(name, _)| *name).collect();
        let mut url = without(endpoint, &names);
        url.query_pairs_mut().extend_pairs(parameters);
        Some(url)
    }

    /// The origin of the provider's sign-out, for `form-action` of the pages that lead there.
    pub fn end_session_origin(&self) -> Option<String> {
        let metadata = self.discovery.known()?;
        let endpoint = metadata.end_session_endpoint()?;
        Some(endpoint.origin().ascii_serialization())
    }

    /// Whether the provider needs the ID token to know whom to sign out. Entra and Google do not.
    pub(super) fn needs_id_token_hint(&self) -> bool {
        let has_endpoint =
            self.discovery.known().is_some_and(|metadata| metadata.end_session_endpoint().is_some());
        matches!(self.config.kind, ProviderKind::Oidc { .. }) && has_endpoint
    }
}
