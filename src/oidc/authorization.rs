//! The authentication request (OpenID Connect Core section 3.1.2.1): the address that the browser is sent to.

use super::error::OidcError;
use super::metadata::Metadata;
use super::provider::Provider;
use crate::config::{GroupsSource, ProviderKind};
use std::borrow::Cow;
use std::time::Duration;
use url::Url;

/// Longest `state` that is sent, in characters: what else is in the address fits beside it.
pub const MAX_STATE: usize = 800;

/// Entra refuses longer addresses (AADSTS90015), in characters.
const MAX_ADDRESS: usize = 1_799;

/// What one sign-in asks for.
#[derive(Clone, Copy, Debug)]
pub struct AuthorizationRequest<'a> {
    /// The callback of this provider.
    pub redirect_uri: &'a Url,
    /// Sealed; comes back unchanged.
    pub state: &'a str,
    /// Comes back in the ID token.
    pub nonce: &'a str,
    /// `BASE64URL(SHA256(code_verifier))`, method S256 (RFC 7636 section 4.2).
    pub code_challenge: &'a str,
    /// How long ago the person may have signed in.
    pub max_age: Option<Duration>,
    /// Whether the provider must ask for something.
    pub prompt: Option<Prompt>,
    /// Who probably signs in, in the provider's own words. Not sent with [`Prompt::SelectAccount`], which means somebody
    /// else, nor where it makes the address too long: it saves a choice, and nothing else depends on it.
    pub login_hint: Option<&'a str>,
}

/// What the provider must ask the person for, whatever it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// To sign in again.
    Login,
    /// To choose an account.
    SelectAccount,
    /// For nothing: whoever is not signed in there is sent back.
    None,
}

impl Provider {
    /// The address to send the browser to. The discovery document is fetched if none is known.
    ///
    /// # Errors
    /// [`OidcError::Unavailable`] or [`OidcError::Metadata`] if there is no discovery document to be had.
    pub async fn authorization_url(&self, request: &AuthorizationRequest<'_>) -> Result<Url, OidcError> {
        let metadata = self.discovery.metadata().await?;
        Ok(self.authorization_address(&metadata, request))
    }

    fn authorization_address(&self, metadata: &Metadata, request: &AuthorizationRequest<'_>) -> Url {
        let scopes = self.scopes().join(" ");
        let mut parameters: Vec<(&str, Cow<'_, str>)> = vec![
            ("response_type", "code".into()),
            ("response_mode", "query".into()),
            ("client_id", self.config.client_id.as_str().into()),
            ("redirect_uri", request.redirect_uri.as_str().into()),
            ("scope", scopes.into()),
            ("state", request.state.into()),
            ("nonce", request.nonce.into()),
            ("code_challenge", request.code_challenge.into()),
            ("code_challenge_method", "S256".into()),
        ];
        if let Some(age) = request.max_age {
            parameters.push(("max_age", age.as_secs().to_string().into()));
        }
        match request.prompt {
            Some(Prompt::Login) => parameters.push(("prompt", "login".into())),
            Some(Prompt::SelectAccount) => parameters.push(("prompt", "select_account".into())),
            Some(Prompt::None) => parameters.push(("prompt", "none".into())),
            None => {}
        }
        if matches!(self.config.kind, ProviderKind::Google) {
            parameters.push(("access_type", "offline".into()));
        }
        let plain = with_parameters(&metadata.authorization_endpoint, &parameters);
        let hint = request.login_hint.filter(|_| request.prompt != Some(Prompt::SelectAccount));
        let hinted = hint.map(|hint| with_parameters(&plain, &[("login_hint", hint.into())]));
        hinted.filter(|url| url.as_str().len() <= MAX_ADDRESS).unwrap_or(plain)
    }

    /// The configured scopes, or those of the kind.
    ///
    /// Entra: `User.Read` makes the access token one for Graph, where overage is resolved; names of groups come with
    /// `GroupMember.Read.All` once an admin consented to it: Entra adds what was consented for the same resource.
    /// It gives a refresh token for `offline_access` alone. Google has no such scope. Elsewhere it is the operator's to
    /// ask for: Keycloak gives refresh tokens without it, and with it makes one that outlives the session there.
    pub(super) fn scopes(&self) -> Vec<&str> {
        if !self.config.scopes.is_empty() {
            return self.config.scopes.iter().map(String::as_str).collect();
        }
        let mut scopes = vec!["openid", "profile", "email"];
        if matches!(self.config.kind, ProviderKind::Entra { .. }) {
            scopes.push("offline_access");
            if self.config.groups != GroupsSource::Off {
                scopes.push("User.Read");
            }
        }
        scopes
    }
}

/// The endpoint's own parameters stay, except where ours have the same name: none may stand twice.
pub(super) fn with_parameters(endpoint: &Url, parameters: &[(&str, Cow<'_, str>)]) -> Url {
    let own: Vec<(String, String)> = endpoint
        .query_pairs()
        .filter(|(name, _)| !parameters.iter().any(|(ours, _)| ours == name))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    let mut url = endpoint.clone();
    url.query_pairs_mut().clear().extend_pairs(own).extend_pairs(parameters);
    url
}

#[cfg(test)]
mod tests {
    use super::super::testing::{metadata, provider};
    use super::*;
    use crate::config::EntraTenant;
    use proptest::prelude::*;

    #[test]
    fn an_endpoints_own_parameters_stay_unless_they_pose_as_ours() {
        let url = with_parameters(
            &metadata().authorization_endpoint,
            &[("client_id", "us".into()), ("state", "a b&c".into())],
        );
        assert_eq!(url.query(), Some("own=1&client_id=us&state=a+b%26c"));
    }

    /// Entra's address for a client and a public host whose names are as long as they can be.
    fn longest(scopes: usize, hint: &str, prompt: Option<Prompt>) -> Url {
        let tenant = "00000000-0000-4000-8000-000000000001";
        let entra = ProviderKind::Entra {
            authority: Url::parse("https://login.microsoftonline.com").expect("an address"),
            tenant: EntraTenant::Pinned(tenant.to_owned()),
        };
        let provider = provider(entra, |config| {
            config.client_id = "c".repeat(80);
            config.scopes = vec!["s".repeat(scopes)];
        });
        let mut metadata = metadata();
        let endpoint = format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize");
        metadata.authorization_endpoint = Url::parse(&endpoint).expect("an address");
        let redirect_uri = format!("https://{}:65535/callback/{}", "a".repeat(253), "p".repeat(32));
        let hash = "h".repeat(43);
        let request = AuthorizationRequest {
            redirect_uri: &Url::parse(&redirect_uri).expect("an address"),
            state: &"s".repeat(MAX_STATE),
            nonce: &hash,
            code_challenge: &hash,
            max_age: Some(Duration::MAX),
            prompt,
            login_hint: Some(hint),
        };
        provider.authorization_address(&metadata, &request)
    }

    proptest! {
        #[test]
        fn an_address_stays_below_what_entra_refuses(scopes in 1_usize..=150, hint in "\\PC{0,40}", times in 0_usize..80) {
            for prompt in [None, Some(Prompt::Login), Some(Prompt::SelectAccount)] {
                let url = longest(scopes, &hint.repeat(times), prompt);
                prop_assert!(url.as_str().len() < 1_800, "{}", url.as_str().len());
            }
        }
    }

    #[test]
    fn a_hint_is_sent_where_it_fits() {
        let hint = |url: &Url| {
            url.query_pairs().find(|(name, _)| name == "login_hint").map(|(_, hint)| hint.into_owned())
        };
        assert_eq!(hint(&longest(1, "O.Cj-a/b", Some(Prompt::Login))).as_deref(), Some("O.Cj-a/b"));
        assert_eq!(hint(&longest(1, &"O".repeat(1_000), Some(Prompt::Login))), None);
        assert_eq!(hint(&longest(1, "O.Cj-a/b", Some(Prompt::SelectAccount))), None);
    }
}
