//! Why a token was not believed: one name per rule, for logs, pages and the `reason` label of metrics.

/// A rule that a token, or what came with it, broke. Values of the token are shortened, never trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not three segments of unpadded base64url that hold two JSON objects (RFC 7515 section 3.1), or no token at all.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// The crate cannot read the claims: one is missing, stands twice or has another type.
    #[error("the token cannot be read: {0}")]
    Unreadable(String),
    /// `alg` is not RS256, PS256, ES256 or `EdDSA`; `none` and the symmetric ones never are (RFC 8725 section 3.1).
    #[error("the token's algorithm {0:?} is not accepted")]
    ForbiddenAlgorithm(String),
    /// A logout token is not signed by the algorithm of the ID tokens.
    #[error("the token is signed with {found}, ID tokens are signed with {expected}")]
    OtherAlgorithm {
        /// `alg` of the token.
        found: &'static str,
        /// `alg` of the newest ID token.
        expected: &'static str,
    },
    /// `crit` or `b64`: extensions that change what the signature means (RFC 7515 section 4.1.11, RFC 7797).
    #[error("the token's header demands an extension")]
    CriticalHeader,
    /// `typ` says that this is another kind of token (RFC 8725 section 3.11).
    #[error("the token is of type {0:?}")]
    WrongType(String),
    /// None of the issuer's signing keys has this `kid`, type, use and strength.
    #[error("no usable key of the issuer fits the token")]
    UnknownKey,
    /// Several keys fit and the token does not say which (OpenID Connect Core section 10.1).
    #[error("several keys fit the token, and it names none")]
    AmbiguousKey,
    /// The key belongs to another issuer (Entra: the JWK's `issuer`).
    #[error("the token is signed with another issuer's key")]
    KeyOfAnotherIssuer,
    /// The signature does not fit.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// A required claim is absent.
    #[error("the token has no {0}")]
    MissingClaim(&'static str),
    /// A claim has the wrong JSON type, or a value out of all bounds.
    #[error("the token's {0} is malformed")]
    MalformedClaim(&'static str),
    /// `iss` is not the provider.
    #[error("the token is from issuer {0:?}")]
    WrongIssuer(String),
    /// Entra: `tid` is not a tenant that may sign in.
    #[error("the token is from Entra tenant {0:?}")]
    WrongTenant(String),
    /// `aud` is not us, and us alone.
    #[error("the token is for another audience")]
    WrongAudience,
    /// `azp` is not us.
    #[error("the token was issued to another client")]
    WrongAuthorizedParty,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` lies ahead.
    #[error("the token is not valid yet: do the clocks differ?")]
    NotYetValid,
    /// `iat` is long ago.
    #[error("the token was issued too long ago")]
    TooOld,
    /// `nonce` is not that of this sign-in.
    #[error("the token's nonce is not that of this sign-in")]
    WrongNonce,
    /// `at_hash` is not that of the access token.
    #[error("the token does not belong to the access token beside it")]
    WrongAccessTokenHash,
    /// `auth_time` lies ahead.
    #[error("the token's auth_time lies ahead: do the clocks differ?")]
    WrongAuthTime,
    /// `sub` (or `oid`) differs from that of the session.
    #[error("the token is about another person")]
    WrongSubject,
    /// Userinfo is about another `sub` (OpenID Connect Core section 5.3.2).
    #[error("userinfo is about another person than the token")]
    UserinfoOfAnother,
    /// `token_type` is not `Bearer` (OpenID Connect Core section 3.1.3.3).
    #[error("the access token is no bearer token")]
    WrongTokenType,
    /// The member of `events` that makes a logout token is absent (Back-Channel Logout section 2.4).
    #[error("the token is no logout token")]
    NoLogoutEvent,
    /// A logout token must not have a `nonce`: it could pose as an ID token.
    #[error("the logout token has a nonce")]
    NonceInLogoutToken,
    /// A logout token names a subject, a session, or both.
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

/// A stranger's text as it may stand in an error: at most 80 characters.
pub(super) fn short(text: &str) -> String {
    text.chars().take(80).collect()
}
