//! Which client got an access token, whether it acts for a person, and whether its tokens are accepted.

use super::{AccessTokenError, words};
use crate::claims::Claims;
use crate::provider::Provider;
use crate::token_error::TokenError;
use gatepost_config::{BearerConfig, ProviderKind};
use std::collections::BTreeSet;

/// The claims that name the client: OpenID Connect and Entra v2, RFC 9068, Entra v1.
const CLIENTS: [&str; 3] = ["azp", "client_id", "appid"];

/// Who holds a token, as far as the client is concerned.
pub(super) struct Holder {
    /// The client, if the token names it.
    client: Option<String>,
    /// The client acts for itself and not for a person.
    pub is_application: bool,
    scopes: BTreeSet<String>,
    roles: BTreeSet<String>,
}

impl Holder {
    /// # Errors
    /// [`AccessTokenError::NotAnAccessToken`]: the token has neither scopes nor roles, as an ID token.
    pub fn read(provider: &Provider, claims: &Claims, audience: &[&str]) -> Result<Self, AccessTokenError> {
        let client = client(claims)?;
        let granted = [words(claims, "scp")?, words(claims, "scope")?];
        let scopes: BTreeSet<String> = granted.into_iter().flatten().flatten().collect();
        let roles = words(claims, "roles")?.unwrap_or_default();
        let (sub, own) = (claims.find_text("sub"), provider.config.client_id.as_str());
        let is_its_own_subject = match provider.config.kind {
            // Entra's `sub` differs from `oid` for people.
            ProviderKind::Entra { .. } => sub.is_some() && sub == claims.find_text("oid"),
            _ => sub.is_some() && sub == client,
        };
        let says_so = claims.find_text("idtyp") == Some("app");
        let is_application = says_so || is_its_own_subject || scopes.is_empty();
        // Gatepost's own ID tokens are for its client id and may have roles.
        let may_be_id_token = audience.contains(&own) && !says_so && !is_its_own_subject;
        if scopes.is_empty() && (roles.is_empty() || may_be_id_token) {
            return Err(AccessTokenError::NotAnAccessToken);
        }
        Ok(Self { client: client.map(str::to_owned), is_application, scopes, roles })
    }

    /// Whether tokens of this client are accepted. An application is accepted only if it is listed.
    pub fn require_listed(&self, bearer: &BearerConfig) -> Result<(), AccessTokenError> {
        let is_listed = match (&bearer.clients, &self.client) {
            (None, _) => !self.is_application,
            (Some(listed), Some(client)) => listed.contains(client),
            (Some(_), None) => false,
        };
        if is_listed { Ok(()) } else { Err(AccessTokenError::WrongClient) }
    }

    /// The scopes of the token. An application may have them as app roles.
    pub fn granted(&self) -> BTreeSet<String> {
        let roles = self.roles.iter().filter(|_| self.is_application);
        self.scopes.iter().chain(roles).cloned().collect()
    }

    /// Whether the token has every required scope.
    pub fn require_scopes(&self, bearer: &BearerConfig) -> Result<(), AccessTokenError> {
        let granted = self.granted();
        if bearer.scopes.iter().all(|scope| granted.contains(scope)) {
            Ok(())
        } else {
            Err(AccessTokenError::MissingScope(bearer.scopes.clone()))
        }
    }

    /// The client of an application, which [`Self::require_listed`] has found in the list.
    pub fn into_client(self) -> Result<String, AccessTokenError> {
        self.client.ok_or(AccessTokenError::WrongClient)
    }
}

/// The client. A token that names two is refused: it is not clear whose it is.
fn client(claims: &Claims) -> Result<Option<&str>, TokenError> {
    let mut found = None;
    for name in CLIENTS {
        let Some(client) = claims.identifier(name)? else { continue };
        if found.is_some_and(|other| other != client) {
            return Err(TokenError::MalformedClaim(name));
        }
        found = Some(client);
    }
    Ok(found)
}
