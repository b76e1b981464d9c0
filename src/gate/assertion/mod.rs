//! `X-User-Assertion`: the permit in a signed form (RFC 7519), for one host and a minute, for applications that do not
//! want to believe plain headers. Sent where the middleware's address asks for it.
//!
//! Guarantees: signed by a key of the ring alone ([`keys`]); good at one host; never longer than the groups header's
//! limit makes it; made anew at most every [`REUSE`] while the pass in memory lasts.

mod keys;

pub use keys::AssertionKeys;

use super::identity_headers;
use crate::site::Site;
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::Permit;
use gatepost_core::email::EmailAddress;
use gatepost_core::host::{HostName, Origin};
use gatepost_core::ids::{GroupName, UserId};
use gatepost_store::session::sealed::CLOCK_TOLERANCE;
use hyper::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The header.
pub const HEADER: HeaderName = HeaderName::from_static("x-user-assertion");
/// From `iat` to `exp`.
const LIFETIME: Duration = Duration::from_mins(1);
/// So long the same one is sent again.
const REUSE: Duration = Duration::from_secs(20);

/// Who it is, as an application reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// `GATEPOST_PUBLIC_URL`, where the keys are.
    pub iss: String,
    /// The protected host's name, without a port.
    pub aud: String,
    /// `X-User-Id`.
    pub sub: UserId,
    /// `X-User-Email`.
    pub email: EmailAddress,
    /// Display name, any Unicode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The names of `X-User-Groups`, as they are.
    pub groups: Vec<GroupName>,
    /// `X-User-Groups-Truncated`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub groups_truncated: bool,
    /// `X-User-Admin`.
    pub admin: bool,
    /// When it was made.
    pub iat: Timestamp,
    /// From then on it is worth nothing.
    pub exp: Timestamp,
}

/// Why a token says nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// Not three segments of base64url.
    #[error("it is no token of ours")]
    Malformed,
    /// None of the ring's keys is named in its header.
    #[error("it names no key of this ring")]
    UnknownKey,
    /// One is, but did not sign it.
    #[error("its signature is wrong")]
    BadSignature,
    /// Signed by us for another installation's address.
    #[error("another public URL issued it")]
    OtherIssuer,
    /// Good somewhere else.
    #[error("it is for another host")]
    OtherAudience,
    /// Too old.
    #[error("it has expired")]
    Expired,
    /// Made by a clock that is far ahead.
    #[error("it is from the future")]
    FromTheFuture,
}

impl Claims {
    /// What a permit says at a host.
    pub fn of(permit: &Permit<'_>, host: &HostName, site: &Site, now: Timestamp) -> Self {
        let told = identity_headers::told_groups(&permit.access.groups, &site.config.verify);
        Self {
            iss: site.config.public_url.to_string(),
            aud: host.to_string(),
            sub: permit.person.id,
            email: permit.email.clone(),
            name: permit.person.name.as_deref().map(str::to_owned),
            groups: told.names.into_iter().cloned().collect(),
            groups_truncated: told.is_cut,
            admin: permit.access.is_admin,
            iat: now,
            exp: now.plus(LIFETIME),
        }
    }

    /// The token.
    ///
    /// # Panics
    /// Never: our own types serialise.
    pub fn sign(&self, keys: &AssertionKeys) -> String {
        keys.sign(&serde_json::to_vec(self).expect("claims serialise"))
    }

    /// Reads a token that was sent to `host`.
    ///
    /// # Errors
    /// [`AssertionError`]; without any I/O.
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

/// One that was made, to be sent again for a while.
#[derive(Clone, Debug)]
pub struct Made {
    value: HeaderValue,
    at: Timestamp,
}

impl Made {
    /// Signs what a permit says at a host.
    pub fn new(
        permit: &Permit<'_>,
        host: &HostName,
        site: &Site,
        keys: &AssertionKeys,
        now: Timestamp,
    ) -> Self {
        let token = Claims::of(permit, host, site, now).sign(keys);
        // Base64url and dots: a refused one cannot occur, and would be empty.
        let value = HeaderValue::try_from(token).unwrap_or(HeaderValue::from_static(""));
        Self { value, at: now }
    }

    /// The header's value.
    pub fn value(&self) -> HeaderValue {
        self.value.clone()
    }

    /// Whether it may still be sent; never one that a clock set back would make last.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now >= self.at && now.since(self.at) < REUSE
    }

    /// About how many bytes it takes.
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
    fn a_token_says_what_was_signed_at_its_own_host_for_its_own_minute() {
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
        let made = Made { value: HeaderValue::from_static("x"), at: NOW };
        let fresh = |at: Timestamp| made.is_fresh(at);
        assert!(fresh(NOW) && fresh(NOW.plus(Duration::from_secs(19))));
        assert!(!fresh(NOW.plus(REUSE)) && !fresh(NOW.minus(Duration::from_secs(1))));
    }
}
