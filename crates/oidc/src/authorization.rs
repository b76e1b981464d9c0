//! The authorization request (OpenID Connect Core section 3.1.2.1): the URL that the browser is redirected to.

use super::error::OidcError;
use super::metadata::Metadata;
use super::provider::Provider;
use gatepost_config::{GroupsSource, ProviderKind};
use openidconnect::core::{CoreAuthPrompt, CoreAuthenticationFlow};
use openidconnect::{CsrfToken, LoginHint, Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope};
use secrecy::{ExposeSecret, SecretString};
use std::borrow::Cow;
use std::time::Duration;
use url::Url;

/// The longest `state`, in characters, that leaves enough room for the rest of the URL.
pub const MAX_STATE: usize = 800;

/// The longest URL that Entra accepts (AADSTS90015), in characters.
const MAX_ADDRESS: usize = 1_799;

/// The parameters of one sign-in.
#[derive(Clone, Copy, Debug)]
pub struct AuthorizationRequest<'a> {
    /// The URL of this provider's callback.
    pub redirect_uri: &'a Url,
    /// The sealed state of the sign-in. The provider sends it back unchanged.
    pub state: &'a str,
    /// The provider puts it into the ID token.
    pub nonce: &'a str,
    /// 43 to 128 characters. The request has its challenge by the method S256 (RFC 7636 section 4.2).
    pub code_verifier: &'a SecretString,
    /// How long ago the person may have authenticated at most.
    pub max_age: Option<Duration>,
    /// What the provider must ask the person for.
    pub prompt: Option<Prompt>,
    /// The account that probably signs in, as the provider names it. Not sent with [`Prompt::SelectAccount`], which asks for
    /// another account, nor if it makes the URL too long. It only saves the person a choice.
    pub login_hint: Option<&'a str>,
}

/// What the provider must ask the person for, also if they have a session there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// To sign in again.
    Login,
    /// To choose an account.
    SelectAccount,
    /// For nothing. A person without a session there is sent back with an error.
    None,
}

impl Provider {
    /// The URL to redirect the browser to. Fetches the discovery document if none is known.
    ///
    /// # Errors
    /// [`OidcError::Unavailable`] or [`OidcError::Metadata`] if no valid discovery document can be fetched.
    pub async fn authorization_url(&self, request: &AuthorizationRequest<'_>) -> Result<Url, OidcError> {
        let metadata = self.discovery.metadata().await?;
        Ok(self.authorization_address(&metadata, request))
    }

    fn authorization_address(&self, metadata: &Metadata, request: &AuthorizationRequest<'_>) -> Url {
        let hint = request.login_hint.filter(|_| request.prompt != Some(Prompt::SelectAccount));
        let hinted = hint.map(|hint| self.address_with(metadata, request, Some(hint)));
        hinted
            .filter(|url| url.as_str().len() <= MAX_ADDRESS)
            .unwrap_or_else(|| self.address_with(metadata, request, None))
    }

    fn address_with(
        &self,
        metadata: &Metadata,
        request: &AuthorizationRequest<'_>,
        login_hint: Option<&str>,
    ) -> Url {
        let state = CsrfToken::new(request.state.to_owned());
        let nonce = Nonce::new(request.nonce.to_owned());
        let verifier = PkceCodeVerifier::new(request.code_verifier.expose_secret().to_owned());
        let mut builder = metadata
            .client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || state, || nonce)
            .set_redirect_uri(Cow::Owned(RedirectUrl::from_url(request.redirect_uri.clone())))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .add_scopes(self.scopes().into_iter().map(|scope| Scope::new(scope.to_owned())))
            .add_extra_param("response_mode", "query");
        if let Some(age) = request.max_age {
            builder = builder.set_max_age(age);
        }
        if let Some(prompt) = request.prompt {
            builder = builder.add_prompt(match prompt {
                Prompt::Login => CoreAuthPrompt::Login,
                Prompt::SelectAccount => CoreAuthPrompt::SelectAccount,
                Prompt::None => CoreAuthPrompt::None,
            });
        }
        if matches!(self.config.kind, ProviderKind::Google) {
            builder = builder.add_extra_param("access_type", "offline");
        }
        if let Some(hint) = login_hint {
            builder = builder.set_login_hint(LoginHint::new(hint.to_owned()));
        }
        builder.url().0
    }

    /// The configured scopes, or the default ones of the provider's kind.
    ///
    /// Entra: `User.Read` makes the access token valid at Graph, which lists groups that do not fit into a token. Graph gives
    /// their names if an administrator has consented to `GroupMember.Read.All`, which Entra then adds by itself. Entra gives a
    /// refresh token only for `offline_access`. Google has no such scope. At other providers the operator decides: Keycloak
    /// gives refresh tokens without it, and with it one that outlives the session there.
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

#[cfg(test)]
mod tests {
    use super::super::testing::{metadata, metadata_document, parsed, provider};
    use super::*;
    use gatepost_config::EntraTenant;
    use proptest::prelude::*;

    #[test]
    fn an_endpoints_own_parameters_stay_unless_they_pose_as_ours() {
        let provider = provider(ProviderKind::Google, |config| config.scopes = vec!["openid".into()]);
        let url = provider.authorization_address(
            &metadata(),
            &AuthorizationRequest {
                redirect_uri: &Url::parse("https://auth.example.com/callback/op").expect("an address"),
                state: "a b&c",
                nonce: "n",
                // RFC 7636, appendix B.
                code_verifier: &"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into(),
                max_age: Some(Duration::from_mins(1)),
                prompt: Some(Prompt::Login),
                login_hint: Some("h"),
            },
        );
        let expected = "https://op.example/authorize?own=1&response_type=code&client_id=us&state=a+b%26c\
            &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256\
            &redirect_uri=https%3A%2F%2Fauth.example.com%2Fcallback%2Fop&scope=openid&response_mode=query\
            &access_type=offline&nonce=n&login_hint=h&max_age=60&prompt=login";
        assert_eq!(url.as_str(), expected);
    }

    /// Entra's address for a client and a public host whose names are as long as they can be.
    fn longest(scopes: usize, hint: &str, prompt: Option<Prompt>) -> Url {
        let tenant = "00000000-0000-4000-8000-000000000001";
        let entra = ProviderKind::Entra {
            authority: Url::parse("https://login.microsoftonline.com").expect("an address"),
            tenant: EntraTenant::Pinned(tenant.to_owned()),
        };
        let provider = provider(entra, |config| {
            config.scopes = vec!["s".repeat(scopes)];
        });
        let mut document = metadata_document("https://op.example");
        let endpoint = format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize");
        document["authorization_endpoint"] = endpoint.into();
        let metadata = parsed(&document, &"c".repeat(80));
        let redirect_uri = format!("https://{}:65535/callback/{}", "a".repeat(253), "p".repeat(32));
        let hash = "h".repeat(43);
        let request = AuthorizationRequest {
            redirect_uri: &Url::parse(&redirect_uri).expect("an address"),
            state: &"s".repeat(MAX_STATE),
            nonce: &hash,
            code_verifier: &hash.as_str().into(),
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
