//! Redeems the code of a sign-in: exchanges it for tokens, verifies the ID token, and gathers the identity.

use super::error::OidcError;
use super::id_token::{Demands, NonceRule};
use super::provider::Provider;
use super::token_endpoint::Grant;
use super::token_error::TokenError;
use gatepost_config::ProviderKind;
use gatepost_core::auth_time::AuthTime;
use gatepost_core::clock::Timestamp;
use gatepost_core::identity::AssertedIdentity;
use secrecy::SecretString;
use url::Url;

/// The parameters of a successful authorization response.
#[expect(missing_debug_implementations, reason = "a code is a secret until it is spent")]
#[derive(Clone, Copy)]
pub struct Callback<'a> {
    /// `code`. It is exchanged once, also if the exchange fails.
    pub code: &'a str,
    /// `iss` (RFC 9207).
    pub issuer: Option<&'a str>,
    /// `session_state`: the session at Entra. It stands in for a missing `sid` at a front-channel logout.
    pub session_state: Option<&'a str>,
}

/// What the response and the ID token must match. All of it comes from the sealed state of the sign-in.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The redirect URI of the authorization request.
    pub redirect_uri: &'a Url,
    /// The verifier of the code challenge in the authorization request (RFC 7636).
    pub code_verifier: &'a SecretString,
    /// The nonce of the authorization request.
    pub nonce: &'a str,
}

/// A person who signed in at the provider.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The person, as the provider describes them.
    pub identity: AssertedIdentity,
    /// When the person authenticated. A provider may ignore `max_age`, so the caller checks whether this is recent enough.
    pub auth_time: AuthTime,
    /// `iat` of the ID token.
    pub issued_at: Timestamp,
    /// The id of the session at the provider.
    pub sid: Option<String>,
    /// For [`Provider::renew`].
    pub refresh_token: Option<SecretString>,
    /// Set only if the provider needs it as `id_token_hint`.
    pub id_token: Option<SecretString>,
    /// For [`super::EndSession`]: the `login_hint` claim.
    pub logout_hint: Option<String>,
}

impl Provider {
    /// Exchanges the code, verifies the ID token, and gathers address, name and groups.
    ///
    /// # Errors
    /// See [`OidcError`]. The code cannot be used again, unless the error came before the exchange.
    pub async fn redeem(
        &self,
        callback: &Callback<'_>,
        expected: &Expected<'_>,
    ) -> Result<SignIn, OidcError> {
        let metadata = self.discovery.metadata().await?;
        self.check_response_issuer(callback.issuer, metadata.announces_issuer())?;
        let grant = Grant::Code {
            code: callback.code,
            redirect_uri: expected.redirect_uri,
            code_verifier: expected.code_verifier,
        };
        let tokens = self.request_tokens(&metadata, grant).await?;
        let id_token = tokens.received_id_token().ok_or(TokenError::MissingClaim("id_token"))?;
        let access_token = tokens.usable_access_token();
        let demands = Demands { nonce: NonceRule::Exactly(expected.nonce), access_token };
        let token = self.verify_id_token(id_token, &demands).await?;
        let sid = token.claims.identifier("sid")?.or_else(|| self.session_state(callback)).map(str::to_owned);
        let logout_hint =
            token.claims.find_text("login_hint").filter(|hint| hint.len() <= 1024).map(str::to_owned);
        let identified = self.identify(&token, access_token, &metadata).await?;
        if let Some(error) = identified.address_error {
            return Err(error);
        }
        Ok(SignIn {
            identity: identified.identity,
            auth_time: token.auth_time.into(),
            issued_at: token.issued_at,
            sid,
            refresh_token: tokens.secret_refresh_token(),
            id_token: self.needs_id_token_hint().then(|| id_token.text().into()),
            logout_hint,
        })
    }

    /// The browser could change this value, which is harmless: it only connects the browser's own session to a sign-out at
    /// Entra.
    fn session_state<'a>(&self, callback: &Callback<'a>) -> Option<&'a str> {
        let is_sound =
            |text: &&str| (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        callback
            .session_state
            .filter(|_| matches!(self.config.kind, ProviderKind::Entra { .. }))
            .filter(is_sound)
    }
}
