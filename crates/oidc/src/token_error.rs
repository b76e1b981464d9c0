//! Why a token was refused: one variant for each check, for logs, pages and the `reason` label of metrics.

/// The check that a token, or what came with it, failed. Values from the token are shortened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token is not made of three segments of unpadded base64url with two JSON objects (RFC 7515 section 3.1).
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// The crate cannot read the claims: one is missing, is repeated or has another type.
    #[error("the token cannot be read: {0}")]
    Unreadable(String),
    /// `alg` is not RS256, PS256, ES256 or `EdDSA`. `none` and symmetric algorithms are never accepted (RFC 8725 section 3.1).
    #[error("the token's algorithm {0:?} is not accepted")]
    ForbiddenAlgorithm(String),
    /// A logout token is signed by another algorithm than the ID tokens.
    #[error("the token is signed with {found}, but ID tokens are signed with {expected}")]
    OtherAlgorithm {
        /// `alg` of the logout token.
        found: &'static str,
        /// `alg` of the newest ID token.
        expected: &'static str,
    },
    /// The header has `crit` or `b64`, which change what the signature means (RFC 7515 section 4.1.11, RFC 7797).
    #[error("the token's header requires an extension")]
    CriticalHeader,
    /// `typ` names another kind of token (RFC 8725 section 3.11).
    #[error("the token is of type {0:?}")]
    WrongType(String),
    /// None of the issuer's signing keys has this `kid`, type, use and strength.
    #[error("no usable key of the issuer fits the token")]
    UnknownKey,
    /// Several keys fit and the token does not say which (OpenID Connect Core section 10.1).
    #[error("several keys fit the token, and it does not name one")]
    AmbiguousKey,
    /// The key belongs to another issuer (Entra: the JWK's `issuer`).
    #[error("the token is signed with another issuer's key")]
    KeyOfAnotherIssuer,
    /// The signature is wrong.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// A required claim is absent.
    #[error("the token has no {0}")]
    MissingClaim(&'static str),
    /// A claim has the wrong JSON type, or a value out of range.
    #[error("the token's {0} is malformed")]
    MalformedClaim(&'static str),
    /// `iss` is not the provider's issuer.
    #[error("the token is from issuer {0:?}")]
    WrongIssuer(String),
    /// `tid` is not an Entra tenant whose people may sign in.
    #[error("the token is from Entra tenant {0:?}")]
    WrongTenant(String),
    /// `aud` is not our client id alone.
    #[error("the token is for another audience")]
    WrongAudience,
    /// `azp` is not our client id.
    #[error("the token was issued to another client")]
    WrongAuthorizedParty,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` is in the future.
    #[error("the token is not valid yet: do the clocks differ?")]
    NotYetValid,
    /// `iat` is too long ago.
    #[error("the token was issued too long ago")]
    TooOld,
    /// `exp` is too long after `iat`.
    #[error("the token lives longer than allowed: {0} s from iat to exp")]
    LivesTooLong(u64),
    /// `nonce` is not the one of this sign-in.
    #[error("the token's nonce is not the one of this sign-in")]
    WrongNonce,
    /// `at_hash` does not match the access token.
    #[error("the token does not belong to the access token that came with it")]
    WrongAccessTokenHash,
    /// `auth_time` is in the future.
    #[error("the token's auth_time is in the future: do the clocks differ?")]
    WrongAuthTime,
    /// `sub` (or `oid`) differs from that of the session.
    #[error("the token is about another person")]
    WrongSubject,
    /// Userinfo is about another `sub` (OpenID Connect Core section 5.3.2).
    #[error("userinfo is about another person than the token")]
    UserinfoOfAnother,
    /// `token_type` is not `Bearer` (OpenID Connect Core section 3.1.3.3).
    #[error("the access token is not a bearer token")]
    WrongTokenType,
    /// `events` lacks the member that every logout token has (Back-Channel Logout section 2.4).
    #[error("the token is not a logout token")]
    NoLogoutEvent,
    /// A logout token has a `nonce`, so that it could be mistaken for an ID token.
    #[error("the logout token has a nonce")]
    NonceInLogoutToken,
    /// A logout token names neither a subject nor a session.
    #[error("the logout token names neither subject nor session")]
    NobodyToLogOut,
}

impl TokenError {
    /// The `reason` label: one of a closed set.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::Unreadable(_) => "malformed_token",
            Self::ForbiddenAlgorithm(_) | Self::OtherAlgorithm { .. } => "forbidden_algorithm",
            Self::CriticalHeader => "critical_header",
            Self::WrongType(_) => "wrong_type",
            Self::UnknownKey => "unknown_key",
            Self::AmbiguousKey => "ambiguous_key",
            Self::KeyOfAnotherIssuer => "key_of_another_issuer",
            Self::BadSignature => "bad_signature",
            Self::MissingClaim(_) => "missing_claim",
            Self::MalformedClaim(_) => "malformed_claim",
            Self::WrongIssuer(_) => "wrong_issuer",
            Self::WrongTenant(_) => "wrong_tenant",
            Self::WrongAudience => "wrong_audience",
            Self::WrongAuthorizedParty => "wrong_authorized_party",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::TooOld => "too_old",
            Self::LivesTooLong(_) => "lives_too_long",
            Self::WrongNonce => "wrong_nonce",
            Self::WrongAccessTokenHash => "wrong_access_token_hash",
            Self::WrongAuthTime => "wrong_auth_time",
            Self::WrongSubject => "wrong_subject",
            Self::UserinfoOfAnother => "userinfo_of_another",
            Self::WrongTokenType => "wrong_token_type",
            Self::NoLogoutEvent => "no_logout_event",
            Self::NonceInLogoutToken => "nonce_in_logout_token",
            Self::NobodyToLogOut => "nobody_to_log_out",
        }
    }
}

/// The first 80 characters of a text from outside, for an error message.
pub(super) fn short(text: &str) -> String {
    text.chars().take(80).collect()
}
