//! The session record: who signed in, where and when, and the provider's tokens for a refresh.
//!
//! It is stored by position (postcard), because a million records must fit into Redis. A release can read what the next
//! one writes, because it ignores bytes after the fields that it knows. Therefore fields are never removed or moved.
//! New fields go into a struct behind the record ([`Additions`]), which older releases do not write.

use super::token_encoding;
use super::tokens::SessionId;
use gatepost_core::auth_time::AuthTime;
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::{Lifetimes, Recheck, SessionTimes};
use gatepost_core::identity::SubjectKey;
use gatepost_core::ids::{ProviderId, UserId};
use gatepost_core::secret::{Hash, Secret};
use secrecy::{ExposeSecret, SecretString};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::net::IpAddr;
use std::time::Duration;

/// How long the store keeps a record after the idle timeout.
pub(super) const SPARE: Duration = Duration::from_mins(2);

/// How long a public value stays valid after a newer sign-in has replaced it.
pub const REPLACED_VALUE_LIFETIME: Duration = Duration::from_secs(30);

/// One session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionRecord {
    /// The person.
    pub user: UserId,
    /// The provider that the person signed in with.
    pub provider: ProviderId,
    /// The person in the provider's terms.
    pub subject: SubjectKey,
    /// The provider's own session (`sid`), for single sign-out.
    pub sid: Option<String>,
    /// The first sign-in, by the directory's clock, because it is compared with `sessions_not_before` of the directory.
    pub started_at: Timestamp,
    /// `iat` of the newest sign-in's ID token, by the provider's clock, because it is compared with the provider's
    /// sign-outs.
    pub issued_at: Option<Timestamp>,
    /// When the person last proved their identity.
    pub auth_time: AuthTime,
    /// The last use, exact to a minute.
    pub last_seen_at: Timestamp,
    /// The provider's last answer about this session.
    pub checked_at: Timestamp,
    /// The last failed attempt to reach the provider since `checked_at`.
    pub unreachable_at: Option<Timestamp>,
    /// The hash of the public secret that is valid.
    pub public_secret: Hash,
    /// The hash of the previous public secret, and when it was replaced.
    pub replaced_secret: Option<(Hash, Timestamp)>,
    /// The refresh token. Without one, the browser has to go to the provider.
    pub refresh_token: Option<Token>,
    /// The nonce of the sign-in, which some providers repeat in renewed ID tokens.
    pub nonce: String,
    /// The ID token, kept only if the provider needs it at sign-out.
    pub id_token: Option<Token>,
    /// Entra's `login_hint` claim, which it expects as `logout_hint`.
    pub logout_hint: Option<String>,
    /// The browser's `User-Agent` at sign-in, for the account page.
    pub user_agent: Option<String>,
    /// The client's address at sign-in, for the account page.
    pub address: Option<IpAddr>,
}

/// Fields that later releases added to the record, in the order of the releases.
#[derive(Serialize, Deserialize)]
struct Additions {
    /// `auth_time` is the provider's claim. Older releases stored `iat` there if the provider sent no claim, and their
    /// records do not tell which one it is.
    is_auth_time_claimed: bool,
}

/// A token of a provider. `Debug` does not show it. It is only stored sealed, [encoded](super::token_encoding).
#[derive(Clone, Debug)]
pub struct Token(SecretString);

impl Token {
    /// Wraps a token.
    pub const fn new(token: SecretString) -> Self {
        Self(token)
    }

    /// The token.
    pub const fn secret(&self) -> &SecretString {
        &self.0
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&token_encoding::encode(self.0.expose_secret()))
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let encoded = Vec::deserialize(deserializer)?;
        let token = token_encoding::decode(encoded).ok_or_else(|| D::Error::custom("no token"))?;
        Ok(Self(token.into()))
    }
}

impl SessionRecord {
    /// The bytes of the record before it is sealed.
    ///
    /// # Panics
    /// Never: all types of a record can be serialised.
    pub fn to_bytes(&self) -> Vec<u8> {
        let additions = Additions { is_auth_time_claimed: self.auth_time.known().is_some() };
        postcard::to_stdvec(&(self, additions)).expect("a record can be written")
    }

    /// Reads what [`Self::to_bytes`] of this, an older or a newer release returned. `None`: the bytes are not a record.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (mut record, rest) = postcard::take_from_bytes::<Self>(bytes).ok()?;
        let additions = postcard::take_from_bytes::<Additions>(rest).ok().map(|(additions, _)| additions);
        if !additions.is_some_and(|additions| additions.is_auth_time_claimed) {
            record.auth_time = AuthTime::UNKNOWN;
        }
        Some(record)
    }

    /// The times that the decision needs. `auth_time` comes from the host's cookie and counts only up to the record's,
    /// because older releases wrote `iat` into cookies too. `without_token`: how the provider is asked about a session
    /// without a refresh token.
    pub fn times(&self, auth_time: AuthTime, without_token: Recheck) -> SessionTimes {
        SessionTimes {
            started_at: self.started_at,
            auth_time: auth_time.min(self.auth_time),
            last_seen_at: self.last_seen_at,
            checked_at: self.checked_at,
            recheck: if self.refresh_token.is_some() { Recheck::ByRefresh } else { without_token },
            unreachable_at: self.unreachable_at,
        }
    }

    /// Whether this session comes from an ID token that was issued up to this second of the provider's clock.
    pub fn is_from_before(&self, until: Timestamp) -> bool {
        self.issued_at.unwrap_or(self.started_at) <= until
    }

    /// Whether this public secret is valid now.
    pub fn accepts(&self, secret: &Secret, now: Timestamp) -> bool {
        let hash = secret.digest();
        let replaced =
            |(old, at): &(Hash, Timestamp)| *old == hash && now.since(*at) < REPLACED_VALUE_LIFETIME;
        self.public_secret == hash || self.replaced_secret.as_ref().is_some_and(replaced)
    }

    /// How long the store keeps the record: until the absolute lifetime ends or shortly after the idle timeout.
    pub fn ttl(&self, now: Timestamp, lifetimes: &Lifetimes) -> Duration {
        let rest = self.started_at.plus(lifetimes.absolute).since(now);
        rest.min(lifetimes.idle + SPARE)
    }
}

/// A record with the stored bytes, which are needed to replace it.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The session's id.
    pub id: SessionId,
    /// The record.
    pub record: SessionRecord,
    pub(super) raw: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> SessionRecord {
        let at = Timestamp::from_unix(1_800_000_000);
        SessionRecord {
            user: UserId::generate(),
            provider: "entra".parse().expect("an id"),
            subject: SubjectKey { issuer: "https://issuer.example".to_owned(), subject: "oid".to_owned() },
            sid: Some("sid".to_owned()),
            started_at: at,
            issued_at: None,
            auth_time: AuthTime::at(at),
            last_seen_at: at,
            checked_at: at,
            unreachable_at: None,
            public_secret: Secret::generate().digest(),
            replaced_secret: Some((Secret::generate().digest(), at)),
            refresh_token: Some(Token::new("token".into())),
            nonce: "nonce".to_owned(),
            id_token: None,
            logout_hint: Some("hint".to_owned()),
            user_agent: None,
            address: Some(IpAddr::from([192, 0, 2, 1])),
        }
    }

    #[test]
    fn a_record_comes_back_and_what_a_newer_release_appends_is_left_alone() {
        let record = record();
        let mut bytes = record.to_bytes();
        bytes.extend_from_slice(b"written by the next release");
        let read = SessionRecord::from_bytes(&bytes).expect("a record");
        assert_eq!(format!("{read:?}"), format!("{record:?}"));
        assert_eq!(read.refresh_token, record.refresh_token);
    }

    #[test]
    fn a_token_like_entras_takes_three_bytes_for_four_characters() {
        let length = |token: String| {
            SessionRecord { refresh_token: Some(Token::new(token.into())), ..record() }.to_bytes().len()
        };
        let entras = format!("1.{}.{}xyz", "AXoA-_9z".repeat(10), "AgABAwEA".repeat(130));
        let (with, without) = (length(entras.clone()), length(String::new()));
        assert!(with - without <= entras.len() * 3 / 4 + 10, "{} of {}", with - without, entras.len());
    }

    #[test]
    fn a_time_that_an_older_release_wrote_may_be_iat_and_counts_as_unknown() {
        let record = record();
        let older = postcard::to_stdvec(&record).expect("a record");
        let read = SessionRecord::from_bytes(&older).expect("a record");
        assert_eq!(read.auth_time, AuthTime::UNKNOWN);
        let same = SessionRecord { auth_time: record.auth_time, ..read.clone() };
        assert_eq!(format!("{same:?}"), format!("{record:?}"), "all else is as it was");
        assert_eq!(
            read.times(record.auth_time, Recheck::Never).auth_time,
            AuthTime::UNKNOWN,
            "whatever a cookie of then says"
        );
        let again = SessionRecord::from_bytes(&read.to_bytes()).expect("a record");
        assert_eq!(again.auth_time, AuthTime::UNKNOWN, "also once this release has written it");
        assert!(record.to_bytes().starts_with(&older), "an older release reads what this one writes");
    }

    #[test]
    fn a_cookie_that_claims_a_later_time_than_the_record_does_not_count() {
        let record = record();
        let known = record.auth_time.known().expect("a time");
        let (earlier, later) = (
            AuthTime::at(known.minus(Duration::from_secs(1))),
            AuthTime::at(known.plus(Duration::from_secs(1))),
        );
        assert_eq!(record.times(later, Recheck::Never).auth_time, record.auth_time);
        assert_eq!(
            record.times(earlier, Recheck::Never).auth_time,
            earlier,
            "each host learns of a newer one with its next ticket"
        );
    }

    #[test]
    fn what_is_cut_or_no_record_is_none() {
        let bytes = postcard::to_stdvec(&record()).expect("a record");
        for end in 0..bytes.len() {
            assert!(SessionRecord::from_bytes(&bytes[..end]).is_none(), "{end}");
        }
        assert!(SessionRecord::from_bytes(&[0xFF; 300]).is_none());
    }
}
