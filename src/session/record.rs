//! The session record: who signed in, where and when, and what the provider gave to ask again with.
//!
//! JSON inside the seal: a release reads what the next one writes, fields it does not know are left alone only by not
//! rewriting the record, so fields are never removed without one release that ignores them.

use super::values::SessionId;
use crate::domain::clock::Timestamp;
use crate::domain::decision::{Lifetimes, SessionTimes};
use crate::domain::identity::SubjectKey;
use crate::domain::ids::{ProviderId, UserId};
use crate::domain::secret::{Hash, Secret};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::net::IpAddr;
use std::time::Duration;

/// The public value that a newer sign-in replaced dies after this time (DESIGN.md section 5).
pub const REPLACED_VALUE_LIFETIME: Duration = Duration::from_secs(30);

/// One session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionRecord {
    /// Whose.
    pub user: UserId,
    /// Who vouched.
    pub provider: ProviderId,
    /// The person in the provider's terms.
    pub subject: SubjectKey,
    /// The provider's own session, for single sign-out.
    pub sid: Option<String>,
    /// First sign-in, by the directory's clock: it is compared with what the directory says is over.
    pub begun_at: Timestamp,
    /// `iat` of the newest sign-in's ID token, by the provider's clock: it is compared with the provider's sign-outs.
    #[serde(default)]
    pub issued_at: Option<Timestamp>,
    /// Last proof of who it is.
    pub auth_time: Timestamp,
    /// Last use, exact to a minute.
    pub last_seen_at: Timestamp,
    /// Last word of the provider.
    pub checked_at: Timestamp,
    /// Last failed try to get one since.
    pub unreachable_at: Option<Timestamp>,
    /// Hash of the public secret that counts.
    pub public_secret: Hash,
    /// The one before, and when it was replaced.
    pub replaced_secret: Option<(Hash, Timestamp)>,
    /// What to ask the provider with; without one it is never asked again.
    pub refresh_token: Option<Token>,
    /// Of the sign-in: some providers repeat it in renewed tokens.
    pub nonce: String,
    /// Kept only for a provider that needs it at sign-out.
    pub id_token: Option<Token>,
    /// Entra's `login_hint` claim, its `logout_hint`.
    pub logout_hint: Option<String>,
    /// The browser's `User-Agent` at sign-in, for the account page.
    pub user_agent: Option<String>,
    /// The client's address at sign-in, for the account page.
    pub address: Option<IpAddr>,
}

/// A provider's token; `Debug` is silent, and it is written only inside the seal.
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
        serializer.serialize_str(self.0.expose_secret())
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|token| Self(token.into()))
    }
}

impl SessionRecord {
    /// The times that the decision needs; `auth_time` as a host's cookie states it.
    pub fn times(&self, auth_time: Timestamp) -> SessionTimes {
        SessionTimes {
            begun_at: self.begun_at,
            auth_time,
            last_seen_at: self.last_seen_at,
            checked_at: self.refresh_token.is_some().then_some(self.checked_at),
            unreachable_at: self.unreachable_at,
        }
    }

    /// Did this session come from an ID token issued up to this second of the provider's clock?
    pub fn is_from_before(&self, until: Timestamp) -> bool {
        self.issued_at.unwrap_or(self.begun_at) <= until
    }

    /// Does this public secret count now?
    pub fn accepts(&self, secret: &Secret, now: Timestamp) -> bool {
        let hash = secret.digest();
        let replaced =
            |(old, at): &(Hash, Timestamp)| *old == hash && now.since(*at) < REPLACED_VALUE_LIFETIME;
        self.public_secret == hash || self.replaced_secret.as_ref().is_some_and(replaced)
    }

    /// How long the store keeps the record: never beyond the absolute lifetime, nor long after idleness ended it.
    pub fn ttl(&self, now: Timestamp, lifetimes: &Lifetimes) -> Duration {
        let rest = self.begun_at.plus(lifetimes.absolute).since(now);
        rest.min(lifetimes.idle + Duration::from_mins(2))
    }
}

/// A record with what it needs to be replaced.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The session's id.
    pub id: SessionId,
    /// The record.
    pub record: SessionRecord,
    pub(super) raw: Vec<u8>,
}
