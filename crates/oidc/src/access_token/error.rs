//! Why an access token is refused, with the words for its holder.

use crate::error::OidcError;
use crate::token_error::TokenError;
use std::borrow::Cow;

/// Why an access token is refused.
#[derive(Debug, thiserror::Error)]
pub enum AccessTokenError {
    /// The token fails a check that ID tokens fail too.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// `iss` is no issuer of a provider with `..__AUDIENCE`.
    #[error("no provider with AUDIENCE has the token's issuer")]
    UnknownIssuer,
    /// A v1.0 token of Entra.
    #[error("the token is one of Entra's v1.0 endpoint")]
    EntraV1,
    /// The header's `typ` is neither `at+jwt` nor `JWT` (RFC 9068 section 4).
    #[error("the header's typ is not that of an access token")]
    WrongType,
    /// An ID token, a logout token or a refresh token.
    #[error("the token is not an access token")]
    NotAnAccessToken,
    /// The token has `cnf`: without the proof that belongs to it, anybody may have found it (RFC 9449, RFC 8705).
    #[error("the token is bound to a key")]
    BoundToKey,
    /// The client is not in `..__BEARER_CLIENTS`, or it acts for itself and no clients are listed.
    #[error("tokens of this client are not accepted")]
    WrongClient,
    /// The token lacks scopes of `..__BEARER_SCOPES`. Holds all that are required.
    #[error("the token lacks a scope")]
    MissingScope(Vec<String>),
    /// The provider's keys are not known now.
    #[error("the keys of the token's provider are not known")]
    Unavailable(#[source] OidcError),
}

impl AccessTokenError {
    /// What the holder can do, as `error_description` (RFC 6750 section 3): no text from outside, no `"` and no `\`.
    pub fn description(&self) -> Cow<'static, str> {
        match self {
            Self::Token(error) => describe(error),
            Self::UnknownIssuer | Self::Unavailable(_) => "the token is from an issuer that is not accepted here".into(),
            Self::EntraV1 => "this is a v1.0 token of Entra: set requestedAccessTokenVersion to 2 in the manifest of the API".into(),
            Self::WrongType => "the typ of the header must be at+jwt or JWT".into(),
            Self::NotAnAccessToken => "this is not an access token: send the access token and not the ID token, requested with a scope of this API".into(),
            Self::BoundToKey => "the token is bound to a key (cnf), which is not supported here: request a bearer token".into(),
            Self::WrongClient => "tokens of this client are not accepted here".into(),
            Self::MissingScope(_) => "the token lacks a scope that is required here".into(),
        }
    }

    /// The reason for logs: one of a closed set.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Token(error) => error.reason(),
            Self::UnknownIssuer => "unknown_issuer",
            Self::EntraV1 => "entra_v1",
            Self::WrongType => "wrong_type",
            Self::NotAnAccessToken => "not_an_access_token",
            Self::BoundToKey => "bound_to_key",
            Self::WrongClient => "wrong_client",
            Self::MissingScope(_) => "missing_scope",
            Self::Unavailable(error) => error.reason(),
        }
    }
}

fn describe(error: &TokenError) -> Cow<'static, str> {
    match error {
        TokenError::Expired => "the token has expired".into(),
        TokenError::NotYetValid | TokenError::WrongAuthTime => {
            "the token is not valid yet: do the clocks differ?".into()
        }
        TokenError::WrongAudience => "the token is for another audience".into(),
        TokenError::WrongTenant(_) => "the token is from a tenant that is not accepted here".into(),
        TokenError::MissingClaim(name) => format!("the token has no {name}").into(),
        TokenError::MalformedClaim(name) => format!("the {name} of the token is malformed").into(),
        TokenError::Malformed(_) | TokenError::Unreadable(_) => "the token is malformed".into(),
        TokenError::ForbiddenAlgorithm(_) => "the algorithm of the token is not accepted".into(),
        // A forger learns nothing about which of these it was.
        _ => "the signature of the token cannot be verified".into(),
    }
}
