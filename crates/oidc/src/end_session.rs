//! Sign-out started here (OpenID Connect RP-Initiated Logout section 2).
//!
//! Not by the crate, which takes only an ID token that it has parsed as a hint; here the text comes from the session.

use super::authorization::without;
use super::provider::Provider;
use gatepost_config::ProviderKind;
use secrecy::{ExposeSecret, SecretString};
use std::borrow::Cow;
use url::Url;

/// What a sign-out tells the provider.
#[derive(Clone, Copy, Debug)]
pub struct EndSession<'a> {
    /// Where the browser comes back to; registered with the provider.
    pub post_logout_redirect_uri: &'a Url,
    /// `logout_hint` of the sign-in: spares the choice of an account.
    pub logout_hint: Option<&'a str>,
    /// `id_token` of the sign-in, where it was kept.
    pub id_token_hint: Option<&'a SecretString>,
    /// Comes back unchanged.
    pub state: Option<&'a str>,
}

impl Provider {
    /// The address that ends the session at the provider; `None` if it has none, or none is known just now: the
    /// session here is over in any case.
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

    /// The origin of its sign-out, for `form-action` of the pages that lead there.
    pub fn end_session_origin(&self) -> Option<String> {
        let metadata = self.discovery.known()?;
        let endpoint = metadata.end_session_endpoint()?;
        Some(endpoint.origin().ascii_serialization())
    }

    /// Whether the provider knows whom to sign out only by the ID token: all but Entra and Google.
    pub(super) fn needs_id_token_hint(&self) -> bool {
        let has_endpoint =
            self.discovery.known().is_some_and(|metadata| metadata.end_session_endpoint().is_some());
        matches!(self.config.kind, ProviderKind::Oidc { .. }) && has_endpoint
    }
}
