//! `X-User-Assertion`: the permit as a signed token (RFC 7519), valid for one host and one minute, for applications
//! that do not trust plain headers. It is sent if the middleware's address contains `assertion=true`.
//!
//! Guarantees: only a key of the key ring signs it ([`keys`]); it is valid at one host; the length limit of the groups
//! header also limits the token; while the session is cached, a new one is signed at most every [`REUSE`].

mod keys;

pub use keys::AssertionKeys;

use crate::identity_headers;
use crate::site::Site;
use gatepost_core::access::Role;
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::Permit;
use gatepost_core::email::EmailAddress;
use gatepost_core::host::{HostName, Origin};
use gatepost_core::ids::{GroupName, TenantId, UserId};
use gatepost_store::session::sealed::CLOCK_TOLERANCE;
use hyper::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The name of the header.
pub const HEADER: HeaderName = HeaderName::from_static("x-user-assertion");
/// From `iat` to `exp`.
const LIFETIME: Duration = Duration::from_mins(1);
/// How long the same assertion is sent again.
const REUSE: Duration = Duration::from_secs(20);

/// The claims of the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// `GATEPOST_PUBLIC_URL`, where the public keys are published.
    pub iss: String,
    /// The protected host's name, without a port.
    pub aud: String,
    /// `X-User-Id`.
    pub sub: UserId,
    /// `X-User-Email`.
    pub email: EmailAddress,
    /// The display name. Any Unicode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The names in `X-User-Groups`, without encoding.
    pub groups: Vec<GroupName>,
    /// `X-User-Groups-Truncated`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub groups_truncated: bool,
    /// `X-User-Admin`.
    pub admin: bool,
    /// `X-Tenant-Id`, on routers with `mcp=true` or `mcp=headers`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// `X-User-Role`, there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// What the person may use of a tool server, there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp: Option<McpClaims>,
    /// When the token was issued.
    pub iat: Timestamp,
    /// When the token expires.
    pub exp: Timestamp,
}

/// What a person may use of a tool server: patterns, of which `*` is everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct McpClaims {
    /// The id of the tool server.
    pub server: String,
    pub tools: Vec<String>,
    pub prompts: Vec<String>,
    pub resources: Vec<String>,
    /// Patterns are missing, because the three lists were longer than `GATEPOST_VERIFY__GROUPS_HEADER_LIMIT`.
    #[serde(rename = "truncated", default, skip_serializing_if = "std::ops::Not::not")]
    pub is_cut: bool,
}

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// Not three segments of base64url, or not our claims.
    #[error("it is not a token of Gatepost")]
    Malformed,
    /// Its header does not name a key of the key ring.
    #[error("it names no key of this ring")]
    UnknownKey,
    /// The key in its header did not sign it.
    #[error("its signature is wrong")]
    BadSignature,
    /// It was issued for another public URL.
    #[error("another public URL issued it")]
    OtherIssuer,
    /// It was issued for another host.
    #[error("it is for another host")]
    OtherAudience,
    /// `exp` has passed.
    #[error("it has expired")]
    Expired,
    /// `iat` lies further ahead than [`CLOCK_TOLERANCE`].
    #[error("it is from the future")]
    FromTheFuture,
}

impl Claims {
    /// The claims of a permit for a host.
    pub fn of(permit: &Permit<'_>, host: &HostName, site: &Site, now: Timestamp) -> Self {
        let header = identity_headers::groups_header(&permit.access.groups, &site.config.verify);
        Self {
            iss: site.config.public_url.to_string(),
            aud: host.to_string(),
            sub: permit.person.id,
            email: permit.email.clone(),
            name: permit.person.name.as_deref().map(str::to_owned),
            groups: header.names.into_iter().cloned().collect(),
            groups_truncated: header.is_cut,
            admin: permit.access.is_admin,
            tenant: None,
            role: None,
            mcp: None,
            iat: now,
            exp: now.plus(LIFETIME),
        }
    }

    /// Signs the claims and returns the token.
    ///
    /// # Panics
    /// Never: the claims can always be serialised.
    pub fn sign(&self, keys: &AssertionKeys) -> String {
        keys.sign(&serde_json::to_vec(self).expect("claims serialise"))
    }

    /// Verifies a token that was sent to `host`. Does no I/O.
    ///
    /// # Errors
    /// [`AssertionError`].
    pub fn open(
        token: &str,
        keys: &AssertionKeys,
        issuer: &Origin,
        host: &HostName,
        now: Timestamp,
    ) -> Result<Self, AssertionError> {
        let claims: Self =
            serde_json::from_slice(&keys.open(token)?).map_err(|_| AssertionError::Malformed)?;
        if claims.iss != issuer.to_string() {
            Err(AssertionError::OtherIssuer)
        } else if claims.aud != host.as_str() {
            Err(AssertionError::OtherAudience)
        } else if claims.exp <= now {
            Err(AssertionError::Expired)
        } else if claims.iat > now.plus(CLOCK_TOLERANCE) {
            Err(AssertionError::FromTheFuture)
        } else {
            Ok(claims)
        }
    }
}

/// A signed assertion as a header value, which is sent again for [`REUSE`].
#[derive(Clone, Debug)]
pub struct SignedAssertion {
    value: HeaderValue,
    signed_at: Timestamp,
}

impl SignedAssertion {
    /// Signs the assertion of a permit for a host.
    pub fn new(
        permit: &Permit<'_>,
        host: &HostName,
        site: &Site,
        keys: &AssertionKeys,
        now: Timestamp,
    ) -> Self {
        let token = Claims::of(permit, host, site, now).sign(keys);
        // Base64url and dots are always a valid header value.
        let value = HeaderValue::try_from(token).unwrap_or(HeaderValue::from_static(""));
        Self { value, signed_at: now }
    }

    /// The header's value.
    pub fn value(&self) -> HeaderValue {
        self.value.clone()
    }

    /// Whether it may still be sent. If the clock was set back to before it was signed, it may not.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now >= self.signed_at && now.since(self.signed_at) < REUSE
    }

    /// The approximate memory use in bytes.
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.value.len() + 64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost_core::secret::Secret;

    const NOW: Timestamp = Timestamp::from_unix(1_795_563_300);

    fn claims() -> Claims {
        Claims {
            iss: "https://auth.example.com".to_owned(),
            aud: "app.example.com".to_owned(),
            sub: UserId::generate(),
            email: "alice@example.com".parse().expect("an address"),
            name: None,
            groups: vec!["a,b \"c\"".parse().expect("a name")],
            groups_truncated: false,
            admin: false,
            tenant: None,
            role: None,
            mcp: None,
            iat: NOW,
            exp: NOW.plus(LIFETIME),
        }
    }

    fn open(claims: &Claims, host: &str, now: Timestamp) -> Result<Claims, AssertionError> {
        let keys = AssertionKeys::new(&[Secret::from([1; 32])]);
        let issuer = "https://auth.example.com".parse().expect("an origin");
        Claims::open(&claims.sign(&keys), &keys, &issuer, &host.parse().expect("a host"), now)
    }

    #[test]
    fn a_token_is_valid_only_for_its_host_and_its_minute() {
        let claims = claims();
        let at = |host, seconds: u64| open(&claims, host, NOW.plus(Duration::from_secs(seconds)));
        assert_eq!(at("app.example.com", 59), Ok(claims.clone()));
        assert_eq!(at("app.example.com", 60), Err(AssertionError::Expired));
        for other in ["auth.example.com", "example.com", "xapp.example.com", "app.example.com.evil.example"] {
            assert_eq!(at(other, 0), Err(AssertionError::OtherAudience), "{other}");
        }
        let early = NOW.minus(CLOCK_TOLERANCE + Duration::from_secs(1));
        assert_eq!(open(&claims, "app.example.com", early), Err(AssertionError::FromTheFuture));
        let foreign = Claims { iss: "https://auth.example.org".to_owned(), ..claims };
        assert_eq!(open(&foreign, "app.example.com", NOW), Err(AssertionError::OtherIssuer));
    }

    #[test]
    fn a_token_is_sent_again_for_twenty_seconds_and_never_when_the_clock_was_set_back() {
        let made = SignedAssertion { value: HeaderValue::from_static("x"), signed_at: NOW };
        let fresh = |at: Timestamp| made.is_fresh(at);
        assert!(fresh(NOW) && fresh(NOW.plus(Duration::from_secs(19))));
        assert!(!fresh(NOW.plus(REUSE)) && !fresh(NOW.minus(Duration::from_secs(1))));
    }
}
