//! The answers of the token endpoint, as types for `openidconnect`.
//!
//! They are ours because some providers omit required members, and because an unreadable ID token must not lose the refresh
//! token beside it.

use super::claims::Claims;
use super::signature::{Algorithm, NoEncryption};
use openidconnect::core::{CoreGenderClaim, CoreTokenType};
use openidconnect::{
    AccessToken, EmptyAdditionalClaims, ErrorResponse, OAuth2TokenResponse, RefreshToken, Scope,
    TokenResponse,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// An ID token with the claims that the crate checks.
pub(super) type IdToken =
    openidconnect::IdToken<EmptyAdditionalClaims, CoreGenderClaim, NoEncryption, Algorithm>;

/// A successful answer. It has no lifetime of the access token, which is used at once and then dropped.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(from = "Claims")]
pub(super) struct Tokens {
    /// Empty if the answer has none.
    access_token: AccessToken,
    token_type: CoreTokenType,
    refresh_token: Option<RefreshToken>,
    #[serde(skip_serializing)]
    id_token: Option<ReceivedIdToken>,
}

/// An ID token as text, and parsed by the crate if possible.
#[derive(Clone)]
pub(super) struct ReceivedIdToken {
    text: SecretString,
    parsed: Option<Box<IdToken>>,
}

/// An error response (RFC 6749 section 5.2), with Entra's additions.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub(super) struct RefusalBody(Claims);

impl From<Claims> for Tokens {
    /// A member that is an empty string, or not a string, counts as absent.
    fn from(answer: Claims) -> Self {
        let text = |name| answer.find_text(name).filter(|text| !text.is_empty()).map(str::to_owned);
        let token_type = text("token_type").unwrap_or_default();
        let is_bearer = token_type.eq_ignore_ascii_case("bearer");
        Self {
            access_token: AccessToken::new(text("access_token").unwrap_or_default()),
            token_type: if is_bearer { CoreTokenType::Bearer } else { CoreTokenType::Extension(token_type) },
            refresh_token: text("refresh_token").map(RefreshToken::new),
            id_token: text("id_token").map(ReceivedIdToken::new),
        }
    }
}

impl OAuth2TokenResponse for Tokens {
    type TokenType = CoreTokenType;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    fn token_type(&self) -> &CoreTokenType {
        &self.token_type
    }

    fn expires_in(&self) -> Option<Duration> {
        None
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        None
    }
}

impl TokenResponse<EmptyAdditionalClaims, CoreGenderClaim, NoEncryption, Algorithm> for Tokens {
    fn id_token(&self) -> Option<&IdToken> {
        self.id_token.as_ref()?.parsed()
    }
}

impl Tokens {
    pub fn usable_access_token(&self) -> Option<&AccessToken> {
        Some(&self.access_token).filter(|token| !token.secret().is_empty())
    }

    pub fn received_id_token(&self) -> Option<&ReceivedIdToken> {
        self.id_token.as_ref()
    }

    pub fn secret_refresh_token(&self) -> Option<SecretString> {
        self.refresh_token.as_ref().map(|token| token.secret().as_str().into())
    }
}

impl ReceivedIdToken {
    pub fn new(text: String) -> Self {
        Self { parsed: text.parse().ok().map(Box::new), text: text.into() }
    }

    pub fn text(&self) -> &str {
        self.text.expose_secret()
    }

    pub fn parsed(&self) -> Option<&IdToken> {
        self.parsed.as_deref()
    }
}

impl fmt::Debug for ReceivedIdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReceivedIdToken(..)")
    }
}

impl RefusalBody {
    pub const fn claims(&self) -> &Claims {
        &self.0
    }
}

impl ErrorResponse for RefusalBody {}

impl fmt::Display for RefusalBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.find_text("error").unwrap_or_default())
    }
}
